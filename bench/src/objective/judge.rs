//! Terms against a report.

use super::{Objective, Term};
use serde::Serialize;
use serde_json::Value;

/// A report, and whether it reaches what it must. Its JSON form is the report with one more field.
#[derive(Debug, Serialize)]
pub struct Judged<'a, R> {
    /// What was measured.
    #[serde(flatten)]
    pub report: &'a R,
    /// None if nothing was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<Judgement>,
}

impl<'a, R: Serialize> Judged<'a, R> {
    /// Judges a report by an objective, if there is one.
    pub fn new(report: &'a R, objective: Option<&Objective>) -> Self {
        let judge = |objective: &Objective| {
            let json = serde_json::to_value(report);
            objective.judge(&json.expect("a report holds strings, numbers and maps with string keys"))
        };
        Self { report, objective: objective.map(judge) }
    }

    /// Whether an objective was missed.
    pub fn is_missed(&self) -> bool {
        self.objective.as_ref().is_some_and(|judgement| !judgement.met)
    }
}

/// An objective, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// The objective, as it was written.
    pub text: String,
    /// Whether all terms are met.
    pub met: bool,
    /// The terms, in their order.
    pub terms: Vec<TermJudgement>,
}

/// A term, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TermJudgement {
    /// As it was written.
    pub text: String,
    /// The metric's name.
    pub metric: String,
    /// What was measured; null if it was not.
    pub measured: Option<f64>,
    /// What it is compared with.
    pub bound: f64,
    /// What both are counted in: `us`, `per_s`, `count` or `percent`.
    pub unit: &'static str,
    /// Whether it is met. What was not measured is not.
    pub met: bool,
    /// Why it was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_measured: Option<String>,
    /// The measured figure, for a person.
    #[serde(skip)]
    shown: String,
}

impl Objective {
    /// Compares the figures of a report (`run --json`) with the bounds.
    pub fn judge(&self, report: &Value) -> Judgement {
        let terms: Vec<_> = self.terms.iter().map(|term| judge(term, report)).collect();
        Judgement { text: self.text.clone(), met: terms.iter().all(|term| term.met), terms }
    }
}

fn judge(term: &Term, report: &Value) -> TermJudgement {
    let measured = term.metric.measure(report);
    let unit = term.metric.unit();
    TermJudgement {
        text: term.text.clone(),
        metric: term.metric.to_string(),
        met: measured.as_ref().is_ok_and(|figure| term.relation.holds(*figure, term.bound)),
        shown: measured.as_ref().map_or_else(ToString::to_string, |figure| unit.shown(*figure)),
        not_measured: measured.as_ref().err().map(ToString::to_string),
        measured: measured.ok(),
        bound: term.bound,
        unit: unit.name(),
    }
}

impl Judgement {
    /// A line for each term: whether it is met, and with what figure.
    pub fn lines(&self) -> Vec<String> {
        let verdict = |term: &TermJudgement| if term.met { "met" } else { "MISSED" };
        self.terms.iter().map(|term| format!("{}: {} ({})", verdict(term), term.text, term.shown)).collect()
    }
}
