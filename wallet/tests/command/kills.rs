//! A wallet killed at any moment: after each restart what was pending is finished, and nothing is paid twice or lost.

use crate::harness::{Committee, Storage, Wallet};
use std::time::{Duration, Instant};

const ROUND_COUNT: u64 = 50;
/// Payments before the first kill.
const WARM_UP_COUNT: u64 = 3;

/// Delays that look random, up to a bound.
fn delays(bound_us: u64) -> impl Iterator<Item = u64> {
    let step =
        |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    core::iter::successors(Some(2_026), step).map(move |state| (state >> 33) % bound_us)
}

#[test]
fn a_wallet_killed_fifty_times_pays_everything_once() {
    let (mut wallet, accounts, genesis) = Wallet::with_accounts(2, 1_000_000);
    let committee = Committee::start(&genesis, Storage::Volatile);
    wallet.join(&committee);
    let bound_us = payment_us(&wallet, &accounts);
    let (mut killed, mut resumed) = (0, 0);
    for (round, delay_us) in (1..=ROUND_COUNT).zip(delays(bound_us)) {
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
    assert_eq!(amounts.len(), sent.len(), "each payment is of another amount, and none is made twice");
    assert!(sent.iter().zip(0..).all(|(line, place)| number(line, "sequence") == place && line["state"] == "settled"));
    let (paid, count) = (i64::try_from(paid).unwrap(), u64::try_from(sent.len()).unwrap());
    wallet.await_answers(&accounts[0], 1_000_000 - paid, count);
    wallet.await_answers(&accounts[1], 1_000_000 + paid, 0);
    println!(
        "{killed} killed within {bound_us} us, {resumed} orders resumed, {} of {ROUND_COUNT} payments made",
        count - WARM_UP_COUNT
    );
    assert!(killed > 0 && resumed > 0, "{killed} kills came in time, {resumed} of them behind a signature");
}

/// How long a payment takes here, some 15 ms: kills are spread over that time.
fn payment_us(wallet: &Wallet, accounts: &[String]) -> u64 {
    let pay = |amount| {
        let started = Instant::now();
        wallet.pay(amount, &accounts[0], &accounts[1], &["--no-check"]);
        u64::try_from(started.elapsed().as_micros()).unwrap()
    };
    (1..=WARM_UP_COUNT).map(pay).min().expect("there are some")
}
