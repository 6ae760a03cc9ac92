//! Knobs of the machine, as `quittance-tune` has them: turned for the runs of one side, and turned back behind each.
//!
//! A is the machine as it is, B the machine with one knob applied: all its targets, by the tuning library, every write between
//! two synced lines of a journal. Before the first run it is set and set back once, so that a missing right or a value that
//! does not stick is known before anything is measured. From then on neither side believes anything: before a run of A the
//! old values are read, a run of B has to find the same values to change, and has to find its own when it sets them back.
//! Whoever else turns the knob meanwhile ends the session.
//!
//! | file | what it holds |
//! |---|---|
//! | `error.rs` | why a knob was not turned |
//! | `state.rs` | the folder of the journal of changes |

mod error;
mod state;
#[cfg(test)]
mod tests;

pub use error::KnobError;

use crate::compare::Condition;
use crate::error::BenchError;
use quittance_tuning::apply::{Applied, Outcome, apply};
use quittance_tuning::changes::{Act, Journal, JournalError, Opening};
use quittance_tuning::rollback::{Extent, Fate, Undone, rollback};
use quittance_tuning::{Ground, Host, Kind, Knob, Profile, Selection, State, report};
use state::StateFolder;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// More values than these are counted in a side's name.
const VALUES_NAMED_MAX: usize = 4;

/// A knob that some profile would turn on this machine.
#[derive(Clone, Debug)]
pub struct Drifting {
    kind: &'static Kind,
    profile: Profile,
    root: PathBuf,
}

/// A knob that was set and set back, and can be again.
#[derive(Debug)]
pub struct Rehearsed {
    drifting: Drifting,
    state: StateFolder,
    /// What came of it: the old values and the new.
    pub changes: Vec<Applied>,
}

impl Drifting {
    /// Looks at the machine below `root`: `/` for this one. Writes nothing.
    ///
    /// # Errors
    /// [`KnobError::Pointless`] where there is nothing to turn: as wanted already, absent, a matter of the boot line, owned by
    /// another program. [`KnobError::Sysroot`].
    pub fn find(root: &Path, kind: &'static Kind, profile: Profile) -> Result<Self, KnobError> {
        let drifting = Self { kind, profile, root: root.to_owned() };
        let host = drifting.host()?;
        let knobs = drifting.ground(&host).survey(&drifting.selection());
        match pointless(profile, &knobs) {
            Some(reason) => Err(KnobError::Pointless { knob: kind.name, reason }),
            None => Ok(drifting),
        }
    }

    /// Sets the knob and sets it back once; says on standard error how to undo it if this process is killed, before anything is
    /// written.
    ///
    /// # Errors
    /// [`KnobError`].
    pub fn rehearse(self) -> Result<Rehearsed, KnobError> {
        let state = StateFolder::new(self.host()?.boot_id())?;
        eprintln!(
            "{} is set for the runs that are to have it and set back behind each; should this process be killed, \
             `quittance-tune rollback --state-dir {}` sets it back",
            self.kind.name,
            state.path().display()
        );
        let mut rehearsed = Rehearsed { drifting: self, state, changes: Vec::new() };
        let changes = rehearsed.set().and_then(|applied| rehearsed.accepted(applied));
        // Also what failed may have changed something before it did.
        let undone = rehearsed.set_back();
        rehearsed.changes = changes.inspect_err(|_| told(&undone))?;
        undone.map(|_| rehearsed)
    }

    fn host(&self) -> Result<Host, KnobError> {
        Host::open(&self.root).map_err(KnobError::Sysroot)
    }

    fn ground<'a>(&self, host: &'a Host) -> Ground<'a> {
        Ground::new(&host.machine, host.controls(), self.profile, &[])
    }

    fn selection(&self) -> Selection {
        Selection { only: vec![self.kind.name.to_owned()], skip: Vec::new() }
    }
}

impl Rehearsed {
    /// What each side is, for a person.
    pub fn names(&self) -> [String; 2] {
        let Drifting { kind, profile, .. } = &self.drifting;
        let old = values(self.changed().map(|change| change.old.as_deref().unwrap_or("-")));
        let new = values(self.changed().map(|change| change.new.as_str()));
        [format!("{} as it is: {old}", kind.name), format!("{} as the {profile} profile wants it: {new}", kind.name)]
    }

