//! Percentile distributions as HdrHistogram's tools print them (`outputPercentileDistribution` of the Java library, five
//! steps to each halving of the distance to 100 %): what its plotter reads. Values are microseconds.

use crate::latency::Latency;
use hdrhistogram::Histogram;

/// Steps between 0 and 50 %, 50 and 75 %, and so on: the Java tools' default.
const TICKS_PER_HALF_DISTANCE: f64 = 5.0;
/// Nanoseconds in the unit of the values.
const UNIT_NS: f64 = 1_000.0;
/// Buckets of equal width in the first power of two: with three digits, 2 * 10^3 rounded up to a power of two.
const SUB_BUCKET_COUNT: usize = 2_048;

/// Makes of a half more than a half, and of nothing else another digit: levels are halved again and again, so many end in a
/// five behind the twelve digits that are printed. Java rounds it up, where we would round to the even digit.
const HALF_UP: f64 = 1e-14;

/// The distribution's text.
pub(super) fn text(latency: &Latency) -> String {
    let histogram = latency.histogram();
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for Step { ns, percent, count } in steps(histogram) {
        text.push_str(&format!("{:12.3} {:.12} {count:10}", in_unit(ns), percent / 100.0 + HALF_UP));
        if percent < 100.0 {
            text.push_str(&format!(" {:14.2}", 1.0 / (1.0 - percent / 100.0)));
        }
        text.push('\n');
    }
    text + &ending(histogram)
}

/// So many samples are no longer than this.
struct Step {
    ns: u64,
    percent: f64,
    count: u64,
}

/// A step for each level that a value reaches, and the last value once more for 100 %. Levels are sums of per cents, as in the
/// Java library: sums of fractions of 1 differ in the last bit, and miss values that reach a level exactly.
fn steps(histogram: &Histogram<u64>) -> Vec<Step> {
    let (total, mut count, mut level) = (histogram.len(), 0, 0.0);
    let mut steps = Vec::new();
    for recorded in histogram.iter_recorded() {
        let ns = histogram.highest_equivalent(recorded.value_iterated_to());
        count += recorded.count_at_value();
        while reached(count, total) >= level {
            steps.push(Step { ns, percent: level, count });
            level += 100.0 / ticks(level);
            if count == total {
                steps.push(Step { ns, percent: 100.0, count });
                return steps;
            }
        }
    }
    steps
}

/// Per cent.
#[expect(clippy::cast_precision_loss, reason = "samples are fewer than 2^53")]
fn reached(count: u64, total: u64) -> f64 {
    100.0 * count as f64 / total as f64
}

/// Steps that the whole range would have, were they everywhere as long as behind this level.
fn ticks(level: f64) -> f64 {
    let halvings = (100.0 / (100.0 - level)).log2().floor();
    TICKS_PER_HALF_DISTANCE * 2_f64.powf(halvings + 1.0)
}

fn ending(histogram: &Histogram<u64>) -> String {
    let (mean, deviation) = (histogram.mean() / UNIT_NS, histogram.stdev() / UNIT_NS);
    format!(
        "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]\n\
         #[Max     = {:12.3}, Total count    = {:12}]\n\
         #[Buckets = {:12}, SubBuckets     = {SUB_BUCKET_COUNT:12}]\n",
        in_unit(histogram.max()),
        histogram.len(),
        histogram.buckets(),
    )
}

#[expect(clippy::cast_precision_loss, reason = "a minute in nanoseconds has 36 bits")]
fn in_unit(ns: u64) -> f64 {
    ns as f64 / UNIT_NS
}
