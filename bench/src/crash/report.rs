//! What a trial found.

use super::JournalReading;
use super::challenge::ChallengeCounts;
use crate::audit::Audit;
use crate::drive::Tally;
use crate::options::{CrashOptions, RunOptions};
use crate::report::{grid, grouped};
use quittance_engine::types::Digest;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A trial's results. Its JSON form is this structure, field by field.
#[derive(Debug, Serialize)]
pub struct CrashReport {
    /// The command that repeats the trial.
    pub command: String,
    /// This program's version.
    pub version: &'static str,
    /// `durable`; or `volatile`, for a trial of the trial.
    pub mode: &'static str,
    /// Rounds asked for, each with a kill under load.
    pub rounds: u32,
    /// Processes killed: one a round, and those killed while they started.
    pub kills: u64,
    /// Of these, before they had said that they were ready: while they made their journals or recovered.
    pub kills_before_ready: u64,
    /// Payments of the schedule.
    pub payments: u64,
    /// Those with a receipt.
    pub settled: u64,
    /// Those voted for and not certified at the end, on purpose.
    pub pending: u64,
    /// All others: there must be none.
    pub unsettled: u64,
    /// Receipts received for sequence numbers that their accounts have not passed in the end.
    pub receipts_lost: u64,
    /// Votes received for an order after one for another order of the same account and sequence number.
    pub conflicting_votes: u64,
    /// Second orders sent for payments whose votes were received before a kill.
    pub conflicts_tried: u64,
    /// Of these, refused by name of the first order: all must be.
    pub conflicts_refused: u64,
    /// Whether every account answered and all balances add up to the supply.
    pub supply_conserved: bool,
    /// Accounts whose balance or sequence number is another than the model's.
    pub account_mismatches: u64,
    /// Whether the state's digest is the model's, as told by the running authority and as held by its journal.
    pub digest_equal: bool,
    /// The model's digest, hexadecimal.
    pub state_digest: String,
    /// Whether the journal, read offline after a clean stop, has no damage; null without a journal.
    pub journal_sound: Option<bool>,
    /// Snapshots taken by all processes together; null without a journal. Without any, no recovery began with one.
    pub snapshots: Option<u64>,
    /// From a start, of a process that was not killed on its way, until it was ready; milliseconds.
    pub restart_ms: RestartMs,
    /// Orders and certificates sent again.
    pub retries: u64,
    /// Refused payments by the code that decided.
    pub rejected_by_code: BTreeMap<String, u64>,
    /// Replies that no honest server sends.
    pub invalid_replies: u64,
    /// Payments a second.
    pub rate: u64,
    /// Funded accounts.
    pub accounts: u32,
    /// Shards of the authority.
    pub shards: u16,
    /// Processes of the authority.
    pub processes: u16,
    /// Settled payments from an account of one process to an account of another; null for a single process. With equal digests
    /// each of them was credited once.
    pub credits_crossed: Option<u64>,
    /// The seed.
    pub seed: u64,
    /// The counters of the last process; of several, a list by process.
    pub counters: Value,
}

/// How long restarts took, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RestartMs {
    /// How many.
    pub count: u64,
    /// The median.
    pub p50: u32,
    /// The longest.
    pub max: u32,
}

impl RestartMs {
    fn of(mut restarts_ms: Vec<u32>) -> Self {
        restarts_ms.sort_unstable();
        let p50 = restarts_ms.get(restarts_ms.len() / 2).copied().unwrap_or_default();
        let max = restarts_ms.last().copied().unwrap_or_default();
        Self { count: restarts_ms.len() as u64, p50, max }
    }
}

/// What the accounts showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Findings {
    pub(super) receipts_lost: u64,
    pub(super) expected: Digest,
    /// `None` if an account did not answer.
    pub(super) answered: Option<Digest>,
    pub(super) pending: u64,
    pub(super) credits_crossed: Option<u64>,
}

/// A trial that came to its end.
pub(super) struct Ended {
    pub(super) tally: Tally,
    pub(super) challenges: ChallengeCounts,
    pub(super) invalid_replies: u64,
    pub(super) kills: u64,
    pub(super) kills_before_ready: u64,
    pub(super) restarts_ms: Vec<u32>,
    pub(super) audit: Audit,
    pub(super) findings: Findings,
    /// By process.
    pub(super) counters: Vec<Value>,
}

