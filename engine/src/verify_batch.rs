//! Signatures on their way to a verifier and verdicts on their way back. A batch is self-contained: it can be checked on
//! the shard's own thread or be sent to another core.

use crate::message::MESSAGE_BYTES_MAX;
use quittance_verify::{Item, PublicKey, Verifier};

/// What a verdict is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// A staged order.
    Order(u32),
    /// A root that certificates wait for.
    Root(u32),
}

/// One signature to check.
#[derive(Clone, Debug)]
pub struct Job {
    ticket: Ticket,
    key: PublicKey,
    signature: [u8; 64],
    message: [u8; MESSAGE_BYTES_MAX],
    message_bytes: u8,
}

impl Job {
    /// Copies what the check needs.
    pub fn new(ticket: Ticket, key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> Self {
        let mut copy = [0; MESSAGE_BYTES_MAX];
        copy[..message.len()].copy_from_slice(message);
        let message_bytes = u8::try_from(message.len()).expect("MESSAGE_BYTES_MAX fits a byte");
        Self { ticket, key: *key, signature: *signature, message: copy, message_bytes }
    }

    fn item(&self) -> Item<'_> {
        let message = &self.message[..usize::from(self.message_bytes)];
        Item { key: &self.key, message, signature: &self.signature }
    }
}

/// Jobs and, once checked, their verdicts.
#[derive(Debug, Default)]
pub struct VerifyBatch {
    pub(crate) jobs: Vec<Job>,
    verdicts: Vec<bool>,
}

impl VerifyBatch {
    /// An empty batch with room for `job_count_max` jobs.
    pub fn with_capacity(job_count_max: usize) -> Self {
        Self { jobs: Vec::with_capacity(job_count_max), verdicts: Vec::with_capacity(job_count_max) }
    }

    /// Jobs in it.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Checks every signature. Allocates once per batch, for the list of borrowed items.
    pub fn check(&mut self, verifier: &mut Verifier) {
        let items: Vec<Item<'_>> = self.jobs.iter().map(Job::item).collect();
        verifier.verify_batch(&items, &mut self.verdicts);
    }

    /// Puts verdicts in by other means than signatures: for simulation.
    pub fn decide(&mut self, verdict: impl FnMut(&Job) -> bool) {
        self.verdicts.clear();
        self.verdicts.extend(self.jobs.iter().map(verdict));
    }

    /// Each ticket with its verdict.
    pub(crate) fn verdicts(&self) -> impl Iterator<Item = (Ticket, bool)> {
        assert_eq!(self.jobs.len(), self.verdicts.len(), "a batch comes back checked");
        self.jobs.iter().zip(&self.verdicts).map(|(job, verdict)| (job.ticket, *verdict))
    }

    /// Empties the batch for its next use.
    pub(crate) fn clear(&mut self) {
        self.jobs.clear();
        self.verdicts.clear();
    }
}
