//! Exit codes, and the errors that have one.

use std::io::ErrorKind;
use std::process::ExitCode;

use quittance_tuning::SysrootError;
use quittance_tuning::changes::JournalError;
use quittance_tuning::netns::NetnsError;

/// Told beneath every help text.
pub(crate) const EXIT_CODES: &str = "Exit codes:
  0  done; findings do not change it
  1  something failed: a report could not be written, the kernel refused a value or did not keep it, the journal of
     changes could not be written, a core could not be watched
  2  the command line is wrong, --sysroot is not a directory with proc or sys in it, or a question could not be asked
  3  only for `check`: something is not as the profile wants it; for `fingerprint --compare`: the machine differs
  4  the right to do it is missing: run as root
  5  another run is at work, or awaits its confirmation
  6  only for `rollback`: others have changed values since, and theirs stay";

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Differs = 3,
    NotPermitted = 4,
    Busy = 5,
    ChangedByOthers = 6,
}

/// What kept a run from its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Sysroot(#[from] SysrootError),
    #[error(transparent)]
    Netns(#[from] NetnsError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Fault {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Failed(_) => Exit::Failed,
            Self::Usage(_) | Self::Sysroot(_) | Self::Netns(NetnsError::Name(_) | NetnsError::Unknown { .. }) => {
                Exit::Usage
            }
            Self::Netns(NetnsError::Refused { .. }) => Exit::NotPermitted,
            Self::Journal(JournalError::Locked { .. } | JournalError::Unconfirmed { .. }) => Exit::Busy,
            Self::Journal(JournalError::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {
                Exit::NotPermitted
            }
            Self::Journal(_) => Exit::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
