//! The end of a history, where entries are added: whole pages, past the page cache.
//!
//! Histories are long, and hardly ever read. Through the page cache each byte would cost memory, a second copy when the kernel
//! writes it back, and now and then a flood of such writes in the journal's way.

use super::copy_file::{Access, open_file};
use super::pages::{Page, pages_of};
use quittance_engine::journal::PAGE_BYTES;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes written at once, at most.
const PIECE_BYTES: usize = 256 << 10;

/// Where the last entry of a segment ended.
#[derive(Debug)]
pub(super) struct Tail {
    /// Open for direct writes.
    file: File,
    number: u64,
    /// What is in the file from `start` on: less than a page between two calls, and zeros behind it.
    pages: Vec<Page>,
    start: u64,
    length: usize,
}

impl Tail {
    /// Goes on at `offset` of a segment, of which `file` reads what is there.
    pub(super) fn open(path: &Path, number: u64, file: &File, offset: u64) -> io::Result<Self> {
        let length = usize::try_from(offset % PAGE_BYTES as u64).expect("less than a page");
        let mut pages = pages_of(PIECE_BYTES);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut pages);
        let start = offset - length as u64;
        let mut read = 0;
        // The file may end before: then zeros are there.
        while read < length {
            match file.read_at(&mut bytes[read..length], start + read as u64)? {
                0 => break,
                count => read += count,
            }
        }
        Ok(Self { file: open_file(path, Access::Write, true)?, number, pages, start, length })
    }

    /// Whether this is the place where it ends.
    pub(super) fn is_at(&self, number: u64, offset: u64) -> bool {
        self.number == number && self.start + self.length as u64 == offset
    }

    /// Writes more. The page in which it ends is written again with what comes next.
    pub(super) fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut self.pages);
            let (piece, rest) = bytes.split_at(bytes.len().min(memory.len() - self.length));
            let end = self.length + piece.len();
            memory[self.length..end].copy_from_slice(piece);
            let padded = end.next_multiple_of(PAGE_BYTES);
            memory[end..padded].fill(0);
            self.file.write_all_at(&memory[..padded], self.start)?;
            let whole = end - end % PAGE_BYTES;
            memory.copy_within(whole..end, 0);
            self.start += whole as u64;
            self.length = end - whole;
            bytes = rest;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_length_lie_one_behind_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segment");
        let file = open_file(&path, Access::Create, false).unwrap();
        file.write_all_at(&[7; 5_000], 0).unwrap();
        let mut expected = vec![7; 5_000];
        let mut tail = Tail::open(&path, 3, &file, 5_000).unwrap();
        for (byte, length) in [(1, 1), (2, 3_191), (3, 1), (4, 4_096), (5, 600_000), (6, 10)] {
            assert!(tail.is_at(3, expected.len() as u64) && !tail.is_at(4, expected.len() as u64));
            tail.append(&vec![byte; length]).unwrap();
            expected.resize(expected.len() + length, byte);
            let written = std::fs::read(&path).unwrap();
            assert!(written[..expected.len()] == expected && written[expected.len()..].iter().all(|byte| *byte == 0));
            assert_eq!(written.len(), expected.len().next_multiple_of(PAGE_BYTES));
        }
    }

    #[test]
    fn it_goes_on_behind_the_end_of_a_file_and_in_the_middle_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segment");
        let file = open_file(&path, Access::Create, false).unwrap();
        file.write_all_at(&[7; 100], 0).unwrap();
        Tail::open(&path, 0, &file, 4_200).unwrap().append(&[1; 10]).unwrap();
        Tail::open(&path, 0, &file, 50).unwrap().append(&[2; 10]).unwrap();
        let written = std::fs::read(&path).unwrap();
        assert_eq!((&written[..50], &written[50..60]), (&[7; 50][..], &[2; 10][..]));
        assert!(written[60..4_200].iter().all(|byte| *byte == 0), "what was behind it is no entry any more");
        assert_eq!(written[4_200..4_210], [1; 10]);
    }
}
