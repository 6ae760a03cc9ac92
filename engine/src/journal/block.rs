//! A block's bytes: a header, the records, zeros to the end of the page.

use super::identity::{JournalKey, ShardIdentity};
use super::ring::Position;
use super::{BLOCK_BYTES_MAX, PAGE_BYTES, RecordNumber};
use crate::mutant::{Mutant, Planted};
use bytemuck::{Pod, Zeroable};
use quittance_net::frame::{U16, U64};

/// A header's length: bytes.
pub const HEADER_BYTES: usize = size_of::<HeaderBytes>();

/// The most bytes of records in a block.
pub const PAYLOAD_BYTES_MAX: usize = BLOCK_BYTES_MAX - HEADER_BYTES;

/// A header, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// The copy that it was found in, by its own account.
    pub copy: u8,
    /// The committee's epoch when it was written.
    pub epoch: u64,
    /// The run that wrote it.
    pub boot_id: u64,
    /// Its number among the shard's blocks, from 1.
    pub block: u64,
    /// Its place in the region: bytes.
    pub offset: u64,
    /// Its first record; if it has none, the one that will follow.
    pub first_record: RecordNumber,
    /// How many records it has. A block without any is there to prove that the one before was durable.
    pub record_count: u32,
    /// Their length: bytes.
    pub payload_bytes: u32,
    /// The highest block that its writer knew to be durable; 0 for none.
    pub durable_hint: u64,
    /// BLAKE3 of the records.
    pub payload_digest: [u8; 32],
    /// The tag of the block before.
    pub chain: [u8; 32],
    /// Its own tag.
    pub tag: [u8; 32],
}

impl BlockHeader {
    /// The block's length on disk: bytes, whole pages.
    pub fn block_bytes(&self) -> usize {
        block_bytes(self.payload_bytes as usize)
    }

    /// The last record up to and including this block.
    pub fn last_record(&self) -> RecordNumber {
        let last = self.first_record.0 - 1 + u64::from(self.record_count);
        RecordNumber(last)
    }
}

/// The length on disk of a block with so many bytes of records: bytes, whole pages.
pub const fn block_bytes(payload_bytes: usize) -> usize {
    (HEADER_BYTES + payload_bytes).next_multiple_of(PAGE_BYTES)
}

/// Why bytes are not the block that was looked for: in the order checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    /// The bytes are too few for a header.
    #[error("fewer bytes than a header")]
    Short,
    /// No header begins here.
    #[error("no block begins here")]
    NotABlock,
    /// Another format.
    #[error("a block of another format")]
    Version,
    /// The header was damaged.
    #[error("the header's checksum is wrong")]
    Checksum,
    /// The header was not written by this authority for this journal.
    #[error("the header's tag is wrong")]
    Tag,
    /// The header says what no writer writes.
    #[error("the header contradicts itself")]
    Contradiction,
    /// Another network, authority, shard or shard count.
    #[error("the block belongs to another shard")]
    Identity,
    /// The other copy's bytes.
    #[error("the block belongs to another copy")]
    Copy,
    /// Another number: a block of an earlier turn of the ring, say.
    #[error("another block's number")]
    Number,
    /// It was written for another place.
    #[error("the block belongs elsewhere")]
    Place,
    /// It follows another block than the one before it here.
    #[error("the block follows another one")]
    Chain,
    /// It leaves records out, or repeats some.
    #[error("the block's first record is not the next one")]
    FirstRecord,
    /// The records are not those written.
    #[error("the records are damaged")]
    Payload,
    /// What follows the records is not zero.
    #[error("what follows the records is damaged")]
    Padding,
}

/// Which block is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Of which shard.
    pub shard: &'a ShardIdentity,
    /// In which copy.
    pub copy: u8,
    /// At which place, with which number, after which block and which record.
    pub position: &'a Position,
}

/// Reads the header at the start of `bytes`, and checks that it is the one expected. Says nothing about the records: see
/// [`check_payload`].
///
/// # Errors
/// [`BlockFault`].
pub fn check(bytes: &[u8], expected: &Expected<'_>, key: &JournalKey) -> Result<BlockHeader, BlockFault> {
    check_by(Checks::default(), bytes, expected, key)
}

/// Checks the records of a block whose header was [`check`]ed: `block` begins with the header and is
/// [`BlockHeader::block_bytes`] long. Returns them.
///
/// # Errors
/// [`BlockFault`].
pub fn check_payload<'a>(block: &'a [u8], header: &BlockHeader) -> Result<&'a [u8], BlockFault> {
    check_payload_by(Checks::default(), block, header)
}

