//! What the main thread says to the others: report, or stop. What the one that serves metrics says: tell. And what they say
//! to the main thread.

use super::durability::Found;
use super::peers::LinkReport;
use super::samples::Samples;
use crate::fault::Fault;
use crate::sync::{AtomicBool, AtomicU64, Waker};
use quittance_engine::counters::Counters;
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::ShardIndex;
use quittance_net::transport;
use quittance_verify::Counters as VerifyCounters;
use serde::Serialize;
use std::sync::atomic::Ordering;

/// Read by every thread once per turn.
#[derive(Default)]
pub(super) struct Control {
    stop: AtomicBool,
    report: AtomicU64,
    question: AtomicU64,
    /// Where threads answer [`Order::Tell`].
    pub(super) samples: Samples,
}

/// How far a thread has followed the control.
#[derive(Debug, Default)]
pub(super) struct Followed {
    report: u64,
    question: u64,
}

/// What a thread is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    GoOn,
    Report,
    /// Put a sample into the mailbox, under the number of this question.
    Tell(u64),
    Stop,
}

impl Control {
    /// With mailboxes for these shards, and so many verifiers.
    pub(super) fn new(shards: ShardRange, verifier_count: u16) -> Self {
        Self { samples: Samples::new(shards, verifier_count), ..Self::default() }
    }

    /// Every thread shall put a sample into its mailbox. Wake the sleeping ones afterwards. Returns the number of the question.
    pub(super) fn ask_for_samples(&self) -> u64 {
        self.question.fetch_add(1, Ordering::Release) + 1
    }

    /// Every thread shall send its counters. Wake the sleeping ones afterwards.
    pub(super) fn ask_for_reports(&self) {
        self.report.fetch_add(1, Ordering::Release);
    }

    /// Every thread shall stop. Wake the sleeping ones afterwards.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// What to do now. Ask again until it is to go on: a thread that sleeps before that may miss the rest.
    pub(super) fn order(&self, followed: &mut Followed) -> Order {
        if self.stop.load(Ordering::Acquire) {
            return Order::Stop;
        }
        let report = self.report.load(Ordering::Acquire);
        if report != followed.report {
            followed.report = report;
            return Order::Report;
        }
        let question = self.question.load(Ordering::Acquire);
        if question != followed.question {
            followed.question = question;
            return Order::Tell(question);
        }
        Order::GoOn
    }
}

/// What threads tell the main thread.
pub(super) enum Event {
    /// A shard has its transport and waits for the start.
    Ready { shard: ShardIndex, waker: Waker, recovered: Option<Found> },
    /// A shard's counters.
    Shard(Box<ShardReport>),
    /// A verifier's counters.
    Verifier(VerifierReport),
    /// The counters of the links to other processes.
    Link(LinkReport),
    /// A thread cannot go on.
    Failed(Fault),
    /// A signal came.
    Signal(i32),
}

/// A shard's counters. Their names are those of the fields, in JSON and in text.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ShardReport {
    pub(super) index: u16,
    pub(super) core: usize,
    pub(super) accounts: usize,
    /// Units paid out to the primary ledger, as text: they may exceed what JSON readers keep exact.
    pub(super) redeemed: String,
    /// Requests taken whose answers have not left.
    pub(super) unanswered: usize,
    /// Units on their way to other shards.
    pub(super) under_way: String,
    pub(super) protocol: Counters,
    pub(super) transport: transport::Counters,
    /// Signatures checked on the shard's own thread.
    pub(super) verify: VerifyCounters,
    /// Its journal, if there is one.
    pub(super) journal: Option<ShardJournalReport>,
}

/// How a shard's journal stands.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ShardJournalReport {
    /// How much of the ring is in use.
    pub(super) used_percent: u64,
    /// The number of its last snapshot.
    pub(super) snapshots: u64,
    /// Records made, in all boots.
    pub(super) records: u64,
}

/// A verifier's counters.
#[derive(Clone, Debug, Serialize)]
pub(super) struct VerifierReport {
    pub(super) index: u16,
    pub(super) core: usize,
    pub(super) batches: u64,
    pub(super) verify: VerifyCounters,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_followed_once_and_a_stop_for_good() {
        let control = Control::default();
        let mut followed = Followed::default();
        assert_eq!(control.order(&mut followed), Order::GoOn);
        control.ask_for_reports();
        assert_eq!(control.order(&mut followed), Order::Report);
        assert_eq!(control.order(&mut followed), Order::GoOn);
        control.ask_for_reports();
        assert_eq!((control.ask_for_samples(), control.ask_for_samples()), (1, 2));
        assert_eq!(control.order(&mut followed), Order::Report);
        assert_eq!(control.order(&mut followed), Order::Tell(2));
        assert_eq!(control.order(&mut followed), Order::GoOn);
        control.stop();
        control.ask_for_reports();
        assert_eq!(control.order(&mut followed), Order::Stop);
        assert_eq!(control.order(&mut followed), Order::Stop);
    }
}
