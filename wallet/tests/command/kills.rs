//! A wallet killed at any moment: after each restart what was pending is finished, and nothing is paid twice or lost.

use crate::harness::{Committee, Relay, Storage, Wallet};
use std::time::{Duration, Instant};

const ROUND_COUNT: u64 = 50;
const BAD_NETWORK_ROUND_COUNT: u64 = 20;
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
    kill_often(&mut wallet, &committee, &accounts, ROUND_COUNT);
}

#[test]
fn a_wallet_killed_twenty_times_on_a_network_that_loses_and_repeats_datagrams_pays_everything_once() {
    let (mut wallet, accounts, genesis) = Wallet::with_accounts(2, 1_000_000);
    let committee = Committee::start(&genesis, Storage::Volatile);
    let relay = Relay::start(&committee, 7);
    wallet.join_through(&relay, &committee);
    kill_often(&mut wallet, &committee, &accounts, BAD_NETWORK_ROUND_COUNT);
    assert!(relay.lost_count() > BAD_NETWORK_ROUND_COUNT, "{} datagrams were lost", relay.lost_count());
}

/// Kills a payment at so many moments, and recovers each time; then everything must have been paid once.
fn kill_often(wallet: &mut Wallet, committee: &Committee, accounts: &[String], round_count: u64) {
    let bound_us = payment_us(wallet, accounts);
    let (mut killed, mut resumed) = (0, 0);
    for (round, delay_us) in (1..=round_count).zip(delays(bound_us)) {
        let amount = (100 + round).to_string();
        let mut child = wallet.spawn(&["pay", &amount, "--from", &accounts[0], "--to", &accounts[1], "--no-check"]);
        std::thread::sleep(Duration::from_micros(delay_us));
        child.kill().unwrap();
        killed += u64::from(child.wait().unwrap().code().is_none());
        let (code, recovered) = wallet.json(&["recover"]);
        assert_eq!(code, 0, "round {round}, killed after {delay_us} us: {recovered}");
        resumed += recovered["finished"].as_array().unwrap().len();
    }
    // An authority that the last payment did not reach is told with the next one.
    wallet.join(committee);
    wallet.pay(1_000, &accounts[0], &accounts[1], &[]);
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
        "{killed} killed within {bound_us} us, {resumed} orders resumed, {} of {round_count} payments made",
        count - WARM_UP_COUNT - 1
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
