//! What a good certificate does, and that it does it once.

use super::common::{AccountState, FUNDS, Node, Payer, Reply, World};
use crate::limits::CERTIFICATES_AHEAD_MAX;
use crate::reject::Reject;
use quittance_net::frame::{OrderBody, RECIPIENT_PRIMARY};

fn four() -> (World, Vec<Payer>, Node) {
    let world = World::of(4);
    let payers = Payer::many(8);
    let node = Node::funded(&world, &payers);
    (world, payers, node)
}

/// Payments of one unit with these sequence numbers.
fn series(payer: &Payer, to: &Payer, sequences: impl Iterator<Item = u64>) -> Vec<OrderBody> {
    sequences.map(|sequence| payer.body(&to.address, 1, sequence)).collect()
}

#[test]
fn a_certificate_debits_credits_counts_on_and_clears_the_pending_order() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 30, 0);
    let digest = world.digest(&body);
    let mut expected = node.accounts();
    node.ask(&world.order(&payers[0], body)).vote_for(&digest);
    node.ask(&world.certify(&body)).receipt_for(&digest);
    let sender =
        AccountState { balance: i128::from(FUNDS) - 30, next_sequence: 1, pending: [0; 32], last_confirmed: digest };
    expected.insert(payers[0].address, sender);
    expected.insert(payers[1].address, AccountState::funded(FUNDS + 30));
    assert_eq!(node.accounts(), expected);
    assert_eq!(node.shard.counters().confirmations, 1);
}

#[test]
fn a_certificate_never_voted_for_here_applies() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 30, 0);
    node.ask(&world.certify(&body)).receipt_for(&world.digest(&body));
    assert_eq!(node.account(&payers[0].address).balance, i128::from(FUNDS) - 30);
    assert_eq!(node.shard.counters().votes, 0);
}

#[test]
fn a_certificate_clears_the_other_order_that_was_pending_here() {
    let (world, payers, mut node) = four();
    let (voted, certified) = (payers[0].body(&payers[1].address, 1, 0), payers[0].body(&payers[2].address, 1, 0));
    node.ask(&world.order(&payers[0], voted)).vote_for(&world.digest(&voted));
    node.ask(&world.certify(&certified)).receipt_for(&world.digest(&certified));
    assert_eq!(node.account(&payers[0].address).pending, [0; 32]);
    node.assert_refuses(&world.order(&payers[0], voted), Reject::SequenceBehind.detail(1));
    let next = payers[0].body(&payers[1].address, 1, 1);
    node.ask(&world.order(&payers[0], next)).vote_for(&world.digest(&next));
}

#[test]
fn a_certificate_a_thousand_times_debits_once_and_is_receipted_each_time() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 30, 0);
    let certificate = world.certify(&body);
    // All in one burst; then the same again, when the votes are known.
    for _ in 0..2 {
        for reply in node.ask_all(&vec![&certificate; 500]) {
            reply.receipt_for(&world.digest(&body));
        }
    }
    assert_eq!(node.account(&payers[0].address).balance, i128::from(FUNDS) - 30);
    assert_eq!(node.account(&payers[1].address).balance, i128::from(FUNDS) + 30);
    assert_eq!((node.shard.counters().confirmations, node.shard.counters().receipts_repeated), (1, 999));
}

#[test]
fn a_repeated_certificate_under_other_roots_debits_once() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[1].address, 30, 0);
    let next = payers[0].body(&payers[1].address, 1, 1);
    // Two quorums for one order, both under way at once: both are checked, one is applied.
    let certificates = [[1, 2, 3], [3, 0, 2]].map(|voters| world.certify_by(&voters, &[body]).remove(0));
    node.receive(&certificates[0]);
    let one = node.take_batch();
    node.receive(&certificates[1]);
    let two = node.take_batch();
    assert_eq!((one.len(), two.len()), (3, 1), "what is under way is not checked twice");
    node.finish(two);
    node.finish(one);
    node.collect().iter().for_each(|(_, reply)| drop(reply.receipt_for(&world.digest(&body))));
    node.ask(&world.certify(&next)).receipt_for(&world.digest(&next));
    assert_eq!(node.account(&payers[0].address).balance, i128::from(FUNDS) - 31);
}

