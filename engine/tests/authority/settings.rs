//! The authority with other shards, threads and transports: the same answers.

use crate::harness::{Authority, FUNDS, PATIENCE, Reply, Setup};
use crate::make::Payer;
use quittance_engine::reject::Reject;
use quittance_engine::types::Address;
use quittance_verify::{BackendKind, hint};
use std::time::Instant;

/// Payments and forgeries of payers on shard 0, in one burst and one after the other.
fn assert_serves(authority: &Authority) {
    let network = &authority.network;
    let payers = authority.payers_on(0);
    let bodies: Vec<_> = payers.iter().map(|payer| payer.pays(&payers[0].address, 5, 0)).collect();
    let forged: Vec<_> = payers.iter().zip(&bodies).map(|(payer, body)| network.forged_order(payer, *body)).collect();
    let orders: Vec<_> = payers.iter().zip(&bodies).map(|(payer, body)| network.order(payer, *body)).collect();
    let certificates: Vec<_> = bodies.iter().map(|body| network.certify(body)).collect();
    let mixed = [forged, orders].concat();
    let count = payers.len() as u64;
    let before = authority.accounts();
    let mut client = authority.client();
    let replies = authority
        .assert_counts(&[("orders", 2 * count), ("votes", count), ("rejects.bad_signature", count)], || {
            client.ask_at_once(&mixed)
        });
    let (refused, voted) = replies.split_at(payers.len());
    refused.iter().for_each(|reply| reply.assert_refused(Reject::BadSignature));
    assert!(voted.iter().all(Reply::is_vote));
    authority.assert_counts(&[("certificates", count), ("confirmations", count)], || {
        certificates.iter().for_each(|certificate| client.ask(certificate).assert_receipt());
    });
    let after = authority.accounts();
    for (index, payer) in payers.iter().enumerate() {
        let change = if index == 0 { 5 * (i128::from(count) - 1) } else { -5 };
        assert_eq!(after[&payer.address].balance, before[&payer.address].balance + change);
    }
}

/// Asks until the account has this balance: credits travel between shards by themselves.
fn await_balance(authority: &Authority, address: &Address, balance: i128) {
    let deadline = Instant::now() + PATIENCE;
    let mut client = authority.client_of(authority.network.shard_of(address));
    while client.account(address).balance != balance {
        assert!(Instant::now() < deadline, "{:?} never becomes {balance}", client.account(address));
    }
}

#[test]
fn recvmmsg_serves_like_what_a_trial_chooses() {
    for transport in ["recvmmsg", "auto"] {
        let authority = Authority::start(Setup::with_options(&["--transport", transport]));
        let running = &authority.ready["transport"];
        assert!(*running == "recvmmsg" || (transport == "auto" && *running == "io_uring"), "{running}");
        assert_serves(&authority);
        authority.finish();
    }
}

#[test]
fn every_backend_that_the_machine_has_serves_orders_with_a_hint_and_without() {
    for backend in BackendKind::ALL.iter().filter(|kind| kind.available()).map(|kind| kind.name()) {
        let authority = Authority::start(Setup::with_options(&["--backend", backend]));
        assert_eq!(authority.ready["backend"], backend);
        assert_serves(&authority);
        let (network, payers) = (&authority.network, &authority.payers);
        let sequence = authority.client().account(&payers[1].address).next_sequence;
        let mut hinted = network.signed(&payers[1], payers[1].pays(&payers[0].address, 1, sequence));
        hinted.r_hint = hint(&hinted.signature).unwrap();
        authority.client().ask(bytemuck::bytes_of(&hinted)).vote();
        authority.finish();
    }
}

#[test]
fn a_bad_signature_brings_its_source_into_quarantine_where_good_ones_still_count() {
    for (quarantine_ms, quarantines, quarantined) in [("10000", 1, 3), ("0", 0, 0)] {
        let authority = Authority::start(Setup::with_options(&["--quarantine-ms", quarantine_ms]));
        let (network, payers) = (&authority.network, &authority.payers);
        let order = |payer: &Payer| network.order(payer, payer.pays(&payers[0].address, 1, 0));
        let mut client = authority.client();
        for _ in 0..2 {
            let forged = network.forged_order(&payers[1], payers[1].pays(&payers[0].address, 1, 0));
            client.ask(&forged).assert_refused(Reject::BadSignature);
        }
        client.ask(&order(&payers[2])).vote();
        client.ask(&order(&payers[3])).vote();
        drop(client);
        let counts = authority.finish();
        let found = ["quarantines", "signatures_quarantined"].map(|name| counts.get(&format!("protocol.{name}")));
        assert_eq!(found, [quarantines, quarantined]);
    }
}

