//! A running committee, measured over a wallet's accounts: real authorities, a real wallet, which must know afterwards what its
//! accounts paid.

use crate::network::{self, Network, Wallet};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// What every authority says of an account.
fn balances(wallet: &Wallet, account: &str) -> Vec<Value> {
    let (code, asked) = wallet.json(&["balance", account, "--quorum"]);
    assert_eq!(code, 0, "{asked}");
    asked["authorities"].as_array().unwrap().iter().map(|answer| answer["balance"].clone()).collect()
}

/// All is well: everything settled, and every authority has every balance that it must have.
fn is_good((code, json, stderr): &(i32, Value, String), accounts: u64, payments: u64) {
    assert_eq!(*code, 0, "{stderr}\n{json}");
    assert_eq!(
        (&json["lost"], &json["rejected"], &json["invalid_replies"]),
        (&0.into(), &0.into(), &0.into()),
        "{json}"
    );
    assert_eq!(
        (&json["accounts"], &json["payments"], &json["settled"]),
        (&accounts.into(), &payments.into(), &payments.into())
    );
    assert_eq!((&json["audit"]["ok"], &json["audit"]["accounts"]), (&true.into(), &(4 * accounts).into()), "{json}");
    assert!(json["authority_cpu_ns_per_payment"].is_null() && json["settled_per_s"].as_f64().unwrap() > 0.0);
    for phase in ["saturated", "open_loop"] {
        let phase = &json["phases"][phase];
        assert!(phase["authority_cpu_ns_per_payment"].is_null() && phase["authority_cores"].is_null(), "{json}");
        assert_eq!(phase["latency_us"]["order_receipt"]["count"], phase["payments"]);
    }
}

#[test]
fn authorities_of_different_shards_and_weights_are_measured_and_the_wallet_pays_on() {
    let wallet = Wallet::make(40, 100);
    let network = Network::start(&wallet, [1, 2, 4, 3], [2, 1, 3, 1]);
    let accounts = wallet.accounts();
    is_good(&network.attach(&wallet, &[]), 40, 120);
    for account in [&accounts[0], &accounts[39]] {
        assert_eq!(balances(&wallet, account), [100; 4]);
    }
    let (code, paid) = wallet.json(&["pay", "7", "--from", &accounts[0], "--to", &accounts[1]]);
    assert_eq!((code, &paid["sequence"]), (0, &3.into()), "behind the three payments of the run: {paid}");
    let (_, history) = wallet.json(&["history", &accounts[0]]);
    let sent = history["sent"].as_array().unwrap();
    assert!(sent.len() == 4 && sent.iter().all(|line| line["state"] == "settled"), "{history}");
    let (_, known) = wallet.json(&["balance", &accounts[5]]);
    assert_eq!(known["balance"], 100, "the book knows the balances: {known}");
    let again = network.attach(&wallet, &["--payments", "200", "--hint", "--sockets", "2"]);
    is_good(&again, 40, 200);
    assert_eq!(again.1["shards"], serde_json::json!([1, 2, 4, 3]));
    assert_eq!(again.1["quorum"], 5);
}

#[test]
fn accounts_without_money_are_left_out_and_sealed_keys_need_their_passphrase() {
    let wallet = Wallet::make(12, 100);
    let network = Network::start(&wallet, [2; 4], [1; 4]);
    assert_eq!(wallet.json(&["create-accounts", "3"]).0, 0);
    let accounts = wallet.accounts();
    let (code, paid) = wallet.json(&["pay", "99", "--from", &accounts[2], "--to", &accounts[12]]);
    assert_eq!(code, 0, "{paid}");
    let passphrase = wallet.write("passphrase", "correct horse\n");
    let (code, sealed) = wallet.json(&["passphrase", "set", "--new-passphrase-file", &passphrase]);
    assert_eq!(code, 0, "{sealed}");
    let (code, _, stderr) = network.attach(&wallet, &[]);
    assert!(code == 3 && stderr.contains("--passphrase-file"), "{stderr}");
    let run = network.attach(&wallet, &["--passphrase-file", &passphrase]);
    is_good(&run, 12, 36);
    let left_out = &run.1["accounts_left_out"];
    assert_eq!((&left_out["unknown"], &left_out["too_poor"]), (&2.into(), &1.into()), "{left_out}");
}

#[test]
fn a_run_killed_at_any_moment_leaves_a_wallet_that_finishes_and_pays_on() {
    let wallet = Wallet::make(200, 1_000);
    let network = Network::start(&wallet, [2; 4], [1; 4]);
    let mut finished = 0;
    for delay_ms in [0, 20, 50, 100, 200] {
        let before = wallet.book_bytes();
        let mut run = network.start_attach(&wallet, &["--payments", "5000"]);
        while wallet.book_bytes() == before {
            assert!(run.try_wait().unwrap().is_none(), "it ends before it has written an order");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(delay_ms));
        run.kill().unwrap();
        assert_eq!(run.wait().unwrap().code(), None, "5,000 payments take longer than {delay_ms} ms");
        let (code, recovered) = wallet.json(&["recover"]);
        assert_eq!(code, 0, "{recovered}");
        finished += recovered["finished"].as_array().unwrap().len();
    }
    assert!(finished > 0, "no kill came while an order was pending");
    let accounts = wallet.accounts();
    let (code, paid) = wallet.json(&["pay", "1", "--from", &accounts[0], "--to", &accounts[199]]);
    assert_eq!(code, 0, "{paid}");
    let run = network.attach(&wallet, &[]);
    is_good(&run, 200, 600);
    assert_eq!(run.1["accounts_left_out"]["pending"], 0);
}

