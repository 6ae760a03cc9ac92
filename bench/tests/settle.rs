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
    adds_up(&json);
    for phase in ["saturated", "open_loop"] {
        let phase = &json["phases"][phase];
        assert_eq!(phase["settled"], phase["payments"]);
        assert_eq!(phase["latency_us"]["order_receipt"]["count"], phase["payments"]);
    }
    json
}

/// Every ledger is there and closed: what was sent, what the authorities counted, and what came back.
fn adds_up(json: &Value) {
    let accounting = &json["accounting"];
    let (payments, requests, replies) = (&accounting["payments"], &accounting["requests"], &accounting["replies"]);
    for remainder in [
        &payments["unscheduled"],
        &payments["remainder"],
        &requests["remainder_on_the_way"],
        &requests["remainder"],
        &replies["remainder_on_the_way"],
        &replies["remainder"],
    ] {
        assert_eq!(remainder, 0, "{json}");
    }
    assert_eq!((&payments["scheduled"], &payments["settled"]), (&json["payments"], &json["settled"]));
    assert!(requests["replied"].as_u64().unwrap() > 2 * json["payments"].as_u64().unwrap(), "{json}");
    let requests_by_kind = ["orders", "certificates", "queries"].map(|kind| requests[kind].as_u64().unwrap());
    assert_eq!(requests_by_kind.iter().sum::<u64>(), requests["received"].as_u64().unwrap(), "{json}");
}

#[test]
fn phases_are_driven_in_their_order_and_all_but_the_warm_up_are_measured() {
    let phases = ["warm-up:2000/100ms", "ramp:1000..3000/200ms", "full:window=50/300"];
    let arguments = phases.iter().flat_map(|phase| ["--phase", phase]);
    let all = ["--volatile", "--accounts", "300", "--tries", "60", "--arrivals", "poisson", "--bad-every", "20"];
    let (code, json, stderr) = bench_json(all.into_iter().chain(arguments).map(str::to_owned));
    // On a busy machine the generator may be late, and then the run says that it is invalid.
    assert!(code == 0 || code == 97 && json["valid"] == false, "{code} {stderr}\n{json}");
    adds_up(&json);
    let list = json["phase_list"].as_array().unwrap();
    let seen: Vec<_> = list.iter().map(|phase| (&phase["name"], &phase["measured"], &phase["settled"])).collect();
    let expected: [(Value, Value, Value); 3] = [
        ("warm-up".into(), false.into(), 200.into()),
        ("ramp".into(), true.into(), 400.into()),
        ("full".into(), true.into(), 300.into()),
    ];
    assert_eq!(seen, expected.each_ref().map(|(name, measured, settled)| (name, measured, settled)), "{json}");
    assert_eq!((&list[1]["rate_per_s"], &list[1]["rate_end_per_s"]), (&1_000.into(), &3_000.into()));
    assert_eq!((&json["latency_us"]["order_receipt"]["count"], &json["payments"]), (&400.into(), &900.into()));
    assert!(json["phases"].is_null() && json["arrivals"] == "poisson", "{json}");
    let (pushed, bad) = (&json["accounting"]["requests"]["pushed_by_intruder"], &json["intruder"]["bad_orders"]);
    assert!(pushed == bad && bad.as_u64().unwrap() >= 45, "{json}");
    assert_eq!(json["accounting"]["replies"]["intruder"], *bad, "{json}");
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
