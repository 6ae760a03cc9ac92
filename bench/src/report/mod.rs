//! What a run found: one structure, shown as a table or as JSON.
//!
//! | file | what it holds |
//! |---|---|
//! | `settings.rs` | what was asked for and what was used |
//! | `phase.rs`, `counts.rs` | phases, and what became of the payments of all |
//! | `generator.rs` | the load generator itself, and whether it limited what was measured, or spoiled it |
//! | `durability.rs` | the journal, and what it costs |
//! | `table.rs` | what a person reads |

mod counts;
mod durability;
mod generator;
mod phase;
mod settings;
mod table;

pub use counts::{Counts, LostByPlace};
pub use durability::{DiskMeasure, JournalReport, Price};
pub use generator::GeneratorReport;
pub use phase::{OPEN_LOOP, PhaseMeasure, PhaseReport, Phases, SATURATED};
pub use settings::SettingsReport;
pub use table::table;
pub(crate) use table::{grid, grouped, latencies_of, outcome, right_aligned, throughput};

use crate::accounting::Accounting;
use crate::audit::Audit;
use crate::client::ClientCounters;
use crate::latency::SpanSummaries;
use crate::process::AuthorityReport;
use crate::replies::ReplyCounters;
use crate::workload::report::{WorkloadMeasure, WorkloadReport};
use phase::{Headline, disturbances};
use serde::Serialize;

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
    /// Whether the figures are the authority's, and not the generator's.
    pub valid: bool,
    /// Why they are not: a sentence each.
    pub invalid_because: Vec<String>,
    /// Settled payments per second at saturation; with phases of the user's, in all measured ones together.
    pub settled_per_s: f64,
    /// What became of all payments, and of all replies.
    #[serde(flatten)]
    pub counts: Counts,
    /// User and system time of all authority processes over settled payments, in the same phases; nanoseconds.
    pub authority_cpu_ns_per_payment: Option<f64>,
    /// Latencies of the open loop, from the schedule; microseconds. With phases of the user's, of all measured ones on a
    /// schedule, or, if there is none, of all measured ones.
    pub latency_us: SpanSummaries,
    /// The same latencies from the first send.
    pub latency_from_send_us: SpanSummaries,
    /// The load generator itself.
    pub generator: GeneratorReport,
    /// What kept the authority from its cores, so that its rate is less than it could be: a sentence each.
    pub disturbances: Vec<String>,
    /// The first authority's journal; null if it was volatile.
    pub journal: Option<JournalReport>,
    /// What durability costs; null if that was not measured.
    pub price: Option<Price>,
    /// Both measured phases apart; none with phases of the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phases: Option<Phases>,
    /// All phases, in the order of time; also those that are not measured.
    pub phase_list: Vec<PhaseReport>,
    /// What was sent against what came of it, on both sides.
    pub accounting: Accounting,
    /// The balances at the end.
    pub audit: Audit,
    /// What the workload was, and what came of it besides payments.
    #[serde(flatten)]
    pub workload: WorkloadReport,
    /// The first authority.
    pub authority: AuthorityReport,
    /// Every authority, if all run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<AuthorityReport>,
}

/// All that was measured.
#[derive(Debug)]
pub struct Measures {
    /// The phases, in the order of time; at least one of them measured.
    pub phases: Vec<PhaseMeasure>,
    /// The phase with the window against volatile authorities, if the price was asked for.
    pub volatile: Option<PhaseMeasure>,
    /// The disk by itself, if it was used.
    pub disk: Option<DiskMeasure>,
    /// Replies not acted upon.
    pub replies: ReplyCounters,
    /// Balances.
    pub audit: Audit,
    /// What was measured besides payments.
    pub workload: WorkloadMeasure,
    /// The client's transport.
    pub client_transport: String,
    /// The client's sockets.
    pub client: ClientCounters,
    /// What the kernel did not grant.
    pub findings: Vec<String>,
    /// The ledgers.
    pub accounting: Accounting,
}

impl Report {
    /// Puts together what was measured and what the authorities said: the first one, and if there are more, all.
    pub fn new(
        command: String,
        settings: SettingsReport,
        measures: &Measures,
        mut authorities: Vec<AuthorityReport>,
    ) -> Self {
        let Measures { phases: measured, replies, audit, .. } = measures;
        let tallies: Vec<_> = measured.iter().map(|phase| &phase.tally).collect();
        let counts = Counts::new(&tallies, replies);
        let headline = Headline::of(measured);
        let phase_list: Vec<_> = measured.iter().map(PhaseReport::new).collect();
        let phases = Phases::among(&phase_list);
        let price = measures.volatile.as_ref().zip(phases.as_ref());
        let price = price.map(|(volatile, phases)| Price::new(&PhaseReport::new(volatile), &phases.saturated));
        let first = authorities[0].clone();
        let journal = measures.disk.map(|disk| JournalReport::new(disk, &first.counters));
        authorities.truncate(if authorities.len() == 1 { 0 } else { usize::MAX });
        let generator = GeneratorReport::new(
            measures.client_transport.clone(),
            measures.client,
            measures.findings.clone(),
            replies,
            &phase_list,
            headline.lag.summary(),
            Some(settings.cores.generator_owns_core()),
        );
        let invalid_because = if settings.strict { generator.spoils(&phase_list) } else { Vec::new() };
        Self {
            command,
            version: env!("CARGO_PKG_VERSION"),
            valid: invalid_because.is_empty(),
            invalid_because,
            settled_per_s: headline.settled_per_s,
            counts,
            authority_cpu_ns_per_payment: headline.authority_cpu_ns_per_payment,
            latency_us: headline.from_schedule.summary(),
            latency_from_send_us: headline.from_send.summary(),
            generator,
            disturbances: disturbances(&phase_list),
            journal,
            price,
            audit: *audit,
            workload: WorkloadReport::new(&measures.workload, headline.settled_per_s),
            accounting: measures.accounting.clone(),
            settings,
            phases,
            phase_list,
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
        failures.extend(self.workload.failures());
        failures.extend(self.audit.failure());
        failures.extend(self.accounting.failure());
        failures
    }
}

/// Zero if there is nothing to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds of a run stay below 2^53")]
pub(crate) fn ratio(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

#[cfg(test)]
mod tests;
