//! The thread that writes histories and answers from them, so that no shard waits for a file.
//!
//! Shards hand over entries in buffers that come back, questions, and the wish that all of it be synced. Entries go before
//! questions: a question is answered when all that was handed over before it is written, and no other waits.

use super::history_files::HistoryFiles;
use crate::fault::Fault;
use crate::sync::{ArrayQueue, AtomicU64, OrderReceiver, OrderSender, Waker, bounded_orders};
use crossbeam::channel::{RecvTimeoutError, TrySendError};
use quittance_engine::history::answer::{Entries, HistoryReply, HistoryRequest, answer};
use quittance_engine::limits::HISTORY_REQUESTS_MAX;
use quittance_engine::shard::Shard;
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::ShardIndex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64 as FigureU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Buffers of entries of each shard: one that is written, one that waits, one to be filled.
const BUFFER_COUNT: usize = 3;

/// The beginning, a snapshot's wish for a sync, and that of the end: each is on its way once.
const OTHER_WORK: usize = 3;

/// Entries are handed over when so many bytes have gathered, so that the thread is not woken for a few; not more, since all
/// of them shall stay in the cache until they are written.
const GATHERED_BYTES: usize = 128 << 10;

/// How long fewer are kept back, at most: what a killed process may cost in votes.
const GATHER_TIME: Duration = Duration::from_millis(5);

/// How long entries are written and not synced, at most: what a power failure may cost in votes.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// How long things wait at most.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// Entries, until they are handed over.
    gather: Duration,
    /// Entries that are written, until they are synced.
    sync: Duration,
}

/// Where a shard's entries go: [`HistoryFiles`], but in tests.
pub(crate) trait Segments: Entries {
    /// Writes entries, mostly behind those that were written last.
    fn append(&mut self, position: u64, bytes: &[u8]) -> Result<(), Fault>;

    /// Everything written is durable when this returns.
    fn sync(&mut self) -> Result<(), Fault>;

    /// The position at which the oldest that is kept begins.
    fn kept_from(&self) -> u64 {
        0
    }
}

impl Segments for HistoryFiles {
    fn append(&mut self, position: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.append(position, bytes)
    }

    fn sync(&mut self) -> Result<(), Fault> {
        self.sync()
    }

    fn kept_from(&self) -> u64 {
        self.kept_from()
    }
}

/// What a shard wants done.
enum Work<F> {
    Begin { shard: ShardIndex, files: F },
    Append { shard: ShardIndex, position: u64, bytes: Vec<u8> },
    Sync { shard: ShardIndex },
    Answer { shard: ShardIndex, request: HistoryRequest },
    Stop,
}

/// What shards and the thread share.
pub(crate) struct Histories<F = HistoryFiles> {
    range: ShardRange,
    work: OrderSender<Work<F>>,
    /// By place among the shards, as the wakers.
    shards: Vec<Shared>,
    /// Set once all shards' transports are made.
    pub(crate) wakers: OnceLock<Vec<Waker>>,
    patience: Patience,
}

/// What one of them shares.
struct Shared {
    buffers: ArrayQueue<Vec<u8>>,
    replies: ArrayQueue<HistoryReply>,
    /// Everything before this position is durable.
    synced: AtomicU64,
    /// Everything before this position was removed. Only told: nothing rests on it.
    kept_from: FigureU64,
}

/// How a shard's history stands: bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HistoryFigures {
    /// Kept, gaps included.
    pub(crate) kept: u64,
    /// Made, and not known to be durable.
    pub(crate) unsynced: u64,
}

impl<F: Segments> Histories<F> {
    /// Queues for these shards, and the end that the thread takes.
    pub(crate) fn new(range: ShardRange) -> (Arc<Self>, Historian<F>) {
        Self::with_patience(range, Patience { gather: GATHER_TIME, sync: SYNC_INTERVAL })
    }

    fn with_patience(range: ShardRange, patience: Patience) -> (Arc<Self>, Historian<F>) {
        let shards = range.iter().map(|_| Shared::new()).collect();
        // Never full: no shard waits for the thread.
        let each = BUFFER_COUNT + OTHER_WORK + HISTORY_REQUESTS_MAX;
        let (work, receiver) = bounded_orders(each * usize::from(range.count()) + 1);
        let histories = Arc::new(Self { range, work, shards, wakers: OnceLock::new(), patience });
        let writing = range.iter().map(|_| None).collect();
        let historian = Historian {
            histories: Arc::clone(&histories),
            work: receiver,
            shards: writing,
            questions: VecDeque::with_capacity(HISTORY_REQUESTS_MAX),
            dirty_since: None,
        };
        (histories, historian)
    }

