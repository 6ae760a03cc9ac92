//! One command at a time: a lock on the wallet's folder, held until the command ends.
//!
//! Two commands that both append to the book could both sign for one sequence number. Commands that only read the book take no
//! lock: it is appended to, or replaced as a whole.

use crate::fault::Fault;
use quittance_wallet::folder::LOCK_NAME;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a lock that another command has is tried.
const POLL: Duration = Duration::from_millis(20);

/// The lock, until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "closing it gives the lock back")] File);

/// Takes the lock of this folder. While another command has it, waits for at most `patience`, saying so once by `notice`.
///
/// # Errors
/// [`Fault::InUse`]; [`Fault::File`].
pub(crate) fn take(folder: &Path, patience: Duration, notice: impl FnOnce(&str)) -> Result<Lock, Fault> {
    let path = folder.join(LOCK_NAME);
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = open.map_err(Fault::file(&path, ""))?;
    let deadline = Instant::now() + patience;
    let mut notice = Some(notice);
    while !try_take(&file, &path)? {
        let holder = holder(&mut file);
        if Instant::now() >= deadline {
            return Err(Fault::InUse { path: folder.to_owned(), holder });
        }
        if let Some(notice) = notice.take() {
            notice(&format!("waiting for {holder}, which uses this wallet"));
        }
        std::thread::sleep(POLL);
    }
    let note = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
    note.map_err(Fault::file(&path, ""))?;
    Ok(Lock(file))
}

fn try_take(file: &File, path: &Path) -> Result<bool, Fault> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(Fault::File {
            path: path.to_owned(),
            source: error.into(),
            remedy: "; the wallet must be on a file system that can lock files",
        }),
    }
}

/// Who has the lock. One that was killed leaves a stale number.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let number = read.ok().and_then(|_| text.trim().parse::<u32>().ok());
    match number {
        Some(number) if Path::new(&format!("/proc/{number}")).exists() => format!("process {number}"),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_waits_and_is_then_refused_with_the_holders_name() {
        let folder = tempfile::tempdir().unwrap();
        let first = take(folder.path(), Duration::ZERO, |_| panic!("nobody has it")).unwrap();
        let mut notices = Vec::new();
        let fault =
            take(folder.path(), Duration::from_millis(50), |notice| notices.push(notice.to_owned())).unwrap_err();
        assert!(fault.to_string().contains(&format!("process {}", std::process::id())), "{fault}");
        assert_eq!((fault.exit_code(), notices.len()), (5, 1));
        drop(first);
        take(folder.path(), Duration::ZERO, |_| panic!("nobody has it")).unwrap();
    }

    #[test]
    fn a_waiting_taker_gets_it_when_it_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let first = take(folder.path(), Duration::ZERO, |_| ()).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| take(folder.path(), Duration::from_secs(20), |_| ()).map(drop));
            std::thread::sleep(POLL);
            drop(first);
            second.join().unwrap().unwrap();
        });
    }
}
