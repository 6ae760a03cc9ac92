//! Group commit: one thread makes the blocks of all shards durable, one write to each copy and one sync for all.
//!
//! A shard seals what has gathered, hands the block over and goes on working. While one commit is under way the next blocks
//! gather; so commits are as large as the disk is slow, and no one waits for a batch to fill.

use super::disk::{Disk, Write};
use super::pages::Page;
use crate::fault::Fault;
use crate::sync::{ArrayQueue, AtomicBool, Parker, Unparker, Waker};
use hdrhistogram::Histogram;
use quittance_engine::distribution::Distribution;
use quittance_engine::journal::block::set_copy;
use quittance_engine::journal::record::RecordNumber;
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::ShardIndex;
use serde::Serialize;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// The longest flush that the histogram tells from longer ones, microseconds.
const FLUSH_US_MAX: u64 = 60_000_000;

/// Bounds of the times that are counted by range, microseconds: from a device that keeps what it is given in a memory of its
/// own to one that is in trouble.
const TIME_BOUNDS_US: &[u64] =
    &[50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];

/// How long the thread sleeps when nobody wakes it: only so that a lost wake could never be for ever.
const SLEEP: Duration = Duration::from_millis(100);

/// A block on its way to the disk and back.
pub(crate) struct Commit {
    /// Whose it is.
    pub(crate) shard: ShardIndex,
    /// The block as the first copy has it, and room behind it.
    pub(crate) pages: Vec<Page>,
    /// Pages that the block takes.
    pub(crate) page_count: usize,
    /// Its place in the file, bytes.
    pub(crate) offset: u64,
    /// Its number.
    pub(crate) block: u64,
    /// Its last record.
    pub(crate) last: RecordNumber,
}

/// What shards and the committer share.
pub(crate) struct Commits {
    shards: ShardRange,
    waiting: ArrayQueue<Commit>,
    /// By place among the shards, as the wakers.
    done: Vec<ArrayQueue<Commit>>,
    unparker: Unparker,
    stop: AtomicBool,
    /// Set once all shards' transports are made, and before any of them seals a block.
    pub(crate) wakers: OnceLock<Vec<Waker>>,
    /// Taken once per commit by the committer, and by whoever prints it: never by a shard.
    figures: Mutex<Figures>,
}

struct Figures {
    commits: u64,
    blocks: u64,
    bytes: u64,
    write_us: Histogram<u64>,
    flush_us: Histogram<u64>,
    write_ranges: Distribution,
    flush_ranges: Distribution,
}

/// What the journal did since boot, in a form that can be added up over runs and machines.
#[derive(Clone, Debug)]
pub(crate) struct JournalFigures {
    pub(crate) commits: u64,
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    /// Microseconds to write all copies, per commit.
    pub(crate) write_us: Distribution,
    /// Microseconds to sync all copies, per commit.
    pub(crate) flush_us: Distribution,
}

/// What the journal did since boot.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct JournalReport {
    /// Syncs, each for all copies and for the blocks of all shards that waited.
    pub(crate) commits: u64,
    /// Blocks, counted once for all copies.
    pub(crate) blocks: u64,
    /// Their bytes, counted once for all copies.
    pub(crate) bytes: u64,
    /// Copies.
    pub(crate) copies: usize,
    /// Whether writes pass by the page cache.
    pub(crate) direct: bool,
    /// Writing all copies, per commit.
    pub(crate) write_us: Quantiles,
    /// Syncing all copies, per commit: what the disk's own flush costs.
    pub(crate) flush_us: Quantiles,
}

/// A distribution.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

impl Commits {
    /// Empty queues for these shards, each of which has at most one block under way.
    pub(crate) fn new(shards: ShardRange) -> (Arc<Self>, Parker) {
        let parker = Parker::new();
        let histogram = || Histogram::new_with_max(FLUSH_US_MAX, 3).expect("the bounds are constants that fit");
        let figures = Figures {
            commits: 0,
            blocks: 0,
            bytes: 0,
            write_us: histogram(),
            flush_us: histogram(),
            write_ranges: Distribution::new(TIME_BOUNDS_US),
            flush_ranges: Distribution::new(TIME_BOUNDS_US),
        };
        let commits = Self {
            shards,
            waiting: ArrayQueue::new(shards.count().into()),
            done: shards.iter().map(|_| ArrayQueue::new(1)).collect(),
            unparker: parker.unparker().clone(),
            stop: AtomicBool::new(false),
            wakers: OnceLock::new(),
            figures: Mutex::new(figures),
        };
        (Arc::new(commits), parker)
    }

    /// Hands a block over.
    pub(crate) fn give(&self, commit: Commit) {
        assert!(self.waiting.push(commit).is_ok(), "no shard has more than one block under way");
        self.unparker.unpark();
    }

    /// The shard's block, durable.
    pub(crate) fn take_done(&self, shard: ShardIndex) -> Option<Commit> {
        self.done[self.shards.local(shard)].pop()
    }

