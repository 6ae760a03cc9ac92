//! Certificates that prove nothing: refused with the right code and detail, counted, and without consequence.

use crate::harness::{Authority, FUNDS, Setup, conflict_with};
use crate::make::{AUTHORITY_COUNT, EPOCH, Network, receipt_leaf, vote_leaf};
use quittance_engine::genesis::SUPPLY_MAX;
use quittance_engine::limits::CERTIFICATES_AHEAD_MAX;
use quittance_engine::network::NetworkId;
use quittance_engine::reject::{Refusal, Reject};
use quittance_net::frame::{OrderBody, U64};
use quittance_verify::SecretKey;

/// Where a certificate's epoch is, bytes.
const EPOCH_START: usize = 144;
/// In a vote as certificates repeat it: leaf index (16 bits), authority, path.
const LEAF_INDEX: usize = 64;
const AUTHORITY: usize = 66;
const PATH: usize = 72;

/// A first payment of payer 0 to payer 1.
fn body(authority: &Authority) -> OrderBody {
    authority.payers[0].pays(&authority.payers[1].address, 5, 0)
}

/// Holds if a certificate is refused as it should be, is counted once, and changes nothing.
#[track_caller]
fn assert_refused(authority: &Authority, certificate: &[u8], expected: impl Into<Refusal>) {
    let expected = expected.into();
    let code = serde_json::to_value(expected.code).unwrap();
    let code = format!("rejects.{}", code.as_str().unwrap());
    authority.assert_only_counts(&[("certificates", 1), (&code, 1)], || {
        authority.client().ask(certificate).assert_refused(expected);
    });
}

/// Holds if the good certificate still goes through, and ends the test: what was refused before it did no harm.
#[track_caller]
fn assert_good_one_applies(authority: Authority) {
    let certificate = authority.network.certify(&body(&authority));
    authority.client().ask(&certificate).assert_receipt();
    assert_eq!(authority.client().account(&authority.payers[1].address).balance, i128::from(FUNDS) + 5);
    authority.finish();
}

#[test]
fn fewer_votes_than_a_quorum_prove_nothing() {
    let authority = Authority::usual();
    let body = body(&authority);
    for voters in [&[1][..], &[3], &[1, 2], &[0, 3]] {
        let certificate = authority.network.certificate(&body, &authority.network.votes(voters, &body));
        assert_refused(&authority, &certificate, Reject::NoQuorum.detail(voters.len() as u64));
    }
    assert_good_one_applies(authority);
}

#[test]
fn an_authority_that_votes_twice_is_found_out() {
    let authority = Authority::usual();
    let body = body(&authority);
    for (voters, repeated) in [(&[1, 2, 2][..], 2), (&[3, 1, 3], 3), (&[1, 1], 1), (&[1, 2, 3, 1], 1)] {
        let certificate = authority.network.certificate(&body, &authority.network.votes(voters, &body));
        assert_refused(&authority, &certificate, Reject::RepeatedVoter.detail(repeated));
    }
    assert_good_one_applies(authority);
}

#[test]
fn a_voter_outside_the_committee_is_found_out() {
    let authority = Authority::usual();
    let body = body(&authority);
    for stranger in [AUTHORITY_COUNT, 255] {
        let stranger = u8::try_from(stranger).unwrap();
        let mut votes = authority.network.votes(&[1, 2, 3], &body);
        votes[2][AUTHORITY] = stranger;
        let certificate = authority.network.certificate(&body, &votes);
        assert_refused(&authority, &certificate, Reject::UnknownVoter.detail(stranger.into()));
    }
    assert_good_one_applies(authority);
}

#[test]
fn a_vote_in_anothers_name_is_found_out() {
    let authority = Authority::usual();
    let body = body(&authority);
    let mut votes = authority.network.votes(&[1, 2, 3], &body);
    votes[0][AUTHORITY] = 0;
    assert_refused(&authority, &authority.network.certificate(&body, &votes), Reject::BadVote.detail(0));
    assert_good_one_applies(authority);
}

