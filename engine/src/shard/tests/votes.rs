//! What does not count as a quorum's votes.

use super::common::{EPOCH, Node, Payer, World, receipt_leaf, rejection_leaf};
use crate::reject::Reject;
use quittance_net::frame::{CERTIFICATE_HEAD_BYTES, Header, OrderBody, PROOF_BYTES, U64};
use quittance_verify::tree;

fn four() -> (World, Vec<Payer>, Node) {
    let world = World::of(4);
    let payers = Payer::many(4);
    let node = Node::funded(&world, &payers);
    (world, payers, node)
}

/// One vote of each of these authorities.
fn votes(world: &World, voters: &[usize], body: &OrderBody) -> Vec<Vec<u8>> {
    voters.iter().map(|authority| world.votes_by(*authority, &[*body]).remove(0)).collect()
}

/// Where a proof's fields lie.
const LEAF_INDEX: usize = 64;
const AUTHORITY: usize = 66;

#[test]
fn two_f_votes_are_no_quorum() {
    for (count, short) in [(4, 2), (7, 4), (10, 6)] {
        let world = World::of(count);
        let payers = Payer::many(2);
        let mut node = Node::funded(&world, &payers);
        let body = payers[0].body(&payers[1].address, 1, 0);
        let voters: Vec<usize> = (0..=short).collect();
        let weight = u64::try_from(short).unwrap();
        node.assert_refuses(
            &world.certificate(&body, &votes(&world, &voters[1..], &body)),
            Reject::NoQuorum.detail(weight),
        );
        node.ask(&world.certificate(&body, &votes(&world, &voters, &body))).receipt_for(&world.digest(&body));
    }
}

#[test]
fn a_quorum_is_counted_by_weight_and_not_by_heads() {
    // Total 10, quorum 7.
    let world = World::weighted(&[1, 2, 3, 4]);
    let payers = Payer::many(2);
    for (voters, weight) in [(vec![0, 1, 2], 6), (vec![2, 3], 7), (vec![0, 3], 5), (vec![0, 1, 3], 7), (vec![1, 3], 6)]
    {
        let mut node = Node::funded(&world, &payers);
        let body = payers[0].body(&payers[1].address, 1, 0);
        let certificate = world.certificate(&body, &votes(&world, &voters, &body));
        if weight >= 7 {
            node.ask(&certificate).receipt_for(&world.digest(&body));
        } else {
            node.assert_refuses(&certificate, Reject::NoQuorum.detail(weight));
        }
    }
}

#[test]
fn an_authority_votes_once() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let twice = votes(&world, &[1, 2, 2], &body);
    node.assert_refuses(&world.certificate(&body, &twice), Reject::RepeatedVoter.detail(2));
    let once_more = votes(&world, &[1, 2, 3, 1], &body);
    node.assert_refuses(&world.certificate(&body, &once_more), Reject::RepeatedVoter.detail(1));
}

#[test]
fn only_the_committee_votes() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    for stranger in [4, 255] {
        let mut votes = votes(&world, &[1, 2, 3], &body);
        votes[1][AUTHORITY] = stranger;
        node.assert_refuses(&world.certificate(&body, &votes), Reject::UnknownVoter.detail(stranger.into()));
    }
    let others = World::seeded(&[1; 4], 0x66, EPOCH);
    node.assert_refuses(&others.certify(&body), Reject::BadVote.detail(1));
    let mut mixed = votes(&world, &[1, 2], &body);
    mixed.extend(votes(&others, &[3], &body));
    node.assert_refuses(&world.certificate(&body, &mixed), Reject::BadVote.detail(3));
}

#[test]
fn votes_of_another_epoch_do_not_count() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let earlier = World::seeded(&[1; 4], 0, EPOCH - 1);
    node.assert_refuses(&earlier.certify(&body), Reject::WrongEpoch.detail(EPOCH));
    let relabelled = world.certificate(&body, &votes(&earlier, &[1, 2, 3], &body));
    node.assert_refuses(&relabelled, Reject::BadVote.detail(1));
}

#[test]
fn votes_of_another_network_do_not_count() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let mut foreign = world.clone();
    foreign.network.0[31] ^= 1;
    node.assert_refuses(&foreign.certify(&body), Reject::BadVote.detail(1));
}