#[test]
fn a_gap_is_answered_with_the_first_missing_number() {
    let (world, payers, mut node) = four();
    let bodies = series(&payers[0], &payers[1], 0..4);
    let certificates = world.certify_all(&bodies);
    node.assert_refuses(&certificates[1], Reject::SequenceAhead);
    node.assert_refuses(&certificates[3], Reject::SequenceAhead);
    node.ask(&certificates[0]).receipt_for(&world.digest(&bodies[0]));
    node.assert_refuses(&certificates[2], Reject::SequenceAhead.detail(1));
}

#[test]
fn a_certificate_far_ahead_is_refused_before_its_votes_are_checked() {
    let (world, payers, mut node) = four();
    for (sequence, job_count) in [(CERTIFICATES_AHEAD_MAX, 3), (CERTIFICATES_AHEAD_MAX + 1, 0)] {
        node.receive(&world.certify(&payers[0].body(&payers[1].address, 1, sequence)));
        let batch = node.take_batch();
        assert_eq!(batch.len(), job_count);
        node.finish(batch);
        node.collect()[0].1.assert_refused(Reject::SequenceAhead);
    }
    // The same for an account that is not here: its next number would be 0.
    let stranger = Payer::new(500);
    let far = world.certify(&stranger.body(&payers[1].address, 1, CERTIFICATES_AHEAD_MAX + 1));
    node.assert_refuses(&far, Reject::SequenceAhead);
    node.assert_refuses(&world.certify(&stranger.body(&payers[1].address, 1, 1)), Reject::SequenceAhead);
}

#[test]
fn certificates_in_a_row_in_one_burst_all_apply_with_roots_unknown() {
    let (world, payers, mut node) = four();
    let bodies = series(&payers[0], &payers[1], 0..3);
    // Each under roots of its own, then all under the same.
    let apart: Vec<_> = bodies.iter().map(|body| world.certify(body)).collect();
    let second = series(&payers[2], &payers[3], 0..3);
    for (certificates, bodies) in [(apart, bodies), (world.certify_all(&second), second)] {
        for (reply, body) in node.ask_all(&certificates).iter().zip(&bodies) {
            reply.receipt_for(&world.digest(body));
        }
    }
    assert_eq!(node.shard.counters().confirmations, 6);
}

#[test]
fn certificates_out_of_order_in_a_burst_apply_when_they_are_repeated() {
    let (world, payers, mut node) = four();
    let bodies = series(&payers[0], &payers[1], 0..3);
    let certificates: Vec<_> = [2, 1, 0].map(|sequence: usize| world.certify(&bodies[sequence])).to_vec();
    let replies = node.ask_all(&certificates);
    replies[0].assert_refused(Reject::SequenceAhead);
    replies[1].assert_refused(Reject::SequenceAhead);
    replies[2].receipt_for(&world.digest(&bodies[0]));
    let replies = node.ask_all(&certificates);
    replies[0].assert_refused(Reject::SequenceAhead.detail(1));
    replies[1].receipt_for(&world.digest(&bodies[1]));
    replies[2].receipt_for(&world.digest(&bodies[0]));
    node.ask(&certificates[0]).receipt_for(&world.digest(&bodies[2]));
    assert_eq!(node.account(&payers[0].address).balance, i128::from(FUNDS) - 3);
}

#[test]
fn a_certificate_of_an_old_sequence_is_receipted_and_changes_nothing() {
    let (world, payers, mut node) = four();
    let bodies = series(&payers[0], &payers[1], 0..4);
    let certificates = world.certify_all(&bodies);
    node.ask_all(&certificates);
    let before = node.accounts();
    for (certificate, body) in certificates.iter().zip(&bodies) {
        node.ask(certificate).receipt_for(&world.digest(body));
    }
    assert_eq!(node.accounts(), before);
    // Votes still count: an old number is no excuse for a certificate that is none.
    let votes = &world.certify_by(&[1, 2], &[bodies[0]])[0];
    node.assert_refuses(votes, Reject::NoQuorum.detail(2));
}

