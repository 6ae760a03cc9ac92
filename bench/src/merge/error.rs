//! Why folders are not merged.

use crate::output::OutputError;
use std::path::PathBuf;

/// Why folders are not merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A folder cannot be read or written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// It is no share of a load.
    #[error("{} does not say which share of the load it is; merge runs that had --load-shard I/N", path.display())]
    NoShard {
        /// The folder.
        path: PathBuf,
    },
    /// Shares of other divisions.
    #[error("{} is a share of {found}, and {} one of {expected}; merge the shares of one run only", path.display(), first.display())]
    Division {
        /// The first folder.
        first: PathBuf,
        /// Its number of shares.
        expected: u64,
        /// Another folder.
        path: PathBuf,
        /// Its number of shares.
        found: u64,
    },
    /// A share twice.
    #[error("{} and {} are both share {index}; name each share once", one.display(), other.display())]
    Doubled {
        /// The share.
        index: u64,
        /// A folder with it.
        one: PathBuf,
        /// Another.
        other: PathBuf,
    },
    /// Shares that are not there.
    #[error("of {count} shares these are missing: {missing}; name their folders, too, or repeat the run without them")]
    Missing {
        /// How many there should be.
        count: u64,
        /// Their indices.
        missing: String,
    },
    /// They did not do the same.
    #[error("{} has {name} {found}, and {} has {expected}; merge the shares of one run only", path.display(), first.display())]
    Other {
        /// What is different.
        name: String,
        /// The first folder.
        first: PathBuf,
        /// What it has.
        expected: String,
        /// Another folder.
        path: PathBuf,
        /// What that has.
        found: String,
    },
    /// Something without which they cannot be compared.
    #[error("{} does not say its {name}; write it again with this version", path.display())]
    Unsaid {
        /// What is missing.
        name: &'static str,
        /// The folder.
        path: PathBuf,
    },
    /// They did not run at the same time.
    #[error(
        "{} began {apart_ms} ms after {} (at most {limit_ms}): the sum was never on offer at once; give all shares the same \
         start, and set the machines' clocks by one source",
        path.display(), first.display()
    )]
    Apart {
        /// The earlier folder.
        first: PathBuf,
        /// The later folder.
        path: PathBuf,
        /// Between them.
        apart_ms: u64,
        /// The most that is allowed.
        limit_ms: u64,
    },
}

impl MergeError {
    /// The process's exit code: 1 for refused shares, otherwise that of the folder's fault.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Output(error) => error.exit_code(),
            _ => 1,
        }
    }
}
