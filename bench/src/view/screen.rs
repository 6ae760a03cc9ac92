//! Standard error while a phase is drawn there. What others say meanwhile must not be drawn over.

use indicatif::ProgressBar;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lines that are drawn at the moment, if any are.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Prints a line to standard error, above what is drawn there.
pub fn say(line: &str) {
    match &*drawn() {
        Some(bar) => bar.suspend(|| print(line)),
        None => print(line),
    }
}

/// From now on these lines are drawn, or none any more. Returns those that were.
pub(super) fn draw(bar: Option<ProgressBar>) -> Option<ProgressBar> {
    core::mem::replace(&mut *drawn(), bar)
}

fn drawn() -> MutexGuard<'static, Option<ProgressBar>> {
    DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whoever reads may have gone: then nothing is lost that a run needs.
fn print(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
