//! What became of the payments of all phases, and of the replies.

use crate::drive::{CodeCounts, Tally};
use crate::replies::{Fault, ReplyCounters};
use serde::Serialize;
use std::collections::BTreeMap;

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

fn codes(tallies: &[&Tally], counts: fn(&Tally) -> &CodeCounts) -> BTreeMap<String, u64> {
    let mut sum = CodeCounts::default();
    tallies.iter().for_each(|tally| sum.merge(counts(tally)));
    sum.by_name()
}

fn faults(replies: &ReplyCounters) -> BTreeMap<String, u64> {
    let named = Fault::ALL.iter().map(|fault| (fault.to_string(), replies.faults[*fault as usize]));
    named.filter(|(_, count)| *count > 0).collect()
}
