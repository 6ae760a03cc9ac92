//! What a run found: one structure, shown as a table or as JSON.

mod durability;
mod table;

pub use durability::{DiskMeasure, JournalReport, Price};
pub use table::table;
pub(crate) use table::{grid, grouped, latencies, outcome, right_aligned, throughput};

use crate::audit::Audit;
use crate::client::ClientCounters;
use crate::cores::Cores;
use crate::cpu::Spent;
use crate::drive::{CodeCounts, Tally};
use crate::intruder::IntruderCounters;
use crate::latency::{LatencySummary, SpanSummaries};
use crate::limits::{BUSY_SHARE_MAX, CORE_SHARE_MIN, IN_FLIGHT_MAX, LAG_US_MAX, SHARE_S_MIN, WAIT_SHARE_MAX};
use crate::options::RunOptions;
use crate::process::{AuthorityReport, Ready};
use crate::replies::{Fault, ReplyCounters};
use crate::terms::Terms;
use serde::Serialize;
use std::collections::BTreeMap;

/// A run's results. Its JSON form is this structure, field by field.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The command that repeats the run.
    pub command: String,
    /// This program's version.
    pub version: &'static str,
    /// What was asked for and what was used.
    #[serde(flatten)]
    pub settings: SettingsReport,
    /// Settled payments per second at saturation.
    pub settled_per_s: f64,
    /// What became of all payments, and of all replies.
    #[serde(flatten)]
    pub counts: Counts,
    /// User and system time of all authority processes over settled payments, at saturation; nanoseconds.
    pub authority_cpu_ns_per_payment: Option<f64>,
    /// Latencies of the open loop, from the schedule; microseconds.
    pub latency_us: SpanSummaries,
    /// The load generator itself.
    pub generator: GeneratorReport,
    /// What kept the authority from its cores, so that its rate is less than it could be: a sentence each.
    pub disturbances: Vec<String>,
    /// The first authority's journal; null if it was volatile.
    pub journal: Option<JournalReport>,
    /// What durability costs; null if that was not measured.
    pub price: Option<Price>,
    /// Both phases apart.
    pub phases: Phases,
    /// The balances at the end.
    pub audit: Audit,
    /// The source of bad signatures, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intruder: Option<IntruderCounters>,
    /// The first authority.
    pub authority: AuthorityReport,
    /// Every authority, if all run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<AuthorityReport>,
}

/// What became of the payments of all phases, and of the replies.
#[derive(Debug, Serialize)]
pub struct Counts {
    /// Payments of all phases.
    pub payments: u64,
    /// Those settled.
    pub settled: u64,
    /// Those that ended without an answer, sent or not.
    pub lost: u64,
    /// Those refused for good.
    pub rejected: u64,
    /// Where the lost ones were lost.
    pub lost_by_place: LostByPlace,
    /// Refused payments by the code that decided.
    pub rejected_by_code: BTreeMap<String, u64>,
    /// Rejections received by code; some were only a reason to try again.
    pub rejections_by_code: BTreeMap<String, u64>,
    /// Orders and certificates sent again.
    pub retries: u64,
    /// Receipts beyond the quorum that never came.
    pub receipts_missing: u64,
    /// Replies that no honest server sends: never counted as success.
    pub invalid_replies: u64,
    /// The same by what is wrong with them.
    pub invalid_replies_by_fault: BTreeMap<String, u64>,
    /// Replies that repeat what was known.
    pub late_replies: u64,
}

/// What was asked for and what was used.
#[derive(Debug, Serialize)]
pub struct SettingsReport {
    /// `volatile` or `durable`, as the authority says.
    pub mode: String,
    /// The authority's transport.
    pub transport: String,
    /// The authority's signature backend.
    pub backend: String,
    /// Members of the committee.
    pub committee: u16,
    /// Votes of a certificate.
    pub quorum: u64,
    /// Whether all authorities run.
    pub live: bool,
    /// Votes of each certificate that were signed ahead.
    pub simulated_voters: usize,
    /// Orders under one signature of a simulated voter: one foreign root per voter for so many payments.
    pub simulated_batch: usize,
    /// Funded accounts.
    pub accounts: u32,
    /// Shards of each authority.
    pub shards: u16,
    /// Verifier threads of each authority.
    pub verifiers: u16,
    /// Who ran where.
    pub cores: Cores,
    /// Payments in flight at saturation.
    pub window: usize,
    /// Whether orders carried the x coordinate of their signature's R.
    pub hint: bool,
    /// Honest orders to one bad one of another source, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad_every: Option<u32>,
    /// How long the authority checks a source's signatures one by one after a bad one.
    pub quarantine_ms: u64,
    /// Client sockets.
    pub sockets: usize,
    /// Whether segmented sends and merged receives were allowed.
    pub gso: bool,
    /// Time before a request is repeated.
    pub timeout_ms: u64,
    /// Sends before a payment is lost.
    pub tries: u32,
    /// The seed.
    pub seed: u64,
}

