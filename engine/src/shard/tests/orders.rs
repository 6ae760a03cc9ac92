//! Orders that get a vote, and the one vote that an account and a sequence number can have.

use super::common::{AccountState, FUNDS, Node, Payer, World};
use crate::reject::Reject;
use quittance_net::frame::{OrderBody, U64};

fn four() -> (World, Vec<Payer>, Node) {
    let world = World::of(4);
    let payers = Payer::many(70);
    let node = Node::funded(&world, &payers);
    (world, payers, node)
}

/// Two different orders for the first sequence number.
fn rivals(payers: &[Payer]) -> (OrderBody, OrderBody) {
    (payers[0].body(&payers[1].address, 10, 0), payers[0].body(&payers[2].address, 10, 0))
}

#[test]
fn a_good_order_gets_a_vote_and_becomes_pending() {
    let (world, payers, mut node) = four();
    let before = node.accounts();
    let body = payers[0].body(&payers[1].address, FUNDS, 0);
    let digest = world.digest(&body);
    node.ask(&world.order(&payers[0], body)).vote_for(&digest);
    let mut expected = before;
    let account = AccountState { pending: digest, ..AccountState::funded(FUNDS) };
    expected.insert(payers[0].address, account);
    assert_eq!(node.accounts(), expected);
    let counters = node.shard.counters();
    assert_eq!((counters.orders, counters.votes, counters.votes_repeated, counters.roots_signed), (1, 1, 0, 1));
}

#[test]
fn the_same_order_again_gets_the_same_vote_without_another_check() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 10, 0);
    let (order, digest) = (world.order(&payers[0], body), world.digest(&body));
    let vote = node.ask(&order).vote_for(&digest);
    for count in 1..=100 {
        node.receive(&order);
        assert!(node.take_batch().is_empty(), "a known signature is not checked again");
        let replies = node.collect();
        assert_eq!(replies[0].1.vote_for(&digest), vote, "one leaf, one root, one signature");
        assert_eq!(node.shard.counters().votes_repeated, count);
    }
    assert_eq!(node.shard.counters().votes, 1);
}

#[test]
fn the_same_order_many_times_in_one_batch_is_one_vote_for_each() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 10, 0);
    let order = world.order(&payers[0], body);
    for reply in node.ask_all(&[&order; 5]) {
        reply.vote_for(&world.digest(&body));
    }
    assert_eq!((node.shard.counters().votes, node.shard.counters().votes_repeated), (1, 4));
}

#[test]
fn a_pending_order_with_a_bad_signature_is_refused_and_its_vote_stays() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 10, 0);
    let (order, digest) = (world.sign(&payers[0], body), world.digest(&body));
    node.ask(bytemuck::bytes_of(&order)).vote_for(&digest);
    let mut forged = order;
    forged.signature[40] ^= 1;
    node.assert_refuses(bytemuck::bytes_of(&forged), Reject::BadSignature);
    assert_eq!(node.account(&payers[0].address).pending, digest);
    node.receive(bytemuck::bytes_of(&order));
    assert!(node.take_batch().is_empty(), "the good signature is still the known one");
    node.collect()[0].1.vote_for(&digest);
}

#[test]
fn a_bad_signature_before_the_good_one_in_a_batch_takes_nothing_away() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 10, 0);
    let order = world.sign(&payers[0], body);
    let mut forged = order;
    forged.signature[3] ^= 0x40;
    let replies = node.ask_all(&[forged, order, forged].map(|order| bytemuck::bytes_of(&order).to_vec()));
    replies[0].assert_refused(Reject::BadSignature);
    replies[1].vote_for(&world.digest(&body));
    replies[2].assert_refused(Reject::BadSignature);
}

#[test]
fn another_order_for_a_voted_sequence_is_refused_before_its_signature_is_checked() {
    let (world, payers, mut node) = four();
    let (first, second) = rivals(&payers);
    node.ask(&world.order(&payers[0], first)).vote_for(&world.digest(&first));
    node.assert_refuses(&world.order(&payers[0], second), Reject::Conflict.with_other(world.digest(&first)));
    node.receive(&world.order(&payers[0], second));
    assert!(node.take_batch().is_empty());
    node.collect();
    node.ask(&world.order(&payers[0], first)).vote_for(&world.digest(&first));
}

#[test]
fn of_two_orders_for_one_sequence_in_one_batch_the_first_gets_the_vote() {
    let (world, payers, mut node) = four();
    let (first, second) = rivals(&payers);
    let replies = node.ask_all(&[first, second].map(|body| world.order(&payers[0], body)));
    replies[0].vote_for(&world.digest(&first));
    replies[1].assert_refusal(Reject::Conflict.with_other(world.digest(&first)), true);
    assert_eq!(node.shard.counters().votes, 1);
    assert_eq!(node.account(&payers[0].address).pending, world.digest(&first));
}

#[test]
fn of_two_orders_in_two_batches_the_one_finished_first_gets_the_vote() {
    for is_reversed in [false, true] {
        let (world, payers, mut node) = four();
        let (first, second) = rivals(&payers);
        node.receive(&world.order(&payers[0], first));
        let batch_one = node.take_batch();
        node.receive(&world.order(&payers[0], second));
        let batch_two = node.take_batch();
        assert_eq!((batch_one.len(), batch_two.len()), (1, 1), "nothing is pending before a verdict");
        let (batches, winner) = match is_reversed {
            false => ([batch_one, batch_two], 0),
            true => ([batch_two, batch_one], 1),
        };
        batches.into_iter().for_each(|batch| node.finish(batch));
        let digest = world.digest(&[first, second][winner]);
        for (request, reply) in node.collect() {
            if request == winner {
                reply.vote_for(&digest);
            } else {
                reply.assert_refusal(Reject::Conflict.with_other(digest), true);
            }
        }
        assert_eq!(node.account(&payers[0].address).pending, digest);
    }
}

