//! Options of a measurement.

use super::choices::{ArrivalsChoice, BackendChoice, TransportChoice};
use super::phases::{PhaseSpec, payments_of};
use super::workload::WorkloadOptions;
use super::{journal_mib, sockets, window};
use crate::error::BenchError;
use crate::faults::Fault;
use crate::limits::{ACCOUNT_COUNT_MAX, MEMBER_COUNT_MAX, PAYMENT_COUNT_MAX, SHARD_COUNT_MAX};
use crate::objective::Objective;
use crate::output::OutputOptions;
use clap::Args;
use std::path::PathBuf;

/// Payments in flight that saturate a volatile authority.
const WINDOW_VOLATILE: usize = 512;
/// Payments in flight that saturate a durable one: each waits for two flushes of the disk.
const WINDOW_DURABLE: usize = 4_096;

/// Options of a measurement.
#[derive(Clone, Debug, Args)]
pub struct RunOptions {
    /// Funded accounts.
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=i64::from(ACCOUNT_COUNT_MAX)))]
    pub accounts: u32,
    /// Payments in all: two thirds at saturation, one third open loop.
    #[arg(long, default_value_t = 300_000, value_name = "N", value_parser = clap::value_parser!(u32).range(3..=i64::from(PAYMENT_COUNT_MAX)))]
    pub payments: u32,
    /// Members of the committee; 3f + 1 of them tolerate f that lie.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::try_from(MEMBER_COUNT_MAX).expect("small")))]
    pub committee: u16,
    /// Shards of each authority: one thread, one port each.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(SHARD_COUNT_MAX)))]
    pub shards: u16,
    /// Processes that the first authority runs as: only in the trial by kills.
    #[arg(skip = 1_u16)]
    pub processes: u16,
    /// Verifier threads of each authority; 0: shards verify themselves.
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u16).range(..=i64::from(SHARD_COUNT_MAX)))]
    pub verifiers: u16,
    /// Payments per second of the open loop [default: half of the saturated rate].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub rate: Option<u64>,
    /// How the payments of an open loop are spaced; the mean rate is the same.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub arrivals: ArrivalsChoice,
    /// A phase; given several times, phases in this order. The payments follow from the rates and durations. See above for how
    /// phases are written. No price is measured then.
    #[arg(long = "phase", value_name = "SPEC", conflicts_with_all = ["payments", "rate", "window", "warm_up"])]
    pub phases: Vec<PhaseSpec>,
    /// What happens to an authority while the load goes on, in seconds from its start; may be given several times. `kill:1@3s`
    /// kills authority 1 after three seconds, `restart:1@6s` starts it again with what it has on disk, `stop:1@3s..5s` stops it
    /// in between (SIGSTOP), `slow:1@3s..6s=80%` stops it for 80 of every 100 ms. The timeline shows what came of it. An
    /// authority that it happened to lacks payments, so it is not audited; a quorum of the others should be left.
    #[arg(long = "fault", value_name = "FAULT", requires_all = ["live", "phases"])]
    pub faults: Vec<Fault>,
    /// The first of the payments at saturation, so many, are driven as a phase of their own and not measured.
    #[arg(long, default_value_t = 0, value_name = "PAYMENTS")]
    pub warm_up: u32,
    /// A generator that was late makes the run invalid (exit code 97), also without --rate or --phase.
    #[arg(long)]
    pub strict: bool,
    /// Payments in flight at saturation; at most half of the accounts are used. Divided by the rate it is the time that an
    /// answer takes, which --timeout-ms should exceed [default: 4,096, since answers wait for the disk; 512 with --volatile].
    #[arg(long, value_name = "N", value_parser = window)]
    pub window: Option<usize>,
    /// Where the authorities keep their journals: one directory, or two with a copy in each. A folder is made in each for the
    /// run, and removed at the end. On a file system in memory (tmpfs) nothing is flushed, and the figures mean nothing
    /// [default: two in the run's own folder, which is made under TMPDIR].
    #[arg(long, value_name = "DIR[,DIR2]", value_delimiter = ',', num_args = 1)]
    pub data: Vec<PathBuf>,
    /// Journal of each shard in each directory, in MiB, as the authority's option of this name [default: the authority's].
    #[arg(long, value_name = "MIB", value_parser = journal_mib())]
    pub journal_mib: Option<u64>,
    /// Run the authorities in memory, as nobody would with money: a restart forgets every vote and payment.
    #[arg(long, conflicts_with_all = ["data", "journal_mib", "no_price", "no_history"])]
    pub volatile: bool,
    /// Do not measure what durability costs. Otherwise the saturated phase is driven twice: first against volatile
    /// authorities, then against the durable ones, with the same orders and the same window; `price` compares the two.
    #[arg(long)]
    pub no_price: bool,
    /// Let the authorities keep no history. What remains of the cost against a run without this is what the history costs.
    #[arg(long)]
    pub no_history: bool,
    /// How datagrams are received and sent, on both sides.
    #[arg(long, default_value = "auto")]
    pub transport: TransportChoice,
    /// How the authorities check signatures.
    #[arg(long, default_value = "auto")]
    pub backend: BackendChoice,
    /// Send the x coordinate of each signature's R along with the order, which spares the authority a square root.
    #[arg(long)]
    pub hint: bool,
    /// After every Nth order, have another address send the same order with a bad signature. What remains of the rate
    /// against a run without is what the authority protects its payers from.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub bad_every: Option<u32>,
    /// How long the authority checks a source's signatures one by one after a bad one, in milliseconds; 0: never.
    #[arg(long, default_value_t = quittance_engine::quarantine::QUARANTINE_MS, value_name = "MS")]
    pub quarantine_ms: u64,
    /// Client sockets; payments take turns.
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = sockets)]
    pub sockets: usize,
    /// Let every datagram travel by itself, on both sides: no segmented sends (GSO), no merged receives (GRO).
    #[arg(long)]
    pub no_gso: bool,
    /// Run all authorities as processes; every vote is theirs.
    #[arg(long)]
    pub live: bool,
    /// Orders under one signature of a simulated voter, so how rarely the authority meets a foreign root it must check;
    /// lowered to what a certificate of the committee can hold.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub simulated_batch: u16,
    /// How long an answer is waited for before the request is repeated, in milliseconds.
    #[arg(long, default_value_t = 250, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub timeout_ms: u64,
    /// Sends of one order, and of one certificate, before the payment counts as lost.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub tries: u32,
    /// Fixes keys, who pays whom, and how much.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// What the run must reach, such as `order_receipt.p99.9<2ms,loss=0,settled_per_s>=100000,cpu<9us`: terms divided by
    /// commas, each a metric, one of < <= > >= =, and a bound. Metrics: order_vote, certificate_receipt and order_receipt with
    /// .p50, .p90, .p99, .p99.9 or .max (open loop, from the schedule; from the send with @send behind), settled_per_s and cpu
    /// (at saturation), loss, loss%, rejected. Times need a unit: ns, us, ms, s. What was not measured is not met, and a
    /// quantile takes 10 payments beyond it: p99.9 takes 10,000 in the open loop.
    #[arg(long, value_name = "OBJECTIVE")]
    pub slo: Option<Objective>,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
    /// The authority's executable [default: the one beside this one; built first under cargo].
    #[arg(long, value_name = "PATH")]
    pub authority_binary: Option<PathBuf>,
    /// Where the files of the run go.
    #[command(flatten)]
    pub output: OutputOptions,
    /// Who pays whom, and who disturbs. Last, since its heading would go on over what follows.
    #[command(flatten)]
    pub workload: WorkloadOptions,
}

