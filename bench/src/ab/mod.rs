//! What one knob is worth: runs with it and without it, in turn.
//!
//! A knob is something that a run or the machine may have or not. `ab KNOB` runs in blocks of with, without, without, with, all
//! of a block with the same payments, and gives the ratio of the figures without to those with, by the engine of
//! [`crate::compare`]: its intervals, its thresholds, its table. A ratio of 0.8 in `settled_per_s` says that without the knob
//! a fifth of the rate is gone.
//!
//! The knobs of a run stand in one table, [`KNOBS`]: what each side changes in the run's options, or which
//! [`Condition`] it needs. Those of the machine are the tuning library's (`ab tune:NAME`), each side under a
//! condition: A is the machine as it is, B the machine with the knob applied, and the ratio is that of the figures with it to
//! those without. See [`machine`].
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs` | the command line |
//! | `knobs.rs` | the table of knobs of a run |
//! | `machine/` | a knob of the machine: found, set, set back |

mod knobs;
pub mod machine;
mod options;

pub use knobs::{KNOBS, Knob, SetKnob, Setting, knob};
pub use options::{AbOptions, Chosen, list};

use crate::compare::{AuthorityArm, Block, Comparison, Condition, Design, Session, Side, measured_base};
use crate::cores::Cores;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::locate;
use crate::options::RunOptions;
use machine::Drifting;
use options::MACHINE_PREFIX;
use quittance_tuning::apply::Applied;
use quittance_tuning::{Kind, Profile, report};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// What a knob is worth. Its JSON form is the comparison with one more field.
#[derive(Clone, Debug, Serialize)]
pub struct Effect {
    /// The knob.
    pub knob: Turned,
    /// `a` with a run's knob and `b` without; `a` the machine as it is and `b` tuned.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// The knob that was turned.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Turned {
    /// Of the run.
    OfRun(Knob),
    /// Of the machine.
    OfMachine(MachineKnob),
}

/// A knob of the machine, as it was turned.
#[derive(Clone, Debug, Serialize)]
pub struct MachineKnob {
    /// Its name on the command line.
    pub name: String,
    /// What it is.
    pub what: &'static str,
    /// What the machine is tuned for.
    pub profile: Profile,
    /// Whose values were changed, each with the old one and the new, as `quittance-tune apply --json` has them.
    pub changes: Vec<Applied>,
}

/// Both sides, A first.
struct Sides {
    knob: Turned,
    labels: [&'static str; 2],
    names: [String; 2],
    options: [RunOptions; 2],
    conditions: [Option<Box<dyn Condition>>; 2],
}

/// Measures the knob that the options name. `command` is the command line that repeats it.
///
/// # Errors
/// [`BenchError::Usage`] if no knob is named, or it has no meaning with these options or on this machine;
/// [`BenchError::Knob`]; what ends a run before its report. Failed runs are in the effect.
pub fn ab(options: &AbOptions, command: String) -> Result<Effect, BenchError> {
    let chosen = options.knob.ok_or_else(|| BenchError::Usage("name a knob; --list names all".to_owned()))?;
    let base = measured_base(&options.run)?;
    match chosen {
        Chosen::OfRun(knob) => {
            let cores = usable(&knob, options, &base)?;
            measure(options, command, &base, |base| Ok(sides_of_run(knob, base, &cores)))
        }
        Chosen::OfMachine(kind) => {
            let profile = options.profile.unwrap_or_default();
            let drifting = Drifting::find(Path::new("/"), kind, profile).map_err(BenchError::Knob)?;
            measure(options, command, &base, |base| sides_of_machine(kind, profile, drifting, base))
        }
    }
}

/// The cores of the runs, if the knob has a meaning there.
fn usable(knob: &Knob, options: &AbOptions, base: &RunOptions) -> Result<Cores, BenchError> {
    let cores = Cores::divide();
    let stray = options.profile.is_some().then_some("a run has no profile; --profile goes with tune:NAME");
    match stray.or_else(|| (knob.refusal)(base, &cores)) {
        Some(fault) => Err(BenchError::Usage(format!("{}: {fault}", knob.name))),
        None => Ok(cores),
    }
}

fn sides_of_run(knob: Knob, base: &RunOptions, cores: &Cores) -> Sides {
    let mut options = [base.clone(), base.clone()];
    let conditions = Side::BOTH.map(|side| (knob.set)(Setting::of(side), &mut options[side as usize], cores));
    let names = [knob.with.to_owned(), knob.without.to_owned()];
    Sides { knob: Turned::OfRun(knob), labels: ["with", "without"], names, options, conditions }
}

fn sides_of_machine(
    kind: &'static Kind,
    profile: Profile,
    drifting: Drifting,
    base: &RunOptions,
) -> Result<Sides, BenchError> {
    let rehearsed = Arc::new(drifting.rehearse().map_err(BenchError::Knob)?);
    let changes = rehearsed.changes.clone();
    let knob = MachineKnob { name: format!("{MACHINE_PREFIX}{}", kind.name), what: kind.what, profile, changes };
    Ok(Sides {
        knob: Turned::OfMachine(knob),
        labels: ["as is", "tuned"],
        names: rehearsed.names(),
        options: [base.clone(), base.clone()],
        conditions: rehearsed.conditions(),
    })
}

/// Gives both sides their turns. They are made when signals are caught already: what a condition changes is set back then
/// whatever comes.
fn measure(
    options: &AbOptions,
    command: String,
    base: &RunOptions,
    sides: impl FnOnce(&RunOptions) -> Result<Sides, BenchError>,
) -> Result<Effect, BenchError> {
    let interrupt = Interrupt::catch()?;
    // Once: a build in the middle of a session would measure two programs.
    let authority_binary = Some(locate::authority(base.authority_binary.as_deref())?);
    let base = RunOptions { authority_binary, ..base.clone() };
    let Sides { knob, labels, names, options: [of_a, of_b], conditions: [on_a, on_b] } = sides(&base)?;
    let mut a = AuthorityArm { name: labels[0], options: of_a, command: command.clone(), condition: on_a };
    let mut b = AuthorityArm { name: labels[1], options: of_b, command: command.clone(), condition: on_b };
    let (block, block_count) = (Block::Abba, usize::from(options.rounds));
    let session = Session { block, block_count, seed: base.seed, rate_per_s: base.rate };
    let runs = session.run([&mut a, &mut b], &interrupt)?;
    let design = Design { block: Some(block), labels, names, threshold: options.threshold, gates: Vec::new() };
    Ok(Effect { knob, comparison: Comparison::new(command, design, runs) })
}

/// The effect as text.
pub fn table(effect: &Effect) -> String {
    let Effect { knob, comparison } = effect;
    let head = match knob {
        Turned::OfRun(Knob { name, what, .. }) => format!("{name}: {what}\n"),
        Turned::OfMachine(MachineKnob { name, what, changes, .. }) => {
            format!("{name}: {what}\n{}", report::applied_text(changes))
        }
    };
    format!("{head}{}", crate::compare::table(comparison))
}
