//! The thread that draws a phase.

use super::cell::Cell;
use super::{Shown, screen, text};
use crate::cores::Cores;
use crate::latency::Latency;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Between two drawings on a terminal: a person sees it move, and the rest of the machine does not notice.
const REDRAW: Duration = Duration::from_millis(250);
/// Between two plain lines.
const LINE: Duration = Duration::from_secs(2);

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Painter {
    /// Nothing is ever sent: it is closed.
    goes_on: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Painter {
    /// # Errors
    /// The machine's, if there is no thread to be had.
    pub(super) fn start(shown: Shown, cell: Arc<Cell>, cores: Option<Cores>) -> io::Result<Self> {
        let (goes_on, over) = sync_channel(1);
        let thread = Builder::new().name("view".to_owned()).spawn(move || {
            // It inherits what the load loop is pinned to, and must not stay there.
            cores.iter().for_each(Cores::unpin);
            paint(&shown, &cell, &over);
        })?;
        Ok(Self { goes_on: Some(goes_on), thread: Some(thread) })
    }
}

impl Drop for Painter {
    /// Takes what is drawn away: the report will say more.
    fn drop(&mut self) {
        drop(self.goes_on.take());
        if let Some(thread) = self.thread.take() {
            // It panics only for faults of ours, which it says itself; a run does not depend on it.
            let _ = thread.join();
        }
    }
}

/// Draws until the phase is over.
fn paint(shown: &Shown, cell: &Cell, over: &Receiver<()>) {
    let bar = bar();
    let step = if bar.is_some() { REDRAW } else { LINE };
    screen::draw(bar.clone());
    let (mut samples, mut latency) = (Vec::new(), Latency::new());
    while over.recv_timeout(step) == Err(RecvTimeoutError::Timeout) {
        let [done, going] = text::lines(shown, &cell.take(&mut samples, &mut latency));
        match &bar {
            Some(bar) => {
                bar.set_prefix(done);
                bar.set_message(going);
                bar.tick();
            }
            None => screen::say(&format!("{done}, {going}")),
        }
    }
    if let Some(bar) = screen::draw(None) {
        bar.finish_and_clear();
    }
}

/// Two lines on the terminal; none where there is no terminal, or one that cannot go back.
fn bar() -> Option<ProgressBar> {
    let style = ProgressStyle::with_template("{prefix}\n  {msg}").expect("a fixed template of known placeholders");
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style);
    (io::stderr().is_terminal() && !bar.is_hidden()).then_some(bar)
}
