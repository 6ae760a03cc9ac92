//! The highest rate that meets an objective, with the interval in which it lies.
//!
//! Each rate is tried on a committee that is started for it, open loop, with a warm-up before; payments lost at one rate cannot
//! spoil the next. A late generator makes latencies from the schedule longer, never shorter: so a rate that meets the objective
//! meets it, and if one is missed at which the generator was late, the report says that it may have set the limit.
//!
//! | file | what it holds |
//! |---|---|
//! | `search.rs` | which rate is tried next, and what all trials say |
//! | `trial.rs` | one rate, tried |
//! | `options.rs`, `table.rs` | the command line; what was found, as text |

mod options;
pub mod search;
mod table;
mod trial;

pub use options::SweepOptions;
pub use table::table;

use crate::error::BenchError;
use crate::output::claim;
use crate::output::sweep_file::{Knee, SWEEP_SCHEMA, Sweep, SweepPoint};
use crate::page;
use search::{Aim, Search};

/// Searches. `command` is the command line that repeats it.
///
/// # Errors
/// What ends any of its runs.
pub fn sweep(options: &SweepOptions, command: String) -> Result<Sweep, BenchError> {
    check(options)?;
    let out = options.run.output.out.as_deref();
    out.map(claim).transpose().map_err(BenchError::Output)?;
    let mut search = Search::new(Aim {
        first_rate: options.first_rate,
        rate_max: options.rate_max,
        fineness: 1.0 + f64::from(options.fineness) / 100.0,
        search_count: options.searches as usize,
    });
    let mut points = Vec::new();
    while let Some(rate_per_s) = search.next_rate() {
        let place = (points.len(), search.round());
        eprintln!("trial {} (search {} of {}): {rate_per_s} per second", place.0 + 1, place.1 + 1, options.searches);
        let point = trial::trial(options, rate_per_s, place)?;
        eprintln!("{}", table::line(&point));
        search.learn(point.met);
        points.push(point);
    }
    let found = search.knee().expect("every search has ended");
    let knee = (found.median > 0).then(|| Knee::of(&found));
    let sweep = Sweep {
        schema: SWEEP_SCHEMA,
        command,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        objective: options.objective.to_string(),
        generator_limited: is_generator_limited(&points),
        knee,
        points,
    };
    if let Some(folder) = out {
        sweep.write(folder).map_err(BenchError::Output)?;
        eprintln!("results are in {}", page::write(folder).map_err(BenchError::Output)?.display());
    }
    Ok(sweep)
}

/// What a search sets by itself.
fn check(options: &SweepOptions) -> Result<(), BenchError> {
    let run = &options.run;
    let set = [("--phase", !run.phases.is_empty()), ("--rate", run.rate.is_some()), ("--slo", run.slo.is_some())];
    match set.into_iter().find(|(_, is_set)| *is_set) {
        Some((name, _)) => {
            Err(BenchError::Usage(format!("a sweep sets {name} itself; see its --first-rate and --objective")))
        }
        None => Ok(()),
    }
}

/// Whether in any search the lowest rate that was missed was missed because the generator was late.
fn is_generator_limited(points: &[SweepPoint]) -> bool {
    let missed = |search: u32| points.iter().filter(move |point| point.repeat_index == search && !point.met);
    let searches = points.last().map_or(0, |point| point.repeat_index + 1);
    (0..searches).any(|search| missed(search).min_by_key(|point| point.rate_per_s).is_some_and(|point| !point.valid))
}
