//! Full queues answer `Busy`, and everything that was taken is given back.

use super::common::{FUNDS, Node, Payer, Setup, World};
use crate::limits::{
    JOBS_MAX, PACKET_DATAGRAMS_MAX, RECEIVE_BURST_MAX, REPLIES_MAX, ROOT_CHECKS_MAX, STAGED_CERTIFICATES_MAX,
    STAGED_ORDERS_MAX,
};
use crate::reject::Reject;
use crate::verify_batch::VerifyBatch;
use quittance_net::frame::{Order, OrderBody};

/// Where an order's user data lies in a certificate frame.
const USER_DATA: usize = 80;

fn four() -> (World, Vec<Payer>, Node) {
    let world = World::of(4);
    let payers = Payer::many(3);
    let node = Node::funded(&world, &payers);
    (world, payers, node)
}

/// Orders of one payer that differ in their user data; all may be under way at once. Their signatures are not real.
fn unsigned_orders(world: &World, payer: &Payer, count: usize) -> Vec<Order> {
    let template = world.sign(payer, payer.body(&[5; 32], 1, 0));
    let order = |number: usize| {
        let mut order = template;
        order.body.user_data[..8].copy_from_slice(&number.to_le_bytes());
        order
    };
    (0..count).map(order).collect()
}

fn numbered(payer: &Payer, count: usize) -> Vec<OrderBody> {
    let body = |number: usize| {
        let mut body = payer.body(&[5; 32], 1, 0);
        body.user_data[..8].copy_from_slice(&number.to_le_bytes());
        body
    };
    (0..count).map(body).collect()
}

/// Ends a batch with one verdict for all.
fn decide(node: &mut Node, mut batch: VerifyBatch, verdict: bool) {
    batch.decide(|_| verdict);
    node.shard.finish_batch(node.now, &mut batch);
}

fn assert_idle(node: &Node) {
    let shard = &node.shard;
    assert_eq!((shard.staged_orders.len(), shard.staged_certificates.len(), shard.batch.len()), (0, 0, 0));
    assert!(shard.root_checks.has_room_for(ROOT_CHECKS_MAX) && shard.room() == RECEIVE_BURST_MAX);
}

#[test]
fn a_full_batch_answers_busy_and_what_needs_no_check_still_works() {
    let (world, payers, mut node) = four();
    let paid = [payers[1].body(&[5; 32], 1, 0), payers[1].body(&[5; 32], 1, 1)];
    let certificates = world.certify_all(&paid);
    node.ask(&certificates[0]).receipt_for(&world.digest(&paid[0]));
    let orders = unsigned_orders(&world, &payers[0], JOBS_MAX + 1);
    for (count, order) in orders[..JOBS_MAX].iter().enumerate() {
        assert_eq!(node.shard.room() > 0, (JOBS_MAX - count) / 4 > PACKET_DATAGRAMS_MAX, "after {count}");
        node.receive(bytemuck::bytes_of(order));
    }
    assert!(node.collect().is_empty());
    let mut ask = |datagram: &[u8]| {
        node.receive(datagram);
        node.collect().remove(0).1
    };
    ask(bytemuck::bytes_of(&orders[JOBS_MAX])).assert_refused(Reject::Busy);
    ask(&world.certify(&payers[2].body(&[5; 32], 1, 0))).assert_refused(Reject::Busy);
    ask(&certificates[1]).receipt_for(&world.digest(&paid[1]));
    assert_eq!(ask(&world.query(&payers[0].address, 3)).info().nonce.get(), 3);
    let batch = node.take_batch();
    assert_eq!(batch.len(), JOBS_MAX);
    node.finish(batch);
    // The template's own number is 0: that order's signature is good by right, all others are not.
    let refused = node.refused_count(Reject::BadSignature);
    assert_eq!((refused, node.shard.counters().votes), (JOBS_MAX as u64 - 1, 1));
    assert_eq!(node.collect().len(), JOBS_MAX);
    assert_idle(&node);
}

#[test]
fn orders_in_many_batches_are_bounded_and_all_come_back() {
    let (world, payers, mut node) = four();
    let orders = unsigned_orders(&world, &payers[0], STAGED_ORDERS_MAX + 1);
    for round in 0..2 {
        let mut batches = Vec::new();
        for chunk in orders[..STAGED_ORDERS_MAX].chunks(JOBS_MAX) {
            node.receive_all(&chunk.iter().map(bytemuck::bytes_of).collect::<Vec<_>>());
            batches.push(node.take_batch());
        }
        assert!(node.collect().is_empty() && node.shard.room() == 0, "round {round}");
        node.receive(bytemuck::bytes_of(&orders[STAGED_ORDERS_MAX]));
        node.collect()[0].1.assert_refused(Reject::Busy);
        batches.into_iter().rev().for_each(|batch| decide(&mut node, batch, false));
        let replies = node.collect();
        assert_eq!(replies.len(), STAGED_ORDERS_MAX);
        replies.iter().for_each(|(_, reply)| reply.assert_refused(Reject::BadSignature));
        assert_idle(&node);
    }
}