impl CrashReport {
    pub(super) fn new(
        command: String,
        options: &CrashOptions,
        run_options: &RunOptions,
        ended: Ended,
        journal: Option<JournalReading>,
    ) -> Self {
        let Ended { tally, challenges, audit, findings, .. } = ended;
        let payments = u64::from(run_options.payments);
        let state_digest = hex::encode(findings.expected);
        let held = journal.as_ref().is_none_or(|journal| journal.state_digest == state_digest);
        Self {
            command,
            version: env!("CARGO_PKG_VERSION"),
            mode: if options.forgetful { "volatile" } else { "durable" },
            rounds: options.rounds,
            kills: ended.kills,
            kills_before_ready: ended.kills_before_ready,
            payments,
            settled: tally.settled,
            pending: findings.pending,
            unsettled: payments - tally.settled - findings.pending,
            receipts_lost: findings.receipts_lost,
            conflicting_votes: challenges.voted,
            conflicts_tried: challenges.tried,
            conflicts_refused: challenges.refused,
            supply_conserved: audit.unanswered == 0 && audit.total == audit.expected_total,
            account_mismatches: audit.mismatches,
            digest_equal: held && findings.answered == Some(findings.expected),
            state_digest,
            snapshots: journal.as_ref().map(|journal| journal.snapshots),
            journal_sound: journal.map(|journal| journal.sound),
            restart_ms: RestartMs::of(ended.restarts_ms),
            retries: tally.order_retries + tally.certificate_retries,
            rejected_by_code: tally.rejected_by_code.by_name(),
            invalid_replies: ended.invalid_replies,
            rate: options.rate,
            accounts: options.accounts,
            shards: options.shards,
            processes: options.processes,
            credits_crossed: findings.credits_crossed,
            seed: options.seed,
            counters: match ended.counters {
                counters if counters.len() > 1 => Value::Array(counters),
                counters => counters.into_iter().next().unwrap_or_default(),
            },
        }
    }

    /// What went wrong, one sentence each; empty if nothing was forgotten.
    pub fn failures(&self) -> Vec<String> {
        let unrefused = self.conflicts_tried - self.conflicts_refused;
        let found = [
            (self.receipts_lost > 0, format!("{} receipts were forgotten", self.receipts_lost)),
            (self.conflicting_votes > 0, format!("{} second orders were voted for", self.conflicting_votes)),
            (unrefused > 0, format!("{unrefused} second orders were not refused by the name of the first")),
            (self.conflicts_tried == 0, "no second order was tried, so nothing was proved".to_owned()),
            (self.credits_crossed == Some(0), "no credit crossed between processes, so nothing was proved".to_owned()),
            (self.unsettled > 0, format!("{} payments never settled", self.unsettled)),
            (!self.supply_conserved, "the balances do not add up to the supply".to_owned()),
            (self.account_mismatches > 0, format!("{} accounts are not the model's", self.account_mismatches)),
            (!self.digest_equal, "the state's digest is not the model's".to_owned()),
            (self.journal_sound == Some(false), "the journal is damaged after a clean stop".to_owned()),
            (self.invalid_replies > 0, format!("{} replies were invalid", self.invalid_replies)),
        ];
        found.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, sentence)| sentence).collect()
    }
}

fn processes_line(report: &CrashReport) -> String {
    let crossed = report.credits_crossed.map(|count| format!(", {} credits crossed", grouped(count)));
    format!("{}{}", report.processes, crossed.unwrap_or_default())
}

/// The report as text.
pub fn table(report: &CrashReport) -> String {
    let yes = |is: bool| if is { "yes" } else { "NO" }.to_owned();
    let rows = [
        ("rounds", format!("{}, {}", report.rounds, report.mode)),
        ("kills", format!("{}, {} of them before ready", report.kills, report.kills_before_ready)),
        (
            "payments",
            format!(
                "{}: {} settled, {} pending on purpose, {} unsettled",
                grouped(report.payments),
                grouped(report.settled),
                report.pending,
                report.unsettled
            ),
        ),
        ("receipts lost", report.receipts_lost.to_string()),
        ("conflicting votes", report.conflicting_votes.to_string()),
        ("second orders refused", format!("{} of {}", report.conflicts_refused, report.conflicts_tried)),
        ("supply conserved", yes(report.supply_conserved)),
        ("state digest equal", format!("{}, {}", yes(report.digest_equal), report.state_digest)),
        ("journal sound", report.journal_sound.map_or("none".to_owned(), yes)),
        ("snapshots", report.snapshots.map_or("none".to_owned(), grouped)),
        ("processes", processes_line(report)),
        ("restart (ms)", format!("p50 {}, max {}", report.restart_ms.p50, report.restart_ms.max)),
        ("sent again", grouped(report.retries)),
    ];
    let mut table = grid(&["crash trial", ""]);
    rows.into_iter().for_each(|(name, value)| _ = table.add_row(vec![name.to_owned(), value]));
    format!("{table}\n\nrepeat with: {}", report.command)
}
