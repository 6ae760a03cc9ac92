//! What a reader of figures must know of the runs behind them.

use super::session::{Run, Side};
use crate::objective::{Metric, Span, Statistic};
use crate::report::grouped;
use serde_json::Value;

/// What makes a run another run: where two sides differ in one of these, that may be the whole difference.
const SETTINGS: [&str; 17] = [
    "mode",
    "transport",
    "backend",
    "committee",
    "live",
    "simulated_batch",
    "accounts",
    "payments",
    "shards",
    "verifiers",
    "cores",
    "window",
    "hint",
    "bad_every",
    "quarantine_ms",
    "sockets",
    "gso",
];

/// A run's figures in one line.
pub(super) fn headline(report: &Value) -> String {
    let shown = |metric: Metric| metric.measure(report).map_or("-".to_owned(), |figure| metric.unit().shown(figure));
    format!(
        "{} settled, {} of authorities per payment, order to receipt p99 {}",
        shown(Metric::SettledPerS),
        shown(Metric::Cpu),
        shown(Metric::latency(Span::OrderReceipt, Statistic::P99))
    )
}

/// Why a run's figures may be bounds only, or disturbed: a sentence each.
pub(super) fn warnings(report: &Value) -> Vec<String> {
    let sentences = |list: &Value, before: &str| -> Vec<String> {
        let list = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        list.map(|sentence| format!("{before}{sentence}")).collect()
    };
    let invalid = sentences(&report["invalid_because"], "the run is invalid: ");
    let limited = sentences(&report["generator"]["limited_because"], "the generator may limit: ");
    [invalid, limited, sentences(&report["disturbances"], "")].concat()
}

/// What went wrong in a run that left only its JSON behind: a sentence each.
pub(super) fn failures(report: &Value) -> Vec<String> {
    let count = |key: &str| report[key].as_u64().unwrap_or(0);
    let failed = |is: bool, sentence: String| is.then_some(sentence);
    [
        failed(count("lost") > 0, format!("{} payments were lost", count("lost"))),
        failed(count("rejected") > 0, format!("{} payments were rejected", count("rejected"))),
        failed(report["audit"]["ok"] == false, "its audit failed".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Settings in which the runs differ, and open loops at different rates.
pub(super) fn differences(runs: &[Run], labels: [&str; 2]) -> Vec<String> {
    let settings = SETTINGS.iter().filter_map(|key| {
        let values = Side::BOTH.map(|side| distinct(runs, side, |report| report[key].to_string()));
        let differs = values[0] != values[1] || values[0].len() > 1;
        let [a, b] = values.map(|values| values.join(" or "));
        differs.then(|| format!("{key} differs: {} {a}; {} {b}", labels[0], labels[1]))
    });
    settings.chain(rates(runs)).collect()
}

fn rates(runs: &[Run]) -> Option<String> {
    let rates = runs.iter().filter_map(|run| run.report["phases"]["open_loop"]["rate_per_s"].as_u64());
    let (lowest, highest) = (rates.clone().min()?, rates.max()?);
    (lowest < highest).then(|| {
        format!(
            "open loops ran at {} to {} payments per second: latencies are not of one load; run all with the same --rate",
            grouped(lowest),
            grouped(highest)
        )
    })
}

/// What a side's runs have, each once, in the order of the alphabet.
fn distinct(runs: &[Run], side: Side, of: impl Fn(&Value) -> String) -> Vec<String> {
    let mut values: Vec<_> = runs.iter().filter(|run| run.side == side).map(|run| of(&run.report)).collect();
    values.sort_unstable();
    values.dedup();
    values
}
