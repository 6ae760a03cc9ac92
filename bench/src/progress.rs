//! What a person sees while the run is prepared: a bar on a terminal, a plain line otherwise. Always on standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Instant;

/// The progress of one task with a known number of steps. Threads may share it.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    label: &'static str,
    count: u64,
    started: Instant,
    plain: bool,
}

impl Progress {
    /// Starts a task of `count` steps.
    pub fn start(label: &'static str, count: u64) -> Self {
        let plain = !std::io::stderr().is_terminal();
        let target = if plain { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template("{msg:24} {bar:40} {human_pos}/{human_len} {per_sec} {eta}")
            .expect("a fixed template of known placeholders");
        let bar = ProgressBar::with_draw_target(Some(count), target).with_style(style).with_message(label);
        Self { bar, label, count, started: Instant::now(), plain }
    }

    /// A task that nobody watches.
    pub fn hidden() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { bar, label: "", count: 0, started: Instant::now(), plain: false }
    }

    /// So many steps are done.
    pub fn add(&self, step_count: usize) {
        self.bar.inc(step_count as u64);
    }

    /// Ends the task and says how long it took.
    pub fn finish(self) {
        let seconds = self.started.elapsed().as_secs_f64();
        self.bar.finish_and_clear();
        if self.plain || !self.bar.is_hidden() {
            eprintln!("{}: {} in {seconds:.1} s", self.label, self.count);
        }
    }
}
