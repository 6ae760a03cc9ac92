//! One shard's end of the journal: a [`Keeper`] with a clock, pages, and queues to the threads that write.

use super::committer::{Commit, Commits};
use super::pages::{Page, pages_of};
use super::snapshots::Snapshots;
use quittance_engine::journal::{BLOCK_BYTES_MAX, PAGE_BYTES};
use quittance_engine::keeper::Keeper;
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
    ) -> Self {
        let pages = Some(pages_of(BLOCK_BYTES_MAX));
        Self { shard, keeper, region_start, commits, pages, snapshots, begun: Instant::now() }
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
        while !self.keeper.is_settled(shard) && Instant::now() < deadline {
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
        self.keeper.press(shard);
        came || went || copied
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
        // Nothing but the journal itself has to be on disk before a snapshot counts.
        let piece = self.keeper.snapshot_step(shard, || self.snapshots.try_buffer(), |_| true);
        piece.map(|piece| self.snapshots.give(self.shard, piece)).is_some()
    }
}