    /// What must hold while A runs, and while B runs.
    pub fn conditions(self: Arc<Self>) -> [Option<Box<dyn Condition>>; 2] {
        let untouched: Box<dyn Condition> = Box::new(Untouched(Arc::clone(&self)));
        let tuned: Box<dyn Condition> = Box::new(Tuned::of(self));
        [Some(untouched), Some(tuned)]
    }

    /// Those that took place.
    fn changed(&self) -> impl Iterator<Item = &Applied> {
        self.changes.iter().filter(|change| change.outcome == Outcome::Changed)
    }

    /// Applies the knob to all its targets.
    fn set(&self) -> Result<Vec<Applied>, KnobError> {
        let profile = self.drifting.profile;
        let host = self.drifting.host()?;
        let mut journal = self.journal()?;
        let run = journal.begin(opening(&host, Act::Apply, Some(profile))).map_err(KnobError::Journal)?;
        let ground = self.drifting.ground(&host).with_immovable(host.immovable(&self.state.directory()));
        apply(&ground, &self.drifting.selection(), &mut journal, run).map_err(KnobError::Journal)
    }

    /// Undoes all of it that stands.
    fn set_back(&self) -> Result<Vec<Undone>, KnobError> {
        if self.state.is_idle() {
            return Ok(Vec::new());
        }
        let host = self.drifting.host()?;
        let undone = self.rolled_back(&host).map_err(|error| self.stands(error.to_string()))?;
        let is_back = |undone: &&Undone| matches!(undone.fate, Fate::Restored | Fate::AlreadySo);
        let stuck: Vec<Undone> = undone.iter().filter(|undone| !is_back(undone)).cloned().collect();
        if stuck.is_empty() { Ok(undone) } else { Err(self.stands(lines(&report::undone_text(&stuck)))) }
    }

    fn rolled_back(&self, host: &Host) -> Result<Vec<Undone>, JournalError> {
        let mut journal = Journal::open(&self.state.directory())?;
        let opening = opening(host, Act::Rollback, None);
        let boot_id = opening.boot_id.clone();
        let run = journal.begin(opening)?;
        rollback(host.controls(), &mut journal, run, Extent { boot_id: boot_id.as_deref(), netns: None, from: 0 })
    }

    fn stands(&self, outcomes: String) -> KnobError {
        KnobError::NotSetBack { outcomes, folder: self.state.path().to_owned() }
    }

    /// What was applied, if the knob can be said to be turned: something changed, and what did not is what nobody can move.
    fn accepted(&self, applied: Vec<Applied>) -> Result<Vec<Applied>, KnobError> {
        let is_refused =
            |applied: &&Applied| applied.outcome.is_failure() || matches!(applied.outcome, Outcome::NotPermitted(_));
        let refused: Vec<Applied> = applied.iter().filter(is_refused).cloned().collect();
        if !refused.is_empty() {
            return Err(KnobError::NotSet { outcomes: lines(&report::applied_text(&refused)) });
        }
        if !applied.iter().any(|applied| applied.outcome == Outcome::Changed) {
            let reason = lines(&report::applied_text(&applied));
            return Err(KnobError::Pointless { knob: self.drifting.kind.name, reason });
        }
        Ok(applied)
    }

    /// As it was set in the rehearsal: the same old values, the same new ones.
    fn set_again(&self) -> Result<(), KnobError> {
        let applied = self.accepted(self.set()?)?;
        let changed = applied.iter().filter(|applied| applied.outcome == Outcome::Changed);
        if changed.eq(self.changed()) { Ok(()) } else { Err(self.moved(&lines(&report::applied_text(&applied)))) }
    }

    /// The old values, where the rehearsal found them.
    fn look_untouched(&self) -> Result<(), KnobError> {
        let host = self.drifting.host()?;
        let knobs = self.drifting.ground(&host).survey(&self.drifting.selection());
        let current = |target: &str| knobs.iter().find(|knob| knob.target.to_string() == target)?.current.clone();
        let touched = self.changed().find(|change| current(&change.target) != change.old);
        touched.map_or(Ok(()), |change| {
            let found = current(&change.target).unwrap_or_else(|| "gone".to_owned());
            let before = change.old.as_deref().unwrap_or("-");
            Err(self.moved(&format!("{} was {before} and is {found}", change.target)))
        })
    }