impl SettingsReport {
    /// From the options, the terms, and what the authority said.
    pub fn new(options: &RunOptions, terms: &Terms, simulated_batch: usize, cores: Cores, ready: &Ready) -> Self {
        Self {
            mode: ready.mode.clone(),
            transport: ready.transport.clone(),
            backend: ready.backend.clone(),
            committee: options.committee,
            quorum: terms.quorum,
            live: options.live,
            simulated_voters: terms.simulated_count,
            simulated_batch,
            accounts: options.accounts,
            shards: options.shards,
            verifiers: options.verifiers,
            cores,
            window: options.window_used(),
            hint: options.hint,
            bad_every: options.bad_every,
            quarantine_ms: options.quarantine_ms,
            sockets: options.sockets,
            gso: !options.no_gso,
            timeout_ms: options.timeout_ms,
            tries: options.tries,
            seed: options.seed,
        }
    }
}

/// Where payments were lost.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct LostByPlace {
    /// No votes came.
    pub order: u64,
    /// No receipts came; the payment may have been applied.
    pub certificate: u64,
    /// Not sent: the sender's payment before was lost or rejected.
    pub blocked: u64,
    /// Not sent: the phase was given up.
    pub unsent: u64,
}

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

/// Both phases.
#[derive(Debug, Serialize)]
pub struct Phases {
    /// Closed loop with a bounded window.
    pub saturated: PhaseReport,
    /// Open loop on a schedule.
    pub open_loop: PhaseReport,
}

/// One phase.
#[derive(Debug, Serialize)]
pub struct PhaseReport {
    /// Its payments.
    pub payments: u64,
    /// Those settled.
    pub settled: u64,
    /// Those lost.
    pub lost: u64,
    /// Those refused.
    pub rejected: u64,
    /// Payments per second of the schedule; none at saturation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<u64>,
    /// From the first order to the last settlement.
    pub seconds: f64,
    /// Settled payments over that time.
    pub settled_per_s: f64,
    /// Latencies in microseconds; in an open loop from the schedule.
    pub latency_us: SpanSummaries,
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
    /// Most payments in flight.
    pub in_flight_max: usize,
    /// Whether it was given up because nothing went on.
    pub gave_up: bool,
}

/// A phase as it was measured.
#[derive(Debug)]
pub struct PhaseMeasure {
    /// What became of its payments.
    pub tally: Tally,
    /// Of the schedule.
    pub rate_per_s: Option<u64>,
    /// Time of all authority processes, if they are ours.
    pub authority: Option<Spent>,
    /// Our time.
    pub generator: Spent,
}

/// All that was measured.
#[derive(Debug)]
pub struct Measures {
    /// The phase with the window.
    pub saturated: PhaseMeasure,
    /// The phase with the schedule.
    pub open_loop: PhaseMeasure,
    /// The phase with the window against volatile authorities, if the price was asked for.
    pub volatile: Option<PhaseMeasure>,
    /// The disk by itself, if it was used.
    pub disk: Option<DiskMeasure>,
    /// Replies not acted upon.
    pub replies: ReplyCounters,
    /// Balances.
    pub audit: Audit,
    /// The source of bad signatures, if there was one.
    pub intruder: Option<IntruderCounters>,
    /// The client's transport.
    pub client_transport: String,
    /// The client's sockets.
    pub client: ClientCounters,
    /// What the kernel did not grant.
    pub findings: Vec<String>,
}

