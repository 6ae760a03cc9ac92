//! Four shares are what one recorder saw, and what is no sum of shares is refused.

use super::*;
use crate::latency::Latency;
use crate::output::series;
use crate::output::tests::{Sample, fingerprint, record, report, samples};
use crate::recording::{INTERVAL_NS, Recording};
use std::path::Path;

const SHARE_COUNT: usize = 4;

/// The same payments, dealt out; each share with its part of the rates.
fn shares(samples: &[Sample]) -> Vec<Recording> {
    let share = |index: usize| {
        let dealt: Vec<Sample> = samples.iter().copied().skip(index).step_by(SHARE_COUNT).collect();
        let mut recording = record(&dealt);
        let quarter = |(from, to): (u64, u64)| (from / SHARE_COUNT as u64, to / SHARE_COUNT as u64);
        recording.phases.iter_mut().for_each(|phase| phase.rate_per_s = phase.rate_per_s.map(quarter));
        recording
    };
    (0..SHARE_COUNT).map(share).collect()
}

type Merge = fn(&[&Recording]) -> Recording;

/// The property: merged shares are the whole, in every bucket, count and interval.
fn is_the_whole(merge: Merge) -> Result<(), String> {
    let samples = samples(8_000);
    let (whole, shares) = (record(&samples), shares(&samples));
    let merged = merge(&shares.iter().collect::<Vec<_>>());
    if merged == whole { Ok(()) } else { Err("the merge is another recording than the whole".to_owned()) }
}

#[test]
fn four_shares_merged_are_one_recorder_that_saw_everything() {
    is_the_whole(recordings).unwrap();
}

#[test]
fn averages_dropped_shares_and_doubled_ones_are_caught() {
    let mutants: [(&str, Merge); 4] = [
        ("averages", |all| {
            let mut merged = recordings(all);
            for index in 0..merged.phases.len() {
                for series in series::ALL {
                    let of_all: Vec<&Latency> = all.iter().map(|one| (series.of)(&one.phases[index])).collect();
                    *(series.of_mut)(&mut merged.phases[index]) = averaged(&of_all);
                }
            }
            merged
        }),
        ("drops the last", |all| recordings(&all[..all.len() - 1])),
        ("takes the first twice", |all| recordings(&[all, &all[..1]].concat())),
        ("forgets timelines", |all| {
            let mut merged = recordings(all);
            merged.phases.iter_mut().for_each(|phase| phase.timeline.clear());
            merged
        }),
    ];
    for (name, mutant) in mutants {
        assert!(is_the_whole(mutant).is_err(), "{name} was not caught");
    }
}

/// What must never be done: as many samples, at the mean of the shares' percentiles.
fn averaged(all: &[&Latency]) -> Latency {
    let mut merged = Latency::new();
    let count = all.iter().map(|one| one.histogram().len()).sum::<u64>();
    for percent in 1..=100_u32 {
        let of_each = all.iter().map(|one| one.histogram().value_at_quantile(f64::from(percent) / 100.0));
        merged.record_n(of_each.sum::<u64>() / all.len() as u64, count / 100);
    }
    merged
}

#[test]
fn a_share_that_began_later_is_moved_to_its_time_of_day() {
    let samples = samples(400);
    let (early, mut late) = (record(&samples), record(&samples));
    late.begun_unix_us += 310_000;
    let merged = recordings(&[&late, &early]);
    assert_eq!(merged.begun_unix_us, early.begun_unix_us);
    for (sum, alone) in merged.phases.iter().zip(&early.phases) {
        assert_eq!((sum.begun_ns, sum.elapsed_ns), (alone.begun_ns, alone.elapsed_ns + 310_000_000));
        assert_eq!(sum.timeline.len(), alone.timeline.len() + 3);
        let settled = |index: usize| alone.timeline.get(index).map_or(0, |interval| interval.settled);
        for (index, interval) in sum.timeline.iter().enumerate() {
            let before = index.checked_sub(3).map_or(0, settled);
            assert_eq!(interval.settled, settled(index) + before, "interval {index}");
        }
    }
    let kills: Vec<u64> = merged.events.iter().map(|event| event.at_ns).collect();
    assert_eq!(kills, [1_500_000_000, 1_810_000_000]);
    assert_eq!(INTERVAL_NS, 100_000_000);
}

/// Folders of shares, changed before they are written.
fn written(change: impl Fn(usize, &mut Value, &mut Recording)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (index, mut recording) in shares(&samples(800)).into_iter().enumerate() {
        let mut report = report();
        report["load_shard"] = json!({"index": index, "count": SHARE_COUNT, "start_at": "2026-01-01T00:00:00Z"});
        report["network_id"] = json!("ab".repeat(32));
        report["accounting"] = json!({"payments": {"scheduled": 10, "remainder": index as i64 - 1}});
        (report["accounts"], report["window"], report["window_asked"]) = (json!(20 + index), json!(10), json!(500));
        change(index, &mut report, &mut recording);
        let path = folder.path().join(index.to_string());
        output::claim(&path).unwrap();
        output::write(&path, &report, &recording, &fingerprint()).unwrap();
    }
    folder
}

