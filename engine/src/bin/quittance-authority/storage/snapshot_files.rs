//! Snapshot files: how one is written, and which ones there are.
//!
//! A shard has two, taking turns: `snapshot-SHARD-0` holds its snapshots with even numbers, `snapshot-SHARD-1` those with
//! odd ones, in every data directory. A new one is written beside them, synced, and then takes its name: what has the name
//! was complete, and an older one is there until it does.

use super::copy_file::{Access, PIECE_BYTES, open_file, sync_directory};
use super::pages::{Page, pages_of};
use super::survey::is_medium_fault;
use crate::fault::Fault;
use quittance_engine::journal::PAGE_BYTES;
use quittance_engine::journal::snapshot::{Decoder, Item, SnapshotError, SnapshotHeader};
use quittance_engine::keeper::snapshot_order;
use quittance_engine::types::ShardIndex;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const PREFIX: &str = "snapshot-";
const UNFINISHED: &str = ".new";

/// What to do about a snapshot that cannot be made or written.
const REMEDY: &str = "; the journal cannot turn without snapshots: make room, or see to the device";

/// The name of a shard's snapshot with this number.
pub(super) fn name(shard: ShardIndex, number: u64) -> String {
    format!("{PREFIX}{}-{}", shard.0, number % 2)
}

/// A snapshot being written, to every data directory. Dropped before [`Self::finish`], it leaves nothing.
#[derive(Debug)]
pub(crate) struct SnapshotFile {
    targets: Vec<Target>,
    piece: Vec<Page>,
    /// Bytes of the piece that wait to be written.
    filled: usize,
    /// Bytes written.
    written: u64,
}

#[derive(Debug)]
struct Target {
    directory: PathBuf,
    path: PathBuf,
    unfinished: PathBuf,
    file: File,
    is_direct: bool,
    is_finished: bool,
}

impl SnapshotFile {
    /// Begins the shard's snapshot with this number in each of these directories.
    ///
    /// # Errors
    /// [`Fault::File`]; [`Fault::NoRoom`] from any of these functions.
    pub(crate) fn create(directories: &[PathBuf], shard: ShardIndex, number: u64) -> Result<Self, Fault> {
        let targets = directories.iter().map(|directory| Target::create(directory, &name(shard, number)));
        Ok(Self { targets: targets.collect::<Result<_, _>>()?, piece: pages_of(PIECE_BYTES), filled: 0, written: 0 })
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let piece: &mut [u8] = bytemuck::cast_slice_mut(&mut self.piece);
            let length = bytes.len().min(piece.len() - self.filled);
            let (front, rest) = bytes.split_at(length);
            piece[self.filled..][..length].copy_from_slice(front);
            self.filled += length;
            bytes = rest;
            if self.filled == piece.len() {
                self.flush(self.filled)?;
            }
        }
        Ok(())
    }

    /// Makes it durable, under its name. The one that had the name is gone then.
    pub(crate) fn finish(mut self) -> Result<(), Fault> {
        let length = self.written + self.filled as u64;
        // Whole pages are written, and the file is cut behind its last byte.
        let whole = self.filled.next_multiple_of(PAGE_BYTES);
        bytemuck::cast_slice_mut::<Page, u8>(&mut self.piece)[self.filled..whole].fill(0);
        self.flush(whole)?;
        for target in &mut self.targets {
            let file = &target.file;
            file.set_len(length).and_then(|()| file.sync_all()).map_err(|source| target.fault(source))?;
        }
        for target in &mut self.targets {
            std::fs::rename(&target.unfinished, &target.path).map_err(|source| target.fault(source))?;
            target.is_finished = true;
            sync_directory(&target.directory)?;
        }
        Ok(())
    }

    fn flush(&mut self, bytes: usize) -> Result<(), Fault> {
        let piece: &[u8] = &bytemuck::cast_slice(&self.piece)[..bytes];
        self.targets.iter_mut().try_for_each(|target| target.write(piece, self.written))?;
        (self.filled, self.written) = (0, self.written + bytes as u64);
        Ok(())
    }
}

