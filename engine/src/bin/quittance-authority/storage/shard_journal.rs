//! One shard's end of the journal: a [`Keeper`] with a clock, pages, and queues to the threads that write.

use super::committer::{Commit, Commits};
use super::historian::{HistoryFigures, ShardHistory};
use super::pages::{Page, pages_of};
use super::snapshots::Snapshots;
use quittance_engine::distribution::Distribution;
use quittance_engine::journal::{BLOCK_BYTES_MAX, PAGE_BYTES};
use quittance_engine::keeper::{Copied, Keeper};
use quittance_engine::shard::Shard;
use quittance_engine::types::ShardIndex;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// How long a clean end waits for the disk, and how often it looks.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);
const CLOSE_SLEEP: Duration = Duration::from_micros(100);

/// A shard's journal as its thread drives it.
pub(crate) struct ShardJournal {
    shard: ShardIndex,
    keeper: Keeper,
    /// Where the shard's region starts in every copy, bytes.
    region_start: u64,
    commits: Arc<Commits>,
    /// Room for one block; with the committer while a block is under way.
    pages: Option<Vec<Page>>,
    snapshots: Arc<Snapshots>,
    history: Option<ShardHistory>,
    /// The keeper's time begins here.
    begun: Instant,
    /// How many records each block had.
    block_records: Distribution,
    snapshots_done: u64,
    /// When the last of them was done.
    snapshot_at: Option<SystemTime>,
}

/// How a shard's journal stands.
#[derive(Clone, Debug)]
pub(crate) struct ShardJournalFigures {
    /// Of the ring: bytes in use, of so many before its reserve is used.
    pub(crate) used_of_limit: (u64, u64),
    /// How many records each block had since boot; none, if it only proved the one before.
    pub(crate) block_records: Distribution,
    /// Snapshots done since boot.
    pub(crate) snapshots_done: u64,
    /// When the last of them was done.
    pub(crate) snapshot_at: Option<SystemTime>,
    /// If it keeps one.
    pub(crate) history: Option<HistoryFigures>,
}

impl ShardJournal {
    /// Goes on where recovery ended.
    pub(crate) fn new(
        shard: ShardIndex,
        keeper: Keeper,
        region_start: u64,
        commits: Arc<Commits>,
        snapshots: Arc<Snapshots>,
        history: Option<ShardHistory>,
    ) -> Self {
        let pages = Some(pages_of(BLOCK_BYTES_MAX));
        Self {
            shard,
            keeper,
            region_start,
            commits,
            pages,
            snapshots,
            history,
            begun: Instant::now(),
            block_records: Distribution::of_sizes(),
            snapshots_done: 0,
            snapshot_at: None,
        }
    }

    /// Who decides.
    pub(crate) fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// How it stands.
    pub(crate) fn figures(&self, shard: &Shard) -> ShardJournalFigures {
        ShardJournalFigures {
            used_of_limit: self.keeper.used_of_limit(),
            block_records: self.block_records.clone(),
            snapshots_done: self.snapshots_done,
            snapshot_at: self.snapshot_at,
            history: self.history.as_ref().map(|history| history.figures(shard)),
        }
    }

    /// Before a clean end: everything that the shard wrote becomes durable, and the last block is proved. Gives up after
    /// some seconds, as if the process had been killed then.
    pub(crate) fn close(&mut self, shard: &mut Shard) {
        let deadline = Instant::now() + CLOSE_PATIENCE;
        self.keeper.close();
        while (!self.keeper.is_settled(shard) || shard.has_open_history()) && Instant::now() < deadline {
            self.history.iter_mut().for_each(|history| history.close(shard));
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
        let handed_over = self.hand_over(shard);
        let copied = self.snapshot(shard);
        self.keeper.press(shard);
        came || went || handed_over || copied
    }

    /// Entries of the history, and questions about it.
    fn hand_over(&mut self, shard: &mut Shard) -> bool {
        self.history.as_mut().is_some_and(|history| history.turn(shard))
    }

    fn take(&mut self, shard: &mut Shard) -> bool {
        let Some(Commit { pages, block, last, .. }) = self.commits.take_done(self.shard) else { return false };
        self.pages = Some(pages);
        self.keeper.durable(block, last, shard);
        true
    }

    fn give(&mut self, shard: &mut Shard) -> bool {
        let Some(pages) = &mut self.pages else { return false };
        let now_ns = u64::try_from(self.begun.elapsed().as_nanos()).expect("no process runs for centuries");
        let sealed = shard.records_sealed();
        let Some(placed) = self.keeper.give(now_ns, shard, bytemuck::cast_slice_mut(pages)) else { return false };
        self.block_records.record(placed.last_record.0 - sealed.0);
        self.commits.give(Commit {
            shard: self.shard,
            pages: self.pages.take().expect("they were here just now"),
            page_count: placed.bytes / PAGE_BYTES,
            offset: self.region_start + placed.offset,
            block: placed.block,
            last: placed.last_record,
        });
        true
    }

    /// Returns whether there may be more to do at once.
    fn snapshot(&mut self, shard: &Shard) -> bool {
        if self.snapshots.take_done(self.shard) {
            self.keeper.snapshot_done();
            self.snapshots_done += 1;
            self.snapshot_at = Some(SystemTime::now());
            return true;
        }
        // Replay makes entries of the history again only from records behind the snapshot.
        let history = &mut self.history;
        let holds = |copied: &Copied| history.as_mut().is_none_or(|history| history.holds(copied.history_end, shard));
        let piece = self.keeper.snapshot_step(shard, || self.snapshots.try_buffer(), holds);
        piece.map(|piece| self.snapshots.give(self.shard, piece)).is_some()
    }
}
