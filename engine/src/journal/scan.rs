//! Reading a shard's journal back, block by block, and knowing where it ends.

use super::block::{self, BlockHeader, Check, Checks, Expected, set_copy};
use super::identity::{JournalKey, ShardIdentity};
use super::ring::Position;
use super::{BLOCK_BYTES_MAX, COPIES_MAX, PAGE_BYTES};
use crate::mutant::Planted;

/// What is on the copies.
pub trait Image {
    /// The machine's fault: it ends recovery.
    type Error;

    /// Reads `into.len()` bytes at `offset` of the shard's region in `copy`: both multiples of
    /// [`PAGE_BYTES`]. A place that the device reports as unreadable may be answered with zeros: it
    /// counts as damaged, and the other copy mends it.
    ///
    /// # Errors
    /// Whatever must end recovery.
    fn read(&mut self, copy: u8, offset: u64, into: &mut [u8]) -> Result<(), Self::Error>;
}

/// A reader of a shard's journal.
#[derive(Debug)]
pub struct Scan {
    shard: ShardIdentity,
    key: JournalKey,
    region_bytes: u64,
    position: Position,
    /// One block for each copy.
    buffers: Vec<Vec<u8>>,
    checks: Checks,
}

/// What the reader found.
#[derive(Debug)]
pub enum Step<'a> {
    /// The next block. To be replayed, after its repair if there is one.
    Block {
        /// Its header.
        header: BlockHeader,
        /// Its records.
        records: &'a [u8],
        /// What must be written, and synced, before anything is sent or written that builds on this block.
        repair: Option<Repair<'a>>,
    },
    /// The journal ends at [`Scan::position`].
    End {
        /// What must be written, and synced, before anything is sent or written.
        invalidate: Invalidate,
    },
}

/// A copy's block to be written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair<'a> {
    /// The copy at fault.
    pub copy: u8,
    /// Where in the region: bytes.
    pub offset: u64,
    /// The whole block, as this copy has it.
    pub bytes: &'a [u8],
    /// What was wrong.
    pub fault: block::BlockFault,
}

/// Where zeros go, in every copy: a torn block that was taken for the journal's end must never be read as whole later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalidate {
    /// Where in the region: bytes.
    pub offset: u64,
    /// How many zeros: one page.
    pub bytes: usize,
}

/// A block that was written after the one that cannot be read, and so proves that that one was durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// In which copy.
    pub copy: u8,
    /// Where in the region: bytes.
    pub offset: u64,
    /// Its number.
    pub block: u64,
    /// The last block that its writer knew to be durable.
    pub durable_hint: u64,
}

/// Why the journal cannot be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError<E> {
    /// The copies could not be read.
    #[error("the journal cannot be read: {0}")]
    Image(E),
    /// A block that was durable is in no copy. Votes that left may have been in it.
    #[error(
        "block {block}, at {offset} of the shard's region, was durable and no copy of it is good: block {} was written after \
         it, and is at {} of copy {}; put back a good copy of the file, or never let this authority's key sign again",
        evidence.block, evidence.offset, evidence.copy
    )]
    DurableBlockLost {
        /// The block.
        block: u64,
        /// Where it should be in the region: bytes.
        offset: u64,
        /// What proves it.
        evidence: Evidence,
    },
    /// The copies hold different blocks of the same number, and both are good: one of the devices lost a write that it had
    /// reported as done.
    #[error(
        "the copies differ in block {block}, at {offset} of the shard's region: one device lost what it said it had \
         written; find out which, and put a new copy in its place, which is filled from the other"
    )]
    CopiesDiffer {
        /// The block.
        block: u64,
        /// Where in the region: bytes.
        offset: u64,
    },
}

impl Scan {
    /// A reader that begins at `start`: where the newest good snapshot says, or [`Position::genesis`]. `copy_count` is 1 or
    /// 2. `None` if no block can be at `start`: then what it was read from does not belong to this journal.
    pub fn new(
        shard: ShardIdentity,
        key: JournalKey,
        region_bytes: u64,
        copy_count: u8,
        start: Position,
    ) -> Option<Self> {
        assert!((1..=COPIES_MAX).contains(&copy_count), "the shell opens one or two copies");
        let buffers = vec![vec![0; BLOCK_BYTES_MAX]; copy_count.into()];
        let scan = Self { shard, key, region_bytes, position: start, buffers, checks: Checks::default() };
        start.is_in(region_bytes).then_some(scan)
    }

    /// The same reader, with a bug if one was planted.
    #[must_use]
    pub fn with(mut self, planted: Planted) -> Self {
        self.checks.planted = planted;
        self
    }

