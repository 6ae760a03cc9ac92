//! One authority as a child process.

use super::Event;
use crate::fault::Fault;
use crossbeam::channel::Sender;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};

/// Where a line was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// Standard output: one JSON object per line.
    Output,
    /// Standard error: why it ends.
    Errors,
}

/// A running authority, or one that has ended.
pub(super) struct Child {
    authority: usize,
    process: std::process::Child,
    open_stream_count: usize,
    status: Option<ExitStatus>,
}

impl Child {
    /// Starts an authority. It has a process group of its own, so that a Ctrl-C at the terminal reaches this command alone, and
    /// stops when this command ends, however it ends.
    pub(super) fn spawn(authority: usize, arguments: &[OsString], events: &Sender<Event>) -> Result<Self, Fault> {
        let fault = |error| Fault::Thread(format!("authority {authority} cannot be started: {error}"));
        let own = std::env::current_exe().map_err(fault)?;
        let mut command = Command::new(own);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut process = command.spawn().map_err(fault)?;
        let output = process.stdout.take().expect("it was asked for");
        let errors = process.stderr.take().expect("it was asked for");
        listen(authority, Stream::Output, output, events.clone()).map_err(fault)?;
        listen(authority, Stream::Errors, errors, events.clone()).map_err(fault)?;
        Ok(Self { authority, process, open_stream_count: 2, status: None })
    }

    /// Whether it has not ended yet.
    pub(super) fn is_running(&self) -> bool {
        self.status.is_none()
    }

    /// Counts a stream that ended. After the last one waits for the process, and returns true.
    pub(super) fn close_stream(&mut self) -> Result<bool, Fault> {
        self.open_stream_count -= 1;
        if self.open_stream_count > 0 {
            return Ok(false);
        }
        let fault = |error| Fault::Thread(format!("authority {} cannot be waited for: {error}", self.authority));
        self.status = Some(self.process.wait().map_err(fault)?);
        Ok(true)
    }

    /// Sends a signal, if there is still someone to get it.
    pub(super) fn signal(&self, signal: Signal) {
        if !self.is_running() {
            return;
        }
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            // It may have ended just now, unseen; it is not waited for before `status` is set, so the number is still its own.
            let _ = kill_process(pid, signal);
        }
    }

    /// How it ended, if not as it should.
    pub(super) fn failure(&self) -> Option<String> {
        let status = self.status.filter(|status| !status.success())?;
        Some(format!("authority {} {}", self.authority, ending(status)))
    }
}

/// In words.
fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

impl Drop for Child {
    /// Whoever forgets a child on an early way out does not leave an authority behind.
    fn drop(&mut self) {
        if self.is_running() {
            self.signal(Signal::TERM);
            let _ = self.process.wait();
        }
    }
}

fn listen(
    authority: usize,
    stream: Stream,
    from: impl Read + Send + 'static,
    events: Sender<Event>,
) -> std::io::Result<()> {
    let forward = move || {
        // Whoever listens goes only when the process ends.
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let _ = events.send(Event::Line { authority, stream, line });
        }
        let _ = events.send(Event::Closed { authority });
    };
    std::thread::Builder::new().name(format!("authority-{authority}")).spawn(forward).map(drop)
}