impl Target {
    fn create(directory: &Path, name: &str) -> Result<Self, Fault> {
        let (path, unfinished) = (directory.join(name), directory.join(format!("{name}{UNFINISHED}")));
        let fault = |source| Fault::File { path: unfinished.clone(), source, remedy: REMEDY };
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
            _ => {}
        }
        let (file, is_direct) = match open_file(&unfinished, Access::Create, true) {
            Ok(file) => (file, true),
            // A refusal of O_DIRECT may come after the file was made.
            Err(_) if unfinished.exists() => (open_file(&unfinished, Access::Write, false).map_err(fault)?, false),
            Err(_) => (open_file(&unfinished, Access::Create, false).map_err(fault)?, false),
        };
        Ok(Self { directory: directory.to_owned(), path, unfinished, file, is_direct, is_finished: false })
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> Result<(), Fault> {
        let outcome = match self.file.write_all_at(bytes, offset) {
            // Some file systems take the flag and not the write.
            Err(error) if self.is_direct && error.kind() == io::ErrorKind::InvalidInput => {
                self.is_direct = false;
                open_file(&self.unfinished, Access::Write, false).and_then(|file| {
                    self.file = file;
                    self.file.write_all_at(bytes, offset)
                })
            }
            outcome => outcome,
        };
        outcome.map_err(|source| self.fault(source))
    }

    fn fault(&self, source: io::Error) -> Fault {
        Fault::File { path: self.unfinished.clone(), source, remedy: REMEDY }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.is_finished {
            // What is left is removed at the next start.
            let _ = std::fs::remove_file(&self.unfinished);
        }
    }
}

/// Whether the directory holds a snapshot of any shard, complete when it was written.
pub(super) fn exist_in(directory: &Path) -> io::Result<bool> {
    match names_in(directory) {
        Ok(names) => Ok(names.iter().any(|name| !name.ends_with(UNFINISHED))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes what a process before this one did not finish.
pub(super) fn remove_unfinished(directory: &Path) -> Result<(), Fault> {
    let names = names_in(directory).map_err(Fault::read(directory))?;
    for path in names.iter().filter(|name| name.ends_with(UNFINISHED)).map(|name| directory.join(name)) {
        std::fs::remove_file(&path).map_err(Fault::read(&path))?;
    }
    Ok(())
}

fn names_in(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        names.extend(entry?.file_name().into_string().ok().filter(|name| name.starts_with(PREFIX)));
    }
    Ok(names)
}

/// A snapshot file that is there.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Which of the directories it is in.
    pub(super) copy: usize,
    pub(super) path: PathBuf,
    /// Which of a shard's two files it is.
    pub(super) turn: u64,
    /// What its first page says, which is not to be believed yet.
    pub(super) header: Result<SnapshotHeader, SnapshotFault>,
}

/// Why a snapshot file is of no use. Another one may be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SnapshotFault {
    /// What it says is wrong.
    #[error(transparent)]
    Content(#[from] SnapshotError),
    /// The medium does not give it back.
    #[error("the snapshot cannot be read: {0}")]
    Medium(String),
}

/// A shard's snapshot files, newest first, those without a number last; of two equally new, that of the first directory.
///
/// # Errors
/// [`Fault::File`], if a file is there and may not be read.
pub(super) fn candidates(
    directories: &[PathBuf],
    shard: ShardIndex,
    decoder: impl Fn() -> Decoder,
) -> Result<Vec<Candidate>, Fault> {
    let mut candidates = Vec::new();
    for (copy, directory) in directories.iter().enumerate() {
        for turn in 0..2 {
            let path = directory.join(name(shard, turn));
            match header(&path, decoder()) {
                Ok(header) => candidates.push(Candidate { copy, path, turn, header }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Fault::read(&path)(error)),
            }
        }
    }
    candidates.sort_by_key(|candidate| snapshot_order(candidate.header.as_ref().ok(), candidate.copy));
    Ok(candidates)
}

fn header(path: &Path, mut decoder: Decoder) -> io::Result<Result<SnapshotHeader, SnapshotFault>> {
    let file = File::open(path)?;
    let mut page = vec![0; PAGE_BYTES];
    match file.read_exact_at(&mut page, 0) {
        Ok(()) => decoder.push(&page),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Err(SnapshotError::Incomplete.into())),
        Err(error) if is_medium_fault(&error) => return Ok(Err(SnapshotFault::Medium(error.to_string()))),
        Err(error) => return Err(error),
    }
    Ok(match decoder.item() {
        Ok(Some(Item::Header(header))) => Ok(header),
        Ok(_) => Err(SnapshotError::Damaged.into()),
        Err(fault) => Err(fault.into()),
    })
}

