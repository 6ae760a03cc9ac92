//! Options of the measurement of signature checks.

use super::rounds;
use crate::verify::{ROUNDS, ROUNDS_QUICK};
use clap::Args;

/// Options of `verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyOptions {
    /// The core to run on [default: the first that authorities get].
    #[arg(long, value_name = "N")]
    pub core: Option<usize>,
    /// Rounds behind each figure [default: 81, about 25 s; with --quick 5].
    #[arg(long, value_name = "N", value_parser = rounds)]
    pub rounds: Option<usize>,
    /// A smoke run: few rounds of short turns. Its figures are rough.
    #[arg(long)]
    pub quick: bool,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
}

impl VerifyOptions {
    /// Rounds asked for, or those of this kind of run.
    pub fn rounds_used(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { ROUNDS_QUICK } else { ROUNDS })
    }
}
