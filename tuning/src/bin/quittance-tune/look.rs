//! What changes nothing.

use std::path::Path;

use quittance_tuning::changes::StateDirectory;
use quittance_tuning::{Machine, Selection, State, export, findings, report, stage};

use crate::exit::{Exit, Fault};
use crate::host;
use crate::options::{ExportOptions, HistoryOptions, LookOptions};
use crate::print;

pub(crate) fn show(sysroot: &Path, json: bool) -> Result<Exit, Fault> {
    let machine = Machine::read(sysroot)?;
    let found = findings(&machine);
    print(&if json { report::json(&machine, &found) + "\n" } else { report::text(&machine, &found) })
}

pub(crate) fn plan(options: &LookOptions) -> Result<Exit, Fault> {
    let host = host::open(&options.ground.host)?;
    let (ground, selection) = host::ground(&host, &options.ground, &options.state)?;
    let knobs = ground.survey(&selection);
    let as_json = || report::plan_json(&ground, &knobs) + "\n";
    print(&if options.json { as_json() } else { report::plan_text(&ground, &knobs) })
}

pub(crate) fn check(options: &LookOptions) -> Result<Exit, Fault> {
    let host = host::open(&options.ground.host)?;
    let (ground, selection) = host::ground(&host, &options.ground, &options.state)?;
    let knobs = ground.survey(&selection);
    let as_json = || report::plan_json(&ground, &knobs) + "\n";
    print(&if options.json { as_json() } else { report::check_text(&ground, &knobs) })?;
    let drifts = knobs.iter().any(|knob| knob.state == State::Drift);
    Ok(if drifts { Exit::Differs } else { Exit::Done })
}

pub(crate) fn history(options: &HistoryOptions) -> Result<Exit, Fault> {
    let journal = StateDirectory::new(&options.state.state_dir).read()?;
    let as_json = || report::history_json(&journal) + "\n";
    print(&if options.json { as_json() } else { report::history_text(&journal) })
}

pub(crate) fn explain(patterns: &[String], json: bool) -> Result<Exit, Fault> {
    let selection = Selection { only: patterns.to_vec(), skip: Vec::new() };
    let kinds: Vec<_> = stage::kinds().filter(|(_, kind)| selection.admits(kind.name)).collect();
    let names: Vec<&str> = stage::kinds().map(|(_, kind)| kind.name).collect();
    if let Some(pattern) = selection.idle_patterns(&names).first() {
        return Err(Fault::Usage(format!("no knob is called {pattern}; there are: {}", names.join(", "))));
    }
    print(&if json { report::explain_json(&kinds) + "\n" } else { report::explain_text(&kinds) })
}

pub(crate) fn export(options: &ExportOptions) -> Result<Exit, Fault> {
    let host = host::open(&options.ground.host)?;
    let (ground, selection) = host::ground(&host, &options.ground, &options.state)?;
    print(&export::export(options.form, &ground, &selection))
}
