//! Frames of a session that has begun: a head, a body, a tag.

use super::LinkFault;
use super::hello::{TAG_BYTES, Tag};
use crate::credit::CreditBytes;
use crate::limits::CREDITS_UNACKNOWLEDGED_MAX;
use bytemuck::{Pod, Zeroable};
use quittance_net::frame::{U16, U64};
use zeroize::Zeroize;

/// The longest body: it holds [`CREDITS_PER_FRAME_MAX`] credits, or the marks of 2,047 pairs. Bytes.
pub const BODY_BYTES_MAX: usize = 1 << 16;

/// Credits of one pair of shards in one frame: 44 KiB, so that a frame is on its way while the next gathers.
pub const CREDITS_PER_FRAME_MAX: usize = 512;
const _: () = assert!(CREDITS_PER_FRAME_MAX <= CREDITS_UNACKNOWLEDGED_MAX);
const _: () = assert!(size_of::<CreditsBytes>() + CREDITS_PER_FRAME_MAX * size_of::<CreditBytes>() <= BODY_BYTES_MAX);

pub(super) const KIND_MARKS: u16 = 1;
pub(super) const KIND_CREDITS: u16 = 2;
pub(super) const KIND_ACKS: u16 = 3;

/// Before every body: 8 bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct HeadBytes {
    kind: U16,
    padding: [u8; 2],
    body_bytes: [u8; 4],
}

pub(super) const HEAD_BYTES: usize = size_of::<HeadBytes>();

/// The longest frame.
pub(super) const FRAME_BYTES_MAX: usize = HEAD_BYTES + BODY_BYTES_MAX + TAG_BYTES;

/// How far a pair has come: 32 bytes. In a body of marks there is one for each pair, the sender's shard first.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct MarkBytes {
    pub(super) made: U64,
    pub(super) acknowledged: U64,
    pub(super) applied: U64,
    pub(super) has_room: u8,
    pub(super) padding: [u8; 7],
}

/// Marks in a frame.
pub(super) const MARKS_PER_FRAME_MAX: usize = BODY_BYTES_MAX / size_of::<MarkBytes>();

/// The beginning of a body of credits, 12 bytes. Then the credits, numbered from `first_number` on.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct CreditsBytes {
    pub(super) source: U16,
    pub(super) destination: U16,
    pub(super) first_number: U64,
}

/// An acknowledgement, 16 bytes. A frame has one: they come once per turn of a shard, not once per credit.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct AckBytes {
    pub(super) source: U16,
    pub(super) destination: U16,
    pub(super) has_room: u8,
    pub(super) padding: [u8; 3],
    pub(super) number: U64,
}

/// Makes and checks the tags of one direction: each frame's over its place, its head and its body.
pub(super) struct Tags {
    key: [u8; 32],
    count: u64,
}

impl Tags {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self { key, count: 0 }
    }

    fn next(&mut self, frame: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&self.count.to_le_bytes()).update(frame);
        self.count = self.count.checked_add(1).expect("2^64 frames are never sent");
        hasher.finalize()
    }

    /// Appends a frame to `out`.
    pub(super) fn seal(&mut self, kind: u16, body: &[&[u8]], out: &mut Vec<u8>) {
        let start = out.len();
        let body_bytes: usize = body.iter().map(|part| part.len()).sum();
        assert!(body_bytes <= BODY_BYTES_MAX, "whoever sends cuts it into frames");
        let length = u32::try_from(body_bytes).expect("it is below the bound");
        let head = HeadBytes { kind: U16::new(kind), padding: [0; 2], body_bytes: length.to_le_bytes() };
        out.extend_from_slice(bytemuck::bytes_of(&head));
        body.iter().for_each(|part| out.extend_from_slice(part));
        let tag = self.next(&out[start..]);
        out.extend_from_slice(tag.as_bytes());
    }

    /// The kind and the body's length of the frame that begins here; `None` if it is not all there.
    ///
    /// # Errors
    /// [`LinkFault::Frame`] for one that is too long, before its tag can be seen; [`LinkFault::Tag`].
    pub(super) fn open(&mut self, bytes: &[u8]) -> Result<Option<(u16, usize)>, LinkFault> {
        let Some(head) = bytes.get(..HEAD_BYTES) else { return Ok(None) };
        let head: &HeadBytes = bytemuck::from_bytes(head);
        let body_bytes = u32::from_le_bytes(head.body_bytes) as usize;
        if body_bytes > BODY_BYTES_MAX {
            return Err(LinkFault::Frame("a frame longer than any"));
        }
        let end = HEAD_BYTES + body_bytes;
        let Some(tag) = bytes.get(end..end + TAG_BYTES) else { return Ok(None) };
        let tag: &Tag = tag.first_chunk().expect("it was cut so");
        // Compared in constant time.
        if self.next(&bytes[..end]) != *tag {
            return Err(LinkFault::Tag);
        }
        if head.padding != [0; 2] {
            return Err(LinkFault::Frame("a head with padding that is not zero"));
        }
        Ok(Some((head.kind.get(), body_bytes)))
    }
}

impl Drop for Tags {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl core::fmt::Debug for Tags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Tags({})", self.count)
    }
}
