//! Telling a real change from noise: two sides, several runs each, and the ratio of their figures with an interval.
//!
//! `compare A B` takes two executables of the authority and runs them in turn, or results that runs left behind. Executables
//! are compared in pairs with the same seed, and so the same payments: what disturbs the machine for longer than a run
//! disturbs both of a pair, and is gone from their ratio. Every other pair begins with B, so that a machine that gets slower
//! and slower blames neither side. Results are compared as two heaps.
//!
//! One engine serves whoever has two sides: a [`Session`] gives two [`Arm`]s their turns, and a [`Comparison`] says what came
//! of it. An arm is anything that measures on demand. [`AuthorityArm`] is a real run, with options of its own and a
//! [`Condition`] of the machine that holds while it runs and is undone behind it: that is where settings of the kernel go,
//! see [`crate::ab::machine`].
//!
//! # The rate of the open loop
//! A run by itself sets its open loop to half of what it found at saturation. A faster side would then have to stand a
//! higher load, and look slower. So each side first has a run that only warms up, and all runs that count have the same rate:
//! half of what the slower side reached, unless `--rate` says another.
//!
//! # When there is a difference
//! The interval of the ratio B/A is Student's t on logarithms: see [`crate::stats`]. With a threshold of 3 % a metric is
//! - `worse` if the whole interval lies beyond it on the bad side: below 0.97 where more is better, above 1.03 where less is;
//! - `better` if it lies beyond it on the good side;
//! - else `no difference seen`, which is conclusive only if the whole interval lies between 0.97 and 1.03. If not, the runs
//!   were too few or too restless to tell, and the table says that.
//!
//! A gated metric that is worse is a regression. Several gates are several chances to be wrong: the confidence of each is
//! raised so that all their intervals hold together in 95 of 100 comparisons (Bonferroni). Metrics that are only shown have
//! 95 % each, by itself.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs` | the command line |
//! | `session.rs`, `arm.rs` | turns, and who takes them |
//! | `files.rs` | results from files |
//! | `report.rs`, `table.rs` | ratios, verdicts, JSON and table |
//! | `notes.rs` | what a reader must know: failures, disturbances, settings that differ |

mod arm;
mod files;
mod notes;
mod options;
mod report;
mod session;
mod table;

#[cfg(test)]
pub(crate) use arm::under;
pub use arm::{AuthorityArm, Condition, measured_base};
pub use files::{RESULT_COUNT_MAX, Source};
pub(crate) use options::{ACCOUNTS, PAYMENTS};
pub use options::{CompareOptions, Paths, Threshold, threshold};
pub use report::{Comparison, Design, Figures, Method, MetricComparison, SideReport, Verdict};
pub use session::{Arm, Block, Measured, Run, Runs, Session, Side, Turn};
pub use table::table;

use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::objective::{Metric, Span, Statistic};
use crate::options::RunOptions;
use std::path::PathBuf;

/// What is always compared.
pub const METRICS: [Metric; 6] = [
    Metric::SettledPerS,
    Metric::Cpu,
    Metric::latency(Span::OrderReceipt, Statistic::P50),
    Metric::latency(Span::OrderReceipt, Statistic::P99),
    Metric::latency(Span::OrderReceipt, Statistic::P99_9),
    Metric::latency(Span::OrderVote, Statistic::P99),
];

/// The sides' short names.
const LABELS: [&str; 2] = ["A", "B"];

/// Compares what the options name. `command` is the command line that repeats it.
///
/// # Errors
/// [`BenchError::Usage`] for paths that are neither executables nor results, or one of each; what ends a run before its
/// report. Failed runs and regressions are in the comparison.
pub fn compare(options: &CompareOptions, command: String) -> Result<Comparison, BenchError> {
    let [a, b] = [&options.a, &options.b].map(Source::find);
    let names = [&options.a, &options.b].map(ToString::to_string);
    let (block, runs) = match (a?, b?) {
        (Source::Executable(a), Source::Executable(b)) => (Some(Block::Pair), take_turns(options, [a, b], &command)?),
        (Source::Results(a), Source::Results(b)) => (None, files::read([&a, &b])?),
        _ => {
            let fault = "one side is an executable and the other a result: compare two of a kind";
            return Err(BenchError::Usage(fault.to_owned()));
        }
    };
    let design = Design { block, labels: LABELS, names, threshold: options.threshold, gates: options.gates() };
    Ok(Comparison::new(command, design, runs))
}

/// Runs two executables in pairs.
fn take_turns(options: &CompareOptions, [a, b]: [PathBuf; 2], command: &str) -> Result<Runs, BenchError> {
    if options.run.authority_binary.is_some() {
        let fault = "--authority-binary: A and B name the executables";
        return Err(BenchError::Usage(fault.to_owned()));
    }
    let base = measured_base(&options.run)?;
    let arm = |name, executable| {
        let options = RunOptions { authority_binary: Some(executable), ..base.clone() };
        AuthorityArm { name, options, command: command.to_owned(), condition: None }
    };
    let (mut a, mut b) = (arm(LABELS[0], a), arm(LABELS[1], b));
    let session = Session {
        block: Block::Pair,
        block_count: usize::from(options.pairs),
        seed: options.run.seed,
        rate_per_s: options.run.rate,
    };
    session.run([&mut a, &mut b], &Interrupt::catch()?)
}

#[cfg(test)]
mod tests;
