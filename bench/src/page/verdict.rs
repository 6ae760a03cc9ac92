//! Whether a run's figures may be believed, and whether they are good: the page's first words.

use super::units;
use crate::report::grouped;
use serde_json::Value;

/// How one question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// It was not asked.
    None,
    Good,
    /// Good, with a reservation.
    Doubt,
    Bad,
}

impl Mark {
    /// The style sheet's word for it.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Good => "good",
            Self::Doubt => "doubt",
            Self::Bad => "bad",
        }
    }

    /// A sign that needs no colour.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::None => "–",
            Self::Good => "✓",
            Self::Doubt => "!",
            Self::Bad => "✗",
        }
    }
}

/// One answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) question: &'static str,
    pub(super) mark: Mark,
    pub(super) text: String,
}

/// All answers, what matters most first.
pub(super) fn answers(result: &Value, fingerprint: &Value) -> Vec<Answer> {
    let answers = [
        ("valid", validity(result)),
        ("objective", objective(result)),
        ("loss", loss(result)),
        ("accounting", accounting(result)),
        ("audit", audit(result)),
        ("surroundings", surroundings(result, fingerprint)),
    ];
    answers.into_iter().map(|(question, (mark, text))| Answer { question, mark, text }).collect()
}

/// The worst of them in a word.
pub(super) fn headline(answers: &[Answer]) -> (Mark, &'static str) {
    let is_bad = |question: &str| answers.iter().any(|answer| answer.question == question && answer.mark == Mark::Bad);
    let worst = answers.iter().map(|answer| answer.mark).max().unwrap_or(Mark::None);
    match worst {
        Mark::Bad if is_bad("valid") => (Mark::Bad, "Invalid: the figures must not be used"),
        Mark::Bad => (Mark::Bad, "Failed"),
        Mark::Doubt => (Mark::Doubt, "Passed, with reservations"),
        Mark::Good | Mark::None => (Mark::Good, "Passed"),
    }
}

fn validity(result: &Value) -> (Mark, String) {
    let reasons = texts(&result["invalid_because"]);
    if result["valid"] == false {
        return (Mark::Bad, if reasons.is_empty() { "the run says so".to_owned() } else { reasons.join("; ") });
    }
    let limits = texts(&result["generator"]["limited_because"]);
    if limits.is_empty() {
        return (Mark::Good, "the load generator kept to its schedule and had room to spare".to_owned());
    }
    (Mark::Doubt, format!("the load generator may be what limited: {}", limits.join("; ")))
}

fn objective(result: &Value) -> (Mark, String) {
    let objective = &result["objective"];
    let text = objective["text"].as_str().unwrap_or("none was set");
    match objective["met"].as_bool() {
        None => (Mark::None, text.to_owned()),
        Some(true) => (Mark::Good, format!("met: {text}")),
        Some(false) => (Mark::Bad, format!("missed: {text}")),
    }
}

fn loss(result: &Value) -> (Mark, String) {
    let count = |name: &str| result[name].as_u64().unwrap_or(0);
    let (payments, lost, rejected) = (count("payments"), count("lost"), count("rejected"));
    let mark = if lost + rejected == 0 { Mark::Good } else { Mark::Bad };
    (mark, format!("{} of {} payments lost, {} rejected", grouped(lost), grouped(payments), grouped(rejected)))
}

fn accounting(result: &Value) -> (Mark, String) {
    let mut remainders = Vec::new();
    gather_remainders(&result["accounting"], &mut remainders);
    if remainders.is_empty() {
        return (Mark::None, "both sides' counters were not compared".to_owned());
    }
    let open: Vec<String> = remainders.iter().filter(|number| **number != 0).map(i64::to_string).collect();
    if open.is_empty() {
        return (Mark::Good, format!("closed, remainder 0 in each ledger ({})", remainders.len()));
    }
    (Mark::Bad, format!("open: {} of {} ledgers, remainders {}", open.len(), remainders.len(), open.join(", ")))
}

/// Every number under the name `remainder`, wherever it stands.
fn gather_remainders(value: &Value, remainders: &mut Vec<i64>) {
    match value {
        Value::Object(fields) => {
            remainders.extend(fields.get("remainder").and_then(Value::as_i64));
            fields.values().for_each(|field| gather_remainders(field, remainders));
        }
        Value::Array(items) => items.iter().for_each(|item| gather_remainders(item, remainders)),
        _ => {}
    }
}

fn audit(result: &Value) -> (Mark, String) {
    let audit = &result["audit"];
    let count = |name: &str| grouped(audit[name].as_u64().unwrap_or(0));
    let counts = format!(
        "{} accounts asked for, {} mismatches, {} unanswered",
        count("accounts"),
        count("mismatches"),
        count("unanswered")
    );
    match audit["ok"].as_bool() {
        None => (Mark::None, "balances were not audited".to_owned()),
        Some(true) => (Mark::Good, counts),
        Some(false) => (Mark::Bad, counts),
    }
}

fn surroundings(result: &Value, fingerprint: &Value) -> (Mark, String) {
    let mut doubts = texts(&result["disturbances"]);
    if fingerprint["program"]["build"] == "debug" {
        doubts.push("the program is a development build, and slower than a release".to_owned());
    }
    if result["journal"]["in_memory"] == true {
        doubts.push("the journal lay in memory, where nothing is flushed".to_owned());
    }
    if doubts.is_empty() {
        return (Mark::Good, "nothing else ran on the authority's cores that was noticed".to_owned());
    }
    (Mark::Doubt, doubts.join("; "))
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| units::value("", item)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn marks(result: &Value) -> Vec<(&'static str, Mark)> {
        answers(result, &json!({"program": {"build": "release"}})).iter().map(|one| (one.question, one.mark)).collect()
    }

    #[test]
    fn each_fault_has_its_mark_and_an_invalid_run_is_called_invalid() {
        let good = json!({
            "payments": 10, "lost": 0, "rejected": 0, "valid": true, "generator": {"limited_because": []},
            "objective": {"text": "loss=0", "met": true}, "audit": {"ok": true},
            "accounting": {"payments": {"remainder": 0}, "requests": [{"remainder": 0}]}, "disturbances": [],
        });
        assert!(marks(&good).iter().all(|(_, mark)| *mark == Mark::Good), "{:?}", marks(&good));
        let faults = [
            ("/valid", json!(false), "valid", Mark::Bad),
            ("/generator/limited_because", json!(["busy"]), "valid", Mark::Doubt),
            ("/objective/met", json!(false), "objective", Mark::Bad),
            ("/lost", json!(1), "loss", Mark::Bad),
            ("/rejected", json!(1), "loss", Mark::Bad),
            ("/accounting/requests/0/remainder", json!(-1), "accounting", Mark::Bad),
            ("/audit/ok", json!(false), "audit", Mark::Bad),
            ("/disturbances", json!(["something ran"]), "surroundings", Mark::Doubt),
        ];
        for (pointer, fault, question, mark) in faults {
            let mut result = good.clone();
            *result.pointer_mut(pointer).unwrap() = fault;
            assert!(marks(&result).contains(&(question, mark)), "{pointer}: {:?}", marks(&result));
            let answers = answers(&result, &Value::Null);
            assert_eq!(headline(&answers).1.starts_with("Invalid"), pointer == "/valid", "{pointer}");
        }
    }

    #[test]
    fn a_debug_build_is_no_measurement() {
        let (mark, text) = surroundings(&Value::Null, &json!({"program": {"build": "debug"}}));
        assert!(mark == Mark::Doubt && text.contains("development build"), "{text}");
    }
}