impl RunOptions {
    /// Payments in flight at saturation: never so many that most would wait for their sender's payment before.
    pub fn window_used(&self) -> usize {
        let default = if self.volatile { WINDOW_VOLATILE } else { WINDOW_DURABLE };
        self.window.unwrap_or(default).min(self.accounts as usize / 2).max(1)
    }

    /// Payments of all phases.
    ///
    /// # Errors
    /// [`BenchError::Usage`] for phases that cannot be driven together, and for a warm-up that leaves nothing to measure.
    pub fn payment_count(&self) -> Result<u32, BenchError> {
        if !self.phases.is_empty() {
            return payments_of(&self.phases).map_err(|error| BenchError::Usage(format!("--phase: {error}")));
        }
        let at_saturation = self.saturated_payments();
        if self.warm_up >= at_saturation {
            return Err(BenchError::Usage(format!(
                "--warm-up takes less than the {at_saturation} payments at saturation; raise --payments"
            )));
        }
        Ok(self.payments)
    }

    /// Whether a generator that was late makes the run invalid: where the user named the rate, it is to be kept.
    pub fn is_strict(&self) -> bool {
        self.strict || self.rate.is_some() || !self.phases.is_empty()
    }

    /// Payments of the saturated phase, its warm-up among them; the rest are sent open loop.
    pub fn saturated_payments(&self) -> u32 {
        self.payments - self.payments / 3
    }
}
