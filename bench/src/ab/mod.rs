//! What one knob is worth: runs with it and without it, in turn.
//!
//! A knob is something that a run or the machine may have or not. `ab KNOB` runs in blocks of with, without, without, with, all
//! of a block with the same payments, and gives the ratio of the figures without to those with, by the engine of
//! [`crate::compare`]: its intervals, its thresholds, its table. A ratio of 0.8 in `settled_per_s` says that without the knob
//! a fifth of the rate is gone.
//!
//! The knobs stand in one table, [`KNOBS`]: what each side changes in the run's options, or which
//! [`Condition`](crate::compare::Condition) it needs. A knob of the kernel or of the NIC is one with a condition on each
//! side: it is applied by a tuning library, the run takes place, and the old value comes back.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs` | the command line |
//! | `knobs.rs` | the table of knobs |

mod knobs;
mod options;

pub use knobs::{KNOBS, Knob, SetKnob, Setting, knob, list};
pub use options::AbOptions;

use crate::compare::{AuthorityArm, Block, Comparison, Design, Session, Side, measured_base};
use crate::cores::Cores;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::locate;
use crate::options::RunOptions;
use serde::Serialize;

/// What a knob is worth. Its JSON form is the comparison with one more field.
#[derive(Clone, Debug, Serialize)]
pub struct Effect {
    /// The knob.
    pub knob: Knob,
    /// `a` with it, `b` without it.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// Measures the knob that the options name. `command` is the command line that repeats it.
///
/// # Errors
/// [`BenchError::Usage`] if no knob is named, or it has no meaning with these options or on this machine; what ends a run
/// before its report. Failed runs are in the effect.
pub fn ab(options: &AbOptions, command: String) -> Result<Effect, BenchError> {
    let knob = options.knob.ok_or_else(|| BenchError::Usage("name a knob; --list names all".to_owned()))?;
    let base = measured_base(&options.run)?;
    let cores = Cores::divide();
    if let Some(fault) = (knob.refusal)(&base, &cores) {
        return Err(BenchError::Usage(format!("{}: {fault}", knob.name)));
    }
    let interrupt = Interrupt::catch()?;
    // Once: a build in the middle of a session would measure two programs.
    let authority_binary = Some(locate::authority(base.authority_binary.as_deref())?);
    let labels = ["with", "without"];
    let arm = |side: Side| {
        let mut options = RunOptions { authority_binary: authority_binary.clone(), ..base.clone() };
        let condition = (knob.set)(Setting::of(side), &mut options, &cores);
        AuthorityArm { name: labels[side as usize], options, command: command.clone(), condition }
    };
    let (mut with, mut without) = (arm(Side::A), arm(Side::B));
    let (block, block_count) = (Block::Abba, usize::from(options.rounds));
    let session = Session { block, block_count, seed: base.seed, rate_per_s: base.rate };
    let runs = session.run([&mut with, &mut without], &interrupt)?;
    let design = Design {
        block: Some(block),
        labels,
        names: [knob.with.to_owned(), knob.without.to_owned()],
        threshold: options.threshold,
        gates: Vec::new(),
    };
    Ok(Effect { knob, comparison: Comparison::new(command, design, runs) })
}

/// The effect as text.
pub fn table(effect: &Effect) -> String {
    let Effect { knob, comparison } = effect;
    format!("{}: {}\n{}", knob.name, knob.what, crate::compare::table(comparison))
}
