//! Setting back what was there before, where ours still stands.

use rustix::io::Errno;
use serde::Serialize;

use crate::apply::{write_and_read, written};
use crate::changes::{Event, Journal, JournalError, Outstanding, outstanding};
use crate::controls::{ControlError, Controls};

/// What came of one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// The knob's name.
    pub knob: String,
    /// Whose it is.
    pub target: String,
    /// What was there before our changes, decoded.
    pub before: String,
    /// What came of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// What came of undoing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "detail", rename_all = "snake_case")]
pub enum Fate {
    /// Set back, by what was read.
    Restored,
    /// It had its old value already.
    AlreadySo,
    /// Another has set this value since; it stays, and is no longer ours to undo.
    ChangedByOthers(String),
    /// The kernel took the old value and kept this one.
    DidNotStick(String),
    /// The setting, or its device, is gone; it may come back, and can be undone then.
    Gone,
    /// The right to change it is missing.
    NotPermitted(String),
    /// The kernel refused or failed.
    Failed(String),
}

/// On which boot, in which namespace, and from which change on.
#[derive(Clone, Copy, Debug)]
pub struct Extent<'a> {
    /// The kernel's number for this boot.
    pub boot_id: Option<&'a str>,
    /// The network namespace.
    pub netns: Option<&'a str>,
    /// The first change that is undone; 0 for all.
    pub from: u64,
}

/// Undoes the changes of that extent, the latest first. What one place comes to does not stop the next.
///
/// # Errors
/// [`JournalError`]: the journal could not be written. Nothing was changed after that.
pub fn rollback(
    controls: Controls<'_>,
    journal: &mut Journal<'_>,
    run: u64,
    extent: Extent<'_>,
) -> Result<Vec<Undone>, JournalError> {
    let standing = outstanding(journal.records(), extent.boot_id, extent.netns, extent.from);
    let mut undone = Vec::new();
    for place in standing {
        let fate = undo(controls, &place, journal, run)?;
        let before = place.notation.decode(&place.restore);
        undone.push(Undone { knob: place.knob, target: place.target, before, fate });
    }
    journal.append(Event::Ended { run })?;
    Ok(undone)
}

fn undo(
    controls: Controls<'_>,
    place: &Outstanding,
    journal: &mut Journal<'_>,
    run: u64,
) -> Result<Fate, JournalError> {
    let Outstanding { notation, restore, .. } = place;
    let current = match controls.read(&place.place) {
        Ok(reading) => written(*notation, &reading.text),
        Err(error) => return Ok(fate_of(&error)),
    };
    if notation.same(&current, restore) {
        journal.append(settled(place, run, None))?;
        return Ok(Fate::AlreadySo);
    }
    if !place.ours.iter().any(|ours| notation.same(ours, &current)) {
        let found = notation.decode(&current);
        journal.append(settled(place, run, Some(current)))?;
        return Ok(Fate::ChangedByOthers(found));
    }
    let intent = journal.append(Event::Intent {
        run,
        knob: place.knob.clone(),
        target: place.target.clone(),
        place: place.place.clone(),
        notation: *notation,
        old: current,
        new: restore.clone(),
        undoes_from: Some(place.undoes_from),
    })?;
    match write_and_read(controls, &place.place, *notation, restore) {
        Ok(read_back) => {
            let sticks = notation.same(&read_back, restore);
            let found = notation.decode(&read_back);
            journal.append(Event::Done { intent, read_back })?;
            Ok(if sticks { Fate::Restored } else { Fate::DidNotStick(found) })
        }
        Err(error) => {
            journal.append(Event::Refused { intent, reason: error.to_string(), is_final: false })?;
            Ok(fate_of(&error))
        }
    }
}

fn settled(place: &Outstanding, run: u64, found: Option<String>) -> Event {
    Event::Settled {
        run,
        knob: place.knob.clone(),
        target: place.target.clone(),
        place: place.place.clone(),
        undoes_from: place.undoes_from,
        found,
    }
}

fn fate_of(error: &ControlError) -> Fate {
    match error.errno_and_words() {
        None if *error == ControlError::Fixed => Fate::Failed("the driver holds it fixed".to_owned()),
        None => Fate::Gone,
        Some((Errno::PERM | Errno::ACCESS | Errno::ROFS, words)) => {
            Fate::NotPermitted(format!("{words}; run as root, outside any container that withholds it"))
        }
        Some((_, words)) => Fate::Failed(words),
    }
}