    /// Where the next block is to be, or would go.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Reads the next block. After an end or an error, says the same again.
    ///
    /// # Errors
    /// [`ScanError`]. Nothing was changed, and the authority must not start.
    pub fn step<I: Image>(&mut self, image: &mut I) -> Result<Step<'_>, ScanError<I::Error>> {
        let mut found = [Err(block::BlockFault::Short); COPIES_MAX as usize];
        for copy in self.copies() {
            found[usize::from(copy)] = self.read(image, copy).map_err(ScanError::Image)?;
        }
        match found {
            [Ok(first), Ok(second)] if first.tag != second.tag => {
                Err(ScanError::CopiesDiffer { block: self.position.block, offset: self.position.offset })
            }
            [Ok(header), Err(fault)] if self.buffers.len() > 1 => Ok(self.accept(&header, 0, Some((1, fault)))),
            [Ok(header), _] => Ok(self.accept(&header, 0, None)),
            [Err(fault), Ok(header)] => Ok(self.accept(&header, 1, Some((0, fault)))),
            [Err(_), Err(_)] => self.end(image),
        }
    }
}

impl Scan {
    fn copies(&self) -> core::ops::Range<u8> {
        0..u8::try_from(self.buffers.len()).expect("COPIES_MAX fits")
    }

    /// Reads the block at this position in a copy, as far as it can be the right one.
    fn read<I: Image>(&mut self, image: &mut I, copy: u8) -> Result<Result<BlockHeader, block::BlockFault>, I::Error> {
        let buffer = &mut self.buffers[usize::from(copy)];
        let offset = self.position.offset;
        let expected = Expected { shard: &self.shard, copy, position: &self.position };
        image.read(copy, offset, &mut buffer[..PAGE_BYTES])?;
        let header = match block::check_by(self.checks, buffer, &expected, &self.key) {
            Ok(header) => header,
            Err(fault) => return Ok(Err(fault)),
        };
        let bytes = header.block_bytes();
        if bytes > PAGE_BYTES {
            image.read(copy, offset + PAGE_BYTES as u64, &mut buffer[PAGE_BYTES..bytes])?;
        }
        Ok(block::check_payload_by(self.checks, buffer, &header).map(|_| header))
    }

    /// Goes on behind a block that `copy` has, and mends the other.
    fn accept(&mut self, header: &BlockHeader, copy: usize, at_fault: Option<(u8, block::BlockFault)>) -> Step<'_> {
        let (bytes, offset) = (header.block_bytes(), self.position.offset);
        self.position = self.position.after(bytes, header.tag, header.last_record(), self.region_bytes);
        if let Some((other, _)) = at_fault {
            let (first, second) = self.buffers.split_at_mut(1);
            let (good, bad) = if copy == 0 { (&first[0], &mut second[0]) } else { (&second[0], &mut first[0]) };
            bad[..bytes].copy_from_slice(&good[..bytes]);
            set_copy(bad, other);
        }
        let records = &self.buffers[copy][block::HEADER_BYTES..][..header.payload_bytes as usize];
        let repair = at_fault.map(|(copy, fault)| {
            let bytes = &self.buffers[usize::from(copy)][..bytes];
            Repair { copy, offset, bytes, fault }
        });
        Step::Block { header: *header, records, repair }
    }

    fn end<I: Image>(&mut self, image: &mut I) -> Result<Step<'_>, ScanError<I::Error>> {
        let Position { block, offset, .. } = self.position;
        match self.evidence(image).map_err(ScanError::Image)? {
            Some(evidence) if self.checks.make(Check::Evidence) => {
                Err(ScanError::DurableBlockLost { block, offset, evidence })
            }
            _ => Ok(Step::End { invalidate: Invalidate { offset, bytes: PAGE_BYTES } }),
        }
    }

    /// Looks through all of the region for a header that was written after the block at this position was durable. Wherever
    /// it is and whatever became of its records: its tag says that the shard wrote it. Blocks of earlier turns of the ring
    /// have lower numbers. Runs once, at the end, and reads every copy's region.
    fn evidence<I: Image>(&mut self, image: &mut I) -> Result<Option<Evidence>, I::Error> {
        let wanted = self.position.block;
        for copy in self.copies() {
            let buffer = &mut self.buffers[usize::from(copy)];
            let mut start = 0;
            while start < self.region_bytes {
                let left = usize::try_from(self.region_bytes - start).unwrap_or(usize::MAX);
                let read = &mut buffer[..left.min(BLOCK_BYTES_MAX)];
                image.read(copy, start, read)?;
                let headers = read.chunks_exact(PAGE_BYTES).zip((start..).step_by(PAGE_BYTES));
                for (page, offset) in headers {
                    let Ok(header) = block::authenticate_by(self.checks, page, &self.shard, &self.key) else {
                        continue;
                    };
                    let BlockHeader { block, durable_hint, .. } = header;
                    if block > wanted || durable_hint >= wanted {
                        return Ok(Some(Evidence { copy, offset, block, durable_hint }));
                    }
                }
                start += BLOCK_BYTES_MAX as u64;
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
