//! What is written about the metrics: the list for readers, the dashboard, the collector's configuration and its rules.

use super::super::families::{self, Family, Kind};
use serde_json::Value;
use std::collections::BTreeSet;

/// Families that no panel shows, and why.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("quittance_repeated_replies_total", "what came again, and cost little"),
    ("quittance_orders_held_repeated_total", "the same"),
    ("quittance_roots_checked_total", "a part of the signatures checked"),
    ("quittance_roots_signed_total", "the count of the reply batches"),
    ("quittance_redeemed_units_total", "money, which is audited and not watched"),
    ("quittance_units_under_way", "the same"),
    ("quittance_signature_sums_total", "for whoever studies batches that fail"),
    ("quittance_signature_sums_failed_total", "the same"),
    ("quittance_signatures_checked_alone_total", "the same"),
    ("quittance_malformed_total", "a part of what is dropped, for whoever asks why"),
    ("quittance_received_packets_total", "for whoever studies how the kernel merges"),
    ("quittance_sends_total", "and segments"),
    ("quittance_sleeps_total", "for whoever studies how threads idle"),
    ("quittance_wakes_total", "the same"),
    ("quittance_journal_records_total", "the sum of the records per commit"),
    ("quittance_journal_blocks_total", "their count"),
    ("quittance_snapshot_number", "a name, not a figure"),
    ("quittance_vote_roots_total", "for whoever studies the cache of roots"),
    ("quittance_quarantined_signatures_total", "what follows from quarantines"),
    ("process_start_time_seconds", "for rules about restarts"),
];

const LIST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/dashboard/README.md"));
const DASHBOARD: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/dashboard/quittance.json"));
const RULES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/dashboard/rules.yml"));

/// The names of families that an expression asks for.
fn names_in(text: &str) -> BTreeSet<String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !is_name(letter));
    words.filter(|word| word.starts_with("quittance_") || word.starts_with("process_")).map(family_of).collect()
}

/// Without the suffix of a histogram's samples.
fn family_of(sample: &str) -> String {
    let is_histogram = |name: &str| families::all().any(|family| family.kind == Kind::Histogram && family.name == name);
    let ends = ["_bucket", "_sum", "_count"];
    let histogram = ends.iter().filter_map(|end| sample.strip_suffix(end)).find(|name| is_histogram(name));
    histogram.unwrap_or(sample).to_owned()
}

fn table() -> BTreeSet<String> {
    families::all().map(|family| family.name.to_owned()).collect()
}

/// Every string of this name, wherever it is.
fn strings<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(name).and_then(Value::as_str));
            fields.values().for_each(|value| strings(value, name, found));
        }
        Value::Array(values) => values.iter().for_each(|value| strings(value, name, found)),
        _ => {}
    }
}

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).unwrap()
}

/// A family as the list has it.
fn row(family: &Family) -> String {
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    format!("| `{}` | {kind} | {} | {} |", family.name, family.labels.join(", "), family.help)
}

#[test]
fn the_list_for_readers_is_the_table() {
    let rows: Vec<String> = families::all().map(row).collect();
    let is_row = |line: &&str| line.starts_with("| `quittance_") || line.starts_with("| `process_");
    let listed: Vec<&str> = LIST.lines().filter(is_row).collect();
    assert_eq!(listed.join("\n"), rows.join("\n"), "the list is to be:\n{}", rows.join("\n"));
}

#[test]
fn the_dashboard_shows_what_there_is_and_all_of_it() {
    let dashboard = dashboard();
    let mut expressions = Vec::new();
    strings(&dashboard, "expr", &mut expressions);
    let shown = names_in(&expressions.join(" "));
    let excused: BTreeSet<String> = NOT_SHOWN.iter().map(|(name, _)| (*name).to_owned()).collect();
    let table = table();
    assert_eq!(shown.difference(&table).collect::<Vec<_>>(), Vec::<&String>::new(), "shown, and not there");
    assert_eq!(excused.difference(&table).collect::<Vec<_>>(), Vec::<&String>::new(), "excused, and not there");
    assert_eq!(shown.intersection(&excused).collect::<Vec<_>>(), Vec::<&String>::new(), "excused, and shown");
    let either: BTreeSet<String> = shown.union(&excused).cloned().collect();
    assert_eq!(table.difference(&either).collect::<Vec<_>>(), Vec::<&String>::new(), "neither shown nor excused");
}

#[test]
fn labels_that_expressions_group_by_are_labels_of_the_table() {
    let known: BTreeSet<&str> =
        families::all().flat_map(|family| family.labels.iter().copied()).chain(["le", "instance", "job"]).collect();
    let dashboard = dashboard();
    let mut expressions = Vec::new();
    strings(&dashboard, "expr", &mut expressions);
    expressions.push(RULES);
    let mut count = 0;
    for expression in expressions {
        for grouped in expression.split("by (").skip(1) {
            let labels = grouped.split_once(')').expect("a group ends").0;
            for label in labels.split(',').map(str::trim) {
                assert!(known.contains(label), "{label} in {expression}");
                count += 1;
            }
        }
    }
    assert!(count > 10, "{count}");
}

#[test]
fn the_dashboard_can_be_brought_to_any_source_and_its_panels_do_not_overlap() {
    let dashboard = dashboard();
    let mut sources = Vec::new();
    strings(&dashboard, "uid", &mut sources);
    sources.retain(|uid| *uid != "quittance" && *uid != "-- Grafana --");
    assert!(sources.len() > 10 && sources.iter().all(|uid| *uid == "${source}"), "{sources:?}");
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 39);
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut cells = BTreeSet::new();
    for panel in panels {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().unwrap());
        assert!(x + w <= 24, "{}", panel["title"]);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{} lies on another", panel["title"]);
        }
    }
}

#[test]
fn rules_ask_for_what_there_is() {
    let names = names_in(RULES);
    assert!(names.len() > 5 && names.is_subset(&table()), "{names:?}");
}
