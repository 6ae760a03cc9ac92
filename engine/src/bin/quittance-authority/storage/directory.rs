//! The data directories: taken for this process, with a journal in them that is whole or can be made so.

use super::copy_file::{Access, CopyFile, JOURNAL_NAME, sync_directory, sync_way_to, try_direct};
use super::lock::{self, Lock};
use super::snapshot_files;
use super::survey::{Mending, Plan, Planned, survey};
use crate::fault::Fault;
use quittance_engine::journal::identity::{Identity, JournalKey, Superblock};
use quittance_engine::journal::{COPIES_MAX, is_region};
use quittance_engine::shard_range::ShardRange;
use quittance_tuning::{Finding, Severity};
use quittance_verify::SecretKey;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

/// Bytes for each shard in each copy of a new journal.
pub(crate) const REGION_BYTES_DEFAULT: u64 = 256 << 20;

/// An authority's journal, open. It is this process's as long as this lives.
#[derive(Debug)]
pub(crate) struct Storage {
    /// By copy. For the journal that was one of two and is now alone, see [`Self::is_second_alone`].
    pub(crate) copies: Vec<CopyFile>,
    /// What the first page of copy 0 says.
    pub(crate) superblock: Superblock,
    /// What the operator should know.
    pub(crate) findings: Vec<Finding>,
    /// Whether it was made just now.
    pub(crate) is_new: bool,
    /// The only copy was written as copy 1. Recovery makes it copy 0.
    pub(super) is_second_alone: bool,
    /// Shards whose region was read back, and mended.
    recovered_count: AtomicU16,
    _locks: Vec<Lock>,
}

impl Storage {
    /// Opens the journal of these shards in these directories, one copy in each; makes directories and journal if there are none. A copy
    /// that is missing while the other is whole is made again, and filled by [`recover`](super::recover). `region_bytes`:
    /// `None` for the length that the journal has.
    ///
    /// What a process before this one wrote is durable when this returns, synced by it or not.
    ///
    /// # Errors
    /// [`Fault::InUse`], [`Fault::Foreign`], [`Fault::Lost`], [`Fault::NoRoom`]; [`Fault::Option`] for directories or
    /// lengths that cannot be.
    pub(crate) fn open(
        directories: &[PathBuf],
        identity: &Identity,
        shards: ShardRange,
        region_bytes: Option<u64>,
    ) -> Result<Self, Fault> {
        check_options(directories, region_bytes)?;
        let locks = directories.iter().map(|directory| lock::take(directory)).collect::<Result<Vec<_>, Fault>>()?;
        let mut findings = same_device(directories)?;
        let plan = survey(directories, identity, Some(shards))?;
        let is_new = matches!(plan, Plan::Make);
        let (superblock, copies, is_second_alone) = match plan {
            Plan::Make => {
                let region_bytes = region_bytes.unwrap_or(REGION_BYTES_DEFAULT);
                let (identity, created) = (*identity, created()?);
                let superblock = Superblock { identity, shards, region_bytes, copy: 0, created };
                let all: Vec<(u8, &Path)> = (0..).zip(directories.iter().map(PathBuf::as_path)).collect();
                (superblock, make(&superblock, &all, &mut findings)?, false)
            }
            Plan::Open { superblock, copies, is_second_alone } => {
                check_region(region_bytes, &superblock, &copies[0].directory)?;
                (superblock, open(&superblock, &copies, &mut findings)?, is_second_alone)
            }
        };
        for copy in &copies {
            copy.sync()?;
            snapshot_files::remove_unfinished(&copy.directory)?;
            sync_directory(&copy.directory)?;
        }
        let recovered_count = AtomicU16::new(0);
        Ok(Self { copies, superblock, findings, is_new, is_second_alone, recovered_count, _locks: locks })
    }

    /// A shard's region was read back, and what was to be mended in it is synced. After the last shard's, a second copy
    /// that is alone is a first one.
    pub(super) fn recovered(&self) -> Result<(), Fault> {
        let recovered_count = self.recovered_count.fetch_add(1, Ordering::AcqRel) + 1;
        let shard_count = self.superblock.shards.count();
        assert!(recovered_count <= shard_count, "each shard recovers once");
        if self.is_second_alone && recovered_count == shard_count {
            self.copies[0].write_superblock(&self.superblock)?;
            self.copies[0].sync()?;
        }
        Ok(())
    }

    /// The directories, by copy.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        self.copies.iter().map(|copy| copy.directory.clone()).collect()
    }

    /// Whether writes to every copy pass by the page cache.
    pub(crate) fn is_direct(&self) -> bool {
        self.copies.iter().all(|copy| copy.is_direct)
    }

    /// The key of the blocks' tags.
    pub(crate) fn key(&self, secret: &SecretKey) -> JournalKey {
        JournalKey::derive(secret.seed(), &self.superblock.created)
    }
}

pub(super) fn check_directories(directories: &[PathBuf]) -> Result<(), Fault> {
    if directories.is_empty() || directories.len() > usize::from(COPIES_MAX) {
        return Err(Fault::Option("give one data directory, or two: the journal has a copy in each".to_owned()));
    }
    // Directories that are not there yet are the same if they are named alike.
    let place = |directory: &PathBuf| lock::place_of(directory).map_err(|_| directory.clone());
    if let [first, second] = directories
        && place(first) == place(second)
    {
        return Err(Fault::Option("both data directories are the same one; give two".to_owned()));
    }
    Ok(())
}