#[test]
fn a_leaf_index_outside_the_tree_is_refused() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let mut votes = votes(&world, &[1, 2, 3], &body);
    votes[2][LEAF_INDEX + 1] = 1;
    node.assert_refuses(&world.certificate(&body, &votes), Reject::BadPath.detail(3));
}

#[test]
fn every_byte_of_a_vote_matters() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let good = votes(&world, &[1, 2, 3], &body);
    let before = node.accounts();
    // Signature, index and path. The authority's byte is another test's; the path's length is the frame's.
    let places = (0..LEAF_INDEX + 2).chain(PROOF_BYTES..good[0].len());
    for place in places {
        let mut votes = good.clone();
        votes[0][place] ^= 1;
        // So that the first root is never known from another quorum, it is the only one that changes.
        let reply = node.ask(&world.certificate(&body, &votes));
        let is_index = (LEAF_INDEX..LEAF_INDEX + 2).contains(&place);
        if !is_index || place == LEAF_INDEX {
            reply.assert_refused(Reject::BadVote.detail(1));
        } else {
            reply.assert_refused(Reject::BadPath.detail(1));
        }
        assert_eq!(node.accounts(), before, "byte {place}");
    }
    node.ask(&world.certificate(&body, &good)).receipt_for(&world.digest(&body));
}

/// Who keeps the certificate passes it on, and nobody else could check it.
#[test]
fn every_byte_of_a_signature_matters_where_its_root_is_known() {
    let (world, payers, mut node) = four();
    let bodies = [0, 1].map(|sequence| payers[0].body(&payers[1].address, 1, sequence));
    let both: Vec<_> = [1, 2, 3].map(|authority| world.votes_by(authority, &bodies)).to_vec();
    let of = |index: usize| both.iter().map(|votes| votes[index].clone()).collect::<Vec<_>>();
    node.ask(&world.certificate(&bodies[0], &of(0))).receipt_for(&world.digest(&bodies[0]));
    let before = node.accounts();
    for place in 0..64 {
        let mut votes = of(1);
        votes[0][place] ^= 1;
        node.assert_refuses(&world.certificate(&bodies[1], &votes), Reject::BadVote.detail(1));
        assert_eq!(node.accounts(), before, "byte {place}");
    }
    node.ask(&world.certificate(&bodies[1], &of(1))).receipt_for(&world.digest(&bodies[1]));
}

#[test]
fn votes_are_for_the_very_order() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let good = votes(&world, &[1, 2, 3], &body);
    let mut altered = vec![body; 4];
    altered[0].amount = U64::new(2);
    altered[1].recipient = payers[2].address;
    altered[2].user_data[5] = 9;
    altered[3].sender = payers[3].address;
    for body in &altered {
        node.assert_refuses(&world.certificate(body, &good), Reject::BadVote.detail(1));
    }
    // Nor with the true roots known.
    let other = payers[0].body(&payers[1].address, 3, 0);
    let both: Vec<_> = [1, 2, 3].map(|authority| world.votes_by(authority, &[body, other])).to_vec();
    let of = |index: usize| both.iter().map(|votes| votes[index].clone()).collect::<Vec<_>>();
    node.ask(&world.certificate(&body, &of(0))).receipt_for(&world.digest(&body));
    let next = payers[0].body(&payers[1].address, 1, 1);
    node.assert_refuses(&world.certificate(&next, &of(1)), Reject::BadVote.detail(1));
}

#[test]
fn every_bit_of_the_order_in_a_certificate_is_voted_for() {
    let (world, payers, mut node) = four();
    let good = world.certify(&payers[0].body(&payers[1].address, 1, 0));
    let before = node.accounts();
    for place in size_of::<Header>()..size_of::<Header>() + 121 {
        let mut altered = good.clone();
        altered[place] ^= 1;
        _ = node.step(&[altered]);
        assert_eq!(node.accounts(), before, "byte {place}");
    }
    assert!(good.len() > CERTIFICATE_HEAD_BYTES);
}

#[test]
fn receipts_and_rejections_are_no_votes() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let digest = world.digest(&body);
    let leaves = [
        receipt_leaf(&digest),
        rejection_leaf(Reject::Expired as u8, 0, &digest, &[0; 32]),
        tree::leaf(&digest),
        tree::leaf(&[&[0x01], &digest[..]].concat()),
    ];
    for leaf in leaves {
        let statements: Vec<_> = [1, 2, 3].map(|authority| world.sign_leaves(authority, &[leaf]).remove(0)).to_vec();
        node.assert_refuses(&world.certificate(&body, &statements), Reject::BadVote.detail(1));
    }
}