fn options(folder: &Path, indices: &[usize]) -> MergeOptions {
    let folders = indices.iter().map(|index| folder.join(index.to_string())).collect();
    MergeOptions { folders, out: folder.join("merged") }
}

fn refused(folder: &Path, indices: &[usize]) -> MergeError {
    let error = merge(&options(folder, indices), "merge").unwrap_err();
    assert!(!folder.join("merged").exists(), "a refusal leaves nothing behind");
    error
}

#[test]
fn folders_merged_are_the_folder_of_the_whole() {
    let folder = written(|_, _, _| {});
    let page = merge(&options(folder.path(), &[2, 0, 3, 1]), "merge them").unwrap();
    let merged = Folder::read(&folder.path().join("merged")).unwrap();
    assert_eq!(merged.recording, record(&samples(800)));
    let result = &merged.result;
    assert_eq!((&result["settled"], &result["lost"]), (&json!(4 * 4_998), &json!(8)));
    assert_eq!(result["accounting"]["payments"], json!({"scheduled": 40, "remainder": 4}));
    assert_eq!((&result["accounts"], &result["window"]), (&json!(20 + 21 + 22 + 23), &json!(4 * 10)));
    assert_eq!((&result["mode"], &result["command"]), (&json!("volatile"), &json!("merge them")));
    assert!(result["objective"].is_null() && result["authority_cpu_ns_per_payment"].is_null(), "{result}");
    let phases = result["phase_list"].as_array().unwrap();
    assert_eq!((&phases[1]["settled"], &phases[1]["rate_per_s"]), (&json!(4 * 1_998), &json!(4_000)));
    assert_eq!((&phases[2]["rate_per_s"], &phases[2]["rate_end_per_s"]), (&json!(1_000), &json!(9_000)));
    let whole = record(&samples(800)).phases[2].from_schedule.summary();
    assert_eq!(result["latency_us"], json!(whole));
    assert!(result["generator"]["limited_because"][0].as_str().unwrap().starts_with("load shard 0: "), "{result}");
    assert!(std::fs::read_to_string(page).unwrap().contains("merge them"));
}

#[test]
fn a_missing_and_a_doubled_share_are_refused() {
    let folder = written(|_, _, _| {});
    let error = refused(folder.path(), &[0, 1, 3]);
    assert!(matches!(&error, MergeError::Missing { missing, .. } if missing == "2"), "{error}");
    assert_eq!(error.exit_code(), 1);
    let error = refused(folder.path(), &[0, 1, 2, 3, 1]);
    assert!(matches!(error, MergeError::Doubled { index: 1, .. }), "{error}");
}

#[test]
fn shares_of_other_runs_are_refused_by_what_is_different() {
    type Change = fn(&mut Value, &mut Recording);
    let changes: [(&str, Change); 10] = [
        ("network_id", |report, _| report["network_id"] = json!("cd".repeat(32))),
        ("version", |report, _| report["version"] = json!("0.0.9")),
        ("committee", |report, _| report["committee"] = json!(7)),
        ("window_asked", |report, _| report["window_asked"] = json!(499)),
        ("seed", |report, _| report["seed"] = json!(9)),
        ("load_shard.start_at", |report, _| report["load_shard"]["start_at"] = json!("2026-01-01T00:00:01Z")),
        ("phases", |_, recording| recording.phases[1].name = "other".to_owned()),
        ("share of 5", |report, _| report["load_shard"]["count"] = json!(5)),
        ("does not say its network_id", |report, _| report["network_id"] = Value::Null),
        ("which share", |report, _| report["load_shard"] = Value::Null),
    ];
    for (name, change) in changes {
        let folder = written(|index, report, recording| {
            if index == 2 {
                change(report, recording)
            }
        });
        let error = refused(folder.path(), &[0, 1, 2, 3]);
        assert!(error.exit_code() == 1 && error.to_string().contains(name), "{name}: {error}");
    }
}

#[test]
fn shares_that_ran_at_other_times_are_refused() {
    let folder = written(|index, _, recording| {
        if index == 3 {
            recording.begun_unix_us += 1_500_000;
        }
    });
    let error = refused(folder.path(), &[0, 1, 2, 3]);
    assert!(matches!(error, MergeError::Apart { apart_ms: 1_500, .. }), "{error}");
    let folder = written(|_, _, recording| recording.begun_unix_us = 0);
    let error = refused(folder.path(), &[0, 1, 2, 3]);
    assert!(matches!(error, MergeError::Unsaid { name: "time of beginning", .. }), "{error}");
}

#[test]
fn a_share_of_another_schema_is_refused_as_wrong_usage() {
    let folder = written(|_, _, _| {});
    let path = folder.path().join("1").join(output::RESULT_FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"schema\": 1", "\"schema\": 0")).unwrap();
    let error = refused(folder.path(), &[0, 1, 2, 3]);
    assert!(error.exit_code() == 2 && error.to_string().contains("schema 0"), "{error}");
}
