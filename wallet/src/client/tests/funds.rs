//! Money that is not there, or not everywhere.

use super::{FUNDS, Mood, Wallet, World};
use crate::client::face::{Event, Refused};
use crate::client::tests::wallet::PATIENCE;
use quittance_engine::reject::Reject;

#[test]
fn an_order_of_more_than_there_is_stops_early_and_stays_pending() {
    let mut world = World::four(13).with_wallets(&[0, 1]);
    world.set_mood(3, Mood::Deaf);
    world.settle(0, 1, FUNDS + 1);
    let refused = world.wallets[0].events.iter().find_map(|event| match event {
        Event::Refused { refused: Refused::Code { refusal, weight }, .. } => {
            Some((refusal.code, refusal.detail, *weight))
        }
        _ => None,
    });
    assert_eq!(refused, Some((Reject::InsufficientFunds, FUNDS, 2)), "two of four leave no quorum");
    assert!(world.now_ns < PATIENCE.give_up_ns, "it did not wait for the silent one");
    assert!(world.wallets[0].own().pending().is_some());
    // The money comes, and the order goes through.
    world.settle(1, 0, 1);
    let (now_ns, payer) = (world.now_ns, world.wallets[0].address);
    world.wallets[0].client.resume(now_ns, &payer).unwrap();
    world.run();
    assert!(world.wallets[0].has_settled(0));
    assert_eq!(world.agreed(&[0, 1, 2], &payer).unwrap().balance, 0);
    world.assert_sound();
}

#[test]
fn a_received_certificate_funds_a_spend_at_authorities_that_had_not_seen_it() {
    for deaf in 0..4 {
        let mut world = World::four(14).with_wallets(&[0, 1, 2]);
        world.set_mood(deaf, Mood::Deaf);
        world.settle(0, 1, FUNDS);
        let certificate = world.wallets[0].certificate(0);
        world.set_mood(deaf, Mood::Honest);
        world.set_mood((deaf + 1) % 4, Mood::Deaf);
        // The one that missed the payment is needed for the quorum.
        let payment = Wallet::payment(world.wallets[2].address, 2 * FUNDS, vec![certificate]);
        world.wallets[1].pay(world.now_ns, payment).unwrap();
        world.run();
        assert!(world.wallets[1].has_settled(0));
        assert_eq!(world.state(deaf, &world.wallets[2].address).unwrap().balance, 3 * i128::from(FUNDS));
        assert_eq!(world.wallets[1].own().received().len(), 1, "the funding is kept");
        world.assert_sound();
    }
}

#[test]
fn money_that_the_wallet_was_not_told_of_is_found_in_the_others_histories() {
    for deaf in 0..4 {
        let mut world = World::four(15).with_wallets(&[0, 1, 2]);
        // Payments before the last one make a gap where it was not heard.
        world.set_mood(deaf, Mood::Deaf);
        for _ in 0..10 {
            world.settle(0, 1, FUNDS / 10);
        }
        world.set_mood(deaf, Mood::Honest);
        world.set_mood((deaf + 1) % 4, Mood::Deaf);
        world.settle(1, 2, 2 * FUNDS);
        assert!(world.wallets[1].has_settled(0), "without {deaf}");
        assert_eq!(world.state(deaf, &world.wallets[0].address).unwrap().balance, 0);
        assert_eq!(world.state(deaf, &world.wallets[2].address).unwrap().balance, 3 * i128::from(FUNDS));
        world.assert_sound();
    }
}

#[test]
fn a_certificate_received_is_carried_to_all_with_those_before_it() {
    let mut world = World::four(16).with_wallets(&[0, 1]);
    world.set_mood(2, Mood::Deaf);
    for amount in 1..=12 {
        world.settle(0, 1, amount);
    }
    world.set_mood(2, Mood::Honest);
    let certificate = world.wallets[0].certificate(11);
    let key = (certificate.body().sender, certificate.sequence());
    let operation = world.wallets[1].receive_certificate(world.now_ns, certificate);
    world.run();
    assert!(world.has(1, |event| *event == Event::Ended { operation }));
    assert!(world.wallets[1].own().received()[&key].is_settled);
    for wallet in 0..2 {
        world.agreed(&[0, 1, 2, 3], &world.wallets[wallet].address).unwrap();
    }
    world.assert_sound();
}

#[test]
fn a_payment_to_a_new_account_can_be_spent_on_at_once() {
    let mut world = World::four(17).with_wallets(&[0, 100, 101]);
    world.settle(0, 1, 15);
    let certificate = world.wallets[0].certificate(0);
    let payment = Wallet::payment(world.wallets[2].address, 10, vec![certificate]);
    world.wallets[1].pay(world.now_ns, payment).unwrap();
    world.run();
    let balances: Vec<i128> =
        (0..3).map(|wallet| world.agreed(&[0, 1, 2, 3], &world.wallets[wallet].address).unwrap().balance).collect();
    assert_eq!(balances, [i128::from(FUNDS) - 15, 5, 10]);
    world.assert_sound();
}

#[test]
fn money_that_no_authority_has_seen_is_spent_in_two_round_trips_and_nothing_is_sent_twice() {
    let mut world = World::four(21).with_wallets(&[0, 100, 101]);
    let payment = Wallet::payment(world.wallets[1].address, 15, Vec::new());
    world.wallets[0].pay(world.now_ns, payment).unwrap();
    while world.wallets[0].own().pending_certificate().is_none() {
        world.post();
        assert!(world.turn());
    }
    // The payer hands the certificate to the payee, and is gone.
    let certificate = world.wallets[0].certificate(0);
    world.wallets[0].crash(0);
    let (before_ns, before_count) = (world.now_ns, world.sent_count);
    let payment = Wallet::payment(world.wallets[2].address, 10, vec![certificate]);
    world.wallets[1].pay(world.now_ns, payment).unwrap();
    world.run();
    assert!(world.wallets[1].has_settled(0));
    assert_eq!(world.sent_count - before_count, 12, "certificate, order and certificate to each of four");
    assert_eq!(world.now_ns - before_ns, 4_000_000, "a millisecond each way");
    world.assert_sound();
}

#[test]
fn an_inquiry_tells_what_a_quorum_agrees_on_whatever_one_liar_says() {
    for seed in 0..20 {
        let mut world = World::four(seed).with_wallets(&[0, 1]);
        world.settle(0, 1, 10);
        world.set_mood(u8::try_from(seed % 4).unwrap(), Mood::Lying);
        let (now_ns, account) = (world.now_ns, world.wallets[0].address);
        world.wallets[0].client.inquire(now_ns, &account).unwrap();
        world.run();
        let inquiry = world.wallets[0].events.iter().find_map(|event| match event {
            Event::Inquired { inquiry, .. } => Some(inquiry.clone()),
            _ => None,
        });
        let inquiry = inquiry.expect("an inquiry ends");
        let agreed = inquiry.agreed.map(|(balance, next)| (balance.0, next.0));
        assert_eq!(agreed, Some((i128::from(FUNDS) - 10, 1)), "seed {seed}");
        assert_eq!(inquiry.spendable.0, FUNDS - 10, "seed {seed}");
        assert_eq!(world.wallets[0].own().balance().unwrap().balance.0, i128::from(FUNDS) - 10);
    }
}
