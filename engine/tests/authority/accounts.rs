//! What payments do to accounts.

use crate::harness::{Account, Authority, FUNDS, Reply, Setup};
use crate::make::{Numbers, Payer};
use quittance_engine::reject::Reject;
use quittance_engine::types::Address;
use quittance_net::frame::{OrderBody, RECIPIENT_PRIMARY, U64};
use std::collections::BTreeMap;

const FUNDED: i128 = FUNDS as i128;

fn total(accounts: &BTreeMap<Address, Account>) -> i128 {
    accounts.values().map(|account| account.balance).sum()
}

#[test]
fn accounts_start_as_genesis_has_them() {
    let authority = Authority::usual();
    assert_eq!(authority.accounts().len(), 8);
    assert!(authority.accounts().values().all(|account| *account == Account::funded(FUNDED)));
    authority.finish();
}

#[test]
fn a_payment_goes_from_order_to_vote_to_certificate_to_receipt() {
    let authority = Authority::usual();
    let (network, payer, payee) = (&authority.network, &authority.payers[0], &authority.payers[1]);
    let body = payer.pays(&payee.address, 300, 0);
    let digest = network.digest(&body);
    let own_vote = authority.client().ask(&network.order(payer, body)).vote();
    let voted = Account { pending: digest, ..Account::funded(FUNDED) };
    assert_eq!(authority.client().account(&payer.address), voted);

    let votes = [vec![own_vote], network.votes(&[2, 3], &body)].concat();
    let before = authority.counts();
    authority.client().ask(&network.certificate(&body, &votes)).assert_receipt();
    let known = authority.counts().get("protocol.vote_roots_known") - before.get("protocol.vote_roots_known");
    assert_eq!(known, 1, "the authority knows its own vote without checking it");
    let paid = Account { balance: 700, next_sequence: 1, pending: [0; 32], last_confirmed: digest };
    assert_eq!(authority.client().account(&payer.address), paid);
    assert_eq!(authority.client().account(&payee.address), Account::funded(1_300));
    // The next order may follow at once.
    authority.client().ask(&network.order(payer, payer.pays(&payee.address, 700, 1))).vote();
    authority.finish();
}

#[test]
fn a_self_payment_keeps_the_total_and_uses_a_sequence_number() {
    let authority = Authority::usual();
    let payer = &authority.payers[0];
    let body = payer.pays(&payer.address, 400, 0);
    let before = authority.accounts();
    authority.client().ask(&authority.network.order(payer, body)).vote();
    authority.client().ask(&authority.network.certify(&body)).assert_receipt();
    let mut expected = before;
    let digest = authority.network.digest(&body);
    let paid = Account { balance: FUNDED, next_sequence: 1, pending: [0; 32], last_confirmed: digest };
    expected.insert(payer.address, paid);
    assert_eq!(authority.accounts(), expected);
    authority.finish();
}

#[test]
fn a_certificate_that_this_authority_never_voted_for_applies() {
    let authority = Authority::usual();
    let (payer, payee) = (&authority.payers[0], &authority.payers[1]);
    let body = payer.pays(&payee.address, 1_000, 0);
    authority.assert_counts(&[("certificates", 1), ("confirmations", 1)], || {
        authority.client().ask(&authority.network.certify(&body)).assert_receipt();
    });
    let accounts = authority.accounts();
    assert_eq!((accounts[&payer.address].balance, accounts[&payee.address].balance), (0, 2_000));
    assert_eq!(total(&accounts), 8 * FUNDED);
    authority.finish();
}

/// It voted for one order, and the others made a certificate of another: theirs settles the sequence number.
#[test]
fn a_certificate_replaces_the_order_that_this_authority_voted_for() {
    let authority = Authority::usual();
    let (network, payer) = (&authority.network, &authority.payers[0]);
    let [ours, theirs] = [5, 6].map(|amount| payer.pays(&authority.payers[1].address, amount, 0));
    authority.client().ask(&network.order(payer, ours)).vote();
    authority.client().ask(&network.certify(&theirs)).assert_receipt();
    let paid =
        Account { balance: FUNDED - 6, next_sequence: 1, pending: [0; 32], last_confirmed: network.digest(&theirs) };
    assert_eq!(authority.client().account(&payer.address), paid);
    authority.client().ask(&network.order(payer, ours)).assert_refused(Reject::SequenceBehind.detail(1));
    authority.finish();
}

