//! An authority that is killed and started again: nothing that it said is forgotten, and it says nothing else.

use crate::harness::{Authority, Ended, FUNDS, Setup};
use crate::make::{Numbers, Payer};
use quittance_engine::reject::{Refusal, Reject};
use quittance_net::frame::OrderBody;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// Exit codes of the authority's command.
const FOREIGN: i32 = 3;
const LOST: i32 = 4;
const IN_USE: i32 = 5;

fn durable(setup: Setup) -> Authority {
    let authority = Authority::start(Setup { is_durable: true, ..setup });
    assert_eq!(authority.ready["mode"], "durable");
    authority
}

/// The same payment for another reason: an order that conflicts.
fn conflicting(body: &OrderBody) -> OrderBody {
    OrderBody { user_data: [9; 32], ..*body }
}

/// Order B for a sequence number whose vote went to order A is refused by A's name, and A gets its vote again.
fn assert_bound(authority: &Authority, payer: &Payer, body: &OrderBody) {
    let network = &authority.network;
    let refusal = Refusal { other: network.digest(body), ..Reject::Conflict.into() };
    let mut client = authority.client();
    client.ask(&network.order(payer, conflicting(body))).assert_refused(refusal);
    client.ask(&network.order(payer, *body)).vote();
}

#[test]
fn after_a_kill_another_order_for_the_same_sequence_number_is_refused_by_the_first_ones_name() {
    let mut authority = durable(Setup::default());
    let payer = Payer::new(0);
    let body = payer.pays(&authority.payers[1].address, 5, 0);
    authority.client().ask(&authority.network.order(&payer, body)).vote();
    for _ in 0..2 {
        authority.crash();
        assert_bound(&authority, &payer, &body);
    }
    authority.finish();
}

#[test]
fn a_kill_during_recovery_changes_nothing() {
    let mut authority = durable(Setup::default());
    let payer = Payer::new(0);
    let body = payer.pays(&authority.payers[1].address, 5, 0);
    authority.client().ask(&authority.network.order(&payer, body)).vote();
    authority.kill();
    for after_ms in [0, 1, 2, 4, 8, 16, 32, 64] {
        authority.start_and_kill_after(Duration::from_millis(after_ms));
    }
    authority.restart();
    assert_bound(&authority, &payer, &body);
    authority.finish();
}

#[test]
fn what_has_a_receipt_is_settled_for_good_and_debits_once() {
    let mut authority = durable(Setup::default());
    let addresses: Vec<_> = authority.payers.iter().map(|payer| payer.address).collect();
    for sequence in 0..6 {
        let bodies: Vec<_> = (0..8_u32)
            .map(|number| Payer::new(number).pays(&addresses[(number as usize + 1) % 8], 1, sequence))
            .collect();
        let certificates: Vec<_> = bodies.iter().map(|body| authority.network.certify(body)).collect();
        for reply in authority.client().ask_all(&certificates) {
            reply.assert_receipt();
        }
        let before = authority.accounts();
        authority.crash();
        assert_eq!(authority.accounts(), before);
        for reply in authority.client().ask_all(&certificates) {
            reply.assert_receipt();
        }
        assert_eq!(authority.accounts(), before, "the same certificates again");
    }
    let recovered = &authority.ready["recovered"][0];
    assert_eq!(recovered["records"], 48, "{recovered}");
    authority.finish();
}

#[test]
fn credits_between_shards_arrive_once_however_often_it_is_killed() {
    let mut authority = durable(Setup { shards: 2, payer_count: 16, ..Setup::default() });
    let mut random = Numbers(7);
    let numbers: Vec<u32> = (0..16).collect();
    let mut sent = [0_u64; 16];
    for round in 0..10 {
        let mut certificates = vec![Vec::new(); 2];
        for number in &numbers {
            let payer = Payer::new(*number);
            let recipient = Payer::new(numbers[random.below(16)]).address;
            let body = payer.pays(&recipient, 1 + random.below(5) as u64, sent[*number as usize]);
            sent[*number as usize] += 1;
            let shard = authority.network.shard_of(&payer.address);
            certificates[usize::from(shard)].push(authority.network.certify(&body));
        }
        for (shard, certificates) in (0..).zip(&certificates) {
            let mut client = authority.client_of(shard);
            if round % 2 == 0 {
                client.ask_all(certificates).iter().for_each(|reply| reply.assert_receipt());
            } else {
                // Killed while they are on their way.
                certificates.iter().for_each(|certificate| client.send(certificate));
            }
        }
        authority.crash();
        for (shard, certificates) in (0..).zip(&certificates) {
            authority.client_of(shard).ask_all(certificates).iter().for_each(|reply| reply.assert_receipt());
        }
    }
    let total = || authority.accounts().values().map(|account| account.balance).sum::<i128>();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while total() != 16 * i128::from(FUNDS) {
        assert!(std::time::Instant::now() < deadline, "{} of {}", total(), 16 * FUNDS);
        std::thread::sleep(Duration::from_millis(5));
    }
    authority.finish();
}

