//! What changes the machine.

use std::io::{self, IsTerminal, Write};

use quittance_tuning::apply::{self, Applied, Outcome};
use quittance_tuning::changes::{Act, Journal, Opening, StateDirectory, outstanding, read_lines};
use quittance_tuning::rollback::{self, Extent, Fate, Undone};
use quittance_tuning::{Host, State, report};

use crate::confirmation;
use crate::exit::{Exit, Fault};
use crate::host;
use crate::options::{ApplyOptions, RollbackOptions};
use crate::print;

pub(crate) fn apply(options: &ApplyOptions) -> Result<Exit, Fault> {
    let host = host::open(&options.ground.host)?;
    let (ground, selection) = host::ground(&host, &options.ground, &options.state)?;
    let knobs = ground.survey(&selection);
    let drift_count = knobs.iter().filter(|knob| knob.state == State::Drift).count();
    if options.dry_run {
        return print(&if options.json {
            report::plan_json(&ground, &knobs) + "\n"
        } else {
            report::plan_text(&ground, &knobs)
        });
    }
    if drift_count == 0 {
        let nothing = "nothing to change: all that can be is as the profile wants it\n".to_owned();
        return print(&if options.json { report::applied_json(None, &[]) + "\n" } else { nothing });
    }
    if !options.yes {
        print(&report::plan_text(&ground, &knobs))?;
        agree(drift_count)?;
    }
    let mut journal = Journal::open(&StateDirectory::new(&options.state.state_dir))?;
    let run = journal.begin(Opening {
        act: Act::Apply,
        profile: Some(options.ground.profile),
        boot_id: host.boot_id(),
        netns: host.netns.clone(),
        confirm_within_s: options.confirm_within.map(|within| within.as_secs()),
    })?;
    if let Some(within) = options.confirm_within {
        confirmation::start_waiting(run, within, &options.ground.host, &options.state)?;
    }
    let applied = apply::apply(&ground, &selection, &mut journal, run)?;
    let as_json = || report::applied_json(Some(run), &applied) + "\n";
    print(&if options.json { as_json() } else { report::applied_text(&applied) })?;
    Ok(exit_of_applied(&applied))
}

/// Asks the terminal; where there is none, nobody has agreed.
fn agree(change_count: usize) -> Result<(), Fault> {
    if !io::stdin().is_terminal() {
        return Err(Fault::Usage(
            "nobody can be asked here; say --yes to change it, or --dry-run to see it".to_owned(),
        ));
    }
    let _ = write!(io::stderr(), "\nChange these {change_count} values? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| Fault::Failed(error.to_string()))?;
    match answer.trim() {
        "y" | "yes" => Ok(()),
        _ => Err(Fault::Usage("nothing was changed".to_owned())),
    }
}

fn exit_of_applied(applied: &[Applied]) -> Exit {
    let any = |fault: fn(&Outcome) -> bool| applied.iter().any(|applied| fault(&applied.outcome));
    if any(|outcome| matches!(outcome, Outcome::NotPermitted(_))) {
        Exit::NotPermitted
    } else if any(Outcome::is_failure) {
        Exit::Failed
    } else {
        Exit::Done
    }
}

pub(crate) fn rollback(options: &RollbackOptions) -> Result<Exit, Fault> {
    let host = host::open(&options.host)?;
    let directory = StateDirectory::new(&options.state.state_dir);
    let boot_id = host.boot_id();
    let extent = Extent { boot_id: boot_id.as_deref(), netns: host.netns.as_deref(), from: 0 };
    // Where nothing is to undo, nothing is locked or written either. Damage is for the opening to tell.
    let text = directory.read()?;
    let is_idle = |records: Vec<_>| outstanding(&records, extent.boot_id, extent.netns, 0).is_empty();
    if read_lines(&text).is_ok_and(|(records, _)| is_idle(records)) {
        let nothing = "nothing to undo: no change of ours stands on this boot\n".to_owned();
        return print(&if options.json { report::undone_json(None, &[]) + "\n" } else { nothing });
    }
    let mut journal = Journal::open(&directory)?;
    let (run, undone) = undo(&host, &mut journal, extent)?;
    let as_json = || report::undone_json(Some(run), &undone) + "\n";
    print(&if options.json { as_json() } else { report::undone_text(&undone) })?;
    Ok(exit_of_undone(&undone))
}

/// A run that undoes this extent.
pub(crate) fn undo(host: &Host, journal: &mut Journal<'_>, extent: Extent<'_>) -> Result<(u64, Vec<Undone>), Fault> {
    let run = journal.begin(Opening {
        act: Act::Rollback,
        profile: None,
        boot_id: extent.boot_id.map(str::to_owned),
        netns: extent.netns.map(str::to_owned),
        confirm_within_s: None,
    })?;
    Ok((run, rollback::rollback(host.controls(), journal, run, extent)?))
}

fn exit_of_undone(undone: &[Undone]) -> Exit {
    let any = |fault: fn(&Fate) -> bool| undone.iter().any(|undone| fault(&undone.fate));
    if any(|fate| matches!(fate, Fate::NotPermitted(_))) {
        Exit::NotPermitted
    } else if any(|fate| matches!(fate, Fate::Failed(_) | Fate::DidNotStick(_) | Fate::Gone)) {
        Exit::Failed
    } else if any(|fate| matches!(fate, Fate::ChangedByOthers(_))) {
        Exit::ChangedByOthers
    } else {
        Exit::Done
    }
}
