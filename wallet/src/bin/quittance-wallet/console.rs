//! What is said to whoever runs a command: results on standard output, as text or as one JSON object; everything else on
//! standard error, where nothing secret ever goes either.

use crate::fault::Fault;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// How often the line on a terminal moves.
const TICK: Duration = Duration::from_millis(100);

/// A shorter task is over before anyone has seen its bar.
const BAR_COUNT_MIN: u64 = 1_000;

/// What a command has to say at its end.
pub(crate) trait Report: Serialize {
    /// For people: lines, without the last one's end.
    fn text(&self) -> String;
}

/// Where it goes.
#[derive(Debug)]
pub(crate) struct Console {
    json: bool,
    /// A line that is rewritten; nothing unless standard error is a terminal.
    line: ProgressBar,
    /// Whether it moves. Not before there is something to show: a passphrase may be asked for there.
    is_moving: Cell<bool>,
}

impl Console {
    /// For a command with or without `--json`.
    pub(crate) fn new(json: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let line = ProgressBar::with_draw_target(None, target);
        line.set_style(ProgressStyle::with_template("{spinner} {wide_msg}").expect("a fixed template of known words"));
        Self { json, line, is_moving: Cell::new(false) }
    }

    /// Whether programs read it.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// What is going on, for whoever watches a terminal.
    pub(crate) fn progress(&self, text: &str) {
        if self.line.is_hidden() {
            return;
        }
        self.line.set_message(text.to_owned());
        if !self.is_moving.replace(true) {
            self.line.enable_steady_tick(TICK);
        }
    }

    /// What whoever runs the command should know, wherever that is read.
    pub(crate) fn notice(&self, text: &str) {
        self.line.suspend(|| eprintln!("quittance-wallet: {text}"));
    }

    /// The result.
    ///
    /// # Errors
    /// [`Fault::Machine`] if standard output takes nothing.
    pub(crate) fn report(&self, report: &impl Report) -> Result<(), Fault> {
        self.line.finish_and_clear();
        if self.json { print_json(report) } else { print(format!("{}\n", report.text()).as_bytes()) }
    }

    /// The end of a command that failed. Returns its exit code.
    pub(crate) fn fail(&self, fault: &Fault) -> u8 {
        #[derive(Serialize)]
        struct Failure<'a> {
            error: &'a str,
            message: String,
            exit_code: u8,
            #[serde(skip_serializing_if = "Option::is_none")]
            details: Option<&'a serde_json::Value>,
        }
        self.line.finish_and_clear();
        let (error, message, exit_code, details) =
            (fault.word(), fault.to_string(), fault.exit_code(), fault.details());
        let failure = Failure { error, message, exit_code, details };
        eprintln!("quittance-wallet: {}", failure.message);
        if self.json {
            // Nothing can be said about it, and the code says that the command failed.
            let _ = print_json(&failure);
        }
        failure.exit_code
    }

    /// A task of many steps, shown as a bar on a terminal.
    pub(crate) fn bar(&self, label: &'static str, count: u64) -> ProgressBar {
        let is_seen = !self.line.is_hidden() && count >= BAR_COUNT_MIN;
        let target = if is_seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        self.line.finish_and_clear();
        let style = ProgressStyle::with_template("{msg} {bar:40} {human_pos}/{human_len} {eta}")
            .expect("a fixed template of known words");
        ProgressBar::with_draw_target(Some(count), target).with_style(style).with_message(label)
    }
}

/// Writes to standard output, all of it.
///
/// # Errors
/// [`Fault::Machine`].
pub(crate) fn print(bytes: &[u8]) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|source| Fault::Machine {
        task: "writing to standard output",
        source,
        remedy: "; what the command was to do is done, look with `status` or `history`",
    })
}

fn print_json(value: &impl Serialize) -> Result<(), Fault> {
    let mut text = serde_json::to_string(value).expect("reports are maps with text keys");
    text.push('\n');
    print(text.as_bytes())
}
