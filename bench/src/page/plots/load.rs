//! Latencies over load: where they leave the ground is the knee.

use super::chart::{Axis, Chart, Kind, Line, Mark, latency_axis, ticks};
use super::{Legend, Plot};
use crate::output::sweep_file::{Knee, Sweep, SweepLatency, SweepPoint};
use crate::page::units;
use std::collections::BTreeMap;

/// A percentile and its name.
type Quantile = (fn(&SweepLatency) -> f64, &'static str);

const QUANTILES: [Quantile; 3] =
    [(|latency| latency.p50, "50 %"), (|latency| latency.p99, "99 %"), (|latency| latency.p99_9, "99.9 %")];

/// Order to receipt of every valid point over the rate that was asked for, and a line through the medians of runs at the same
/// rate; none if there is no such point.
pub(in crate::page) fn load(sweep: &Sweep) -> Option<Plot> {
    let points: Vec<&SweepPoint> = sweep.points.iter().filter(|point| point.valid).collect();
    let highest = points.iter().map(|point| rate(point)).reduce(f64::max)?;
    let high = highest.max(sweep.knee.as_ref().map_or(0.0, |knee| knee.high_per_s)) * 1.08;
    let values = points.iter().flat_map(|point| QUANTILES.map(|(us, _)| us(&point.order_receipt)));
    let y = latency_axis("order to receipt", values);
    let lines = QUANTILES.iter().enumerate().flat_map(|(colour, (us, _))| drawn(&points, *us, colour)).collect();
    let knee = |knee: &Knee| Mark {
        at: knee.rate_per_s,
        text: format!("knee: {}", units::rate(knee.rate_per_s)),
        is_alarm: true,
    };
    let x = Axis {
        title: "payments per second asked for",
        range: (0.0, high),
        ticks: ticks(0.0, high, 8.0),
        label: units::whole,
    };
    let bands = sweep.knee.as_ref().map(|knee| (knee.low_per_s, knee.high_per_s)).into_iter().collect();
    let marks = sweep.knee.as_ref().map(knee).into_iter().collect();
    let legend = QUANTILES.iter().enumerate().map(|(colour, (_, text))| Legend::solid(colour, *text)).collect();
    Some(Plot { svg: Chart { height: 380, x, y, bands, lines, marks }.svg(), legend })
}

/// Every point, and the line through the medians.
fn drawn(points: &[&SweepPoint], us: fn(&SweepLatency) -> f64, colour: usize) -> [Line; 2] {
    let mut by_rate: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for point in points {
        by_rate.entry(point.rate_per_s).or_default().push(us(&point.order_receipt).max(1e-3).log10());
    }
    let dots = points.iter().map(|point| (rate(point), us(&point.order_receipt).max(1e-3).log10())).collect();
    #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^53")]
    let medians = by_rate.into_iter().map(|(rate, at)| (rate as f64, median(at))).collect();
    [Line { points: medians, colour, kind: Kind::Solid }, Line { points: dots, colour, kind: Kind::Dots }]
}

/// The middle one, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

#[expect(clippy::cast_precision_loss, reason = "rates are far below 2^53")]
fn rate(point: &SweepPoint) -> f64 {
    point.rate_per_s as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_at_the_same_rate_are_dots_and_their_median_is_on_the_line() {
        let point = |rate_per_s, p99| SweepPoint {
            rate_per_s,
            valid: true,
            order_receipt: SweepLatency { p99, ..SweepLatency::default() },
            ..SweepPoint::default()
        };
        let points = [point(20, 1_000.0), point(10, 100.0), point(20, 10.0), point(20, 100_000.0)];
        let [line, dots] = drawn(&points.iter().collect::<Vec<_>>(), |latency| latency.p99, 0);
        assert_eq!(line.points, [(10.0, 2.0), (20.0, 3.0)]);
        assert_eq!(dots.points.len(), 4);
        assert_eq!((median(vec![1.0, 4.0]), median(vec![3.0, 1.0, 2.0])), (2.5, 2.0));
    }
}
