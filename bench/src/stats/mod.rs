//! Whether two sets of runs differ, and by how much: ratios with confidence intervals.
//!
//! Figures of runs are compared as ratios, and everything that disturbs a machine multiplies them: so all is computed on
//! logarithms, where a doubling and a halving weigh the same.
//!
//! The intervals are Student's t on those logarithms: on the differences of pairs where runs come in pairs ([`paired`]), and
//! Welch's where they do not ([`unpaired`]), which does not ask that both sides scatter alike. The other candidate was the
//! bootstrap. With the five to ten runs that anyone has patience for, its percentile interval is too narrow: what is called
//! 95 % covers about 90 %, as would the normal distribution in the place of t. The tests show both, over thousands of draws.
//!
//! | file | what it holds |
//! |---|---|
//! | `student.rs` | Student's t distribution |
//! | `ratio.rs` | intervals of ratios |
//!
//! Nothing here knows what is measured, and nothing is random.

mod ratio;
mod student;
#[cfg(test)]
mod tests;

pub use ratio::{Interval, log_ratio, paired, unpaired};
pub use student::{cumulative, quantile};
