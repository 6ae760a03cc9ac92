//! A shard's history on disk: segments, each a file named by its number.
//!
//! They are in the first data directory only, in `history/shard-SHARD/`: other authorities hold the certificates, too. Past
//! this process's end they hold what was synced, and mostly what was written.

use super::copy_file::{Access, open_file, sync_directory, try_direct};
use super::history_tail::Tail;
use crate::fault::Fault;
use quittance_engine::history::answer::Entries;
use quittance_engine::history::entry::{ENTRY_BYTES_MAX, Entry, split_first};
use quittance_engine::history::segment::{SegmentError, SegmentHeader};
use quittance_engine::history::segment_of;
use quittance_engine::journal::PAGE_BYTES;
use quittance_engine::limits::HISTORY_SEGMENT_BYTES;
use std::collections::BTreeSet;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};

/// In a data directory.
const HISTORY_NAME: &str = "history";

/// Segments open at once: the one that is written, and those that were read last.
const OPEN_MAX: usize = 8;

/// Segments kept at least: the one that is written, and a whole one.
const KEPT_MIN: u64 = 2;

/// One shard's segments.
#[derive(Debug)]
pub(crate) struct HistoryFiles {
    directory: PathBuf,
    /// Of any of them, but for its number.
    header: SegmentHeader,
    numbers: BTreeSet<u64>,
    kept_max: Option<u64>,
    /// The last one used is the last.
    open: Vec<Segment>,
    /// Whether a file was made or removed since the directory was synced.
    is_directory_dirty: bool,
    /// Whether entries can be added past the page cache.
    is_direct: bool,
    tail: Option<Tail>,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    file: File,
    is_dirty: bool,
}

/// How much history there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct HistoryExtent {
    /// Files.
    pub(crate) segments: u64,
    /// What is in them, gaps included.
    pub(crate) bytes: u64,
}

/// Where a shard's segments are: in the first directory that holds a history, or in the first.
pub(super) fn directory(data: &[PathBuf], shard: u16) -> PathBuf {
    let holds = |directory: &&PathBuf| directory.join(HISTORY_NAME).is_dir();
    let data = data.iter().find(holds).or(data.first()).expect("there is a data directory");
    data.join(HISTORY_NAME).join(format!("shard-{shard}"))
}

/// How much history there is in a shard's directory; nothing if there is no such directory.
pub(super) fn extent(directory: &Path) -> Result<HistoryExtent, Fault> {
    let mut extent = HistoryExtent::default();
    for number in numbers_in(directory)? {
        let path = directory.join(name(number));
        extent.segments += 1;
        extent.bytes += std::fs::metadata(&path).map_err(Fault::read(&path))?.len();
    }
    Ok(extent)
}

impl HistoryFiles {
    /// Opens the segments of a shard, or makes the place for them. `bytes_max`: how much is kept, in whole segments.
    ///
    /// # Errors
    /// [`Fault::Foreign`] if they are another authority's or another journal's; [`Fault::File`], [`Fault::History`].
    pub(crate) fn open(data: &[PathBuf], header: SegmentHeader, bytes_max: Option<u64>) -> Result<Self, Fault> {
        let directory = directory(data, header.shard.shard.0);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(|source| Fault::File { path: directory.clone(), source, remedy: "" })?;
        let numbers = numbers_in(&directory)?;
        let kept_max = bytes_max.map(|bytes| (bytes / HISTORY_SEGMENT_BYTES).max(KEPT_MIN));
        let is_direct = try_direct(&directory).is_ok();
        let (open, tail) = (Vec::new(), None);
        let mut files = Self { directory, header, numbers, kept_max, open, is_directory_dirty: true, is_direct, tail };
        for number in files.numbers.clone() {
            files.check(number)?;
        }
        // Its writer may have been killed before it synced this one. It synced each before it began the next.
        if let Some(last) = files.numbers.last().copied() {
            files.segment(last)?.is_dirty = true;
        }
        Ok(files)
    }

    /// Adds entries, mostly behind those that were added last: past the page cache, where that can be. They are in one segment.
    ///
    /// # Errors
    /// [`Fault::History`].
    pub(crate) fn append(&mut self, position: u64, bytes: &[u8]) -> Result<(), Fault> {
        if !self.is_direct {
            return self.write(position, bytes);
        }
        let (number, offset) = segment_of(position);
        let path = self.directory.join(name(number));
        let tail = self.tail.take().filter(|tail| tail.is_at(number, offset));
        let file = &self.written(position, bytes)?.file;
        let mut tail = match tail {
            Some(tail) => tail,
            None => Tail::open(&path, number, file, offset).map_err(fault(&path, "opened"))?,
        };
        tail.append(bytes).map_err(fault(&path, "written"))?;
        self.tail = Some(tail);
        Ok(())
    }

    /// The position at which the oldest segment begins; 0 if there is none yet.
    pub(crate) fn kept_from(&self) -> u64 {
        self.numbers.first().map_or(0, |number| number * HISTORY_SEGMENT_BYTES)
    }

    /// Writes entries where they belong. They are in one segment.
    fn write(&mut self, position: u64, bytes: &[u8]) -> Result<(), Fault> {
        let (number, offset) = segment_of(position);
        let path = self.directory.join(name(number));
        let segment = self.written(position, bytes)?;
        segment.file.write_all_at(bytes, offset).map_err(fault(&path, "written"))
    }

    /// The segment in which these entries are about to be written.
    fn written(&mut self, position: u64, bytes: &[u8]) -> Result<&mut Segment, Fault> {
        let (number, offset) = segment_of(position);
        assert!(offset + bytes.len() as u64 <= HISTORY_SEGMENT_BYTES, "no entry lies across a segment's end");
        if !self.numbers.contains(&number) {
            self.create(number)?;
        }
        let segment = self.segment(number)?;
        segment.is_dirty = true;
        Ok(segment)
    }

