//! The command line of `ab`.

use super::knobs::{Knob, knob};
use crate::compare::{ACCOUNTS, PAYMENTS, Threshold, threshold};
use crate::options::RunOptions;
use clap::Args;

/// Options of `ab`.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("payments", |arg| arg.default_value(PAYMENTS)), mut_arg("accounts", |arg| arg.default_value(ACCOUNTS)))]
#[command(mut_arg("no_price", |arg| arg.hide(true)), mut_arg("slo", |arg| arg.hide(true)))]
#[command(mut_arg("phases", |arg| arg.hide(true)), mut_arg("faults", |arg| arg.hide(true)), mut_arg("out", |arg| arg.hide(true)))]
pub struct AbOptions {
    /// The knob: see --list.
    #[arg(value_name = "KNOB", value_parser = knob, required_unless_present = "list")]
    pub knob: Option<Knob>,
    /// Print the knobs and what they are.
    #[arg(long)]
    pub list: bool,
    /// Blocks of four runs: with, without, without, with.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=ROUND_COUNT_MAX))]
    pub rounds: u16,
    /// The smallest effect that matters, in per cent: smaller ones are neither better nor worse.
    #[arg(long, default_value = "3%", value_name = "PERCENT", value_parser = threshold)]
    pub threshold: Threshold,
    /// Of every run, but for what the knob sets.
    #[command(flatten)]
    pub run: RunOptions,
}

/// Fifty blocks take a quarter of an hour or more.
const ROUND_COUNT_MAX: i64 = 50;