#[test]
fn a_ring_that_turns_many_times_recovers_from_its_snapshots() {
    let payer_count = 400;
    let mut authority = durable(Setup { payer_count, ..Setup::default() });
    let addresses: Vec<_> = authority.payers.iter().map(|payer| payer.address).collect();
    let mut sequence = 0;
    while authority.counts().get("journal.snapshots") < 3 {
        let certificates: Vec<_> = (0..payer_count)
            .map(|number| {
                let body = Payer::new(number).pays(&addresses[(number as usize + 7) % 400], 1, sequence);
                authority.network.certify(&body)
            })
            .collect();
        authority.client().ask_all(&certificates).iter().for_each(|reply| reply.assert_receipt());
        sequence += 1;
        assert!(sequence < 500, "the ring of 8 MiB never turns");
    }
    let before = authority.accounts();
    authority.crash();
    assert_eq!(authority.accounts(), before);
    let recovered = &authority.ready["recovered"][0];
    assert!(recovered["snapshot"].as_u64().unwrap() >= 3, "{recovered}");
    authority.finish();
}

/// Pays once with each of eight payers, one after the other, so that each payment has a block of its own; then kills.
fn eight_blocks() -> Authority {
    let mut authority = durable(Setup::default());
    for number in 0..8 {
        let payer = Payer::new(number);
        let body = payer.pays(&authority.payers[0].address, 1, 0);
        authority.client().ask(&authority.network.certify(&body)).assert_receipt();
    }
    authority.kill();
    authority
}

/// Spoils a page of a copy of the journal: page 0 is the superblock, and each of the eight blocks after it has one.
fn spoil(authority: &Authority, copy: u8, page: u64) {
    let path = authority.files().data(copy).join("journal");
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, page * 4096 + 200).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], page * 4096 + 200).unwrap();
}

#[test]
fn a_block_that_one_copy_lost_is_taken_from_the_other_and_written_again() {
    let mut authority = eight_blocks();
    spoil(&authority, 0, 3);
    spoil(&authority, 1, 5);
    authority.restart();
    assert_eq!(authority.ready["recovered"][0]["repaired_blocks"], 2);
    assert_eq!(authority.accounts().values().map(|account| account.balance).sum::<i128>(), 8 * i128::from(FUNDS));
    authority.crash();
    assert_eq!(authority.ready["recovered"][0]["repaired_blocks"], 0, "both copies are whole again");
    authority.finish();
}

#[test]
fn a_copy_that_is_gone_is_made_again() {
    let mut authority = eight_blocks();
    for copy in [0, 1] {
        std::fs::remove_dir_all(authority.files().data(copy)).unwrap();
        authority.restart();
        assert_eq!(authority.ready["recovered"][0]["records"], 8);
        authority.kill();
    }
    authority.restart();
    assert_eq!(authority.ready["recovered"][0]["repaired_blocks"], 0);
    authority.finish();
}

#[track_caller]
fn assert_refuses_to_start(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for word in words {
        assert!(ended.errors.contains(word), "{word:?} is missing: {ended:?}");
    }
}

#[test]
fn a_durable_block_that_both_copies_lost_keeps_it_from_starting() {
    let authority = eight_blocks();
    spoil(&authority, 0, 3);
    spoil(&authority, 1, 3);
    assert_refuses_to_start(&authority.run_to_end(), LOST, &["block 3", "durable"]);
}

#[test]
fn the_data_of_another_authority_or_network_are_refused() {
    let authority = eight_blocks();
    authority.files().edit("genesis", " 1000\n", " 1001\n");
    assert_refuses_to_start(&authority.run_to_end(), FOREIGN, &["network"]);
}

#[test]
fn two_processes_cannot_have_the_same_data() {
    let authority = durable(Setup::default());
    assert_refuses_to_start(&authority.run_to_end(), IN_USE, &["data-0"]);
    authority.finish();
}