    /// Writes entries that recovery made again where the disk has not got them, perhaps with their votes.
    ///
    /// # Errors
    /// [`Fault::History`].
    pub(super) fn restore(&mut self, stubs: &[u8]) -> Result<(), Fault> {
        let (mut rest, mut found) = (stubs, [0; ENTRY_BYTES_MAX]);
        while let Some((stub, bytes, after)) = split_first(rest) {
            let length = self.read(stub.position, &mut found);
            let entry = Entry::decode(stub.position, &found[..length]);
            if !entry.is_some_and(|entry| stub.is_same(&entry)) {
                self.write(stub.position, bytes)?;
            }
            rest = after;
        }
        Ok(())
    }

    /// Everything written is durable when this returns.
    ///
    /// # Errors
    /// [`Fault::History`].
    pub(crate) fn sync(&mut self) -> Result<(), Fault> {
        for segment in self.open.iter_mut().filter(|segment| segment.is_dirty) {
            let path = self.directory.join(name(segment.number));
            segment.file.sync_data().map_err(fault(&path, "synced"))?;
            segment.is_dirty = false;
        }
        if self.is_directory_dirty {
            // The directories above may be new, too.
            let above = self.directory.ancestors().take(3);
            above.filter(|path| !path.as_os_str().is_empty()).try_for_each(sync_directory)?;
            self.is_directory_dirty = false;
        }
        Ok(())
    }

    /// Makes a segment, after those before it are durable, and removes the oldest ones if there are too many.
    fn create(&mut self, number: u64) -> Result<(), Fault> {
        self.sync()?;
        let path = self.directory.join(name(number));
        let file = open_file(&path, Access::Create, false).map_err(fault(&path, "made"))?;
        let page = SegmentHeader { number, ..self.header }.encode();
        file.write_all_at(&page, 0).map_err(fault(&path, "written"))?;
        self.numbers.insert(number);
        self.is_directory_dirty = true;
        self.keep(Segment { number, file, is_dirty: true })?;
        while self.kept_max.is_some_and(|kept_max| self.numbers.len() as u64 > kept_max) {
            let oldest = self.numbers.pop_first().expect("there are more than are kept");
            self.open.retain(|segment| segment.number != oldest);
            let path = self.directory.join(name(oldest));
            std::fs::remove_file(&path).map_err(fault(&path, "removed"))?;
        }
        Ok(())
    }

    /// A segment that is there, open.
    fn segment(&mut self, number: u64) -> Result<&mut Segment, Fault> {
        if let Some(place) = self.open.iter().position(|segment| segment.number == number) {
            self.open[place..].rotate_left(1);
        } else {
            let path = self.directory.join(name(number));
            let file = open_file(&path, Access::Write, false).map_err(fault(&path, "opened"))?;
            self.keep(Segment { number, file, is_dirty: false })?;
        }
        Ok(self.open.last_mut().expect("it was put there"))
    }

    fn keep(&mut self, segment: Segment) -> Result<(), Fault> {
        if self.open.len() >= OPEN_MAX {
            if self.open[0].is_dirty {
                self.sync()?;
            }
            self.open.remove(0);
        }
        self.open.push(segment);
        Ok(())
    }

    /// Whose segment is it? A first page that was never completed is written again.
    fn check(&mut self, number: u64) -> Result<(), Fault> {
        let path = self.directory.join(name(number));
        let expected = SegmentHeader { number, ..self.header };
        let segment = self.segment(number)?;
        let mut page = [0; PAGE_BYTES];
        let read = segment.file.read_exact_at(&mut page, 0);
        match read.map(|()| SegmentHeader::decode(&page)) {
            Ok(Ok(found)) if found == expected => Ok(()),
            Ok(Ok(_)) => {
                let what = "the history of another journal or another authority; move the directory `history` away";
                Err(Fault::Foreign { path, what: what.to_owned() })
            }
            Ok(Err(version @ SegmentError::Version { .. })) => Err(Fault::Foreign { path, what: version.to_string() }),
            Ok(Err(SegmentError::Damaged)) | Err(_) => {
                segment.is_dirty = true;
                segment.file.write_all_at(&expected.encode(), 0).map_err(fault(&path, "written"))
            }
        }
    }
}

impl Entries for HistoryFiles {
    /// What a device does not give back is not there.
    fn read(&mut self, position: u64, into: &mut [u8]) -> usize {
        let (number, mut offset) = segment_of(position);
        if !self.numbers.contains(&number) {
            return 0;
        }
        let Ok(segment) = self.segment(number) else { return 0 };
        let mut length = 0;
        while length < into.len() {
            match segment.file.read_at(&mut into[length..], offset) {
                Ok(0) => break,
                Ok(bytes) => (length, offset) = (length + bytes, offset + bytes as u64),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return 0,
            }
        }
        length
    }
}

/// A segment's file.
fn name(number: u64) -> String {
    format!("{number:012}")
}

fn numbers_in(directory: &Path) -> Result<BTreeSet<u64>, Fault> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries.map_err(Fault::read(directory))?,
    };
    let mut numbers = BTreeSet::new();
    for entry in entries {
        let file = entry.map_err(Fault::read(directory))?.file_name();
        let number =
            file.to_str().and_then(|text| text.parse().ok()).filter(|number| file.to_str() == Some(&name(*number)));
        numbers.extend(number);
    }
    Ok(numbers)
}

fn fault(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Fault {
    let path = path.to_owned();
    move |source| Fault::History { path, what, source }
}

#[cfg(test)]
#[path = "history_files_tests.rs"]
mod tests;
