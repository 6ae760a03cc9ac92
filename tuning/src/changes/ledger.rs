//! The file behind the journal, and the lock around its directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::changes::JournalError;

/// Where lines go. The real one is a file; tests stop between its steps.
pub trait Ledger {
    /// Appends one line.
    ///
    /// # Errors
    /// What the kernel said.
    fn append(&mut self, line: &[u8]) -> io::Result<()>;

    /// Returns once everything appended is on the disk.
    ///
    /// # Errors
    /// What the kernel said.
    fn sync(&mut self) -> io::Result<()>;
}

/// The directory with the journal and its lock.
#[derive(Clone, Debug)]
pub struct StateDirectory(PathBuf);

/// The journal's file, locked for this process.
#[derive(Debug)]
pub struct FileLedger {
    file: File,
    /// Held until dropped.
    _lock: File,
}

impl StateDirectory {
    /// The directory at this path, which need not be there yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The journal's file.
    #[must_use]
    pub fn journal_path(&self) -> PathBuf {
        self.0.join("changes.jsonl")
    }

    /// What the journal holds; nothing where there is none. Takes no lock and opens nothing for writing.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn read(&self) -> Result<Vec<u8>, JournalError> {
        match fs::read(self.journal_path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read.map_err(|source| io_error(&self.journal_path(), source)),
        }
    }

    /// Makes the directory if need be and takes its lock.
    ///
    /// # Errors
    /// [`JournalError::Locked`] where another process has it; [`JournalError::Io`].
    pub fn lock(&self) -> Result<FileLedger, JournalError> {
        let failed = |source| io_error(&self.0, source);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(failed)?;
        let lock = open(&self.0.join("lock"))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(JournalError::Locked { place: self.0.display().to_string() }),
            Err(errno) => return Err(io_error(&self.0, errno.into())),
        }
        let file = open(&self.journal_path())?;
        // The names of both files are as much needed as their content.
        File::open(&self.0).and_then(|directory| directory.sync_all()).map_err(failed)?;
        Ok(FileLedger { file, _lock: lock })
    }
}

impl FileLedger {
    /// Cuts off what follows the last whole line.
    pub(super) fn cut(&mut self, length_bytes: u64) -> io::Result<()> {
        self.file.set_len(length_bytes)?;
        self.file.sync_all()
    }
}

impl Ledger for FileLedger {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.write_all(line)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

fn open(path: &Path) -> Result<File, JournalError> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    file.map_err(|source| io_error(path, source))
}

pub(super) fn io_error(path: &Path, source: io::Error) -> JournalError {
    JournalError::Io { place: path.display().to_string(), source }
}
