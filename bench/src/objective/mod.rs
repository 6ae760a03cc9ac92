//! Objectives: what a run must reach, as text, and whether it did.
//!
//! An objective is a list of terms, divided by commas, which all must be met:
//!
//! ```text
//! order_receipt.p99.9<2ms,loss=0,settled_per_s>=100000,cpu<9us
//! ```
//!
//! A term is a metric, one of `<`, `<=`, `>`, `>=` and `=`, and a bound.
//!
//! | metric | what it is | its bound |
//! |---|---|---|
//! | `order_vote.Q`, `certificate_receipt.Q`, `order_receipt.Q` | latency from the schedule in the open loop; Q is `p50`, `p90`, `p99`, `p99.9` or `max` | a time |
//! | the same with `@send` behind it | the same latency from the send: what the wait for a late generator hides | a time |
//! | `loss`, `rejected` | payments of the whole run | a number |
//! | `loss%` | lost payments of 100 | a number, with or without `%` |
//! | `settled_per_s` | settled payments per second at saturation | a number |
//! | `cpu` | processor time of the authorities per settled payment, at saturation | a time |
//!
//! A time has a unit, `ns`, `us`, `ms` or `s`: a bare number is refused, since it would be guessed wrong. `=` is for counts.
//!
//! What a report does not have is not measured, and a quantile with fewer than [`SAMPLES_BEYOND_MIN`] samples beyond it is not
//! known: 99.9 % of 1,000 payments is a word about one payment. Neither is met.
//!
//! | file | what it holds |
//! |---|---|
//! | `metric.rs` | names, units, and where a figure stands in a report |
//! | `parse.rs` | from text to terms, and what is wrong with a text |
//! | `judge.rs` | terms against a report |

mod judge;
mod metric;
mod parse;
#[cfg(test)]
mod tests;

pub use judge::{Judged, Judgement, TermJudgement};
pub use metric::{Metric, SAMPLES_BEYOND_MIN, Since, Span, Statistic, Unit, Unmeasured};
pub use parse::{Fault, ParseError};

use core::fmt;

/// Terms in one objective, at most: more than there are metrics.
pub const TERM_COUNT_MAX: usize = 64;

/// What a run must reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    text: String,
    terms: Vec<Term>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// As it was written.
    pub text: String,
    /// What is compared.
    pub metric: Metric,
    /// How.
    pub relation: Relation,
    /// With what, in the metric's [`Unit`].
    pub bound: f64,
}

/// How a figure must stand to its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `=`
    Equal,
}

impl Relation {
    /// Whether the figure stands so to the bound.
    #[expect(clippy::float_cmp, reason = "only counts are compared for equality, and they are whole")]
    pub fn holds(self, figure: f64, bound: f64) -> bool {
        match self {
            Self::Below => figure < bound,
            Self::AtMost => figure <= bound,
            Self::Above => figure > bound,
            Self::AtLeast => figure >= bound,
            Self::Equal => figure == bound,
        }
    }
}

impl Objective {
    /// The conditions, as they were written: one at least.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }
}

/// As it was written.
impl fmt::Display for Objective {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}
