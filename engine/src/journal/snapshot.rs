//! The snapshot file: a shard's state, written while the shard goes on working.
//!
//! | Part | What |
//! |---|---|
//! | head, one page | Whose it is, its number, and from where the journal is to be read after it |
//! | chunks | Slots, in order, [`SNAPSHOT_CHUNK_SLOTS`] in each but the last; each chunk exact as of its own record |
//! | tail | The rest of the shard's state, as of its record |
//! | foot | How much there was, and BLAKE3 of all that is before |
//!
//! A chunk is copied between two records, and later chunks later: records that a chunk has already are skipped for its
//! slots when the journal is replayed, the others are applied. So the foot is written only when the journal is durable up to
//! the tail's record: a snapshot of what the journal could still lose would be a state that never was.
//!
//! Nothing read may be believed before the foot was read and found right ([`Decoder::finish`]): keep apart what is decoded
//! until then, and throw it away on an error.

use super::identity::{Identity, ShardIdentity};
use super::ring::Position;
use super::{PAGE_BYTES, RecordNumber};
use crate::credit::{Credit, CreditBytes};
use crate::limits::{CREDITS_UNACKNOWLEDGED_MAX, SHARDS_MAX};
use crate::network::NetworkId;
use crate::types::{Address, Digest, ShardIndex};
use bytemuck::{Pod, Zeroable};
use quittance_net::frame::{I128, U16, U64};

/// Slots in a chunk: 136 KiB, so that copying one takes a shard some tens of microseconds.
pub const SNAPSHOT_CHUNK_SLOTS: usize = 1024;

/// The longest part: a tail with every outbox full. Bytes.
pub const PART_BYTES_MAX: usize = PART_HEAD_BYTES
    + size_of::<TailBytes>()
    + SHARDS_MAX as usize
        * (size_of::<U64>() + size_of::<OutgoingBytes>() + CREDITS_UNACKNOWLEDGED_MAX * size_of::<CreditBytes>());

/// Whose snapshot, and where the journal goes on after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The shard.
    pub shard: ShardIdentity,
    /// When its journal was made: [`Superblock::created`](super::identity::Superblock::created).
    pub created: [u8; 16],
    /// Its number among the shard's snapshots.
    pub number: u64,
    /// The journal is read from here. [`Position::record`] is the last record that need not be replayed for any slot.
    pub start: Position,
}

/// An account, as a snapshot holds it: 136 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct SlotImage {
    /// The account.
    pub address: Address,
    /// Its balance.
    pub balance: I128,
    /// The sequence number that its next order must have.
    pub next_sequence: U64,
    /// The order voted for and not yet confirmed; zero if none.
    pub pending: Digest,
    /// The last confirmed order; zero if none.
    pub last_confirmed: Digest,
    /// [`HistoryHead::sent`](crate::history::HistoryHead::sent).
    pub sent: U64,
    /// [`HistoryHead::received`](crate::history::HistoryHead::received).
    pub received: U64,
}

/// What a shard has besides its accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardTail {
    /// Units redeemed so far.
    pub redeemed: u128,
    /// Up to where the history goes.
    pub history_end: u64,
    /// Per source shard: the number of the last credit applied.
    pub incoming: Vec<u64>,
    /// Per destination shard: the outbox.
    pub outgoing: Vec<OutgoingTail>,
}

/// The outbox towards one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingTail {
    /// The last credit made.
    pub last_number: u64,
    /// Whether the destination takes accounts that are new to it.
    pub peer_has_room: bool,
    /// The last credits, up to `last_number`, that are not acknowledged.
    pub credits: Vec<Credit>,
}

/// How much there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Chunks.
    pub chunk_count: u64,
    /// Slots in them.
    pub slot_count: u64,
}

/// Why a snapshot cannot be used. Another one may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It ends before its foot: its writer did not finish it.
    #[error("the snapshot was never completed")]
    Incomplete,
    /// Another file.
    #[error("this is no snapshot")]
    NotASnapshot,
    /// Another format.
    #[error("the snapshot has format {found}, and this program reads format {VERSION}; use the program that wrote it")]
    Version {
        /// The format found.
        found: u16,
    },
    /// Another network's, authority's, shard's or journal's.
    #[error("the snapshot belongs to another shard or another journal")]
    Foreign,
    /// Changed since it was written, or never written like this.
    #[error("the snapshot is damaged")]
    Damaged,
}

const MAGIC: [u8; 8] = *b"qtsnaps\n";
/// 2: slots and tails carry places in the history.
const VERSION: u16 = 2;

/// The head's bytes, 160; the rest of the page is zero.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct HeadBytes {
    magic: [u8; 8],
    version: U16,
    shard: U16,
    shard_count: U16,
    padding: [u8; 2],
    created: [u8; 16],
    network: [u8; 32],
    authority_key: [u8; 32],
    number: U64,
    start_block: U64,
    start_offset: U64,
    start_record: U64,
    start_chain: [u8; 32],
}

const PART_CHUNK: u16 = 1;
const PART_TAIL: u16 = 2;
const PART_FOOT: u16 = 3;

/// Before every chunk, before the tail and before the foot: 24 bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct PartHead {
    kind: U16,
    padding: [u8; 6],
    /// Of what follows this.
    body_bytes: U64,
    lsn: U64,
}

const PART_HEAD_BYTES: usize = size_of::<PartHead>();

/// The tail's beginning, 24 bytes. Then 8 bytes per source, then the outboxes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct TailBytes {
    /// As two's complement; never negative.
    redeemed: I128,
    history_end: U64,
}

/// An outbox's beginning, 24 bytes. Then its credits.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct OutgoingBytes {
    last_number: U64,
    credit_count: U64,
    peer_has_room: u8,
    padding: [u8; 7],
}

/// The foot, 48 bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct FootBytes {
    chunk_count: U64,
    slot_count: U64,
    digest: [u8; 32],
}

const _: () = assert!(size_of::<HeadBytes>() == 160 && size_of::<SlotImage>() == 136 && PART_HEAD_BYTES == 24);
const _: () = assert!(align_of::<SlotImage>() == 1, "slots are read where they lie");
const _: () = assert!(SNAPSHOT_CHUNK_SLOTS * size_of::<SlotImage>() < PART_BYTES_MAX);

pub use decode::{Decoder, Item};
pub use encode::Encoder;

mod decode;
mod encode;

#[cfg(test)]
mod tests;