impl Report {
    /// Puts together what was measured and what the authorities said: the first one, and if there are more, all.
    pub fn new(
        command: String,
        settings: SettingsReport,
        measures: Measures,
        mut authorities: Vec<AuthorityReport>,
    ) -> Self {
        let Measures { saturated, open_loop, replies, audit, .. } = &measures;
        let counts = Counts::new(&[&saturated.tally, &open_loop.tally], replies);
        let phases = Phases { saturated: PhaseReport::new(saturated), open_loop: PhaseReport::new(open_loop) };
        let price =
            measures.volatile.as_ref().map(|volatile| Price::new(&PhaseReport::new(volatile), &phases.saturated));
        let first = authorities[0].clone();
        let journal = measures.disk.map(|disk| JournalReport::new(disk, &first.counters));
        authorities.truncate(if authorities.len() == 1 { 0 } else { usize::MAX });
        Self {
            command,
            version: env!("CARGO_PKG_VERSION"),
            settled_per_s: phases.saturated.settled_per_s,
            counts,
            authority_cpu_ns_per_payment: phases.saturated.authority_cpu_ns_per_payment,
            latency_us: phases.open_loop.latency_us,
            generator: GeneratorReport::new(
                measures.client_transport.clone(),
                measures.client,
                measures.findings.clone(),
                replies,
                &phases,
                open_loop.tally.lag.summary(),
                Some(settings.cores.generator_owns_core()),
            ),
            disturbances: disturbances(&phases),
            journal,
            price,
            audit: *audit,
            intruder: measures.intruder,
            settings,
            phases,
            authority: first,
            authorities,
        }
    }

    /// What went wrong, one sentence each; empty if the run is good.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = self.counts.failures();
        if let Some(unsettled) = self.price.map(|price| price.volatile_unsettled).filter(|count| *count > 0) {
            failures.push(format!("{unsettled} payments did not settle in the volatile run for the price"));
        }
        failures.extend(self.audit.failure());
        failures
    }
}

impl Counts {
    /// From what was counted in each phase, and of the replies.
    pub fn new(tallies: &[&Tally], replies: &ReplyCounters) -> Self {
        let sum = |count: fn(&Tally) -> u64| tallies.iter().map(|tally| count(tally)).sum::<u64>();
        Self {
            payments: sum(Tally::ended),
            settled: sum(|tally| tally.settled),
            lost: sum(Tally::lost),
            rejected: sum(|tally| tally.rejected),
            lost_by_place: LostByPlace {
                order: sum(|tally| tally.lost_order),
                certificate: sum(|tally| tally.lost_certificate),
                blocked: sum(|tally| tally.blocked),
                unsent: sum(|tally| tally.unsent),
            },
            rejected_by_code: codes(tallies, |tally| &tally.rejected_by_code),
            rejections_by_code: codes(tallies, |tally| &tally.rejections_by_code),
            retries: sum(|tally| tally.order_retries + tally.certificate_retries),
            receipts_missing: sum(|tally| tally.receipts_missing),
            invalid_replies: replies.invalid(),
            invalid_replies_by_fault: faults(replies),
            late_replies: replies.late + sum(|tally| tally.late_replies),
        }
    }

    /// What went wrong, one sentence each.
    pub fn failures(&self) -> Vec<String> {
        let Self { lost, rejected, payments, .. } = self;
        let lost = (*lost > 0).then(|| format!("{lost} of {payments} payments were lost"));
        let rejected = (*rejected > 0).then(|| format!("{rejected} payments were rejected, and none deserved it"));
        lost.into_iter().chain(rejected).collect()
    }
}

impl GeneratorReport {
    /// `owns_core`: whether the load loop has a core that no authority has; `None` if that is not known.
    pub(crate) fn new(
        transport: String,
        sockets: ClientCounters,
        findings: Vec<String>,
        replies: &ReplyCounters,
        phases: &Phases,
        lag_us: LatencySummary,
        owns_core: Option<bool>,
    ) -> Self {
        let limited_because = limits(phases, &lag_us, owns_core);
        Self {
            transport,
            cpu_ns_per_payment: phases.saturated.generator_cpu_ns_per_payment,
            busy_share: phases.saturated.generator_busy_share,
            core_share: phases.saturated.generator_core_share,
            lag_us,
            limited: !limited_because.is_empty(),
            limited_because,
            sockets,
            overrun_replies: replies.overrun,
            findings,
        }
    }
}

