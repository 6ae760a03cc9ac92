//! What can be wrong with a folder of results.

use std::path::{Path, PathBuf};

/// Why a folder cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Something is there already.
    #[error("{} is not empty, and nothing is overwritten; name another folder, or empty this one", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The machine refused something.
    #[error("{task} {}: {error}; mind the disk's room and the rights of this user", path.display())]
    File {
        /// What was attempted.
        task: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the machine said.
        error: std::io::Error,
    },
    /// It is no folder of results.
    #[error("{} does not hold results: {why}; name a folder that `run --out` or `merge --out` wrote", path.display())]
    NotResults {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
    /// Its shape is of another version.
    #[error("{} has schema {found}, and this program reads {expected}; use the version that wrote it", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: String,
        /// What this program writes.
        expected: u64,
    },
    /// It contradicts itself.
    #[error("{} is damaged: {why}; copy the folder again from where it was written, or repeat the run", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The contradiction.
        why: String,
    },
}

impl OutputError {
    pub(crate) fn file(task: &'static str, path: &Path, error: std::io::Error) -> Self {
        Self::File { task, path: path.to_owned(), error }
    }

    pub(crate) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), why: why.into() }
    }

    /// The process's exit code: 2 if another folder should have been named, 3 if this one or the machine is at fault.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotEmpty { .. } | Self::NotResults { .. } | Self::Schema { .. } => 2,
            Self::File { .. } | Self::Damaged { .. } => 3,
        }
    }
}
