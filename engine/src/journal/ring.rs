//! Where a shard's blocks go: a ring without a block across its end.

use super::block::{self, HEADER_BYTES, PAYLOAD_BYTES_MAX, Writer, block_bytes};
use super::identity::{Identity, JournalKey, ShardIdentity};
use super::{BLOCK_BYTES_MAX, PAGE_BYTES, RecordNumber, is_region};
use crate::limits::{OPEN_BYTES_MAX, OPEN_BYTES_RESERVED};
use crate::types::ShardIndex;

pub use super::block::set_copy;

/// Kept free for what a snapshot waits for, in regions that are not too short for it: bytes. All that a shard may have open
/// when its snapshot's last piece is copied, and credits that it takes at that moment.
const RESERVE_BYTES: u64 = 5 << 20;
const _: () = assert!(RESERVE_BYTES > (OPEN_BYTES_MAX + OPEN_BYTES_RESERVED + BLOCK_BYTES_MAX) as u64);

/// Where a shard's journal goes on: between two blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The next block's number, from 1.
    pub block: u64,
    /// Its place in the region: bytes.
    pub offset: u64,
    /// The tag of the block before. For the first block, a digest of whose journal this is.
    pub chain: [u8; 32],
    /// The last record before it; 0 for none.
    pub record: RecordNumber,
}

impl Position {
    /// Where an empty journal begins.
    pub fn genesis(identity: &Identity, shard: ShardIndex) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("quittance v1 journal: what the first block follows");
        hasher.update(&identity.network.0).update(&identity.authority_key);
        hasher.update(&identity.shard_count.to_le_bytes()).update(&shard.0.to_le_bytes());
        Self { block: 1, offset: 0, chain: *hasher.finalize().as_bytes(), record: RecordNumber(0) }
    }

    /// Whether a block of a region of this length can be here. What was read from a disk must be asked this first.
    pub fn is_in(&self, region_bytes: u64) -> bool {
        is_region(region_bytes)
            && (1..u64::MAX).contains(&self.block)
            && self.record.0 < u64::MAX
            && self.offset.is_multiple_of(PAGE_BYTES as u64)
            && self.offset <= region_bytes - BLOCK_BYTES_MAX as u64
    }

    /// Where the block after one of `bytes` goes: on, or, where fewer than [`BLOCK_BYTES_MAX`] bytes are left before the
    /// region's end, to its start.
    pub(super) fn after(&self, bytes: usize, tag: [u8; 32], last_record: RecordNumber, region_bytes: u64) -> Self {
        let end = self.offset + bytes as u64;
        assert!(bytes <= BLOCK_BYTES_MAX && end <= region_bytes, "a position leaves room for the longest block");
        let offset = if region_bytes - end < BLOCK_BYTES_MAX as u64 { 0 } else { end };
        let block = self.block.checked_add(1).expect("2^64 blocks are never written");
        Self { block, offset, chain: tag, record: last_record }
    }
}

/// The writer of a shard's journal. It says what to write and where, and never to write over what is not released.
#[derive(Debug)]
pub struct Ring {
    writer: Writer,
    key: JournalKey,
    region_bytes: u64,
    tail: Position,
    head: Position,
    durable_block: u64,
}

/// A block to be written, to every copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its place in the region: bytes.
    pub offset: u64,
    /// Its length: bytes, whole pages.
    pub bytes: usize,
    /// Its number.
    pub block: u64,
    /// Its last record.
    pub last_record: RecordNumber,
}

impl Ring {
    /// Goes on at `head`, and keeps what lies between `tail` and `head`. `tail` is where the newest durable snapshot
    /// starts, `head` where reading back ended: every block before it is durable. Both are [`Position::genesis`] in a new
    /// journal. `boot_id` names this run, `epoch` the committee.
    pub fn new(
        shard: ShardIdentity,
        key: JournalKey,
        region_bytes: u64,
        (boot_id, epoch): (u64, u64),
        tail: Position,
        head: Position,
    ) -> Self {
        assert!(tail.is_in(region_bytes) && head.is_in(region_bytes), "positions are checked when they are read");
        assert!(is_before(&tail, &head), "a journal is read from its tail to its head");
        let durable_block = head.block - 1;
        Self { writer: Writer { shard, boot_id, epoch }, key, region_bytes, tail, head, durable_block }
    }

    /// Writes the next block into the front of `out`, as the first copy has it ([`set_copy`] for the other), and says where
    /// it goes. `records`: `record_count` whole records, no more than [`PAYLOAD_BYTES_MAX`] bytes; none at all makes a block
    /// that only proves the one before durable. `out` has at least [`block_bytes`]`(records.len())` bytes; what is behind
    /// that is left alone. The payload is hashed once and copied once.
    ///
    /// `None`, and nothing changes, if the ring has no room: the block would lie on what is not released, or leave no place
    /// for one more. It never happens while [`Self::used_bytes`] is at most [`Self::capacity_bytes`].
    pub fn encode(&mut self, records: &[u8], record_count: u32, out: &mut [u8]) -> Option<Placed> {
        self.encode_by(Self::has_room, records, record_count, out)
    }

