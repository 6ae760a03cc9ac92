//! Payments: what the schedule handed out against how each ended.

use super::remainder;
use crate::drive::{CodeCounts, Tally};
use serde::Serialize;
use std::collections::BTreeMap;

/// The ledger of payments, all phases together: `scheduled = settled + rejected + timed_out + never_sent + remainder`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Payments {
    /// Payments of the plan.
    pub planned: u64,
    /// Payments that schedules and windows handed out, or took back when a phase was given up.
    pub scheduled: u64,
    /// Those with enough receipts.
    pub settled: u64,
    /// Those refused for good.
    pub rejected: u64,
    /// The same by code.
    pub rejected_by_code: BTreeMap<String, u64>,
    /// Those given up because nobody answered what was sent.
    pub timed_out: TimedOut,
    /// Those that were not sent.
    pub never_sent: NeverSent,
    /// Payments of the plan that were not scheduled.
    pub unscheduled: i64,
    /// What is missing, or, below zero, counted twice.
    pub remainder: i64,
}

/// See [`Payments::timed_out`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TimedOut {
    /// While votes were awaited.
    pub awaiting_votes: u64,
    /// While receipts were awaited: they may have been applied.
    pub awaiting_receipts: u64,
}

/// See [`Payments::never_sent`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NeverSent {
    /// The sender's payment before was lost or rejected.
    pub blocked: u64,
    /// The phase was given up.
    pub unsent: u64,
}

impl TimedOut {
    /// All.
    pub fn count(&self) -> u64 {
        self.awaiting_votes + self.awaiting_receipts
    }
}

impl NeverSent {
    /// All.
    pub fn count(&self) -> u64 {
        self.blocked + self.unsent
    }
}

impl Payments {
    /// From the plan's count and the tallies of all phases.
    pub fn new(planned: u64, tallies: &[&Tally]) -> Self {
        let sum = |count: fn(&Tally) -> u64| tallies.iter().map(|tally| count(tally)).sum::<u64>();
        let mut codes = CodeCounts::default();
        tallies.iter().for_each(|tally| codes.merge(&tally.rejected_by_code));
        let scheduled = sum(|tally| tally.scheduled);
        let (settled, rejected) = (sum(|tally| tally.settled), sum(|tally| tally.rejected));
        let timed_out = TimedOut {
            awaiting_votes: sum(|tally| tally.lost_order),
            awaiting_receipts: sum(|tally| tally.lost_certificate),
        };
        let never_sent = NeverSent { blocked: sum(|tally| tally.blocked), unsent: sum(|tally| tally.unsent) };
        Self {
            planned,
            scheduled,
            settled,
            rejected,
            rejected_by_code: codes.by_name(),
            timed_out,
            never_sent,
            unscheduled: remainder(planned, &[scheduled]),
            remainder: remainder(scheduled, &[settled, rejected, timed_out.count(), never_sent.count()]),
        }
    }
}
