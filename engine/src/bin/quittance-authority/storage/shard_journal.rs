//! One shard's end of the journal: seals what has gathered, lets out what is durable, and keeps the ring from filling up.

use super::committer::{Commit, Commits};
use super::pages::Page;
use super::snapshots::{Piece, Snapshots};
use quittance_engine::journal::BLOCK_BYTES_MAX;
use quittance_engine::journal::PAGE_BYTES;
use quittance_engine::journal::block::PAYLOAD_BYTES_MAX;
use quittance_engine::journal::record::{RECORD_BYTES_MAX, RecordNumber};
use quittance_engine::journal::ring::{Position, Ring};
use quittance_engine::journal::snapshot::{SNAPSHOT_CHUNK_SLOTS, SlotImage, SnapshotHeader};
use quittance_engine::shard::{Pressure, Sealed, Shard};
use quittance_engine::types::ShardIndex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Shares of the ring's limit, percent. A snapshot begins early enough to be done, usually, before votes stop.
const SNAPSHOT_PERCENT: u64 = 40;
const VOTES_STOP_PERCENT: u64 = 70;
const CONFIRMATIONS_STOP_PERCENT: u64 = 90;
/// Credits of other shards wait in their outboxes, so that a snapshot's last piece finds few records open.
const CREDITS_STOP_PERCENT: u64 = 95;

/// How long a shard has nothing to write before it proves its last block.
const PROOF_DELAY: Duration = Duration::from_millis(20);

/// How long a clean end waits for the disk, and how often it looks.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);
const CLOSE_SLEEP: Duration = Duration::from_micros(100);

/// A shard's journal as its thread drives it.
pub(crate) struct ShardJournal {
    shard: ShardIndex,
    ring: Ring,
    /// Where the shard's region starts in every copy, bytes.
    region_start: u64,
    commits: Arc<Commits>,
    /// Room for one block; with the committer while a block is under way.
    pages: Option<Vec<Page>>,
    /// What is sealed, on its way into the pages.
    records: Vec<u8>,
    snapshots: Arc<Snapshots>,
    /// The head of the next snapshot, but for where it starts.
    header: SnapshotHeader,
    stage: Stage,
    /// When the last block was given away, if nothing on disk proves yet that it was durable.
    unproved_since: Option<Instant>,
}

/// How far a snapshot is.
enum Stage {
    /// There is none under way.
    None,
    /// Accounts from this slot on are still to be copied.
    Accounts { cursor: usize, start: Position, lsn: RecordNumber },
    /// What the shard has besides accounts is still to be copied.
    Tail { start: Position, lsn: RecordNumber },
    /// The snapshot holds this record: it may be completed when the journal holds it, too.
    Durable { start: Position, lsn: RecordNumber },
    /// It is being synced.
    Sync { start: Position },
}

impl ShardJournal {
    /// Goes on where recovery ended. `header.number` is that of the last snapshot.
    pub(crate) fn new(
        ring: Ring,
        region_start: u64,
        commits: Arc<Commits>,
        snapshots: Arc<Snapshots>,
        header: SnapshotHeader,
    ) -> Self {
        Self {
            shard: header.shard.shard,
            ring,
            region_start,
            commits,
            pages: Some(vec![Page::zero(); BLOCK_BYTES_MAX / PAGE_BYTES]),
            records: Vec::with_capacity(PAYLOAD_BYTES_MAX),
            snapshots,
            header,
            stage: Stage::None,
            unproved_since: None,
        }
    }

    /// Whether the last block still wants the empty one that proves it: a turn should come soon.
    pub(crate) fn is_unproved(&self) -> bool {
        self.unproved_since.is_some()
    }

    /// Whether a block is on its way to the disk.
    pub(crate) fn is_under_way(&self) -> bool {
        self.pages.is_none()
    }

    /// Before a clean end: everything that the shard wrote becomes durable, and the last block is proved. Gives up after
    /// some seconds, as if the process had been killed then.
    pub(crate) fn close(&mut self, shard: &mut Shard) {
        let deadline = Instant::now() + CLOSE_PATIENCE;
        while (shard.has_open_records() || self.pages.is_none() || self.is_unproved()) && Instant::now() < deadline {
            self.unproved_since = self.unproved_since.and_then(|since| since.checked_sub(PROOF_DELAY));
            if !self.take(shard) && !self.give(shard) {
                std::thread::sleep(CLOSE_SLEEP);
            }
        }
    }

    /// One turn: takes a block that is durable, gives the next one away, carries the snapshot on. Returns whether there was
    /// anything to do.
    pub(crate) fn turn(&mut self, shard: &mut Shard) -> bool {
        let came = self.take(shard);
        let went = self.give(shard);
        let copied = self.snapshot(shard);
        shard.set_pressure(pressure(self.ring.used_bytes(), self.ring.limit_bytes()));
        came || went || copied
    }

    /// Share of the ring in use, percent.
    pub(crate) fn used_percent(&self) -> u64 {
        percent(self.ring.used_bytes(), self.ring.limit_bytes())
    }