#[test]
fn a_path_that_leads_to_another_root_is_found_out() {
    let authority = Authority::usual();
    let body = body(&authority);
    for (voter, change) in [(0, PATH), (0, PATH + 31), (1, PATH + 32), (2, PATH + 63)] {
        let mut votes = authority.network.votes(&[1, 2, 3], &body);
        votes[voter][change] ^= 1;
        let detail = voter as u64 + 1;
        assert_refused(&authority, &authority.network.certificate(&body, &votes), Reject::BadVote.detail(detail));
    }
    // Authority 1's vote is leaf 1 of two; as leaf 0 its path leads elsewhere.
    let mut votes = authority.network.votes(&[1, 2, 3], &body);
    votes[0][LEAF_INDEX] = 0;
    assert_refused(&authority, &authority.network.certificate(&body, &votes), Reject::BadVote.detail(1));
    assert_good_one_applies(authority);
}

#[test]
fn a_leaf_outside_its_tree_is_found_out() {
    let authority = Authority::usual();
    let body = body(&authority);
    for index in [2_u16, 3, u16::MAX] {
        let mut votes = authority.network.votes(&[1, 2, 3], &body);
        votes[0][LEAF_INDEX..AUTHORITY].copy_from_slice(&index.to_le_bytes());
        assert_refused(&authority, &authority.network.certificate(&body, &votes), Reject::BadPath.detail(1));
    }
    assert_good_one_applies(authority);
}

#[test]
fn a_spoiled_root_signature_is_found_out() {
    let authority = Authority::usual();
    let body = body(&authority);
    for byte in [0, 31, 32, 63] {
        let mut votes = authority.network.votes(&[1, 2, 3], &body);
        votes[0][byte] ^= 1;
        assert_refused(&authority, &authority.network.certificate(&body, &votes), Reject::BadVote.detail(1));
    }
    assert_good_one_applies(authority);
}

#[test]
fn another_epoch_is_refused_with_the_present_one() {
    let authority = Authority::usual();
    let mut certificate = authority.network.certify(&body(&authority));
    for epoch in [0, EPOCH - 1, EPOCH + 1, u64::MAX] {
        certificate[EPOCH_START..EPOCH_START + 8].copy_from_slice(&epoch.to_le_bytes());
        assert_refused(&authority, &certificate, Reject::WrongEpoch.detail(EPOCH));
    }
    assert_good_one_applies(authority);
}

/// Votes whose signed bytes name another network, epoch or committee; the frame around them names the right ones.
#[test]
fn votes_given_elsewhere_count_for_nothing() {
    let authority = Authority::usual();
    let (network, body) = (&authority.network, body(&authority));
    let again = || (0..AUTHORITY_COUNT).map(|index| SecretKey::from_seed(network.secrets[index].seed()));
    let stranger = SecretKey::from_seed(&[0x55; 32]);
    let elsewhere = [
        Network { id: NetworkId::of_genesis(b"another genesis"), ..network.clone() },
        Network::with_secrets(network.id, EPOCH + 1, again().collect(), 1),
        Network::with_secrets(network.id, EPOCH, again().take(3).chain([stranger]).collect(), 1),
    ];
    for elsewhere in &elsewhere {
        // The leaf is for this order on this network: nothing but the signed bytes around the root is foreign.
        let leaf = vote_leaf(&network.digest(&body));
        let votes: Vec<Vec<u8>> = (0..3).map(|voter| elsewhere.sign_leaves(voter, &[leaf]).remove(0)).collect();
        assert_refused(&authority, &network.certificate(&body, &votes), Reject::BadVote.detail(0));
    }
    assert_good_one_applies(authority);
}

#[test]
fn votes_for_another_order_count_for_nothing() {
    let authority = Authority::usual();
    let (network, body) = (&authority.network, body(&authority));
    let others = [
        OrderBody { amount: U64::new(500), ..body },
        OrderBody { recipient: authority.payers[2].address, ..body },
        OrderBody { sender: authority.payers[2].address, ..body },
        OrderBody { sequence: U64::new(1), ..body },
        OrderBody { expiry_ms: U64::new(5), ..body },
        OrderBody { recipient_kind: 1, ..body },
    ];
    for other in &others {
        let certificate = network.certificate(&body, &network.votes(&[1, 2, 3], other));
        assert_refused(&authority, &certificate, Reject::BadVote.detail(1));
    }
    // One foreign vote among good ones is enough.
    let mut votes = network.votes(&[1, 2], &body);
    votes.push(network.vote(3, &others[0]));
    assert_refused(&authority, &network.certificate(&body, &votes), Reject::BadVote.detail(3));
    assert_good_one_applies(authority);
}

