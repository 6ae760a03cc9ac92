//! The authority's command as a child process.

use super::PATIENCE;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(2);

/// A child, killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

/// How a child ended and what it said that nobody had read.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) lines: Vec<String>,
    pub(crate) errors: String,
}

/// Runs the command until it ends by itself.
#[track_caller]
pub(crate) fn run_to_end<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ended {
    Process::start(arguments).end()
}

impl Process {
    /// Starts the command.
    pub(crate) fn start<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quittance-authority"));
        command.args(arguments);
        Self::of(command)
    }

    /// Starts the command as the child of a shell, which is the one that [`Self::signal`] reaches.
    pub(crate) fn start_under_shell<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "\"$@\" & wait", "sh", env!("CARGO_BIN_EXE_quittance-authority")]).args(arguments);
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            // Whoever started the child may have gone.
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let errors = std::thread::spawn(move || {
            let mut errors = Vec::new();
            let _ = stderr.read_to_end(&mut errors);
            String::from_utf8_lossy(&errors).into_owned()
        });
        Self { child, lines, errors: Some(errors) }
    }

    /// The next line of its standard output; `None` at the end.
    #[track_caller]
    pub(crate) fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the authority has said nothing for {PATIENCE:?}"),
        }
    }

    /// The lines up to one that satisfies `is_last`.
    #[track_caller]
    pub(crate) fn lines_to(&self, is_last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().unwrap_or_else(|| panic!("the authority ended after {lines:?}"));
            let is_end = is_last(&line);
            lines.push(line);
            if is_end {
                return lines;
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    /// Its number, which is its own until [`Self::end`].
    pub(crate) fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Stops all its threads where they are, so that what arrives now is met all at once by [`Self::resume`].
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        self.wait_until(|process| process.thread_states().iter().all(|state| *state == 'T'));
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => panic!("the authority has not ended after {PATIENCE:?}"),
                None => std::thread::sleep(POLL),
            }
        };
        let lines = std::iter::from_fn(|| self.line()).collect();
        Ended { code: status.code(), lines, errors: self.errors.take().unwrap().join().unwrap() }
    }

    fn wait_until(&self, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < deadline, "waited for {PATIENCE:?}");
            std::thread::sleep(POLL);
        }
    }

    /// One letter per thread, as proc(5) lists them.
    fn thread_states(&self) -> Vec<char> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let state = |task: std::io::Result<std::fs::DirEntry>| {
            // A thread may end while this looks.
            let stat = std::fs::read_to_string(task.ok()?.path().join("stat")).ok()?;
            stat.rsplit_once(") ")?.1.chars().next()
        };
        tasks.filter_map(state).collect()
    }
}

impl Drop for Process {
    /// No child outlives its test, whichever way that ends.
    fn drop(&mut self) {
        // Both fail only if the child has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(errors) = self.errors.take().filter(|_| std::thread::panicking()) {
            eprintln!("the authority's standard error:\n{}", errors.join().unwrap_or_default());
        }
    }
}
