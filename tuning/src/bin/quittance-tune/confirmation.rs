//! The process that undoes what nobody confirms.
//!
//! It is started, and says that it is ready, before the first value is written: whatever happens to the run or to the
//! session it came from, someone is there to undo it. It has a session of its own, so that a lost terminal does not end
//! it; a unit's or container's end does.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use quittance_tuning::changes::{Event, Journal, JournalError, StateDirectory};
use quittance_tuning::rollback::Extent;

use crate::change::undo;
use crate::exit::{Exit, Fault};
use crate::host;
use crate::options::{HostOptions, StateOptions, UndoOptions};
use crate::print;

/// What the process says once it waits.
const READY: &str = "ready";

/// How often the lock is asked for once the time is over, a second apart: ten minutes are more than any run takes.
const LOCK_ATTEMPT_COUNT_MAX: u32 = 600;

/// Starts the process, and returns once it waits.
pub(crate) fn start_waiting(run: u64, within: Duration, host: &HostOptions, state: &StateOptions) -> Result<(), Fault> {
    let failed = |error: io::Error| {
        Fault::Failed(format!("the process that would undo this cannot be started: {error}; nothing was changed"))
    };
    let mut command = Command::new(env::current_exe().map_err(failed)?);
    command.args(["undo-unless-confirmed", "--run", &run.to_string(), "--within", &within.as_secs().to_string()]);
    command.arg("--state-dir").arg(&state.state_dir);
    match &host.netns {
        Some(name) => command.args(["--netns", name]),
        None => command.arg("--sysroot").arg(&host.sysroot),
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let output = child.stdout.take().expect("it was asked to be a pipe");
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).map_err(failed)?;
    if line.trim() == READY { Ok(()) } else { Err(failed(io::Error::other("it ended at once"))) }
}

/// That process.
pub(crate) fn undo_unless_confirmed(options: &UndoOptions) -> Result<Exit, Fault> {
    let host = host::open(&options.host)?;
    // A process that leads its group already has a session of its own.
    let _ = rustix::process::setsid();
    let mut output = io::stdout().lock();
    let told = writeln!(output, "{READY}").and_then(|()| output.flush());
    told.map_err(|error| Fault::Failed(error.to_string()))?;
    thread::sleep(options.within);
    let mut journal = locked(&StateDirectory::new(&options.state.state_dir))?;
    if journal.is_confirmed(options.run) {
        return Ok(Exit::Done);
    }
    let boot_id = host.boot_id();
    let extent = Extent { boot_id: boot_id.as_deref(), netns: host.netns.as_deref(), from: options.run };
    undo(&host, &mut journal, extent)?;
    Ok(Exit::Done)
}

/// The journal, once the run that is being waited for has let go of it.
fn locked(directory: &StateDirectory) -> Result<Journal<'static>, Fault> {
    for _ in 0..LOCK_ATTEMPT_COUNT_MAX {
        match Journal::open(directory) {
            Err(JournalError::Locked { .. }) => thread::sleep(Duration::from_secs(1)),
            opened => return Ok(opened?),
        }
    }
    Ok(Journal::open(directory)?)
}

/// Keeps what the last run with a time to confirm has changed.
pub(crate) fn confirm(options: &StateOptions) -> Result<Exit, Fault> {
    let none = || Fault::Failed("no run awaits a confirmation: it came in time before, or too late".to_owned());
    let directory = StateDirectory::new(&options.state_dir);
    if directory.read()?.is_empty() {
        return Err(none());
    }
    let mut journal = Journal::open(&directory)?;
    let run = journal.unconfirmed().ok_or_else(none)?;
    journal.append(Event::Confirmed { run })?;
    print(&format!("run {run} stays\n"))
}
