//! Phases: as they were measured, and as they are told.

use super::ratio;
use crate::cpu::Spent;
use crate::drive::Tally;
use crate::latency::{Latency, LatencySummary, SpanSummaries, Spans};
use crate::limits::{SHARE_S_MIN, WAIT_SHARE_MAX};
use crate::recording::PhaseRecording;
use serde::Serialize;

/// The name of the phase with a window that every run has which names no phases.
pub const SATURATED: &str = "saturated";
/// The name of its phase on a schedule.
pub const OPEN_LOOP: &str = "open_loop";

/// Both phases.
#[derive(Clone, Debug, Serialize)]
pub struct Phases {
    /// Closed loop with a bounded window.
    pub saturated: PhaseReport,
    /// Open loop on a schedule.
    pub open_loop: PhaseReport,
}

/// One phase.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseReport {
    /// `saturated`, `open_loop`, `warm-up`, or what the user called it.
    pub name: String,
    /// Whether its figures count.
    pub measured: bool,
    /// Its payments.
    pub payments: u64,
    /// Those settled.
    pub settled: u64,
    /// Those lost.
    pub lost: u64,
    /// Those refused.
    pub rejected: u64,
    /// Payments per second of the schedule, at its start; none at saturation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<u64>,
    /// The same at its end, if that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_end_per_s: Option<u64>,
    /// From the first order to the last settlement.
    pub seconds: f64,
    /// Settled payments over that time.
    pub settled_per_s: f64,
    /// Latencies in microseconds; in an open loop from the schedule.
    pub latency_us: SpanSummaries,
    /// The same from the first send.
    pub latency_from_send_us: SpanSummaries,
    /// How late orders left, against the schedule, where that was not the authority's doing; microseconds.
    pub lag_us: LatencySummary,
    /// Time of all authority processes over settled payments; null if they are not ours to look at.
    pub authority_cpu_ns_per_payment: Option<f64>,
    /// Time of all authority processes over the phase's time: cores kept busy (or spinning).
    pub authority_cores: Option<f64>,
    /// Time in which their threads were ready to run and something else ran on their cores, over the phase's time. Threads
    /// that share a core wait for each other.
    pub authority_wait_share: Option<f64>,
    /// The generator's time over settled payments.
    pub generator_cpu_ns_per_payment: f64,
    /// Share of the time in which the generator's loop had something to do.
    pub generator_busy_share: f64,
    /// The generator's processor time over the phase's time.
    pub generator_core_share: f64,
    /// Time in which the generator was ready to run and something else ran on its core, over the phase's time.
    pub generator_wait_share: f64,
    /// Orders sent again.
    pub order_retries: u64,
    /// Certificates sent again.
    pub certificate_retries: u64,
    /// Payments that waited for the sender's payment before.
    pub held: u64,
    /// Payments of a schedule that waited because as many as may be were in flight.
    pub waited_for_room: u64,
    /// Most payments in flight.
    pub in_flight_max: usize,
    /// Whether it was given up because nothing went on.
    pub gave_up: bool,
}

/// A phase as it was measured.
#[derive(Debug)]
pub struct PhaseMeasure {
    /// See [`PhaseReport::name`].
    pub name: String,
    /// Whether its figures count.
    pub is_measured: bool,
    /// What became of its payments.
    pub tally: Tally,
    /// Payments per second at the start and at the end of the schedule; `None` where a window set the pace.
    pub rate_per_s: Option<(u64, u64)>,
    /// Time of all authority processes, if they are ours.
    pub authority: Option<Spent>,
    /// Our time.
    pub generator: Spent,
}

impl PhaseMeasure {
    /// What is recorded of it, with times from the moment `first_ns`.
    pub fn recording(&self, first_ns: u64) -> PhaseRecording {
        let tally = &self.tally;
        PhaseRecording {
            name: self.name.clone(),
            is_measured: self.is_measured,
            rate_per_s: self.rate_per_s,
            begun_ns: tally.begun_ns.saturating_sub(first_ns),
            elapsed_ns: tally.elapsed_ns(),
            from_schedule: tally.spans.clone(),
            from_send: tally.spans_from_send.clone(),
            lag: tally.lag.clone(),
            timeline: tally.timeline.clone(),
        }
    }
}

/// The figures that stand for the whole run.
#[derive(Debug, Default)]
pub(super) struct Headline {
    pub(super) settled_per_s: f64,
    pub(super) authority_cpu_ns_per_payment: Option<f64>,
    pub(super) from_schedule: Spans,
    pub(super) from_send: Spans,
    pub(super) lag: Latency,
}

