//! Turns: who runs when, with which seed, at which rate.

use super::notes;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::objective::Metric;
use serde::Serialize;
use serde_json::Value;

/// One of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// What is compared with; the knob as it is meant.
    A,
    /// What is new; without the knob.
    B,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];
}

/// Runs that stand side by side and give one ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// Two runs. Every other pair begins with B: over two pairs a steady drift of the machine cancels.
    Pair,
    /// A, B, B, A: a steady drift cancels within the block.
    Abba,
}

impl Block {
    /// Who runs in block `block_index`, in order.
    pub const fn order(self, block_index: usize) -> &'static [Side] {
        match self {
            Self::Pair if block_index.is_multiple_of(2) => &[Side::A, Side::B],
            Self::Pair => &[Side::B, Side::A],
            Self::Abba => &[Side::A, Side::B, Side::B, Side::A],
        }
    }

    /// How it is done, for a person.
    pub const fn described(self) -> &'static str {
        match self {
            Self::Pair => "runs in pairs, in turn AB and BA",
            Self::Abba => "runs in blocks of ABBA",
        }
    }
}

/// What an arm is told for one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Fixes the payments: the same for both sides of a block.
    pub seed: u64,
    /// The rate of the open loop; none: half of what this run finds.
    pub rate_per_s: Option<u64>,
}

/// What an arm measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The run's report as JSON.
    pub report: Value,
    /// What went wrong, one sentence each.
    pub failures: Vec<String>,
}

/// One side: whatever can measure on demand.
pub trait Arm {
    /// For a person.
    fn name(&self) -> &str;

    /// Runs once.
    ///
    /// # Errors
    /// What ends a run before its report. Failed payments are in what was measured.
    fn measure(&mut self, turn: &Turn) -> Result<Measured, BenchError>;
}

/// A run that counts.
#[derive(Clone, Debug)]
pub struct Run {
    /// Whose.
    pub side: Side,
    /// The block it belongs to, from 0.
    pub block_index: usize,
    /// Its report.
    pub report: Value,
}

/// All runs of a session.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// The rate of all open loops, if it was set.
    pub rate_per_s: Option<u64>,
    /// Those that count, in order of time.
    pub runs: Vec<Run>,
    /// What went wrong. The first run that failed is the last.
    pub failures: Vec<String>,
}

/// The plan of a session.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// What a block is.
    pub block: Block,
    /// Blocks.
    pub block_count: usize,
    /// The first block's seed; each has the next.
    pub seed: u64,
    /// The rate of all open loops; none: found by a run of each side that does not count.
    pub rate_per_s: Option<u64>,
}

impl Session {
    /// Gives both arms, A first, their turns, and says on standard error how it goes. Ends early when a run fails: what is lost
    /// or refused is no figure to compare.
    ///
    /// # Errors
    /// What the arms say; [`BenchError::Interrupted`].
    pub fn run(&self, mut arms: [&mut dyn Arm; 2], interrupt: &Interrupt) -> Result<Runs, BenchError> {
        let mut runs = Runs { rate_per_s: self.rate_per_s, ..Runs::default() };
        if runs.rate_per_s.is_none() {
            self.rehearse(&mut arms, &mut runs, interrupt)?;
        }
        let count = self.block_count * self.block.order(0).len();
        for block_index in 0..self.block_count {
            for side in self.block.order(block_index) {
                if !runs.failures.is_empty() {
                    return Ok(runs);
                }
                interrupt.check()?;
                let turn = Turn { seed: self.seed.wrapping_add(block_index as u64), rate_per_s: runs.rate_per_s };
                let what = format!("run {} of {count}", runs.runs.len() + 1);
                let Measured { report, failures } = taken(arms[*side as usize], &turn, &what)?;
                runs.failures = failures;
                runs.runs.push(Run { side: *side, block_index, report });
            }
        }
        Ok(runs)
    }

    /// One run of each that warms up, and tells what both can stand.
    fn rehearse(&self, arms: &mut [&mut dyn Arm; 2], runs: &mut Runs, interrupt: &Interrupt) -> Result<(), BenchError> {
        let mut lowest = f64::INFINITY;
        for arm in arms {
            interrupt.check()?;
            let turn = Turn { seed: self.seed, rate_per_s: None };
            let Measured { report, failures } = taken(*arm, &turn, "a run to warm up")?;
            runs.failures.extend(failures);
            lowest = lowest.min(Metric::SettledPerS.measure(&report).unwrap_or(0.0));
        }
        runs.rate_per_s = Some(half(lowest));
        eprintln!("all open loops from now on at {} payments per second", half(lowest));
        Ok(())
    }
}

/// One run, and what to say of it.
fn taken(arm: &mut dyn Arm, turn: &Turn, what: &str) -> Result<Measured, BenchError> {
    let mut measured = arm.measure(turn)?;
    let said = format!("{what} ({})", arm.name());
    eprintln!("{said}: {}", notes::headline(&measured.report));
    notes::warnings(&measured.report).iter().for_each(|warning| eprintln!("{said}: {warning}"));
    measured.failures.iter_mut().for_each(|failure| *failure = format!("{said}: {failure}"));
    Ok(measured)
}

/// At least 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is positive and far below 2^53")]
fn half(rate: f64) -> u64 {
    (rate / 2.0).max(1.0) as u64
}