/// Reads a whole snapshot, part by part. What `each` gets may be believed only when this returns well.
///
/// # Errors
/// The inner ones are the snapshot's; [`Fault::File`] is the machine's.
pub(super) fn read(
    path: &Path,
    mut decoder: Decoder,
    mut each: impl FnMut(Item<'_>),
) -> Result<Result<(), SnapshotFault>, Fault> {
    let file = open_file(path, Access::Read, true).or_else(|_| open_file(path, Access::Read, false));
    let file = file.map_err(Fault::read(path))?;
    let length = file.metadata().map_err(Fault::read(path))?.len();
    let mut piece = pages_of(PIECE_BYTES);
    let piece: &mut [u8] = bytemuck::cast_slice_mut(&mut piece);
    let mut offset = 0;
    while offset < length {
        let bytes = match read_piece(&file, piece, offset, length) {
            Ok(bytes) => bytes,
            Err(error) if is_medium_fault(&error) => return Ok(Err(SnapshotFault::Medium(error.to_string()))),
            Err(error) => return Err(Fault::read(path)(error)),
        };
        decoder.push(&piece[..bytes]);
        loop {
            match decoder.item() {
                Ok(Some(item)) => each(item),
                Ok(None) => break,
                Err(fault) => return Ok(Err(fault.into())),
            }
        }
        offset += bytes as u64;
    }
    Ok(decoder.finish().map(drop).map_err(SnapshotFault::from))
}

/// Fills the piece, or as much of it as the file still has.
fn read_piece(file: &File, piece: &mut [u8], offset: u64, length: u64) -> io::Result<usize> {
    let wanted = usize::try_from(length - offset).unwrap_or(usize::MAX).min(piece.len());
    // Asked for whole pages, a direct read stops at the file's end by itself.
    match file.read_at(piece, offset)? {
        bytes if bytes == wanted => Ok(bytes),
        bytes => Err(io::Error::other(format!("only {bytes} of {wanted} bytes were read"))),
    }
}

/// Writes a good snapshot into another directory, under the name that it has.
pub(super) fn copy(path: &Path, to: &Path, shard: ShardIndex, number: u64) -> Result<(), Fault> {
    let mut target = SnapshotFile::create(&[to.to_owned()], shard, number)?;
    let file = File::open(path).map_err(Fault::read(path))?;
    let length = file.metadata().map_err(Fault::read(path))?.len();
    let mut piece = vec![0; PIECE_BYTES];
    let mut offset = 0;
    while offset < length {
        let bytes = read_piece(&file, &mut piece, offset, length).map_err(Fault::read(path))?;
        target.write(&piece[..bytes])?;
        offset += bytes as u64;
    }
    target.finish()
}

/// Whether two snapshots are the same, as far as their beginnings, ends and lengths tell.
pub(super) fn look_alike(first: &Path, second: &Path) -> bool {
    let ends = |path: &Path| -> io::Result<(u64, Vec<u8>)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut ends = vec![0; 2 * PAGE_BYTES];
        let (head, foot) = ends.split_at_mut(PAGE_BYTES);
        file.read_exact_at(head, 0)?;
        file.read_exact_at(foot, length.saturating_sub(PAGE_BYTES as u64))?;
        Ok((length, ends))
    };
    matches!((ends(first), ends(second)), (Ok(first), Ok(second)) if first == second)
}

#[cfg(test)]
#[path = "snapshot_files_tests.rs"]
mod tests;
