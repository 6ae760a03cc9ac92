//! The queues between shards and verifiers: batches go out to whoever is free, and come back to the shard they are from.
//!
//! Batches form by themselves: a shard hands over what it has as soon as it has a batch to spare; while all are under way,
//! signatures gather for the next.

use crate::sync::{ArrayQueue, Parker, Unparker, Waker};
use quittance_engine::limits::{JOBS_MAX, PACKET_DATAGRAMS_MAX, RECEIVE_BURST_MAX, STAGED_ORDERS_MAX};
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::ShardIndex;
use quittance_engine::verify_batch::VerifyBatch;
use std::sync::OnceLock;
use std::time::Duration;

/// Batches of one shard under way at most. So many full ones, one gathering and a burst still fit the shard's table.
pub(super) const BATCHES_PER_SHARD_MAX: usize = 6;
const _: () =
    assert!((BATCHES_PER_SHARD_MAX + 1) * JOBS_MAX + RECEIVE_BURST_MAX + PACKET_DATAGRAMS_MAX <= STAGED_ORDERS_MAX);

/// A batch and whose it is.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) shard: ShardIndex,
    pub(super) batch: VerifyBatch,
}

/// The queues, shared by all threads.
#[derive(Debug)]
pub(super) struct VerifierPool {
    shards: ShardRange,
    work: ArrayQueue<Work>,
    /// By place among the shards, as the wakers.
    done: Vec<ArrayQueue<VerifyBatch>>,
    unparkers: Vec<Unparker>,
    /// Set once all shards' transports are made, and before any of them receives.
    pub(super) wakers: OnceLock<Vec<Waker>>,
}

impl VerifierPool {
    /// Empty queues for these shards, and the parkers of the verifiers.
    pub(super) fn new(shards: ShardRange, verifier_count: u16) -> (Self, Vec<Parker>) {
        let shard_count = usize::from(shards.count());
        let parkers: Vec<Parker> = (0..verifier_count).map(|_| Parker::new()).collect();
        let pool = Self {
            shards,
            work: ArrayQueue::new(shard_count * BATCHES_PER_SHARD_MAX),
            done: shards.iter().map(|_| ArrayQueue::new(BATCHES_PER_SHARD_MAX)).collect(),
            unparkers: parkers.iter().map(|parker| parker.unparker().clone()).collect(),
            wakers: OnceLock::new(),
        };
        (pool, parkers)
    }

    /// Verifiers there are.
    pub(super) fn verifier_count(&self) -> usize {
        self.unparkers.len()
    }

    /// Batches that wait for a verifier.
    pub(super) fn waiting_count(&self) -> usize {
        self.work.len()
    }

    /// Hands a batch over and wakes verifier `turn` (modulo their number). One that is awake may be faster.
    pub(super) fn give(&self, work: Work, turn: usize) {
        self.work.push(work).expect("no shard has more batches under way than its share of the queue");
        self.unparkers[turn % self.unparkers.len()].unpark();
    }

    /// The next batch to check.
    pub(super) fn take_work(&self) -> Option<Work> {
        self.work.pop()
    }

    /// Brings a checked batch back and wakes its shard.
    pub(super) fn give_back(&self, work: Work) {
        let Work { shard, batch } = work;
        let place = self.shards.local(shard);
        self.done[place].push(batch).expect("no shard has more batches under way than its queue holds");
        self.wakers.get().expect("shards receive only after all wakers are known")[place].wake();
    }

    /// The next checked batch of a shard.
    pub(super) fn take_done(&self, shard: ShardIndex) -> Option<VerifyBatch> {
        self.done[self.shards.local(shard)].pop()
    }

    /// Wakes every verifier: to stop, or to report.
    pub(super) fn wake_all(&self) {
        self.unparkers.iter().for_each(Unparker::unpark);
    }
}

/// Sleeps until woken; an earlier wake ends it at once.
pub(super) fn sleep(parker: &Parker, at_most: Duration) {
    parker.park_timeout(at_most);
}

#[cfg(test)]
#[path = "verifier_pool_schedules.rs"]
mod schedules;
