//! An account's history: every payment that it made or received here, as a chain on disk, with the certificates that prove
//! them.
//!
//! Each shard has a space of positions, cut into segments of [`HISTORY_SEGMENT_BYTES`]. A payment or a credit that is applied
//! makes one entry ([`entry`]), at a position that the shard chooses and writes into the record of its journal. The entry
//! names the one before it, of its sender's payments and of its recipient's: two chains, whose newest ends
//! ([`HistoryHead`]) lie beside the account. So a history takes 16 bytes of memory however long it is.
//!
//! The journal remembers that a payment was made, and where its entry is; only the history has the votes. It is written
//! beside the journal and synced later, so a crash can cost the votes of the last payments: others hold them too. It never
//! costs a link: replay makes the entries again, without votes ([`FLAG_HAS_VOTES`](entry::FLAG_HAS_VOTES)), and a snapshot
//! counts only when the disk holds the history up to where the snapshot's last piece says that it goes.
//!
//! | Place in a segment, bytes | What |
//! |---|---|
//! | 0 | Whose it is ([`segment`]), one page |
//! | 4096 | Entries, each at a multiple of [`ENTRY_ALIGN_BYTES`], none across the segment's end |
//!
//! Between two entries there may be anything: what a process before this one wrote and its journal lost. Nobody reads from
//! entry to entry; they are reached by links alone, and a position that a client gives is believed only as far as the entry
//! there carries it, has a good checksum, and is the account's.
//!
//! # Files
//! - [`entry`]: an entry's bytes. [`segment`]: a segment's first page. [`answer`]: questions answered from entries.

pub mod answer;
pub mod entry;
pub mod segment;

use crate::journal::PAGE_BYTES;
use crate::limits::HISTORY_SEGMENT_BYTES;

/// Alignment of entries: bytes.
pub const ENTRY_ALIGN_BYTES: usize = 8;

/// Where the first entry goes: behind the first segment's page. Position 0 stands for none.
pub const HISTORY_START: u64 = PAGE_BYTES as u64;

/// Positions are below it: a record has 56 bits for one.
pub const HISTORY_POSITION_MAX: u64 = 1 << 56;

/// The newest ends of an account's chains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryHead {
    /// Position of the last payment that it made; 0 if none.
    pub sent: u64,
    /// Position of the last payment that it received; 0 if none.
    pub received: u64,
}

/// Where an entry of so many bytes goes if everything before `end` is taken: there, or, if it would lie across the segment's
/// end, behind the next segment's page.
pub fn place(end: u64, bytes: usize) -> u64 {
    let segment_start = end - end % HISTORY_SEGMENT_BYTES;
    let end = end.max(segment_start + HISTORY_START);
    let fits = end + bytes as u64 <= segment_start + HISTORY_SEGMENT_BYTES;
    let position = if fits { end } else { segment_start + HISTORY_SEGMENT_BYTES + HISTORY_START };
    assert!(position < HISTORY_POSITION_MAX, "2^56 bytes are more than a shard writes in a century");
    position
}

/// Whether an entry can begin here. What a client gave must be asked this first.
pub fn is_place(position: u64) -> bool {
    position.is_multiple_of(ENTRY_ALIGN_BYTES as u64) && position % HISTORY_SEGMENT_BYTES >= HISTORY_START
}

/// Where the segment with this position ends.
pub fn segment_end(position: u64) -> u64 {
    position - position % HISTORY_SEGMENT_BYTES + HISTORY_SEGMENT_BYTES
}

/// The segment with this position, and the place in it.
pub fn segment_of(position: u64) -> (u64, u64) {
    (position / HISTORY_SEGMENT_BYTES, position % HISTORY_SEGMENT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_entry_lies_across_a_segments_end_or_on_its_first_page() {
        let segment = HISTORY_SEGMENT_BYTES;
        assert_eq!(place(HISTORY_START, 1_488), HISTORY_START);
        assert_eq!(place(segment - 64, 64), segment - 64);
        assert_eq!(place(segment - 64, 72), segment + HISTORY_START);
        assert_eq!(place(segment, 8), segment + HISTORY_START);
        assert_eq!(place(3 * segment + 4_088, 8), 3 * segment + HISTORY_START);
        assert_eq!(place(0, 8), HISTORY_START);
        assert!(is_place(4_096) && is_place(segment + 4_104) && !is_place(4_100));
        assert!(!is_place(0) && !is_place(4_088) && !is_place(segment));
        assert_eq!(segment_of(2 * segment + 4_104), (2, 4_104));
    }
}