    fn moved(&self, found: &str) -> KnobError {
        KnobError::Moved { knob: self.drifting.kind.name, found: found.to_owned() }
    }

    fn journal(&self) -> Result<Journal<'static>, KnobError> {
        Journal::open(&self.state.directory()).map_err(KnobError::Journal)
    }
}

/// The machine as it is.
struct Untouched(Arc<Rehearsed>);

/// The machine with the knob applied.
struct Tuned {
    knob: Arc<Rehearsed>,
    /// A planted bug: nothing is set back.
    #[cfg(test)]
    is_forgetful: bool,
}

impl Tuned {
    fn of(knob: Arc<Rehearsed>) -> Self {
        Self {
            knob,
            #[cfg(test)]
            is_forgetful: false,
        }
    }
}

impl Condition for Untouched {
    fn establish(&self) -> Result<(), BenchError> {
        self.0.look_untouched().map_err(BenchError::Knob)
    }

    fn restore(&self) -> Result<(), BenchError> {
        self.0.look_untouched().map_err(BenchError::Knob)
    }
}

impl Condition for Tuned {
    fn establish(&self) -> Result<(), BenchError> {
        self.knob.set_again().inspect_err(|_| told(&self.knob.set_back())).map_err(BenchError::Knob)
    }

    fn restore(&self) -> Result<(), BenchError> {
        #[cfg(test)]
        if self.is_forgetful {
            return Ok(());
        }
        let undone = self.knob.set_back().map_err(BenchError::Knob)?;
        // What was back already was not as it should be while the run went on.
        let is_restored = |undone: &Undone| undone.fate == Fate::Restored;
        if undone.len() == self.knob.changed().count() && undone.iter().all(is_restored) {
            return Ok(());
        }
        Err(BenchError::Knob(self.knob.moved(&lines(&report::undone_text(&undone)))))
    }
}

/// An error that must not vanish behind the one that came first.
fn told<T>(result: &Result<T, KnobError>) {
    if let Err(error) = result {
        eprintln!("{error}");
    }
}

fn opening(host: &Host, act: Act, profile: Option<Profile>) -> Opening {
    Opening { act, profile, boot_id: host.boot_id(), netns: None, confirm_within_s: None }
}

/// Why none of these is there to be turned; `None` where one is.
fn pointless(profile: Profile, knobs: &[Knob]) -> Option<String> {
    if knobs.iter().any(|knob| knob.state == State::Drift) {
        return None;
    }
    if knobs.is_empty() {
        return Some("this machine has nothing that it could be set for".to_owned());
    }
    let reasons: BTreeSet<String> = knobs.iter().map(|knob| reason(profile, knob)).collect();
    Some(reasons.into_iter().collect::<Vec<_>>().join("; "))
}

/// Why this one is not.
fn reason(profile: Profile, knob: &Knob) -> String {
    let current = knob.current.as_deref().unwrap_or("-");
    match &knob.state {
        State::Ok if knob.wanted.is_none() => {
            format!("the {profile} profile wants nothing else than what is there ({current}); --profile names another")
        }
        State::Ok | State::Drift => format!("it is as the {profile} profile wants it already ({current})"),
        State::Absent => "this machine does not have it".to_owned(),
        State::Immovable(why) => format!("it cannot be moved: {why}"),
        State::OwnedByOther(owner) => format!("{owner} sets it, and would set it again: stop that first"),
        State::Advice(remedy) => format!("it is not set while the machine runs: {remedy}"),
        State::Reported(meaning) => format!("it is only reported: {meaning}"),
        State::Unreadable(error) => format!("it cannot be read: {error}"),
    }
}

/// Each value once, and of many the first.
fn values<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    all.for_each(|value| {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    });
    if distinct.len() <= VALUES_NAMED_MAX {
        return distinct.join(", ");
    }
    format!("{} and {} more", distinct[..VALUES_NAMED_MAX].join(", "), distinct.len() - VALUES_NAMED_MAX)
}

/// A report's lines as one, with one space between words.
fn lines(report: &str) -> String {
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    report.lines().map(line).collect::<Vec<_>>().join("; ")
}
