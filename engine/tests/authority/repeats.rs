//! What is sent again, and what races.

use crate::harness::{Authority, Reply, conflict_with};
use crate::make::Payer;
use quittance_engine::reject::Reject;
use quittance_net::frame::{OrderBody, U64};

fn payment(authority: &Authority) -> (&Payer, OrderBody) {
    let payer = &authority.payers[0];
    (payer, payer.pays(&authority.payers[1].address, 5, 0))
}

#[test]
fn the_same_order_again_gets_a_vote_again_from_whichever_socket_it_comes() {
    let authority = Authority::usual();
    let (payer, body) = payment(&authority);
    let order = authority.network.order(payer, body);
    let (mut one, mut other) = (authority.client(), authority.client());
    authority.assert_counts(&[("orders", 1), ("votes", 1)], || one.ask(&order).vote());
    authority.assert_only_counts(&[("orders", 2), ("votes_repeated", 2)], || {
        one.ask(&order).vote();
        other.ask(&order).vote();
    });
    assert_eq!(one.account(&payer.address).pending, authority.network.digest(&body));
    drop((one, other));
    authority.finish();
}

#[test]
fn sixty_four_copies_of_an_order_in_one_burst_are_one_vote_given_sixty_four_times() {
    let authority = Authority::usual();
    let (payer, body) = payment(&authority);
    let copies = vec![authority.network.order(payer, body); 64];
    let counted = [("orders", 64), ("votes", 1), ("votes_repeated", 63)];
    let replies = authority.assert_counts(&counted, || authority.client().ask_at_once(&copies));
    assert!(replies.iter().all(Reply::is_vote));
    authority.finish();
}

#[test]
fn of_two_orders_that_race_exactly_one_gets_the_vote() {
    let authority = Authority::usual();
    for (round, payer) in authority.payers.iter().enumerate() {
        let body = payer.pays(&authority.payers[1].address, 5, 0);
        let rival = OrderBody { amount: U64::new(6), ..body };
        let bodies = [body, rival];
        let orders = bodies.map(|body| authority.network.order(payer, body));
        let counted = [("orders", 2), ("votes", 1), ("rejects.conflict", 1)];
        let replies = authority.assert_counts(&counted, || {
            // In one burst, and as it comes.
            if round % 2 == 0 { authority.client().ask_at_once(&orders) } else { authority.client().ask_all(&orders) }
        });
        let winner = replies.iter().position(Reply::is_vote).unwrap();
        let (winner, loser) = (authority.network.digest(&bodies[winner]), &replies[1 - winner]);
        assert_eq!(loser.refusal().0, conflict_with(winner));
        assert_eq!(authority.client().account(&payer.address).pending, winner);
    }
    authority.finish();
}

/// Nobody but the payer can draw or disturb a vote.
#[test]
fn a_forged_copy_of_an_order_that_has_the_vote_is_refused_and_takes_nothing_away() {
    let authority = Authority::usual();
    let (payer, body) = payment(&authority);
    authority.client().ask(&authority.network.order(payer, body)).vote();
    authority.assert_only_counts(&[("orders", 1), ("rejects.bad_signature", 1)], || {
        let reply = authority.client().ask(&authority.network.forged_order(payer, body));
        reply.assert_refused(Reject::BadSignature);
    });
    authority.client().ask(&authority.network.order(payer, body)).vote();
    authority.finish();
}

#[test]
fn the_same_certificate_a_thousand_times_debits_once_and_is_answered_each_time() {
    let authority = Authority::usual();
    let (payer, body) = payment(&authority);
    let copies = vec![authority.network.certify(&body); 1_000];
    let counted = [("certificates", 1_000), ("confirmations", 1), ("receipts_repeated", 999)];
    let receipts = authority.assert_counts(&counted, || authority.client().ask_all(&copies));
    receipts.iter().for_each(Reply::assert_receipt);
    let accounts = authority.accounts();
    assert_eq!((accounts[&payer.address].balance, accounts[&payer.address].next_sequence), (995, 1));
    assert_eq!(accounts[&body.recipient].balance, 1_005);
    authority.finish();
}

#[test]
fn copies_of_a_certificate_in_one_burst_debit_once() {
    let authority = Authority::usual();
    let (payer, body) = payment(&authority);
    let copies = vec![authority.network.certify(&body); 64];
    let counted = [("certificates", 64), ("confirmations", 1), ("receipts_repeated", 63)];
    let receipts = authority.assert_counts(&counted, || authority.client().ask_at_once(&copies));
    receipts.iter().for_each(Reply::assert_receipt);
    assert_eq!(authority.client().account(&payer.address).balance, 995);
    authority.finish();
}

/// Other votes, other paths: still the same payment.
#[test]
fn another_quorum_for_the_same_order_is_answered_with_a_receipt_and_debits_nothing() {
    let authority = Authority::usual();
    let (payer, body) = payment(&authority);
    let network = &authority.network;
    authority.client().ask(&network.certify(&body)).assert_receipt();
    let next = payer.pays(&authority.payers[1].address, 1, 1);
    for is_last in [true, false] {
        let other = network.certificate(&body, &network.votes(&[3, 2, 0], &body));
        authority.assert_only_counts(&[("certificates", 1), ("receipts_repeated", 1)], || {
            authority.client().ask(&other).assert_receipt();
        });
        if is_last {
            authority.client().ask(&network.certify(&next)).assert_receipt();
        }
    }
    authority.finish();
}

#[test]
fn certificates_of_a_chain_apply_in_one_burst_when_they_come_in_order() {
    let authority = Authority::usual();
    let payer = &authority.payers[0];
    let body = |sequence| payer.pays(&authority.payers[1].address, 10, sequence);
    let certificates: Vec<_> = (0..20).map(|sequence| authority.network.certify(&body(sequence))).collect();
    let counted = [("certificates", 20), ("confirmations", 20)];
    let receipts = authority.assert_counts(&counted, || authority.client().ask_at_once(&certificates));
    receipts.iter().for_each(Reply::assert_receipt);
    assert_eq!(authority.client().account(&payer.address).balance, 800);
    authority.finish();
}
