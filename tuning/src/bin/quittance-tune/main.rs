//! The operator's command: shows what the machine is and what to change before an authority runs on it, changes it, and
//! undoes that again.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs` | the command line |
//! | `exit.rs` | exit codes, and the errors that have one |
//! | `host.rs` | the machine that is meant: this one, a copied tree, or a network namespace |
//! | `look.rs` | what changes nothing: show, plan, check, explain, export, history |
//! | `change.rs`, `confirmation.rs` | apply and rollback; the process that undoes what nobody confirms |
#![forbid(unsafe_code)]

mod change;
mod confirmation;
mod exit;
mod host;
mod look;
mod options;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use exit::{Exit, Fault};
use options::{Act, Command};
use quittance_tuning::fingerprint::Outcome;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Command::parse().act) {
        Ok(exit) => exit.into(),
        Err(fault) => {
            // Nothing is left to do when even this cannot be written.
            let _ = writeln!(io::stderr(), "quittance-tune: {fault}");
            fault.exit().into()
        }
    }
}

fn run(act: Act) -> Result<Exit, Fault> {
    match act {
        Act::Show { json, sysroot } => look::show(&sysroot, json),
        Act::Plan(options) => look::plan(&options),
        Act::Check(options) => look::check(&options),
        Act::Apply(options) => change::apply(&options),
        Act::Confirm(options) => confirmation::confirm(&options),
        Act::Rollback(options) => change::rollback(&options),
        Act::History(options) => look::history(&options),
        Act::Explain { knobs, json } => look::explain(&knobs, json),
        Act::Export(options) => look::export(&options),
        Act::UndoUnlessConfirmed(options) => confirmation::undo_unless_confirmed(&options),
        Act::Jitter(options) => print(&options.run().map_err(|error| Fault::Failed(error.to_string()))?),
        Act::Fingerprint(options) => {
            let Outcome { text, differs } = options.run().map_err(|error| Fault::Usage(error.to_string()))?;
            print(&text)?;
            Ok(if differs { Exit::Differs } else { Exit::Done })
        }
        Act::Pages(pages) => {
            pages.print(Command::command()).map_err(|error| Fault::Failed(error.to_string()))?;
            Ok(Exit::Done)
        }
    }
}

/// A reader that has seen enough (`| head`) is no failure.
fn print(report: &str) -> Result<Exit, Fault> {
    let mut output = io::stdout().lock();
    match output.write_all(report.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Fault::Failed(error.to_string())),
        _ => Ok(Exit::Done),
    }
}
