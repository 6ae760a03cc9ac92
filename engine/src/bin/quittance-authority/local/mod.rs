//! `local`: a whole committee on this machine, in one folder, from one command.
//!
//! Each authority is a process of its own, as it would be elsewhere: this command only makes their files ([`folder`]), starts
//! them, passes on what they say ([`speech`]), and stops them.

mod child;
mod folder;
mod speech;

use crate::fault::Fault;
use crate::options::LocalOptions;
use crate::signals::{self, Request, request};
use child::{Child, Stream};
use crossbeam::channel::{Receiver, RecvTimeoutError, bounded};
use folder::Folder;
use rustix::process::Signal;
use speech::Speech;
use std::time::{Duration, Instant};

/// Lines that may wait to be passed on; whoever says more waits.
const EVENTS_MAX: usize = 1_024;

/// How long the authorities may take to stop before they are killed: their last blocks take milliseconds.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A second request to stop that comes sooner is the first one, told twice: `timeout(1)` and terminals do that.
const HURRY_MIN: Duration = Duration::from_millis(500);

/// What the main thread waits for.
enum Event {
    /// An authority said this.
    Line { authority: usize, stream: Stream, line: String },
    /// It closed this stream: after both it has ended, or is about to.
    Closed { authority: usize },
    /// A signal came.
    Signal(i32),
}

/// The committee at work.
struct Committee {
    children: Vec<Child>,
    speech: Speech,
    ready_count: usize,
    /// Asked to stop, at this time.
    stopping: Option<Instant>,
    /// Authorities that ended by themselves.
    fallen: Vec<usize>,
    /// The weight of each is 1.
    quorum: usize,
}

/// Makes what is missing, runs the committee, and ends with it.
pub(crate) fn local(options: &LocalOptions) -> Result<(), Fault> {
    let folder = Folder::prepare(options)?;
    let (sender, events) = bounded(EVENTS_MAX);
    signals::listen(sender.clone(), Event::Signal)?;
    let speech = Speech::new(options.json, options.verbose);
    speech.beginning(&folder);
    let spawn = |index| Child::spawn(index, &folder.arguments(index, options), &sender);
    let children = (0..folder.authority_count()).map(spawn).collect::<Result<Vec<_>, _>>()?;
    drop(sender);
    let quorum = folder.quorum();
    Committee { children, speech, ready_count: 0, stopping: None, fallen: Vec::new(), quorum }.serve(&events, &folder)
}

impl Committee {
    fn serve(mut self, events: &Receiver<Event>, folder: &Folder) -> Result<(), Fault> {
        while self.children.iter().any(Child::is_running) {
            let patience = self.stopping.map_or(Duration::MAX, |since| STOP_PATIENCE.saturating_sub(since.elapsed()));
            match events.recv_timeout(patience.min(Duration::from_secs(3_600))) {
                Ok(Event::Line { authority, stream, line }) => self.pass_on(authority, stream, &line, folder),
                Ok(Event::Closed { authority }) => self.close(authority)?,
                Ok(Event::Signal(signal)) => match request(signal) {
                    Request::Report => self.signal(Signal::USR1),
                    Request::Stop => self.stop(),
                },
                Err(RecvTimeoutError::Timeout) if patience.is_zero() => self.signal(Signal::KILL),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("the thread that waits for signals has a sender"),
            }
        }
        let failed: Vec<String> = self.children.iter().filter_map(Child::failure).collect();
        if failed.is_empty() && self.fallen.is_empty() {
            return Ok(());
        }
        Err(Fault::Fallen { failed: failed.join("; ") })
    }

    fn pass_on(&mut self, authority: usize, stream: Stream, line: &str, folder: &Folder) {
        if self.speech.line(authority, stream, line) {
            self.ready_count += 1;
            if self.ready_count == self.children.len() {
                self.speech.all_ready(folder);
            }
        }
    }

    /// One of an authority's streams ended.
    fn close(&mut self, authority: usize) -> Result<(), Fault> {
        if !self.children[authority].close_stream()? {
            return Ok(());
        }
        if self.stopping.is_none() {
            self.fallen.push(authority);
            let going_on = self.children.iter().filter(|child| child.is_running()).count();
            self.speech.fallen(authority, &self.children[authority], going_on, self.quorum);
        }
        Ok(())
    }

    /// The first request is kind; a second one, of someone who is in a hurry, is not.
    fn stop(&mut self) {
        match self.stopping {
            Some(since) if since.elapsed() >= HURRY_MIN => self.signal(Signal::KILL),
            Some(_) => {}
            None => {
                self.stopping = Some(Instant::now());
                self.signal(Signal::TERM);
            }
        }
    }

    fn signal(&self, signal: Signal) {
        self.children.iter().for_each(|child| child.signal(signal));
    }
}