fn check_options(directories: &[PathBuf], region_bytes: Option<u64>) -> Result<(), Fault> {
    check_directories(directories)?;
    match region_bytes {
        Some(bytes) if !is_region(bytes) => {
            Err(Fault::Option(format!("a journal cannot have {bytes} bytes per shard")))
        }
        _ => Ok(()),
    }
}

fn check_region(asked: Option<u64>, superblock: &Superblock, directory: &Path) -> Result<(), Fault> {
    match asked {
        Some(asked) if asked != superblock.region_bytes => Err(Fault::Option(format!(
            "{}: the journal was made with {} bytes for each shard, and {asked} are asked for; it keeps its length, so leave \
             the option out",
            directory.display(),
            superblock.region_bytes
        ))),
        _ => Ok(()),
    }
}

/// Two copies on one device are lost together.
fn same_device(directories: &[PathBuf]) -> Result<Vec<Finding>, Fault> {
    let places = directories.iter().map(|directory| lock::place_of(directory)).collect::<Result<Vec<_>, Fault>>()?;
    Ok(match places[..] {
        [(first, inode), (second, other)] if first == second => {
            assert_ne!(inode, other, "a directory cannot be locked twice");
            vec![Finding {
                severity: Severity::Notice,
                what: "both copies of the journal are on one device".to_owned(),
                why: "they mend each other's bad blocks, and are lost together when the device is".to_owned(),
                remedy: "give directories on two devices".to_owned(),
            }]
        }
        [_] => vec![Finding {
            severity: Severity::Warning,
            what: "the journal has one copy".to_owned(),
            why: "one block that the device loses keeps the authority from ever starting again".to_owned(),
            remedy: "give two directories, on two devices: --data DIR,DIR".to_owned(),
        }],
        _ => Vec::new(),
    })
}

fn created() -> Result<[u8; 16], Fault> {
    let mut created = [0; 16];
    getrandom::fill(&mut created).map_err(Fault::Random)?;
    Ok(created)
}

/// Makes these copies. First all zeros, synced, and only then the first pages: a file whose first page is there is whole.
/// Leaves none behind if one cannot be made.
fn make(superblock: &Superblock, copies: &[(u8, &Path)], findings: &mut Vec<Finding>) -> Result<Vec<CopyFile>, Fault> {
    let mut unfinished = Unfinished(Vec::new());
    let mut made = Vec::with_capacity(copies.len());
    for (_, directory) in copies {
        let path = directory.join(JOURNAL_NAME);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Fault::read(&path)(error)),
            _ => unfinished.0.push(path),
        }
        let copy = CopyFile::open(directory, Access::Create, is_direct(directory, findings))?;
        copy.fill(0, superblock.file_bytes())?;
        made.push(copy);
    }
    for (copy, (number, directory)) in made.iter().zip(copies) {
        copy.write_superblock(&Superblock { copy: *number, ..*superblock })?;
        copy.sync()?;
        sync_directory(directory)?;
        // The directory itself may be new: without its name a power cut takes the journal with it.
        sync_way_to(directory)?;
    }
    unfinished.0.clear();
    Ok(made)
}

/// Files to be removed unless all goes well.
struct Unfinished(Vec<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        for path in &self.0 {
            // Whoever made this cannot do more, and is about to say what went wrong.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn open(superblock: &Superblock, planned: &[Planned], findings: &mut Vec<Finding>) -> Result<Vec<CopyFile>, Fault> {
    let mut copies = Vec::with_capacity(planned.len());
    for (number, Planned { directory, mending }) in (0..).zip(planned) {
        if *mending == Mending::Make {
            findings.push(mended(directory, "there was none, and it is made from the other copy"));
            copies.extend(make(superblock, &[(number, directory)], findings)?);
            continue;
        }
        let copy = CopyFile::open(directory, Access::Write, is_direct(directory, findings))?;
        if let Mending::Superblock { what } = mending {
            findings.push(mended(directory, what));
            let bytes = copy.file.metadata().map_err(Fault::read(&copy.path))?.len();
            // From a whole page on: the file may end anywhere.
            let start = bytes - bytes % quittance_engine::journal::PAGE_BYTES as u64;
            if start < superblock.file_bytes() {
                copy.fill(start, superblock.file_bytes())?;
            }
            copy.write_superblock(&Superblock { copy: number, ..*superblock })?;
        }
        copies.push(copy);
    }
    Ok(copies)
}

fn mended(directory: &Path, what: &str) -> Finding {
    Finding {
        severity: Severity::Warning,
        what: format!("the journal in {} is mended: {what}", directory.display()),
        why: "a copy that was lost or changed may be lost or changed again".to_owned(),
        remedy: "see to its device; nothing else needs to be done".to_owned(),
    }
}

/// Whether the directory's files can be written past the page cache; says so if not.
fn is_direct(directory: &Path, findings: &mut Vec<Finding>) -> bool {
    try_direct(directory)
        .inspect_err(|error| {
            findings.push(Finding {
                severity: Severity::Warning,
                what: format!("the journal in {} is written through the page cache", directory.display()),
                why: format!(
                    "its file system does not take direct writes ({error}), and syncs take longer without them"
                ),
                remedy: "put the directory on ext4 or XFS on a local device".to_owned(),
            });
        })
        .is_ok()
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
