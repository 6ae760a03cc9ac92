//! An authority of which every number is another one, so that two that changed places are noticed.

use crate::run::control::{ShardJournalReport, ShardReport, VerifierReport};
use crate::run::metrics::picture::{About, Picture};
use crate::run::metrics::usage::{ThreadTime, Usage};
use crate::run::samples::{ShardSample, VerifierSample};
use crate::storage::{JournalFigures, ShardJournalFigures};
use quittance_engine::counters::{Counters, MalformedCounts, RejectCounts};
use quittance_engine::distribution::Distribution;
use quittance_net::transport;
use quittance_verify::Counters as VerifyCounters;
use std::time::{Duration, UNIX_EPOCH};

/// The shard's index.
pub(super) const SHARD: u16 = 7;

/// What is served besides a shard's report.
pub(super) const FURTHER_LINES: &[&str] = &[
    "quittance_build_info{version=\"0.1.0\",mode=\"durable\",transport=\"io_uring\",backend=\"portable\"} 1",
    "quittance_silent_threads 31",
    "quittance_verifier_queue_batches 32",
    "quittance_withheld_replies{shard=\"7\"} 33",
    "quittance_held_orders{shard=\"7\"} 34",
    "quittance_unacknowledged_credits{shard=\"7\"} 35",
    "quittance_gathered_signatures{shard=\"7\"} 36",
    "quittance_receive_datagrams_sum{shard=\"7\"} 37",
    "quittance_verify_batch_signatures_sum{thread=\"shard-7\"} 38",
    "quittance_verify_batch_signatures_sum{thread=\"verifier-1\"} 40",
    "quittance_reply_batch_replies_sum{shard=\"7\"} 39",
    "quittance_reply_batch_replies_bucket{shard=\"7\",le=\"32\"} 0",
    "quittance_reply_batch_replies_bucket{shard=\"7\",le=\"64\"} 1",
    "quittance_reply_batch_replies_bucket{shard=\"7\",le=\"+Inf\"} 1",
    "quittance_signatures_checked_total{thread=\"verifier-1\"} 41",
    "quittance_signature_sums_total{thread=\"verifier-1\"} 42",
    "quittance_signature_sums_failed_total{thread=\"verifier-1\"} 43",
    "quittance_signatures_checked_alone_total{thread=\"verifier-1\"} 44",
    "quittance_journal_commits_total 45",
    "quittance_journal_blocks_total 46",
    "quittance_journal_bytes_total 47",
    "quittance_journal_write_seconds_sum 0.000048",
    "quittance_journal_flush_seconds_sum 0.00049",
    "quittance_journal_block_records_sum{shard=\"7\"} 50",
    "quittance_journal_used_ratio{shard=\"7\"} 0.250000",
    "quittance_snapshots_total{shard=\"7\"} 51",
    "quittance_snapshot_timestamp_seconds{shard=\"7\"} 52.5",
    "quittance_history_bytes{shard=\"7\"} 53",
    "quittance_thread_cpu_seconds_total{thread=\"shard-7\"} 0.054",
    "quittance_thread_wait_seconds_total{thread=\"shard-7\"} 0.055",
    "process_cpu_seconds_total 5.6",
    "process_start_time_seconds 57",
];

pub(super) fn about() -> About {
    About {
        started: UNIX_EPOCH + Duration::from_secs(57),
        mode: "durable",
        transport: "io_uring".to_owned(),
        backend: "portable".to_owned(),
    }
}

/// One shard, one verifier, a journal.
pub(super) fn picture() -> Picture {
    let mut picture = Picture::empty(about());
    picture.shards = vec![None, Some(Box::new(shard()))];
    picture.verifiers = vec![Some(Box::new(verifier()))];
    picture.silent_threads = 31;
    picture.verifier_queue = Some(32);
    let (write_us, flush_us) = (one(48), one(490));
    picture.journal = Some(JournalFigures { commits: 45, blocks: 46, bytes: 47, write_us, flush_us });
    let time = ThreadTime { cpu_ns: 54_000_000, wait_ns: 55_000_000 };
    let threads = [("shard-7".to_owned(), time)].into();
    picture.usage = Usage { cpu_ns: 5_600_000_000, resident_bytes: Some(58), threads };
    picture
}

/// A single value.
fn one(value: u64) -> Distribution {
    let mut distribution = Distribution::of_sizes();
    distribution.record(value);
    distribution
}

fn verifier() -> VerifierSample {
    let verify = VerifyCounters { item_count: 41, batch_count: 42, batch_failed_count: 43, item_alone_count: 44 };
    let report = VerifierReport { index: 1, core: 0, batches: 1, verify };
    VerifierSample { question: 1, report, verify_batches: one(40) }
}

/// What it tells.
pub(super) fn shard() -> ShardSample {
    ShardSample {
        question: 1,
        report: report(),
        withheld_replies: 33,
        held_orders: 34,
        unacknowledged_credits: 35,
        gathered_signatures: 36,
        receives: one(37),
        verify_batches: one(38),
        reply_batches: one(39),
        journal: Some(ShardJournalFigures {
            used_of_limit: (1 << 20, 4 << 20),
            block_records: one(50),
            snapshots_done: 51,
            snapshot_at: Some(UNIX_EPOCH + Duration::from_millis(52_500)),
            history: Some(history()),
        }),
    }
}

fn history() -> crate::storage::HistoryFigures {
    crate::storage::HistoryFigures { kept: 53, unsynced: 59 }
}

fn report() -> ShardReport {
    ShardReport {
        index: SHARD,
        core: 3,
        accounts: 101,
        redeemed: "102".to_owned(),
        under_way: "103".to_owned(),
        unanswered: 104,
        protocol: protocol(),
        transport: transport(),
        verify: VerifyCounters { item_count: 301, batch_count: 302, batch_failed_count: 303, item_alone_count: 304 },
        journal: Some(ShardJournalReport { used_percent: 25, snapshots: 401, records: 402 }),
    }
}

fn protocol() -> Counters {
    Counters {
        orders: 111,
        certificates: 112,
        queries: 113,
        history_queries: 114,
        votes: 115,
        votes_repeated: 116,
        orders_held: 117,
        orders_held_repeated: 118,
        orders_held_funded: 119,
        orders_held_expired: 120,
        orders_held_displaced: 121,
        confirmations: 122,
        receipts_repeated: 123,
        conflicting_certificates: 124,
        credits_sent: 125,
        credits_applied: 126,
        credits_repeated: 127,
        vote_roots_known: 128,
        vote_roots_unknown: 129,
        roots_checked: 130,
        quarantines: 131,
        signatures_quarantined: 132,
        roots_signed: 133,
        replies_dropped: 134,
        not_requests: 135,
        rejects: RejectCounts::default(),
        malformed: MalformedCounts::default(),
    }
}

fn transport() -> transport::Counters {
    transport::Counters {
        datagrams_received: 201,
        packets_received: 202,
        bytes_received: 203,
        datagrams_sent: 204,
        sends: 205,
        bytes_sent: 206,
        datagrams_dropped_by_kernel: 207,
        empty_datagrams: 208,
        datagrams_truncated: 209,
        packets_unreadable: 210,
        receive_rearmed: 211,
        receive_buffers_exhausted: 212,
        completions_overflown: 213,
        receive_errors: 214,
        send_errors_by_peer: 215,
        send_errors_by_machine: 216,
        datagrams_unsent: 217,
        segmentation_refused: 218,
        segmentation_pauses: 219,
        sleeps: 220,
        wakes: 221,
    }
}
