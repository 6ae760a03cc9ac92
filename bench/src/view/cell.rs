//! Where the load loop leaves how a phase stands.

use crate::drive::Tally;
use crate::latency::Latency;
use crate::recording::INTERVAL_NS;
use std::sync::{Mutex, PoisonError};

/// Intervals of the timeline in a second.
const RECENT_COUNT: usize = 10;
const _: () = assert!(RECENT_COUNT as u64 * INTERVAL_NS == 1_000_000_000);

/// A phase's figures at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Standing {
    /// Since its start.
    pub(super) elapsed_ns: u64,
    /// Payments settled so far.
    pub(super) settled: u64,
    /// In flight at the moment.
    pub(super) in_flight: usize,
    /// Refused for good so far.
    pub(super) rejected: u64,
    /// Lost so far.
    pub(super) lost: u64,
    /// Requests sent again so far.
    pub(super) repeated: u64,
    /// The last second; none before the first interval is over.
    pub(super) last_second: Option<LastSecond>,
}

/// What the last intervals say together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct LastSecond {
    /// Settled payments per second.
    pub(super) settled_per_s: f64,
    /// Order to receipt of those that settled, from the schedule, at the median and at the 99th percentile; microseconds.
    pub(super) order_receipt_us: Option<(f64, f64)>,
}

/// The cell. One thread leaves, another takes.
#[derive(Debug)]
pub(super) struct Cell(Mutex<Left>);

#[derive(Debug)]
struct Left {
    standing: Standing,
    /// Interval k of the phase lies at k modulo their number.
    recent: [Recent; RECENT_COUNT],
    /// Intervals of the phase that were left so far.
    interval_count: usize,
}

/// One interval.
#[derive(Debug)]
struct Recent {
    settled: u64,
    /// Room for every value that a histogram can tell apart: nothing is allocated later.
    order_receipt: Vec<(u64, u64)>,
}

impl Cell {
    pub(super) fn new() -> Self {
        let value_count = Latency::new().histogram().distinct_values();
        let recent = |_| Recent { settled: 0, order_receipt: Vec::with_capacity(value_count) };
        let recent = core::array::from_fn(recent);
        Self(Mutex::new(Left { standing: Standing::default(), recent, interval_count: 0 }))
    }

    /// Leaves how a phase stands. Never waits: if the cell is being read, the next call leaves it all.
    pub(super) fn leave(&self, now_ns: u64, in_flight: usize, tally: &Tally) {
        let Ok(mut left) = self.0.try_lock() else { return };
        left.standing = Standing {
            elapsed_ns: now_ns.saturating_sub(tally.begun_ns),
            settled: tally.settled,
            in_flight,
            rejected: tally.rejected,
            lost: tally.lost(),
            repeated: tally.repeated(),
            last_second: None,
        };
        let interval_count = tally.timeline.len();
        let first = left.interval_count.max(interval_count.saturating_sub(RECENT_COUNT));
        for (index, interval) in tally.timeline.iter().enumerate().skip(first) {
            let recent = &mut left.recent[index % RECENT_COUNT];
            recent.settled = interval.settled;
            recent.order_receipt.clear();
            recent.order_receipt.extend_from_slice(&interval.order_receipt);
        }
        left.interval_count = interval_count;
    }