#[test]
fn an_authority_serves_without_segmentation() {
    let authority = Authority::start(Setup::with_options(&["--no-gso"]));
    assert_serves(&authority);
    let counts = authority.finish();
    assert_eq!(counts.get("transport.sends"), counts.get("transport.datagrams_sent"));
}

#[test]
fn a_verifier_thread_gives_the_same_verdicts() {
    let authority = Authority::start(Setup::with_options(&["--verifiers", "1"]));
    assert_eq!(authority.ready["verifiers"].as_array().unwrap().len(), 1);
    assert_serves(&authority);
    let counts = authority.finish();
    assert_eq!(counts.sum("verify."), 0, "the shard's own thread verified nothing: {counts:?}");
}

#[test]
fn two_shards_and_a_verifier_serve_both_shards() {
    let options = ["--verifiers", "1"].map(str::to_owned).to_vec();
    let authority = Authority::start(Setup { shards: 2, payer_count: 16, options, ..Setup::default() });
    assert_serves(&authority);
    let payer = authority.payers_on(1)[0];
    let order = authority.network.order(payer, payer.pays(&payer.address, 5, 0));
    authority.client_of(1).ask(&order).vote();
    authority.finish();
}

#[test]
fn a_payment_to_another_shard_arrives_once() {
    let authority = Authority::start(Setup { shards: 2, payer_count: 16, ..Setup::default() });
    let network = &authority.network;
    let stranger = (900..).map(Payer::new).find(|payer| network.shard_of(&payer.address) == 1).unwrap();
    let payer = authority.payers_on(0)[0];
    for (sequence, recipient, funded) in [(0, authority.payers_on(1)[0].address, FUNDS), (1, stranger.address, 0)] {
        let body = payer.pays(&recipient, 7, sequence);
        authority.client().ask(&network.order(payer, body)).vote();
        let certificates = vec![network.certify(&body); 10];
        authority.client().ask_all(&certificates).iter().for_each(Reply::assert_receipt);
        await_balance(&authority, &recipient, i128::from(funded) + 7);
    }
    let total: i128 = authority.accounts().values().map(|account| account.balance).sum();
    assert_eq!(total, 16 * i128::from(FUNDS) - 7, "the rest is the stranger's");
    // The source shard reads the acknowledgement with its next datagram.
    authority.client().account(&payer.address);
    let counts = authority.finish();
    assert_eq!((counts.get("protocol.credits_sent"), counts.get("protocol.credits_applied")), (2, 2));
    assert_eq!((counts.get("under_way"), counts.get("protocol.credits_repeated")), (0, 0));
}

#[test]
fn a_thousand_payments_across_shards_in_both_directions_all_arrive() {
    let authority = Authority::start(Setup { shards: 2, payer_count: 16, ..Setup::default() });
    let network = &authority.network;
    let sides = [authority.payers_on(0)[0], authority.payers_on(1)[0]];
    for sequence in (0..500).step_by(50) {
        for (shard, side) in (0..).zip(sides) {
            let other = sides[usize::from(1 - shard)];
            let certificate = |sequence| network.certify(&side.pays(&other.address, sequence + 1, sequence));
            let certificates: Vec<_> = (sequence..sequence + 50).map(certificate).collect();
            authority.client_of(shard).ask_all(&certificates).iter().for_each(Reply::assert_receipt);
        }
    }
    // Each side paid 1 + 2 + ... + 500 and was paid as much.
    for side in sides {
        await_balance(&authority, &side.address, i128::from(FUNDS));
    }
    let counts = authority.finish();
    assert_eq!(counts.get("protocol.credits_applied"), 1_000);
}
