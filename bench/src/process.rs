//! An authority as a child process: started, listened to, stopped; never left behind.

use crate::error::BenchError;
use crate::limits::{LINE_BYTES_MAX, START_S_MAX, STOP_S_MAX};
use crate::view::say;
use crate::world::Watch;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Events that may wait to be read, and findings that are kept: the authority sends a handful.
const EVENT_COUNT_MAX: usize = 64;
const POLL: Duration = Duration::from_millis(10);

/// A running authority. Dropping it kills the process.
#[derive(Debug)]
pub struct AuthorityProcess {
    index: usize,
    child: Child,
    events: Receiver<Value>,
    findings: Vec<Value>,
}

/// What an authority says of itself when it is ready.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// `volatile` or `durable`.
    pub mode: String,
    /// The transport at work.
    pub transport: String,
    /// The signature backend at work.
    pub backend: String,
    /// What it found on disk, by shard.
    #[serde(default)]
    pub recovered: Vec<Value>,
}

/// What an authority process said.
#[derive(Clone, Debug, Serialize)]
pub struct AuthorityReport {
    /// Its index.
    pub index: usize,
    /// What it found worth its operator's attention, as it printed it.
    pub findings: Vec<Value>,
    /// Its counters as it printed them at its end.
    pub counters: Value,
}

impl AuthorityProcess {
    /// Starts an authority with these arguments. Its standard error is ours.
    ///
    /// # Errors
    /// [`BenchError::Start`].
    pub fn start(index: usize, executable: &Path, arguments: &[OsString]) -> Result<Self, BenchError> {
        let mut command = Command::new(executable);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let spawned = command.spawn();
        let mut child = spawned.map_err(|error| start_error(index, format!("{}: {error}", executable.display())))?;
        let stdout = child.stdout.take().expect("standard output was piped");
        let (sender, events) = sync_channel(EVENT_COUNT_MAX);
        std::thread::spawn(move || listen(index, stdout, &sender));
        Ok(Self { index, child, events, findings: Vec::new() })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the authority says that it is ready.
    ///
    /// # Errors
    /// [`BenchError::Start`] if it ends or stays silent for longer than [`START_S_MAX`]; what `watch` says.
    pub fn await_ready(&mut self, watch: &mut impl Watch) -> Result<Ready, BenchError> {
        let event = self.await_event("ready", watch)?;
        serde_json::from_value(event).map_err(|error| start_error(self.index, format!("its ready line: {error}")))
    }

    /// Waits until the process says this, on its way to being ready.
    ///
    /// # Errors
    /// As [`Self::await_ready`].
    pub fn await_event(&mut self, name: &str, watch: &mut impl Watch) -> Result<Value, BenchError> {
        let deadline = Instant::now() + Duration::from_secs(START_S_MAX);
        loop {
            watch.look()?;
            match self.events.recv_timeout(POLL) {
                Ok(event) if event["event"] == name => return Ok(event),
                Ok(event) if event["event"] == "finding" && self.findings.len() < EVENT_COUNT_MAX => {
                    self.findings.push(event);
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(start_error(self.index, self.end())),
                Err(RecvTimeoutError::Timeout) if Instant::now() > deadline => {
                    return Err(start_error(self.index, format!("it was not ready after {START_S_MAX} s")));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// # Errors
    /// [`BenchError::Died`] if the process has ended.
    pub fn check_alive(&mut self) -> Result<(), BenchError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(BenchError::Died { index: self.index, status: status.to_string() }),
            Err(error) => Err(BenchError::Died { index: self.index, status: error.to_string() }),
        }
    }

    /// Whether it said since it was asked before that it is ready. Other events are dropped.
    pub fn has_become_ready(&mut self) -> bool {
        self.events.try_iter().any(|event| event["event"] == "ready")
    }

    /// Kills the process by SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        // Both fail only if it has ended by itself, which comes to the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops all of its threads where they are, by SIGSTOP.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a paused one go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks for the counters; they come when the authority has gathered them.
    pub fn ask_for_counters(&self) {
        self.signal(Signal::USR1);
    }

    /// The last counters that came, if any came since it was asked before. Other events are dropped.
    pub fn last_counters(&mut self) -> Option<Value> {
        self.events.try_iter().filter(|event| event["event"] == "counters").last()
    }

    /// Has a thread kill the process by SIGKILL after this time, whatever goes on here meanwhile.
    ///
    /// # Errors
    /// [`BenchError::Machine`].
    pub fn kill_after(&self, delay: Duration) -> Result<Killer, BenchError> {
        let process = pidfd_open(self.pid(), PidfdFlags::empty())
            .map_err(|error| BenchError::machine("opening a process to be killed", error.into(), ""))?;
        let has_struck = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&has_struck);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(delay);
            // Before the blow: whoever sees the process dead shall know that it was us.
            flag.store(true, Ordering::Release);
            // It fails only if the process is dead already.
            let _ = pidfd_send_signal(&process, Signal::KILL);
        });
        Ok(Killer { has_struck, thread })
    }

    /// Waits for the end of a process that `killer` kills. Returns whether it had said that it was ready.
    ///
    /// # Errors
    /// [`BenchError::Died`] if it ended in another way.
    pub fn bury(mut self, killer: Killer) -> Result<bool, BenchError> {
        killer.thread.join().expect("it sleeps and sends a signal");
        let died = |status: String| BenchError::Died { index: self.index, status };
        let status = self.child.wait().map_err(|error| died(error.to_string()))?;
        if status.signal() != Some(Signal::KILL.as_raw()) {
            return Err(died(status.to_string()));
        }
        // Its standard output is closed, so this ends.
        Ok(self.events.iter().any(|event| event["event"] == "ready"))
    }

    /// Stops the authority by SIGTERM and returns what it said, with the counters that it prints at its end; `Null` if it
    /// prints none or has to be killed.
    pub fn stop(mut self) -> AuthorityReport {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(STOP_S_MAX);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                eprintln!("authority {} did not stop within {STOP_S_MAX} s and is killed", self.index);
                break;
            }
            std::thread::sleep(POLL);
        }
        let mut counters = Value::Null;
        while let Ok(event) = self.events.recv_timeout(10 * POLL) {
            if event["event"] == "counters" {
                counters = event;
            }
        }
        AuthorityReport { index: self.index, findings: core::mem::take(&mut self.findings), counters }
    }

    fn signal(&self, signal: Signal) {
        // It may have ended by itself; that shows when it is waited for.
        let _ = kill_process(self.pid(), signal);
    }

    fn pid(&self) -> Pid {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        id.expect("a child's id is a positive 32-bit number")
    }

    /// How the process ended, as words.
    fn end(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => format!("it ended before it was ready ({status}); its last words are above"),
            Err(error) => format!("it ended before it was ready ({error})"),
        }
    }
}

