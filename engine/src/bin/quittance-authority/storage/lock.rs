//! One process at a time: a lock on each data directory, held as long as the process lives.

use crate::fault::Fault;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// The lock file's name in its directory. It holds the number of the process that has the lock, or had it last.
pub(super) const LOCK_NAME: &str = "lock";

/// A lock on a directory, until this is dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would do, but for a child that was forked and has not yet become another program.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// Makes the directory if it is not there, for its owner alone, and takes it for this process.
///
/// # Errors
/// [`Fault::InUse`] if another process has it; this never waits.
pub(super) fn take(directory: &Path) -> Result<Lock, Fault> {
    let fault = |source| Fault::File { path: directory.to_owned(), source, remedy: "; it is where the journal goes" };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(fault)?;
    let path = directory.join(LOCK_NAME);
    let fault = |source| Fault::File { path: path.clone(), source, remedy: "" };
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut lock = open.map_err(fault)?;
    try_lock(&mut lock, FlockOperation::NonBlockingLockExclusive, directory)?;
    lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id())).map_err(fault)?;
    Ok(Lock(lock))
}

/// Keeps authorities away from the directory while this process looks at it. Changes nothing: `None` if no authority has
/// ever locked it.
///
/// # Errors
/// [`Fault::InUse`] if an authority has it.
pub(super) fn share(directory: &Path) -> Result<Option<Lock>, Fault> {
    let path = directory.join(LOCK_NAME);
    match File::open(&path) {
        Ok(mut lock) => {
            try_lock(&mut lock, FlockOperation::NonBlockingLockShared, directory)?;
            Ok(Some(Lock(lock)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Fault::File { path, source, remedy: "" }),
    }
}

fn try_lock(lock: &mut File, operation: FlockOperation, directory: &Path) -> Result<(), Fault> {
    match flock(&*lock, operation) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(Fault::InUse { path: directory.to_owned(), holder: holder(lock) }),
        Err(error) => Err(Fault::File {
            path: directory.join(LOCK_NAME),
            source: error.into(),
            remedy: "; the data directory must be on a file system that can lock files",
        }),
    }
}

/// Who has the lock. A process that only looks leaves no number, and one that was killed leaves a stale one.
fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    let number = lock.read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok());
    match number {
        Some(number) if Path::new(&format!("/proc/{number}")).exists() => format!("process {number}"),
        _ => "another process".to_owned(),
    }
}

/// Device and inode: the same for two names of one directory.
pub(super) fn place_of(directory: &Path) -> Result<(u64, u64), Fault> {
    let metadata = std::fs::metadata(directory).map_err(Fault::read(directory))?;
    Ok((metadata.dev(), metadata.ino()))
}