/// Why the generator, and not the authority, may have set what was measured: a sentence each. The command's `--help` says
/// how this is decided.
fn limits(phases: &Phases, lag_us: &LatencySummary, owns_core: Option<bool>) -> Vec<String> {
    let (saturated, open_loop) = (&phases.saturated, &phases.open_loop);
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let core_is_shared = saturated.seconds >= SHARE_S_MIN && saturated.generator_core_share < CORE_SHARE_MIN;
    let is_full = open_loop.in_flight_max >= IN_FLIGHT_MAX;
    let busy = |phase: &PhaseReport| phase.generator_busy_share > BUSY_SHARE_MAX;
    let limit = BUSY_SHARE_MAX * 100.0;
    let reasons = [
        (owns_core == Some(false)).then(|| "it shares its core with an authority".to_owned()),
        (owns_core == Some(true) && core_is_shared).then(|| {
            let share = percent(saturated.generator_core_share);
            format!("at saturation it had its core for {share} of the time only: something else runs there")
        }),
        busy(saturated).then(|| {
            let share = percent(saturated.generator_busy_share);
            format!("at saturation its loop had something to do {share} of the time (limit {limit:.0} %)")
        }),
        busy(open_loop).then(|| {
            let share = percent(open_loop.generator_busy_share);
            format!(
                "in the open loop its loop had something to do {share} of the time (limit {limit:.0} %), so replies waited \
                 for it"
            )
        }),
        is_full.then(|| {
            format!(
                "the open loop had {IN_FLIGHT_MAX} payments in flight and waited: the rate is more than the authority takes"
            )
        }),
        (lag_us.p99_9 > LAG_US_MAX && !is_full).then(|| {
            let (lag, share) = (lag_us.p99_9, percent(open_loop.generator_wait_share));
            format!(
                "in the open loop it sent {lag:.0} us late at the 99.9th percentile (limit {LAG_US_MAX:.0} us); it waited \
                 for its core {share} of the time"
            )
        }),
    ];
    reasons.into_iter().flatten().collect()
}

impl PhaseReport {
    pub(crate) fn new(measure: &PhaseMeasure) -> Self {
        let tally = &measure.tally;
        let per_payment = |ns| ratio(ns, tally.settled);
        let elapsed_ns = tally.busy_ns + tally.idle_ns;
        Self {
            payments: tally.ended(),
            settled: tally.settled,
            lost: tally.lost(),
            rejected: tally.rejected,
            rate_per_s: measure.rate_per_s,
            seconds: ratio(tally.elapsed_ns(), 1_000_000_000),
            settled_per_s: ratio(tally.settled, tally.elapsed_ns()) * 1e9,
            latency_us: tally.spans.summary(),
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
            in_flight_max: tally.in_flight_max,
            gave_up: tally.gave_up,
        }
    }
}

fn disturbances(phases: &Phases) -> Vec<String> {
    let named = [("at saturation", &phases.saturated), ("in the open loop", &phases.open_loop)];
    let share = |phase: &PhaseReport| {
        phase.authority_wait_share.filter(|share| phase.seconds >= SHARE_S_MIN && *share > WAIT_SHARE_MAX)
    };
    let waited = named.iter().filter_map(|(when, phase)| Some((when, share(phase)?)));
    let sentence = |(when, share): (&&str, f64)| {
        format!(
            "{when} the authority's threads together waited {share:.2} s of every second for their cores: something else \
             ran there, or they share a core"
        )
    };
    waited.map(sentence).collect()
}

/// Zero if there is nothing to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds of a run stay below 2^53")]
pub(crate) fn ratio(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

fn codes(tallies: &[&Tally], counts: fn(&Tally) -> &CodeCounts) -> BTreeMap<String, u64> {
    let mut sum = CodeCounts::default();
    tallies.iter().for_each(|tally| sum.merge(counts(tally)));
    sum.by_name()
}

fn faults(replies: &ReplyCounters) -> BTreeMap<String, u64> {
    let named = Fault::ALL.iter().map(|fault| (fault.to_string(), replies.faults[*fault as usize]));
    named.filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests;
