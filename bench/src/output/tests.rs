//! What is written is read back, and what was lost on the way is noticed.

use super::*;
use crate::latency::Latency;
use crate::recording::{Event, INTERVAL_NS, Interval, PhaseRecording};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

/// One payment as a recorder sees it.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) phase: usize,
    /// When it settled, from the start of its phase.
    at_ns: u64,
    /// From the schedule.
    ns: u64,
    /// Of that, before the send.
    waited_ns: u64,
}

/// Name, whether it is measured, rates, beginning and length in intervals.
type Phase = (&'static str, bool, Option<(u64, u64)>, u64, usize);

const PHASES: [Phase; 3] = [
    ("warm-up", false, None, 0, 5),
    ("open_loop", true, Some((4_000, 4_000)), 700_000_000, 31),
    ("a, <ramp>", true, Some((1_000, 9_000)), 4_000_000_000, 12),
];

/// Payments with latencies from some microseconds to seconds, most of them short.
pub(crate) fn samples(count: usize) -> Vec<Sample> {
    let mut random = ChaCha20Rng::seed_from_u64(7);
    let mut sample = || {
        let phase = (random.next_u32() % 3) as usize;
        let ns = 20_000 + (u64::from(random.next_u32()) << (random.next_u32() % 10)) / 4_096;
        let at_ns = random.next_u64() % (PHASES[phase].4 as u64 * INTERVAL_NS);
        Sample { phase, at_ns, ns, waited_ns: ns / u64::from(2 + random.next_u32() % 9) }
    };
    (0..count).map(|_| sample()).collect()
}

/// What one recorder makes of these payments.
pub(crate) fn record(samples: &[Sample]) -> Recording {
    let phase = |(index, (name, is_measured, rate_per_s, begun_ns, interval_count)): (usize, Phase)| {
        let of_phase = samples.iter().filter(|sample| sample.phase == index);
        let frame = PhaseRecording {
            name: name.to_owned(),
            is_measured,
            rate_per_s,
            begun_ns,
            elapsed_ns: interval_count as u64 * INTERVAL_NS,
            ..PhaseRecording::default()
        };
        fill(frame, interval_count, of_phase)
    };
    let phases = PHASES.into_iter().enumerate().map(phase).collect();
    let event = Event { at_ns: 1_500_000_000, authority: 2, what: "kill".to_owned() };
    Recording { begun_unix_us: 1_790_000_000_123_456, phases, events: vec![event] }
}

fn fill<'a>(
    mut phase: PhaseRecording,
    interval_count: usize,
    samples: impl Iterator<Item = &'a Sample>,
) -> PhaseRecording {
    let mut sparse = vec![BTreeMap::new(); interval_count];
    phase.timeline = vec![Interval::default(); interval_count];
    for Sample { at_ns, ns, waited_ns, .. } in samples {
        phase.from_schedule.order_receipt.record(*ns);
        phase.from_schedule.order_vote.record(ns / 2);
        phase.from_schedule.certificate_receipt.record(ns / 3);
        phase.from_send.order_receipt.record(ns - waited_ns);
        phase.from_send.order_vote.record((ns - waited_ns) / 2);
        phase.from_send.certificate_receipt.record(ns / 3);
        phase.lag.record(*waited_ns);
        let index = usize::try_from(at_ns / INTERVAL_NS).unwrap();
        let value = phase.lag.histogram().highest_equivalent(*ns);
        *sparse[index].entry(value).or_insert(0) += 1;
        let interval = &mut phase.timeline[index];
        (interval.sent, interval.settled) = (interval.sent + 1, interval.settled + 1);
        interval.repeated += u64::from(ns % 7 == 0);
        interval.in_flight += u64::from(ns % 3 == 0);
    }
    let counts = sparse.into_iter().map(|counts| counts.into_iter().collect());
    phase.timeline.iter_mut().zip(counts).for_each(|(interval, counts)| interval.order_receipt = counts);
    phase
}

