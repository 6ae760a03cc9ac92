//! The report of a merge: counters added, percentiles from the added histograms.

use crate::output::{Folder, phase_reports};
use crate::recording::{PhaseRecording, Recording};
use crate::report::ratio;
use serde_json::{Map, Value, json};

/// Counts, and objects of counts.
const COUNTS: [&str; 16] = [
    "accounts",
    "accounts_left_out",
    "window",
    "payments",
    "settled",
    "lost",
    "rejected",
    "lost_by_place",
    "rejected_by_code",
    "rejections_by_code",
    "retries",
    "receipts_missing",
    "invalid_replies",
    "invalid_replies_by_fault",
    "late_replies",
    "accounting",
];

/// Counts of a phase.
const PHASE_COUNTS: [&str; 7] =
    ["payments", "settled", "lost", "rejected", "order_retries", "certificate_retries", "held"];

/// Counts of an audit: each machine asks for its own accounts.
const AUDIT_COUNTS: [&str; 3] = ["accounts", "mismatches", "unanswered"];

/// What holds for a share only, even if all shares say the same.
const OWN: [&str; 14] = [
    "command",
    "load_shard",
    "objective",
    "book",
    "authority",
    "authorities",
    "authority_cpu_ns_per_payment",
    "journal",
    "price",
    "intruder",
    "hostile",
    "queries",
    "smallbank",
    "zipf",
];

/// The report: what all shares say alike is said once.
pub(super) fn result(folders: &[Folder], recording: &Recording, command: &str) -> Value {
    let results: Vec<&Value> = folders.iter().map(|folder| &folder.result).collect();
    let alike = |name: &String, value: &Value| results.iter().all(|result| &result[name.as_str()] == value);
    let first = results[0].as_object().expect("a result is an object");
    let mut merged: Map<String, Value> = first
        .iter()
        .filter(|(name, value)| !OWN.contains(&name.as_str()) && alike(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut put = |name: &str, value: Value| _ = merged.insert(name.to_owned(), value);
    for name in COUNTS.into_iter().filter(|name| results.iter().any(|result| !result[*name].is_null())) {
        put(name, sum(results.iter().map(|result| &result[name])));
    }
    let phases: Vec<Value> = (0..recording.phases.len()).map(|index| phase(&results, recording, index)).collect();
    put("settled_per_s", main_rate(&phases, recording));
    if let Some(main) = recording.main_phase() {
        put("latency_us", json!(main.from_schedule.summary()));
        put("latency_from_send_us", json!(main.from_send.summary()));
        put("generator", generator(&results, main));
    }
    put("phase_list", phases.into());
    put("phases", Value::Null);
    put("audit", audit(&results));
    put("valid", results.iter().all(|result| result["valid"] != false).into());
    put("invalid_because", sentences(&results, |result| &result["invalid_because"]).into());
    put("disturbances", sentences(&results, |result| &result["disturbances"]).into());
    put("merged_from", folders.iter().map(source).collect());
    put("command", command.into());
    Value::Object(merged)
}

fn source(folder: &Folder) -> Value {
    let Folder { path, result, recording, .. } = folder;
    json!({
        "folder": path, "load_shard": result["load_shard"], "command": result["command"],
        "begun_unix_us": recording.begun_unix_us, "settled": result["settled"],
    })
}

fn phase(results: &[&Value], recording: &Recording, index: usize) -> Value {
    let recorded = &recording.phases[index];
    let reports: Vec<&Value> = results.iter().filter_map(|result| find(result, recorded, index)).collect();
    let mut phase = Map::new();
    phase.insert("name".to_owned(), recorded.name.as_str().into());
    for name in PHASE_COUNTS {
        phase.insert(name.to_owned(), sum(reports.iter().map(|report| &report[name])));
    }
    let settled = phase["settled"].as_u64().unwrap_or(0);
    let rest = json!({
        "measured": recorded.is_measured,
        "rate_per_s": recorded.rate_per_s.map(|(from, _)| from),
        "rate_end_per_s": recorded.rate_per_s.filter(|(from, to)| from != to).map(|(_, to)| to),
        "seconds": ratio(recorded.elapsed_ns, 1_000_000_000),
        "settled_per_s": ratio(settled, recorded.elapsed_ns) * 1e9,
        "latency_us": recorded.from_schedule.summary(),
        "latency_from_send_us": recorded.from_send.summary(),
    });
    phase.extend(rest.as_object().expect("it is written as one").clone());
    Value::Object(phase)
}

/// A share's report on a phase: by its place if the names are as recorded, else by its name.
fn find<'a>(result: &'a Value, recorded: &PhaseRecording, index: usize) -> Option<&'a Value> {
    let reports = phase_reports(result);
    let placed = reports.get(index).filter(|(name, _)| *name == recorded.name);
    placed.or_else(|| reports.iter().find(|(name, _)| *name == recorded.name)).map(|(_, report)| *report)
}