#[test]
fn a_bad_signature_among_63_good_ones_costs_only_itself() {
    for bad in [0, 31, 63] {
        let (world, payers, mut node) = four();
        let bodies: Vec<_> = payers[..64].iter().map(|payer| payer.body(&payers[65].address, 7, 0)).collect();
        let mut orders: Vec<_> = payers.iter().zip(&bodies).map(|(payer, body)| world.sign(payer, *body)).collect();
        orders[bad].signature = orders[(bad + 1) % 64].signature;
        let datagrams: Vec<_> = orders.iter().map(bytemuck::bytes_of).collect();
        for (index, reply) in node.ask_all(&datagrams).into_iter().enumerate() {
            if index == bad {
                reply.assert_refused(Reject::BadSignature);
            } else {
                reply.vote_for(&world.digest(&bodies[index]));
            }
        }
        assert_eq!(node.account(&payers[bad].address), AccountState::funded(FUNDS));
        assert_eq!(node.shard.counters().votes, 63);
    }
}

#[test]
fn an_order_that_expires_before_its_verdict_is_refused_with_a_proof() {
    let (world, payers, mut node) = four();
    let before = node.accounts();
    let expiry = node.now.0 + 1;
    let body = OrderBody { expiry_ms: U64::new(expiry), ..payers[0].body(&payers[1].address, 10, 0) };
    node.receive(&world.order(&payers[0], body));
    let batch = node.take_batch();
    assert_eq!(batch.len(), 1, "it was still good when it arrived");
    node.now.0 = expiry;
    node.finish(batch);
    node.collect()[0].1.assert_refusal(Reject::Expired, true);
    assert_eq!(node.accounts(), before);
}

#[test]
fn a_vote_given_is_given_again_after_the_order_expired() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 10, 0);
    let order = world.order(&payers[0], body);
    let vote = node.ask(&order).vote_for(&world.digest(&body));
    node.now.0 = body.expiry_ms.get() + 1;
    assert_eq!(node.ask(&order).vote_for(&world.digest(&body)), vote);
}

#[test]
fn an_order_confirmed_before_its_verdict_gets_no_vote_any_more() {
    let (world, payers, mut node) = four();
    let (first, second) = rivals(&payers);
    node.receive(&world.order(&payers[0], first));
    let late = node.take_batch();
    node.ask(&world.certify(&second)).receipt_for(&world.digest(&second));
    node.finish(late);
    node.collect()[0].1.assert_refusal(Reject::SequenceBehind.detail(1), true);
    assert_eq!(node.account(&payers[0].address).pending, [0; 32]);
}

#[test]
fn the_next_order_is_voted_for_once_the_last_is_confirmed() {
    let (world, payers, mut node) = four();
    for sequence in 0..5 {
        let body = payers[0].body(&payers[1].address, FUNDS / 5, sequence);
        node.ask(&world.order(&payers[0], body)).vote_for(&world.digest(&body));
        node.ask(&world.certify(&body)).receipt_for(&world.digest(&body));
    }
    assert_eq!(node.account(&payers[0].address).balance, 0);
    assert_eq!(node.account(&payers[1].address).balance, i128::from(2 * FUNDS));
    let more = payers[0].body(&payers[1].address, 1, 5);
    node.assert_refuses(&world.order(&payers[0], more), Reject::InsufficientFunds);
}

#[test]
fn orders_alike_but_for_one_field_have_different_names() {
    let (world, payers, _) = four();
    let base = payers[0].body(&payers[1].address, 10, 0);
    let mut others = vec![base; 6];
    others[0].recipient[31] ^= 1;
    others[1].user_data[0] ^= 1;
    others[2].amount = U64::new(11);
    others[3].sequence = U64::new(1);
    others[4].expiry_ms = U64::new(base.expiry_ms.get() + 1);
    others[5].recipient_kind ^= 1;
    let mut node = Node::funded(&world, &payers);
    let mut digests: Vec<_> = others.iter().map(|body| world.digest(body)).collect();
    node.ask(&world.order(&payers[0], base)).vote_for(&world.digest(&base));
    for (body, digest) in others.iter().zip(&digests) {
        assert_ne!(*digest, world.digest(&base));
        // The name that the shard computes is the one in its replies.
        let expected = world.certify(body);
        match node.ask(&expected) {
            super::common::Reply::Receipt { digest: named, .. } => assert_eq!(named, *digest),
            super::common::Reply::Rejection { subject, .. } => assert_eq!(subject, *digest),
            other => panic!("{other:?}"),
        }
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 6);
}

#[test]
fn another_good_signature_of_the_pending_order_is_known_from_then_on() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 10, 0);
    let (order, digest) = (world.sign(&payers[0], body), world.digest(&body));
    node.ask(bytemuck::bytes_of(&order)).vote_for(&digest);
    // A sender can sign twice with different nonces. The verdict is given here, since no key of ours does that.
    let mut other = order;
    other.signature[0] ^= 1;
    for expected_job_count in [1, 0] {
        node.receive(bytemuck::bytes_of(&other));
        let mut batch = node.take_batch();
        assert_eq!(batch.len(), expected_job_count);
        batch.decide(|_| true);
        node.shard.finish_batch(node.now, &mut batch);
        node.collect()[0].1.vote_for(&digest);
    }
    assert_eq!((node.shard.counters().votes, node.shard.counters().votes_repeated), (1, 2));
}
