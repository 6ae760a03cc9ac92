//! What threads tell the thread that serves metrics: what they count, and what is on its way in them, at one moment.
//!
//! Counters are the own of each thread. When somebody wants to see them, each puts a copy into its mailbox, once, between two
//! turns: a swap of a pointer, which waits for nobody and is read or lost by nobody but the reader.

use super::control::{ShardReport, VerifierReport};
use crate::storage::ShardJournalFigures;
use crate::sync::ArrayQueue;
use quittance_engine::distribution::Distribution;
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::ShardIndex;

/// What a shard tells.
#[derive(Clone, Debug)]
pub(super) struct ShardSample {
    /// Of the question that this answers.
    pub(super) question: u64,
    pub(super) report: ShardReport,
    /// Replies that wait for the journal, or to be sent.
    pub(super) withheld_replies: usize,
    /// Orders that wait for their money.
    pub(super) held_orders: usize,
    pub(super) unacknowledged_credits: u64,
    /// Signatures gathered for the next batch.
    pub(super) gathered_signatures: usize,
    /// How many datagrams came at once.
    pub(super) receives: Distribution,
    /// How many signatures each batch had that was checked on this thread.
    pub(super) verify_batches: Distribution,
    /// How many replies were signed at once.
    pub(super) reply_batches: Distribution,
    pub(super) journal: Option<ShardJournalFigures>,
}

/// What a verifier tells.
#[derive(Clone, Debug)]
pub(super) struct VerifierSample {
    /// Of the question that this answers.
    pub(super) question: u64,
    pub(super) report: VerifierReport,
    /// How many signatures each batch had.
    pub(super) verify_batches: Distribution,
}

/// Mailboxes of all threads that tell something.
#[derive(Default)]
pub(super) struct Samples {
    first_shard: u16,
    shards: Vec<Mailbox<ShardSample>>,
    verifiers: Vec<Mailbox<VerifierSample>>,
}

impl Samples {
    /// Empty ones, for these shards and so many verifiers.
    pub(super) fn new(shards: ShardRange, verifier_count: u16) -> Self {
        Self {
            first_shard: shards.first().0,
            shards: shards.iter().map(|_| Mailbox::new()).collect(),
            verifiers: (0..verifier_count).map(|_| Mailbox::new()).collect(),
        }
    }

    /// A shard of this process tells.
    pub(super) fn put_shard(&self, shard: ShardIndex, sample: ShardSample) {
        self.shards[usize::from(shard.0 - self.first_shard)].put(sample);
    }

    /// A verifier tells.
    pub(super) fn put_verifier(&self, verifier: u16, sample: VerifierSample) {
        self.verifiers[usize::from(verifier)].put(sample);
    }

    /// Of the shards of this process, in their order.
    pub(super) fn shards(&self) -> &[Mailbox<ShardSample>] {
        &self.shards
    }

    /// Of the verifiers, by index.
    pub(super) fn verifiers(&self) -> &[Mailbox<VerifierSample>] {
        &self.verifiers
    }
}

/// The newest of what one thread tells another: what was not taken is replaced.
pub(super) struct Mailbox<T: 'static>(ArrayQueue<Box<T>>);

impl<T> Mailbox<T> {
    pub(super) fn new() -> Self {
        Self(ArrayQueue::new(1))
    }

    /// Never waits. Only one thread puts, so there is room after what was not taken is gone.
    pub(super) fn put(&self, value: T) {
        if let Err(value) = self.0.push(Box::new(value)) {
            self.0.pop();
            let _ = self.0.push(value);
        }
    }

    pub(super) fn take(&self) -> Option<Box<T>> {
        self.0.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_is_found_and_only_once() {
        let mailbox = Mailbox::new();
        assert_eq!(mailbox.take(), None);
        (1..=3).for_each(|value| mailbox.put(value));
        assert_eq!((mailbox.take(), mailbox.take()), (Some(Box::new(3)), None));
        mailbox.put(4);
        assert_eq!(mailbox.take(), Some(Box::new(4)));
    }
}

#[cfg(test)]
#[path = "samples_schedules.rs"]
mod schedules;