    /// How the phase stands. Samples are copied to `samples` and counted in `latency`: what they had before is forgotten.
    pub(super) fn take(&self, samples: &mut Vec<(u64, u64)>, latency: &mut Latency) -> Standing {
        samples.clear();
        let (standing, settled, count) = {
            let left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = left.interval_count.min(RECENT_COUNT);
            let recent = &left.recent[..count];
            recent.iter().for_each(|recent| samples.extend_from_slice(&recent.order_receipt));
            (left.standing, recent.iter().map(|recent| recent.settled).sum::<u64>(), count)
        };
        latency.clear();
        samples.iter().for_each(|(ns, count)| latency.record_n(*ns, *count));
        let last_second = (count > 0).then(|| LastSecond {
            settled_per_s: crate::report::ratio(settled, count as u64 * INTERVAL_NS) * 1e9,
            order_receipt_us: (!samples.is_empty()).then(|| {
                let summary = latency.summary();
                (summary.p50, summary.p99)
            }),
        });
        Standing { last_second, ..standing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Interval;

    fn taken(cell: &Cell) -> Standing {
        cell.take(&mut Vec::new(), &mut Latency::new())
    }

    /// A tally with intervals in which these numbers settled, each after as many milliseconds as its interval's place says.
    fn tally(settled: &[u64]) -> Tally {
        let interval = |(index, settled): (usize, &u64)| {
            let order_receipt = vec![((index as u64 + 1) * 1_000_000, *settled)];
            Interval { settled: *settled, order_receipt, ..Interval::default() }
        };
        let timeline = settled.iter().enumerate().map(interval).collect();
        Tally {
            begun_ns: 5,
            settled: settled.iter().sum(),
            lost_order: 2,
            order_retries: 3,
            timeline,
            ..Tally::default()
        }
    }

    #[test]
    fn the_last_second_is_that_of_the_last_ten_intervals_whenever_they_were_left() {
        let numbers: Vec<u64> = (1..=25).collect();
        for first in [0, 1, 3, 14, 25] {
            let cell = Cell::new();
            cell.leave(6, 1, &tally(&numbers[..first]));
            cell.leave(2_500_000_005, 7, &tally(&numbers));
            let standing = taken(&cell);
            let LastSecond { settled_per_s, order_receipt_us } = standing.last_second.unwrap();
            assert!((settled_per_s - (16..=25).sum::<u64>() as f64).abs() < 1e-6, "{settled_per_s}");
            let (p50, p99) = order_receipt_us.unwrap();
            assert!((p50 - 21_000.0).abs() < 25.0 && (p99 - 25_000.0).abs() < 25.0, "{p50} {p99}");
            assert_eq!((standing.elapsed_ns, standing.settled, standing.in_flight), (2_500_000_000, 325, 7));
            assert_eq!((standing.rejected, standing.lost, standing.repeated), (0, 2, 3));
        }
    }

    #[test]
    fn before_a_second_is_over_the_rate_is_that_of_the_intervals_there_are() {
        let cell = Cell::new();
        assert_eq!(taken(&cell).last_second, None);
        cell.leave(300_000_005, 0, &tally(&[0, 0, 30]));
        assert!((taken(&cell).last_second.unwrap().settled_per_s - 100.0).abs() < 1e-6);
        let (cell, mut silent) = (Cell::new(), tally(&[0]));
        silent.timeline[0].order_receipt.clear();
        cell.leave(100_000_005, 0, &silent);
        assert_eq!(taken(&cell).last_second, Some(LastSecond { settled_per_s: 0.0, order_receipt_us: None }));
    }

    #[test]
    fn a_cell_that_is_being_read_is_left_alone_and_nothing_is_missing_later() {
        let cell = Cell::new();
        let reading = cell.0.lock().unwrap();
        cell.leave(100_000_005, 1, &tally(&[9]));
        assert_eq!(reading.standing, Standing::default());
        drop(reading);
        cell.leave(200_000_005, 1, &tally(&[9, 1]));
        assert!((taken(&cell).last_second.unwrap().settled_per_s - 50.0).abs() < 1e-6);
    }

    #[test]
    fn nothing_is_allocated_when_something_is_left() {
        let cell = Cell::new();
        let room = || cell.0.lock().unwrap().recent.each_ref().map(|recent| recent.order_receipt.capacity());
        let before = room();
        let mut all = Latency::new();
        // Every value that can be told apart, a step of the finest kind at a time.
        let mut ns = 1;
        while ns < crate::limits::LATENCY_NS_MAX {
            all.record(ns);
            ns += (ns / 2_048).max(1);
        }
        let full = Interval { order_receipt: all.values(), ..Interval::default() };
        assert!(full.order_receipt.len() > 20_000, "{}", full.order_receipt.len());
        cell.leave(0, 0, &Tally { timeline: vec![full; 12], ..Tally::default() });
        assert_eq!(room(), before);
    }
}
