//! The tables of a run's page.

use super::units;
use crate::latency::Latency;
use crate::output::{Folder, phase_reports, series};
use crate::recording::PhaseRecording;
use crate::report::grouped;
use serde_json::Value;

/// A phase's throughput.
pub(super) struct PhaseRow {
    pub(super) name: String,
    pub(super) cells: Vec<String>,
}

/// One histogram in figures.
pub(super) struct LatencyRow {
    pub(super) span: &'static str,
    pub(super) basis: &'static str,
    pub(super) cells: Vec<String>,
}

/// A phase's histograms.
pub(super) struct LatencyTable {
    pub(super) phase: String,
    pub(super) rows: Vec<LatencyRow>,
}

/// A count with a bar.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) text: String,
    /// Of the longest bar; whole per cent.
    pub(super) width: String,
}

/// A part of a nested object.
pub(super) struct FactRow {
    pub(super) name: String,
    pub(super) facts: Vec<(String, String)>,
}

/// Throughput of each phase.
pub(super) fn phases(result: &Value) -> Vec<PhaseRow> {
    phase_reports(result).into_iter().map(|(name, phase)| PhaseRow { name, cells: phase_cells(phase) }).collect()
}

fn phase_cells(phase: &Value) -> Vec<String> {
    let count = |name: &str| phase[name].as_u64().map_or("–".to_owned(), grouped);
    let number = |name: &str, show: fn(f64) -> String| phase[name].as_f64().map_or("–".to_owned(), show);
    vec![
        rate_asked(phase),
        count("payments"),
        count("settled"),
        count("lost"),
        count("rejected"),
        number("seconds", |seconds| format!("{seconds:.2} s")),
        number("settled_per_s", units::rate),
        number("generator_busy_share", units::percent),
    ]
}

/// A rate, the two ends of a ramp, or that a window set the pace.
fn rate_asked(phase: &Value) -> String {
    match (phase["rate_per_s"].as_f64(), phase["rate_end_per_s"].as_f64()) {
        (Some(from), Some(to)) => format!("{} to {}", units::whole(from), units::rate(to)),
        (Some(rate), None) => units::rate(rate),
        (None, _) => "a window".to_owned(),
    }
}

/// The histograms of each measured phase; those in which nothing was counted are left out.
pub(super) fn latencies(folder: &Folder) -> Vec<LatencyTable> {
    let measured = folder.recording.phases.iter().filter(|phase| phase.is_measured);
    measured.map(|phase| LatencyTable { phase: phase.name.clone(), rows: latency_rows(phase) }).collect()
}

fn latency_rows(phase: &PhaseRecording) -> Vec<LatencyRow> {
    let row = |series: &series::Series| LatencyRow {
        span: series.span,
        basis: series.basis,
        cells: latency_cells((series.of)(phase)),
    };
    series::ALL.iter().filter(|series| !(series.of)(phase).histogram().is_empty()).map(row).collect()
}

fn latency_cells(latency: &Latency) -> Vec<String> {
    let summary = latency.summary();
    let values = [summary.p50, summary.p90, summary.p99, summary.p99_9, summary.max].map(units::duration);
    std::iter::once(grouped(summary.count)).chain(values).collect()
}

/// Payments that did not settle: where they were lost, and by which code they were refused.
pub(super) fn losses(result: &Value) -> Vec<Bar> {
    let places = counts(&result["lost_by_place"]).map(|(name, count)| (format!("lost: {}", units::words(name)), count));
    let codes =
        counts(&result["rejected_by_code"]).map(|(code, count)| (format!("refused: {}", units::words(code)), count));
    let all: Vec<(String, f64, String)> = places
        .chain(codes)
        .map(|(name, count)| {
            #[expect(clippy::cast_precision_loss, reason = "a bar's length needs no more than three digits")]
            let size = count as f64;
            (name, size, grouped(count))
        })
        .collect();
    bars(all)
}

