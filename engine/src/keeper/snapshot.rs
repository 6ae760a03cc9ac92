//! The stages of a snapshot, from the head of its file to the place in the ring that it frees.

use super::{Keeper, Rule, SNAPSHOT_PERCENT};
use crate::journal::RecordNumber;
use crate::journal::ring::Position;
use crate::journal::snapshot::{SNAPSHOT_CHUNK_SLOTS, ShardTail, SlotImage, SnapshotHeader};
use crate::shard::Shard;

/// How far a snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There is none under way.
    None,
    /// Accounts from this slot on are still to be copied.
    Accounts {
        /// The slot.
        cursor: usize,
        /// What was copied.
        copied: Copied,
    },
    /// What the shard has besides accounts is still to be copied.
    Tail(Copied),
    /// All is copied. It may be finished when the journal holds it, too, and when the caller has nothing against it.
    Durable(Copied),
    /// Its files are being synced.
    Sync(Copied),
}

/// What a snapshot stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where the journal goes on after it. Once the snapshot counts, what lies before may be written over.
    pub start: Position,
    /// The last record that a piece of it may hold.
    pub last: RecordNumber,
    /// Up to where the history must be on disk before the snapshot counts; 0 until the tail is copied.
    pub history_end: u64,
}

/// A part of a snapshot, to be written behind those before, in every copy. The bytes are those of
/// [`Encoder`](crate::journal::snapshot::Encoder).
#[derive(Debug)]
pub enum Piece {
    /// The head of a new file.
    Begin(SnapshotHeader),
    /// Accounts.
    Chunk {
        /// The record as of which they are exact.
        lsn: RecordNumber,
        /// The accounts.
        slots: Vec<SlotImage>,
    },
    /// What the shard has besides.
    Tail {
        /// The record as of which it is exact.
        lsn: RecordNumber,
        /// What it is.
        tail: ShardTail,
    },
    /// The foot. When the file is synced and has its name in every copy, [`Keeper::snapshot_done`].
    Finish,
}

impl Keeper {
    /// Carries the snapshot on by one piece at most, so that a turn stays short; begins one when the ring is full enough.
    ///
    /// `buffer` has room for [`SNAPSHOT_CHUNK_SLOTS`] slots; it is called when a chunk is to be copied, and `None` puts that
    /// off. `may_count` is asked, again and again, when the journal holds all that the snapshot holds: while it says no the
    /// snapshot waits, and the ring with it. So whatever else must be on disk before the journal forgets what lies before
    /// [`Copied::start`] can be waited for; it must come about without further blocks of this journal, which may be full.
    pub fn snapshot_step(
        &mut self,
        shard: &Shard,
        buffer: impl FnOnce() -> Option<Vec<SlotImage>>,
        may_count: impl FnOnce(&Copied) -> bool,
    ) -> Option<Piece> {
        match self.stage {
            Stage::None if self.used_percent() >= SNAPSHOT_PERCENT => Some(self.begin_snapshot()),
            Stage::Accounts { cursor, copied } if cursor < shard.accounts().count() => {
                Some(self.copy_chunk(shard, cursor, copied, buffer()?))
            }
            Stage::Accounts { copied, .. } | Stage::Tail(copied) => {
                let (lsn, tail) = shard.snapshot_tail();
                self.stage = Stage::Durable(Copied { history_end: tail.history_end, ..copied.up_to(lsn) });
                Some(Piece::Tail { lsn, tail })
            }
            // Until then a crash could leave a snapshot that holds what the journal does not.
            Stage::Durable(copied) if !self.is_waited_for(shard) || !self.rules.keep(Rule::DurableFirst) => {
                may_count(&copied).then(|| {
                    self.stage = Stage::Sync(copied);
                    Piece::Finish
                })
            }
            Stage::None | Stage::Durable(_) | Stage::Sync(_) => None,
        }
    }

    /// The snapshot is complete, synced and named in every copy: what it replaces may be written over.
    ///
    /// # Panics
    /// If no snapshot was finished.
    pub fn snapshot_done(&mut self) {
        let Stage::Sync(copied) = self.stage else { panic!("a snapshot is done after its last piece") };
        self.ring.release(copied.start);
        self.stage = Stage::None;
    }

    /// How far the snapshot is.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The number of the last snapshot that is durable or under way.
    pub fn snapshot_number(&self) -> u64 {
        self.header.number
    }

    /// Whether a snapshot waits for records that are not durable yet.
    pub(super) fn is_waited_for(&self, shard: &Shard) -> bool {
        matches!(self.stage, Stage::Durable(copied) if shard.records_durable() < copied.last)
    }

    fn begin_snapshot(&mut self) -> Piece {
        let start = self.ring.position();
        self.header = SnapshotHeader { number: self.header.number + 1, start, ..self.header };
        self.stage = Stage::Accounts { cursor: 0, copied: Copied { start, last: start.record, history_end: 0 } };
        Piece::Begin(self.header)
    }

    fn copy_chunk(&mut self, shard: &Shard, mut cursor: usize, copied: Copied, mut slots: Vec<SlotImage>) -> Piece {
        let lsn = shard.snapshot_chunk(&mut cursor, &mut slots).expect("there are accounts from the cursor on");
        let copied = copied.up_to(lsn);
        // No other may follow a short one, even if there are more accounts by then.
        let is_last = slots.len() < SNAPSHOT_CHUNK_SLOTS;
        self.stage = if is_last { Stage::Tail(copied) } else { Stage::Accounts { cursor, copied } };
        Piece::Chunk { lsn, slots }
    }
}

impl Copied {
    fn up_to(self, lsn: RecordNumber) -> Self {
        Self { last: self.last.max(lsn), ..self }
    }
}
