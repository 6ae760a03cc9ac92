//! A source of bad signatures is checked apart, and nobody else pays for it.

use super::common::{Node, Payer, Setup, World};
use crate::quarantine::QUARANTINE_MS;
use crate::reject::Reject;
use crate::types::{Peer, TimeMs};
use quittance_net::frame::Order;

const ROUND_COUNT: u64 = 5;

fn host(number: u8) -> Peer {
    Peer::from(([10, 0, 0, number], 9_000))
}

fn forged(world: &World, payer: &Payer, sequence: u64) -> Vec<u8> {
    let mut order: Order = world.sign(payer, payer.body(&[5; 32], 1, sequence));
    order.signature[40] ^= 1;
    bytemuck::bytes_of(&order).to_vec()
}

/// A burst of datagrams with the host that each is from; then its batch.
fn step(node: &mut Node, burst: &[(Peer, Vec<u8>)]) {
    for (peer, datagram) in burst {
        node.shard.receive(node.now, *peer, datagram);
    }
    let batch = node.take_batch();
    node.finish(batch);
}

/// Rounds of eight honest orders, one of them behind a bad one from another host. Returns the node.
fn besieged(quarantine_ms: u64) -> Node {
    let world = World::of(4);
    let payers = Payer::many(8 * u32::try_from(ROUND_COUNT).unwrap() + 1);
    let mut node = Node::new(&world, Setup { quarantine_ms, ..Setup::default() });
    node.fund(&payers);
    let (victim, honest) = payers.split_first().unwrap();
    for payers in honest.chunks(8) {
        let orders = payers.iter().map(|payer| (host(1), world.order(payer, payer.body(&[5; 32], 1, 0))));
        let bad = core::iter::once((host(2), forged(&world, victim, 0)));
        step(&mut node, &bad.chain(orders).collect::<Vec<_>>());
    }
    assert_eq!(node.shard.counters().votes, 8 * ROUND_COUNT, "every honest order has its vote");
    step(&mut node, &[]);
    assert_eq!(node.refused_count(Reject::BadSignature), ROUND_COUNT);
    node
}

#[test]
fn one_source_of_bad_signatures_fails_one_batch_and_none_after() {
    let node = besieged(QUARANTINE_MS);
    assert_eq!(node.verify_counters().batch_failed_count, 1);
    assert_eq!(node.shard.counters().quarantines, 1);
    assert_eq!(node.shard.counters().signatures_quarantined, ROUND_COUNT - 1);
}

#[test]
fn without_quarantine_it_fails_every_batch() {
    let node = besieged(0);
    assert_eq!(node.verify_counters().batch_failed_count, ROUND_COUNT);
    assert_eq!(node.shard.counters().quarantines, 0);
    assert_eq!(node.shard.counters().signatures_quarantined, 0);
}

#[test]
fn a_suspect_waits_for_company_while_others_are_served_but_not_for_ever() {
    let world = World::of(4);
    let payers = Payer::many(40);
    let mut node = Node::funded(&world, &payers);
    step(&mut node, &[(host(2), forged(&world, &payers[0], 0))]);
    let mut honest = payers[1..].iter().map(|payer| (host(1), world.order(payer, payer.body(&[5; 32], 1, 0))));
    let mut steps_until_refused = |suspects: usize| {
        let refused = node.refused_count(Reject::BadSignature);
        let mut burst: Vec<_> = (0..suspects).map(|_| (host(2), forged(&world, &payers[0], 0))).collect();
        for steps in 1..30 {
            burst.push(honest.next().unwrap());
            step(&mut node, &burst);
            burst.clear();
            if node.refused_count(Reject::BadSignature) == refused + suspects as u64 {
                return steps;
            }
        }
        panic!("it waits for ever")
    };
    assert_eq!((steps_until_refused(8), steps_until_refused(1)), (1, 17));
}

#[test]
fn good_orders_of_a_source_in_quarantine_are_voted_for_and_its_time_ends() {
    let world = World::of(4);
    let payers = Payer::many(4);
    let mut node = Node::funded(&world, &payers);
    let order = |payer: &Payer| world.order(payer, payer.body(&[5; 32], 1, 0));
    step(&mut node, &[(host(2), forged(&world, &payers[0], 0))]);
    step(&mut node, &[(host(2), order(&payers[0])), (host(2), order(&payers[1]))]);
    assert_eq!((node.shard.counters().votes, node.shard.counters().signatures_quarantined), (2, 2));
    node.now = TimeMs(node.now.0 + QUARANTINE_MS);
    step(&mut node, &[(host(2), order(&payers[2])), (host(2), order(&payers[3]))]);
    assert_eq!((node.shard.counters().votes, node.shard.counters().signatures_quarantined), (4, 2));
}

#[test]
fn a_forged_root_in_a_certificate_brings_its_sender_into_quarantine_and_not_the_payer() {
    let world = World::of(4);
    let payers = Payer::many(2);
    let mut node = Node::funded(&world, &payers);
    let body = payers[0].body(&payers[1].address, 1, 0);
    let mut votes: Vec<_> = [1, 2, 3].map(|authority| world.votes_by(authority, &[body]).remove(0)).to_vec();
    votes[2][41] ^= 1;
    step(&mut node, &[(host(2), world.certificate(&body, &votes))]);
    assert_eq!((node.refused_count(Reject::BadVote), node.shard.counters().quarantines), (1, 1));
    step(&mut node, &[(host(1), world.certify(&body))]);
    assert_eq!(node.shard.counters().confirmations, 1);
    assert_eq!(node.shard.counters().signatures_quarantined, 0, "the good certificate came from elsewhere");
}
