//! Whose journal this is, and the key of its blocks' tags.

use super::{PAGE_BYTES, is_region};
use crate::limits::SHARDS_MAX;
use crate::network::NetworkId;
use crate::shard_range::ShardRange;
use crate::types::ShardIndex;
use bytemuck::{Pod, Zeroable};
use core::fmt;
use quittance_net::frame::{U16, U64};
use zeroize::Zeroize;

/// Whose journal this is. Every part of it changes what the journal's records mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The network.
    pub network: NetworkId,
    /// The authority's public key.
    pub authority_key: [u8; 32],
    /// Over how many shards its accounts are split.
    pub shard_count: u16,
}

/// One shard of the journal's authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardIdentity {
    /// The authority.
    pub identity: Identity,
    /// Its shard.
    pub shard: ShardIndex,
}

impl Identity {
    /// One of the authority's shards.
    pub fn of_shard(&self, shard: ShardIndex) -> ShardIdentity {
        assert!(shard.0 < self.shard_count, "the shell counts its shards by the identity");
        ShardIdentity { identity: *self, shard }
    }

    /// The first eight bytes of the authority's key, as blocks carry them.
    pub fn authority_tag(&self) -> u64 {
        let tag: &[u8; 8] = self.authority_key.first_chunk().expect("32 bytes hold 8");
        u64::from_le_bytes(*tag)
    }
}

/// The first page of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// Whose journal this is.
    pub identity: Identity,
    /// Whose regions it has: the shards of one process.
    pub shards: ShardRange,
    /// The length of a shard's region: bytes. See [`is_region`].
    pub region_bytes: u64,
    /// Which copy this is, from 0.
    pub copy: u8,
    /// Drawn at random when the journal was made, and the same in both copies: copies of two journals do not mix.
    pub created: [u8; 16],
}

/// Why a page is not the superblock of a journal that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuperblockError {
    /// All zero.
    #[error("the journal was never completed; it holds nothing, and may be removed and made again")]
    Empty,
    /// Another file.
    #[error("this is no journal; give the directory that holds the authority's journal")]
    NotAJournal,
    /// Another format.
    #[error("the journal has format {found}, and this program reads format {VERSION}; use the program that wrote it")]
    Version {
        /// The format found.
        found: u16,
    },
    /// Changed since it was written, or never written like this.
    #[error("the journal's first page is damaged; put the undamaged copy in its place")]
    Damaged,
}

const MAGIC: [u8; 8] = *b"qtjrnal\n";
/// 2: the superblock says which shards it holds, and records carry places in the history.
const VERSION: u16 = 2;

/// A superblock's bytes, 140; the rest of the page is zero.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct SuperblockBytes {
    magic: [u8; 8],
    version: U16,
    shard_count: U16,
    first_shard: U16,
    hosted_count: U16,
    copy: u8,
    padding: [u8; 3],
    region_bytes: U64,
    created: [u8; 16],
    network: [u8; 32],
    authority_key: [u8; 32],
    /// BLAKE3 of what is before it.
    digest: [u8; 32],
}

const DIGESTED_BYTES: usize = core::mem::offset_of!(SuperblockBytes, digest);

impl Superblock {
    /// The page.
    pub fn encode(&self) -> [u8; PAGE_BYTES] {
        assert!(is_region(self.region_bytes), "the shell makes no journal with such regions");
        let mut layout = SuperblockBytes {
            magic: MAGIC,
            version: U16::new(VERSION),
            shard_count: U16::new(self.identity.shard_count),
            first_shard: U16::new(self.shards.first().0),
            hosted_count: U16::new(self.shards.count()),
            copy: self.copy,
            padding: [0; 3],
            region_bytes: U64::new(self.region_bytes),
            created: self.created,
            network: self.identity.network.0,
            authority_key: self.identity.authority_key,
            digest: [0; 32],
        };
        layout.digest = digest(&layout);
        let mut page = [0; PAGE_BYTES];
        page[..size_of::<SuperblockBytes>()].copy_from_slice(bytemuck::bytes_of(&layout));
        page
    }

    /// Reads a page.
    ///
    /// # Errors
    /// [`SuperblockError`], in the order checked.
    pub fn decode(page: &[u8; PAGE_BYTES]) -> Result<Self, SuperblockError> {
        if page.iter().all(|byte| *byte == 0) {
            return Err(SuperblockError::Empty);
        }
        let (layout, rest) = page.split_at(size_of::<SuperblockBytes>());
        let layout: &SuperblockBytes = bytemuck::from_bytes(layout);
        if layout.magic != MAGIC {
            return Err(SuperblockError::NotAJournal);
        }
        if layout.version.get() != VERSION {
            return Err(SuperblockError::Version { found: layout.version.get() });
        }
        let shards = ShardRange::new(ShardIndex(layout.first_shard.get()), layout.hosted_count.get());
        let superblock = Self {
            shards: shards.ok_or(SuperblockError::Damaged)?,
            identity: Identity {
                network: NetworkId(layout.network),
                authority_key: layout.authority_key,
                shard_count: layout.shard_count.get(),
            },
            region_bytes: layout.region_bytes.get(),
            copy: layout.copy,
            created: layout.created,
        };
        let is_whole = layout.digest == digest(layout)
            && layout.padding == [0; 3]
            && rest.iter().all(|byte| *byte == 0)
            && (1..=SHARDS_MAX).contains(&superblock.identity.shard_count)
            && superblock.shards.last().0 < superblock.identity.shard_count
            && superblock.copy < super::COPIES_MAX
            && is_region(superblock.region_bytes);
        if is_whole { Ok(superblock) } else { Err(SuperblockError::Damaged) }
    }