#[test]
fn a_receipt_is_no_vote() {
    let authority = Authority::usual();
    let (network, body) = (&authority.network, body(&authority));
    let leaf = receipt_leaf(&network.digest(&body));
    let votes: Vec<Vec<u8>> = (1..4).map(|voter| network.sign_leaves(voter, &[leaf]).remove(0)).collect();
    assert_refused(&authority, &network.certificate(&body, &votes), Reject::BadVote.detail(1));
    assert_good_one_applies(authority);
}

#[test]
fn a_gap_in_the_sequence_is_answered_with_the_missing_number() {
    let authority = Authority::usual();
    let payer = &authority.payers[0];
    let certificate = |sequence| authority.network.certify(&payer.pays(&authority.payers[1].address, 5, sequence));
    for sequence in [1, 2, CERTIFICATES_AHEAD_MAX, CERTIFICATES_AHEAD_MAX + 1, u64::MAX - 1] {
        assert_refused(&authority, &certificate(sequence), Reject::SequenceAhead.detail(0));
    }
    assert_refused(&authority, &certificate(u64::MAX), Reject::SequenceExhausted);
    authority.client().ask(&certificate(0)).assert_receipt();
    assert_refused(&authority, &certificate(2), Reject::SequenceAhead.detail(1));
    authority.client().ask(&certificate(1)).assert_receipt();
    authority.client().ask(&certificate(2)).assert_receipt();
    assert_eq!(authority.client().account(&payer.address).balance, i128::from(FUNDS) - 15);
    authority.finish();
}

#[test]
fn amounts_of_nothing_and_beyond_any_supply_are_refused_even_when_certified() {
    let authority = Authority::usual();
    for (amount, refusal) in
        [(0, Reject::ZeroAmount), (SUPPLY_MAX + 1, Reject::AmountTooLarge), (u64::MAX, Reject::AmountTooLarge)]
    {
        let body = authority.payers[0].pays(&authority.payers[1].address, amount, 0);
        assert_refused(&authority, &authority.network.certify(&body), refusal);
    }
    assert_good_one_applies(authority);
}

/// More than f authorities would have to be faulty for this to happen; the operator sees that it did.
#[test]
fn a_second_certificate_for_a_used_sequence_number_is_refused_and_shown_to_the_operator() {
    let authority = Authority::usual();
    let first = body(&authority);
    authority.client().ask(&authority.network.certify(&first)).assert_receipt();
    let second = OrderBody { recipient: authority.payers[2].address, ..first };
    let counted = [("certificates", 1), ("conflicting_certificates", 1), ("rejects.conflict", 1)];
    authority.assert_only_counts(&counted, || {
        let reply = authority.client().ask(&authority.network.certify(&second));
        reply.assert_refused(conflict_with(authority.network.digest(&first)));
    });
    authority.finish();
}

#[test]
fn a_bad_certificate_in_a_burst_takes_no_good_one_down() {
    let authority = Authority::start(Setup { payer_count: 32, ..Setup::default() });
    let recipient = authority.payers[0].address;
    let certificate = |index: usize| {
        let body = authority.payers[index].pays(&recipient, 1, 0);
        let mut votes = authority.network.votes(&[1, 2, 3], &body);
        votes[1][40] ^= u8::from(index % 4 == 3);
        authority.network.certificate(&body, &votes)
    };
    let certificates: Vec<_> = (0..32).map(certificate).collect();
    let counted = [("certificates", 32), ("confirmations", 24), ("rejects.bad_vote", 8)];
    let replies = authority.assert_counts(&counted, || authority.client().ask_at_once(&certificates));
    for (index, reply) in replies.iter().enumerate() {
        if index % 4 == 3 { reply.assert_refused(Reject::BadVote.detail(2)) } else { reply.assert_receipt() }
    }
    authority.finish();
}