    /// Whether the shard shall take nothing more from other shards, either, until a snapshot is done.
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.used_percent() >= CREDITS_STOP_PERCENT
    }

    /// The number of the last snapshot that is durable or under way.
    pub(crate) fn snapshot_number(&self) -> u64 {
        self.header.number
    }

    fn take(&mut self, shard: &mut Shard) -> bool {
        let Some(Commit { pages, block, last, .. }) = self.commits.take_done(self.shard) else { return false };
        self.pages = Some(pages);
        self.ring.durable(block);
        shard.set_durable(last);
        true
    }

    fn give(&mut self, shard: &mut Shard) -> bool {
        // A full ring: the shard fills up, takes no more datagrams, and waits for the snapshot.
        let waited = matches!(self.stage, Stage::Durable { lsn, .. } if shard.records_durable() < lsn);
        let room = self.ring.payload_room(waited);
        if room < RECORD_BYTES_MAX {
            return false;
        }
        // The last block of a shard that has nothing to do is followed by an empty one. Without it nothing would tell that
        // block, if every copy of it were damaged, from one that was being written when the power went.
        let is_proof = !shard.has_open_records();
        if is_proof && self.unproved_since.is_none_or(|since| since.elapsed() < PROOF_DELAY) {
            return false;
        }
        let Some(mut pages) = self.pages.take() else { return false };
        let none = Sealed { count: 0, last: shard.records_sealed() };
        let sealed = shard.seal(room, &mut self.records).unwrap_or(none);
        let placed = self.ring.encode(&self.records, sealed.count, bytemuck::cast_slice_mut(&mut pages));
        let placed = placed.expect("the ring said how much it has room for");
        assert_eq!(placed.last_record, sealed.last, "ring and shard count alike");
        self.unproved_since = (!is_proof).then(Instant::now);
        self.commits.give(Commit {
            shard: self.shard,
            pages,
            page_count: placed.bytes / PAGE_BYTES,
            offset: self.region_start + placed.offset,
            block: placed.block,
            last: sealed.last,
        });
        true
    }

    /// Carries the snapshot on by one piece at most, so that a turn stays short. Returns whether there may be more to do
    /// at once.
    fn snapshot(&mut self, shard: &Shard) -> bool {
        let index = self.shard;
        match self.stage {
            Stage::None => {
                if self.used_percent() < SNAPSHOT_PERCENT {
                    return false;
                }
                let start = self.ring.position();
                let header = SnapshotHeader { number: self.header.number + 1, start, ..self.header };
                self.snapshots.give(Piece::Begin { shard: index, header });
                self.header = header;
                self.stage = Stage::Accounts { cursor: 0, start, lsn: start.record };
                true
            }
            Stage::Accounts { mut cursor, start, lsn } => {
                let Some(mut slots) = self.snapshots.try_buffer() else { return false };
                let Some(chunk_lsn) = shard.snapshot_chunk(&mut cursor, &mut slots) else {
                    self.snapshots.give_back(slots);
                    self.stage = Stage::Tail { start, lsn };
                    return true;
                };
                let is_last = slots.len() < SNAPSHOT_CHUNK_SLOTS;
                self.snapshots.give(Piece::Chunk { shard: index, lsn: chunk_lsn, slots });
                let lsn = lsn.max(chunk_lsn);
                self.stage = if is_last { Stage::Tail { start, lsn } } else { Stage::Accounts { cursor, start, lsn } };
                true
            }
            Stage::Tail { start, lsn } => {
                let (tail_lsn, tail) = shard.snapshot_tail();
                self.snapshots.give(Piece::Tail { shard: index, lsn: tail_lsn, tail });
                self.stage = Stage::Durable { start, lsn: lsn.max(tail_lsn) };
                true
            }
            Stage::Durable { start, lsn } => {
                // Until then a crash could leave a snapshot that holds what the journal does not.
                if shard.records_durable() < lsn {
                    return false;
                }
                self.snapshots.give(Piece::Finish { shard: index });
                self.stage = Stage::Sync { start };
                true
            }
            Stage::Sync { start } => {
                if !self.snapshots.take_done(index) {
                    return false;
                }
                self.ring.release(start);
                self.stage = Stage::None;
                true
            }
        }
    }
}

fn percent(used: u64, of: u64) -> u64 {
    used.saturating_mul(100) / of
}

fn pressure(used: u64, of: u64) -> Pressure {
    match percent(used, of) {
        CONFIRMATIONS_STOP_PERCENT.. => Pressure::Confirmations,
        VOTES_STOP_PERCENT.. => Pressure::Votes,
        _ => Pressure::None,
    }
}

/// So many slots fit a chunk's buffer.
pub(super) fn chunk_buffer() -> Vec<SlotImage> {
    Vec::with_capacity(SNAPSHOT_CHUNK_SLOTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_stop_before_confirmations() {
        let pressures = [0, 39, 69, 70, 89, 90, 100, 140].map(|used| pressure(used, 100));
        let (none, votes, all) = (Pressure::None, Pressure::Votes, Pressure::Confirmations);
        assert_eq!(pressures, [none, none, none, votes, votes, all, all, all]);
    }
}