/// A blow on its way.
#[derive(Debug)]
pub struct Killer {
    has_struck: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Killer {
    /// Whether the process is dead, or dies now.
    pub fn has_struck(&self) -> bool {
        self.has_struck.load(Ordering::Acquire)
    }
}

impl Drop for AuthorityProcess {
    /// No child outlives us.
    fn drop(&mut self) {
        // Both fail only if the process has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_error(index: usize, reason: String) -> BenchError {
    BenchError::Start { index, reason }
}

/// Passes events on. Lines that are none go to standard error for a person to see.
fn listen(index: usize, stdout: ChildStdout, events: &SyncSender<Value>) {
    let mut stdout = BufReader::new(stdout);
    let mut line = Vec::new();
    // A longer line is cut, and its parts are no events.
    while stdout.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        match serde_json::from_slice::<Value>(&line) {
            // With a full queue nobody reads any more; counters are then lost, nothing else.
            Ok(event) if event.is_object() => _ = events.try_send(event),
            _ => say(&format!("authority {index}: {}", String::from_utf8_lossy(&line).trim_end())),
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell in an authority's place.
    fn start(script: &str) -> AuthorityProcess {
        AuthorityProcess::start(0, Path::new("/bin/sh"), &["-c".into(), script.into()]).unwrap()
    }

    #[test]
    fn a_killed_process_is_buried_and_what_it_said_before_is_known() {
        let ready = r#"echo '{"event":"ready"}'; exec sleep 60"#;
        for (script, delay_ms, was_ready) in [("exec sleep 60", 0, false), (ready, 1_000, true)] {
            let process = start(script);
            let killer = process.kill_after(Duration::from_millis(delay_ms)).unwrap();
            assert_eq!(process.bury(killer).unwrap(), was_ready, "{script}");
        }
    }

    #[test]
    fn a_process_that_ends_by_itself_is_no_victim() {
        let process = start("exit 4");
        let killer = process.kill_after(Duration::from_secs(1)).unwrap();
        let error = process.bury(killer).unwrap_err();
        assert!(error.to_string().contains("exit status: 4"), "{error}");
    }
}
