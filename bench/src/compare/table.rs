//! The table that a person reads.

use super::report::{Comparison, Method, MetricComparison, Verdict};
use crate::report::{grid, grouped, right_aligned};
use comfy_table::Table;

/// The comparison as text: the sides, a line for each metric, how to read it.
pub fn table(comparison: &Comparison) -> String {
    let Comparison { a, b, .. } = comparison;
    let mut text = String::new();
    for side in [a, b] {
        text.push_str(&format!("{}: {} ({} runs)\n", side.label, side.name, side.runs));
    }
    text.push_str(&format!("\n{}\n\n", metrics(comparison)));
    for line in reading(comparison).into_iter().chain(comparison.notes.iter().cloned()) {
        text.push_str(&line);
        text.push('\n');
    }
    text.push_str(&format!("repeat with: {}", comparison.command));
    text
}

fn metrics(comparison: &Comparison) -> Table {
    let Comparison { a, b, .. } = comparison;
    let ratio = format!("{}/{}", b.label, a.label);
    let mut table = grid(&["metric", a.label, b.label, &ratio, "interval", "verdict"]);
    comparison.metrics.iter().for_each(|metric| _ = table.add_row(row(metric)));
    right_aligned(table)
}

fn row(metric: &MetricComparison) -> Vec<String> {
    let gate = if metric.gated { " *" } else { "" };
    let shown = |median: Option<f64>| median.map_or("-".to_owned(), |median| metric.shown_in.shown(median));
    let interval = metric.interval.as_ref();
    let doubt = match (metric.verdict, metric.conclusive, &metric.not_measured) {
        (Verdict::NotMeasured, _, Some(reason)) => format!(": {reason}"),
        (Verdict::NoDifferenceSeen, false, _) => ", and too wide to tell".to_owned(),
        _ => String::new(),
    };
    vec![
        format!("{}{gate}", metric.metric),
        shown(metric.a.median),
        shown(metric.b.median),
        interval.map_or("-".to_owned(), |interval| format!("{:.3}", interval.ratio)),
        interval.map_or("-".to_owned(), |interval| format!("{:.3} to {:.3}", interval.low, interval.high)),
        // The reason repeats the verdict's words where it is about what a report lacks.
        format!("{}{doubt}", metric.verdict.name()).replace("not measured: not measured", "not measured"),
    ]
}

fn reading(comparison: &Comparison) -> Vec<String> {
    let Comparison { a, b, metrics, threshold, .. } = comparison;
    let gated: Vec<_> = metrics.iter().filter(|metric| metric.gated).collect();
    let method = match comparison.method {
        Method::Pairs => "Student's t on the logarithms of ratios of pairs",
        Method::AbbaBlocks => "Student's t on the logarithms of ratios of ABBA blocks",
        Method::Unpaired => "Welch's t on the logarithms of both sides, which are not paired",
    };
    let ratio = format!("{}/{}", b.label, a.label);
    let mut lines = vec![
        format!("figures are medians; {ratio} is the ratio of geometric means, its interval by {method}: 95 % each"),
        format!("a difference is one whose whole interval is further than {:.1} % from 1", threshold * 100.0),
    ];
    if let Some(confidence) = gated.first().and_then(|metric| metric.interval).map(|interval| interval.confidence) {
        let one = confidence * 100.0;
        lines.push(format!("* gated: worse is a regression; these intervals are {one:.1} % each, 95 % together"));
    }
    if let Some(rate) = comparison.rate_per_s {
        lines.push(format!("latencies from the schedule, all open loops at {} payments per second", grouped(rate)));
    }
    if comparison.warned_runs > 0 {
        let (warned, all) = (comparison.warned_runs, a.runs + b.runs);
        lines.push(format!(
            "in {warned} of {all} runs the generator may have been the limit, or something disturbed the authority"
        ));
    }
    lines
}
