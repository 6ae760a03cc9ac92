//! Why a knob of the machine was not turned.

use std::path::PathBuf;

use quittance_tuning::SysrootError;
use quittance_tuning::changes::JournalError;

/// Why a knob of the machine was not turned, or not turned back.
#[derive(Debug, thiserror::Error)]
pub enum KnobError {
    /// There is nothing to turn, or nobody to turn it. Nothing was written.
    #[error("{knob}: {reason}")]
    Pointless {
        /// The knob.
        knob: &'static str,
        /// In the words of its state.
        reason: String,
    },
    /// The machine was not looked at.
    #[error(transparent)]
    Sysroot(SysrootError),
    /// The journal of changes has no folder.
    #[error("making a folder for the journal of changes: {0}; set TMPDIR to a folder that can be written to")]
    Folder(std::io::Error),
    /// The journal of changes was not written. Nothing was changed after that.
    #[error("the journal of changes: {0}; free space there, or set TMPDIR to another folder")]
    Journal(JournalError),
    /// The kernel refused a value, or did not keep it. What was changed before is set back.
    #[error("not set: {outcomes}")]
    NotSet {
        /// A line for each value that was not set.
        outcomes: String,
    },
    /// A value still stands.
    #[error("not set back: {outcomes}; `quittance-tune rollback --state-dir {}` tries again what is left", folder.display())]
    NotSetBack {
        /// A line for each value, or what happened to the journal.
        outcomes: String,
        /// The journal's directory.
        folder: PathBuf,
    },
    /// Someone else turns it too: a side would not be what it is called.
    #[error(
        "{knob} is no longer as this session left it: {found}; keep whatever else sets it from that, and start again"
    )]
    Moved {
        /// The knob.
        knob: &'static str,
        /// What was found instead.
        found: String,
    },
}

impl KnobError {
    /// As of a process: 2 where the knob has no meaning here, 3 where the machine refused something.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Pointless { .. } => 2,
            _ => 3,
        }
    }
}