#[test]
fn receipts_as_authorities_send_them_are_no_votes() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let certificate = world.certify(&body);
    let receipt = |authority| {
        let mut node = Node::new(&world, super::common::Setup { authority, ..Default::default() });
        node.fund(&payers);
        node.ask(&certificate).receipt_for(&world.digest(&body))
    };
    let receipts: Vec<_> = [1, 2, 3].map(receipt).to_vec();
    node.assert_refuses(&world.certificate(&body, &receipts), Reject::BadVote.detail(1));
}

#[test]
fn a_forged_root_signature_does_not_take_the_honest_certificate_with_it() {
    let (world, payers, _) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let honest = votes(&world, &[1, 2, 3], &body);
    let mut forged = honest.clone();
    forged[0][10] ^= 1;
    let (honest, forged) = (world.certificate(&body, &honest), world.certificate(&body, &forged));
    for is_forged_first in [true, false] {
        let mut node = Node::funded(&world, &payers);
        let burst = if is_forged_first { [&forged, &honest] } else { [&honest, &forged] };
        let replies = node.ask_all(&burst);
        let (of_honest, of_forged) = if is_forged_first { (1, 0) } else { (0, 1) };
        replies[of_honest].receipt_for(&world.digest(&body));
        replies[of_forged].assert_refused(Reject::BadVote.detail(1));
        assert_eq!(node.shard.counters().confirmations, 1);
    }
}

#[test]
fn a_refused_certificate_leaves_no_root_behind_that_was_not_signed() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let mut forged = votes(&world, &[1, 2, 3], &body);
    forged[0][10] ^= 1;
    let certificate = world.certificate(&body, &forged);
    for _ in 0..3 {
        node.assert_refuses(&certificate, Reject::BadVote.detail(1));
    }
    assert_eq!(node.shard.counters().vote_roots_unknown, 3 + 1 + 1, "the two good ones are remembered");
}

#[test]
fn a_root_known_for_one_authority_is_no_word_of_another() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let next = payers[0].body(&payers[1].address, 2, 1);
    let both: Vec<_> = [1, 2, 3].map(|authority| world.votes_by(authority, &[body, next])).to_vec();
    let first: Vec<_> = both.iter().map(|votes| votes[0].clone()).collect();
    node.ask(&world.certificate(&body, &first)).receipt_for(&world.digest(&body));
    // Authority 1 alone claims to be three.
    let mut copies = vec![both[0][1].clone(); 3];
    for (vote, name) in copies.iter_mut().zip([1, 2, 3]) {
        vote[AUTHORITY] = name;
    }
    node.assert_refuses(&world.certificate(&next, &copies), Reject::BadVote.detail(2));
    let second: Vec<_> = both.iter().map(|votes| votes[1].clone()).collect();
    node.ask(&world.certificate(&next, &second)).receipt_for(&world.digest(&next));
}

#[test]
fn an_authority_counts_its_own_vote_without_checking_it() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 1, 0);
    let own = node.ask(&world.order(&payers[0], body)).vote_for(&world.digest(&body));
    let mut all = votes(&world, &[1, 2], &body);
    all.push(own);
    node.receive(&world.certificate(&body, &all));
    let batch = node.take_batch();
    assert_eq!(batch.len(), 2);
    node.finish(batch);
    node.collect()[0].1.receipt_for(&world.digest(&body));
}

#[test]
fn a_roots_check_spreads_to_certificates_of_later_batches() {
    let (world, payers, mut node) = four();
    let bodies = [payers[0].body(&payers[1].address, 1, 0), payers[2].body(&payers[1].address, 1, 0)];
    let certificates = world.certify_all(&bodies);
    node.receive(&certificates[0]);
    let batch = node.take_batch();
    node.receive(&certificates[1]);
    assert!(node.take_batch().is_empty(), "the second waits for the first one's checks");
    node.finish(batch);
    for ((_, reply), body) in node.collect().iter().zip(&bodies) {
        reply.receipt_for(&world.digest(body));
    }
}
