//! A real authority, killed again and again; and one that forgets, to see that it would be noticed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod common;

use common::bench_json;
use serde_json::Value;

/// A trial at a rate that suits slow machines.
fn trial(options: &[&str]) -> (i32, Value, String) {
    let small = ["crash", "--rate", "5000"];
    bench_json(small.iter().chain(options).map(|text| (*text).to_owned()))
}

/// Runs a trial with few accounts, so that each pays many times, in which nothing may be forgotten.
fn forgets_nothing(options: &[&str], rounds: u64) -> Value {
    let (code, json, stderr) = trial(&[&["--accounts", "500"], options].concat());
    assert_eq!(code, 0, "{options:?}\n{stderr}\n{json}");
    for count in ["receipts_lost", "conflicting_votes", "unsettled", "account_mismatches", "invalid_replies"] {
        assert_eq!(json[count], 0, "{count}: {json}");
    }
    for truth in ["supply_conserved", "digest_equal", "journal_sound"] {
        assert_eq!(json[truth], true, "{truth}: {json}");
    }
    assert_eq!((&json["mode"], &json["rounds"]), (&"durable".into(), &rounds.into()), "{json}");
    let count = |name: &str| json[name].as_u64().unwrap();
    assert!(count("kills") >= rounds && count("kills") == rounds + early_kills(&json), "{json}");
    assert!(count("conflicts_tried") >= rounds && count("conflicts_refused") == count("conflicts_tried"), "{json}");
    assert!(count("pending") > 0 && count("settled") + count("pending") == count("payments"), "{json}");
    assert_eq!(json["restart_ms"]["count"], rounds, "{json}");
    json
}

/// Every kill that is not a round's came while the authority started.
fn early_kills(json: &Value) -> u64 {
    json["kills"].as_u64().unwrap() - json["rounds"].as_u64().unwrap()
}

#[test]
fn twenty_kills_under_load_make_it_forget_nothing() {
    let json = forgets_nothing(&["--rounds", "20"], 20);
    assert!(json["snapshots"].as_u64().unwrap() > 0, "the journal's ring turned: {json}");
    assert!(early_kills(&json) > 0, "some of 20 starts are killed on their way: {json}");
}

#[test]
fn kills_of_one_of_two_processes_lose_and_repeat_no_credit() {
    let json = forgets_nothing(&["--rounds", "6", "--shards", "4", "--processes", "2", "--seed", "3"], 6);
    assert_eq!(json["processes"], 2, "{json}");
    assert!(json["credits_crossed"].as_u64().unwrap() > 0, "{json}");
    let sessions = |part: usize| json["counters"][part]["link"]["peers"][0]["sessions"].as_u64().unwrap();
    assert!(sessions(0) >= 1 && sessions(1) >= 1, "{json}");
}

/// A process that forgets is found out by the other one, which remembers: neither goes on.
#[test]
fn a_process_that_forgets_what_the_other_remembers_ends_both() {
    let (code, json, stderr) =
        trial(&["--accounts", "500", "--rounds", "3", "--shards", "4", "--processes", "2", "--forgetful"]);
    assert_eq!(code, 3, "{stderr}\n{json}");
    assert!(stderr.contains("lost its state") && stderr.contains("put back the data directories"), "{stderr}");
}

#[test]
fn more_processes_than_shards_and_kills_of_none_are_refused() {
    for options in [&["--processes", "2"][..], &["--shards", "2", "--processes", "2", "--kill", "2"]] {
        assert_eq!(trial(options).0, 2, "{options:?}");
    }
}

#[test]
fn kills_between_shards_lose_and_repeat_no_credit() {
    forgets_nothing(&["--rounds", "8", "--shards", "3", "--seed", "5"], 8);
}

/// The proof that the trial bites: with an authority that keeps nothing it must fail, on every count that matters. Many
/// accounts, so that at the first kill most second orders are for sequence number 0, the only one that it then votes for.
#[test]
fn an_authority_that_forgets_is_found_out() {
    let (code, json, stderr) = trial(&["--accounts", "4000", "--rounds", "3", "--forgetful"]);
    assert_eq!(code, 1, "{stderr}\n{json}");
    let count = |name: &str| json[name].as_u64().unwrap();
    assert!(count("receipts_lost") > 0 && count("conflicting_votes") > 0 && count("unsettled") > 0, "{json}");
    assert!(count("conflicts_refused") < count("conflicts_tried"), "{json}");
    assert_eq!((&json["mode"], &json["digest_equal"]), (&"volatile".into(), &false.into()), "{json}");
    assert!(stderr.contains("receipts were forgotten") && stderr.contains("second orders were voted for"), "{stderr}");
}
