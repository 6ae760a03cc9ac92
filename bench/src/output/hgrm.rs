//! Percentile distributions as HdrHistogram's tools print them (`outputPercentileDistribution` of the Java library, five
//! steps to each halving of the distance to 100 %): what its plotter reads. Values are microseconds.

use crate::latency::Latency;
use hdrhistogram::Histogram;

/// Steps between 0 and 50 %, 50 and 75 %, and so on: the Java tools' default.
const TICKS_PER_HALF_DISTANCE: u32 = 5;
/// Nanoseconds in the unit of the values.
const UNIT_NS: f64 = 1_000.0;
/// Buckets of equal width in the first power of two: with three digits, 2 * 10^3 rounded up to a power of two.
const SUB_BUCKET_COUNT: usize = 2_048;

/// The distribution's text.
pub(super) fn text(latency: &Latency) -> String {
    let histogram = latency.histogram();
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut count = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        count += step.count_since_last_iteration();
        let (value, quantile) =
            (in_unit(histogram.highest_equivalent(step.value_iterated_to())), step.quantile_iterated_to());
        text.push_str(&format!("{value:12.3} {quantile:.12} {count:10}"));
        if quantile < 1.0 {
            text.push_str(&format!(" {:14.2}", 1.0 / (1.0 - quantile)));
        }
        text.push('\n');
    }
    text + &ending(histogram)
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