/// Reads the header at the start of `bytes` of any block that this shard has ever written into this journal. That it has is
/// certain: the tag is good.
///
/// # Errors
/// [`BlockFault`].
pub fn authenticate(bytes: &[u8], shard: &ShardIdentity, key: &JournalKey) -> Result<BlockHeader, BlockFault> {
    authenticate_by(Checks::default(), bytes, shard, key)
}

/// Makes the first copy's bytes those of another copy, or the other way round: the copy's number is in the header, and in
/// its checksum. The tag is the same.
pub fn set_copy(block: &mut [u8], copy: u8) {
    let header: &mut HeaderBytes = bytemuck::from_bytes_mut(&mut block[..HEADER_BYTES]);
    header.copy = copy;
    header.checksum = checksum(header);
}

/// Which checks a reader makes: all. A test leaves one out, to show that the others do not replace it; so do planted bugs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Checks {
    #[cfg(test)]
    pub(super) left_out: Option<Check>,
    pub(super) planted: Planted,
}

/// What a test may leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Checksum,
    Tag,
    Identity,
    Copy,
    Number,
    Place,
    Chain,
    FirstRecord,
    Payload,
    Padding,
    /// A block that was durable and cannot be read is an end like any other.
    Evidence,
}

impl Checks {
    #[inline]
    pub(super) fn make(self, check: Check) -> bool {
        #[cfg(test)]
        if self.left_out == Some(check) {
            return false;
        }
        let is_skipped = match check {
            Check::Payload | Check::Padding => self.planted.is(Mutant::TornBlockAccepted),
            Check::Number | Check::Chain | Check::FirstRecord => self.planted.is(Mutant::StaleBlockAccepted),
            _ => false,
        };
        !is_skipped
    }

    fn hold(self, check: Check, holds: bool, fault: BlockFault) -> Result<(), BlockFault> {
        if holds || !self.make(check) { Ok(()) } else { Err(fault) }
    }
}

pub(super) fn check_by(
    checks: Checks,
    bytes: &[u8],
    expected: &Expected<'_>,
    key: &JournalKey,
) -> Result<BlockHeader, BlockFault> {
    let header = authenticate_by(checks, bytes, expected.shard, key)?;
    let position = expected.position;
    checks.hold(Check::Copy, header.copy == expected.copy, BlockFault::Copy)?;
    checks.hold(Check::Number, header.block == position.block, BlockFault::Number)?;
    checks.hold(Check::Place, header.offset == position.offset, BlockFault::Place)?;
    checks.hold(Check::Chain, header.chain == position.chain, BlockFault::Chain)?;
    checks.hold(Check::FirstRecord, header.first_record == position.record.next(), BlockFault::FirstRecord)?;
    Ok(header)
}

pub(super) fn check_payload_by<'a>(
    checks: Checks,
    block: &'a [u8],
    header: &BlockHeader,
) -> Result<&'a [u8], BlockFault> {
    let content = block.get(HEADER_BYTES..header.block_bytes()).ok_or(BlockFault::Short)?;
    let (payload, padding) = content.split_at(header.payload_bytes as usize);
    let is_payload = blake3::hash(payload).as_bytes() == &header.payload_digest;
    checks.hold(Check::Payload, is_payload, BlockFault::Payload)?;
    checks.hold(Check::Padding, padding.iter().all(|byte| *byte == 0), BlockFault::Padding)?;
    Ok(payload)
}

pub(super) fn authenticate_by(
    checks: Checks,
    bytes: &[u8],
    shard: &ShardIdentity,
    key: &JournalKey,
) -> Result<BlockHeader, BlockFault> {
    let layout: &HeaderBytes = bytemuck::from_bytes(bytes.get(..HEADER_BYTES).ok_or(BlockFault::Short)?);
    if layout.magic != MAGIC {
        return Err(BlockFault::NotABlock);
    }
    if layout.version.get() != VERSION {
        return Err(BlockFault::Version);
    }
    checks.hold(Check::Checksum, layout.checksum == checksum(layout), BlockFault::Checksum)?;
    checks.hold(Check::Tag, layout.tag == tag(layout, key), BlockFault::Tag)?;
    let header = layout.decode().ok_or(BlockFault::Contradiction)?;
    checks.hold(Check::Identity, layout.is_of(shard), BlockFault::Identity)?;
    Ok(header)
}

const MAGIC: [u8; 8] = *b"qtblock\n";
const VERSION: u16 = 1;

/// A header's bytes, 192.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct HeaderBytes {
    magic: [u8; 8],
    version: U16,
    copy: u8,
    padding: [u8; 5],
    shard: U16,
    shard_count: U16,
    /// Little-endian.
    record_count: [u8; 4],
    /// Little-endian.
    payload_bytes: [u8; 4],
    network_tag: U64,
    authority_tag: U64,
    epoch: U64,
    boot_id: U64,
    block: U64,
    offset: U64,
    first_record: U64,
    durable_hint: U64,
    payload_digest: [u8; 32],
    chain: [u8; 32],
    /// Keyed BLAKE3 of what is before it, with the copy as zero.
    tag: [u8; 32],
    /// CRC-32 of what is before it, little-endian.
    checksum: [u8; 4],
}

