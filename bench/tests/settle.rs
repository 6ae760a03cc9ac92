//! Real authorities: small runs of the real executable, in the variants that its options offer. Cargo has the authority
//! built when the bench asks for it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod common;

use common::{bench, bench_json};
use serde_json::Value;

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
fn payments_settle_over_the_best_transport() {
    let json = settles(&[]);
    assert_eq!(json["mode"], "volatile");
    assert_eq!(json["transport"], json["generator"]["transport"], "both sides probe the same machine");
    assert_eq!((&json["committee"], &json["quorum"], &json["simulated_voters"]), (&4.into(), &3.into(), &2.into()));
    assert!(json["authority"]["counters"].is_object(), "{json}");
}

#[test]
fn payments_settle_over_recvmmsg() {
    let json = settles(&["--transport", "recvmmsg"]);
    assert_eq!((&json["transport"], &json["generator"]["transport"]), (&"recvmmsg".into(), &"recvmmsg".into()));
}

#[test]
fn payments_settle_between_two_shards() {
    assert_eq!(settles(&["--shards", "2"])["shards"], 2);
}

#[test]
fn payments_settle_with_a_verifier_thread() {
    assert_eq!(settles(&["--verifiers", "1"])["verifiers"], 1);
}

#[test]
fn payments_settle_with_four_live_authorities() {
    let json = settles(&["--live"]);
    assert_eq!((&json["live"], &json["simulated_voters"]), (&true.into(), &0.into()));
    assert_eq!(json["audit"]["accounts"], 4 * 300, "all four are audited");
    assert_eq!(json["authorities"].as_array().unwrap().len(), 4);
    assert_eq!(json["receipts_missing"], 0);
}

#[test]
fn payments_settle_from_eight_sockets_without_segmentation() {
    let json = settles(&["--sockets", "8", "--no-gso"]);
    assert_eq!((&json["sockets"], &json["gso"]), (&8.into(), &false.into()));
    assert_eq!(
        json["generator"]["sockets"]["datagrams_sent"], json["generator"]["sockets"]["sends"],
        "one datagram a send"
    );
}

#[test]
fn payments_settle_in_committees_of_one_and_of_ten() {
    assert_eq!(settles(&["--committee", "1"])["simulated_voters"], 0);
    let ten = settles(&["--committee", "10"]);
    assert_eq!((&ten["simulated_voters"], &ten["simulated_batch"]), (&6.into(), &8.into()));
}

#[test]
fn without_json_a_table_is_printed_and_the_command_to_repeat_it() {
    let arguments = ["--accounts", "100", "--payments", "150", "--seed", "7"];
    let output = bench(arguments.map(String::from));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    assert!(stdout.contains("order to receipt") && stdout.contains("audit"), "{stdout}");
    assert!(stdout.contains("repeat with: quittance-bench --accounts 100 --payments 150 --seed 7"), "{stdout}");
}