#[test]
fn certificates_that_wait_are_bounded_and_all_come_back() {
    let (world, payers, mut node) = four();
    let bodies = numbered(&payers[0], STAGED_CERTIFICATES_MAX + 1);
    let certificates = world.certify_all(&bodies);
    for round in 0..2 {
        node.receive_all(&certificates[..STAGED_CERTIFICATES_MAX]);
        assert!(node.collect().is_empty() && node.shard.room() == 0, "round {round}");
        node.receive(&certificates[STAGED_CERTIFICATES_MAX]);
        node.collect()[0].1.assert_refused(Reject::Busy);
        let batch = node.take_batch();
        assert!(batch.len() < JOBS_MAX, "shared roots are checked once: {}", batch.len());
        decide(&mut node, batch, false);
        let replies = node.collect();
        assert_eq!(replies.len(), STAGED_CERTIFICATES_MAX);
        assert_eq!(node.refused_count(Reject::BadVote), (round + 1) * STAGED_CERTIFICATES_MAX as u64);
        assert_idle(&node);
    }
    // Good verdicts empty the tables just so: one of these rivals is applied, the rest conflict with it.
    node.receive_all(&certificates[..300]);
    let batch = node.take_batch();
    node.finish(batch);
    assert_eq!((node.collect().len(), node.shard.counters().confirmations), (300, 1));
    assert_eq!(node.shard.counters().conflicting_certificates, 299);
    assert_idle(&node);
}

#[test]
fn root_checks_under_way_are_bounded_and_all_come_back() {
    let (world, payers, mut node) = four();
    let template = world.certify(&payers[0].body(&[5; 32], 1, 0));
    // The votes copied to other orders lead to other roots: three checks each.
    let count = ROOT_CHECKS_MAX / 3;
    let certificate = |number: usize| {
        let mut certificate = template.clone();
        certificate[USER_DATA..USER_DATA + 8].copy_from_slice(&number.to_le_bytes());
        certificate
    };
    let mut batches = Vec::new();
    for number in 0..count {
        node.receive(&certificate(number));
        if node.shard.batch.len() + 3 > JOBS_MAX {
            batches.push(node.take_batch());
        }
    }
    batches.push(node.take_batch());
    assert_eq!(batches.iter().map(VerifyBatch::len).sum::<usize>(), 3 * count);
    assert!(node.collect().is_empty());
    node.receive(&certificate(count));
    node.collect()[0].1.assert_refused(Reject::Busy);
    batches.into_iter().rev().for_each(|batch| decide(&mut node, batch, false));
    assert_eq!(node.collect().len(), count);
    assert_idle(&node);
}

/// The shell takes a packet more than the room in the worst case: each of its datagrams a certificate of as many votes as the
/// committee has members, or a frame can hold, and each vote under a root of its own.
#[test]
fn what_there_is_room_for_is_never_refused_as_busy() {
    for members in [4, 7, 25] {
        let world = World::of(members);
        let payers = Payer::many(1);
        let mut node = Node::funded(&world, &payers);
        let template = world.certify(&payers[0].body(&[5; 32], 1, 0));
        let mut room = node.shard.room();
        assert!(room > 0);
        for number in 0.. {
            let mut certificate = template.clone();
            certificate[USER_DATA..USER_DATA + 8].copy_from_slice(&usize::to_le_bytes(number));
            node.receive(&certificate);
            if number == room + PACKET_DATAGRAMS_MAX - 1 {
                break;
            }
        }
        assert!(node.collect().is_empty(), "{members} members, room for {room}");
        room = node.shard.room();
        let batch = node.take_batch();
        assert!(room < RECEIVE_BURST_MAX && !batch.is_empty());
    }
}

#[test]
fn a_batch_comes_back_empty_and_is_used_again() {
    let (world, payers, mut node) = four();
    let mut batch = VerifyBatch::with_capacity(JOBS_MAX);
    for sequence in 0..20 {
        let body = payers[0].body(&payers[1].address, 1, sequence);
        node.receive(&world.order(&payers[0], body));
        assert!(node.shard.take_batch(&mut batch));
        decide(&mut node, batch, true);
        node.collect()[0].1.vote_for(&world.digest(&body));
        node.ask(&world.certify(&body)).receipt_for(&world.digest(&body));
        batch = node.take_batch();
    }
    assert_idle(&node);
}

#[test]
fn fewer_cached_keys_than_payers_change_no_verdict() {
    let world = World::of(4);
    let payers = Payer::many(40);
    let mut node = Node::new(&world, Setup { cached_key_count_max: 3, ..Setup::default() });
    node.fund(&payers);
    for sequence in 0..4 {
        let bodies: Vec<_> = payers.iter().map(|payer| payer.body(&payers[0].address, 1, sequence)).collect();
        let mut orders: Vec<_> = payers.iter().zip(&bodies).map(|(payer, body)| world.sign(payer, *body)).collect();
        orders[7].signature = orders[8].signature;
        let datagrams: Vec<_> = orders.iter().map(bytemuck::bytes_of).collect();
        for (index, reply) in node.ask_all(&datagrams).iter().enumerate() {
            if index == 7 {
                reply.assert_refused(Reject::BadSignature);
            } else {
                reply.vote_for(&world.digest(&bodies[index]));
            }
        }
        node.ask_all(&world.certify_all(&bodies));
    }
    assert_eq!(node.account(&payers[0].address).balance, i128::from(FUNDS) + 4 * 39);
}

#[test]
fn replies_that_no_one_fetches_are_bounded_and_their_requests_can_be_repeated() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let certificate = world.certify(&body);
    node.ask(&certificate).receipt_for(&world.digest(&body));
    let query = world.query(&payers[0].address, 1);
    for (datagram, dropped_count) in [(&certificate, 2), (&query, 4)] {
        node.receive_all(&vec![datagram; REPLIES_MAX + 2]);
        assert_eq!(node.collect().len(), REPLIES_MAX);
        assert_eq!(node.shard.counters().replies_dropped, dropped_count);
    }
    node.ask(&certificate).receipt_for(&world.digest(&body));
    assert_eq!(node.ask(&query).info().next_sequence.get(), 1);
}
