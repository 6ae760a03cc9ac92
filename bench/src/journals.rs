//! Where durable authorities keep their journals, and how fast that disk is by itself.

use crate::error::BenchError;
use crate::latency::{Latency, LatencySummary};
use crate::parts::Part;
use rustix::fs::OFlags;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tempfile::TempDir;

/// Copies that an authority keeps at most.
const COPY_COUNT_MAX: usize = 2;
/// Flushes that are timed.
const FLUSH_COUNT: usize = 200;
/// What is written before each, as a journal's smallest block. Bytes.
const PAGE_BYTES: usize = 4096;
/// Types of file systems that hold files in memory (statfs(2)).
const MEMORY_FILE_SYSTEMS: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// Folders of one run for its authorities' journals: one per copy. Removed when dropped, unless kept.
#[derive(Debug)]
pub struct Journals {
    folders: Vec<TempDir>,
}

/// Aligned as O_DIRECT demands.
#[repr(C, align(4096))]
struct Page([u8; PAGE_BYTES]);

impl Journals {
    /// Makes a folder in each of the directories named; two in `default` if none are.
    ///
    /// # Errors
    /// [`BenchError::Usage`] for more than two; [`BenchError::Machine`].
    pub fn make(named: &[PathBuf], default: &Path) -> Result<Self, BenchError> {
        let parents = match named {
            [] => vec![default; COPY_COUNT_MAX],
            named if named.len() <= COPY_COUNT_MAX => named.iter().map(PathBuf::as_path).collect(),
            _ => return Err(BenchError::Usage(format!("--data takes at most {COPY_COUNT_MAX} directories"))),
        };
        let remedy = "; make the directory, or name one that can be written to";
        let make = |(copy, parent): (usize, &Path)| {
            let folder = tempfile::Builder::new().prefix(&format!("quittance-journal-{copy}-")).tempdir_in(parent);
            folder.map_err(|error| {
                BenchError::machine(format!("making a folder for journals in {}", parent.display()), error, remedy)
            })
        };
        Ok(Self { folders: parents.into_iter().enumerate().map(make).collect::<Result<_, _>>()? })
    }

    /// The directories of authority `index`, one per copy.
    pub fn of_authority(&self, index: usize) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.path().join(format!("authority-{index}"))).collect()
    }

    /// The same as the authority's option has it: `DIR,DIR2`. An authority of several processes has such for each.
    pub fn argument(&self, index: usize, part: Option<&Part>) -> OsString {
        let mut paths = self.of_authority(index);
        if let Some(part) = part {
            paths.iter_mut().for_each(|path| path.push(format!("shards-{}", part.shards)));
        }
        paths.iter().map(|path| path.as_os_str()).collect::<Vec<_>>().join(",".as_ref())
    }

    /// Where they are, for a person to read.
    pub fn described(&self) -> String {
        self.folders.iter().map(|folder| folder.path().display().to_string()).collect::<Vec<_>>().join(" and ")
    }

    /// Leaves the folders there when this is dropped.
    pub fn keep(&mut self) {
        self.folders.iter_mut().for_each(|folder| folder.disable_cleanup(true));
    }

    /// Whether some folder lies in memory, where nothing is ever flushed.
    ///
    /// # Errors
    /// [`BenchError::Machine`].
    pub fn in_memory(&self) -> Result<bool, BenchError> {
        let in_memory = |folder: &TempDir| {
            let found = rustix::fs::statfs(folder.path());
            let found =
                found.map_err(|error| BenchError::machine("asking for a file system's type", error.into(), ""))?;
            Ok(MEMORY_FILE_SYSTEMS.contains(&found.f_type))
        };
        self.folders.iter().map(in_memory).try_fold(false, |any, one| Ok(any || one?))
    }

    /// How long the disk takes to write and flush 4 KiB, without an authority: to a file that is already allocated and filled,
    /// past the page cache where the file system allows it, then fdatasync; one at a time. Of two folders, the slower one
    /// counts. Microseconds.
    ///
    /// # Errors
    /// [`BenchError::Machine`].
    pub fn disk_flush_us(&self) -> Result<LatencySummary, BenchError> {
        let mut slowest = LatencySummary::default();
        for folder in &self.folders {
            let path = folder.path().join("flush");
            let timed = time_flushes(&path);
            // A file that was not made need not be removed; the folder goes in the end in any case.
            let _ = std::fs::remove_file(&path);
            let remedy = "; free space there, or name other directories by --data";
            let timed = timed
                .map_err(|error| BenchError::machine(format!("timing flushes of {}", path.display()), error, remedy))?;
            slowest = if timed.p50 > slowest.p50 { timed } else { slowest };
        }
        Ok(slowest)
    }
}

