//! What a run leaves behind besides its report: whole histograms and a timeline. Files and plots are made from it.

use crate::latency::{Latency, Spans};

/// The timeline's unit. Nanoseconds: 100 ms.
pub const INTERVAL_NS: u64 = 100_000_000;

/// Everything recorded, in the order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// When the first phase started, by this machine's clock; microseconds since 1970. Zero: not known.
    pub begun_unix_us: u64,
    /// The phases, measured ones and warm-ups.
    pub phases: Vec<PhaseRecording>,
    /// What was done to authorities meanwhile, or happened to them.
    pub events: Vec<Event>,
}

impl Recording {
    /// The phase whose latencies stand for the run: the last measured one with a schedule, or without one if there is none.
    pub fn main_phase(&self) -> Option<&PhaseRecording> {
        let measured = || self.phases.iter().filter(|phase| phase.is_measured);
        measured().rfind(|phase| phase.rate_per_s.is_some()).or_else(|| measured().next_back())
    }
}

/// One phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhaseRecording {
    /// As in the report: `saturated`, `open_loop`, or what the user called it.
    pub name: String,
    /// Whether its figures count. A warm-up's do not.
    pub is_measured: bool,
    /// Payments per second that its schedule began and ended with; none where a window set the pace.
    pub rate_per_s: Option<(u64, u64)>,
    /// Its start, from the start of the first phase; nanoseconds.
    pub begun_ns: u64,
    /// How long it took, from the first order to the last settlement; nanoseconds.
    pub elapsed_ns: u64,
    /// Latencies from when orders were due. Where a window set the pace, the same as from the send.
    pub from_schedule: Spans,
    /// Latencies from when orders were sent first.
    pub from_send: Spans,
    /// How late orders left, against the schedule.
    pub lag: Latency,
    /// One for each [`INTERVAL_NS`] from its start, without gaps.
    pub timeline: Vec<Interval>,
}

/// What happened in one interval of the timeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interval {
    /// Orders sent for the first time.
    pub sent: u64,
    /// Payments settled.
    pub settled: u64,
    /// Payments refused for good.
    pub rejected: u64,
    /// Payments given up.
    pub timed_out: u64,
    /// Requests sent again.
    pub repeated: u64,
    /// Payments in flight at its end.
    pub in_flight: u64,
    /// Latencies from the schedule of payments that settled in it, order to receipt: recorded values in nanoseconds (the
    /// highest equivalent of their bucket in a [`Latency`]) and how often, ascending. Few, so no histogram of its own.
    pub order_receipt: Vec<(u64, u64)>,
}

/// Something done to an authority, or that happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// From the start of the first phase; nanoseconds.
    pub at_ns: u64,
    /// The authority's index.
    pub authority: usize,
    /// What was done: `kill`, `stop`, `continue`, `slow`, `restart`, `ready`.
    pub what: String,
}
