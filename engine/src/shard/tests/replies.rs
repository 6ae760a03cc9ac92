//! Reply batches: trees of every size, and certificates made of what shards really send.

use super::common::{FUNDS, Node, Payer, Setup, World};
use crate::reject::Reject;
use quittance_net::frame::{FRAME_BYTES_MAX, Order, OrderBody, PROOF_BYTES, REPLY_HEAD_BYTES};

/// Batch sizes around the tree's edges.
const SIZES: [u32; 6] = [1, 2, 63, 64, 65, 130];

/// A whole committee's shards: votes gathered, certificates made, receipts gathered.
fn settle_everywhere(authority_count: usize, size: u32) {
    let world = World::of(authority_count);
    let payers = Payer::many(size);
    let node = |authority| {
        let mut node = Node::new(&world, Setup { authority, account_count_max: 1_024, ..Setup::default() });
        node.fund(&payers);
        node
    };
    let quorum = u8::try_from(world.committee.quorum()).unwrap();
    let mut nodes: Vec<Node> = (0..quorum).map(node).collect();
    let bodies: Vec<_> = payers.iter().map(|payer| payer.body(&payers[0].address, 5, 0)).collect();
    let orders: Vec<_> = payers.iter().zip(&bodies).map(|(payer, body)| world.order(payer, *body)).collect();
    let replies: Vec<_> = nodes.iter_mut().map(|node| node.ask_all(&orders)).collect();
    let certificate = |(index, body): (usize, &OrderBody)| {
        let vote = |replies: &Vec<super::common::Reply>| replies[index].vote_for(&world.digest(body));
        world.certificate(body, &replies.iter().map(vote).collect::<Vec<_>>())
    };
    let certificates: Vec<_> = bodies.iter().enumerate().map(certificate).collect();
    assert!(certificates.iter().all(|certificate| certificate.len() <= FRAME_BYTES_MAX));
    for node in &mut nodes {
        let counters = node.shard.counters();
        let batch_max = 1_u64 << world.committee.path_levels_max();
        assert_eq!(counters.roots_signed, u64::from(size).div_ceil(batch_max), "as few signatures as paths allow");
        for (reply, body) in node.ask_all(&certificates).iter().zip(&bodies) {
            reply.receipt_for(&world.digest(body));
        }
        let earned = i128::from(size) * 5;
        assert_eq!(node.account(&payers[0].address).balance, i128::from(FUNDS) + earned - 5);
        assert_eq!(node.balance_total(), i128::from(FUNDS) * i128::from(size));
    }
}

#[test]
fn four_authorities_settle_batches_of_every_size() {
    SIZES.into_iter().for_each(|size| settle_everywhere(4, size));
}

#[test]
fn seven_authorities_settle_batches_of_every_size() {
    SIZES.into_iter().for_each(|size| settle_everywhere(7, size));
}

#[test]
fn ten_authorities_settle_batches_of_every_size() {
    SIZES.into_iter().for_each(|size| settle_everywhere(10, size));
}

#[test]
fn the_largest_committee_settles() {
    settle_everywhere(25, 3);
    settle_everywhere(1, 3);
}

#[test]
fn votes_receipts_and_proven_refusals_share_one_signature() {
    let world = World::of(4);
    let payers = Payer::many(4);
    let mut node = Node::funded(&world, &payers);
    let to = &payers[3].address;
    let (voted, rival) = (payers[0].body(to, 1, 0), payers[0].body(to, 2, 0));
    let certified = payers[1].body(to, 1, 0);
    let mut forged: Order = world.sign(&payers[2], payers[2].body(to, 1, 0));
    forged.signature[0] ^= 1;
    let burst = [
        world.order(&payers[0], voted),
        world.order(&payers[0], rival),
        bytemuck::bytes_of(&forged).to_vec(),
        world.certify(&certified),
        world.query(to, 5),
    ];
    let replies = node.ask_all(&burst);
    replies[0].vote_for(&world.digest(&voted));
    replies[1].assert_refusal(Reject::Conflict.with_other(world.digest(&voted)), true);
    replies[2].assert_refused(Reject::BadSignature);
    replies[3].receipt_for(&world.digest(&certified));
    assert_eq!(replies[4].info().nonce.get(), 5);
    assert_eq!(node.shard.counters().roots_signed, 1);
}

