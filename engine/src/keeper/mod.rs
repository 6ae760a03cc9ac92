//! Keeping a shard's journal: when a block is made, when an empty one proves the last, how a snapshot advances, when the
//! ring lets go of what a snapshot replaces, and what the shard must refuse meanwhile. And reading it all back.
//!
//! A [`Keeper`] decides, and touches neither disk nor clock. Whoever drives it does the writing and says what became of it:
//! the shell's threads on real disks, a test on disks whose power fails. A turn is:
//!
//! 1. [`Keeper::durable`], when every copy has the block that was under way, synced.
//! 2. [`Keeper::give`]: the next block, to be written to every copy at its place.
//! 3. [`Keeper::snapshot_step`]: a [`Piece`] for the snapshot's file in every copy. After [`Piece::Finish`] the files are
//!    completed, synced and named; then [`Keeper::snapshot_done`].
//! 4. [`Keeper::press`]: the shard learns how full the ring is. While [`Keeper::is_nearly_full`] it is given no credits and
//!    no acknowledgements of other shards.
//!
//! The time is a number of nanoseconds on any clock that never goes back.
//!
//! # Files
//! - This one: blocks, and how full the ring is. `snapshot.rs`: the stages of a snapshot.
//! - `read_back.rs`: a shard from the newest good snapshot and the records behind it: [`read_back()`].

mod read_back;
mod snapshot;

pub use read_back::{Journal, ReadBack, ReadBackError, Refusal, Source, Witness, read_back, snapshot_order};
pub use snapshot::{Copied, Piece, Stage};

use crate::journal::RecordNumber;
use crate::journal::block::PAYLOAD_BYTES_MAX;
use crate::journal::identity::{JournalKey, Superblock};
use crate::journal::record::RECORD_BYTES_MAX;
use crate::journal::ring::{Placed, Position, Ring};
use crate::journal::snapshot::SnapshotHeader;
use crate::mutant::{Mutant, Planted};
use crate::shard::{Pressure, Sealed, Shard};
use crate::types::ShardIndex;

/// A snapshot begins when so much of the ring's limit is in use, percent: early enough to be done, usually, before votes
/// stop.
pub const SNAPSHOT_PERCENT: u64 = 40;
/// From here on there are no new votes: percent of the ring's limit.
pub const VOTES_STOP_PERCENT: u64 = 70;
/// From here on certificates wait, too: percent of the ring's limit.
pub const CONFIRMATIONS_STOP_PERCENT: u64 = 90;
/// From here on credits of other shards wait in their outboxes, so that a snapshot's last piece finds few records open:
/// percent of the ring's limit.
pub const CREDITS_STOP_PERCENT: u64 = 95;

const _: () = assert!(SNAPSHOT_PERCENT < VOTES_STOP_PERCENT && VOTES_STOP_PERCENT < CONFIRMATIONS_STOP_PERCENT);
const _: () = assert!(CONFIRMATIONS_STOP_PERCENT < CREDITS_STOP_PERCENT && CREDITS_STOP_PERCENT < 100);

/// How long a shard has nothing to write before it proves its last block: nanoseconds.
pub const PROOF_DELAY_NS: u64 = 20_000_000;

/// A shard's journal as it is kept.
#[derive(Debug)]
pub struct Keeper {
    ring: Ring,
    /// Of the last snapshot that is durable or under way.
    header: SnapshotHeader,
    stage: Stage,
    /// When the last block was given away, if nothing on disk proves yet that it was durable.
    unproved_since_ns: Option<u64>,
    proof_delay_ns: u64,
    /// What was sealed last: kept for its memory.
    records: Vec<u8>,
    rules: Rules,
}

/// The ring is full to its last page, and would be taken for an empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no copy of the newest snapshot is good, and behind the older one the journal is full")]
pub struct FullRing;