const TAGGED_BYTES: usize = core::mem::offset_of!(HeaderBytes, tag);
const CHECKSUMMED_BYTES: usize = core::mem::offset_of!(HeaderBytes, checksum);
const _: () = assert!(HEADER_BYTES == 192 && CHECKSUMMED_BYTES + 4 == HEADER_BYTES);

impl HeaderBytes {
    /// `None` for what no writer writes. The lengths are within bounds afterwards, and no number is at the end of its range.
    fn decode(&self) -> Option<BlockHeader> {
        let header = BlockHeader {
            copy: self.copy,
            epoch: self.epoch.get(),
            boot_id: self.boot_id.get(),
            block: self.block.get(),
            offset: self.offset.get(),
            first_record: RecordNumber(self.first_record.get()),
            record_count: u32::from_le_bytes(self.record_count),
            payload_bytes: u32::from_le_bytes(self.payload_bytes),
            durable_hint: self.durable_hint.get(),
            payload_digest: self.payload_digest,
            chain: self.chain,
            tag: self.tag,
        };
        let is_possible = self.padding == [0; 5]
            && header.payload_bytes as usize <= PAYLOAD_BYTES_MAX
            && (header.record_count == 0) == (header.payload_bytes == 0)
            && (1..u64::MAX).contains(&header.block)
            && header.durable_hint < header.block
            && header.first_record.0 > 0
            && header.first_record.0.checked_add(header.record_count.into()).is_some();
        is_possible.then_some(header)
    }

    fn is_of(&self, shard: &ShardIdentity) -> bool {
        self.network_tag == shard.identity.network.tag_field()
            && self.authority_tag.get() == shard.identity.authority_tag()
            && self.shard.get() == shard.shard.0
            && self.shard_count.get() == shard.identity.shard_count
    }
}

/// What the writer says about itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    pub(super) shard: ShardIdentity,
    pub(super) boot_id: u64,
    pub(super) epoch: u64,
}

/// Writes the block at `position` into `out`, as the first copy has it, and returns its tag. `out` has the block's length
/// on disk.
pub(super) fn encode(
    writer: &Writer,
    position: &Position,
    durable_hint: u64,
    (records, record_count): (&[u8], u32),
    key: &JournalKey,
    out: &mut [u8],
) -> [u8; 32] {
    let payload_bytes = u32::try_from(records.len()).expect("the caller holds records to PAYLOAD_BYTES_MAX");
    let mut layout = HeaderBytes {
        magic: MAGIC,
        version: U16::new(VERSION),
        copy: 0,
        padding: [0; 5],
        shard: U16::new(writer.shard.shard.0),
        shard_count: U16::new(writer.shard.identity.shard_count),
        record_count: record_count.to_le_bytes(),
        payload_bytes: payload_bytes.to_le_bytes(),
        network_tag: writer.shard.identity.network.tag_field(),
        authority_tag: U64::new(writer.shard.identity.authority_tag()),
        epoch: U64::new(writer.epoch),
        boot_id: U64::new(writer.boot_id),
        block: U64::new(position.block),
        offset: U64::new(position.offset),
        first_record: U64::new(position.record.next().0),
        durable_hint: U64::new(durable_hint),
        payload_digest: *blake3::hash(records).as_bytes(),
        chain: position.chain,
        tag: [0; 32],
        checksum: [0; 4],
    };
    assert!(layout.decode().is_some(), "what is written here can be read back");
    layout.tag = tag(&layout, key);
    layout.checksum = checksum(&layout);
    let (header, content) = out.split_at_mut(HEADER_BYTES);
    let (payload, padding) = content.split_at_mut(records.len());
    header.copy_from_slice(bytemuck::bytes_of(&layout));
    payload.copy_from_slice(records);
    padding.fill(0);
    layout.tag
}

/// Without the copy, which is not known to be the one that will be read: the second copy's bytes have the same tag.
fn tag(layout: &HeaderBytes, key: &JournalKey) -> [u8; 32] {
    let layout = HeaderBytes { copy: 0, ..*layout };
    key.tag(&bytemuck::bytes_of(&layout)[..TAGGED_BYTES])
}

fn checksum(layout: &HeaderBytes) -> [u8; 4] {
    crc32fast::hash(&bytemuck::bytes_of(layout)[..CHECKSUMMED_BYTES]).to_le_bytes()
}

#[cfg(test)]
mod tests;
