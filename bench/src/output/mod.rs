//! A folder for each run: everything it found, in files that other tools read.
//!
//! | file of the folder | what it holds |
//! |---|---|
//! | `result.json` | the report, with `schema` and `recorded`; `schema/result.schema.json` describes it |
//! | `latency.hlog` | every histogram: HdrHistogram's interval log, a tag `PHASE.SERIES` for each, nanoseconds. Order to receipt from the schedule has a line for each second, the others one for the phase; the lines of a tag add up to its histogram |
//! | `PHASE.SERIES.hgrm` | the percentiles of each series of each measured phase, microseconds, as HdrHistogram's plotter reads them |
//! | `timeline.csv` | what happened in each 100 ms |
//! | `timeline.hlog` | the histograms behind the timeline's latencies: order to receipt from the schedule, a line for each 100 ms, a tag for each phase |
//! | `fingerprint.json` | the machine and the program: see [`crate::fingerprint`] |
//! | `report.html` | the page made from all of it: see [`crate::page`] |
//!
//! Series are `order_vote`, `certificate_receipt` and `order_receipt`, each `.from_schedule` and `.from_send`, and `lag`.
//!
//! | source | what it holds |
//! |---|---|
//! | `folder.rs` | the folder, read back |
//! | `recorded.rs`, `series.rs` | what `result.json` says of the other files; the series by name |
//! | `hlog.rs`, `hgrm.rs`, `timeline.rs` | their formats |
//! | `sweep_file.rs` | what a search for the highest rate leaves beside its runs |
//! | `error.rs`, `options.rs` | refusals; `--out` |

mod error;
mod folder;
mod hgrm;
mod hlog;
mod options;
pub mod recorded;
pub mod series;
pub mod sweep_file;
#[cfg(test)]
pub(crate) mod tests;
mod timeline;

pub use error::OutputError;
pub use folder::Folder;
pub use options::{Kept, OutputOptions};

use crate::fingerprint::Fingerprint;
use crate::page;
use crate::recording::Recording;
use recorded::Recorded;
use serde::Serialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The version of `result.json`'s shape: raised when a field is renamed, removed or changes its meaning.
pub const SCHEMA: u64 = 1;
/// The report.
pub const RESULT_FILE: &str = "result.json";
/// Every histogram.
pub const LATENCY_FILE: &str = "latency.hlog";
/// Counts over time.
pub const TIMELINE_FILE: &str = "timeline.csv";
/// Histograms over time.
pub const TIMELINE_LATENCY_FILE: &str = "timeline.hlog";
/// The machine.
pub const FINGERPRINT_FILE: &str = "fingerprint.json";
/// The page.
pub const PAGE_FILE: &str = "report.html";

/// Intervals of the timeline in one line of `latency.hlog`: a second.
const INTERVALS_PER_SECOND: usize = 10;

/// Makes the folder, or takes one that is empty. Call it before anything is measured: a run that cannot be kept is not
/// worth its time.
///
/// # Errors
/// [`OutputError::NotEmpty`]; [`OutputError::File`].
pub fn claim(path: &Path) -> Result<(), OutputError> {
    fs::create_dir_all(path).map_err(|error| OutputError::file("making", path, error))?;
    let mut entries = fs::read_dir(path).map_err(|error| OutputError::file("reading", path, error))?;
    if entries.next().is_some() { Err(OutputError::NotEmpty { path: path.to_owned() }) } else { Ok(()) }
}

/// Writes all files of a run. `report` is the report's JSON object.
///
/// # Errors
/// [`OutputError::File`].
///
/// # Panics
/// If `report` is no object.
pub fn write(
    folder: &Path,
    report: &Value,
    recording: &Recording,
    fingerprint: &Fingerprint,
) -> Result<(), OutputError> {
    let fingerprint = serde_json::to_value(fingerprint).expect("a fingerprint has text keys only");
    write_values(folder, report, recording, &fingerprint)
}

