//! Objectives, comparisons and knobs with the real executable: what they print and how they end. What they measured is the
//! machine's business.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod common;

use common::binaries::binaries;
use common::{bench, bench_json};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Runs so short that they measure nothing, against authorities that keep nothing.
const SMALL: [&str; 7] = ["--volatile", "--accounts", "200", "--payments", "600", "--tries", "60"];

fn owned(arguments: &[&[&str]]) -> Vec<String> {
    arguments.concat().into_iter().map(String::from).collect()
}

/// Small runs with these options.
fn small(arguments: &[&str]) -> Vec<String> {
    owned(&[arguments, &SMALL])
}

/// What a run might have left behind.
fn result(settled_per_s: f64, lost: u64) -> String {
    let latency = json!({"count": 40_000, "p50": 90.0, "p90": 100.0, "p99": 200.0, "p99_9": 300.0, "max": 400.0});
    json!({
        "payments": 120_000, "settled": 120_000 - lost, "lost": lost, "rejected": 0, "audit": {"ok": true},
        "settled_per_s": settled_per_s, "authority_cpu_ns_per_payment": 9_000.0,
        "latency_us": {"order_vote": latency, "order_receipt": latency},
    })
    .to_string()
}

#[test]
fn a_missed_objective_ends_a_good_run_with_99_and_is_told_term_by_term() {
    let (code, json, stderr) = bench_json(small(&["--slo", "loss=0,settled_per_s>=1e12,order_receipt.p99.9<60s"]));
    assert_eq!(code, 99, "{stderr}\n{json}");
    let met = |index: usize| json["objective"]["terms"][index]["met"].clone();
    assert_eq!([met(0), met(1), met(2)], [true, false, false], "{json}");
    assert_eq!((&json["objective"]["met"], &json["lost"]), (&false.into(), &0.into()), "{json}");
    assert!(
        stderr.contains("objective met: loss=0 (0)") && stderr.contains("objective MISSED: settled_per_s"),
        "{stderr}"
    );
    assert!(stderr.contains("too few samples: 200, and p99.9 takes 10000"), "{stderr}");
}

#[test]
fn an_objective_that_is_met_changes_no_exit_code_and_one_that_is_none_is_wrong_usage() {
    let met = "loss=0,rejected=0,settled_per_s>1,cpu<1s,order_receipt.p50<60s";
    let (code, json, stderr) = bench_json(small(&["--slo", met]));
    assert_eq!((code, &json["objective"]["met"]), (0, &true.into()), "{stderr}\n{json}");
    let (code, _, stderr) = bench_json(owned(&[&["--slo", "order_receipt.p99<2"]]));
    assert_eq!(code, 2);
    assert!(stderr.contains("needs a unit") && stderr.contains("\n  order_receipt.p99<2\n"), "{stderr}");
}

/// The threshold is out of reach: what two pairs of short runs show must not decide.
#[test]
fn two_executables_run_in_pairs_and_one_may_be_a_script() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, script) = (
        binaries(&["quittance-engine", "quittance-wallet"]).join("quittance-authority"),
        folder.path().join("no-gso.sh"),
    );
    std::fs::write(&script, format!("#!/bin/sh\nexec '{}' \"$@\" --no-gso\n", authority.display())).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let sides = ["compare", authority.to_str().unwrap(), script.to_str().unwrap()];
    let how = ["--pairs", "2", "--threshold", "99", "--gate", "settled_per_s"];
    let (code, json, stderr) = bench_json(owned(&[&sides, &how, &SMALL]));
    assert_eq!(code, 0, "{stderr}\n{json}");
    assert_eq!((&json["method"], &json["a"]["runs"], &json["b"]["runs"]), (&"pairs".into(), &2.into(), &2.into()));
    assert!(json["rate_per_s"].as_u64().unwrap() > 0, "the runs that warmed up found one: {json}");
    assert!(json["notes"].as_array().unwrap().is_empty(), "both sides had the same settings and load: {json}");
    let metrics = json["metrics"].as_array().unwrap();
    assert_eq!(
        (metrics.len(), &metrics[0]["metric"], &metrics[0]["gated"]),
        (6, &"settled_per_s".into(), &true.into())
    );
    assert_eq!(metrics[0]["a"]["values"].as_array().unwrap().len(), 2);
    let figure = |name: &str| metrics[0]["interval"][name].as_f64().unwrap();
    assert!(figure("low") <= figure("ratio") && figure("ratio") <= figure("high"), "{json}");
    let p99_9 = metrics.iter().find(|one| one["metric"] == "order_receipt.p99.9").unwrap();
    assert!(p99_9["not_measured"].as_str().unwrap().contains("too few samples"), "{p99_9}");
    for said in ["a run to warm up", "run 1 of 4", "run 4 of 4"] {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
}

