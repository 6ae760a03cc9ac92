//! What happened over time: payments per second and latencies, with phases and events.

use super::chart::{Axis, Chart, Kind, Line, Mark, latency_axis, ticks};
use super::{Legend, Plot};
use crate::latency::Latency;
use crate::page::units;
use crate::recording::{INTERVAL_NS, Interval, Recording};

/// Most points of a line: about two for each pixel. Longer runs have several intervals in a point.
const POINT_COUNT_MAX: usize = 2_000;

/// Orders sent and payments settled per second.
pub(in crate::page) fn throughput(recording: &Recording) -> Option<Plot> {
    let per_s = |count: fn(&Interval) -> u64| move |intervals: &[Interval]| Some(rate(intervals, count));
    let sent = curves(recording, per_s(|interval| interval.sent));
    let settled = curves(recording, per_s(|interval| interval.settled));
    let failed = curves(recording, per_s(|interval| interval.rejected + interval.timed_out));
    let any_failed = failed.iter().flatten().any(|(_, rate)| *rate > 0.0);
    let high = [&sent, &settled, &failed].into_iter().flatten().flatten().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let high = if high > 0.0 { high * 1.25 } else { 1.0 };
    let y =
        Axis { title: "payments per second", range: (0.0, high), ticks: ticks(0.0, high, 6.0), label: units::whole };
    let mut legend = vec![Legend::solid(0, "settled"), Legend { is_dashed: true, ..Legend::solid(1, "sent") }];
    let mut lines = drawn(sent, 1, Kind::Dashed);
    lines.extend(drawn(settled, 0, Kind::Solid));
    if any_failed {
        legend.push(Legend::solid(3, "rejected or timed out"));
        lines.extend(drawn(failed, 3, Kind::Solid));
    }
    over_time(recording, y, lines).map(|svg| Plot { svg, legend })
}

/// Median, 99th percentile and maximum of the payments that settled in each interval.
pub(in crate::page) fn latency(recording: &Recording) -> Option<Plot> {
    let quantile = |quantile: f64| move |intervals: &[Interval]| value(intervals, quantile);
    let of = [(1.0, 3, "longest"), (0.99, 1, "99 %"), (0.5, 0, "50 %")];
    let mut lines = Vec::new();
    let mut legend = Vec::new();
    for (share, colour, text) in of {
        lines.extend(drawn(curves(recording, quantile(share)), colour, Kind::Solid));
        legend.push(Legend::solid(colour, text));
    }
    let values = lines.iter().flat_map(|line| &line.points).map(|(_, us)| *us);
    let y = latency_axis("order to receipt", values);
    lines.iter_mut().flat_map(|line| &mut line.points).for_each(|(_, us)| *us = us.max(1e-3).log10());
    over_time(recording, y, lines).map(|svg| Plot { svg, legend })
}

/// A curve for each phase and each gap in it: what was not measured is not bridged by a line.
fn curves(recording: &Recording, of: impl Fn(&[Interval]) -> Option<f64>) -> Vec<Vec<(f64, f64)>> {
    let interval_count = recording.phases.iter().map(|phase| phase.timeline.len()).sum::<usize>();
    let per_point = interval_count.div_ceil(POINT_COUNT_MAX).max(1);
    let mut curves = Vec::new();
    for phase in &recording.phases {
        let mut curve = Vec::new();
        for (index, intervals) in phase.timeline.chunks(per_point).enumerate() {
            let middle_ns = (2 * index * per_point + intervals.len()) as u64 * INTERVAL_NS / 2;
            match of(intervals) {
                Some(value) => curve.push((seconds(phase.begun_ns + middle_ns), value)),
                None => curves.push(std::mem::take(&mut curve)),
            }
        }
        curves.push(curve);
    }
    curves.retain(|curve| !curve.is_empty());
    curves
}

fn drawn(curves: Vec<Vec<(f64, f64)>>, colour: usize, kind: Kind) -> Vec<Line> {
    // A point by itself has no length: it becomes a dash of a twentieth of a second.
    let widened = |mut points: Vec<(f64, f64)>| {
        if let [(at, value)] = points[..] {
            points.push((at + 0.05, value));
        }
        points
    };
    curves.into_iter().map(|points| Line { points: widened(points), colour, kind }).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run stay below 2^53")]
fn rate(intervals: &[Interval], count: fn(&Interval) -> u64) -> f64 {
    intervals.iter().map(count).sum::<u64>() as f64 / seconds(intervals.len() as u64 * INTERVAL_NS)
}

/// Microseconds.
fn value(intervals: &[Interval], quantile: f64) -> Option<f64> {
    let mut counts: Vec<(u64, u64)> = intervals.iter().flat_map(|interval| interval.order_receipt.clone()).collect();
    if counts.is_empty() {
        return None;
    }
    counts.sort_unstable();
    let mut latency = Latency::new();
    counts.iter().for_each(|(ns, count)| latency.record_n(*ns, *count));
    #[expect(clippy::cast_precision_loss, reason = "a minute in nanoseconds has 36 bits")]
    let us = latency.histogram().value_at_quantile(quantile) as f64 / 1e3;
    Some(us)
}

/// Lines over the run's time: none if there is no timeline.
fn over_time(recording: &Recording, y: Axis, lines: Vec<Line>) -> Option<String> {
    let ends = recording.phases.iter().map(|phase| phase.begun_ns + phase.timeline.len() as u64 * INTERVAL_NS);
    let end = seconds(ends.max().filter(|end| *end > 0)?);
    let x = Axis { title: "seconds", range: (0.0, end), ticks: ticks(0.0, end, 12.0), label: |at| short(at) };
    let warm_ups = recording.phases.iter().filter(|phase| !phase.is_measured);
    let bands = warm_ups.map(|phase| (seconds(phase.begun_ns), seconds(phase.begun_ns + phase.elapsed_ns).min(end)));
    let phases = recording.phases.iter().map(|phase| (phase.begun_ns, phase.name.clone(), false));
    let events =
        recording.events.iter().map(|event| (event.at_ns, format!("{} {}", event.what, event.authority), true));
    let mark = |(at_ns, text, is_alarm)| Mark { at: seconds(at_ns), text, is_alarm };
    let mut marks: Vec<Mark> = phases.chain(events).map(mark).filter(|mark| mark.at <= end).collect();
    marks.sort_by(|one, other| one.at.total_cmp(&other.at));
    Some(Chart { height: 320, x, y, bands: bands.collect(), lines, marks }.svg())
}

/// 2 as `2`, 0.5 as `0.5`.
fn short(at: f64) -> String {
    let text = format!("{at:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "a run's nanoseconds stay below 2^53")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::PhaseRecording;

    #[test]
    fn a_gap_is_not_bridged() {
        let full = Interval { settled: 5, order_receipt: vec![(1_000, 5)], ..Interval::default() };
        let timeline = vec![full.clone(), Interval::default(), full.clone(), full];
        let phase = PhaseRecording { timeline, ..PhaseRecording::default() };
        let recording = Recording { phases: vec![phase], ..Recording::default() };
        let curves = curves(&recording, |intervals| value(intervals, 0.5));
        assert_eq!(curves.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        assert!((curves[1][0].0 - 0.25).abs() < 1e-9 && (curves[0][0].1 - 1.0).abs() < 0.01, "{curves:?}");
        let rates = super::curves(&recording, |intervals| Some(rate(intervals, |interval| interval.settled)));
        assert_eq!(rates[0].iter().map(|(_, rate)| *rate).collect::<Vec<_>>(), [50.0, 0.0, 50.0, 50.0]);
    }
}
