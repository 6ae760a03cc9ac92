//! A shard's region in every copy, as [`Scan`](quittance_engine::journal::scan::Scan) reads it: ahead, in large pieces.

use super::copy_file::{CopyFile, PIECE_BYTES};
use super::pages::{Page, pages_of};
use super::survey::is_medium_fault;
use crate::fault::Fault;
use quittance_engine::journal::PAGE_BYTES;
use quittance_engine::journal::scan::Image;
use std::collections::BTreeSet;
use std::io;

/// Pages of a shard's region that a copy may fail to give back before the device counts as gone.
const UNREADABLE_MAX: usize = 4_096;

/// The region.
pub(super) struct RegionImage<'a> {
    copies: Vec<Ahead<'a>>,
}

/// One copy's region. A copy that is not there reads as zeros.
struct Ahead<'a> {
    file: Option<&'a CopyFile>,
    region_start: u64,
    region_bytes: u64,
    /// What was read: `length` bytes, from `start` on.
    piece: Vec<Page>,
    start: u64,
    length: usize,
    unreadable: BTreeSet<u64>,
}

impl<'a> RegionImage<'a> {
    pub(super) fn new(files: &[Option<&'a CopyFile>], region_start: u64, region_bytes: u64) -> Self {
        let ahead = |file: &Option<&'a CopyFile>| Ahead {
            file: *file,
            region_start,
            region_bytes,
            piece: pages_of(PIECE_BYTES),
            start: 0,
            length: 0,
            unreadable: BTreeSet::new(),
        };
        Self { copies: files.iter().map(ahead).collect() }
    }

    /// Pages that a copy could not give back, so far: places in the region.
    pub(super) fn unreadable(&self, copy: usize) -> &BTreeSet<u64> {
        &self.copies[copy].unreadable
    }

    /// A page that no copy that is there could give back: it might have been proof of what was lost.
    pub(super) fn lost_page(&self) -> Option<u64> {
        let mut there = self.copies.iter().filter(|copy| copy.file.is_some());
        let first = there.next()?;
        let others: Vec<_> = there.collect();
        first.unreadable.iter().copied().find(|page| others.iter().all(|copy| copy.unreadable.contains(page)))
    }
}

impl Image for RegionImage<'_> {
    type Error = Fault;

    fn read(&mut self, copy: u8, offset: u64, into: &mut [u8]) -> Result<(), Fault> {
        self.copies[usize::from(copy)].read(offset, into)
    }
}

impl Ahead<'_> {
    fn read(&mut self, mut offset: u64, mut into: &mut [u8]) -> Result<(), Fault> {
        while !into.is_empty() {
            if !(self.start..self.start + self.length as u64).contains(&offset) {
                self.fill(offset)?;
            }
            let skipped = usize::try_from(offset - self.start).expect("a piece fits in memory");
            let length = into.len().min(self.length - skipped);
            let (front, rest) = into.split_at_mut(length);
            front.copy_from_slice(&bytemuck::cast_slice(&self.piece)[skipped..][..length]);
            offset += length as u64;
            into = rest;
        }
        Ok(())
    }

    /// Reads the piece that begins at `offset`.
    fn fill(&mut self, offset: u64) -> Result<(), Fault> {
        assert!(offset < self.region_bytes, "the scan stays within the region");
        let length = usize::try_from(self.region_bytes - offset).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let piece = &mut bytemuck::cast_slice_mut(&mut self.piece)[..length];
        (self.start, self.length) = (offset, length);
        let Some(file) = self.file else {
            piece.fill(0);
            return Ok(());
        };
        match file.read(self.region_start + offset, piece) {
            Ok(()) => Ok(()),
            Err(error) if is_medium_fault(&error) || is_end(&error) => self.fill_by_page(file),
            Err(error) => Err(read_fault(file, error)),
        }
    }

    /// Reads the piece page by page, with zeros for what the medium does not give back.
    fn fill_by_page(&mut self, file: &CopyFile) -> Result<(), Fault> {
        let pages = bytemuck::cast_slice_mut::<Page, u8>(&mut self.piece)[..self.length].chunks_exact_mut(PAGE_BYTES);
        for (page, offset) in pages.zip((self.start..).step_by(PAGE_BYTES)) {
            match file.read(self.region_start + offset, page) {
                Ok(()) => {}
                // A file that was cut short: only when nothing is to be changed, or else it would have been filled again.
                Err(error) if is_end(&error) => page.fill(0),
                Err(error) if is_medium_fault(&error) && self.unreadable.len() < UNREADABLE_MAX => {
                    page.fill(0);
                    self.unreadable.insert(offset);
                }
                Err(error) => return Err(read_fault(file, error)),
            }
        }
        Ok(())
    }
}

