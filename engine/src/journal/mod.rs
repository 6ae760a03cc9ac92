//! The journal: what a shard writes down before it lets anyone know.
//!
//! A shard numbers every change of its state ([`record`]) and gathers records into blocks ([`block`]). A reply leaves only
//! when the block that it rests on is durable. After a crash the blocks are read back ([`scan`]), on top of the newest
//! snapshot ([`snapshot`]), and the shard knows again all that it has told anyone. Nothing here opens a file or waits for
//! one: bytes and places go out, bytes come in.
//!
//! # What is where
//! There are one or two **copies**: files of the same length, each in a directory of its own, ideally on a device of its
//! own. Two, because one medium's fault in one place would otherwise be enough to lose what was signed.
//!
//! | Place in a copy, bytes | What |
//! |---|---|
//! | 0 | The superblock: whose journal this is ([`identity`]), [`PAGE_BYTES`] |
//! | [`identity::Superblock::region_start`]`(0)` | Shard 0's region |
//! | one region further on | Shard 1's region; and so on |
//!
//! A region is a ring of blocks ([`ring`]). A block is a whole number of pages and never more than [`BLOCK_BYTES_MAX`]. It
//! never wraps: where fewer than [`BLOCK_BYTES_MAX`] bytes are left before the region's end, the next block is at the
//! region's start. So a reader knows from a block's place and length where the next one is, and needs no marker that could
//! itself be torn.
//!
//! # The rules
//! 1. **Durable** is the contiguous prefix of blocks that every copy has, synced. A block behind a gap is not durable.
//! 2. Of each shard **one block is under way** at a time: block n + 1 is written only when block n is durable. So whoever
//!    finds block n + 1 knows that block n was durable, and that replies resting on it may have left.
//! 3. What a snapshot does not make superfluous is never overwritten, and the place of one more block is always kept free.
//! 4. A reader goes from block to block and **never looks for the next one by searching**. Where no copy is good the journal
//!    ends: at a block that was being written when the power went, or, if anything in the region proves that this block was
//!    durable, in a refusal to start. An authority that forgot a vote could sign a second one.
//! 5. A good block in one copy is written to the other before anything builds on it, and the place where the journal ends
//!    is wiped: what was read as torn must not be read as whole later.
//!
//! # Why each field of a block is there
//! | Field | Without it |
//! |---|---|
//! | magic, version, checksum | Every page of the region would have to be hashed to see that it is not a header |
//! | network, authority, shard, shard count | A file or a region of another authority or shard could be taken for this one's |
//! | copy | One device that answers for the other would look like two good copies |
//! | epoch, boot | Nobody could tell under which committee, and in which run, a block was written |
//! | block number | A block of the ring's previous turn could be taken for the next one |
//! | offset | So could a block that the device wrote in the wrong place |
//! | first record, record count | Records could be applied twice or left out |
//! | durable hint | A block would only say that the one before was durable, and not by what its writer knew |
//! | payload digest | A torn payload could be taken for a whole one |
//! | chain: the tag of the block before | A block could follow one that it was not written after |
//! | tag: keyed, of all that, without the copy | Payers choose bytes of the payload: they could write a header into it |
//!
//! The payload has a digest of its own, and the tag covers the digest, so that a header can be believed although its
//! payload is torn. That is the usual state of the last block after a power failure, and it is proof for the one before.
//!
//! # Files
//! - [`identity`]: the superblock, and the key of the tags.
//! - [`record`]: a record's bytes. [`block`]: a block's bytes. [`ring`]: where blocks go. [`scan`]: reading them back.
//! - [`snapshot`]: the file that bounds how much journal there is.

pub mod block;
pub mod identity;
pub mod record;
pub mod ring;
pub mod scan;
pub mod snapshot;

#[cfg(test)]
mod fixture;

pub use record::RecordNumber;

/// Unit and alignment of all that is read and written: bytes. Sectors of devices divide it; that a page is written whole or
/// not at all is not relied on.
pub const PAGE_BYTES: usize = 4096;

/// The longest block, its header included: bytes. A sync costs as much as writing this or less, so longer ones gain little.
pub const BLOCK_BYTES_MAX: usize = 256 << 10;

/// The most copies of a journal.
pub const COPIES_MAX: u8 = 2;

/// The shortest region: bytes. Room for one block wherever the ring stands; see [`ring::Ring::capacity_bytes`].
pub const REGION_BYTES_MIN: u64 = 4 * BLOCK_BYTES_MAX as u64;

/// The longest region: bytes. Far above use; it keeps a file of [`SHARDS_MAX`](crate::limits::SHARDS_MAX) regions below 2^63.
pub const REGION_BYTES_MAX: u64 = 1 << 40;

const _: () = assert!(BLOCK_BYTES_MAX.is_multiple_of(PAGE_BYTES));
const _: () = assert!(REGION_BYTES_MAX * (crate::limits::SHARDS_MAX as u64 + 1) < 1 << 63);

/// Whether a region may have this length: whole pages, and neither too short nor too long.
pub const fn is_region(region_bytes: u64) -> bool {
    region_bytes.is_multiple_of(PAGE_BYTES as u64)
        && REGION_BYTES_MIN <= region_bytes
        && region_bytes <= REGION_BYTES_MAX
}
