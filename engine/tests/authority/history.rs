//! Histories as clients read them: pages and certificates, before and after stops and kills.

use crate::harness::{Authority, Client, Reply, Setup};
use crate::make::{Numbers, Payer};
use quittance_engine::reject::Reject;
use quittance_engine::types::Address;
use quittance_net::frame::{
    HISTORY_CERTIFICATE, HISTORY_RECEIVED, HISTORY_SENT, HistoryItem, ITEM_HAS_VOTES, OrderBody, U64,
};
use std::fs::File;
use std::path::PathBuf;

fn durable(setup: Setup) -> Authority {
    Authority::start(Setup { is_durable: true, ..setup })
}

fn certificate(client: &mut Client<'_>, address: &Address, item: &HistoryItem) -> Reply {
    let query = client.history_query(address, |query| {
        (query.what, query.sequence, query.from) = (HISTORY_CERTIFICATE, item.sequence, item.position);
    });
    client.ask(&query)
}

/// Every payment made is there, down to sequence 0; gives how many have their votes.
#[track_caller]
fn assert_whole(authority: &Authority, payer: &Payer) -> usize {
    let shard = authority.network.shard_of(&payer.address);
    let mut client = authority.client_of(shard);
    let count = client.account(&payer.address).next_sequence;
    let items = client.chain(&payer.address, HISTORY_SENT);
    let sequences: Vec<u64> = items.iter().map(|item| item.sequence.get()).collect();
    assert_eq!(sequences, (0..count).rev().collect::<Vec<_>>());
    let mut with_votes = 0;
    for item in items.iter().filter(|item| item.flags & ITEM_HAS_VOTES != 0).take(50) {
        certificate(&mut client, &payer.address, item).certificate();
        with_votes += 1;
    }
    with_votes
}

/// Payment number so and so of each payer, each to the next one.
fn round(authority: &Authority, sequence: u64) -> Vec<OrderBody> {
    let payers = &authority.payers;
    let next = |index: usize| &payers[(index + 1) % payers.len()].address;
    payers.iter().enumerate().map(|(index, payer)| payer.pays(next(index), 1, sequence)).collect()
}

#[test]
fn pages_and_certificates_are_those_of_what_was_paid_before_and_after_a_restart() {
    let mut authority = durable(Setup { shards: 2, ..Setup::default() });
    let mut certificates = Vec::new();
    for sequence in 0..30 {
        for body in round(&authority, sequence) {
            let certificate = authority.network.certify(&body);
            let shard = authority.network.shard_of(&body.sender);
            authority.client_of(shard).ask(&certificate).assert_receipt();
            certificates.push((body, certificate));
        }
    }
    for _ in 0..2 {
        for payer in &authority.payers {
            let shard = authority.network.shard_of(&payer.address);
            let own = certificates.iter().rev().filter(|(body, _)| body.sender == payer.address);
            let items = authority.client_of(shard).chain(&payer.address, HISTORY_SENT);
            assert_eq!(items.len(), 30);
            for (item, (body, expected)) in items.iter().zip(own) {
                assert_eq!((item.counterparty, item.amount), (body.recipient, body.amount));
                let found = certificate(&mut authority.client_of(shard), &payer.address, item);
                assert_eq!(found.certificate(), *expected);
            }
            // What was received says where the certificate is, on this shard or on the other one.
            let received = authority.client_of(shard).chain(&payer.address, HISTORY_RECEIVED);
            let theirs = certificates.iter().rev().filter(|(body, _)| body.recipient == payer.address);
            assert_eq!(received.len(), 30);
            for (item, (body, expected)) in received.iter().zip(theirs) {
                assert_eq!((item.counterparty, item.sequence), (body.sender, body.sequence));
                let found = certificate(&mut authority.client_of(item.shard.get()), &body.sender, item);
                assert_eq!(found.certificate(), *expected);
            }
        }
        authority.stop_and_restart();
    }
    authority.finish();
}

