//! What a run against a running committee found.

use super::{AttachOptions, BookReport, Clocks, Ground, LeftOut};
use crate::accounting::Payments;
use crate::audit::Audit;
use crate::client::ClientCounters;
use crate::latency::SpanSummaries;
use crate::load_shard::LoadShard;
use crate::recording::Recording;
use crate::replies::ReplyCounters;
use crate::report::{
    Counts, GeneratorReport, PhaseMeasure, PhaseReport, Phases, grid, grouped, latencies_of, outcome, right_aligned,
    throughput,
};
use crate::workload::Workload;
use comfy_table::Table;
use serde::Serialize;

/// A run's results. Its JSON form is this structure, field by field; fields that other runs have, too, mean the same.
#[derive(Debug, Serialize)]
pub struct AttachReport {
    /// The command that repeats the run.
    pub command: String,
    /// This program's version.
    pub version: &'static str,
    /// The digest of the genesis file, hexadecimal: the same for all who measure one network.
    pub network_id: String,
    /// The part of a load that was made here.
    pub load_shard: PartReport,
    /// Members of the committee.
    pub committee: usize,
    /// The weight of votes that makes a certificate.
    pub quorum: u64,
    /// Shards of each authority.
    pub shards: Vec<u16>,
    /// Accounts that took part.
    pub accounts: u32,
    /// The wallet's others, by the reason.
    pub accounts_left_out: LeftOut,
    /// Payments in flight at saturation.
    pub window: usize,
    /// The same, if there had been accounts enough.
    pub window_asked: usize,
    /// Whether orders had the x coordinate of their signature's R with them.
    pub hint: bool,
    /// Client sockets.
    pub sockets: usize,
    /// Time before a request is repeated.
    pub timeout_ms: u64,
    /// Sends before a payment is lost.
    pub tries: u32,
    /// Settled payments per second at saturation.
    pub settled_per_s: f64,
    /// What became of all payments, and of all replies.
    #[serde(flatten)]
    pub counts: Counts,
    /// Null: the authorities are not ours to look at.
    pub authority_cpu_ns_per_payment: Option<f64>,
    /// Latencies of the open loop, from the schedule; microseconds.
    pub latency_us: SpanSummaries,
    /// The same latencies from the first send.
    pub latency_from_send_us: SpanSummaries,
    /// The load generator itself.
    pub generator: GeneratorReport,
    /// What was written to the wallet's book.
    pub book: BookReport,
    /// Both phases apart.
    pub phases: Phases,
    /// What the schedule handed out against what became of it.
    pub accounting: AttachAccounting,
    /// The balances at the end, at every authority.
    pub audit: Audit,
}

/// Which part of a load this was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PartReport {
    /// The part, from 0.
    pub index: u32,
    /// Of so many; 1: all of it.
    pub count: u32,
    /// When it began together with the others, in seconds since 1970; null: at once.
    pub start_at: Option<u64>,
}

/// The ledger of payments; the authorities' counters are not ours to see.
#[derive(Debug, Serialize)]
pub struct AttachAccounting {
    /// Payments.
    pub payments: Payments,
}

/// What was measured.
pub(super) struct Found {
    pub(super) saturated: PhaseMeasure,
    pub(super) open_loop: PhaseMeasure,
    pub(super) replies: ReplyCounters,
    pub(super) audit: Audit,
    pub(super) book: BookReport,
    pub(super) transport: String,
    pub(super) sockets: ClientCounters,
    pub(super) findings: Vec<String>,
    /// Before the first phase.
    pub(super) clocks: Clocks,
}

impl Found {
    /// Whole histograms and the timeline, beginning with the first order's phase: what was prepared before is no part of it.
    pub(super) fn recording(&self) -> Recording {
        let first_ns = self.saturated.tally.begun_ns;
        let phases = [&self.saturated, &self.open_loop].map(|phase| phase.recording(first_ns)).into();
        Recording { begun_unix_us: self.clocks.unix_us_at(first_ns), phases, events: Vec::new() }
    }
}

impl PartReport {
    fn text(self) -> String {
        format!("{}/{}", self.index, self.count)
    }
}