#[test]
fn a_certificate_before_the_credit_that_funds_it_makes_the_balance_negative_until_that_comes() {
    let authority = Authority::usual();
    let (network, payers) = (&authority.network, &authority.payers);
    let spends = payers[1].pays(&payers[2].address, 1_400, 0);
    let funds = payers[0].pays(&payers[1].address, 500, 0);
    let mut client = authority.client();
    client.ask(&network.certify(&spends)).assert_receipt();
    assert_eq!(client.account(&payers[1].address).balance, -400);
    let order = network.order(&payers[1], payers[1].pays(&payers[2].address, 1, 1));
    authority.assert_only_counts(&[("orders", 1), ("rejects.insufficient_funds", 1)], || {
        client.ask(&order).assert_refused(Reject::InsufficientFunds.detail(0));
    });
    assert_eq!(total(&authority.accounts()), 8 * FUNDED);

    client.ask(&network.certify(&funds)).assert_receipt();
    assert_eq!(client.account(&payers[1].address).balance, 100);
    client.ask(&order).vote();
    drop(client);
    authority.finish();
}

#[test]
fn a_certificate_opens_accounts_that_genesis_does_not_know() {
    let authority = Authority::usual();
    let network = &authority.network;
    let (stranger, other) = (Payer::new(900), Payer::new(901));
    let mut client = authority.client();
    client.ask(&network.certify(&stranger.pays(&other.address, 50, 0))).assert_receipt();
    assert_eq!(client.account(&stranger.address).balance, -50);
    assert_eq!(client.account(&other.address), Account::funded(50));
    client.ask(&network.certify(&authority.payers[0].pays(&stranger.address, 80, 0))).assert_receipt();
    client.ask(&network.order(&stranger, stranger.pays(&other.address, 30, 1))).vote();
    client.ask(&network.order(&other, other.pays(&other.address, 50, 0))).vote();
    drop(client);
    authority.finish();
}

#[test]
fn a_redemption_leaves_for_the_primary_ledger_and_is_counted() {
    let authority = Authority::usual();
    let (network, payer) = (&authority.network, &authority.payers[0]);
    // The address on the ledger is that of an account here: the account gets nothing.
    let pays = payer.pays(&authority.payers[1].address, 600, 0);
    let body = OrderBody { recipient_kind: RECIPIENT_PRIMARY, ..pays };
    authority.client().ask(&network.order(payer, body)).vote();
    authority.assert_counts(&[("certificates", 2), ("confirmations", 1), ("receipts_repeated", 1)], || {
        authority.client().ask_all(&vec![network.certify(&body); 2]).iter().for_each(Reply::assert_receipt);
    });
    let accounts = authority.accounts();
    assert_eq!((accounts[&payer.address].balance, accounts[&pays.recipient].balance), (400, FUNDED));
    assert_eq!(total(&accounts), 8 * FUNDED - 600);
    assert_eq!(authority.finish().get("redeemed"), 600);
}

/// Its time gates votes. What a quorum voted for is paid, whenever somebody brings the certificate: here the very first
/// millisecond has passed, on both shards.
#[test]
fn a_certified_order_settles_long_after_its_time_is_over() {
    let authority = Authority::start(Setup { shards: 2, ..Setup::default() });
    let network = &authority.network;
    let (here, there) = (authority.payers_on(0), authority.payers_on(1));
    let expired = |body: OrderBody| OrderBody { expiry_ms: U64::new(1), ..body };
    let across = expired(here[0].pays(&there[0].address, 30, 0));
    let back = expired(there[0].pays(&here[0].address, 20, 0));
    for (shard, payer, body) in [(0, here[0], across), (1, there[0], back)] {
        let mut client = authority.client_of(shard);
        client.ask(&network.order(payer, body)).assert_refused(Reject::Expired);
        client.ask(&network.certify(&body)).assert_receipt();
        client.ask(&network.certify(&body)).assert_receipt();
    }
    let balance = |payer: &Payer| authority.accounts()[&payer.address].balance;
    assert!((0..10_000).any(|_| (balance(here[0]), balance(there[0])) == (FUNDED - 10, FUNDED + 10)));
    assert_eq!(total(&authority.accounts()), 8 * FUNDED);
    authority.finish();
}

/// Payments between all, in a random order of payers, held against plain arithmetic.
#[test]
fn two_thousand_payments_leave_what_arithmetic_says() {
    let authority = Authority::usual();
    let mut numbers = Numbers(11);
    let mut balances = [FUNDED; 8];
    let mut sequences = [0; 8];
    let mut certificates = Vec::new();
    for _ in 0..2_000 {
        let (payer, payee) = (numbers.below(8), numbers.below(8));
        let amount = 1 + numbers.next() % 900;
        let body = authority.payers[payer].pays(&authority.payers[payee].address, amount, sequences[payer]);
        certificates.push(authority.network.certify(&body));
        sequences[payer] += 1;
        balances[payer] -= i128::from(amount);
        balances[payee] += i128::from(amount);
    }
    let receipts = authority.client().ask_all(&certificates);
    receipts.iter().for_each(Reply::assert_receipt);
    let accounts = authority.accounts();
    for (index, payer) in authority.payers.iter().enumerate() {
        let account = accounts[&payer.address];
        assert_eq!((account.balance, account.next_sequence), (balances[index], sequences[index]), "payer {index}");
    }
    assert_eq!(authority.finish().get("protocol.confirmations"), 2_000);
}