fn time_flushes(path: &Path) -> std::io::Result<LatencySummary> {
    let filled = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    filled.write_all_at(&vec![0; FLUSH_COUNT * PAGE_BYTES], 0)?;
    filled.sync_all()?;
    let page = Page([0x51; PAGE_BYTES]);
    let direct = i32::try_from(OFlags::DIRECT.bits()).expect("the kernel's flags are an int");
    let file: File = match OpenOptions::new().write(true).custom_flags(direct).open(path) {
        Ok(file) if file.write_all_at(&page.0, 0).is_ok() => file,
        _ => filled,
    };
    let mut latency = Latency::new();
    for turn in 0..FLUSH_COUNT {
        let begun = Instant::now();
        file.write_all_at(&page.0, (turn * PAGE_BYTES) as u64)?;
        file.sync_data()?;
        latency.record(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    Ok(latency.summary())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_copies_lie_in_the_default_folder_unless_directories_are_named() {
        let (default, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let journals = Journals::make(&[], default.path()).unwrap();
        let paths = journals.of_authority(3);
        assert!(paths.len() == 2 && paths[0] != paths[1]);
        assert!(paths.iter().all(|path| path.starts_with(default.path()) && path.ends_with("authority-3")));
        let named = Journals::make(&[other.path().to_owned()], default.path()).unwrap();
        assert!(named.of_authority(0).len() == 1 && named.of_authority(0)[0].starts_with(other.path()));
        assert!(!named.argument(0, None).to_string_lossy().contains(','));
        let three = vec![other.path().to_owned(); 3];
        assert!(matches!(Journals::make(&three, default.path()), Err(BenchError::Usage(_))));
    }

    #[test]
    fn folders_go_with_their_owner_unless_kept() {
        let default = tempfile::tempdir().unwrap();
        drop(Journals::make(&[], default.path()).unwrap());
        assert_eq!(std::fs::read_dir(default.path()).unwrap().count(), 0);
        let mut kept = Journals::make(&[], default.path()).unwrap();
        kept.keep();
        drop(kept);
        assert_eq!(std::fs::read_dir(default.path()).unwrap().count(), 2);
    }

    #[test]
    fn every_flush_is_timed_and_nothing_is_left() {
        let default = tempfile::tempdir().unwrap();
        let journals = Journals::make(&[], default.path()).unwrap();
        let flush = journals.disk_flush_us().unwrap();
        assert!(flush.count == FLUSH_COUNT as u64 && flush.p50 > 0.0 && flush.p99 >= flush.p50, "{flush:?}");
        let left = journals.folders.iter().map(|folder| std::fs::read_dir(folder.path()).unwrap().count());
        assert_eq!(left.sum::<usize>(), 0);
    }

    #[test]
    fn memory_is_told_from_a_disk() {
        let shared_memory = Path::new("/dev/shm");
        if shared_memory.is_dir() {
            let journals = Journals::make(&[shared_memory.to_owned()], shared_memory).unwrap();
            let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
            let is_tmpfs = mounts.lines().any(|line| line.contains(" /dev/shm tmpfs "));
            assert_eq!(journals.in_memory().unwrap(), is_tmpfs);
        }
    }
}
