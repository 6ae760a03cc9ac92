//! The timeline as CSV: a row for each interval of 100 ms, all phases one after the other.

use super::OutputError;
use super::recorded::RecordedPhase;
use crate::latency::Latency;
use crate::recording::{INTERVAL_NS, Interval, Recording};
use std::path::Path;

/// The columns. `t_s` is the interval's beginning, from the start of the first phase; latencies are of the payments that
/// settled in it, order to receipt, from the schedule, and empty if there were none.
const HEADING: &str = "phase,t_s,sent,settled,rejected,timed_out,repeated,in_flight,p50_us,p99_us,max_us";

/// The table.
pub(super) fn text(recording: &Recording, tags: &[String]) -> String {
    let mut text = format!("{HEADING}\n");
    let mut latency = Latency::new();
    for (phase, tag) in recording.phases.iter().zip(tags) {
        for (index, interval) in phase.timeline.iter().enumerate() {
            let at_ns = phase.begun_ns + index as u64 * INTERVAL_NS;
            text.push_str(&format!("{tag},{},{}\n", seconds(at_ns), row(interval, &mut latency)));
        }
    }
    text
}

fn row(interval: &Interval, latency: &mut Latency) -> String {
    let Interval { sent, settled, rejected, timed_out, repeated, in_flight, order_receipt } = interval;
    let counts = format!("{sent},{settled},{rejected},{timed_out},{repeated},{in_flight}");
    if order_receipt.is_empty() {
        return format!("{counts},,,");
    }
    latency.clear();
    order_receipt.iter().for_each(|(ns, count)| latency.record_n(*ns, *count));
    let summary = latency.summary();
    format!("{counts},{:.3},{:.3},{:.3}", summary.p50, summary.p99, summary.max)
}

/// Nanoseconds as seconds with all nine digits: reading them back gives the same number.
fn seconds(ns: u64) -> String {
    format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
}

/// The counts of each phase's intervals, without latencies.
///
/// # Errors
/// [`OutputError::Damaged`] if a row is not as it was written, or rows are missing.
pub(super) fn read(path: &Path, text: &str, phases: &[RecordedPhase]) -> Result<Vec<Vec<Interval>>, OutputError> {
    let damaged = |line: usize| OutputError::damaged(path, format!("line {line} is not as it was written"));
    let mut timelines = vec![Vec::new(); phases.len()];
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.next().filter(|(_, line)| *line == HEADING).ok_or_else(|| damaged(1))?;
    for (number, line) in lines {
        let mut cells = line.split(',');
        let tag = cells.next().ok_or_else(|| damaged(number))?;
        let phase = phases.iter().position(|phase| phase.tag == tag).ok_or_else(|| damaged(number))?;
        let at_ns = phases[phase].begun_ns + timelines[phase].len() as u64 * INTERVAL_NS;
        cells.next().filter(|at| *at == seconds(at_ns)).ok_or_else(|| damaged(number))?;
        timelines[phase].push(counts(cells).ok_or_else(|| damaged(number))?);
    }
    let complete = timelines.iter().zip(phases).all(|(timeline, phase)| timeline.len() == phase.interval_count);
    if complete { Ok(timelines) } else { Err(OutputError::damaged(path, "rows are missing")) }
}

fn counts<'a>(cells: impl Iterator<Item = &'a str>) -> Option<Interval> {
    let cells: Vec<&str> = cells.collect();
    let [sent, settled, rejected, timed_out, repeated, in_flight, _, _, _] = *cells else { return None };
    Some(Interval {
        sent: sent.parse().ok()?,
        settled: settled.parse().ok()?,
        rejected: rejected.parse().ok()?,
        timed_out: timed_out.parse().ok()?,
        repeated: repeated.parse().ok()?,
        in_flight: in_flight.parse().ok()?,
        order_receipt: Vec::new(),
    })
}
