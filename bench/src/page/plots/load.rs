//! Latencies over load: where they leave the ground is the knee.

use super::chart::{Axis, Chart, Kind, Line, Mark, latency_axis, ticks};
use super::{Legend, Plot};
use crate::output::sweep_file::{Sweep, SweepLatency, SweepPoint};
use crate::page::units;

/// A percentile and its name.
type Quantile = (fn(&SweepLatency) -> f64, &'static str);

const QUANTILES: [Quantile; 3] =
    [(|latency| latency.p50, "50 %"), (|latency| latency.p99, "99 %"), (|latency| latency.p99_9, "99.9 %")];

/// Order to receipt of every valid point over the rate that was asked for; none if there is no such point.
pub(in crate::page) fn load(sweep: &Sweep) -> Option<Plot> {
    let mut points: Vec<&SweepPoint> = sweep.points.iter().filter(|point| point.valid).collect();
    points.sort_by_key(|point| point.rate_per_s);
    let high =
        points.last().map(|point| rate(point))?.max(sweep.knee.as_ref().map_or(0.0, |knee| knee.high_per_s)) * 1.08;
    let line = |(colour, (us, _)): (usize, &Quantile)| Line {
        points: points.iter().map(|point| (rate(point), us(&point.order_receipt).max(1e-3))).collect(),
        colour,
        kind: Kind::Dotted,
    };
    let mut lines: Vec<Line> = QUANTILES.iter().enumerate().map(line).collect();
    let y = latency_axis("order to receipt", lines.iter().flat_map(|line| &line.points).map(|(_, us)| *us));
    lines.iter_mut().flat_map(|line| &mut line.points).for_each(|(_, us)| *us = us.log10());
    let knee = |knee: &crate::output::sweep_file::Knee| Mark {
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
    let bands = sweep.knee.as_ref().map(|knee| (knee.low_per_s, knee.high_per_s));
    let legend = QUANTILES.iter().enumerate().map(|(colour, (_, text))| Legend::solid(colour, *text)).collect();
    let chart = Chart {
        height: 380,
        x,
        y,
        bands: bands.into_iter().collect(),
        lines,
        marks: sweep.knee.as_ref().map(knee).into_iter().collect(),
    };
    Some(Plot { svg: chart.svg(), legend })
}

#[expect(clippy::cast_precision_loss, reason = "rates are far below 2^53")]
fn rate(point: &SweepPoint) -> f64 {
    point.rate_per_s as f64
}
