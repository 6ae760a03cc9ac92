//! One shard's end of the journal: a [`Keeper`] with a clock, pages, and queues to the threads that write.

use super::committer::{Commit, Commits};
use super::historian::ShardHistory;
use super::pages::{Page, pages_of};
use super::snapshots::Snapshots;
use quittance_engine::journal::{BLOCK_BYTES_MAX, PAGE_BYTES};
use quittance_engine::keeper::{Copied, Keeper};
use quittance_engine::shard::Shard;
use quittance_engine::types::ShardIndex;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
        Self { shard, keeper, region_start, commits, pages, snapshots, history, begun: Instant::now() }
    }

    /// Who decides.
    pub(crate) fn keeper(&self) -> &Keeper {
        &self.keeper
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
        let Some(placed) = self.keeper.give(now_ns, shard, bytemuck::cast_slice_mut(pages)) else { return false };
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
            return true;
        }
        // Replay makes entries of the history again only from records behind the snapshot.
        let history = &mut self.history;
        let holds = |copied: &Copied| history.as_mut().is_none_or(|history| history.holds(copied.history_end, shard));
        let piece = self.keeper.snapshot_step(shard, || self.snapshots.try_buffer(), holds);
        piece.map(|piece| self.snapshots.give(self.shard, piece)).is_some()
    }
}
