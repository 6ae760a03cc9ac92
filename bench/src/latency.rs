//! Latencies: histograms of three significant digits, in nanoseconds inside and microseconds outside.

use crate::limits::LATENCY_NS_MAX;
use hdrhistogram::Histogram;
use serde::Serialize;

/// Counts of durations, 1 ns to 1 minute. Recording allocates nothing.
#[derive(Clone, Debug)]
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

/// The three spans of a payment.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    /// From the order to the vote that completes the certificate.
    pub order_vote: Latency,
    /// From that vote's arrival to the receipt that settles.
    pub certificate_receipt: Latency,
    /// From the order to that receipt.
    pub order_receipt: Latency,
}

impl Spans {
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
    fn what_exceeds_the_range_counts_as_its_end() {
        let mut latency = Latency::new();
        latency.record(u64::MAX);
        assert_eq!(latency.summary().count, 1);
        assert!(latency.summary().max >= 59_000_000.0);
        assert_eq!(Latency::new().summary(), LatencySummary::default());
    }
}