#[test]
fn certificates_with_known_roots_need_no_batch() {
    let (world, payers, mut node) = four();
    let bodies = series(&payers[0], &payers[1], 0..20);
    let certificates = world.certify_all(&bodies);
    node.receive(&certificates[0]);
    let batch = node.take_batch();
    assert_eq!(batch.len(), 3);
    node.finish(batch);
    for certificate in &certificates[1..] {
        node.receive(certificate);
        assert!(node.take_batch().is_empty());
    }
    for ((_, reply), body) in node.collect().iter().zip(&bodies) {
        reply.receipt_for(&world.digest(body));
    }
    assert_eq!((node.shard.counters().vote_roots_unknown, node.shard.counters().vote_roots_known), (3, 57));
}

#[test]
fn a_payment_to_oneself_changes_no_balance() {
    let (world, payers, mut node) = four();
    let body = payers[0].body(&payers[0].address, 30, 0);
    node.ask(&world.order(&payers[0], body)).vote_for(&world.digest(&body));
    node.ask(&world.certify(&body)).receipt_for(&world.digest(&body));
    let account = node.account(&payers[0].address);
    assert_eq!((account.balance, account.next_sequence), (i128::from(FUNDS), 1));
    let stranger = Payer::new(700);
    let body = stranger.body(&stranger.address, 30, 0);
    node.ask(&world.certify(&body)).receipt_for(&world.digest(&body));
    let account = node.account(&stranger.address);
    assert_eq!((account.balance, account.next_sequence), (0, 1));
}

#[test]
fn a_redemption_leaves_for_the_primary_ledger() {
    let (world, payers, mut node) = four();
    let count = node.accounts().len();
    // To an address that also is an account here: it must not be credited.
    for (sequence, recipient) in [(0, payers[1].address), (1, [0x77; 32])] {
        let mut body = payers[0].body(&recipient, 40, sequence);
        body.recipient_kind = RECIPIENT_PRIMARY;
        node.ask(&world.order(&payers[0], body)).vote_for(&world.digest(&body));
        for _ in 0..3 {
            node.ask(&world.certify(&body)).receipt_for(&world.digest(&body));
        }
    }
    assert_eq!(node.shard.redeemed(), 80);
    assert_eq!(node.account(&payers[0].address).balance, i128::from(FUNDS) - 80);
    assert_eq!(node.account(&payers[1].address), AccountState::funded(FUNDS));
    assert_eq!(node.accounts().len(), count, "no account is opened for an address elsewhere");
}

#[test]
fn a_payment_opens_the_recipients_account() {
    let (world, payers, mut node) = four();
    let stranger = Payer::new(600);
    let body = payers[0].body(&stranger.address, 30, 0);
    node.ask(&world.order(&payers[0], body)).vote_for(&world.digest(&body));
    assert!(node.shard.account(&stranger.address).is_none(), "a vote opens nothing");
    node.ask(&world.certify(&body)).receipt_for(&world.digest(&body));
    assert_eq!(node.account(&stranger.address), AccountState::funded(30));
    let onward = stranger.body(&payers[1].address, 30, 0);
    node.ask(&world.order(&stranger, onward)).vote_for(&world.digest(&onward));
}

#[test]
fn a_certificate_before_its_funds_makes_a_debt_that_the_credit_settles() {
    let (world, payers, mut node) = four();
    let middle = Payer::new(650);
    let spent = middle.body(&payers[1].address, 25, 0);
    node.ask(&world.certify(&spent)).receipt_for(&world.digest(&spent));
    assert_eq!(node.account(&middle.address).balance, -25);
    assert_eq!(node.balance_total(), i128::from(FUNDS) * 8, "a debt is money that is elsewhere");
    let more = world.order(&middle, middle.body(&payers[1].address, 1, 1));
    node.assert_refuses(&more, Reject::InsufficientFunds);
    let funding = payers[0].body(&middle.address, 26, 0);
    node.ask(&world.certify(&funding)).receipt_for(&world.digest(&funding));
    assert_eq!(node.account(&middle.address).balance, 1);
    assert!(matches!(node.ask(&more), Reply::Vote { .. }));
}

