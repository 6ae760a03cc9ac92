//! Every workload against real authorities: small runs of the real executable, audited to the last unit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod common;

use common::bench_json;
use serde_json::Value;

/// Runs these options in memory: all must settle, and the audit must agree. Patient, since the machine may be busy with other
/// tests.
fn settles(options: &str) -> Value {
    let all = format!("--volatile --tries 60 {options}");
    let (code, json, stderr) = bench_json(all.split_whitespace().map(str::to_owned));
    assert_eq!(code, 0, "{options}\n{stderr}\n{json}");
    assert_eq!(
        (&json["lost"], &json["rejected"], &json["settled"]),
        (&0.into(), &0.into(), &json["payments"]),
        "{json}"
    );
    assert_eq!((&json["audit"]["ok"], &json["audit"]["mismatches"]), (&true.into(), &0.into()), "{json}");
    assert_eq!(json["audit"]["total"], json["audit"]["expected_total"], "{json}");
    assert_eq!(json["invalid_replies"], 0, "{json}");
    json
}

fn number(json: &Value) -> u64 {
    json.as_u64().unwrap_or_else(|| panic!("no number: {json}"))
}

#[test]
fn hot_accounts_wait_for_themselves_and_settle() {
    let json = settles("--workload zipf --accounts 300 --payments 2000");
    assert_eq!((&json["workload"], &json["zipf"]["exponent"]), (&"zipf".into(), &0.99.into()));
    // The law gives the hottest of 300 about a sixth.
    assert!((250..400).contains(&number(&json["zipf"]["sender_payments_max"])), "{json}");
    assert!(number(&json["phases"]["saturated"]["held"]) > 100, "{json}");
}

#[test]
fn smallbank_settles_between_the_shards_of_four_authorities() {
    let options = "--workload smallbank --live --shards 2 --accounts 400 --payments 3000 --cross-shard 40";
    let json = settles(options);
    let bank = &json["smallbank"];
    assert_eq!(json["audit"]["accounts"], 4 * 400, "every account at every authority");
    assert!(bank["operations_by_kind"].as_object().unwrap().values().all(|count| number(count) > 300), "{bank}");
    let planned = bank["cross_shard_percent_planned"].as_f64().unwrap();
    assert!((37.0..43.0).contains(&planned), "{bank}");
    // Two balances for each question, counted apart.
    let queries = &json["queries"];
    assert_eq!(number(&queries["sent"]), 2 * number(&bank["operations_by_kind"]["balance"]), "{json}");
    assert_eq!(number(&queries["refused"]), 0, "{queries}");
    assert!(number(&queries["answered"]) * 10 > number(&queries["sent"]) * 9, "{queries}");
}

#[test]
fn chained_payments_settle_from_accounts_that_had_nothing() {
    let json = settles("--workload chained --chain-length 20 --accounts 400 --payments 2000 --shards 2");
    assert_eq!(json["chain_length"], 20);
    let shards = json["authority"]["counters"]["shards"].as_array().unwrap();
    let held: u64 = shards.iter().map(|shard| number(&shard["protocol"]["orders_held"])).sum();
    assert!(held > 100, "orders wait for money from the other shard: {held}");
}

/// A reply may be lost on a busy machine, so answers are at most as many as what was sent; of what is sent, nothing is left to
/// chance.
#[test]
fn hostile_datagrams_are_counted_answered_and_settle_nothing() {
    let mix = "--hostile bad-signature=20%,garbage=12.5,replay=30,wrong-shard=10 --quarantine-ms 0";
    for shards in [1, 2] {
        let json = settles(&format!("--accounts 300 --payments 2000 --shards {shards} {mix}"));
        let hostile = &json["hostile"];
        let orders = number(&hostile["honest_orders"]);
        assert!(orders >= 2_000, "{hostile}");
        let (mut sent, mut bytes) = (0, 0);
        for (trick, of_thousand, answers) in [
            ("bad-signature", 200, &["bad_signature", "sequence_behind", "sequence_ahead", "busy"][..]),
            ("garbage", 125, &[]),
            ("replay", 300, &["vote", "receipt", "sequence_behind", "busy"]),
            ("wrong-shard", 100, &["wrong_shard"]),
        ] {
            let counts = &hostile["tricks"][trick];
            assert_eq!(number(&counts["sent"]), orders * of_thousand / 1_000, "{trick} {hostile}");
            let named = counts["answers"].as_object().unwrap();
            assert!(named.keys().all(|name| answers.contains(&name.as_str())), "{trick} {hostile}");
            assert_eq!(named.values().map(number).sum::<u64>(), number(&counts["answered"]), "{hostile}");
            let answered = number(&counts["answered"]) * 10;
            assert!(answered <= number(&counts["sent"]) * 10, "{hostile}");
            assert!(answers.is_empty() || answered > number(&counts["sent"]) * 8, "{trick} {hostile}");
            sent += number(&counts["sent"]);
            bytes += number(&counts["bytes"]);
        }
        assert_eq!((number(&hostile["sent"]), number(&hostile["bytes"])), (sent, bytes));
        let goodput = &hostile["goodput"];
        assert_eq!(goodput["settled_per_s"], json["settled_per_s"]);
        // An order and a certificate of three votes.
        let payment_bytes = goodput["bytes_per_s"].as_f64().unwrap() / goodput["settled_per_s"].as_f64().unwrap();
        assert!((600.0..1_712.0).contains(&payment_bytes), "{payment_bytes}");
        let intruder = &json["intruder"];
        assert_eq!(intruder["bad_orders"], hostile["tricks"]["bad-signature"]["sent"]);
        assert_eq!(
            number(&hostile["tricks"]["bad-signature"]["answers"]["bad_signature"]),
            number(&intruder["refused"])
        );
    }
}

#[test]
fn bad_every_nth_order_is_one_trick_of_them() {
    let json = settles("--accounts 300 --payments 900 --bad-every 9");
    let orders = number(&json["hostile"]["honest_orders"]);
    assert_eq!(number(&json["intruder"]["bad_orders"]), orders / 9, "{json}");
    assert_eq!(json["hostile"]["tricks"].as_object().unwrap().len(), 1);
}

/// Three votes to thirteen in a certificate, and ever shorter paths.
#[test]
fn committees_of_four_to_nineteen_settle() {
    for (committee, quorum) in [(4, 3), (7, 5), (10, 7), (13, 9), (16, 11), (19, 13)] {
        let json = settles(&format!("--committee {committee} --accounts 150 --payments 450"));
        assert_eq!((number(&json["committee"]), number(&json["quorum"])), (committee, quorum));
        assert_eq!(number(&json["simulated_voters"]), quorum - 1);
    }
}