/// What a report has, as far as these tests need it.
pub(crate) fn report() -> Value {
    json!({
        "command": "quittance-bench run --out 'a folder'", "version": "0.1.0", "mode": "volatile", "committee": 4,
        "transport": "io_uring", "backend": "ifma", "settled_per_s": 81_234.5, "payments": 5_000, "settled": 4_998,
        "lost": 2, "rejected": 0, "lost_by_place": {"order": 2, "certificate": 0},
        "authority_cpu_ns_per_payment": 8_123.0, "audit": {"ok": true, "accounts": 100},
        "generator": {"transport": "io_uring", "limited": true, "limited_because": ["<b>busy</b> & late"]},
        "phases": {"saturated": {"settled": 3_000, "payments": 3_000, "authority_cpu_ns_per_payment": 8_123.0},
                   "open_loop": {"settled": 1_998, "payments": 2_000, "rate_per_s": 4_000, "settled_per_s": 3_999.5}},
    })
}

pub(crate) fn fingerprint() -> Fingerprint {
    Fingerprint::read(Path::new("/"), "a command".to_owned(), UNIX_EPOCH).unwrap()
}

/// A folder with everything.
pub(crate) fn written(recording: &Recording) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &report(), recording, &fingerprint()).unwrap();
    folder
}

#[test]
fn a_folder_read_back_has_the_recording_that_was_written() {
    let recording = record(&samples(5_000));
    let folder = written(&recording);
    let read = Folder::read(folder.path()).unwrap();
    assert_eq!(read.recording, recording);
    assert_eq!(read.result["schema"], SCHEMA);
    assert_eq!(read.fingerprint["command"], "a command");
}

#[test]
fn an_empty_recording_makes_a_folder_too() {
    let folder = written(&Recording::default());
    assert_eq!(Folder::read(folder.path()).unwrap().recording, Recording::default());
}

#[test]
fn measured_phases_have_a_distribution_for_each_series_and_warm_ups_none() {
    let folder = written(&record(&samples(100)));
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut distributions: Vec<String> = names.filter(|name| name.ends_with(".hgrm")).collect();
    distributions.sort();
    let phases = ["a___ramp_", "open_loop"].into_iter();
    let mut expected: Vec<String> =
        phases.flat_map(|phase| series::ALL.map(|series| format!("{phase}.{}.hgrm", series.name))).collect();
    expected.sort();
    assert_eq!(distributions, expected);
}

#[test]
fn order_to_receipt_has_a_line_for_each_second_that_adds_up() {
    let recording = record(&samples(5_000));
    let folder = written(&recording);
    let path = folder.path().join(LATENCY_FILE);
    let lines = hlog::read(&path, &fs::read(&path).unwrap()).unwrap();
    let of = |tag: &str| lines.iter().filter(|line| line.tag == tag).count();
    assert_eq!((of("open_loop.order_receipt.from_schedule"), of("open_loop.order_receipt.from_send")), (4, 1));
    assert!(lines.is_sorted_by_key(|line| line.begun_ns));
}

#[test]
fn samples_that_the_timeline_misses_are_in_the_log_all_the_same() {
    let mut recording = record(&samples(500));
    recording.phases[1].from_schedule.order_receipt.record(123_456_789);
    let folder = written(&recording);
    assert_eq!(Folder::read(folder.path()).unwrap().recording, recording);
}

#[test]
fn a_folder_that_holds_something_is_not_written_into() {
    let folder = tempfile::tempdir().unwrap();
    claim(folder.path()).unwrap();
    claim(&folder.path().join("a/new/one")).unwrap();
    let error = claim(folder.path()).unwrap_err();
    assert!(matches!(error, OutputError::NotEmpty { .. }) && error.exit_code() == 2, "{error}");
}

/// A file's name, and what to make of its text.
type Fault<'a> = (&'a str, &'a dyn Fn(&str) -> String);