    /// The committer shall end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.unparker.unpark();
    }
}

/// The thread's own.
pub(crate) struct Committer {
    commits: Arc<Commits>,
    parker: Parker,
    disk: Disk,
    copies: Vec<(PathBuf, File)>,
    /// Per shard, the first page of its block as the second copy has it.
    second_pages: Vec<Page>,
}

impl Committer {
    /// A committer for these files, one per copy.
    pub(crate) fn new(commits: Arc<Commits>, parker: Parker, copies: Vec<(PathBuf, File)>) -> Self {
        let second_pages = vec![Page::zero(); commits.done.len()];
        Self { commits, parker, disk: Disk::open(), copies, second_pages }
    }

    /// Commits until told to stop, on this core.
    ///
    /// # Errors
    /// [`Fault::Journal`] at the first write or sync that fails: nothing is tried again, and nothing that waited leaves.
    pub(crate) fn work(mut self, core: usize) -> Result<(), Fault> {
        self.disk.keep_on(core);
        let mut under_way: Vec<Commit> = Vec::with_capacity(self.commits.done.len());
        while !self.commits.stop.load(Ordering::Acquire) {
            under_way.extend(std::iter::from_fn(|| self.commits.waiting.pop()));
            if under_way.is_empty() {
                self.parker.park_timeout(SLEEP);
                continue;
            }
            self.commit(&under_way)?;
            for commit in under_way.drain(..) {
                let shard = self.commits.shards.local(commit.shard);
                assert!(self.commits.done[shard].push(commit).is_ok(), "no shard has more than one block under way");
                self.commits.wakers.get().expect("shards seal only after all wakers are known")[shard].wake();
            }
        }
        Ok(())
    }

    /// Writes the blocks to every copy, then syncs every copy.
    fn commit(&mut self, blocks: &[Commit]) -> Result<(), Fault> {
        for (page, block) in self.second_pages.iter_mut().zip(blocks) {
            page.clone_from(&block.pages[0]);
            set_copy(bytemuck::bytes_of_mut(page), 1);
        }
        let writes: Vec<Write<'_>> = self
            .copies
            .iter()
            .enumerate()
            .flat_map(|(copy, (_, file))| {
                blocks.iter().zip(&self.second_pages).map(move |(block, second)| Write {
                    file,
                    offset: block.offset,
                    first: if copy == 0 { &block.pages[..1] } else { std::slice::from_ref(second) },
                    rest: &block.pages[1..block.page_count],
                })
            })
            .collect();
        let begun = Instant::now();
        self.disk
            .write(&writes)
            .map_err(|(index, error)| journal_fault(&self.copies[index / blocks.len()].0, "written", error))?;
        let written = Instant::now();
        let files: Vec<&File> = self.copies.iter().map(|(_, file)| file).collect();
        self.disk.sync(&files).map_err(|(copy, error)| journal_fault(&self.copies[copy].0, "synced", error))?;
        let (write_us, flush_us) = (micros(written - begun), micros(written.elapsed()));
        let mut figures = self.commits.figures.lock().expect("nobody panics while holding it");
        figures.commits += 1;
        figures.blocks += blocks.len() as u64;
        figures.bytes += blocks.iter().map(|block| size_of_val(&block.pages[..block.page_count]) as u64).sum::<u64>();
        figures.write_us.saturating_record(write_us);
        figures.flush_us.saturating_record(flush_us);
        figures.write_ranges.record(write_us);
        figures.flush_ranges.record(flush_us);
        Ok(())
    }
}

impl Commits {
    /// What was done so far. A few words are copied while the committer may wait: less than its own writing of them.
    pub(crate) fn figures(&self) -> JournalFigures {
        let figures = self.figures.lock().expect("nobody panics while holding it");
        JournalFigures {
            commits: figures.commits,
            blocks: figures.blocks,
            bytes: figures.bytes,
            write_us: figures.write_ranges.clone(),
            flush_us: figures.flush_ranges.clone(),
        }
    }

    /// What was done so far, by a committer with so many copies.
    pub(crate) fn report(&self, copies: usize, direct: bool) -> JournalReport {
        let figures = self.figures.lock().expect("nobody panics while holding it");
        let quantiles = |of: &Histogram<u64>| Quantiles {
            p50: of.value_at_quantile(0.5),
            p99: of.value_at_quantile(0.99),
            max: of.max(),
        };
        JournalReport {
            commits: figures.commits,
            blocks: figures.blocks,
            bytes: figures.bytes,
            copies,
            direct,
            write_us: quantiles(&figures.write_us),
            flush_us: quantiles(&figures.flush_us),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn journal_fault(path: &std::path::Path, what: &'static str, source: std::io::Error) -> Fault {
    Fault::Journal { path: path.to_owned(), what, source }
}

#[cfg(test)]
#[path = "committer_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "committer_schedules.rs"]
mod schedules;
