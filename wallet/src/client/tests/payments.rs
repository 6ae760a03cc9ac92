//! Payments, with authorities of every temper.

use super::{FUNDS, Mood, Wallet, World};
use crate::client::PayError;
use crate::client::face::{Event, Standing};

#[test]
fn a_payment_settles_with_all_honest_and_all_hold_the_same() {
    let mut world = World::four(1).with_wallets(&[0, 1]);
    world.settle(0, 1, 10);
    world.settle(0, 1, 20);
    let (payer, payee) = (world.wallets[0].address, world.wallets[1].address);
    let state = world.agreed(&[0, 1, 2, 3], &payer).unwrap();
    assert_eq!((state.balance, state.next_sequence, state.pending), (i128::from(FUNDS) - 30, 2, [0; 32]));
    assert_eq!(world.agreed(&[0, 1, 2, 3], &payee).unwrap().balance, i128::from(FUNDS) + 30);
    assert!(world.wallets[0].has_settled(0) && world.wallets[0].has_settled(1));
    assert_eq!(world.wallets[0].own().pending(), None);
    // Order and certificate to each of four, twice: nothing more is needed.
    assert_eq!(world.sent_count, 16);
    world.assert_sound();
}

#[test]
fn one_silent_authority_of_four_stops_nobody_whichever_it_is() {
    for silent in 0..4 {
        for mood in [Mood::Silent, Mood::Deaf] {
            let mut world = World::four(2).with_wallets(&[0, 1]);
            world.set_mood(silent, mood);
            let operation = world.settle(0, 1, 10);
            assert!(world.wallets[0].has_settled(0));
            assert!(!world.has(0, |event| matches!(event, Event::Waiting { .. })));
            assert!(world.has(0, |event| *event == Event::Ended { operation }));
            world.assert_sound();
        }
    }
}

#[test]
fn one_empty_authority_is_caught_up_and_holds_what_the_others_hold() {
    for empty in 0..4 {
        let mut world = World::four(3).with_wallets(&[0, 1]);
        for amount in 1..=20 {
            world.settle(0, 1, amount);
        }
        world.empty(empty);
        world.settle(0, 1, 21);
        for wallet in 0..2 {
            world.agreed(&[0, 1, 2, 3], &world.wallets[wallet].address).unwrap();
        }
        assert!(world.has(0, |event| matches!(event, Event::Lagging { authority, .. } if *authority == empty)));
        assert!(world.has(0, |event| matches!(event, Event::CaughtUp { authority, .. } if *authority == empty)));
        world.assert_sound();
    }
}

#[test]
fn one_lying_authority_of_four_is_never_believed_whichever_it_is() {
    for seed in 0..40 {
        let liar = u8::try_from(seed % 4).unwrap();
        let mut world = World::four(seed).with_wallets(&[0, 1]);
        world.set_mood(liar, Mood::Lying);
        for amount in 1..=5 {
            world.settle(0, 1, amount);
        }
        let honest: Vec<u8> = (0..4).filter(|authority| *authority != liar).collect();
        let state = world.agreed(&honest, &world.wallets[0].address).unwrap();
        assert_eq!((state.balance, state.next_sequence), (i128::from(FUNDS) - 15, 5), "seed {seed}");
        assert!(world.wallets[0].has_settled(4), "seed {seed}");
        world.assert_sound();
    }
}

#[test]
fn one_that_says_that_it_lacks_what_it_was_given_is_not_waited_for_as_one_that_catches_up() {
    let mut world = World::four(4).with_wallets(&[0, 1]);
    (1..=12).for_each(|amount| _ = world.settle(0, 1, amount));
    world.set_mood(1, Mood::Denying);
    let payment = Wallet::payment(world.wallets[1].address, 13, Vec::new());
    let operation = world.wallets[0].pay(world.now_ns, payment).unwrap();
    let lags = |world: &World| world.wallets[0].client.standings(operation)[1] == Standing::Lagging;
    world.run_until(lags);
    // A round trip later it has denied the first payment itself.
    let since_ns = world.now_ns;
    world.run_until(|world| world.now_ns > since_ns + 2_000_000);
    assert!(world.wallets[0].has_settled(12) && !lags(&world));
    assert!(world.has(0, |event| matches!(event, Event::Faulty { authority: 1, .. })));
    world.run();
    world.assert_sound();
}

#[test]
fn a_liar_is_named_to_the_user() {
    let mut world = World::four(5).with_wallets(&[0, 1]);
    world.set_mood(2, Mood::Lying);
    for amount in 1..=20 {
        world.settle(0, 1, amount);
    }
    let faulty = |event: &Event| matches!(event, Event::Faulty { .. });
    assert!(world.has(0, faulty));
    assert!(!world.has(0, |event| matches!(event, Event::Faulty { authority, .. } if *authority != 2)));
}

#[test]
fn weights_decide_and_not_heads() {
    // A total of 13, a quorum of 9: the first two and any other, or no quorum without the first.
    let weights = [5, 3, 2, 2, 1];
    let mut world = World::new(&weights, 6).with_wallets(&[0, 1]);
    for silent in [3, 4] {
        world.set_mood(silent, Mood::Deaf);
    }
    world.settle(0, 1, 10);
    assert!(world.wallets[0].has_settled(0), "10 of 13");
    world.set_mood(0, Mood::Deaf);
    world.set_mood(3, Mood::Honest);
    world.set_mood(4, Mood::Honest);
    world.settle(0, 1, 10);
    assert!(!world.wallets[0].has_settled(1), "8 of 13");
    assert!(world.wallets[0].own().pending_certificate().is_none());
    world.assert_sound();
}

#[test]
fn too_few_answers_end_in_a_list_of_who_is_waited_for_and_the_order_is_kept() {
    let mut world = World::four(7).with_wallets(&[0, 1]);
    world.set_mood(1, Mood::Deaf);
    world.set_mood(3, Mood::Silent);
    let operation = world.settle(0, 1, 10);
    let standings = vec![Standing::Answered, Standing::Silent, Standing::Answered, Standing::Silent];
    assert!(world.has(0, |event| *event == Event::Waiting { operation, standings: standings.clone() }));
    let pending = world.wallets[0].own().pending().unwrap().digest;
    let now_ns = world.now_ns;
    let another = Wallet::payment(world.wallets[1].address, 1, Vec::new());
    let refused = world.wallets[0].pay(now_ns, another).unwrap_err();
    assert!(matches!(refused, PayError::Pending { digest, .. } if digest == pending));
    world.set_mood(1, Mood::Honest);
    let account = world.wallets[0].address;
    world.wallets[0].client.resume(now_ns, &account).unwrap();
    world.run();
    assert!(world.wallets[0].has_settled(0));
    assert_eq!(world.agreed(&[0, 1, 2], &account).unwrap().next_sequence, 1);
    world.assert_sound();
}

#[test]
fn what_would_be_refused_everywhere_is_not_signed() {
    let mut world = World::four(8).with_wallets(&[0, 1]);
    let (now_ns, payee) = (world.now_ns, world.wallets[1].address);
    let wallet = &mut world.wallets[0];
    assert_eq!(wallet.pay(now_ns, Wallet::payment(payee, 0, Vec::new())), Err(PayError::ZeroAmount));
    assert_eq!(wallet.pay(now_ns, Wallet::payment(payee, 1 << 63, Vec::new())), Err(PayError::AmountTooLarge));
    let mut odd = Wallet::payment(payee, 1, Vec::new());
    odd.recipient_kind = 2;
    assert_eq!(wallet.pay(now_ns, odd), Err(PayError::RecipientKind(2)));
    assert_eq!(wallet.own().pending(), None);
}
