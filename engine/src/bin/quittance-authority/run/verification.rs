//! Who checks a shard's signatures: its own thread, or the verifiers.

use super::verifier_pool::{BATCHES_PER_SHARD_MAX, VerifierPool, Work};
use quittance_engine::distribution::Distribution;
use quittance_engine::limits::JOBS_MAX;
use quittance_engine::shard::Shard;
use quittance_engine::types::{ShardIndex, TimeMs};
use quittance_engine::verify_batch::VerifyBatch;
use quittance_verify::{Counters, Verifier};
use std::sync::Arc;

/// One shard's side of verification.
pub(super) struct Verification {
    verifier: Verifier,
    batch: VerifyBatch,
    /// How many signatures each batch had that was checked here.
    batches: Distribution,
    pool: Option<Outsourcing>,
}

/// What is needed to let others verify.
struct Outsourcing {
    pool: Arc<VerifierPool>,
    /// Empty batches: those not under way.
    free: Vec<VerifyBatch>,
    /// Counts batches, to wake verifiers in turn.
    turn: usize,
}

impl Verification {
    /// Without a pool the shard's thread checks everything itself.
    pub(super) fn new(verifier: Verifier, pool: Option<Arc<VerifierPool>>) -> Self {
        let batch = || VerifyBatch::with_capacity(JOBS_MAX);
        let outsourcing = |pool: Arc<VerifierPool>| {
            // One under way and one waiting for each verifier keeps them busy; more would only make batches smaller.
            let count = (2 * pool.verifier_count()).min(BATCHES_PER_SHARD_MAX);
            Outsourcing { pool, free: (0..count).map(|_| batch()).collect(), turn: 0 }
        };
        Self { verifier, batch: batch(), batches: Distribution::of_sizes(), pool: pool.map(outsourcing) }
    }

    /// Acts on the verdicts that have come, and has checked what has gathered. Returns whether there was either.
    pub(super) fn turn(&mut self, index: ShardIndex, shard: &mut Shard, now: impl Fn() -> TimeMs) -> bool {
        let Some(outsourcing) = &mut self.pool else { return self.check_here(shard, now) };
        let came = outsourcing.take_done(index, shard, &now);
        let went = outsourcing.give(index, shard);
        // Every batch is under way and the next is full: better to check it here than to wait.
        let helped = shard.room() == 0 && self.check_here(shard, now);
        came || went || helped
    }

    fn check_here(&mut self, shard: &mut Shard, now: impl Fn() -> TimeMs) -> bool {
        if !shard.take_batch(&mut self.batch) {
            return false;
        }
        self.batches.record(self.batch.len() as u64);
        self.batch.check(&mut self.verifier);
        shard.finish_batch(now(), &mut self.batch);
        true
    }

    /// Of the shard's own verifier.
    pub(super) fn counters(&self) -> Counters {
        self.verifier.counters()
    }

    /// How many signatures each batch had that was checked here.
    pub(super) fn batches(&self) -> &Distribution {
        &self.batches
    }
}

impl Outsourcing {
    fn take_done(&mut self, index: ShardIndex, shard: &mut Shard, now: &impl Fn() -> TimeMs) -> bool {
        let mut came = false;
        while let Some(mut batch) = self.pool.take_done(index) {
            shard.finish_batch(now(), &mut batch);
            self.free.push(batch);
            came = true;
        }
        came
    }

    fn give(&mut self, index: ShardIndex, shard: &mut Shard) -> bool {
        let Some(mut batch) = self.free.pop() else { return false };
        if !shard.take_batch(&mut batch) {
            self.free.push(batch);
            return false;
        }
        self.turn = self.turn.wrapping_add(1);
        self.pool.give(Work { shard: index, batch }, self.turn);
        true
    }
}