/// The rate at saturation, or that of the last measured phase where nothing was saturated.
fn main_rate(phases: &[Value], recording: &Recording) -> Value {
    let mut measured = phases.iter().zip(&recording.phases).filter(|(_, recorded)| recorded.is_measured);
    let saturated = measured.clone().find(|(_, recorded)| recorded.rate_per_s.is_none());
    saturated.or_else(|| measured.next_back()).map_or(Value::Null, |(phase, _)| phase["settled_per_s"].clone())
}

fn generator(results: &[&Value], main: &PhaseRecording) -> Value {
    let because = sentences(results, |result| &result["generator"]["limited_because"]);
    json!({"limited": !because.is_empty(), "limited_because": because, "lag_us": main.lag.summary()})
}

fn audit(results: &[&Value]) -> Value {
    let all_ok = results.iter().map(|result| result["audit"]["ok"].as_bool()).collect::<Option<Vec<_>>>();
    let Some(all_ok) = all_ok else { return Value::Null };
    let counts = AUDIT_COUNTS.map(|name| (name.to_owned(), sum(results.iter().map(|result| &result["audit"][name]))));
    let mut audit: Map<String, Value> = counts.into_iter().collect();
    audit.insert("ok".to_owned(), all_ok.into_iter().all(|ok| ok).into());
    Value::Object(audit)
}

/// The sentences of all shares, each with its share.
fn sentences(results: &[&Value], of: fn(&Value) -> &Value) -> Vec<String> {
    let mut all = Vec::new();
    for (index, result) in results.iter().enumerate() {
        let items = of(result).as_array().map(Vec::as_slice).unwrap_or_default();
        all.extend(items.iter().filter_map(Value::as_str).map(|text| format!("load shard {index}: {text}")));
    }
    all
}

/// Adds numbers, and objects and lists of them, part by part. Remainders are added by their sizes: one share's surplus must not
/// hide another's lack. What is missing in one counts as nothing; texts are kept if all say the same.
fn sum<'a>(values: impl Iterator<Item = &'a Value>) -> Value {
    values.fold(Value::Null, |sum, value| added("", &sum, value))
}

fn added(name: &str, sum: &Value, more: &Value) -> Value {
    match (sum, more) {
        (Value::Null, Value::Number(_)) => added(name, &json!(0), more),
        (Value::Null, Value::Object(_)) => added(name, &json!({}), more),
        (Value::Null, other) | (other, Value::Null) => other.clone(),
        (Value::Number(one), Value::Number(other)) => added_numbers(name, one, other),
        (Value::Object(one), Value::Object(other)) => {
            let mut fields = one.clone();
            for (field, value) in other {
                let before = one.get(field).unwrap_or(&Value::Null);
                fields.insert(field.clone(), added(field, before, value));
            }
            Value::Object(fields)
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).map(|(one, other)| added(name, one, other)).collect()
        }
        (one, other) if one == other => one.clone(),
        _ => Value::Null,
    }
}

fn added_numbers(name: &str, one: &serde_json::Number, other: &serde_json::Number) -> Value {
    let size = |number: i128| if name == "remainder" { number.abs() } else { number };
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => {
            let sum = size(one).saturating_add(size(other));
            u64::try_from(sum).map(Value::from).or_else(|_| i64::try_from(sum).map(Value::from)).unwrap_or(Value::Null)
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_part_by_part() {
        let values = [json!({"busy": 1, "list": [1, 2]}), json!({"funds": 2, "list": [3, 4]}), json!({"busy": 5})];
        assert_eq!(sum(values.iter()), json!({"busy": 6, "funds": 2, "list": [4, 6]}));
        assert_eq!(sum([json!(u64::MAX), json!(0)].iter()), json!(u64::MAX));
    }

    #[test]
    fn remainders_of_opposite_signs_do_not_cancel() {
        let values = [json!({"a": {"remainder": 3, "sent": -1}}), json!({"a": {"remainder": -3, "sent": 1}})];
        assert_eq!(sum(values.iter()), json!({"a": {"remainder": 6, "sent": 0}}));
    }
}
