//! Runs a scenario under many schedules: orders in which its threads come to act.
//!
//! Half of them are drawn step by step, which mixes threads finely; half by priorities that change three times (PCT), which
//! finds what needs one thread to stand still for long. Both are drawn from a seed, so that `cargo test` does the same each
//! time; shuttle prints the schedule that failed.
//!
//! A longer run, with other schedules each time:
//!
//! ```text
//! QUITTANCE_SCHEDULES=20000 QUITTANCE_SCHEDULE_SEED=$RANDOM \
//!     cargo test -p quittance-engine --bin quittance-authority schedules -- --nocapture
//! ```
//!
//! On two cores (AMD EPYC) shared with other work, with 5,000 of each kind: 24 s for 100,000 schedules of the code as it
//! is, and those of the planted mistakes. The 1,000 of each kind that `cargo test` tries take 7 s.

pub(crate) use super::instrumented::{Sleep, hasty, point};
pub(crate) use shuttle::thread::{spawn, yield_now};

use super::instrumented::nobody_is_hasty;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Schedules of each kind, if `QUITTANCE_SCHEDULES` does not say.
const SCHEDULES: usize = 1_000;

/// What they are drawn from, if `QUITTANCE_SCHEDULE_SEED` does not say.
const SEED: u64 = 0x7175_6974;

/// Changes of priority in one schedule of the second kind.
const PRIORITY_CHANGES: usize = 3;

/// A schedule with more steps has threads that wait for each other without sleeping. The longest of a good one are a few
/// thousand.
const STEPS_MAX: usize = 60_000;

/// The scenario ends well under every schedule that is tried.
pub(crate) fn holds(scenario: impl Fn() + Send + Sync + 'static) {
    let scenario = Arc::new(scenario);
    let (count, seed) = (number("QUITTANCE_SCHEDULES", SCHEDULES), number("QUITTANCE_SCHEDULE_SEED", SEED));
    eprintln!("{count} schedules of each kind, drawn from {seed}");
    run(&scenario, count, seed, FailurePersistence::Print);
}

/// Some schedule shows the mistake that was planted, by a failure that says `what`.
pub(crate) fn finds(what: &str, scenario: impl Fn() + Send + Sync + 'static) {
    let scenario = Arc::new(scenario);
    let found = catch_unwind(AssertUnwindSafe(|| run(&scenario, SCHEDULES, SEED, FailurePersistence::None)));
    let failure = found.expect_err("the planted mistake was not found");
    let message = failure.downcast_ref::<String>().map(String::as_str).or_else(|| failure.downcast_ref().copied());
    let message = message.expect("a panic has a message");
    assert!(message.contains(what), "another failure than that of the planted mistake: {message}");
}

fn number<N: std::str::FromStr>(name: &str, otherwise: N) -> N {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().ok().expect("a number"))
}

fn run(scenario: &Arc<impl Fn() + Send + Sync + 'static>, count: usize, seed: u64, persistence: FailurePersistence) {
    run_with(scenario, RandomScheduler::new_from_seed(seed, count), persistence.clone());
    run_with(scenario, PctScheduler::new_from_seed(seed, PRIORITY_CHANGES, count), persistence);
}

fn run_with(
    scenario: &Arc<impl Fn() + Send + Sync + 'static>,
    scheduler: impl Scheduler + 'static,
    persistence: FailurePersistence,
) {
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    config.failure_persistence = persistence;
    // All orders are taken for the strongest: the room's docs say so.
    config.silence_warnings = true;
    let scenario = Arc::clone(scenario);
    Runner::new(scheduler, config).run(move || {
        nobody_is_hasty();
        scenario();
    });
}
