//! Real authorities: small runs of the real executable, in the variants that its options offer. Cargo has the authority
//! built when the bench asks for it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod common;

use common::{bench, bench_json};
use serde_json::Value;

/// Runs 900 payments against volatile authorities: see [`settles`].
fn settles_in_memory(options: &[&str]) -> Value {
    let json = settles(&[&["--volatile"], options].concat());
    assert_eq!(json["mode"], "volatile");
    assert!(json["journal"].is_null() && json["price"].is_null(), "{json}");
    json
}

/// Runs 900 payments against durable authorities with small journals: see [`settles`].
fn settles_on_disk(options: &[&str]) -> Value {
    let json = settles(&[&["--journal-mib", "8"], options].concat());
    assert_eq!(json["mode"], "durable");
    let journal = &json["journal"];
    assert!(journal["commits"].as_u64().unwrap() > 0 && journal["bytes"].as_u64().unwrap() > 900 * 256, "{json}");
    assert_eq!((&journal["copies"], &journal["disk_flush_us"]["count"]), (&2.into(), &200.into()), "{json}");
    for flush in [&journal["flush_us"], &journal["disk_flush_us"]] {
        assert!(flush["p99"].as_f64().unwrap() >= flush["p50"].as_f64().unwrap(), "{json}");
    }
    json
}

/// Runs 900 payments with these options: all must settle, and the audit must agree. Patient, since the machine may be busy
/// with other tests.
fn settles(options: &[&str]) -> Value {
    let small = ["--accounts", "300", "--payments", "900", "--tries", "60"];
    let (code, json, stderr) = bench_json(small.iter().chain(options).map(|text| (*text).to_owned()));
    assert_eq!(code, 0, "{options:?}\n{stderr}\n{json}");
    assert_eq!((&json["lost"], &json["rejected"], &json["payments"]), (&0.into(), &0.into(), &900.into()), "{json}");
    assert_eq!((&json["audit"]["ok"], &json["audit"]["mismatches"]), (&true.into(), &0.into()), "{json}");
    assert_eq!(json["audit"]["total"], json["audit"]["expected_total"]);
    assert_eq!(json["invalid_replies"], 0, "{json}");
    assert!(json["settled_per_s"].as_f64().unwrap() > 0.0);
    for phase in ["saturated", "open_loop"] {
        let phase = &json["phases"][phase];
        assert_eq!(phase["settled"], phase["payments"]);
        assert_eq!(phase["latency_us"]["order_receipt"]["count"], phase["payments"]);
    }
    json
}

#[test]
fn payments_settle_durably_and_the_price_is_told() {
    let json = settles_on_disk(&[]);
    let price = &json["price"];
    assert!(price["volatile_settled_per_s"].as_f64().unwrap() > 0.0, "{json}");
    assert!(price["rate_share"].as_f64().unwrap() > 0.0, "{json}");
    assert_eq!(price["volatile_unsettled"], 0, "{json}");
}

#[test]
fn payments_settle_durably_between_two_shards_of_four_authorities_in_directories_named() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let named = folders.iter().map(|folder| folder.path().to_str().unwrap()).collect::<Vec<_>>().join(",");
    let json = settles_on_disk(&["--live", "--shards", "2", "--no-price", "--data", &named]);
    assert!(json["price"].is_null(), "{json}");
    assert_eq!((&json["live"], &json["shards"]), (&true.into(), &2.into()));
    let left = folders.iter().map(|folder| std::fs::read_dir(folder.path()).unwrap().count());
    assert_eq!(left.sum::<usize>(), 0, "the journals went with the run");
}

#[test]
fn payments_settle_over_the_best_transport() {
    let json = settles_in_memory(&[]);
    assert_eq!(json["transport"], json["generator"]["transport"], "both sides probe the same machine");
    assert_eq!((&json["committee"], &json["quorum"], &json["simulated_voters"]), (&4.into(), &3.into(), &2.into()));
    assert!(json["authority"]["counters"].is_object(), "{json}");
}

#[test]
fn payments_settle_over_recvmmsg() {
    let json = settles_in_memory(&["--transport", "recvmmsg"]);
    assert_eq!((&json["transport"], &json["generator"]["transport"]), (&"recvmmsg".into(), &"recvmmsg".into()));
}

#[test]
fn payments_settle_between_two_shards() {
    assert_eq!(settles_in_memory(&["--shards", "2"])["shards"], 2);
}

#[test]
fn payments_settle_with_a_verifier_thread() {
    assert_eq!(settles_in_memory(&["--verifiers", "1"])["verifiers"], 1);
}

#[test]
fn payments_settle_with_four_live_authorities() {
    let json = settles_in_memory(&["--live"]);
    assert_eq!((&json["live"], &json["simulated_voters"]), (&true.into(), &0.into()));
    assert_eq!(json["audit"]["accounts"], 4 * 300, "all four are audited");
    assert_eq!(json["authorities"].as_array().unwrap().len(), 4);
    assert_eq!(json["receipts_missing"], 0);
}

#[test]
fn payments_settle_from_eight_sockets_without_segmentation() {
    let json = settles_in_memory(&["--sockets", "8", "--no-gso"]);
    assert_eq!((&json["sockets"], &json["gso"]), (&8.into(), &false.into()));
    assert_eq!(
        json["generator"]["sockets"]["datagrams_sent"], json["generator"]["sockets"]["sends"],
        "one datagram a send"
    );
}

#[test]
fn payments_settle_in_committees_of_one_and_of_ten() {
    assert_eq!(settles_in_memory(&["--committee", "1"])["simulated_voters"], 0);
    let ten = settles_in_memory(&["--committee", "10"]);
    assert_eq!((&ten["simulated_voters"], &ten["simulated_batch"]), (&6.into(), &8.into()));
}

#[test]
fn without_json_a_table_is_printed_and_the_command_to_repeat_it() {
    let arguments = ["--accounts", "100", "--payments", "150", "--seed", "7", "--journal-mib", "8"];
    let output = bench(arguments.map(String::from));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    assert!(
        ["order to receipt", "audit", "the disk's own flush", "of that, durable"]
            .iter()
            .all(|part| stdout.contains(part)),
        "{stdout}"
    );
    assert!(
        stdout.contains("repeat with: quittance-bench --accounts 100 --payments 150 --seed 7 --journal-mib 8"),
        "{stdout}"
    );
}