#[test]
fn however_often_it_is_killed_under_load_every_chain_goes_down_to_its_first_payment() {
    let mut authority = durable(Setup { shards: 2, payer_count: 24, ..Setup::default() });
    let (mut random, mut sequence) = (Numbers(11), 0);
    for _ in 0..8 {
        for _ in 0..1 + random.below(20) {
            for shard in 0..2 {
                let bodies = round(&authority, sequence);
                let here = bodies.iter().filter(|body| authority.network.shard_of(&body.sender) == shard);
                let certificates: Vec<_> = here.map(|body| authority.network.certify(body)).collect();
                let mut client = authority.client_of(shard);
                client.ask_all(&certificates).iter().for_each(|reply| reply.assert_receipt());
            }
            sequence += 1;
        }
        // Killed while these are on their way.
        let bodies = round(&authority, sequence);
        for body in &bodies {
            let shard = authority.network.shard_of(&body.sender);
            authority.client_of(shard).send(&authority.network.certify(body));
        }
        authority.crash();
        for body in &bodies {
            let shard = authority.network.shard_of(&body.sender);
            authority.client_of(shard).ask(&authority.network.certify(body)).assert_receipt();
        }
        sequence += 1;
        let with_votes: usize = authority.payers.iter().map(|payer| assert_whole(&authority, payer)).sum();
        assert!(with_votes > 0, "the page cache outlives the process: few votes are lost");
    }
    authority.finish();
}

/// Where a shard's first segment is.
fn segment(authority: &Authority) -> PathBuf {
    authority.files().data(0).join("history/shard-0/000000000000")
}

#[test]
fn a_history_that_is_lost_is_refused_and_what_comes_after_it_is_there() {
    let mut authority = durable(Setup::default());
    let pay = |authority: &Authority, sequences: core::ops::Range<u64>| {
        for sequence in sequences {
            let certificates: Vec<_> =
                round(authority, sequence).iter().map(|body| authority.network.certify(body)).collect();
            authority.client().ask_all(&certificates).iter().for_each(|reply| reply.assert_receipt());
        }
    };
    pay(&authority, 0..5);
    authority.kill();
    std::fs::remove_file(segment(&authority)).unwrap();
    authority.restart();
    let payer = authority.payers[0].address;
    // The journal still has them all: links are made again, votes are not.
    assert_eq!(assert_whole(&authority, &authority.payers[0]), 0);
    let items = authority.client().chain(&payer, HISTORY_SENT);
    let lost = certificate(&mut authority.client(), &payer, &items[0]);
    lost.assert_refused(Reject::NotHere.detail(items[0].position.get()));
    pay(&authority, 5..8);
    let items = authority.client().chain(&payer, HISTORY_SENT);
    assert_eq!(items.iter().filter(|item| item.flags & ITEM_HAS_VOTES != 0).count(), 3);
    // Cut short under the running process: what is gone is refused, and nothing ends.
    File::options().write(true).open(segment(&authority)).unwrap().set_len(4_096).unwrap();
    let gone = certificate(&mut authority.client(), &payer, &items[0]);
    gone.assert_refused(Reject::NotHere.detail(items[0].position.get()));
    authority.finish();
}

#[test]
fn without_a_history_questions_are_refused_and_payments_go_on() {
    let mut authority = durable(Setup { options: vec!["--no-history".to_owned()], ..Setup::default() });
    let payer = authority.payers[0].address;
    let body = authority.payers[0].pays(&authority.payers[1].address, 1, 0);
    let ask = |authority: &Authority| {
        let mut client = authority.client();
        let query = client.history_query(&payer, |query| query.stop = U64::new(0));
        client.ask(&query)
    };
    authority.client().ask(&authority.network.certify(&body)).assert_receipt();
    ask(&authority).assert_refused(Reject::NoHistory);
    assert!(!authority.files().data(0).join("history").exists());
    authority.crash();
    ask(&authority).assert_refused(Reject::NoHistory);
    authority.finish();
    let authority = Authority::usual();
    ask(&authority).assert_refused(Reject::NoHistory);
    authority.finish();
}

#[test]
fn a_history_of_another_journal_is_not_written_to() {
    let mut authority = durable(Setup::default());
    let page = std::fs::read(segment(&authority)).unwrap_or_default();
    assert!(page.is_empty(), "nothing was paid yet");
    let body = authority.payers[0].pays(&authority.payers[1].address, 1, 0);
    authority.client().ask(&authority.network.certify(&body)).assert_receipt();
    authority.crash();
    authority.kill();
    for copy in 0..2 {
        std::fs::remove_file(authority.files().data(copy).join("journal")).unwrap();
    }
    let ended = authority.run_to_end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.errors.contains("another journal") && ended.errors.contains("move"), "{ended:?}");
    std::fs::rename(authority.files().data(0).join("history"), authority.files().data(0).join("kept")).unwrap();
    authority.restart();
    authority.finish();
}
