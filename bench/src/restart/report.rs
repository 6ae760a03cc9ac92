//! What the starts took.

use super::fill::Fullness;
use super::number;
use crate::options::RestartOptions;
use crate::report::{grid, grouped};
use serde::Serialize;
use serde_json::Value;

/// Starts of one authority from the same disk.
#[derive(Clone, Debug, Serialize)]
pub struct RestartReport {
    /// The command line that repeats it.
    pub command: String,
    /// This program's version.
    pub version: &'static str,
    /// Accounts of the genesis file.
    pub accounts: u32,
    /// Shards of the authority.
    pub shards: u16,
    /// Journal of each shard in each copy, MiB.
    pub journal_mib: u64,
    /// Share of the ring in use when the authority was killed, percent.
    pub used_percent: u64,
    /// Of all starts, the one in the middle: birth to ready, milliseconds.
    pub ready_ms_p50: u64,
    /// The longest, milliseconds.
    pub ready_ms_max: u64,
    /// Each start.
    pub starts: Vec<StartReport>,
}

/// One start.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StartReport {
    /// From the process's birth until it was ready, milliseconds.
    pub ready_ms: u64,
    /// Reading snapshot and journal, of the slowest shard, milliseconds.
    pub recovery_ms: u64,
    /// Of that, the journal, milliseconds.
    pub replay_ms: u64,
    /// Journal read, of one copy, all shards, bytes.
    pub journal_bytes: u64,
    /// Records replayed, all shards.
    pub records: u64,
    /// The numbers of all shards' snapshots, added up.
    pub snapshots: u64,
    /// Journal bytes per second of replay; both copies are read and compared.
    pub replay_bytes_per_s: u64,
    /// Records per second of replay.
    pub replay_records_per_s: u64,
}

impl StartReport {
    /// From what the authority said it recovered, by shard.
    pub(super) fn new(ready_ms: u64, recovered: &[Value]) -> Self {
        let sum = |name| recovered.iter().map(|shard| number(shard, name)).sum::<u64>();
        let most = |name| recovered.iter().map(|shard| number(shard, name)).max().unwrap_or_default();
        let (journal_bytes, records, replay_ms) = (sum("bytes"), sum("records"), most("replay_ms"));
        let per_s = |count: u64| count * 1_000 / replay_ms.max(1);
        Self {
            ready_ms,
            recovery_ms: most("took_ms"),
            replay_ms,
            journal_bytes,
            records,
            snapshots: sum("snapshot"),
            replay_bytes_per_s: per_s(journal_bytes),
            replay_records_per_s: per_s(records),
        }
    }
}

impl RestartReport {
    pub(super) fn new(command: String, options: &RestartOptions, fullness: Fullness, starts: Vec<StartReport>) -> Self {
        let mut ready_ms: Vec<u64> = starts.iter().map(|start| start.ready_ms).collect();
        ready_ms.sort_unstable();
        Self {
            command,
            version: env!("CARGO_PKG_VERSION"),
            accounts: options.accounts,
            shards: options.shards,
            journal_mib: options.journal_mib,
            used_percent: fullness.used_percent,
            ready_ms_p50: ready_ms.get(ready_ms.len() / 2).copied().unwrap_or_default(),
            ready_ms_max: ready_ms.last().copied().unwrap_or_default(),
            starts,
        }
    }

    /// What went wrong, one sentence each; empty if the starts read back what they should.
    pub fn failures(&self) -> Vec<String> {
        let found = [
            (self.starts.iter().any(|start| start.records == 0), "a start replayed nothing".to_owned()),
            (self.starts.iter().any(|start| start.snapshots == 0), "a start found no snapshot".to_owned()),
        ];
        found.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, sentence)| sentence).collect()
    }
}

/// The report as text.
pub fn table(report: &RestartReport) -> String {
    let mut table = grid(&["restart", ""]);
    let mut row = |name: &str, value: String| _ = table.add_row(vec![name.to_owned(), value]);
    row("accounts, shards", format!("{}, {}", grouped(report.accounts.into()), report.shards));
    row("journal", format!("{} MiB a shard and copy, {} % in use", report.journal_mib, report.used_percent));
    row("ready (ms)", format!("p50 {}, max {}", grouped(report.ready_ms_p50), grouped(report.ready_ms_max)));
    for start in &report.starts {
        let StartReport { ready_ms, recovery_ms, replay_ms, journal_bytes, records, .. } = *start;
        row(
            "a start",
            format!(
                "ready after {} ms; read back in {} ms, {} of them {} records ({} MB), {} records/s, {} MB/s",
                grouped(ready_ms),
                grouped(recovery_ms),
                grouped(replay_ms),
                grouped(records),
                grouped(journal_bytes / 1_000_000),
                grouped(start.replay_records_per_s),
                grouped(start.replay_bytes_per_s / 1_000_000),
            ),
        );
    }
    format!("{table}\n\nrepeat with: {}", report.command)
}
