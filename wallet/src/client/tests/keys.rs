//! Two wallets with one key.

use super::{Mood, Wallet, World};
use crate::client::face::{Event, Refused};
use quittance_engine::types::{Digest, Sequence};

fn refused(world: &World, wallet: usize) -> Option<Refused> {
    let events = &world.wallets[wallet].events;
    events.iter().find_map(|event| match event {
        Event::Refused { refused, .. } => Some(*refused),
        _ => None,
    })
}

#[test]
fn of_two_wallets_with_one_key_at_most_one_settles_and_the_other_is_told_by_which_order() {
    let mut outcomes = [0; 3];
    for seed in 0..40 {
        let mut world = World::four(seed).with_wallets(&[0, 0, 1]);
        world.loss_percent = 5;
        let payee = world.wallets[2].address;
        for (wallet, amount) in [(0, 10), (1, 20)] {
            world.wallets[wallet].pay(1, Wallet::payment(payee, amount, Vec::new())).unwrap();
        }
        let digests: Vec<Digest> = (0..2).map(|wallet| world.wallets[wallet].own().pending().unwrap().digest).collect();
        world.run();
        let made = |wallet: usize| {
            let certificate = world.wallets[wallet].own().sent().get(&Sequence(0));
            certificate.is_some_and(|certificate| *certificate.digest() == digests[wallet])
        };
        match (made(0), made(1)) {
            (true, true) => panic!("seed {seed}: two certificates of one number"),
            (false, false) => {
                outcomes[0] += 1;
                for wallet in 0..2 {
                    let other = digests[1 - wallet];
                    assert_eq!(refused(&world, wallet), Some(Refused::Conflict { other }), "seed {seed}");
                    let pending = world.wallets[wallet].own().pending().unwrap();
                    assert_eq!(pending.blocked_by, Some(other), "it stays pending, and blocked");
                }
            }
            (is_first, _) => {
                let (winner, loser) = if is_first { (0, 1) } else { (1, 0) };
                assert!(world.wallets[winner].has_settled(0), "seed {seed}");
                // Told at once, or later, when it asks again.
                if let Some(Refused::Conflict { other }) = refused(&world, loser) {
                    outcomes[1] += 1;
                    assert_eq!(other, digests[winner]);
                    world.wallets[loser].events.clear();
                    let (now_ns, account) = (world.now_ns, world.wallets[loser].address);
                    world.wallets[loser].client.resume(now_ns, &account).unwrap();
                    world.run();
                } else {
                    outcomes[2] += 1;
                }
                assert_eq!(refused(&world, loser), Some(Refused::Overtaken { by: digests[winner] }), "seed {seed}");
                assert_eq!(world.wallets[loser].own().pending(), None, "the account is free again");
                assert_eq!(world.wallets[loser].own().next_sequence(), Sequence(1));
                world.settle(loser, 2, 1);
                assert!(world.wallets[loser].has_settled(1), "seed {seed}");
            }
        }
        world.assert_sound();
    }
    assert!(outcomes[0] > 0 && outcomes[1] + outcomes[2] > 0, "both ways were seen: {outcomes:?}");
}

#[test]
fn a_wallet_that_slept_while_another_paid_is_overtaken_and_goes_on_behind() {
    let mut world = World::four(11).with_wallets(&[0, 0, 1]);
    world.settle(0, 2, 10);
    let by = *world.wallets[0].certificate(0).digest();
    world.settle(1, 2, 20);
    assert_eq!(refused(&world, 1), Some(Refused::Overtaken { by }));
    world.settle(1, 2, 20);
    assert!(world.wallets[1].has_settled(1));
    world.assert_sound();
}

#[test]
fn who_is_overtaken_takes_over_all_that_the_other_paid_whatever_one_authority_says() {
    for odd in 0..4 {
        for mood in [Mood::Honest, Mood::Deaf, Mood::Lying] {
            let mut world = World::four(23).with_wallets(&[0, 0, 1]);
            for amount in 1..=40 {
                world.settle(0, 2, amount);
            }
            world.set_mood(odd, mood);
            world.settle(1, 2, 900);
            let by = *world.wallets[0].certificate(0).digest();
            assert_eq!(refused(&world, 1), Some(Refused::Overtaken { by }), "{odd} is {mood:?}");
            let own = world.wallets[1].own();
            assert_eq!((own.sent().len(), own.next_sequence().0, own.pending()), (40, 40, None), "{odd} is {mood:?}");
            world.settle(1, 2, 1);
            assert!(world.wallets[1].has_settled(40), "{odd} is {mood:?}");
            world.assert_sound();
        }
    }
}

#[test]
fn an_order_whose_number_a_rebuild_finds_used_is_told_to_be_overtaken() {
    let mut world = World::four(24).with_wallets(&[0, 0, 1]);
    world.settle(0, 2, 10);
    let by = *world.wallets[0].certificate(0).digest();
    // One knows nothing, and votes; the order's own question about its number is not what finds the other.
    world.empty(1);
    let payment = Wallet::payment(world.wallets[2].address, 20, Vec::new());
    let now_ns = world.now_ns;
    world.wallets[1].pay(now_ns, payment).unwrap();
    let account = world.wallets[1].address;
    world.wallets[1].client.rebuild(now_ns, &account).unwrap();
    world.run();
    assert_eq!(refused(&world, 1), Some(Refused::Overtaken { by }));
    assert_eq!(world.wallets[1].own().next_sequence(), Sequence(1));
    world.settle(1, 2, 1);
    assert!(world.wallets[1].has_settled(1));
    world.assert_sound();
}

#[test]
fn a_wallet_whose_very_order_was_certified_elsewhere_goes_on_with_that_certificate() {
    let mut world = World::four(12).with_wallets(&[0, 1]);
    let batch_count = {
        let payment = Wallet::payment(world.wallets[1].address, 10, Vec::new());
        world.wallets[0].pay(1, payment).unwrap();
        world.post();
        world.wallets[0].batches.len()
    };
    world.run();
    // Back to when the order was all there was: the authorities are beyond it.
    world.wallets[0].crash(batch_count);
    let (now_ns, payer) = (world.now_ns, world.wallets[0].address);
    world.wallets[0].client.resume(now_ns, &payer).unwrap();
    world.run();
    assert!(world.wallets[0].has_settled(0));
    assert_eq!(refused(&world, 0), None);
    world.assert_sound();
}

#[test]
fn what_a_wallet_fetches_of_the_others_payments_is_in_its_book_before_it_is_carried() {
    let mut world = World::four(13).with_wallets(&[0, 0, 1]);
    world.settle(1, 2, 10);
    // The other one's payment to the account that both have: this wallet gets to know it as a payment received.
    world.settle(1, 0, 5);
    world.empty(1);
    let received = world.wallets[1].certificate(1);
    let now_ns = world.now_ns;
    world.wallets[0].receive_certificate(now_ns, received);
    world.run();
    let own = world.wallets[0].own();
    assert!(own.sent().contains_key(&Sequence(0)), "the one before it was fetched for who lacked it");
    assert!(own.sent().contains_key(&Sequence(1)) && own.received().len() == 1);
    assert_eq!(own.next_sequence(), Sequence(2));
    world.agreed(&[0, 1, 2, 3], &world.wallets[0].address);
    world.settle(0, 2, 1);
    assert!(world.wallets[0].has_settled(2));
    world.assert_sound();
}
