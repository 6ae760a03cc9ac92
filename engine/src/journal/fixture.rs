//! What the journal's tests share: an authority, a disk that does as it is told, and a generator of numbers.

use super::block::HEADER_BYTES;
use super::identity::{Identity, JournalKey, ShardIdentity};
use super::ring::{Placed, Position, Ring, set_copy};
use super::scan::Image;
use super::{BLOCK_BYTES_MAX, PAGE_BYTES, REGION_BYTES_MIN};
use crate::network::NetworkId;
use crate::types::ShardIndex;
use core::convert::Infallible;

pub(super) const REGION_BYTES: u64 = REGION_BYTES_MIN + 3 * PAGE_BYTES as u64;
pub(super) const SECTOR_BYTES: usize = 512;

pub(super) fn identity() -> Identity {
    Identity { network: NetworkId([7; 32]), authority_key: [8; 32], shard_count: 4 }
}

pub(super) fn shard() -> ShardIdentity {
    identity().of_shard(ShardIndex(2))
}

pub(super) fn key() -> JournalKey {
    JournalKey::derive(&[9; 32], &[10; 16])
}

pub(super) fn genesis() -> Position {
    Position::genesis(&identity(), ShardIndex(2))
}

pub(super) fn ring(tail: Position, head: Position, boot_id: u64) -> Ring {
    Ring::new(shard(), key(), REGION_BYTES, (boot_id, 1), tail, head)
}

/// The same numbers for the same seed.
#[derive(Clone)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound as u64).unwrap()
    }

    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
    }

    /// As long as records may be; mostly a page or a few, sometimes the most.
    pub(super) fn payload(&mut self) -> Vec<u8> {
        let length = match self.below(8) {
            0 => BLOCK_BYTES_MAX - HEADER_BYTES,
            1 => 1 + self.below(BLOCK_BYTES_MAX - HEADER_BYTES),
            2 => PAGE_BYTES - HEADER_BYTES,
            _ => 1 + self.below(4 * PAGE_BYTES),
        };
        vec![u8::try_from(1 + self.below(255)).unwrap(); length]
    }
}

/// The region of one shard, in each copy.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Disk {
    pub(super) copies: Vec<Vec<u8>>,
}

impl Disk {
    pub(super) fn new(copy_count: usize) -> Self {
        Self { copies: vec![vec![0; usize::try_from(REGION_BYTES).unwrap()]; copy_count] }
    }

    pub(super) fn write(&mut self, copy: usize, offset: u64, bytes: &[u8]) {
        self.copies[copy][usize::try_from(offset).unwrap()..][..bytes.len()].copy_from_slice(bytes);
    }

    pub(super) fn write_all(&mut self, offset: u64, block: &mut [u8]) {
        for copy in 0..self.copies.len() {
            set_copy(block, u8::try_from(copy).unwrap());
            self.write(copy, offset, block);
        }
    }

    /// Writes those sectors of a block for which `lands` says so.
    pub(super) fn write_torn(
        &mut self,
        copy: usize,
        offset: u64,
        block: &mut [u8],
        mut lands: impl FnMut(usize) -> bool,
    ) {
        set_copy(block, u8::try_from(copy).unwrap());
        for (sector, bytes) in block.chunks_exact(SECTOR_BYTES).enumerate() {
            if lands(sector) {
                self.write(copy, offset + (sector * SECTOR_BYTES) as u64, bytes);
            }
        }
    }

    /// Inverts a sector; twice mends it.
    pub(super) fn invert_sector(&mut self, copy: usize, offset: usize) {
        self.copies[copy][offset..][..SECTOR_BYTES].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

impl Image for Disk {
    type Error = Infallible;

    fn read(&mut self, copy: u8, offset: u64, into: &mut [u8]) -> Result<(), Infallible> {
        assert!(offset.is_multiple_of(PAGE_BYTES as u64) && into.len().is_multiple_of(PAGE_BYTES));
        into.copy_from_slice(&self.copies[usize::from(copy)][usize::try_from(offset).unwrap()..][..into.len()]);
        Ok(())
    }
}

/// A block as it was written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) placed: Placed,
    pub(super) payload: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    pub(super) after: Position,
}

/// Encodes a block with one record per byte.
pub(super) fn encode(ring: &mut Ring, payload: &[u8]) -> Option<Written> {
    let mut bytes = vec![0xaa; BLOCK_BYTES_MAX];
    let placed = ring.encode(payload, u32::try_from(payload.len()).unwrap(), &mut bytes)?;
    bytes.truncate(placed.bytes);
    Some(Written { placed, payload: payload.to_vec(), bytes, after: ring.position() })
}

/// A journal of blocks with these payloads, all durable, and what is in it.
pub(super) fn journal(copy_count: usize, payloads: &[Vec<u8>]) -> (Disk, Ring, Vec<Written>) {
    let (mut disk, mut ring) = (Disk::new(copy_count), ring(genesis(), genesis(), 1));
    let written = payloads.iter().map(|payload| {
        let mut written = encode(&mut ring, payload).unwrap();
        disk.write_all(written.placed.offset, &mut written.bytes);
        ring.durable(written.placed.block);
        written
    });
    let written = written.collect();
    (disk, ring, written)
}
