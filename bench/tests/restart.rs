//! Starts of a real authority, timed: what it reads back must be there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod common;

use common::bench_json;

#[test]
fn a_full_journal_and_a_snapshot_are_read_back_at_every_start() {
    let options = ["restart", "--accounts", "3000", "--journal-mib", "8", "--starts", "2", "--full", "30"];
    let (code, json, stderr) = bench_json(options.iter().map(|text| (*text).to_owned()));
    assert_eq!(code, 0, "{stderr}\n{json}");
    let starts = json["starts"].as_array().unwrap();
    assert_eq!(starts.len(), 2, "{json}");
    assert!(json["used_percent"].as_u64().unwrap() >= 30, "{json}");
    assert!(starts[0]["records"].as_u64().unwrap() > 0, "{json}");
    for start in starts {
        assert!(start["snapshots"].as_u64().unwrap() > 0, "{json}");
        assert!(start["recovery_ms"].as_u64().unwrap() <= start["ready_ms"].as_u64().unwrap(), "{json}");
    }
    assert_eq!(starts[0]["records"], starts[1]["records"], "both starts found the same: {json}");
}
