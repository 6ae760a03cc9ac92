//! Cores of this machine, watched for a moment. What is found depends on what else runs: nothing is asserted of it but
//! that it adds up.

use std::process::{Command, Output};

use quittance_tuning::CpuList;
use quittance_tuning::jitter::{Cause, JitterError, Report, measure};
use rustix::thread::sched_getaffinity;
use serde_json::Value;

const MS: u64 = 1_000_000;

fn allowed() -> CpuList {
    let mask = sched_getaffinity(None).expect("the mask can be read");
    (0..1024).filter(|core| mask.is_set(*core)).collect()
}

fn tune(arguments: &[&str]) -> Output {
    let command = env!("CARGO_BIN_EXE_quittance-tune");
    Command::new(command).arg("jitter").args(arguments).output().expect("the command can be started")
}

fn adds_up(report: &Report, window_ns: u64) {
    assert_eq!(report.cores.iter().map(|seen| seen.core_index).collect::<CpuList>(), allowed());
    for seen in &report.cores {
        assert!(seen.window_ns >= window_ns && seen.reading_count > 0, "{seen:?}");
        assert_eq!(seen.gaps.histogram.iter().map(|bucket| bucket.count).sum::<u64>(), seen.gaps.count, "{seen:?}");
        assert!(seen.gaps.longest_ns <= seen.gaps.lost_ns && seen.gaps.lost_ns <= seen.window_ns, "{seen:?}");
        assert!((0.0..=1e6).contains(&seen.lost_ppm), "{seen:?}");
    }
}

#[test]
fn every_core_is_watched_for_its_time_one_by_one_and_together() {
    for together in [false, true] {
        let report = measure(&allowed(), 20 * MS, 1_000, together).expect("the cores are allowed");
        assert_eq!((report.together, report.threshold_ns), (together, 1_000));
        adds_up(&report, 20 * MS);
    }
}

#[test]
fn two_watchers_of_one_core_see_each_other() {
    // A core given twice is watched once; so the rival is a thread of ours, bound there too.
    let core: CpuList = allowed().iter().take(1).collect();
    let window_ns = 300 * MS;
    let [first, second] = std::thread::scope(|scope| {
        let watch = || measure(&core, window_ns, 100_000, false).expect("the core is allowed");
        let watchers = [scope.spawn(watch), scope.spawn(watch)];
        watchers.map(|watcher| watcher.join().unwrap().cores.remove(0))
    });
    // Both cannot have run all the time. The one that waited names other threads, if the kernel counts switches at all.
    let loser = if first.gaps.lost_ns > second.gaps.lost_ns { first } else { second };
    assert!(loser.gaps.longest_ns >= MS / 2, "{loser:?}");
    assert!(loser.culprits.iter().any(|culprit| culprit.cause == Cause::OtherThreads), "{loser:?}");
}

#[test]
fn a_core_that_is_not_there_is_refused_by_name() {
    for core in ["1023", "8191"] {
        let refused = measure(&core.parse().unwrap(), MS, 1_000, false);
        let Err(JitterError::NotAllowed { core_index, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(core_index.to_string(), core);
    }
    let both: CpuList = allowed().iter().take(1).chain([1023]).collect();
    assert!(measure(&both, MS, 1_000, true).is_err(), "one that is there does not wait for one that is not");
    assert!(matches!(measure(&CpuList::default(), MS, 1_000, false), Err(JitterError::NoCores)));
}

#[test]
fn the_command_prints_both_reports_and_refuses_what_makes_no_sense() {
    let first = allowed().as_slice()[0].to_string();
    let json = tune(&["--cores", &first, "--seconds", "1", "--json"]);
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["cores"][0]["core_index"].to_string(), first);
    assert!(report["cores"][0]["gaps"]["histogram"].is_array() && report["cores"][0]["culprits"].is_array());
    for wrong in [&["--seconds", "0"][..], &["--threshold-ns", "1"], &["--cores", "3-1"]] {
        assert_eq!(tune(wrong).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(tune(&["--cores", "1023"]).status.code(), Some(1));
}
