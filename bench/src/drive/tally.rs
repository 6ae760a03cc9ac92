//! What became of the payments of one phase, counted.

use crate::latency::{Latency, Spans};
use crate::recording::Interval;
use quittance_engine::reject::Reject;
use std::collections::BTreeMap;

/// Counts of one phase. Every payment ends in exactly one of settled, rejected and the lost ones.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Payments that the pace handed out, or took back when the phase was given up. Counted where that is done, and apart from
    /// what becomes of them: the others must add up to it.
    pub scheduled: u64,
    /// Payments whose order was sent.
    pub sent: u64,
    /// Payments with enough receipts.
    pub settled: u64,
    /// Payments refused for good.
    pub rejected: u64,
    /// Lost while votes were awaited.
    pub lost_order: u64,
    /// Lost while receipts were awaited: they may have been applied.
    pub lost_certificate: u64,
    /// Not sent because the sender's payment before was lost or rejected.
    pub blocked: u64,
    /// Not sent because the phase was given up.
    pub unsent: u64,
    /// Orders sent again.
    pub order_retries: u64,
    /// Certificates sent again.
    pub certificate_retries: u64,
    /// Replies that were acted upon.
    pub used_replies: u64,
    /// Replies that an earlier reply of the same turn made useless.
    pub late_replies: u64,
    /// Receipts beyond the quorum that never came.
    pub receipts_missing: u64,
    /// Payments that waited for the sender's payment before.
    pub held: u64,
    /// Payments of a schedule that waited because as many as may be were in flight.
    pub waited_for_room: u64,
    /// Payments refused for good, by the code that decided.
    pub rejected_by_code: CodeCounts,
    /// Rejections received, those included that were only a reason to try again.
    pub rejections_by_code: CodeCounts,
    /// Most payments in flight at once.
    pub in_flight_max: usize,
    /// When the first order was sent.
    pub first_sent_ns: Option<u64>,
    /// When the last payment was settled.
    pub last_settled_ns: u64,
    /// Latencies of settled payments, from when they were due. In a window, where nothing is ever due, the same as from the send.
    pub spans: Spans,
    /// The same, from their first send.
    pub spans_from_send: Spans,
    /// How much later than scheduled orders were sent, those left out that waited for the server: for room, or for their
    /// sender's payment before.
    pub lag: Latency,
    /// When the phase began.
    pub begun_ns: u64,
    /// What happened in each interval of [`INTERVAL_NS`](crate::recording::INTERVAL_NS) since then; the last one may be shorter.
    pub timeline: Vec<Interval>,
    /// Whether the phase ended because nothing went on.
    pub gave_up: bool,
    /// Time of turns in which there was something to do.
    pub busy_ns: u64,
    /// Time of turns in which there was nothing to do.
    pub idle_ns: u64,
}

impl Tally {
    /// Payments that ended without an answer, sent or not.
    pub fn lost(&self) -> u64 {
        self.lost_order + self.lost_certificate + self.blocked + self.unsent
    }

    /// Payments given up without an answer to what was sent.
    pub fn timed_out(&self) -> u64 {
        self.lost_order + self.lost_certificate
    }

    /// Requests sent again.
    pub fn repeated(&self) -> u64 {
        self.order_retries + self.certificate_retries
    }

    /// Payments that ended.
    pub fn ended(&self) -> u64 {
        self.settled + self.rejected + self.lost()
    }

    /// Nanoseconds from the first order to the last settlement.
    pub fn elapsed_ns(&self) -> u64 {
        self.first_sent_ns.map_or(0, |first| self.last_settled_ns.saturating_sub(first))
    }
}

/// Counts by rejection code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeCounts([u64; Reject::ALL.len()]);

impl Default for CodeCounts {
    fn default() -> Self {
        Self([0; Reject::ALL.len()])
    }
}

impl CodeCounts {
    /// Counts one.
    pub fn add(&mut self, code: Reject) {
        self.0[code.index()] += 1;
    }

    /// How often this one was counted.
    pub fn count(&self, code: Reject) -> u64 {
        self.0[code.index()]
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }

    /// Those above zero.
    pub fn by_name(&self) -> BTreeMap<String, u64> {
        let named = Reject::ALL.iter().map(|code| (snake_case(&format!("{code:?}")), self.0[code.index()]));
        named.filter(|(_, count)| *count > 0).collect()
    }
}

/// `BadVote` to `bad_vote`.
fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_under_their_names() {
        let mut counts = CodeCounts::default();
        counts.add(Reject::Busy);
        counts.add(Reject::BadVote);
        let mut sum = counts.clone();
        sum.merge(&counts);
        assert_eq!(sum.by_name(), BTreeMap::from([("bad_vote".to_owned(), 2), ("busy".to_owned(), 2)]));
    }
}
