//! Payments that are spent on before any authority was given their certificates: whoever is paid carries them.

use super::{FUNDS, Mood, Wallet, World};
use crate::certificate::Certificate;
use crate::client::PayError;
use crate::client::face::Event;

/// Accounts with numbers from here on do not exist at the start.
const FIRST_NEW: u32 = 100;
const MILLISECOND_NS: u64 = 1_000_000;

/// A funded account and so many new ones, each with a wallet.
fn world(seed: u64, hop_count: u32) -> World {
    let new: Vec<u32> = (FIRST_NEW..FIRST_NEW + hop_count).collect();
    World::four(seed).with_wallets(&[&[0], &new[..]].concat())
}

/// Wallet `payer` pays the next one with what was just received, and stops at the certificate.
fn hop(world: &mut World, payer: usize, amount: u64, received: Option<Certificate>) -> Certificate {
    let payee = world.wallets[payer + 1].address;
    let payment = Wallet::payment(payee, amount, received.into_iter().collect());
    let operation = world.wallets[payer].certify(world.now_ns, payment).unwrap();
    world.run_until(|world| world.has(payer, |event| *event == Event::Ended { operation }));
    assert!(world.has(payer, |event| matches!(event, Event::Certified { .. })), "{payer}");
    world.wallets[payer].certificate(0)
}

/// The last one brings the last certificate to the authorities; then everyone has a unit, and the last one the rest.
fn assert_exact(world: &mut World, last: Certificate, authorities: &[u8]) {
    let payee = world.wallets.len() - 1;
    world.wallets[payee].receive_certificate(world.now_ns, last);
    world.run();
    let balance = |world: &World, wallet: usize| {
        let address = world.wallets[wallet].address;
        world.agreed(authorities, &address).unwrap().balance
    };
    assert!((0..payee).all(|wallet| balance(world, wallet) == 1), "each keeps a unit");
    assert_eq!(balance(world, payee), i128::from(FUNDS) - payee as i128);
    assert!(world.wallets[payee].own().received().values().all(|received| received.is_settled));
    world.assert_sound();
}

#[test]
fn a_chain_of_a_hundred_hops_takes_one_round_trip_each_and_ends_exact() {
    let mut world = world(50, 100);
    let mut received = None;
    for payer in 0..100 {
        let (began_ns, before_count) = (world.now_ns, world.sent_count);
        let is_funded = received.is_some();
        received = Some(hop(&mut world, payer, FUNDS - 1 - payer as u64, received));
        assert_eq!(world.now_ns - began_ns, 2 * MILLISECOND_NS, "hop {payer}: there and back");
        let sent_count = if is_funded { 8 } else { 4 };
        assert_eq!(
            world.sent_count - before_count,
            sent_count,
            "hop {payer}: order and funding, to each of four, once"
        );
        world.run();
    }
    assert_exact(&mut world, received.unwrap(), &[0, 1, 2, 3]);
}

#[test]
fn a_chain_over_a_bad_network_with_one_silent_authority_ends_exact() {
    for seed in 0..8 {
        let mut world = world(seed, 12);
        let silent = u8::try_from(seed % 4).unwrap();
        world.loss_percent = 10;
        world.set_mood(silent, Mood::Deaf);
        let mut received = None;
        for payer in 0..12 {
            received = Some(hop(&mut world, payer, FUNDS - 1 - payer as u64, received));
        }
        let others: Vec<u8> = (0..4).filter(|authority| *authority != silent).collect();
        assert_exact(&mut world, received.unwrap(), &others);
    }
}

#[test]
fn a_certified_payment_that_nobody_carried_blocks_its_account_until_it_is_resumed() {
    let mut world = world(51, 1);
    let certificate = hop(&mut world, 0, 10, None);
    world.run();
    let (payer, payee) = (world.wallets[0].address, world.wallets[1].address);
    assert_eq!(world.agreed(&[0, 1, 2, 3], &payer).unwrap().next_sequence, 0, "nobody was given the certificate");
    let now_ns = world.now_ns;
    let another = world.wallets[0].pay(now_ns, Wallet::payment(payee, 1, Vec::new()));
    assert!(matches!(another, Err(PayError::Pending { digest, .. }) if digest == *certificate.digest()));
    // Also after a crash: the certificate was on the disk before it was told.
    let batch_count = world.wallets[0].batches.len();
    world.wallets[0].crash(batch_count);
    world.wallets[0].client.resume(now_ns, &payer).unwrap();
    world.run();
    assert!(world.wallets[0].has_settled(0));
    world.settle(0, 1, 1);
    assert_eq!(world.agreed(&[0, 1, 2, 3], &payee).unwrap().balance, 11);
    world.assert_sound();
}

#[test]
fn funding_that_is_forged_or_pays_another_signs_nothing() {
    let mut world = world(52, 2);
    let good = hop(&mut world, 0, 10, None);
    let network = *world.terms.network();
    let mut frame = good.placeless_frame().to_vec();
    let in_last_signature = frame.len() - 40;
    frame[in_last_signature] ^= 1;
    let forged = Certificate::from_frame(&network, &frame).unwrap();
    let (now_ns, payee) = (world.now_ns, world.wallets[2].address);
    for (payer, funding) in [(1, forged), (2, good)] {
        let error = world.wallets[payer].certify(now_ns, Wallet::payment(payee, 1, vec![funding])).unwrap_err();
        assert!(matches!(error, PayError::Funding { index: 0, .. }), "{error}");
        assert!(world.wallets[payer].own().pending().is_none() && world.wallets[payer].own().received().is_empty());
    }
}