impl Headline {
    /// Rate and processor time of the saturated phase, latencies of the open loop; or, with phases of the user's, both of the
    /// measured ones together. Histograms are added, never averaged.
    pub(super) fn of(phases: &[PhaseMeasure]) -> Self {
        let measured = || phases.iter().filter(|phase| phase.is_measured);
        let has_saturated = measured().any(|phase| phase.name == SATURATED);
        let for_rate = || measured().filter(|phase| !has_saturated || phase.name == SATURATED);
        let has_open = measured().any(|phase| phase.rate_per_s.is_some() || phase.name == OPEN_LOOP);
        let for_latency = measured().filter(|phase| !has_open || phase.rate_per_s.is_some() || phase.name == OPEN_LOOP);
        let settled = for_rate().map(|phase| phase.tally.settled).sum();
        let elapsed_ns = for_rate().map(|phase| phase.tally.elapsed_ns()).sum();
        let spent_ns: Option<u64> = for_rate().map(|phase| phase.authority.map(|spent| spent.cpu_ns)).sum();
        let mut headline = Self {
            settled_per_s: ratio(settled, elapsed_ns) * 1e9,
            authority_cpu_ns_per_payment: spent_ns.map(|ns| ratio(ns, settled)),
            ..Self::default()
        };
        for PhaseMeasure { tally, .. } in for_latency {
            headline.from_schedule.add(&tally.spans);
            headline.from_send.add(&tally.spans_from_send);
            headline.lag.add(&tally.lag);
        }
        headline
    }
}

impl Phases {
    /// Both, if these are the phases that were measured.
    pub(crate) fn among(phases: &[PhaseReport]) -> Option<Self> {
        let find = |name: &str| phases.iter().find(|phase| phase.measured && phase.name == name).cloned();
        Some(Self { saturated: find(SATURATED)?, open_loop: find(OPEN_LOOP)? })
    }
}

impl PhaseReport {
    pub(crate) fn new(measure: &PhaseMeasure) -> Self {
        let tally = &measure.tally;
        let per_payment = |ns| ratio(ns, tally.settled);
        let elapsed_ns = tally.busy_ns + tally.idle_ns;
        let (from, to) = measure.rate_per_s.unzip();
        Self {
            name: measure.name.clone(),
            measured: measure.is_measured,
            payments: tally.ended(),
            settled: tally.settled,
            lost: tally.lost(),
            rejected: tally.rejected,
            rate_per_s: from,
            rate_end_per_s: to.filter(|_| from != to),
            seconds: ratio(tally.elapsed_ns(), 1_000_000_000),
            settled_per_s: ratio(tally.settled, tally.elapsed_ns()) * 1e9,
            latency_us: tally.spans.summary(),
            latency_from_send_us: tally.spans_from_send.summary(),
            lag_us: tally.lag.summary(),
            authority_cpu_ns_per_payment: measure.authority.map(|spent| per_payment(spent.cpu_ns)),
            authority_cores: measure.authority.map(|spent| ratio(spent.cpu_ns, elapsed_ns)),
            authority_wait_share: measure.authority.map(|spent| ratio(spent.waited_ns, elapsed_ns)),
            generator_cpu_ns_per_payment: per_payment(measure.generator.cpu_ns),
            generator_busy_share: ratio(tally.busy_ns, elapsed_ns),
            generator_core_share: ratio(measure.generator.cpu_ns, elapsed_ns),
            generator_wait_share: ratio(measure.generator.waited_ns, elapsed_ns),
            order_retries: tally.order_retries,
            certificate_retries: tally.certificate_retries,
            held: tally.held,
            waited_for_room: tally.waited_for_room,
            in_flight_max: tally.in_flight_max,
            gave_up: tally.gave_up,
        }
    }

    /// Whether a schedule set the pace, or was to.
    pub(super) fn is_open(&self) -> bool {
        self.rate_per_s.is_some() || self.name == OPEN_LOOP
    }

    /// In words, when it was.
    pub(super) fn when(&self) -> String {
        match self.name.as_str() {
            SATURATED => "at saturation".to_owned(),
            OPEN_LOOP => "in the open loop".to_owned(),
            name => format!("in the phase {name}"),
        }
    }
}

/// What kept the authority from its cores: a sentence each.
pub(super) fn disturbances(phases: &[PhaseReport]) -> Vec<String> {
    let share = |phase: &PhaseReport| {
        phase.authority_wait_share.filter(|share| phase.seconds >= SHARE_S_MIN && *share > WAIT_SHARE_MAX)
    };
    let measured = phases.iter().filter(|phase| phase.measured);
    let waited = measured.filter_map(|phase| Some((phase.when(), share(phase)?)));
    let sentence = |(when, share): (String, f64)| {
        format!(
            "{when} the authority's threads together waited {share:.2} s of every second for their cores: something else \
             ran there, or they share a core"
        )
    };
    waited.map(sentence).collect()
}
