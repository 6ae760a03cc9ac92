//! A wallet killed at any moment: after each restart what was pending is finished, and nothing is paid twice or lost.

use crate::harness::{Committee, Storage, Wallet};
use std::time::Duration;

const ROUND_COUNT: u64 = 50;
const DELAY_US_MAX: u64 = 15_000;

/// Delays that look random, the same in each run.
fn delays() -> impl Iterator<Item = u64> {
    let step =
        |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    core::iter::successors(Some(2_026), step).map(|state| (state >> 33) % DELAY_US_MAX)
}

#[test]
fn a_wallet_killed_fifty_times_pays_everything_once() {
    let (mut wallet, accounts, genesis) = Wallet::with_accounts(2, 1_000_000);
    let committee = Committee::start(&genesis, Storage::Volatile);
    wallet.join(&committee);
    let (mut killed, mut resumed) = (0, 0);
    for (round, delay_us) in (1..=ROUND_COUNT).zip(delays()) {
        let amount = (100 + round).to_string();
        let mut child = wallet.spawn(&["pay", &amount, "--from", &accounts[0], "--to", &accounts[1], "--no-check"]);
        std::thread::sleep(Duration::from_micros(delay_us));
        child.kill().unwrap();
        killed += u64::from(child.wait().unwrap().code().is_none());
        let (code, recovered) = wallet.json(&["recover"]);
        assert_eq!(code, 0, "round {round}, killed after {delay_us} us: {recovered}");
        resumed += recovered["finished"].as_array().unwrap().len();
    }
    let (_, history) = wallet.json(&["history", &accounts[0]]);
    let sent = history["sent"].as_array().unwrap();
    let number = |line: &serde_json::Value, name: &str| line[name].as_u64().unwrap();
    let paid: u64 = sent.iter().map(|line| number(line, "amount")).sum();
    let mut amounts: Vec<u64> = sent.iter().map(|line| number(line, "amount")).collect();
    amounts.dedup();
    assert_eq!(amounts.len(), sent.len(), "each round pays another amount, and none twice");
    assert!(sent.iter().zip(0..).all(|(line, place)| number(line, "sequence") == place && line["state"] == "settled"));
    let (paid, count) = (i64::try_from(paid).unwrap(), u64::try_from(sent.len()).unwrap());
    wallet.await_answers(&accounts[0], 1_000_000 - paid, count);
    wallet.await_answers(&accounts[1], 1_000_000 + paid, 0);
    println!("{killed} killed, {resumed} orders resumed, {count} of {ROUND_COUNT} payments made");
    assert!(killed > ROUND_COUNT / 2, "{killed} kills came in time");
}
