//! Committees of other sizes and weights than four equals.

use super::{FUNDS, Mood, World};
use crate::client::face::{Event, Standing};
use quittance_net::frame::FRAME_BYTES_MAX;

#[test]
fn committees_of_one_to_twenty_five_settle_with_no_more_votes_than_it_takes() {
    for count in [1_u8, 2, 3, 4, 7, 16, 25] {
        let mut world = World::new(&vec![1; usize::from(count)], 40).with_wallets(&[0, 1]);
        world.settle(0, 1, 10);
        world.settle(1, 0, 3);
        let everyone: Vec<u8> = (0..count).collect();
        for (wallet, balance) in [(0, FUNDS - 7), (1, FUNDS + 7)] {
            let address = world.wallets[wallet].address;
            let state = world.agreed(&everyone, &address).unwrap();
            assert_eq!((state.balance, state.next_sequence), (i128::from(balance), 1), "{count} authorities");
            assert!(world.wallets[wallet].has_settled(0), "{count} authorities");
        }
        let certificate = world.wallets[0].certificate(0);
        let (votes, bytes) = (certificate.votes().count(), certificate.byte_count());
        assert_eq!(votes as u64, world.terms.quorum(), "{count} authorities");
        assert!(bytes <= FRAME_BYTES_MAX, "{count} authorities: {bytes} bytes");
        if count == 25 {
            assert_eq!((votes, bytes), (17, 1_384), "one vote more would fit");
        }
        world.assert_sound();
    }
}

#[test]
fn eight_of_twenty_five_may_be_silent_or_lie_and_a_ninth_is_waited_for() {
    for mood in [Mood::Silent, Mood::Lying] {
        let mut world = World::new(&[1; 25], 41).with_wallets(&[0, 1]);
        (0..8).for_each(|number| world.set_mood(3 * number, mood));
        world.settle(0, 1, 10);
        assert!(world.wallets[0].has_settled(0), "{mood:?}");
        let honest: Vec<u8> = (0..25).filter(|authority| authority % 3 != 0 || *authority == 24).collect();
        let address = world.wallets[0].address;
        assert_eq!(world.agreed(&honest, &address).unwrap().next_sequence, 1);
        world.assert_sound();
    }
    let mut world = World::new(&[1; 25], 42).with_wallets(&[0, 1]);
    (0..9).for_each(|authority| world.set_mood(authority, Mood::Deaf));
    let operation = world.settle(0, 1, 10);
    let standings = [[Standing::Silent; 9].as_slice(), &[Standing::Answered; 16]].concat();
    assert!(world.has(0, |event| *event == Event::Waiting { operation, standings: standings.clone() }));
    world.set_mood(8, Mood::Honest);
    let (now_ns, account) = (world.now_ns, world.wallets[0].address);
    world.wallets[0].client.resume(now_ns, &account).unwrap();
    world.run();
    assert!(world.wallets[0].has_settled(0));
    world.assert_sound();
}

#[test]
fn an_empty_one_of_twenty_five_is_caught_up() {
    let mut world = World::new(&[1; 25], 43).with_wallets(&[0, 1]);
    (1..=10).for_each(|amount| _ = world.settle(0, 1, amount));
    world.empty(24);
    world.settle(0, 1, 11);
    for wallet in 0..2 {
        let everyone: Vec<u8> = (0..25).collect();
        let address = world.wallets[wallet].address;
        world.agreed(&everyone, &address).unwrap();
    }
    world.assert_sound();
}

#[test]
fn the_only_authority_of_a_committee_is_waited_for_and_then_settles() {
    let mut world = World::new(&[1], 44).with_wallets(&[0, 1]);
    world.set_mood(0, Mood::Deaf);
    let operation = world.settle(0, 1, 10);
    assert!(world.has(0, |event| *event == Event::Waiting { operation, standings: vec![Standing::Silent] }));
    world.set_mood(0, Mood::Honest);
    let (now_ns, account) = (world.now_ns, world.wallets[0].address);
    world.wallets[0].client.resume(now_ns, &account).unwrap();
    world.run();
    assert!(world.wallets[0].has_settled(0));
    world.assert_sound();
}

#[test]
fn one_that_weighs_a_quorum_settles_alone_and_nothing_settles_without_it() {
    // A total of 10, a quorum of 7.
    let mut world = World::new(&[7, 1, 1, 1], 45).with_wallets(&[0, 1]);
    (1..4).for_each(|authority| world.set_mood(authority, Mood::Deaf));
    world.settle(0, 1, 10);
    assert!(world.wallets[0].has_settled(0));
    assert_eq!(world.wallets[0].certificate(0).votes().count(), 1);
    world.set_mood(0, Mood::Deaf);
    (1..4).for_each(|authority| world.set_mood(authority, Mood::Honest));
    world.settle(0, 1, 10);
    assert!(!world.wallets[0].has_settled(1) && world.wallets[0].own().pending_certificate().is_none());
    world.assert_sound();
}