    fn shared(&self, shard: ShardIndex) -> &Shared {
        &self.shards[self.range.local(shard)]
    }

    fn give(&self, work: Work<F>) {
        // The thread is gone only when the process ends.
        let is_full = matches!(self.work.try_send(work), Err(TrySendError::Full(_)));
        assert!(!is_full, "there is a place for each buffer, for each question, and for what is on its way once");
    }

    /// The thread shall end when it has written what is on its way.
    pub(crate) fn stop(&self) {
        self.give(Work::Stop);
    }
}

impl Shared {
    fn new() -> Self {
        let buffers = ArrayQueue::new(BUFFER_COUNT);
        (0..BUFFER_COUNT).for_each(|_| _ = buffers.push(Vec::new()));
        Self {
            buffers,
            replies: ArrayQueue::new(HISTORY_REQUESTS_MAX),
            synced: AtomicU64::new(0),
            kept_from: FigureU64::new(0),
        }
    }
}

/// One shard's end.
pub(crate) struct ShardHistory<F = HistoryFiles> {
    shard: ShardIndex,
    histories: Arc<Histories<F>>,
    /// Up to where a snapshot wants it synced.
    wanted: u64,
    /// Up to where a sync was asked for.
    asked: u64,
    /// When entries began to gather.
    gathering_since: Option<Instant>,
}

impl<F: Segments> ShardHistory<F> {
    /// Goes on where recovery ended, with its files: all that they hold is durable.
    pub(crate) fn new(histories: Arc<Histories<F>>, files: F, index: ShardIndex, shard: &Shard) -> Self {
        histories.shared(index).synced.store(shard.history_end(), Ordering::Release);
        histories.shared(index).kept_from.store(files.kept_from(), Ordering::Relaxed);
        histories.give(Work::Begin { shard: index, files });
        Self { shard: index, histories, wanted: 0, asked: 0, gathering_since: None }
    }

    /// Hands over entries and questions, and takes answers. Returns whether there was anything to do.
    pub(crate) fn turn(&mut self, shard: &mut Shard) -> bool {
        let (mut worked, is_due) = (false, self.is_due(shard));
        while is_due && shard.has_open_history() {
            let Some(mut bytes) = self.histories.shared(self.shard).buffers.pop() else { break };
            let position = shard.seal_history(&mut bytes).expect("there are entries");
            self.histories.give(Work::Append { shard: self.shard, position, bytes });
            worked = true;
        }
        self.ask(shard);
        let shared = self.histories.shared(self.shard);
        while let Some(request) = shard.take_history_request() {
            self.histories.give(Work::Answer { shard: self.shard, request });
            worked = true;
        }
        while let Some(reply) = shared.replies.pop() {
            shard.finish_history(reply);
            worked = true;
        }
        worked
    }

    /// Whether everything before this position is durable; if not, it soon is, and the shard is woken.
    pub(crate) fn holds(&mut self, end: u64, shard: &Shard) -> bool {
        let is_synced = self.histories.shared(self.shard).synced.load(Ordering::Acquire) >= end;
        if !is_synced {
            self.wanted = self.wanted.max(end);
            // Not in the next turn: a shard that has nothing else to do goes to sleep before that.
            self.ask(shard);
        }
        is_synced
    }

    /// How the history stands.
    pub(crate) fn figures(&self, shard: &Shard) -> HistoryFigures {
        let (shared, end) = (self.histories.shared(self.shard), shard.history_end());
        let kept_from = shared.kept_from.load(Ordering::Relaxed);
        let synced = shared.synced.load(Ordering::Acquire);
        HistoryFigures { kept: end.saturating_sub(kept_from), unsynced: end.saturating_sub(synced) }
    }

    /// Asks for the sync that a snapshot or the end waits for, once all that it is to cover was handed over.
    fn ask(&mut self, shard: &Shard) {
        if self.asked < self.wanted && !shard.has_open_history() {
            self.asked = self.wanted;
            self.histories.give(Work::Sync { shard: self.shard });
        }
    }

    /// Everything is to be handed over and synced: the end has come.
    pub(crate) fn close(&mut self, shard: &mut Shard) {
        self.wanted = shard.history_end();
        self.turn(shard);
    }