/// Processor time per payment, of the authorities and of the generator.
pub(super) fn cpu(result: &Value) -> Vec<Bar> {
    let sides = [("authority", "authority_cpu_ns_per_payment"), ("generator", "generator_cpu_ns_per_payment")];
    let of_phase = |(phase, report): (String, &Value)| {
        sides.map(|(side, field)| Some((format!("{side}, {}", units::words(&phase)), report[field].as_f64()?)))
    };
    let known = phase_reports(result).into_iter().flat_map(of_phase).flatten();
    bars(known.map(|(name, ns)| (name, ns, units::duration(ns / 1e3))).collect())
}

/// Those that are not 0.
fn counts(value: &Value) -> impl Iterator<Item = (&str, u64)> {
    let fields = value.as_object().into_iter().flatten();
    fields.filter_map(|(name, count)| Some((name.as_str(), count.as_u64().filter(|count| *count > 0)?)))
}

fn bars(rows: Vec<(String, f64, String)>) -> Vec<Bar> {
    let longest = rows.iter().map(|(_, size, _)| *size).fold(0.0, f64::max);
    let width = |size: f64| if longest > 0.0 { format!("{:.0}", size / longest * 100.0) } else { "0".to_owned() };
    rows.into_iter().map(|(name, size, text)| Bar { name, text, width: width(size) }).collect()
}

/// An object's fields, a row for each; what is nested is named by its path.
pub(super) fn facts(value: &Value, left_out: &[&str]) -> Vec<FactRow> {
    let fields = value.as_object().into_iter().flatten().filter(|(name, _)| !left_out.contains(&name.as_str()));
    let row = |(name, value): (&String, &Value)| {
        let mut facts = Vec::new();
        flatten("", name, value, &mut facts);
        FactRow { name: units::words(name), facts }
    };
    fields.map(row).collect()
}

fn flatten(path: &str, name: &str, value: &Value, facts: &mut Vec<(String, String)>) {
    let joined =
        |field: &str| if path.is_empty() { units::words(field) } else { format!("{path} {}", units::words(field)) };
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(field, value)| flatten(&joined(field), field, value, facts));
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(index, item)| flatten(&joined(&index.to_string()), name, item, facts));
        }
        _ => facts.push((path.to_owned(), units::value(name, value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bars_are_as_long_as_their_share_of_the_longest() {
        let result = json!({"lost_by_place": {"order": 4, "blocked": 1, "unsent": 0}, "rejected_by_code": {"busy": 2}});
        let bars: Vec<_> = losses(&result).into_iter().map(|bar| (bar.name, bar.text, bar.width)).collect();
        let expected = [("lost: blocked", "1", "25"), ("lost: order", "4", "100"), ("refused: busy", "2", "50")];
        assert_eq!(bars, expected.map(|(name, text, width)| (name.to_owned(), text.to_owned(), width.to_owned())));
    }

    #[test]
    fn nested_facts_are_named_by_their_path() {
        let value = json!({"left_out": 1, "caches": {"l2": {"size_bytes": 2048}, "l3": null}});
        let rows = facts(&value, &["left_out"]);
        assert_eq!(rows.len(), 1);
        let size = ("l2 size bytes".to_owned(), units::value("size_bytes", &json!(2048)));
        assert_eq!(rows[0].facts, [size, ("l3".to_owned(), "not known".to_owned())]);
    }

    #[test]
    fn phases_of_both_kinds_of_reports_are_found() {
        let plain = json!({"phases": {"saturated": {"settled": 1}, "open_loop": {"settled": 2, "rate_per_s": 5}}});
        assert_eq!(phases(&plain)[1].cells[0], "5/s");
        let listed = json!({"phase_list": [{"name": "ramp", "rate_per_s": 1000, "rate_end_per_s": 2000}]});
        assert_eq!(
            (phases(&listed)[0].name.as_str(), phases(&listed)[0].cells[0].as_str()),
            ("ramp", "1,000 to 2,000/s")
        );
    }
}
