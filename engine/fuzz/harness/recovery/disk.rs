//! A shard's region and its snapshots in two copies, in memory; and who mends them.

use core::convert::Infallible;
use quittance_engine::journal::block::BlockHeader;
use quittance_engine::journal::scan::{Image, Invalidate, Repair};
use quittance_engine::journal::snapshot::{Decoder, Item, SnapshotError, SnapshotHeader};
use quittance_engine::keeper::{Source, Witness, snapshot_order};

/// By copy; snapshots by copy and by whether their number is odd.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Disk {
    /// The regions.
    pub(crate) regions: [Vec<u8>; 2],
    /// The snapshots' files.
    pub(crate) snapshots: [[Option<Vec<u8>>; 2]; 2],
}

/// A snapshot: copy, turn, and what its head says.
type Candidate = (usize, usize, Result<SnapshotHeader, SnapshotError>);

impl Image for Disk {
    type Error = Infallible;

    fn read(&mut self, copy: u8, offset: u64, into: &mut [u8]) -> Result<(), Infallible> {
        let offset = usize::try_from(offset).expect("a megabyte");
        into.copy_from_slice(&self.regions[usize::from(copy)][offset..][..into.len()]);
        Ok(())
    }
}

impl Source for Disk {
    type Candidate = Candidate;
    type Damage = SnapshotError;

    fn candidates(&mut self, decoder: &dyn Fn() -> Decoder) -> Result<Vec<Candidate>, Infallible> {
        let mut candidates = Vec::new();
        for (copy, turn) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            if let Some(bytes) = &self.snapshots[copy][turn] {
                candidates.push((copy, turn, header(bytes, decoder())));
            }
        }
        candidates.sort_by_key(|(copy, _, header)| snapshot_order(header.as_ref().ok(), *copy));
        Ok(candidates)
    }

    fn header((_, _, header): &Candidate) -> Result<SnapshotHeader, SnapshotError> {
        *header
    }

    fn load(
        &mut self,
        (copy, turn, _): &Candidate,
        mut decoder: Decoder,
        each: &mut dyn FnMut(Item<'_>),
    ) -> Result<Result<(), SnapshotError>, Infallible> {
        decoder.push(self.snapshots[*copy][*turn].as_ref().expect("it was there before"));
        loop {
            match decoder.item() {
                Ok(Some(item)) => each(item),
                Ok(None) => return Ok(decoder.finish().map(drop)),
                Err(fault) => return Ok(Err(fault)),
            }
        }
    }
}

fn header(bytes: &[u8], mut decoder: Decoder) -> Result<SnapshotHeader, SnapshotError> {
    decoder.push(bytes);
    match decoder.item()? {
        Some(Item::Header(header)) => Ok(header),
        _ => Err(SnapshotError::Incomplete),
    }
}

/// Remembers what is to be mended.
#[derive(Debug, Default)]
pub(crate) struct Mender {
    repairs: Vec<(usize, usize, Vec<u8>)>,
    end: Option<Invalidate>,
}

impl Mender {
    /// Mends it.
    pub(crate) fn mend(self, disk: &mut Disk) {
        for (copy, offset, bytes) in self.repairs {
            disk.regions[copy][offset..][..bytes.len()].copy_from_slice(&bytes);
        }
        let Invalidate { offset, bytes } = self.end.expect("a journal that was read has an end");
        let offset = usize::try_from(offset).expect("a megabyte");
        disk.regions.iter_mut().for_each(|region| region[offset..][..bytes].fill(0));
    }
}

impl Witness for Mender {
    type Error = Infallible;
    type Candidate = Candidate;
    type Damage = SnapshotError;

    fn snapshot(&mut self, _: &Candidate, _: Option<&SnapshotError>) -> Result<(), Infallible> {
        Ok(())
    }

    fn block(&mut self, _: &BlockHeader, _: &[u8], repair: Option<&Repair<'_>>) -> Result<(), Infallible> {
        self.repairs.extend(repair.map(|repair| {
            let offset = usize::try_from(repair.offset).expect("a megabyte");
            (repair.copy.into(), offset, repair.bytes.to_vec())
        }));
        Ok(())
    }

    fn unreadable(&mut self, _: usize, _: u64) {}

    fn end(&mut self, invalidate: &Invalidate) -> Result<(), Infallible> {
        self.end = Some(*invalidate);
        Ok(())
    }
}