impl Keeper {
    /// Goes on where reading back ended ([`ReadBack`]): `tail` is where the snapshot in use starts, `head` where the journal
    /// ends. `boot` is the number of this run and the committee's epoch.
    ///
    /// # Errors
    /// [`FullRing`]. A snapshot in use leaves room; one that had been replaced already may not.
    pub fn resume(
        superblock: &Superblock,
        shard: ShardIndex,
        key: JournalKey,
        boot: (u64, u64),
        (tail, head): (Position, Position),
        snapshot_number: u64,
    ) -> Result<Self, FullRing> {
        if tail.block < head.block && tail.offset == head.offset {
            return Err(FullRing);
        }
        let shard = superblock.identity.of_shard(shard);
        Ok(Self {
            ring: Ring::new(shard, key, superblock.region_bytes, boot, tail, head),
            header: SnapshotHeader { shard, created: superblock.created, number: snapshot_number, start: tail },
            stage: Stage::None,
            unproved_since_ns: None,
            proof_delay_ns: PROOF_DELAY_NS,
            records: Vec::with_capacity(PAYLOAD_BYTES_MAX),
            rules: Rules::default(),
        })
    }

    /// The same keeper, with a bug if one was planted.
    #[must_use]
    pub fn with(mut self, planted: Planted) -> Self {
        self.rules.planted = planted;
        self
    }

    /// Every copy has the block under way, synced, and `last` is its last record: what rests on it may leave.
    ///
    /// # Panics
    /// If this block is not under way.
    pub fn durable(&mut self, block: u64, last: RecordNumber, shard: &mut Shard) {
        assert!(last <= self.ring.position().record, "a block holds what was sealed");
        self.ring.durable(block);
        shard.set_durable(last);
    }

    /// Whether a block is to be made now, and how many bytes of records it may have. Not while one is under way, and not
    /// while a full ring waits for a snapshot: the shard fills up, takes no more, and waits, too.
    pub fn due(&self, now_ns: u64, shard: &Shard) -> Option<usize> {
        let under_way_max = if self.rules.keep(Rule::OneUnderWay) { 1 } else { 2 };
        if self.ring.under_way_count() >= under_way_max {
            return None;
        }
        // What a snapshot waits for may go into the ring's reserve. What it does not wait for may not, even if the snapshot
        // has to wait for something else: then the ring could not hold the records of the next one.
        let is_waited_for = self.is_waited_for(shard) && self.rules.keep(Rule::Reserve);
        let room = self.ring.payload_room(is_waited_for);
        // The last block of a shard that has nothing to do is followed by an empty one. Without it nothing would tell that
        // block, if every copy of it were damaged, from one that was being written when the power went.
        let is_proof_due = || {
            let since_ns = self.unproved_since_ns;
            since_ns.is_some_and(|since_ns| now_ns.saturating_sub(since_ns) >= self.proof_delay_ns)
        };
        (room >= RECORD_BYTES_MAX && (shard.has_open_records() || is_proof_due())).then_some(room)
    }

    /// Seals what has gathered into the next block, if one is [`due`](Self::due), at the front of `pages`, which has
    /// [`BLOCK_BYTES_MAX`](crate::journal::BLOCK_BYTES_MAX). It is to be written to every copy, at its place in the shard's
    /// region, as that copy has it ([`set_copy`](crate::journal::block::set_copy)).
    pub fn give(&mut self, now_ns: u64, shard: &mut Shard, pages: &mut [u8]) -> Option<Placed> {
        self.give_at_most(PAYLOAD_BYTES_MAX, now_ns, shard, pages)
    }

    /// [`Self::give`], of no more than `bytes_max` of records, which is more than a record has.
    pub fn give_at_most(
        &mut self,
        bytes_max: usize,
        now_ns: u64,
        shard: &mut Shard,
        pages: &mut [u8],
    ) -> Option<Placed> {
        let room = self.due(now_ns, shard)?.min(bytes_max);
        let none = Sealed { count: 0, last: shard.records_sealed() };
        let sealed = shard.seal(room, &mut self.records);
        self.unproved_since_ns = sealed.map(|_| now_ns);
        let Sealed { count, last } = sealed.unwrap_or(none);
        let placed = self.ring.encode(&self.records, count, pages);
        let placed = placed.expect("the ring said how much it has room for");
        assert_eq!(placed.last_record, last, "ring and shard count alike");
        Some(placed)
    }

