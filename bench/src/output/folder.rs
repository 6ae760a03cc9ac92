//! A folder of results, read back: the same recording as was written.

use super::hlog::Read;
use super::recorded::{self, Recorded};
use super::{
    FINGERPRINT_FILE, LATENCY_FILE, OutputError, RESULT_FILE, SCHEMA, TIMELINE_FILE, TIMELINE_LATENCY_FILE, hlog,
    series, timeline,
};
use crate::recording::{INTERVAL_NS, PhaseRecording, Recording};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Everything that a folder holds.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// The report, with `schema` and `recorded`.
    pub result: Value,
    /// The machine.
    pub fingerprint: Value,
    /// Histograms and timeline.
    pub recording: Recording,
}

impl Folder {
    /// Reads it, and compares the samples of each file with what `result.json` says there are.
    ///
    /// # Errors
    /// [`OutputError`], all but `NotEmpty`.
    pub fn read(path: &Path) -> Result<Self, OutputError> {
        let result = read_result(path)?;
        let recorded = read_recorded(path, &result)?;
        let fingerprint = json(&path.join(FINGERPRINT_FILE))?;
        let mut phases: Vec<PhaseRecording> = recorded.phases.iter().map(recorded::RecordedPhase::frame).collect();
        let file = path.join(TIMELINE_FILE);
        let text = String::from_utf8(octets(&file)?).map_err(|error| OutputError::damaged(&file, error.to_string()))?;
        let timelines = timeline::read(&file, &text, &recorded.phases)?;
        phases.iter_mut().zip(timelines).for_each(|(phase, timeline)| phase.timeline = timeline);
        fill_timelines(&path.join(TIMELINE_LATENCY_FILE), &recorded, &mut phases)?;
        fill_series(&path.join(LATENCY_FILE), &recorded, &mut phases)?;
        let recording = Recording { begun_unix_us: recorded.begun_unix_us, phases, events: recorded.events() };
        Ok(Self { path: path.to_owned(), result, fingerprint, recording })
    }
}

/// `result.json`, if its schema is ours.
fn read_result(folder: &Path) -> Result<Value, OutputError> {
    let path = folder.join(RESULT_FILE);
    if !path.is_file() {
        let why = format!("it has no {RESULT_FILE}");
        return Err(OutputError::NotResults { path: folder.to_owned(), why });
    }
    let result = json(&path)?;
    match &result["schema"] {
        schema if *schema == SCHEMA => Ok(result),
        schema => Err(OutputError::Schema { path, found: schema.to_string(), expected: SCHEMA }),
    }
}

fn read_recorded(folder: &Path, result: &Value) -> Result<Recorded, OutputError> {
    let path = folder.join(RESULT_FILE);
    let recorded: Recorded = serde_json::from_value(result[recorded::KEY].clone())
        .map_err(|error| OutputError::damaged(&path, format!("{}: {error}", recorded::KEY)))?;
    let in_range = |phase: &recorded::RecordedPhase| {
        let length = u64::try_from(phase.interval_count).ok()?.checked_mul(INTERVAL_NS)?;
        phase.begun_ns.checked_add(length)?.checked_add(phase.elapsed_ns)
    };
    let all = recorded.phases.iter().all(|phase| in_range(phase).is_some());
    if all { Ok(recorded) } else { Err(OutputError::damaged(&path, "a phase never ends")) }
}

/// The latencies of each interval.
fn fill_timelines(path: &Path, recorded: &Recorded, phases: &mut [PhaseRecording]) -> Result<(), OutputError> {
    for Read { tag, begun_ns, latency } in hlog::read(path, &octets(path)?)? {
        let position = recorded.phases.iter().position(|phase| phase.tag == tag);
        let phase = position.map(|position| &mut phases[position]);
        let interval = phase.and_then(|phase| {
            // Beginnings are written to the millisecond, so the nearest interval is meant.
            let index = (begun_ns.saturating_sub(phase.begun_ns) + INTERVAL_NS / 2) / INTERVAL_NS;
            phase.timeline.get_mut(usize::try_from(index).ok()?)
        });
        let missing = || OutputError::damaged(path, format!("a line of {tag} has no row in {TIMELINE_FILE}"));
        let counts = latency.histogram().iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
        let highest = |(ns, count)| (latency.histogram().highest_equivalent(ns), count);
        interval.ok_or_else(missing)?.order_receipt = counts.map(highest).collect();
    }
    let counted = phases.iter().map(|phase| hlog::count(&phase.timeline));
    let expected = recorded.phases.iter().map(|phase| phase.timeline_count);
    if counted.eq(expected) { Ok(()) } else { Err(OutputError::damaged(path, "samples are missing")) }
}

/// The series of each phase.
fn fill_series(path: &Path, recorded: &Recorded, phases: &mut [PhaseRecording]) -> Result<(), OutputError> {
    let mut lines = hlog::read(path, &octets(path)?)?;
    for (phase, frame) in phases.iter_mut().zip(&recorded.phases) {
        for series in series::ALL {
            let name = format!("{}.{}", frame.tag, series.name);
            let latency = (series.of_mut)(phase);
            lines.iter().filter(|line| line.tag == name).for_each(|line| latency.add(&line.latency));
            lines.retain(|line| line.tag != name);
            let (found, expected) = (latency.histogram().len(), frame.sample_counts.get(series.name));
            if expected != Some(&found) {
                let expected = expected.map_or("none".to_owned(), u64::to_string);
                return Err(OutputError::damaged(
                    path,
                    format!("{name} has {found} samples, and there were {expected}"),
                ));
            }
        }
    }
    match lines.first() {
        None => Ok(()),
        Some(line) => Err(OutputError::damaged(path, format!("the tag {} belongs to no phase", line.tag))),
    }
}

pub(super) fn json(path: &Path) -> Result<Value, OutputError> {
    serde_json::from_slice(&octets(path)?).map_err(|error| OutputError::damaged(path, error.to_string()))
}

fn octets(path: &Path) -> Result<Vec<u8>, OutputError> {
    fs::read(path).map_err(|error| OutputError::file("reading", path, error))
}
