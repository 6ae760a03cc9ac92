//! A segment's first page: whose it is.

use crate::journal::PAGE_BYTES;
use crate::journal::identity::{Identity, ShardIdentity};
use crate::network::NetworkId;
use crate::types::ShardIndex;
use bytemuck::{Pod, Zeroable};
use quittance_net::frame::{U16, U64};

/// Whose segment, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The shard.
    pub shard: ShardIdentity,
    /// When its journal was made: [`Superblock::created`](crate::journal::identity::Superblock::created).
    pub created: [u8; 16],
    /// The segment's number, from 0.
    pub number: u64,
}

/// Why a page is not a segment's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// Never completed, changed, or another file.
    #[error("the segment's first page is damaged")]
    Damaged,
    /// Another format.
    #[error("the history has format {found}, and this program reads format {VERSION}; use the program that wrote it")]
    Version {
        /// The format found.
        found: u16,
    },
}

const MAGIC: [u8; 8] = *b"qthist\n\0";
const VERSION: u16 = 1;

/// A header's bytes, 136; the rest of the page is zero.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct SegmentBytes {
    magic: [u8; 8],
    version: U16,
    shard: U16,
    shard_count: U16,
    padding: [u8; 2],
    number: U64,
    created: [u8; 16],
    network: [u8; 32],
    authority_key: [u8; 32],
    /// BLAKE3 of what is before it.
    digest: [u8; 32],
}

const DIGESTED_BYTES: usize = core::mem::offset_of!(SegmentBytes, digest);

impl SegmentHeader {
    /// The page.
    pub fn encode(&self) -> [u8; PAGE_BYTES] {
        let Identity { network, authority_key, shard_count } = self.shard.identity;
        let mut layout = SegmentBytes {
            magic: MAGIC,
            version: U16::new(VERSION),
            shard: U16::new(self.shard.shard.0),
            shard_count: U16::new(shard_count),
            padding: [0; 2],
            number: U64::new(self.number),
            created: self.created,
            network: network.0,
            authority_key,
            digest: [0; 32],
        };
        layout.digest = digest(&layout);
        let mut page = [0; PAGE_BYTES];
        page[..size_of::<SegmentBytes>()].copy_from_slice(bytemuck::bytes_of(&layout));
        page
    }

    /// Reads a page.
    ///
    /// # Errors
    /// [`SegmentError`]. Whose it is, is for the caller to judge.
    pub fn decode(page: &[u8; PAGE_BYTES]) -> Result<Self, SegmentError> {
        let (layout, rest) = page.split_at(size_of::<SegmentBytes>());
        let layout: &SegmentBytes = bytemuck::from_bytes(layout);
        if layout.magic == MAGIC && layout.version.get() != VERSION {
            return Err(SegmentError::Version { found: layout.version.get() });
        }
        let is_whole = layout.magic == MAGIC
            && layout.digest == digest(layout)
            && layout.padding == [0; 2]
            && layout.shard.get() < layout.shard_count.get()
            && rest.iter().all(|byte| *byte == 0);
        if !is_whole {
            return Err(SegmentError::Damaged);
        }
        let identity = Identity {
            network: NetworkId(layout.network),
            authority_key: layout.authority_key,
            shard_count: layout.shard_count.get(),
        };
        let shard = identity.of_shard(ShardIndex(layout.shard.get()));
        Ok(Self { shard, created: layout.created, number: layout.number.get() })
    }
}

fn digest(layout: &SegmentBytes) -> [u8; 32] {
    *blake3::hash(&bytemuck::bytes_of(layout)[..DIGESTED_BYTES]).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swept::swept;

    fn header() -> SegmentHeader {
        let identity = Identity { network: NetworkId([7; 32]), authority_key: [8; 32], shard_count: 4 };
        SegmentHeader { shard: identity.of_shard(ShardIndex(2)), created: [9; 16], number: 0x0102 }
    }

    #[test]
    fn a_segments_page_comes_back_and_is_these_bytes() {
        let page = header().encode();
        assert_eq!(SegmentHeader::decode(&page), Ok(header()));
        let start = [&b"qthist\n\0"[..], &[1, 0, 2, 0, 4, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0], &[9; 16]].concat();
        assert_eq!(page[..40], start);
        assert_eq!((&page[40..72], &page[72..104]), (&[7; 32][..], &[8; 32][..]));
    }

    #[test]
    fn a_single_bit_flipped_anywhere_is_noticed() {
        let mut page = header().encode();
        for bit in swept(0..PAGE_BYTES * 8) {
            page[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&page).is_err(), "bit {bit}");
            page[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(SegmentHeader::decode(&[0; PAGE_BYTES]), Err(SegmentError::Damaged));
    }
}