/// Each file changed in a way that would change figures.
#[test]
fn what_was_lost_or_changed_is_noticed() {
    let recording = record(&samples(2_000));
    let without_line = |text: &str, part: &str| {
        let found = text.lines().position(|line| line.contains(part)).unwrap();
        text.lines().enumerate().filter(|(index, _)| *index != found).map(|(_, line)| format!("{line}\n")).collect()
    };
    let faults: [Fault<'_>; 7] = [
        (LATENCY_FILE, &|text| without_line(text, "Tag=open_loop.order_receipt.from_schedule")),
        (LATENCY_FILE, &|text| text.replace("Tag=open_loop.lag", "Tag=other.lag")),
        (LATENCY_FILE, &|text| text.replacen("HISTF", "HISTG", 1)),
        (TIMELINE_LATENCY_FILE, &|text| without_line(text, "Tag=open_loop")),
        (TIMELINE_FILE, &|text| without_line(text, "open_loop,1.7")),
        (TIMELINE_FILE, &|text| text.replacen("open_loop,0.700000000,", "open_loop,0.700000000,x", 1)),
        (RESULT_FILE, &|text| text.replacen("\"timeline_count\": ", "\"timeline_count\": 1", 1)),
    ];
    for (name, fault) in faults {
        let folder = written(&recording);
        let path = folder.path().join(name);
        let before = fs::read_to_string(&path).unwrap();
        let after = fault(&before);
        assert_ne!(before, after, "{name}");
        fs::write(&path, after).unwrap();
        let error = Folder::read(folder.path()).unwrap_err();
        assert!(matches!(error, OutputError::Damaged { .. }) && error.exit_code() == 3, "{name}: {error}");
    }
}

#[test]
fn another_schema_and_no_results_are_refused_with_a_remedy() {
    let folder = written(&Recording::default());
    let path = folder.path().join(RESULT_FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"schema\": 1", "\"schema\": 2")).unwrap();
    let error = Folder::read(folder.path()).unwrap_err();
    assert!(matches!(&error, OutputError::Schema { found, .. } if found == "2"), "{error}");
    fs::remove_file(path).unwrap();
    let error = Folder::read(folder.path()).unwrap_err();
    assert!(matches!(error, OutputError::NotResults { .. }) && error.to_string().contains("run --out"), "{error}");
}

/// The distribution of 1 to 10,000 us: known without a histogram.
#[test]
fn a_distribution_has_the_percentiles_of_what_was_counted() {
    let mut latency = Latency::new();
    (1..=10_000).for_each(|us| latency.record(us * 1_000));
    let text = hgrm::text(&latency);
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(2)
        .take_while(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().map(|cell| cell.parse().unwrap()).collect())
        .collect();
    for row in &rows {
        let (value, quantile, count) = (row[0], row[1], row[2]);
        assert!(count >= quantile * 10_000.0 - 1e-6, "{row:?}");
        assert!((value - count).abs() <= value * 0.001 + 1.0, "{row:?}");
    }
    assert!(rows.first().unwrap()[1] == 0.0 && rows.last().unwrap()[1..] == [1.0, 10_000.0], "{text}");
    assert!(text.contains("Total count    =        10000]"), "{text}");
}

/// A log that another implementation wrote: the squares of 1 to 10,000, and one value by itself. The script beside the tests
/// of the command makes it.
#[test]
fn a_log_of_the_python_package_is_read_with_its_percentiles() {
    let text = include_bytes!("../../tests/golden/hdr/python.hlog");
    let lines = hlog::read(Path::new("python.hlog"), text).unwrap();
    let mut squares = Latency::new();
    (1..=10_000_u64).for_each(|number| squares.record(number * number));
    let mut one = Latency::new();
    one.record(123_456_789);
    assert_eq!(lines.iter().map(|line| line.tag.as_str()).collect::<Vec<_>>(), ["squares", "one"]);
    assert_eq!((&lines[0].latency, &lines[1].latency), (&squares, &one));
    assert_eq!(lines[0].begun_ns, 1_500_000_000);
    for (quantile, number) in [(0.5, 5_000_u64), (0.99, 9_900), (1.0, 10_000)] {
        let (found, expected) = (lines[0].latency.histogram().value_at_quantile(quantile), number * number);
        assert!(found >= expected && found - expected <= expected / 1_000, "{quantile}: {found} for {expected}");
    }
}