#[test]
fn two_good_certificates_of_one_sequence_are_noticed_and_the_second_refused() {
    let (world, payers, mut node) = four();
    let first = payers[0].body(&payers[1].address, 30, 0);
    let second = payers[0].body(&payers[2].address, 30, 0);
    // More than f authorities vote twice: what no committee may do, and what must not go unseen.
    node.ask(&world.certify(&first)).receipt_for(&world.digest(&first));
    node.assert_refuses(&world.certify(&second), Reject::Conflict.with_other(world.digest(&first)));
    assert_eq!(node.shard.counters().conflicting_certificates, 1);
    assert_eq!(node.shard.counters().confirmations, 1);
    // In one burst, too.
    let (third, fourth) = (payers[3].body(&payers[1].address, 30, 0), payers[3].body(&payers[2].address, 30, 0));
    let replies = node.ask_all(&[world.certify(&third), world.certify(&fourth)]);
    replies[0].receipt_for(&world.digest(&third));
    replies[1].assert_refused(Reject::Conflict.with_other(world.digest(&third)));
    assert_eq!(node.shard.counters().conflicting_certificates, 2);
}

#[test]
fn amounts_that_no_order_may_have_are_refused_in_certificates_too() {
    let (world, payers, mut node) = four();
    let certify = |amount| world.certify(&payers[0].body(&payers[1].address, amount, 0));
    node.assert_refuses(&certify(0), Reject::ZeroAmount);
    node.assert_refuses(&certify(u64::MAX), Reject::AmountTooLarge);
    let most = payers[0].body(&payers[1].address, crate::genesis::SUPPLY_MAX, 0);
    node.ask(&world.certify(&most)).receipt_for(&world.digest(&most));
    assert_eq!(node.account(&payers[0].address).balance, i128::from(FUNDS) - i128::from(i64::MAX));
}

#[test]
fn a_certificate_for_another_shard_or_network_is_refused() {
    let world = World::of(4).with_shards(2);
    let account_count_max = crate::limits::account_reserve(2) + 10;
    let mut node = Node::new(&world, super::common::Setup { account_count_max, ..Default::default() });
    let (here, there) = (world.payers_on(0, 0, 1).remove(0), world.payers_on(1, 0, 1).remove(0));
    node.fund(core::slice::from_ref(&here));
    node.assert_refuses(&world.certify(&there.body(&here.address, 1, 0)), Reject::WrongShard.detail(1));
    let mut foreign = world.certify(&here.body(&there.address, 1, 0));
    foreign[8] ^= 1;
    node.assert_refuses(&foreign, Reject::WrongNetwork);
}

#[test]
fn a_certificate_that_overtakes_the_one_before_it_is_refused_and_applies_when_repeated() {
    let (world, payers, mut node) = four();
    let bodies = series(&payers[0], &payers[1], 0..2);
    let neighbour = payers[2].body(&payers[1].address, 1, 0);
    // The second one's votes lie under the same roots as the neighbour's, which are known; the first one's are not.
    let shared = world.certify_all(&[neighbour, bodies[1]]);
    node.ask(&shared[0]).receipt_for(&world.digest(&neighbour));
    let replies = node.ask_all(&[&world.certify(&bodies[0]), &shared[1]]);
    replies[0].receipt_for(&world.digest(&bodies[0]));
    replies[1].assert_refused(Reject::SequenceAhead);
    node.ask(&shared[1]).receipt_for(&world.digest(&bodies[1]));
    assert_eq!(node.account(&payers[0].address).balance, i128::from(FUNDS) - 2);
}
