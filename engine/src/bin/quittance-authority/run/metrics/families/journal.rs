//! What is written down, how long that takes, and how much room is left.

use super::super::exposition::{Lines, Unit, seconds};
use super::super::picture::Picture;
use super::{Family, NONE, SHARD, counter, gauge, histogram, per_shard_with};
use crate::storage::JournalFigures;
use std::time::UNIX_EPOCH;

pub(super) const FAMILIES: &[Family] = &[
    counter(
        "quittance_journal_commits_total",
        NONE,
        "Commits: each writes and syncs all copies, for all shards that wait.",
        |picture, lines| figure(picture, lines, |journal| journal.commits),
    ),
    counter(
        "quittance_journal_blocks_total",
        NONE,
        "Blocks in those commits, at most one of each shard in each.",
        |picture, lines| {
            figure(picture, lines, |journal| journal.blocks);
        },
    ),
    counter(
        "quittance_journal_bytes_total",
        NONE,
        "Bytes of those blocks, counted once for all copies.",
        |picture, lines| {
            figure(picture, lines, |journal| journal.bytes);
        },
    ),
    histogram("quittance_journal_write_seconds", NONE, "Time to write all copies, per commit.", |picture, lines| {
        if let Some(journal) = &picture.journal {
            lines.distribution(&[], &journal.write_us, Unit::Microsecond);
        }
    }),
    histogram("quittance_journal_flush_seconds", NONE, "Time to sync all copies, per commit.", |picture, lines| {
        if let Some(journal) = &picture.journal {
            lines.distribution(&[], &journal.flush_us, Unit::Microsecond);
        }
    }),
    histogram(
        "quittance_journal_block_records",
        SHARD,
        "Records of a shard in a commit; 0 where it only proved the one before.",
        |picture, lines| {
            for shard in picture.shards() {
                if let Some(journal) = &shard.journal {
                    lines.distribution(&[&shard.report.index.to_string()], &journal.block_records, Unit::One);
                }
            }
        },
    ),
    counter("quittance_journal_records_total", SHARD, "Records made, in all runs.", |picture, lines| {
        per_shard_with(picture, lines, |shard| shard.report.journal.as_ref().map(|journal| journal.records));
    }),
    gauge(
        "quittance_journal_used_ratio",
        SHARD,
        "How much of the ring is in use: votes stop at 0.7, confirmations at 0.9, credits of other shards at 0.95.",
        |picture, lines| {
            per_shard_with(picture, lines, |shard| {
                let (used, limit) = shard.journal.as_ref()?.used_of_limit;
                Some(ratio(used, limit))
            });
        },
    ),
    counter("quittance_snapshots_total", SHARD, "Snapshots done.", |picture, lines| {
        per_shard_with(picture, lines, |shard| shard.journal.as_ref().map(|journal| journal.snapshots_done));
    }),
    gauge(
        "quittance_snapshot_number",
        SHARD,
        "The number of the last snapshot, in all runs; 0 for none.",
        |picture, lines| {
            per_shard_with(picture, lines, |shard| shard.report.journal.as_ref().map(|journal| journal.snapshots));
        },
    ),
    gauge(
        "quittance_snapshot_timestamp_seconds",
        SHARD,
        "When the last snapshot of this run was done, since 1970; absent while there is none.",
        |picture, lines| {
            per_shard_with(picture, lines, |shard| {
                let at = shard.journal.as_ref()?.snapshot_at?;
                Some(seconds(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()))
            });
        },
    ),
    gauge("quittance_history_bytes", SHARD, "History kept, gaps between segments included.", |picture, lines| {
        per_shard_with(picture, lines, |shard| Some(shard.journal.as_ref()?.history?.kept));
    }),
    gauge(
        "quittance_history_unsynced_bytes",
        SHARD,
        "History made and not known to be durable: what a power failure may cost in votes.",
        |picture, lines| per_shard_with(picture, lines, |shard| Some(shard.journal.as_ref()?.history?.unsynced)),
    ),
];

fn figure(picture: &Picture, lines: &mut Lines<'_>, value: impl Fn(&JournalFigures) -> u64) {
    if let Some(journal) = &picture.journal {
        lines.value(&[], value(journal));
    }
}

/// To six places: they are exact where bytes are fewer than 2^53.
#[allow(clippy::cast_precision_loss)] // a figure for people
fn ratio(used: u64, limit: u64) -> String {
    format!("{:.6}", used as f64 / limit.max(1) as f64)
}