/// Writes results of both sides into files, and compares those.
fn compared(a: &[String], b: &[String], options: &[&str]) -> (i32, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("a")).unwrap();
    for (index, result) in a.iter().enumerate() {
        let run = folder.path().join("a").join(index.to_string());
        std::fs::create_dir(&run).unwrap();
        std::fs::write(run.join("result.json"), result).unwrap();
    }
    let file = folder.path().join("b.json");
    std::fs::write(&file, b.join("\n")).unwrap();
    let sides = ["compare", &format!("{}/a", folder.path().display()), file.to_str().unwrap()];
    bench_json(owned(&[&sides, options]))
}

#[test]
fn a_regression_between_results_ends_with_98_and_noise_with_0() {
    let side = |figures: &[f64]| figures.iter().map(|figure| result(*figure, 0)).collect::<Vec<_>>();
    let before = side(&[100_000.0, 101_000.0, 99_500.0]);
    let (code, json, stderr) = compared(&before, &side(&[90_000.0, 91_000.0, 90_500.0]), &[]);
    assert_eq!((code, &json["regressions"]), (98, &json!(["settled_per_s"])), "{stderr}\n{json}");
    assert_eq!((&json["method"], &json["metrics"][0]["verdict"]), (&"unpaired".into(), &"worse".into()), "{json}");
    assert!(stderr.contains("settled_per_s is worse"), "{stderr}");
    let noise = side(&[100_500.0, 99_800.0, 100_200.0]);
    let (code, json, _) = compared(&before, &noise, &[]);
    assert_eq!((code, &json["metrics"][0]["verdict"]), (0, &"no difference seen".into()), "{json}");
    // The same loss, where it matters to nobody.
    assert_eq!(compared(&before, &side(&[90_000.0, 91_000.0, 90_500.0]), &["--gate", "cpu"]).0, 0);
    assert_eq!(compared(&before, &side(&[90_000.0, 91_000.0, 90_500.0]), &["--threshold", "20%"]).0, 0);
}

#[test]
fn results_of_failed_runs_and_sides_without_results_are_no_comparison() {
    let good = [result(1e5, 0), result(1e5, 0)];
    let (code, json, stderr) = compared(&good, &[result(1e5, 0), result(1e5, 3)], &[]);
    assert_eq!(code, 1, "{json}");
    assert!(stderr.contains("3 payments were lost"), "{stderr}");
    assert_eq!(compared(&good, &good[..1], &[]).0, 1, "one result has no interval, and that is no pass");
    assert_eq!(compared(&good, &["words".to_owned()], &[]).0, 2);
    assert_eq!(compared(&[], &good, &[]).0, 2);
}