    /// Where a shard's region is in the file: bytes.
    pub fn region_start(&self, shard: ShardIndex) -> u64 {
        PAGE_BYTES as u64 + self.shards.local(shard) as u64 * self.region_bytes
    }

    /// The file's length: bytes.
    pub fn file_bytes(&self) -> u64 {
        PAGE_BYTES as u64 + u64::from(self.shards.count()) * self.region_bytes
    }
}

fn digest(layout: &SuperblockBytes) -> [u8; 32] {
    *blake3::hash(&bytemuck::bytes_of(layout)[..DIGESTED_BYTES]).as_bytes()
}

/// Keys the tags of a journal's blocks. Wiped when dropped.
#[derive(Clone)]
pub struct JournalKey([u8; 32]);

impl JournalKey {
    /// The key of the journal that was made under `created`, from the authority's secret seed. Two journals of one
    /// authority have different keys: blocks of the one mean nothing in the other.
    pub fn derive(seed: &[u8; 32], created: &[u8; 16]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("quittance v1 journal");
        hasher.update(seed).update(created);
        Self(*hasher.finalize().as_bytes())
    }

    /// The tag of these bytes.
    pub(super) fn tag(&self, bytes: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, bytes).as_bytes()
    }
}

impl Drop for JournalKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for JournalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JournalKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::REGION_BYTES_MIN;
    use crate::journal::fixture::identity;
    use crate::swept::swept;

    fn superblock() -> Superblock {
        let shards = ShardRange::new(ShardIndex(1), 3).unwrap();
        Superblock { identity: identity(), shards, region_bytes: REGION_BYTES_MIN, copy: 1, created: [3; 16] }
    }

    #[test]
    fn a_superblock_comes_back_and_tells_where_regions_are() {
        let superblock = superblock();
        assert_eq!(Superblock::decode(&superblock.encode()), Ok(superblock));
        assert_eq!(superblock.region_start(ShardIndex(1)), 4096, "the first shard that it has");
        assert_eq!(superblock.region_start(ShardIndex(3)), 4096 + 2 * (1 << 20));
        assert_eq!(superblock.file_bytes(), 4096 + 3 * (1 << 20));
    }

    #[test]
    fn a_page_of_zeros_was_never_completed() {
        assert_eq!(Superblock::decode(&[0; PAGE_BYTES]), Err(SuperblockError::Empty));
    }

    #[test]
    fn a_single_bit_flipped_anywhere_is_noticed() {
        let mut page = superblock().encode();
        for bit in swept(0..PAGE_BYTES * 8) {
            page[bit / 8] ^= 1 << (bit % 8);
            let expected = match bit / 8 {
                0..8 => SuperblockError::NotAJournal,
                8..10 => SuperblockError::Version { found: VERSION ^ (1 << (bit - 64)) },
                _ => SuperblockError::Damaged,
            };
            assert_eq!(Superblock::decode(&page), Err(expected), "bit {bit}");
            page[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn impossible_numbers_under_a_good_digest_are_refused() {
        let refuses = |change: fn(&mut SuperblockBytes)| {
            let mut page = superblock().encode();
            let layout: &mut SuperblockBytes = bytemuck::from_bytes_mut(&mut page[..size_of::<SuperblockBytes>()]);
            change(layout);
            layout.digest = digest(layout);
            Superblock::decode(&page) == Err(SuperblockError::Damaged)
        };
        assert!(refuses(|layout| layout.region_bytes = U64::new(u64::MAX)));
        assert!(refuses(|layout| layout.region_bytes = U64::new(REGION_BYTES_MIN + 1)));
        assert!(refuses(|layout| layout.shard_count = U16::new(0)));
        assert!(refuses(|layout| layout.shard_count = U16::new(SHARDS_MAX + 1)));
        assert!(refuses(|layout| layout.hosted_count = U16::new(0)));
        assert!(refuses(|layout| layout.hosted_count = U16::new(4)), "from shard 1 on there are three");
        assert!(!refuses(|layout| layout.hosted_count = U16::new(2)));
        assert!(refuses(|layout| layout.copy = 2));
        assert!(!refuses(|layout| layout.copy = 0));
    }

    #[test]
    fn keys_differ_by_authority_and_by_journal_and_are_not_printed() {
        let key = |seed, created| JournalKey::derive(&[seed; 32], &[created; 16]);
        let tags = [key(1, 1), key(1, 2), key(2, 1)].map(|key| key.tag(b"the same"));
        assert!(tags[0] != tags[1] && tags[0] != tags[2] && tags[1] != tags[2]);
        assert_eq!(key(1, 1).tag(b"the same"), tags[0]);
        assert_eq!(format!("{:?}", key(1, 1)), "JournalKey(..)");
    }
}
