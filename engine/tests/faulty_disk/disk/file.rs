//! A file's bytes, in two layers.

use super::fate::{Fates, SectorFate};
use rustix::io::Errno;
use std::collections::BTreeSet;

/// What a medium writes as a whole, if it does not tear it.
pub(super) const SECTOR_BYTES: usize = 512;

/// A file.
#[derive(Debug, Default)]
pub(super) struct File {
    /// What a reader sees.
    live: Vec<u8>,
    /// What is on the medium for certain.
    synced: Vec<u8>,
    /// What makes the one of the other, in the order made.
    changes: Vec<Change>,
    /// Numbers of sectors that the medium does not give back.
    spoilt: BTreeSet<u64>,
}

#[derive(Debug)]
enum Change {
    Write { start: usize, bytes: Vec<u8> },
    Length(usize),
}

impl File {
    pub(super) fn length(&self) -> u64 {
        self.live.len() as u64
    }

    pub(super) fn read(&self, offset: u64, bytes: usize) -> Result<&[u8], Errno> {
        let start = place(offset).min(self.live.len());
        let read = &self.live[start..self.live.len().min(start + bytes)];
        let sectors = sectors_of(start, read.len());
        if self.spoilt.range(sectors).next().is_some() { Err(Errno::IO) } else { Ok(read) }
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let start = place(offset);
        put(&mut self.live, start, bytes);
        self.changes.push(Change::Write { start, bytes: bytes.to_vec() });
        if !self.spoilt.is_empty() {
            sectors_of(start, bytes.len()).for_each(|sector| _ = self.spoilt.remove(&sector));
        }
    }

    pub(super) fn set_length(&mut self, bytes: u64) {
        self.live.resize(place(bytes), 0);
        self.changes.push(Change::Length(place(bytes)));
    }

    pub(super) fn spoil(&mut self, offset: u64, bytes: u64) {
        self.spoilt.extend(sectors_of(place(offset), place(bytes)));
    }

    pub(super) fn sync(&mut self) {
        for change in self.changes.drain(..) {
            match change {
                Change::Write { start, bytes } => put(&mut self.synced, start, &bytes),
                Change::Length(bytes) => self.synced.resize(bytes, 0),
            }
        }
    }

    /// Leaves what the cut leaves. The length is one that the file had since its last sync.
    pub(super) fn settle(&mut self, fates: &mut Fates<'_>) {
        if self.changes.is_empty() {
            return;
        }
        if matches!(fates, Fates::AllKept) {
            return self.sync();
        }
        let mut lengths = vec![self.synced.len()];
        let mut sectors = Vec::new();
        for change in self.changes.drain(..) {
            let length = lengths[lengths.len() - 1];
            match change {
                Change::Write { start, bytes } => {
                    lengths.push(length.max(start + bytes.len()));
                    sectors.extend(cut_into_sectors(start, &bytes));
                }
                Change::Length(bytes) => lengths.push(bytes),
            }
        }
        fates.reorder(&mut sectors);
        for (start, bytes) in sectors {
            match fates.sector() {
                SectorFate::Kept => put(&mut self.synced, start, &bytes),
                SectorFate::Torn(kept) => put(&mut self.synced, start, &bytes[..kept.min(bytes.len())]),
                SectorFate::Lost => {}
            }
        }
        self.synced.resize(lengths[fates.up_to(lengths.len() - 1)], 0);
        self.live.clone_from(&self.synced);
    }
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("a file in memory is not that long")
}

fn sectors_of(start: usize, bytes: usize) -> std::ops::Range<u64> {
    (start / SECTOR_BYTES) as u64..(start + bytes).div_ceil(SECTOR_BYTES) as u64
}

fn put(into: &mut Vec<u8>, start: usize, bytes: &[u8]) {
    if into.len() < start + bytes.len() {
        into.resize(start + bytes.len(), 0);
    }
    into[start..][..bytes.len()].copy_from_slice(bytes);
}

/// The parts of a write that lie in one sector each.
fn cut_into_sectors(start: usize, bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let first = (SECTOR_BYTES - start % SECTOR_BYTES).min(bytes.len());
    let (head, rest) = bytes.split_at(first);
    let starts = (start + first..).step_by(SECTOR_BYTES);
    let rest = starts.zip(rest.chunks(SECTOR_BYTES));
    std::iter::once((start, head)).chain(rest).map(|(start, part)| (start, part.to_vec())).collect()
}
