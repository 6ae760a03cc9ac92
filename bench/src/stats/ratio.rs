//! Intervals of the ratio of two sides' figures, B over A.

use super::student::quantile;
use serde::Serialize;

/// A ratio, and where the true one lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate: the geometric mean of B over that of A.
    pub ratio: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Of intervals made so, the share that hold the true ratio. 0 to 1.
    pub confidence: f64,
    /// Degrees of freedom of the t behind it.
    pub degrees: f64,
}

/// The logarithm of B's geometric mean over A's; none if a side is empty or has a figure that is no positive number.
pub fn log_ratio(a: &[f64], b: &[f64]) -> Option<f64> {
    Some(mean(&logs(b)?)? - mean(&logs(a)?)?)
}

/// The interval from ratios measured one by one, as logarithms: each of runs that stood side by side, so that what disturbed
/// both is not in it. Student's t, with one degree fewer than ratios. None for fewer than two.
pub fn paired(log_ratios: &[f64], confidence: f64) -> Option<Interval> {
    let variance = variance(log_ratios)?;
    let degrees = count(log_ratios) - 1.0;
    Some(Interval::new(mean(log_ratios)?, (variance / count(log_ratios)).sqrt(), degrees, confidence))
}

/// The interval from two sides that have nothing to do with each other: Welch's t, whose degrees of freedom follow from how
/// each side scatters (Welch, 1947). None for fewer than two figures of a side, or figures that are no positive numbers.
pub fn unpaired(a: &[f64], b: &[f64], confidence: f64) -> Option<Interval> {
    let (a, b) = (logs(a)?, logs(b)?);
    let (of_a, of_b) = (variance(&a)? / count(&a), variance(&b)? / count(&b));
    let sum = of_a + of_b;
    let degrees = if sum > 0.0 {
        sum * sum / (of_a * of_a / (count(&a) - 1.0) + of_b * of_b / (count(&b) - 1.0))
    } else {
        // Neither side scatters: any number gives the same point.
        count(&a) + count(&b) - 2.0
    };
    Some(Interval::new(mean(&b)? - mean(&a)?, sum.sqrt(), degrees, confidence))
}

impl Interval {
    fn new(log_ratio: f64, error: f64, degrees: f64, confidence: f64) -> Self {
        let half = quantile(f64::midpoint(1.0, confidence), degrees) * error;
        let [ratio, low, high] = [log_ratio, log_ratio - half, log_ratio + half].map(f64::exp);
        Self { ratio, low, high, confidence, degrees }
    }
}

fn logs(figures: &[f64]) -> Option<Vec<f64>> {
    figures.iter().map(|figure| (*figure > 0.0 && figure.is_finite()).then(|| figure.ln())).collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / count(values))
}

/// Of a sample: over one less than its size.
fn variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values)?;
    Some(values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count(values) - 1.0))
}

fn count(values: &[f64]) -> f64 {
    values.len() as f64
}