impl AttachReport {
    pub(super) fn new(
        command: String,
        options: &AttachOptions,
        part: LoadShard,
        ground: &Ground,
        workload: &Workload,
        accounts_left_out: LeftOut,
        found: Found,
    ) -> Self {
        let Found { saturated, open_loop, replies, audit, book, transport, sockets, findings, clocks: _ } = found;
        let counts = Counts::new(&[&saturated.tally, &open_loop.tally], &replies);
        let payments = Payments::new(workload.plan.payment_count().into(), &[&saturated.tally, &open_loop.tally]);
        let phase_list = [PhaseReport::new(&saturated), PhaseReport::new(&open_loop)];
        let lag_us = open_loop.tally.lag.summary();
        let accounts = workload.plan.account_count();
        let generator = GeneratorReport::new(transport, sockets, findings, &replies, &phase_list, lag_us, None);
        let [saturated, open_loop] = phase_list;
        let phases = Phases { saturated, open_loop };
        Self {
            command,
            version: env!("CARGO_PKG_VERSION"),
            network_id: hex::encode(ground.terms.network.0),
            load_shard: PartReport { index: part.index(), count: part.count(), start_at: options.start_at },
            committee: ground.terms.live_count,
            quorum: ground.terms.quorum,
            shards: (0..ground.terms.live_count).map(|authority| ground.directory.shard_count(authority)).collect(),
            accounts,
            accounts_left_out,
            window: options.window_used(accounts),
            window_asked: options.window,
            hint: options.hint,
            sockets: options.sockets,
            timeout_ms: options.timeout_ms,
            tries: options.tries,
            settled_per_s: phases.saturated.settled_per_s,
            counts,
            authority_cpu_ns_per_payment: None,
            latency_us: phases.open_loop.latency_us,
            latency_from_send_us: phases.open_loop.latency_from_send_us,
            generator,
            book,
            phases,
            accounting: AttachAccounting { payments },
            audit,
        }
    }

    /// What went wrong, one sentence each; empty if the run is good.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = self.counts.failures();
        if !failures.is_empty() {
            failures.push("what is pending is in the wallet's book: `quittance-wallet recover` finishes it".to_owned());
        }
        failures.extend(self.audit.failure());
        let Payments { unscheduled, remainder, .. } = self.accounting.payments;
        if (unscheduled, remainder) != (0, 0) {
            failures.push(format!(
                "the accounting of payments does not add up: {unscheduled} unscheduled, remainder {remainder}"
            ));
        }
        failures
    }
}

/// The report as text.
pub fn table(report: &AttachReport) -> String {
    let Phases { saturated, open_loop } = &report.phases;
    let mut parts = vec![settings(report), throughput(&[saturated.clone(), open_loop.clone()])];
    parts.extend(latencies_of(open_loop).into_iter().chain(latencies_of(saturated)));
    parts.push(outcome(&report.counts, &report.audit, &report.generator));
    let mut text: String = parts.iter().map(|part| format!("{part}\n\n")).collect();
    for reason in &report.generator.limited_because {
        text += &format!("the generator may limit: {reason}\n");
    }
    for finding in &report.generator.findings {
        text += &format!("client sockets: {finding}\n");
    }
    text + &format!("repeat with: {}", report.command)
}

fn settings(report: &AttachReport) -> Table {
    let mut table = grid(&["run", ""]);
    let left_out = report.accounts_left_out.count();
    let BookReport { batches, records, bytes, batch_us } = &report.book;
    let rows = [
        ("committee", format!("{} members, quorum {}, shards {:?}", report.committee, report.quorum, report.shards)),
        ("accounts", format!("{} of the wallet's, {} left out", grouped(report.accounts.into()), grouped(left_out))),
        ("part of the load", format!("{}, counted from 0", report.load_shard.text())),
        ("payments", format!("{} of 1 unit, in a ring", grouped(report.counts.payments))),
        ("generator", format!("{} sockets, {}, window {}", report.sockets, report.generator.transport, report.window)),
        (
            "the wallet's book",
            format!(
                "{} records, {} KiB, {} batches (p50 {:.0} us, max {:.0})",
                grouped(*records),
                grouped(bytes / 1_024),
                grouped(*batches),
                batch_us.p50,
                batch_us.max
            ),
        ),
    ];
    rows.into_iter().for_each(|(name, value)| _ = table.add_row(vec![name.to_owned(), value]));
    right_aligned(table)
}
