//! What `result.json` says of the recording beside it, so that the folder can be read back and a file that lost something
//! is noticed.

use super::hlog;
use super::series::{self, phase_tags};
use crate::recording::{Event, PhaseRecording, Recording};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The key of `result.json` that holds it.
pub const KEY: &str = "recorded";

/// The recording without its samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// When the first phase started; microseconds since 1970.
    pub begun_unix_us: u64,
    /// The phases, in the order of time.
    pub phases: Vec<RecordedPhase>,
    /// What was done to authorities.
    pub events: Vec<RecordedEvent>,
}

/// One phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedPhase {
    /// Its name.
    pub name: String,
    /// Its name in tags, files and rows.
    pub tag: String,
    /// Whether its figures count.
    pub is_measured: bool,
    /// Payments per second that its schedule began and ended with; null where a window set the pace.
    pub rate_per_s: Option<(u64, u64)>,
    /// Its start, from the start of the first; nanoseconds.
    pub begun_ns: u64,
    /// How long it took; nanoseconds.
    pub elapsed_ns: u64,
    /// Rows of the timeline.
    pub interval_count: usize,
    /// Samples of the timeline.
    pub timeline_count: u64,
    /// Samples of each series.
    pub sample_counts: BTreeMap<String, u64>,
}

/// See [`Event`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedEvent {
    /// From the start of the first phase; nanoseconds.
    pub at_ns: u64,
    /// The authority's index.
    pub authority: usize,
    /// What was done.
    pub what: String,
}

impl Recorded {
    pub(super) fn of(recording: &Recording) -> Self {
        let tags = phase_tags(recording.phases.iter().map(|phase| phase.name.as_str()));
        let event = |Event { at_ns, authority, what }: &Event| RecordedEvent {
            at_ns: *at_ns,
            authority: *authority,
            what: what.clone(),
        };
        Self {
            begun_unix_us: recording.begun_unix_us,
            phases: recording.phases.iter().zip(tags).map(|(phase, tag)| RecordedPhase::of(phase, tag)).collect(),
            events: recording.events.iter().map(event).collect(),
        }
    }

    pub(super) fn events(&self) -> Vec<Event> {
        let event = |RecordedEvent { at_ns, authority, what }: &RecordedEvent| Event {
            at_ns: *at_ns,
            authority: *authority,
            what: what.clone(),
        };
        self.events.iter().map(event).collect()
    }
}

impl RecordedPhase {
    fn of(phase: &PhaseRecording, tag: String) -> Self {
        let sample_count = |series: &series::Series| (series.name.to_owned(), (series.of)(phase).histogram().len());
        Self {
            name: phase.name.clone(),
            tag,
            is_measured: phase.is_measured,
            rate_per_s: phase.rate_per_s,
            begun_ns: phase.begun_ns,
            elapsed_ns: phase.elapsed_ns,
            interval_count: phase.timeline.len(),
            timeline_count: hlog::count(&phase.timeline),
            sample_counts: series::ALL.iter().map(sample_count).collect(),
        }
    }

    /// The phase without samples and timeline.
    pub(super) fn frame(&self) -> PhaseRecording {
        PhaseRecording {
            name: self.name.clone(),
            is_measured: self.is_measured,
            rate_per_s: self.rate_per_s,
            begun_ns: self.begun_ns,
            elapsed_ns: self.elapsed_ns,
            ..PhaseRecording::default()
        }
    }
}
