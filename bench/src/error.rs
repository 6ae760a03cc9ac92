//! Why a run ended early, and with which exit code.

use crate::ab::machine::KnobError;
use crate::merge::MergeError;
use crate::output::OutputError;
use std::path::PathBuf;

/// What ends a run before its report.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Options that contradict each other or exceed a bound.
    #[error("{0}")]
    Usage(String),
    /// There is no executable to start.
    #[error(
        "cannot find {name}: {path} does not exist; build it with `cargo build --release -p {package} --bin {name}`, or name \
         it with {option} PATH",
        path = path.display()
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// The package that has it.
        package: &'static str,
        /// Its name.
        name: &'static str,
        /// The option that names another.
        option: &'static str,
    },
    /// An executable could not be built.
    #[error("building an executable failed ({status}); run `{command}` and mend what it reports")]
    Build {
        /// What was run.
        command: String,
        /// How it ended.
        status: String,
    },
    /// The authority did not become ready.
    #[error("authority {index} did not start: {reason}")]
    Start {
        /// Its index.
        index: usize,
        /// What happened instead.
        reason: String,
    },
    /// The authority ended while it was needed.
    #[error("authority {index} died during the run ({status}); its last words are above")]
    Died {
        /// Its index.
        index: usize,
        /// How it ended.
        status: String,
    },
    /// A journal could not be read offline.
    #[error("verify-journal did not say what the journal holds ({status}); its last words are above")]
    Journal {
        /// How it ended.
        status: String,
    },
    /// A wallet that cannot be used: the text names it and the remedy.
    #[error("{0}")]
    Wallet(String),
    /// A folder of results cannot be written or read.
    #[error(transparent)]
    Output(OutputError),
    /// Folders of results do not belong together.
    #[error(transparent)]
    Merge(MergeError),
    /// A knob of the machine was not turned, or not turned back.
    #[error(transparent)]
    Knob(KnobError),
    /// A page of the manual, or completions, could not be written.
    #[error(transparent)]
    Pages(quittance_tuning::pages::PagesError),
    /// The machine refused something: the text says what and what to do.
    #[error("{task}: {error}{remedy}")]
    Machine {
        /// What was attempted.
        task: String,
        /// What the machine said.
        error: std::io::Error,
        /// What to do about it; starts with `; ` or is empty.
        remedy: &'static str,
    },
    /// SIGINT or SIGTERM.
    #[error("interrupted; what was started is stopped, and nothing is reported")]
    Interrupted,
}

impl BenchError {
    /// A refusal by the machine.
    pub fn machine(task: impl Into<String>, error: std::io::Error, remedy: &'static str) -> Self {
        Self::Machine { task: task.into(), error, remedy }
    }

    /// The process's exit code: 1 folders that do not belong together, 2 usage, 3 the authority or the machine, 130 interrupted (128 + SIGINT, as shells count).
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Output(error) => error.exit_code(),
            Self::Merge(error) => error.exit_code(),
            Self::Knob(error) => error.exit_code(),
            Self::Interrupted => 130,
            _ => 3,
        }
    }
}
