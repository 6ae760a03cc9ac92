//! The load generator itself: whether it may have limited what was measured, or spoiled it.

use super::phase::PhaseReport;
use crate::client::ClientCounters;
use crate::latency::LatencySummary;
use crate::limits::{
    BUSY_SHARE_MAX, CORE_SHARE_MIN, IN_FLIGHT_MAX, LAG_SHARE_MAX, LAG_US_MAX, SHARE_S_MIN, UNSENT_SHARE_MAX,
};
use crate::replies::ReplyCounters;
use crate::report::ratio;
use serde::Serialize;

/// The load generator itself.
#[derive(Debug, Serialize)]
pub struct GeneratorReport {
    /// Its transport.
    pub transport: String,
    /// Its user and system time over settled payments, at saturation; nanoseconds. It spins, so this is no cost.
    pub cpu_ns_per_payment: f64,
    /// Share of the saturated phase in which its loop had something to do.
    pub busy_share: f64,
    /// Share of the saturated phase in which it had its core; it never sleeps then.
    pub core_share: f64,
    /// How late orders of the open loop left, against the schedule; microseconds.
    pub lag_us: LatencySummary,
    /// Whether it may have limited what was measured.
    pub limited: bool,
    /// Why it is thought so.
    pub limited_because: Vec<String>,
    /// What its sockets did, in all phases and the audit.
    pub sockets: ClientCounters,
    /// Replies that one turn of its loop had no room for.
    pub overrun_replies: u64,
    /// What the kernel did not grant it.
    pub findings: Vec<String>,
}

impl GeneratorReport {
    /// `owns_core`: whether the load loop has a core that no authority has; `None` if that is not known.
    pub(crate) fn new(
        transport: String,
        sockets: ClientCounters,
        findings: Vec<String>,
        replies: &ReplyCounters,
        phases: &[PhaseReport],
        lag_us: LatencySummary,
        owns_core: Option<bool>,
    ) -> Self {
        let limited_because = limits(phases, owns_core);
        // The phase in which it had most to do: the one at saturation, if there is one.
        let measured = || phases.iter().filter(|phase| phase.measured);
        let fullest = measured().find(|phase| !phase.is_open()).or_else(|| measured().next_back());
        let of_fullest = |figure: fn(&PhaseReport) -> f64| fullest.map_or(0.0, figure);
        Self {
            transport,
            cpu_ns_per_payment: of_fullest(|phase| phase.generator_cpu_ns_per_payment),
            busy_share: of_fullest(|phase| phase.generator_busy_share),
            core_share: of_fullest(|phase| phase.generator_core_share),
            lag_us,
            limited: !limited_because.is_empty(),
            limited_because,
            sockets,
            overrun_replies: replies.overrun,
            findings,
        }
    }

    /// Why the latencies are the generator's and not the authority's, if they are: a sentence each. Lag that the authority
    /// caused, by payments that it did not answer, is in no histogram of lag.
    pub(crate) fn spoils(&self, phases: &[PhaseReport]) -> Vec<String> {
        let late = phases.iter().filter(|phase| phase.measured && is_mostly_lag(phase)).filter_map(lag);
        let ClientCounters { datagrams_sent, datagrams_unsent, .. } = self.sockets;
        let unsent_share = ratio(datagrams_unsent, datagrams_sent + datagrams_unsent);
        let unsent = (unsent_share > UNSENT_SHARE_MAX).then(|| {
            let limit = UNSENT_SHARE_MAX * 100.0;
            format!("its own sockets refused {} of the requests (limit {limit:.0} %)", percent(unsent_share))
        });
        late.chain(unsent).collect()
    }
}

/// Why the generator, and not the authority, may have set what was measured: a sentence each. The command's `--help` says
/// how this is decided.
fn limits(phases: &[PhaseReport], owns_core: Option<bool>) -> Vec<String> {
    let shared = (owns_core == Some(false)).then(|| "it shares its core with an authority".to_owned());
    let measured = phases.iter().filter(|phase| phase.measured);
    shared.into_iter().chain(measured.flat_map(|phase| limits_in(phase, owns_core))).collect()
}

fn limits_in(phase: &PhaseReport, owns_core: Option<bool>) -> Vec<String> {
    let when = phase.when();
    let limit = BUSY_SHARE_MAX * 100.0;
    let is_busy = phase.generator_busy_share > BUSY_SHARE_MAX;
    let core_is_shared = phase.seconds >= SHARE_S_MIN && phase.generator_core_share < CORE_SHARE_MIN;
    // Only a loop that always has something in flight never sleeps.
    let reasons = [
        (!phase.is_open() && owns_core == Some(true) && core_is_shared).then(|| {
            let share = percent(phase.generator_core_share);
            format!("{when} it had its core for {share} of the time only: something else runs there")
        }),
        (is_busy && !phase.is_open()).then(|| {
            let share = percent(phase.generator_busy_share);
            format!("{when} its loop had something to do {share} of the time (limit {limit:.0} %)")
        }),
        (is_busy && phase.is_open()).then(|| {
            let share = percent(phase.generator_busy_share);
            format!("{when} its loop had something to do {share} of the time (limit {limit:.0} %), so replies waited for it")
        }),
        is_full(phase).then(|| {
            format!("{when} {IN_FLIGHT_MAX} payments were in flight and others waited: the rate is more than the authority takes")
        }),
        lag(phase).filter(|_| !is_full(phase)),
    ];
    reasons.into_iter().flatten().collect()
}

/// Whether the schedule had to wait for the authority.
fn is_full(phase: &PhaseReport) -> bool {
    phase.is_open() && phase.in_flight_max >= IN_FLIGHT_MAX
}

/// Whether the longest latencies, which have the lag in them, are lag for the greater part. A machine that stops for a moment
/// stops both sides: what it adds to the authority's latencies is told, and is no reason to throw them away.
fn is_mostly_lag(phase: &PhaseReport) -> bool {
    phase.lag_us.p99_9 > LAG_SHARE_MAX * phase.latency_us.order_receipt.p99_9
}

/// What is to be said of the lag, if it is too long.
fn lag(phase: &PhaseReport) -> Option<String> {
    (phase.is_open() && phase.lag_us.p99_9 > LAG_US_MAX).then(|| {
        let (when, lag, share) = (phase.when(), phase.lag_us.p99_9, percent(phase.generator_wait_share));
        format!(
            "{when} it sent {lag:.0} us late at the 99.9th percentile (limit {LAG_US_MAX:.0} us); it waited for its core \
             {share} of the time"
        )
    })
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