/// As [`write()`], with the fingerprint as it stands in its file.
pub(crate) fn write_values(
    folder: &Path,
    report: &Value,
    recording: &Recording,
    fingerprint: &Value,
) -> Result<(), OutputError> {
    let recorded = Recorded::of(recording);
    let mut result = report.as_object().expect("a report is an object").clone();
    result.insert("schema".to_owned(), SCHEMA.into());
    result.insert(recorded::KEY.to_owned(), serde_json::to_value(&recorded).expect("it has text keys only"));
    put(folder, RESULT_FILE, pretty(&Value::Object(result)))?;
    put(folder, FINGERPRINT_FILE, pretty(fingerprint))?;
    put(folder, LATENCY_FILE, latency_log(recording, &recorded))?;
    put(folder, TIMELINE_LATENCY_FILE, timeline_log(recording, &recorded))?;
    let tags: Vec<String> = recorded.phases.iter().map(|phase| phase.tag.clone()).collect();
    put(folder, TIMELINE_FILE, timeline::text(recording, &tags).into_bytes())?;
    for (phase, tag) in recording.phases.iter().zip(&tags).filter(|(phase, _)| phase.is_measured) {
        for series in series::ALL {
            put(folder, &format!("{tag}.{}.hgrm", series.name), hgrm::text((series.of)(phase)).into_bytes())?;
        }
    }
    page::write(folder).map(|_| ())
}

/// Every series of every phase. The samples of a timeline that misses some are not used: the phase has one line then.
fn latency_log(recording: &Recording, recorded: &Recorded) -> Vec<u8> {
    let mut lines = Vec::new();
    for (phase, frame) in recording.phases.iter().zip(&recorded.phases) {
        for series in series::ALL {
            let latency = (series.of)(phase);
            let tag = format!("{}.{}", frame.tag, series.name);
            if series.name == series::ORDER_RECEIPT.name && adds_up(phase) {
                lines.extend(hlog::lines(&tag, phase.begun_ns, &phase.timeline, INTERVALS_PER_SECOND));
            } else if !latency.histogram().is_empty() {
                let samples = hlog::Samples::Whole(latency);
                lines.push(hlog::Line { tag, begun_ns: phase.begun_ns, length_ns: phase.elapsed_ns, samples });
            }
        }
    }
    let comment =
        "quittance-bench: tags are PHASE.SERIES, histograms are in nanoseconds, Interval_Max is in milliseconds";
    hlog::text(&[comment], recording.begun_unix_us, lines)
}

/// Whether the timeline has every sample of its phase.
fn adds_up(phase: &crate::recording::PhaseRecording) -> bool {
    let mut gathered = crate::latency::Latency::new();
    hlog::gather(&phase.timeline, &mut gathered);
    gathered == phase.from_schedule.order_receipt
}

fn timeline_log(recording: &Recording, recorded: &Recorded) -> Vec<u8> {
    let lines = recording.phases.iter().zip(&recorded.phases);
    let lines = lines.flat_map(|(phase, frame)| hlog::lines(&frame.tag, phase.begun_ns, &phase.timeline, 1));
    let comment = "quittance-bench: order_receipt.from_schedule of each phase, in nanoseconds, a line for 100 ms";
    hlog::text(&[comment], recording.begun_unix_us, lines.collect())
}

/// The phases as the report has them: a list if the user named them, else the two of every run.
pub(crate) fn phase_reports(result: &Value) -> Vec<(String, &Value)> {
    if let Some(list) = result["phase_list"].as_array() {
        return list.iter().map(|phase| (phase["name"].as_str().unwrap_or("phase").to_owned(), phase)).collect();
    }
    let phases = &result["phases"];
    let named = ["saturated", "open_loop"].map(|name| (name.to_owned(), &phases[name]));
    named.into_iter().filter(|(_, phase)| phase.is_object()).collect()
}

pub(crate) fn pretty(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("the object has text keys only");
    text.push(b'\n');
    text
}

pub(crate) fn put(folder: &Path, name: &str, octets: Vec<u8>) -> Result<PathBuf, OutputError> {
    let path = folder.join(name);
    fs::write(&path, octets).map_err(|error| OutputError::file("writing", &path, error))?;
    Ok(path)
}
