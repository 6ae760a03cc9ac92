//! Setting what a profile wants: written down, written, read back, written down.

use rustix::io::Errno;
use serde::Serialize;

use crate::changes::{Event, Journal, JournalError};
use crate::controls::{ControlError, Controls, Place};
use crate::glob::Selection;
use crate::knob::{Knob, State};
use crate::notation::Notation;
use crate::stage::STAGES;
use crate::survey::Ground;

/// What came of one knob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// The knob's name.
    pub knob: String,
    /// Whose it is.
    pub target: String,
    /// What was there, decoded.
    pub old: Option<String>,
    /// What was wanted, decoded.
    pub new: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "detail", rename_all = "snake_case")]
pub enum Outcome {
    /// It is so, by what was read back.
    Changed,
    /// It was so already.
    AlreadySo,
    /// The kernel took it and kept this value instead.
    DidNotStick(String),
    /// It cannot be moved. Says why; no fault.
    Immovable(String),
    /// The right to change it is missing.
    NotPermitted(String),
    /// It was there when the machine was looked at, and is no longer.
    Gone,
    /// The kernel refused or failed.
    Failed(String),
}

/// Applies every chosen knob that drifts, stage by stage; each stage is looked at when its turn comes, for the ones
/// before may have changed what there is. What one knob comes to does not stop the next.
///
/// # Errors
/// [`JournalError`]: the journal could not be written. Nothing was changed after that.
pub fn apply(
    ground: &Ground<'_>,
    selection: &Selection,
    journal: &mut Journal<'_>,
    run: u64,
) -> Result<Vec<Applied>, JournalError> {
    let mut applied = Vec::new();
    for stage in STAGES {
        let drifting = ground.survey_stage(stage, selection).into_iter().filter(|knob| knob.state == State::Drift);
        for knob in drifting {
            applied.push(apply_knob(ground.controls, &knob, journal, run)?);
        }
    }
    journal.append(Event::Ended { run })?;
    Ok(applied)
}

fn apply_knob(
    controls: Controls<'_>,
    knob: &Knob,
    journal: &mut Journal<'_>,
    run: u64,
) -> Result<Applied, JournalError> {
    let place = knob.place.clone().expect("what drifts is kept somewhere");
    let wanted = knob.wanted.clone().expect("what drifts is wanted otherwise");
    let notation = knob.notation();
    let applied = |old: Option<String>, outcome| Applied {
        knob: knob.kind.name.to_owned(),
        target: knob.target.to_string(),
        old,
        new: wanted.clone(),
        outcome,
    };
    let old = match controls.read(&place) {
        Ok(reading) => written(notation, &reading.text),
        Err(error) => return Ok(applied(None, refusal(&error, knob))),
    };
    let shown = Some(notation.decode(&old));
    if is_reached(knob, &old, &wanted) {
        return Ok(applied(shown, Outcome::AlreadySo));
    }
    let new = notation.encode(&wanted);
    let intent = journal.append(Event::Intent {
        run,
        knob: knob.kind.name.to_owned(),
        target: knob.target.to_string(),
        place: place.clone(),
        notation,
        old,
        new: new.clone(),
        undoes_from: None,
    })?;
    match write_and_read(controls, &place, notation, &new) {
        Ok(read_back) => {
            let outcome = if is_reached(knob, &read_back, &wanted) {
                Outcome::Changed
            } else {
                Outcome::DidNotStick(notation.decode(&read_back))
            };
            journal.append(Event::Done { intent, read_back })?;
            Ok(applied(shown, outcome))
        }
        Err(error) => {
            let outcome = refusal(&error, knob);
            let is_final = matches!(outcome, Outcome::Immovable(_));
            journal.append(Event::Refused { intent, reason: error.to_string(), is_final })?;
            Ok(applied(shown, outcome))
        }
    }
}

/// Writes a value and returns what is there afterwards, as it would be written.
pub(crate) fn write_and_read(
    controls: Controls<'_>,
    place: &Place,
    notation: Notation,
    text: &str,
) -> Result<String, ControlError> {
    controls.write(place, text)?;
    Ok(written(notation, &controls.read(place)?.text))
}

/// The text that would set what was read: of a choice the chosen word alone.
pub(crate) fn written(notation: Notation, text: &str) -> String {
    if notation == Notation::Choice { notation.decode(text) } else { text.to_owned() }
}

fn is_reached(knob: &Knob, text: &str, wanted: &str) -> bool {
    let is = knob.notation().decode(text);
    let numbers = || Some((is.parse::<u64>().ok()?, wanted.parse::<u64>().ok()?));
    is == wanted || knob.is_least && numbers().is_some_and(|(is, wanted)| is >= wanted)
}

/// Each refusal in words of its own.
fn refusal(error: &ControlError, knob: &Knob) -> Outcome {
    let Some((errno, words)) = error.errno_and_words() else {
        let is_fixed = *error == ControlError::Fixed;
        return if is_fixed { Outcome::Immovable("the driver holds it fixed".to_owned()) } else { Outcome::Gone };
    };
    match errno {
        // The first is the answer of older kernels; who lacks the right is not let open the file at all.
        Errno::IO | Errno::PERM if knob.stage == "irq" => {
            Outcome::Immovable(format!("the kernel keeps this interrupt where it is: {words}"))
        }
        Errno::PERM | Errno::ACCESS => {
            Outcome::NotPermitted(format!("{words}; run as root, outside any container that withholds it"))
        }
        Errno::ROFS => Outcome::NotPermitted(format!("{words}; a container sees it so: run outside")),
        Errno::BUSY => Outcome::Failed(format!("{words}; something is using it: try again without that")),
        Errno::INVAL => Outcome::Failed(format!("{words}; this kernel or driver does not take the value")),
        _ => Outcome::Failed(words),
    }
}

impl Outcome {
    /// Whether it counts as a fault of the run.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::DidNotStick(_) | Self::Failed(_) | Self::Gone)
    }
}