    /// Every copy has this block, and all before it, synced. The next headers say so.
    pub fn durable(&mut self, block: u64) {
        assert!(self.durable_block <= block && block < self.head.block, "blocks become durable in the order written");
        self.durable_block = block;
    }

    /// The last block that every copy is known to have, with all before it; 0 for none.
    pub fn durable_block(&self) -> u64 {
        self.durable_block
    }

    /// How many blocks were encoded and are not durable yet.
    pub fn under_way_count(&self) -> u64 {
        self.head.block - 1 - self.durable_block
    }

    /// Where the next block goes.
    pub fn position(&self) -> Position {
        self.head
    }

    /// A snapshot that starts at `tail` is durable: what lies before may be written over.
    pub fn release(&mut self, tail: Position) {
        assert!(is_before(&self.tail, &tail) && is_before(&tail, &self.head), "a snapshot starts where a block did");
        self.tail = tail;
    }

    /// What is not released, with what is left free at the region's end: bytes.
    pub fn used_bytes(&self) -> u64 {
        let (tail, head) = (self.tail.offset, self.head.offset);
        if tail <= head { head - tail } else { self.region_bytes - tail + head }
    }

    /// The region's length: bytes.
    pub fn region_bytes(&self) -> u64 {
        self.region_bytes
    }

    /// While no more than this is used there is room for any block, wherever the ring stands: bytes. Three blocks less than
    /// the region: the block itself, the place kept free, and what may be left over at the region's end.
    pub fn capacity_bytes(&self) -> u64 {
        self.region_bytes - 3 * BLOCK_BYTES_MAX as u64
    }

    /// What may be used in the ordinary course: bytes. Less than the capacity by the reserve of [`Self::payload_room`], which
    /// is a quarter of it in the shortest regions.
    pub fn limit_bytes(&self) -> u64 {
        self.capacity_bytes() - RESERVE_BYTES.min(self.capacity_bytes() / 4)
    }

    /// The most bytes of records that the next block may have; less than a record's if nothing may be written now.
    ///
    /// A full ring waits for a snapshot, so that it can release what lies before it. The snapshot may hold records that are
    /// not sealed, and is complete only when they are durable: if they had to wait for the ring, both would wait for ever.
    /// So a reserve is kept for them, and `is_waited_for` says that a snapshot waits.
    pub fn payload_room(&self, is_waited_for: bool) -> usize {
        if self.used_bytes() <= self.limit_bytes() {
            return PAYLOAD_BYTES_MAX;
        }
        if !is_waited_for {
            return 0;
        }
        let (tail, head, block) = (self.tail.offset, self.head.offset, BLOCK_BYTES_MAX as u64);
        // As `has_room` has it, solved for the length.
        let bytes = if head < tail {
            (tail - head).saturating_sub(block)
        } else if block <= tail {
            block
        } else {
            (self.region_bytes - head).saturating_sub(block)
        };
        usize::try_from(bytes.min(block)).expect("a block's length").saturating_sub(HEADER_BYTES)
    }

    /// [`Self::encode`], by a rule for what has room that a test may replace.
    fn encode_by(
        &mut self,
        has_room: fn(&Self, usize) -> bool,
        records: &[u8],
        record_count: u32,
        out: &mut [u8],
    ) -> Option<Placed> {
        assert!(records.len() <= PAYLOAD_BYTES_MAX, "the shard seals no more than a block holds");
        let bytes = block_bytes(records.len());
        if !has_room(self, bytes) {
            return None;
        }
        let out = &mut out[..bytes];
        let payload = (records, record_count);
        let tag = block::encode(&self.writer, &self.head, self.durable_block, payload, &self.key, out);
        let placed = Placed {
            offset: self.head.offset,
            bytes,
            block: self.head.block,
            last_record: RecordNumber(self.head.record.0 + u64::from(record_count)),
        };
        self.head = self.head.after(bytes, tag, placed.last_record, self.region_bytes);
        Some(placed)
    }

    /// Whether a block of `bytes` and, behind it, the place of one more are free. So head and tail are at the same place
    /// only when nothing is used, and wiping the page at the head never touches what is needed.
    fn has_room(&self, bytes: usize) -> bool {
        let (tail, head) = (self.tail.offset, self.head.offset);
        let end = head + bytes as u64;
        if head < tail {
            return end + BLOCK_BYTES_MAX as u64 <= tail;
        }
        let fits_behind_it = end + BLOCK_BYTES_MAX as u64 <= self.region_bytes;
        fits_behind_it || BLOCK_BYTES_MAX as u64 <= tail
    }
}

/// Whether the one position can be followed by the other, or is the other.
fn is_before(earlier: &Position, later: &Position) -> bool {
    earlier == later || earlier.block < later.block && earlier.record <= later.record && earlier.offset != later.offset
}

#[cfg(test)]
mod tests;
