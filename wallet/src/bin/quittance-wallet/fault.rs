//! What ends a command before it is done, and with which exit code. Each message names a remedy.

use crate::keys::KeysFault;
use std::io;
use std::path::{Path, PathBuf};

/// Why a command ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The committee refuses, or would.
    #[error("{}", .0.text)]
    Refused(Box<Told>),
    /// The command line, or a file that it names, is wrong.
    #[error("{0}")]
    Usage(String),
    /// A file that cannot be read or written.
    #[error("{}: {source}{remedy}", path.display())]
    File { path: PathBuf, source: io::Error, remedy: &'static str },
    /// A file or folder that others may read.
    #[error(
        "{path}: others may read or write it (mode {mode:o}), and it is for its owner alone; run: chmod {wanted} {path}",
        path = path.display()
    )]
    Exposed { path: PathBuf, mode: u32, wanted: &'static str },
    /// The machine refuses something else.
    #[error("{task}: {source}{remedy}")]
    Machine { task: &'static str, source: io::Error, remedy: &'static str },
    /// The system's random source.
    #[error("the system gives no random bytes ({0}); keys and checks of signatures would be worth nothing without")]
    Random(#[from] getrandom::Error),
    /// Too few authorities answered.
    #[error("{}", .0.text)]
    Pending(Box<Told>),
    /// Someone asked the command to stop.
    #[error("interrupted; an order that was signed is kept, and `recover` goes on with it")]
    Interrupted,
    /// A keys file that gives no keys.
    #[error("{}: {source}", path.display())]
    Keys { path: PathBuf, source: KeysFault },
    /// What the wallet keeps is no longer what it wrote.
    #[error("{}: {what}", path.display())]
    Damaged { path: PathBuf, what: String },
    /// Another command has the wallet.
    #[error("{}: in use by {holder}; wait for its end, or end it (what it has begun is kept), then try again", path.display())]
    InUse { path: PathBuf, holder: String },
}

/// What came of asking the authorities.
#[derive(Debug)]
pub(crate) struct Told {
    /// For people.
    pub(crate) text: String,
    /// For programs.
    pub(crate) details: serde_json::Value,
}

impl Fault {
    /// The committee refuses.
    pub(crate) fn refused(text: String, details: serde_json::Value) -> Self {
        Self::Refused(Box::new(Told { text, details }))
    }

    /// Too few authorities answered.
    pub(crate) fn pending(text: String, details: serde_json::Value) -> Self {
        Self::Pending(Box::new(Told { text, details }))
    }

    /// What programs are told besides the message.
    pub(crate) fn details(&self) -> Option<&serde_json::Value> {
        match self {
            Self::Refused(told) | Self::Pending(told) => Some(&told.details),
            _ => None,
        }
    }

    /// See [`EXIT_CODES`](crate::options::EXIT_CODES).
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::File { .. } | Self::Exposed { .. } | Self::Machine { .. } | Self::Random(_) => 3,
            Self::Pending(_) | Self::Interrupted => 4,
            Self::Keys { .. } | Self::Damaged { .. } | Self::InUse { .. } => 5,
        }
    }

    /// One word for programs.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Usage(_) => "usage",
            Self::File { .. } | Self::Exposed { .. } => "file",
            Self::Machine { .. } | Self::Random(_) => "machine",
            Self::Pending(_) => "pending",
            Self::Interrupted => "interrupted",
            Self::Keys { .. } => "keys",
            Self::Damaged { .. } => "damaged",
            Self::InUse { .. } => "in_use",
        }
    }

    /// For a file's error.
    pub(crate) fn file(path: &Path, remedy: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source, remedy }
    }

    /// For a keys file's fault.
    pub(crate) fn keys(path: &Path) -> impl FnOnce(KeysFault) -> Self {
        let path = path.to_owned();
        move |source| Self::Keys { path, source }
    }
}