#[test]
fn an_authority_that_is_away_and_a_wallet_in_use_are_told() {
    let wallet = Wallet::make(4, 100);
    let mut network = Network::start(&wallet, [1; 4], [1; 4]);
    let holder = network.start_attach(&wallet, &["--payments", "300", "--rate", "20"]);
    std::thread::sleep(Duration::from_secs(1));
    let (code, _, stderr) = network.attach(&wallet, &[]);
    assert!(code == 3 && stderr.contains("another command"), "{stderr}");
    network::end(holder);
    assert_eq!(wallet.json(&["recover"]).0, 0);
    network.stop(3);
    let (code, _, stderr) = network.attach(&wallet, &["--timeout-ms", "50"]);
    assert!(code == 2 && stderr.contains("authority 3") && stderr.contains("answers nothing"), "{stderr}");
}

#[test]
fn two_parts_of_a_load_begin_together_share_accounts_and_rate_and_merge_into_one() {
    let wallet = Wallet::make(41, 100);
    let network = Network::start(&wallet, [1; 4], [1; 4]);
    let copy = wallet.copy("copy");
    let folders = ["part-0", "part-1"].map(|name| wallet.path(name).to_str().unwrap().to_owned());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let start_at = (now + 3).to_string();
    let part = |shard: &'static str, folder| {
        ["--load-shard", shard, "--start-at", &start_at, "--rate", "1001", "--out", folder].map(str::to_owned)
    };
    let [one, other] = [part("0/2", &folders[0]), part("1/2", &folders[1])];
    let first = network.start_attach(&wallet, &one.each_ref().map(String::as_str));
    let other = other.iter().map(String::as_str).chain(["--wallet", &copy]);
    let second = network.start_attach(&wallet, &other.collect::<Vec<_>>());
    let parts = [network::end(first), network::end(second)];
    for ((run, accounts), (index, rate)) in parts.iter().zip([21, 20]).zip([(0, 501), (1, 500)]) {
        is_good(run, accounts, 3 * accounts);
        assert_eq!(run.1["load_shard"], serde_json::json!({ "index": index, "count": 2, "start_at": now + 3 }));
        assert_eq!(run.1["phases"]["open_loop"]["rate_per_s"], rate);
    }
    assert!(wallet.accounts().iter().all(|account| balances(&wallet, account) == [100; 4]));
    merges(&wallet, [&folders[0], &folders[1]], now + 3);
    let (code, _, stderr) = network.attach(&wallet, &["--load-shard", "0/2", "--start-at", "1"]);
    assert!(code == 2 && stderr.contains("--start-at passed"), "{stderr}");
    let (code, _, stderr) = network.attach(&wallet, &["--load-shard", "2/2"]);
    assert!(code == 2 && stderr.contains("parts count from 0"), "{stderr}");
    let (code, _, stderr) = network.attach(&wallet, &["--out", &folders[0]]);
    assert!(code == 2 && stderr.contains("is not empty"), "{stderr}");
}

/// Both parts of 123 payments make one result, and either alone, or twice, makes none.
fn merges(wallet: &Wallet, [one, other]: [&str; 2], begun_s: u64) {
    let out = wallet.path("merged");
    let merge = |folders: &[&str]| network::merge(folders, &out);
    let (code, why) = merge(&[one, one]);
    assert!(code == 1 && why.contains("both share 0"), "{why}");
    let (code, why) = merge(&[one]);
    assert!(code == 1 && why.contains("missing: 1") && !out.exists(), "{why}");
    let (code, why) = merge(&[other, one]);
    assert_eq!(code, 0, "{why}");
    let result = |folder: &Path| -> Value {
        serde_json::from_slice(&std::fs::read(folder.join("result.json")).unwrap()).unwrap()
    };
    let (parts, merged) = ([one, other].map(|folder| result(folder.as_ref())), result(&out));
    for (name, count) in [("accounts", 41), ("payments", 123), ("settled", 123), ("lost", 0), ("rejected", 0)] {
        assert_eq!(merged[name], count, "{name}: {merged}");
    }
    let settled = |result: &Value, phase: usize| result["recorded"]["phases"][phase]["sample_counts"].clone();
    for phase in 0..2 {
        let sum = parts.iter().map(|part| settled(part, phase)["order_receipt.from_schedule"].as_u64().unwrap());
        assert_eq!(settled(&merged, phase)["order_receipt.from_schedule"], sum.sum::<u64>(), "{merged}");
    }
    assert_eq!(merged["latency_us"]["order_receipt"]["count"], 123 / 3);
    assert_eq!((&merged["audit"]["ok"], &merged["audit"]["accounts"]), (&true.into(), &(4 * 41).into()));
    assert_eq!(merged["phase_list"][1]["rate_per_s"], 1_001);
    let begun_us = merged["recorded"]["begun_unix_us"].as_u64().unwrap();
    assert!((begun_s * 1_000_000..(begun_s + 10) * 1_000_000).contains(&begun_us), "{begun_us}");
    assert!(out.join("report.html").is_file());
}
