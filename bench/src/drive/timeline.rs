//! The timeline of a phase, made beside it: what the tally counted in each interval, and the latencies of what settled in it.
//!
//! Nothing is counted twice: an interval is the difference between the tally at its end and at its start. Only latencies have
//! a histogram of their own, which is emptied into a short list when the interval ends.

use super::tally::Tally;
use crate::latency::Latency;
use crate::limits::TIMELINE_INTERVAL_COUNT_MAX;
use crate::recording::{INTERVAL_NS, Interval};

/// What is kept of the interval under way.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// When it ends.
    end_ns: u64,
    /// The tally's counts when it began.
    before: Interval,
    latencies: Latency,
}

impl Timeline {
    /// Starts a phase's timeline.
    pub(super) fn begin(&mut self, now_ns: u64) {
        self.end_ns = now_ns + INTERVAL_NS;
        self.before = Interval::default();
        self.latencies.clear();
    }

    /// Counts a payment that settled, from its schedule.
    pub(super) fn settled(&mut self, latency_ns: u64) {
        self.latencies.record(latency_ns);
    }

    /// Ends all intervals that are over. To be called before anything of the time `now_ns` is counted.
    pub(super) fn roll(&mut self, now_ns: u64, in_flight: usize, tally: &mut Tally) {
        while now_ns >= self.end_ns && tally.timeline.len() < TIMELINE_INTERVAL_COUNT_MAX {
            self.close(in_flight, tally);
            self.end_ns += INTERVAL_NS;
        }
    }

    /// Ends the phase, and with it the interval under way, unless nothing happened in it.
    pub(super) fn end(&mut self, in_flight: usize, tally: &mut Tally) {
        let now = counts(tally);
        let has_more = [
            now.sent - self.before.sent,
            now.settled - self.before.settled,
            now.rejected - self.before.rejected,
            now.timed_out - self.before.timed_out,
            now.repeated - self.before.repeated,
        ];
        if has_more.iter().any(|count| *count > 0) {
            self.close(in_flight, tally);
        }
    }

    fn close(&mut self, in_flight: usize, tally: &mut Tally) {
        let now = counts(tally);
        tally.timeline.push(Interval {
            sent: now.sent - self.before.sent,
            settled: now.settled - self.before.settled,
            rejected: now.rejected - self.before.rejected,
            timed_out: now.timed_out - self.before.timed_out,
            repeated: now.repeated - self.before.repeated,
            in_flight: in_flight as u64,
            order_receipt: self.latencies.values(),
        });
        self.before = now;
        self.latencies.clear();
    }
}

/// The counts of a tally that a timeline shows.
fn counts(tally: &Tally) -> Interval {
    Interval {
        sent: tally.sent,
        settled: tally.settled,
        rejected: tally.rejected,
        timed_out: tally.timed_out(),
        repeated: tally.repeated(),
        ..Interval::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> (Timeline, Tally) {
        let mut timeline = Timeline::default();
        timeline.begin(5);
        (timeline, Tally::default())
    }

    #[test]
    fn what_happens_falls_into_its_interval_and_empty_ones_leave_no_gap() {
        let (mut timeline, mut tally) = begun();
        tally.sent = 2;
        timeline.roll(5 + INTERVAL_NS - 1, 1, &mut tally);
        assert!(tally.timeline.is_empty());
        tally.settled = 1;
        timeline.settled(1_000);
        timeline.roll(5 + 3 * INTERVAL_NS, 1, &mut tally);
        (tally.settled, tally.lost_order, tally.certificate_retries) = (2, 1, 4);
        timeline.settled(2_000);
        timeline.end(0, &mut tally);
        let seen: Vec<_> =
            tally.timeline.iter().map(|i| (i.sent, i.settled, i.timed_out, i.repeated, i.in_flight)).collect();
        assert_eq!(seen, [(2, 1, 0, 0, 1), (0, 0, 0, 0, 1), (0, 0, 0, 0, 1), (0, 1, 1, 4, 0)]);
        let latencies: Vec<_> = tally.timeline.iter().map(|interval| interval.order_receipt.clone()).collect();
        assert_eq!(latencies, [vec![(1_000, 1)], vec![], vec![], vec![(2_000, 1)]]);
    }

    #[test]
    fn a_phase_that_ends_with_an_interval_has_no_empty_one_behind_it() {
        let (mut timeline, mut tally) = begun();
        tally.sent = 1;
        timeline.roll(5 + INTERVAL_NS, 0, &mut tally);
        timeline.end(0, &mut tally);
        assert_eq!(tally.timeline.len(), 1);
    }
}
