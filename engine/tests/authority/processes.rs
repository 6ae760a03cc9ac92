//! An authority that runs as several processes: credits between them arrive once, whichever is killed.

use crate::harness::{FUNDS, Parts, Setup};
use crate::make::{Network, Numbers, Payer};
use quittance_engine::types::Address;
use std::collections::BTreeMap;

const PAYER_COUNT: u32 = 16;
const LOST: Option<i32> = Some(4);

fn two(is_durable: bool) -> Setup {
    Setup { shards: 4, payer_count: PAYER_COUNT, is_durable, parts: vec!["0-1", "2-3"], ..Setup::default() }
}

/// Payments of all payers, and what the accounts must hold after them.
struct Ledger {
    random: Numbers,
    network: Network,
    sent: Vec<u64>,
    balances: BTreeMap<Address, i128>,
}

impl Ledger {
    fn new(parts: &Parts) -> Self {
        let accounts = parts.authority.payers.iter().map(|payer| (payer.address, i128::from(FUNDS)));
        let (network, sent) = (parts.authority.network.clone(), vec![0; PAYER_COUNT as usize]);
        Self { random: Numbers(7), network, sent, balances: accounts.collect() }
    }

    /// A payment of each payer to another one: certificates by the sender's shard.
    fn round(&mut self) -> Vec<Vec<Vec<u8>>> {
        let mut certificates = vec![Vec::new(); 4];
        for number in 0..PAYER_COUNT {
            let payer = Payer::new(number);
            let recipient = Payer::new(u32::try_from(self.random.below(PAYER_COUNT as usize)).unwrap()).address;
            let amount = 1 + self.random.below(5) as u64;
            let sequence = &mut self.sent[number as usize];
            let body = payer.pays(&recipient, amount, *sequence);
            *sequence += 1;
            *self.balances.get_mut(&payer.address).unwrap() -= i128::from(amount);
            *self.balances.get_mut(&recipient).unwrap() += i128::from(amount);
            certificates[usize::from(self.network.shard_of(&payer.address))].push(self.network.certify(&body));
        }
        certificates
    }
}

/// Every certificate gets its receipt.
fn settle(parts: &Parts, certificates: &[Vec<Vec<u8>>]) {
    for (shard, certificates) in (0..).zip(certificates) {
        parts.authority.client_of(shard).ask_all(certificates).iter().for_each(|reply| reply.assert_receipt());
    }
}

fn crossed(parts: &Parts, part: usize) -> u64 {
    parts.link(part)["peers"][0]["credits_received"].as_u64().unwrap()
}

#[test]
fn credits_between_processes_arrive_once_whichever_is_killed() {
    let mut parts = Parts::start(two(true));
    let mut ledger = Ledger::new(&parts);
    for round in 0..10 {
        let certificates = ledger.round();
        if round % 3 == 0 {
            settle(&parts, &certificates);
        } else {
            // Killed while they are on their way.
            for (shard, certificates) in (0..).zip(&certificates) {
                let mut client = parts.authority.client_of(shard);
                certificates.iter().for_each(|certificate| client.send(certificate));
            }
        }
        let killed = round % 2;
        parts.kill(killed);
        if round == 5 {
            parts.kill(1 - killed);
            parts.start_part(1 - killed);
        }
        parts.start_part(killed);
        settle(&parts, &certificates);
    }
    parts.await_balances(&ledger.balances);
    // Both ways, in the last session.
    for part in 0..2 {
        let link = parts.await_link(part, |link| link["peers"][0]["connected"] == true);
        assert_eq!((&link["peers"][0]["sessions_broken"], &link["refused_connections"]), (&0.into(), &0.into()));
    }
    let certificates = ledger.round();
    settle(&parts, &certificates);
    parts.await_balances(&ledger.balances);
    assert!(crossed(&parts, 0) > 0 && crossed(&parts, 1) > 0);
    parts.finish();
}

#[test]
fn a_process_that_is_away_is_no_fault_and_gets_what_it_is_owed() {
    let mut parts = Parts::stopped(two(true));
    parts.start_part(0);
    let mut ledger = Ledger::new(&parts);
    let mut certificates = ledger.round();
    let waiting = certificates.split_off(2);
    settle(&parts, &certificates);
    let finding = parts.finding(0);
    assert!(finding["what"].as_str().unwrap().contains("shards 2-3"), "{finding}");
    assert_eq!(parts.link(0)["peers"][0]["connected"], false);
    parts.start_part(1);
    for (shard, certificates) in (2..).zip(&waiting) {
        parts.authority.client_of(shard).ask_all(certificates).iter().for_each(|reply| reply.assert_receipt());
    }
    parts.await_balances(&ledger.balances);
    parts.finish();
}

/// Holds if both processes of an authority end, since one of them has forgotten what the other remembers.
#[track_caller]
fn assert_both_end(parts: &mut Parts, forgetful: usize) {
    let process = parts.spawn(forgetful, &[]);
    let (own, other) = (process.end(), parts.end(1 - forgetful));
    assert_eq!((own.code, other.code), (LOST, LOST), "{own:?} {other:?}");
    for ended in [&own, &other] {
        assert!(ended.errors.contains("lost its state") && ended.errors.contains("data director"), "{ended:?}");
    }
    let words = ["this process", ["the process of shards 0-1", "the process of shards 2-3"][forgetful]];
    assert!(own.errors.contains(words[0]) && other.errors.contains(words[1]), "{own:?} {other:?}");
}

#[test]
fn a_volatile_process_that_is_started_again_has_forgotten_and_is_found_out() {
    for forgetful in 0..2 {
        let mut parts = Parts::start(two(false));
        let mut ledger = Ledger::new(&parts);
        settle(&parts, &ledger.round());
        parts.await_balances(&ledger.balances);
        parts.kill(forgetful);
        assert_both_end(&mut parts, forgetful);
    }
}

#[test]
fn a_process_whose_directories_were_emptied_is_found_out() {
    let mut parts = Parts::start(two(true));
    let mut ledger = Ledger::new(&parts);
    settle(&parts, &ledger.round());
    parts.await_balances(&ledger.balances);
    parts.kill(1);
    parts.data(1).iter().for_each(|directory| std::fs::remove_dir_all(directory).unwrap());
    assert_both_end(&mut parts, 1);
}

#[test]
fn three_processes_have_a_link_for_each_pair() {
    let setup = Setup { parts: vec!["0", "1-2", "3"], ..two(true) };
    let mut parts = Parts::start(setup);
    let mut ledger = Ledger::new(&parts);
    settle(&parts, &ledger.round());
    parts.kill(1);
    parts.start_part(1);
    settle(&parts, &ledger.round());
    parts.await_balances(&ledger.balances);
    for part in 0..3 {
        parts.await_link(part, |link| {
            let peers = link["peers"].as_array().unwrap();
            peers.len() == 2 && peers.iter().all(|peer| peer["connected"] == true)
        });
    }
    parts.finish();
}