    /// The records of the last block.
    pub fn records(&self) -> &[u8] {
        &self.records
    }

    /// Whether a block is on its way to the disk.
    pub fn is_under_way(&self) -> bool {
        self.ring.under_way_count() > 0
    }

    /// Whether the last block still wants the empty one that proves it: a turn should come soon.
    pub fn is_unproved(&self) -> bool {
        self.unproved_since_ns.is_some()
    }

    /// Before a clean end: from now on the last block is proved without delay. Go on with turns until [`Self::is_settled`].
    pub fn close(&mut self) {
        self.proof_delay_ns = 0;
    }

    /// Whether everything that the shard wrote is durable, and proved.
    pub fn is_settled(&self, shard: &Shard) -> bool {
        !shard.has_open_records() && !self.is_under_way() && !self.is_unproved()
    }

    /// Tells the shard what to refuse.
    pub fn press(&self, shard: &mut Shard) {
        shard.set_pressure(pressure(self.used_percent()));
    }

    /// Whether the shard shall take nothing more from other shards, either, until a snapshot is done.
    pub fn is_nearly_full(&self) -> bool {
        self.used_percent() >= CREDITS_STOP_PERCENT && self.rules.keep(Rule::Reserve)
    }

    /// How many bytes of the ring are in use, and how many may be before its reserve is used.
    pub fn used_of_limit(&self) -> (u64, u64) {
        (self.ring.used_bytes(), self.ring.limit_bytes())
    }

    /// Share of the ring's limit in use, percent. More than 100 while its reserve is used.
    pub fn used_percent(&self) -> u64 {
        self.ring.used_bytes().saturating_mul(100) / self.ring.limit_bytes()
    }

    /// Where the next block goes.
    pub fn position(&self) -> Position {
        self.ring.position()
    }

    /// The last block that every copy is known to have; 0 for none.
    pub fn durable_block(&self) -> u64 {
        self.ring.durable_block()
    }
}

fn pressure(used_percent: u64) -> Pressure {
    match used_percent {
        CONFIRMATIONS_STOP_PERCENT.. => Pressure::Confirmations,
        VOTES_STOP_PERCENT.. => Pressure::Votes,
        _ => Pressure::None,
    }
}

/// Which rules a keeper keeps: all. A test leaves one out, to show that something is lost then; so do planted bugs.
#[derive(Clone, Copy, Debug, Default)]
struct Rules {
    #[cfg(test)]
    left_out: Option<Rule>,
    planted: Planted,
}

/// What a test may leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A block is made only when the one before is durable.
    OneUnderWay,
    /// A snapshot is finished only when the journal holds what it holds.
    DurableFirst,
    /// A ring that is nearly full takes no credits, and keeps room for what its snapshot waits for.
    Reserve,
}

impl Rules {
    #[inline]
    fn keep(self, rule: Rule) -> bool {
        #[cfg(test)]
        if self.left_out == Some(rule) {
            return false;
        }
        let planted = self.planted;
        let is_broken = match rule {
            Rule::OneUnderWay => planted.is(Mutant::TwoBlocksUnderWay) || planted.is(Mutant::CompletionOutOfOrder),
            Rule::DurableFirst => planted.is(Mutant::SnapshotBeforeJournal),
            Rule::Reserve => false,
        };
        !is_broken
    }
}

#[cfg(test)]
impl Keeper {
    /// Breaks a rule from now on.
    pub(crate) fn leave_out(&mut self, rule: Option<Rule>) {
        self.rules.left_out = rule;
    }
}

#[cfg(test)]
mod tests;
