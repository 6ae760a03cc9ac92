//! Books from keys alone.

use super::{Mood, World};
use crate::book::Account;
use crate::client::face::{Event, Rebuilt, Refused};
use quittance_engine::types::{Address, Digest};

/// Sender, number, name.
type Received = Vec<(Address, u64, Digest)>;

/// What is certified in a book, whatever votes prove it.
fn certified(own: &Account) -> (u64, Vec<(u64, Digest)>, Received) {
    let sent = own.sent().iter().map(|(sequence, certificate)| (sequence.0, *certificate.digest())).collect();
    let received = own.received().iter();
    let received = received.map(|((sender, sequence), received)| (*sender, sequence.0, *received.certificate.digest()));
    (own.next_sequence().0, sent, received.collect())
}

/// Three wallets pay one another for a while; the payees keep what they are told of.
fn traffic(world: &mut World, count: u64) {
    for number in 0..count {
        let (payer, payee) = [(0, 1), (1, 2), (2, 0), (0, 2)][usize::try_from(number % 4).unwrap()];
        world.settle(payer, payee, 1 + number % 5);
        let sequence = world.wallets[payer].own().next_sequence().0 - 1;
        let certificate = world.wallets[payer].certificate(sequence);
        world.wallets[payee].receive_certificate(world.now_ns, certificate);
        world.run();
    }
}

fn rebuild(world: &mut World, number: u32) -> (usize, Rebuilt) {
    let wallet = world.add_wallet(number);
    let (now_ns, account) = (world.now_ns, world.wallets[wallet].address);
    world.wallets[wallet].client.rebuild(now_ns, &account).unwrap();
    world.run();
    let rebuilt = world.wallets[wallet].events.iter().find_map(|event| match event {
        Event::Rebuilt { rebuilt, .. } => Some(rebuilt.clone()),
        _ => None,
    });
    (wallet, rebuilt.expect("a rebuild ends"))
}

#[test]
fn a_book_rebuilt_from_its_key_alone_equals_the_lost_one() {
    let mut world = World::four(18).with_wallets(&[0, 1, 2]);
    traffic(&mut world, 60);
    for number in 0..3 {
        let (wallet, rebuilt) = rebuild(&mut world, number);
        let lost = &world.wallets[usize::try_from(number).unwrap()];
        assert_eq!(certified(world.wallets[wallet].own()), certified(lost.own()));
        assert_eq!((rebuilt.missing.len(), rebuilt.pending, rebuilt.is_complete), (0, None, true));
        assert_eq!(rebuilt.sent_count, lost.own().sent().len());
        assert_eq!(rebuilt.received_count, lost.own().received().len());
        assert!(world.wallets[wallet].has_settled(rebuilt.sent_count as u64 - 1));
        assert!(world.wallets[wallet].own().received().values().all(|received| received.is_settled));
    }
    // The last one pays on where the lost one stopped.
    let next = world.wallets[5].own().next_sequence().0;
    world.settle(5, 1, 1);
    assert!(world.wallets[5].has_settled(next));
    world.assert_sound();
}

#[test]
fn one_authority_that_lies_is_deaf_or_lost_its_votes_spoils_no_rebuild() {
    for seed in 0..12 {
        let odd = u8::try_from(seed % 4).unwrap();
        let mut world = World::four(seed).with_wallets(&[0, 1, 2]);
        traffic(&mut world, 12);
        match seed % 3 {
            0 => world.set_mood(odd, Mood::Lying),
            1 => world.set_mood(odd, Mood::Deaf),
            _ => world.authorities[usize::from(odd)].forget_votes(),
        }
        let (wallet, rebuilt) = rebuild(&mut world, 0);
        assert_eq!(certified(world.wallets[wallet].own()), certified(world.wallets[0].own()), "seed {seed}");
        assert_eq!(rebuilt.missing, [], "seed {seed}");
        world.assert_sound();
    }
}