    /// Whether entries that wait should wait no longer.
    fn is_due(&mut self, shard: &Shard) -> bool {
        if !shard.has_open_history() {
            self.gathering_since = None;
            return false;
        }
        let is_awaited = self.asked < self.wanted || shard.has_history_request();
        if is_awaited || shard.open_history_bytes() >= GATHERED_BYTES {
            return true;
        }
        self.gathering_since.get_or_insert_with(Instant::now).elapsed() >= self.histories.patience.gather
    }
}

/// The thread's own.
pub(crate) struct Historian<F = HistoryFiles> {
    histories: Arc<Histories<F>>,
    work: OrderReceiver<Work<F>>,
    shards: Vec<Option<Writing<F>>>,
    questions: VecDeque<(ShardIndex, HistoryRequest)>,
    /// Since when something is written and not synced.
    dirty_since: Option<Instant>,
}

/// A shard's history as it is written.
struct Writing<F> {
    files: F,
    /// Up to where.
    end: u64,
}

impl<F: Segments> Historian<F> {
    /// Writes and answers until told to stop.
    ///
    /// # Errors
    /// The machine's fault at the first file that cannot be written.
    pub(crate) fn work(mut self) -> Result<(), Fault> {
        loop {
            match self.next() {
                Some(Work::Stop) => return self.sync_all(),
                Some(work) => self.act(work)?,
                None => {
                    if let Some((shard, request)) = self.questions.pop_front() {
                        self.answer(shard, &request);
                    }
                }
            }
            if self.dirty_since.is_some_and(|since| since.elapsed() >= self.histories.patience.sync) {
                self.sync_all()?;
            }
        }
    }

    /// What is to be done next; `None` if there is time for a question, or to sync.
    fn next(&self) -> Option<Work<F>> {
        if !self.questions.is_empty() {
            return self.work.try_recv().ok();
        }
        let sync = self.histories.patience.sync;
        let wait = self.dirty_since.map_or(sync, |since| sync.saturating_sub(since.elapsed()));
        match self.work.recv_timeout(wait) {
            Ok(work) => Some(work),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => unreachable!("this thread holds a sender itself"),
        }
    }

    fn act(&mut self, work: Work<F>) -> Result<(), Fault> {
        match work {
            Work::Begin { shard, files } => *self.writing(shard) = Some(Writing { files, end: 0 }),
            Work::Append { shard, position, bytes } => {
                let writing = self.writing(shard).as_mut().expect("a shard begins before it writes");
                writing.files.append(position, &bytes)?;
                writing.end = position + bytes.len() as u64;
                let kept_from = writing.files.kept_from();
                self.histories.shared(shard).kept_from.store(kept_from, Ordering::Relaxed);
                self.dirty_since.get_or_insert_with(Instant::now);
                let kept = self.histories.shared(shard).buffers.push(bytes);
                assert!(kept.is_ok(), "there are so many buffers");
            }
            Work::Sync { shard } => self.sync(shard)?,
            Work::Answer { shard, request } => self.questions.push_back((shard, request)),
            Work::Stop => unreachable!("the loop ends there"),
        }
        Ok(())
    }

    fn answer(&mut self, shard: ShardIndex, request: &HistoryRequest) {
        let writing = self.writing(shard).as_mut().expect("a shard begins before it asks");
        let reply = answer(request, &mut writing.files);
        let taken = self.histories.shared(shard).replies.push(reply);
        assert!(taken.is_ok(), "a shard has so many questions on their way");
        self.wake(shard);
    }

    fn sync_all(&mut self) -> Result<(), Fault> {
        self.dirty_since = None;
        self.histories.range.iter().try_for_each(|shard| self.sync(shard))
    }

    fn sync(&mut self, shard: ShardIndex) -> Result<(), Fault> {
        let place = self.histories.range.local(shard);
        let (Some(writing), shared) = (&mut self.shards[place], &self.histories.shards[place]) else { return Ok(()) };
        writing.files.sync()?;
        if writing.end > shared.synced.load(Ordering::Relaxed) {
            shared.synced.store(writing.end, Ordering::Release);
            self.wake(shard);
        }
        Ok(())
    }

    fn writing(&mut self, shard: ShardIndex) -> &mut Option<Writing<F>> {
        &mut self.shards[self.histories.range.local(shard)]
    }

    /// A shard may wait for this, to finish a snapshot or to send an answer.
    fn wake(&self, shard: ShardIndex) {
        if let Some(wakers) = self.histories.wakers.get() {
            wakers[self.histories.range.local(shard)].wake();
        }
    }
}

#[cfg(test)]
#[path = "historian_schedules.rs"]
mod schedules;
