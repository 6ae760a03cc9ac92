//! From text to terms.

use super::{Metric, Objective, Relation, Since, Span, Statistic, TERM_COUNT_MAX, Term, Unit};
use core::str::FromStr;

/// A text that is no objective, with the spot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}\n  {text}\n  {space}^", space = " ".repeat(column(text, *at)))]
pub struct ParseError {
    /// The whole text.
    pub text: String,
    /// Where it is wrong: bytes from the start.
    pub at: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the words")]
pub enum Fault {
    #[error("there is nothing between two commas, or nothing at all; write METRIC<BOUND, such as loss=0")]
    Empty,
    #[error("these are more than {TERM_COUNT_MAX} terms")]
    TooMany,
    #[error(
        "there is no metric {0:?}; there are order_vote, certificate_receipt and order_receipt with .p50, .p90, .p99, .p99.9 or \
         .max, and loss, loss%, rejected, settled_per_s, cpu"
    )]
    UnknownMetric(String),
    #[error("a latency is a span and a quantile, such as order_receipt.p99: one of p50, p90, p99, p99.9, max")]
    UnknownStatistic,
    #[error("only latencies are taken from somewhere, and @ may only be followed by send")]
    UnknownSince,
    #[error("a comparison is missing here: one of < <= > >= =")]
    NoRelation,
    #[error("`=` is for counts (loss, rejected); a measured figure never equals a bound, so write < or >=")]
    MeasureEqual,
    #[error("a bound is a number that is not below zero, such as 2, 0.5 or 1e6")]
    NoNumber,
    #[error("this is a time and needs a unit: ns, us, ms or s")]
    NoUnit,
    #[error("{0:?} is no unit of time; there are ns, us, ms and s")]
    UnknownUnit(String),
    #[error("this metric has no unit")]
    NeedlessUnit,
}

/// Letters before the spot.
fn column(text: &str, at: usize) -> usize {
    text.char_indices().take_while(|(index, _)| *index < at).count()
}

impl FromStr for Objective {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = |(at, fault): Wrong| ParseError { text: text.to_owned(), at, fault };
        let mut terms = Vec::new();
        let mut start = 0;
        for part in text.split(',') {
            if terms.len() == TERM_COUNT_MAX {
                return Err(error((start, Fault::TooMany)));
            }
            terms.push(term(part).map_err(|(at, fault)| error((start + at, fault)))?);
            start += part.len() + 1;
        }
        Ok(Self { text: text.to_owned(), terms })
    }
}

impl FromStr for Metric {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        metric(text).map_err(|(at, fault)| ParseError { text: text.to_owned(), at, fault })
    }
}

/// Bytes from the start of the part, and what is wrong there.
type Wrong = (usize, Fault);

fn term(part: &str) -> Result<Term, Wrong> {
    let Some(at) = part.find(['<', '>', '=']) else {
        let end = part.trim_end().len();
        let fault = if end == 0 { Fault::Empty } else { Fault::NoRelation };
        return Err((end, fault));
    };
    let metric = metric(&part[..at])?;
    let (relation, length) = relation(&part[at..]);
    if relation == Relation::Equal && metric.unit() != Unit::Count {
        return Err((at, Fault::MeasureEqual));
    }
    let bound = bound(&part[at + length..], metric.unit());
    let bound = bound.map_err(|(inner, fault)| (at + length + inner, fault))?;
    Ok(Term { text: part.trim().to_owned(), metric, relation, bound })
}

/// What the text, which starts with `<`, `>` or `=`, says first, and in how many bytes.
fn relation(text: &str) -> (Relation, usize) {
    let named = [
        ("<=", Relation::AtMost),
        (">=", Relation::AtLeast),
        ("<", Relation::Below),
        (">", Relation::Above),
        ("=", Relation::Equal),
    ];
    let found = named.iter().find(|(sign, _)| text.starts_with(sign));
    let (sign, relation) = found.expect("the text was cut where one of them stands");
    (*relation, sign.len())
}

fn metric(text: &str) -> Result<Metric, Wrong> {
    let start = text.len() - text.trim_start().len();
    let name = text.trim();
    let (name, since) = match name.split_once('@') {
        None => (name, Since::Schedule),
        Some((name, "send")) => (name, Since::Send),
        Some((name, _)) => return Err((start + name.len(), Fault::UnknownSince)),
    };
    let (first, statistic) = name.split_once('.').unwrap_or((name, ""));
    if let Some(span) = Span::ALL.into_iter().find(|span| span.name() == first) {
        let found = Statistic::ALL.into_iter().find(|known| known.name() == statistic);
        let statistic = found.ok_or((start + first.len(), Fault::UnknownStatistic))?;
        return Ok(Metric::Latency { span, statistic, since });
    }
    let plain = [Metric::Loss, Metric::LossPercent, Metric::Rejected, Metric::SettledPerS, Metric::Cpu];
    let found = plain.into_iter().find(|metric| metric.to_string() == name);
    let metric = found.ok_or_else(|| (start, Fault::UnknownMetric(name.to_owned())))?;
    if since == Since::Send { Err((start + name.len(), Fault::UnknownSince)) } else { Ok(metric) }
}

/// A number with the unit that suits, brought to the metric's.
fn bound(text: &str, unit: Unit) -> Result<f64, Wrong> {
    let start = text.len() - text.trim_start().len();
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == '%').trim_end();
    let suffix = text[digits.len()..].trim_start();
    let suffix_at = start + text.len() - suffix.len();
    let number = digits.parse::<f64>().ok().filter(|number| number.is_finite() && number.is_sign_positive());
    let number = number.ok_or((start, Fault::NoNumber))?;
    let scale = match (unit, suffix) {
        (Unit::Us, "ns") => 0.001,
        (Unit::Us, "us") => 1.0,
        (Unit::Us, "ms") => 1_000.0,
        (Unit::Us, "s") => 1_000_000.0,
        (Unit::Us, "") => return Err((suffix_at, Fault::NoUnit)),
        (Unit::Us, other) => return Err((suffix_at, Fault::UnknownUnit(other.to_owned()))),
        (Unit::Percent, "%") | (Unit::Percent | Unit::Count | Unit::PerS, "") => 1.0,
        _ => return Err((suffix_at, Fault::NeedlessUnit)),
    };
    Ok(number * scale)
}