#[test]
fn a_certificate_that_one_authority_alone_applied_is_found_too() {
    let mut world = World::four(19).with_wallets(&[0, 1]);
    world.settle(0, 1, 5);
    let payment = super::Wallet::payment(world.wallets[1].address, 7, Vec::new());
    world.wallets[0].pay(world.now_ns, payment).unwrap();
    // Until there is a certificate; then only authority 2 hears.
    while world.wallets[0].own().pending_certificate().is_none() {
        world.post();
        assert!(world.turn());
    }
    [0, 1, 3].into_iter().for_each(|authority| world.set_mood(authority, Mood::Deaf));
    world.run();
    [0, 1, 3].into_iter().for_each(|authority| world.set_mood(authority, Mood::Honest));
    assert_eq!(
        (0..4).map(|authority| world.state(authority, &world.wallets[0].address).unwrap().next_sequence).sum::<u64>(),
        5
    );
    // What is received is called final only if a quorum lists it.
    let (payee, rebuilt) = rebuild(&mut world, 1);
    assert_eq!(rebuilt.received_count, 2);
    let settled = world.wallets[payee].own().received().iter();
    let settled: Vec<(u64, bool)> = settled.map(|((_, number), received)| (number.0, received.is_settled)).collect();
    assert_eq!(settled, [(0, true), (1, false)]);
    let (wallet, rebuilt) = rebuild(&mut world, 0);
    assert_eq!(rebuilt.sent_count, 2);
    assert_eq!(world.wallets[wallet].own().next_sequence().0, 2);
    assert!(world.wallets[wallet].has_settled(0) && !world.wallets[wallet].has_settled(1));
    world.assert_sound();
}

#[test]
fn six_hundred_payments_are_rebuilt_and_taken_over_from_histories_that_need_many_pages() {
    const COUNT: u64 = 600;
    // The third was away while they were made.
    let mut world = World::four(22).with_wallets(&[0, 1, 0]);
    for _ in 0..COUNT {
        world.settle(0, 1, 1);
    }
    for (number, sent_count, received_count) in [(0, 600, 0), (1, 0, 600)] {
        let (wallet, rebuilt) = rebuild(&mut world, number);
        assert_eq!((rebuilt.sent_count, rebuilt.received_count), (sent_count, received_count));
        assert_eq!((rebuilt.missing.len(), rebuilt.is_complete), (0, true));
        assert!(world.wallets[wallet].own().received().values().all(|received| received.is_settled));
    }
    // No position is known to this one: authorities walk back from the newest payment, and say where to go on.
    world.settle(2, 1, 2);
    let by = *world.wallets[0].certificate(0).digest();
    assert!(world.has(
        2,
        |event| matches!(event, Event::Refused { refused: Refused::Overtaken { by: other }, .. } if *other == by)
    ));
    assert_eq!(certified(world.wallets[2].own()), certified(world.wallets[0].own()));
    world.settle(2, 1, 1);
    assert!(world.wallets[2].has_settled(COUNT));
    world.assert_sound();
}

#[test]
fn an_account_that_nobody_knows_is_rebuilt_as_an_empty_one() {
    let mut world = World::four(20);
    let (wallet, rebuilt) = rebuild(&mut world, 500);
    assert_eq!((rebuilt.sent_count, rebuilt.received_count, rebuilt.is_complete), (0, 0, true));
    assert_eq!(world.wallets[wallet].own().next_sequence().0, 0);
}

#[test]
fn payments_whose_votes_all_authorities_lost_are_told_and_the_account_pays_on_behind_them() {
    let mut world = World::four(21).with_wallets(&[0, 1, 2]);
    traffic(&mut world, 12);
    world.authorities.iter_mut().for_each(|authority| authority.forget_votes());
    let (wallet, rebuilt) = rebuild(&mut world, 0);
    let lost = world.wallets[0].own();
    assert_eq!(rebuilt.missing, lost.sent().keys().copied().collect::<Vec<_>>());
    assert_eq!(rebuilt.missing_received, lost.received().keys().copied().collect::<Vec<_>>());
    assert!(rebuilt.is_complete && !rebuilt.missing.is_empty() && !rebuilt.missing_received.is_empty());
    // Their numbers are used all the same.
    let next = lost.next_sequence().0;
    assert_eq!(world.wallets[wallet].own().next_sequence().0, next);
    world.settle(wallet, 1, 1);
    assert!(world.wallets[wallet].has_settled(next));
    world.assert_sound();
}

#[test]
fn a_payment_to_oneself_is_received_by_the_proof_that_it_was_made() {
    let mut world = World::four(22).with_wallets(&[0]);
    world.settle(0, 0, 3);
    world.authorities.iter_mut().for_each(|authority| authority.forget_votes());
    let (now_ns, account) = (world.now_ns, world.wallets[0].address);
    world.wallets[0].client.rebuild(now_ns, &account).unwrap();
    world.run();
    let own = world.wallets[0].own();
    assert_eq!(own.received().keys().map(|(sender, number)| (*sender, number.0)).collect::<Vec<_>>(), [(account, 0)]);
    world.assert_sound();
}
