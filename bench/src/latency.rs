//! Latencies: histograms of three significant digits, in nanoseconds inside and microseconds outside.

use crate::limits::LATENCY_NS_MAX;
use hdrhistogram::Histogram;
use serde::Serialize;

/// Counts of durations, 1 ns to 1 minute. Recording allocates nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency(Histogram<u64>);

impl Latency {
    /// Empty.
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("bounds and digits are in range"))
    }

    /// Counts one duration; what is longer than a minute counts as a minute.
    pub fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// Adds all that another one counted: the same as if every duration had been counted here.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    /// Forgets everything. The memory stays.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// What was counted: each value in nanoseconds (the highest of its bucket) and how often, ascending.
    pub fn values(&self) -> Vec<(u64, u64)> {
        self.0.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
    }

    /// The histogram itself, in nanoseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }

    /// Percentiles so far.
    pub fn summary(&self) -> LatencySummary {
        #[expect(clippy::cast_precision_loss, reason = "a minute in nanoseconds has 36 bits")]
        let us = |ns: u64| ns as f64 / 1_000.0;
        let quantile = |quantile| us(self.0.value_at_quantile(quantile));
        LatencySummary {
            count: self.0.len(),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p99_9: quantile(0.999),
            max: us(self.0.max()),
        }
    }
}

/// What files are made of and read back into.
impl Latency {
    /// Counts made elsewhere; `None` if their range or their digits are not those of [`Latency::new`].
    pub fn from_histogram(histogram: Histogram<u64>) -> Option<Self> {
        let ours = Self::new();
        let shape = |histogram: &Histogram<u64>| (histogram.low(), histogram.high(), histogram.sigfig());
        (shape(&histogram) == shape(&ours.0)).then_some(Self(histogram))
    }

    /// Counts the same duration several times.
    pub fn record_n(&mut self, ns: u64, count: u64) {
        self.0.saturating_record_n(ns, count);
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}

/// Percentiles in microseconds; all zero if nothing was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LatencySummary {
    /// Durations counted.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 90 of 100 are no longer.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    pub p99_9: f64,
    /// The longest.
    pub max: f64,
}

/// The three spans of a payment, from one of two moments on: when it was due, or when it was sent.
///
/// Sent is what the load loop decided to send for the first time: the flush at the end of the same turn is in the latency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spans {
    /// From the order, due or sent, to the vote that completes the certificate.
    pub order_vote: Latency,
    /// To the receipt that settles: from that vote's arrival, when the certificate was due, or from its own first send.
    pub certificate_receipt: Latency,
    /// From the order, due or sent, to that receipt.
    pub order_receipt: Latency,
}

impl Spans {
    /// Adds all that others counted.
    pub fn add(&mut self, other: &Self) {
        self.order_vote.add(&other.order_vote);
        self.certificate_receipt.add(&other.certificate_receipt);
        self.order_receipt.add(&other.order_receipt);
    }

    /// Percentiles of all three.
    pub fn summary(&self) -> SpanSummaries {
        SpanSummaries {
            order_vote: self.order_vote.summary(),
            certificate_receipt: self.certificate_receipt.summary(),
            order_receipt: self.order_receipt.summary(),
        }
    }
}

/// See [`Spans`]; microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct SpanSummaries {
    /// See [`Spans::order_vote`].
    pub order_vote: LatencySummary,
    /// See [`Spans::certificate_receipt`].
    pub certificate_receipt: LatencySummary,
    /// See [`Spans::order_receipt`].
    pub order_receipt: LatencySummary,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_microseconds_to_three_digits() {
        let mut latency = Latency::new();
        (1..=1_000).for_each(|number| latency.record(number * 1_000));
        let summary = latency.summary();
        assert_eq!(summary.count, 1_000);
        for (value, expected) in
            [(summary.p50, 500.0), (summary.p90, 900.0), (summary.p99, 990.0), (summary.max, 1_000.0)]
        {
            assert!((value - expected).abs() <= expected / 500.0, "{value} for {expected}");
        }
    }

    #[test]
    fn two_added_are_one_that_counted_everything_and_a_cleared_one_is_empty() {
        let (mut one, mut two, mut all) = (Latency::new(), Latency::new(), Latency::new());
        for number in 0..2_000_u64 {
            let ns = number * number;
            if number % 3 == 0 { &mut one } else { &mut two }.record(ns);
            all.record(ns);
        }
        one.add(&two);
        assert_eq!((one.summary(), one.values()), (all.summary(), all.values()));
        one.clear();
        assert_eq!((one.summary(), one.values()), (LatencySummary::default(), Vec::new()));
    }

    #[test]
    fn values_are_the_highest_of_their_buckets_and_recording_them_again_gives_the_same() {
        let (mut latency, mut again) = (Latency::new(), Latency::new());
        [7, 1_000_000, 1_000_001, 59_000_000_000].into_iter().for_each(|ns| latency.record(ns));
        let values = latency.values();
        assert_eq!(values[0], (7, 1));
        assert_eq!((values.len(), values[1].1), (3, 2), "{values:?}");
        assert!(values[1].0 >= 1_000_001 && values[1].0 < 1_001_001, "{values:?}");
        values.iter().for_each(|(ns, count)| (0..*count).for_each(|_| again.record(*ns)));
        assert_eq!(again.values(), values);
    }

    #[test]
    fn what_exceeds_the_range_counts_as_its_end() {
        let mut latency = Latency::new();
        latency.record(u64::MAX);
        assert_eq!(latency.summary().count, 1);
        assert!(latency.summary().max >= 59_000_000.0);
        assert_eq!(Latency::new().summary(), LatencySummary::default());
    }
}
