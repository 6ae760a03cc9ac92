//! The thread that writes snapshots, so that a shard's turn never waits for a file.
//!
//! A shard copies its accounts piece by piece between its turns. The pieces come here, are hashed and written to a file in each
//! data directory; when the last one is synced the shard is told, and its ring may turn.

use super::snapshot_files::SnapshotFile;
use crate::fault::Fault;
use crate::sync::{ArrayQueue, OrderReceiver, OrderSender, Waker, bounded_orders};
use crossbeam::channel::TrySendError;
use quittance_engine::journal::snapshot::{Encoder, SNAPSHOT_CHUNK_SLOTS, SlotImage, SnapshotHeader};
use quittance_engine::keeper::Piece;
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::ShardIndex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Chunks on their way: 120 KiB each. When all are, shards wait with the next ones.
const BUFFER_COUNT: usize = 16;

/// Pieces that each shard may have on their way besides chunks: the first, the tail and the last.
const OTHER_PIECES: usize = 3;

/// What comes to the thread.
pub(crate) enum Order {
    Write(ShardIndex, Piece),
    Stop,
}

/// What shards and the thread share.
pub(crate) struct Snapshots {
    shards: ShardRange,
    orders: OrderSender<Order>,
    buffers: ArrayQueue<Vec<SlotImage>>,
    /// By place among the shards, as the wakers.
    done: Vec<ArrayQueue<()>>,
    /// Set once all shards' transports are made, and before any of them begins a snapshot.
    pub(crate) wakers: OnceLock<Vec<Waker>>,
}

impl Snapshots {
    /// Queues for these shards, and the end that the thread takes.
    pub(crate) fn new(shards: ShardRange) -> (Arc<Self>, OrderReceiver<Order>) {
        Self::with_buffers(shards, BUFFER_COUNT)
    }

    fn with_buffers(shards: ShardRange, buffer_count: usize) -> (Arc<Self>, OrderReceiver<Order>) {
        // Never full: no shard waits for the thread.
        let (orders, receiver) = bounded_orders(buffer_count + OTHER_PIECES * usize::from(shards.count()) + 1);
        let buffers = ArrayQueue::new(buffer_count);
        (0..buffer_count).for_each(|_| _ = buffers.push(Vec::with_capacity(SNAPSHOT_CHUNK_SLOTS)));
        let done = shards.iter().map(|_| ArrayQueue::new(1)).collect();
        (Arc::new(Self { shards, orders, buffers, done, wakers: OnceLock::new() }), receiver)
    }

    /// A buffer for a chunk, if one is free.
    pub(super) fn try_buffer(&self) -> Option<Vec<SlotImage>> {
        self.buffers.pop()
    }

    /// Takes back a buffer and wakes the shards: any of them may have gone to sleep for want of one. To wake them only when
    /// there was none would miss the one that took none between the look and the push.
    fn give_back(&self, buffer: Vec<SlotImage>) {
        let _ = self.buffers.push(buffer);
        self.wakers().iter().for_each(Waker::wake);
    }

    fn wakers(&self) -> &[Waker] {
        self.wakers.get().expect("shards begin only after all wakers are known")
    }

    /// Hands over a piece of the shard's snapshot.
    pub(super) fn give(&self, shard: ShardIndex, piece: Piece) {
        self.send(Order::Write(shard, piece));
    }

    /// Whether the shard's snapshot is complete and synced.
    pub(super) fn take_done(&self, shard: ShardIndex) -> bool {
        self.done[self.shards.local(shard)].pop().is_some()
    }

    /// The thread shall end when it has written what is on its way.
    pub(crate) fn stop(&self) {
        self.send(Order::Stop);
    }

    fn send(&self, order: Order) {
        // The thread is gone only when the process ends.
        let is_full = matches!(self.orders.try_send(order), Err(TrySendError::Full(_)));
        assert!(!is_full, "there is a place for each buffer, and for what each shard sends without one");
    }
}

/// The thread's own.
pub(crate) struct SnapshotWriter {
    snapshots: Arc<Snapshots>,
    orders: OrderReceiver<Order>,
    directories: Vec<PathBuf>,
    under_way: BTreeMap<ShardIndex, (Encoder, SnapshotFile)>,
    bytes: Vec<u8>,
}

impl SnapshotWriter {
    /// A writer into these directories.
    pub(crate) fn new(snapshots: Arc<Snapshots>, orders: OrderReceiver<Order>, directories: Vec<PathBuf>) -> Self {
        Self { snapshots, orders, directories, under_way: BTreeMap::new(), bytes: Vec::new() }
    }

    /// Writes until told to stop.
    ///
    /// # Errors
    /// The machine's fault at the first file that cannot be written.
    pub(crate) fn work(mut self) -> Result<(), Fault> {
        while let Ok(Order::Write(shard, piece)) = self.orders.recv() {
            self.bytes.clear();
            match piece {
                Piece::Begin(header) => self.begin(shard, &header)?,
                Piece::Chunk { lsn, slots } => {
                    self.append(shard, |encoder, bytes| encoder.chunk(lsn, &slots, bytes))?;
                    self.snapshots.give_back(slots);
                }
                Piece::Tail { lsn, tail } => self.append(shard, |encoder, bytes| encoder.tail(lsn, &tail, bytes))?,
                Piece::Finish => self.finish(shard)?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, shard: ShardIndex, header: &SnapshotHeader) -> Result<(), Fault> {
        let encoder = Encoder::new(header, &mut self.bytes);
        let mut file = SnapshotFile::create(&self.directories, shard, header.number)?;
        file.write(&self.bytes)?;
        let before = self.under_way.insert(shard, (encoder, file));
        assert!(before.is_none(), "a shard has one snapshot under way");
        Ok(())
    }

    fn append(&mut self, shard: ShardIndex, encode: impl FnOnce(&mut Encoder, &mut Vec<u8>)) -> Result<(), Fault> {
        let (encoder, file) = self.under_way.get_mut(&shard).expect("a snapshot begins with its head");
        encode(encoder, &mut self.bytes);
        file.write(&self.bytes)
    }

    fn finish(&mut self, shard: ShardIndex) -> Result<(), Fault> {
        let (encoder, mut file) = self.under_way.remove(&shard).expect("a snapshot begins with its head");
        encoder.finish(&mut self.bytes);
        file.write(&self.bytes)?;
        file.finish()?;
        let place = self.snapshots.shards.local(shard);
        let told = self.snapshots.done[place].push(());
        assert!(told.is_ok(), "a shard has one snapshot under way");
        self.snapshots.wakers()[place].wake();
        Ok(())
    }
}

#[cfg(test)]
#[path = "snapshots_schedules.rs"]
mod schedules;