#[test]
fn a_knob_is_measured_in_blocks_of_abba() {
    let how = ["ab", "gso", "--rounds", "2", "--rate", "20000"];
    let (code, json, stderr) = bench_json(small(&how));
    assert_eq!(code, 0, "{stderr}\n{json}");
    assert_eq!((&json["knob"]["name"], &json["method"]), (&"gso".into(), &"abba_blocks".into()), "{json}");
    assert_eq!((&json["a"]["label"], &json["b"]["label"]), (&"with".into(), &"without".into()), "{json}");
    assert_eq!((&json["a"]["runs"], &json["b"]["runs"], &json["rate_per_s"]), (&4.into(), &4.into(), &20_000.into()));
    assert_eq!(
        json["notes"],
        json!(["gso differs: with true; without false"]),
        "the knob was turned, and nothing else"
    );
    assert!(json["metrics"][0]["interval"]["ratio"].as_f64().unwrap() > 0.0, "{json}");
    assert_eq!(json["regressions"], json!([]), "an effect is no regression");
}

#[test]
fn knobs_are_listed_and_those_without_a_meaning_refused() {
    let output = bench(owned(&[&["ab", "--list"]]));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && stdout.contains("gso") && stdout.contains("one core for all"), "{stdout}");
    let (code, listed, _) = bench_json(owned(&[&["ab", "--list"]]));
    assert_eq!((code, &listed[0]["name"]), (0, &"gso".into()), "{listed}");
    for wrong in [&["ab"][..], &["ab", "luck"], &["ab", "history", "--volatile"], &["ab", "gso", "--slo", "loss=0"]] {
        assert_eq!(bench(owned(&[wrong])).status.code(), Some(2), "{wrong:?}");
    }
}

/// Changed for seconds and set back: a setting that only sockets made meanwhile have.
const BUSY_READ: &str = "/proc/sys/net/core/busy_read";

/// Whether this machine lets us set it, and it is not as wanted already.
fn can_set_busy_read() -> bool {
    let is_zero = std::fs::read_to_string(BUSY_READ).is_ok_and(|text| text.trim() == "0");
    let can_write = std::fs::OpenOptions::new().write(true).open(BUSY_READ).is_ok();
    if !is_zero || !can_write {
        eprintln!("SKIPPED: {BUSY_READ} is not 0, or not ours to write; run as root to see it turned");
    }
    is_zero && can_write
}

#[test]
fn a_knob_of_the_machine_is_turned_for_its_side_and_the_machine_is_then_as_it_was() {
    if !can_set_busy_read() {
        return;
    }
    let how = ["ab", "tune:net.core.busy_read", "--profile", "latency", "--rounds", "2", "--rate", "20000"];
    let (code, json, stderr) = bench_json(small(&how));
    assert_eq!(code, 0, "{stderr}\n{json}");
    assert_eq!(std::fs::read_to_string(BUSY_READ).unwrap().trim(), "0", "{stderr}");
    let knob = &json["knob"];
    assert_eq!((&knob["name"], &knob["profile"]), (&"tune:net.core.busy_read".into(), &"latency".into()), "{json}");
    let change = json!({"knob": "net.core.busy_read", "target": "host", "old": "0", "new": "50", "outcome": "changed"});
    assert_eq!(knob["changes"], json!([change]), "{json}");
    assert_eq!((&json["a"]["label"], &json["b"]["label"]), (&"as is".into(), &"tuned".into()), "{json}");
    assert_eq!((&json["a"]["runs"], &json["b"]["runs"]), (&4.into(), &4.into()), "{json}");
    assert_eq!(json["notes"], json!([]), "the runs have the same options: {json}");
    let folder = stderr.split("--state-dir ").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    assert!(!Path::new(folder).exists(), "nothing is left to roll back: {stderr}");
}

#[test]
fn a_knob_of_the_machine_that_no_profile_would_turn_is_refused_before_anything_runs() {
    for (wrong, words) in [
        (&["ab", "tune:luck"][..], "quittance-tune explain"),
        (&["ab", "tune:unit.allowed_cpus"], "unit.allowed_cpus: "),
        (&["ab", "gso", "--profile", "latency"], "--profile goes with tune:NAME"),
    ] {
        let (code, json, stderr) = bench_json(owned(&[wrong]));
        assert_eq!((code, &json), (2, &Value::Null), "{stderr}");
        assert!(stderr.contains(words) && !stderr.contains("run 1 of"), "{stderr}");
    }
}