fn is_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

fn read_fault(file: &CopyFile, source: io::Error) -> Fault {
    Fault::Journal { path: file.path.clone(), what: "read", source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::path::PathBuf;

    fn copy_file(path: &str) -> CopyFile {
        let file = File::open(path).unwrap();
        CopyFile { directory: PathBuf::new(), path: path.into(), file, is_direct: false }
    }

    fn content(bytes: usize) -> Vec<u8> {
        (0_u32..).flat_map(u32::to_le_bytes).take(bytes).collect()
    }

    #[test]
    fn whatever_is_read_in_whatever_order_is_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy");
        let content = content(3 * PIECE_BYTES + 5 * PAGE_BYTES);
        std::fs::write(&path, &content).unwrap();
        let file = copy_file(path.to_str().unwrap());
        let (start, length) = (2 * PAGE_BYTES, content.len() - 2 * PAGE_BYTES);
        let mut image = RegionImage::new(&[Some(&file), None], start as u64, length as u64);
        let pages = length / PAGE_BYTES;
        for (page, count) in
            [(0, 1), (1, 63), (254, 4), (3, 64), (pages - 1, 1), (0, 64), (255, 1), (256, 1), (700, 64)]
        {
            let mut into = vec![7; count * PAGE_BYTES];
            image.read(0, (page * PAGE_BYTES) as u64, &mut into).unwrap();
            assert!(into == content[start + page * PAGE_BYTES..][..into.len()], "{count} pages from {page}");
            image.read(1, (page * PAGE_BYTES) as u64, &mut into).unwrap();
            assert!(into.iter().all(|byte| *byte == 0), "a copy that is not there");
        }
        assert_eq!(image.lost_page(), None);
    }

    /// The low end of a process's own memory is never mapped: Linux answers a read of it as a device answers for a bad block.
    const UNREADABLE: &str = "/proc/self/mem";

    #[test]
    fn pages_that_a_device_does_not_give_back_read_as_zeros_and_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy");
        std::fs::write(&path, content(4 * PAGE_BYTES)).unwrap();
        let (bad, good) = (copy_file(UNREADABLE), copy_file(path.to_str().unwrap()));
        let mut image = RegionImage::new(&[Some(&bad), Some(&good)], 0, 4 * PAGE_BYTES as u64);
        let mut into = vec![7; 2 * PAGE_BYTES];
        image.read(0, PAGE_BYTES as u64, &mut into).unwrap();
        assert!(into.iter().all(|byte| *byte == 0));
        let bad_pages: Vec<u64> = (1..4).map(|page| page * PAGE_BYTES as u64).collect();
        assert!(image.unreadable(0).iter().eq(&bad_pages));
        image.read(1, PAGE_BYTES as u64, &mut into).unwrap();
        assert!(image.unreadable(1).is_empty());
        assert_eq!(image.lost_page(), None, "the other copy has them");
        for files in [&[Some(&bad), Some(&bad)][..], &[Some(&bad), None], &[Some(&bad)]] {
            let mut image = RegionImage::new(files, 0, 4 * PAGE_BYTES as u64);
            (0..files.len()).for_each(|copy| image.read(u8::try_from(copy).unwrap(), 0, &mut into).unwrap());
            assert_eq!(image.lost_page(), Some(0));
        }
    }

    #[test]
    fn a_file_that_ends_early_reads_on_as_zeros() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy");
        std::fs::write(&path, content(PAGE_BYTES + 100)).unwrap();
        let file = copy_file(path.to_str().unwrap());
        let mut image = RegionImage::new(&[Some(&file)], 0, 4 * PAGE_BYTES as u64);
        let mut into = vec![7; 4 * PAGE_BYTES];
        image.read(0, 0, &mut into).unwrap();
        assert!(into[..PAGE_BYTES] == content(PAGE_BYTES) && into[PAGE_BYTES..].iter().all(|byte| *byte == 0));
        assert!(image.unreadable(0).is_empty());
    }

    #[test]
    fn a_device_that_gives_nothing_back_ends_recovery() {
        let bad = copy_file(UNREADABLE);
        let region_bytes = (UNREADABLE_MAX as u64 + 10) * PAGE_BYTES as u64;
        // Nothing is mapped that low in a program that was placed at random.
        let mut image = RegionImage::new(&[Some(&bad)], 0, region_bytes);
        let mut into = vec![0; PAGE_BYTES];
        let mut offsets = (0..region_bytes).step_by(PIECE_BYTES);
        let fault = offsets.find_map(|offset| image.read(0, offset, &mut into).err()).unwrap();
        assert!(matches!(fault, Fault::Journal { what: "read", .. }) && fault.exit_code() == 1, "{fault}");
    }
}
