//! The command line of `sweep`.

use crate::limits::RATE_PER_S_MAX;
use crate::objective::Objective;
use crate::options::RunOptions;
use clap::Args;

/// Most searches of one sweep.
const SEARCH_COUNT_MAX: i64 = 25;
/// The longest trial, or warm-up, in milliseconds: one minute.
const TRIAL_MS_MAX: u64 = 60_000;

/// Options of `sweep`.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("payments", |arg| arg.hide(true)), mut_arg("rate", |arg| arg.hide(true)), mut_arg("slo", |arg| arg.hide(true)))]
#[command(mut_arg("phases", |arg| arg.hide(true)), mut_arg("faults", |arg| arg.hide(true)), mut_arg("window", |arg| arg.hide(true)))]
#[command(mut_arg("no_price", |arg| arg.hide(true)), mut_arg("warm_up", |arg| arg.hide(true)), mut_arg("strict", |arg| arg.hide(true)))]
pub struct SweepOptions {
    /// What a rate must reach, as `run --slo` takes it.
    #[arg(long, default_value = "order_receipt.p99<10ms,loss=0", value_name = "OBJECTIVE")]
    pub objective: Objective,
    /// Searches, one after the other: their median is the answer, the smallest and the largest of them the interval.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=SEARCH_COUNT_MAX))]
    pub searches: u32,
    /// A search ends where a rate that is met and one that is missed differ by less than this, in percent.
    #[arg(long, default_value_t = 5, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=50))]
    pub fineness: u8,
    /// The first rate tried, in payments per second.
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=RATE_PER_S_MAX))]
    pub first_rate: u64,
    /// No rate beyond this is tried.
    #[arg(long, default_value_t = 400_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=RATE_PER_S_MAX))]
    pub rate_max: u64,
    /// How long a rate is measured.
    #[arg(long, default_value_t = 2_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(100..=TRIAL_MS_MAX))]
    pub trial_ms: u64,
    /// How long it is offered before that, unmeasured.
    #[arg(long, default_value_t = 500, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=TRIAL_MS_MAX))]
    pub warm_up_ms: u64,
    /// All else is as for `run`.
    #[command(flatten)]
    pub run: RunOptions,
}