#[test]
fn a_request_is_unanswered_from_when_it_is_taken_until_its_reply_leaves() {
    let world = World::of(4);
    let payers = Payer::many(3);
    let mut node = Node::funded(&world, &payers);
    let to = &payers[2].address;
    let order = world.order(&payers[0], payers[0].body(to, 1, 0));
    let certificate = world.certify(&payers[1].body(to, 1, 0));
    // The order awaits its signature's check, the certificate that of its roots, the answer only that it is fetched.
    node.receive_all(&[order, certificate, world.query(to, 5), b"no frame".to_vec()]);
    assert_eq!(node.shard.unanswered_count(), 3);
    node.finish_all();
    assert_eq!(node.shard.unanswered_count(), 3);
    assert_eq!(node.collect().len(), 3);
    assert_eq!(node.shard.unanswered_count(), 0);
}

#[test]
fn a_refusal_names_the_order_or_the_account_it_is_about() {
    let world = World::of(4);
    let payers = Payer::many(2);
    let mut node = Node::funded(&world, &payers[..1]);
    let body = payers[1].body(&payers[0].address, 1, 0);
    let replies = node.ask_all(&[
        world.order(&payers[1], body),
        world.certify_by(&[1], &[body]).remove(0),
        world.query(&payers[1].address, 0),
    ]);
    let expected = [world.digest(&body), world.digest(&body), payers[1].address];
    for (reply, expected) in replies.iter().zip(expected) {
        let super::common::Reply::Rejection { subject, .. } = reply else { panic!("{reply:?}") };
        assert_eq!(*subject, expected);
    }
}

#[test]
fn what_only_authorities_send_is_met_with_silence() {
    let world = World::of(4);
    let payers = Payer::many(2);
    let mut node = Node::funded(&world, &payers);
    let body = payers[0].body(&payers[1].address, 1, 0);
    for datagram in [world.order(&payers[0], body), world.certify(&body), world.query(&payers[0].address, 1)] {
        node.receive(&datagram);
    }
    node.receive(&world.query(&[9; 32], 1));
    let batch = node.take_batch();
    node.finish(batch);
    let frames = node.collect_frames();
    assert_eq!(frames.len(), 4, "a vote, a receipt, an info reply and a refusal");
    let before = node.accounts();
    for (count, (_, frame)) in (1..).zip(&frames) {
        assert!(node.step(&[frame])[0].is_none());
        assert_eq!(node.shard.counters().not_requests, count);
    }
    assert_eq!(node.accounts(), before);
}

#[test]
fn votes_that_prove_nothing_draw_no_receipt_longer_than_themselves() {
    let world = World::of(4);
    let payers = Payer::many(2);
    let mut node = Node::funded(&world, &payers);
    let body = payers[0].body(&payers[1].address, 1, 0);
    node.ask(&world.certify(&body)).receipt_for(&world.digest(&body));
    // The payment is known, so votes are not looked at where the request is long enough; else they are counted.
    let noise = |vote_count: usize, leaf_count: usize| {
        let leaves = vec![[0; 32]; leaf_count];
        let vote = |authority| world.sign_leaves(authority, &leaves).remove(0);
        world.certificate(&body, &(1..=vote_count).map(vote).collect::<Vec<_>>())
    };
    for (vote_count, leaf_count) in [(1, 1), (2, 1), (1, 2), (1, 4)] {
        let expected = Reject::NoQuorum.detail(vote_count as u64);
        node.assert_refuses(&noise(vote_count, leaf_count), expected);
    }
    let long_enough = noise(1, 32);
    for reply in node.ask_all(&[&long_enough; 64]) {
        let proof_bytes = reply.receipt_for(&world.digest(&body));
        assert!(REPLY_HEAD_BYTES - PROOF_BYTES + proof_bytes.len() <= long_enough.len());
    }
}
