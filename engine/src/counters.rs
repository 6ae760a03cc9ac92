//! What a shard counts. Each counter is the shard's own: no sharing, no atomics; readers are given copies.

use crate::reject::Reject;
use quittance_net::frame::Malformed;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Counts of what one shard did since boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Order frames, chained ones among them.
    pub orders: u64,
    /// Certificate frames.
    pub certificates: u64,
    /// Query frames.
    pub queries: u64,
    /// History query frames.
    pub history_queries: u64,
    /// Orders voted for, each once.
    pub votes: u64,
    /// Votes given again for a repeated order.
    pub votes_repeated: u64,
    /// Chained orders that waited for their money, each once. Each of them is funded, expired, displaced, or waits still.
    pub orders_held: u64,
    /// Chained orders that came again while they waited; not answered, but with the first.
    pub orders_held_repeated: u64,
    /// Orders that waited until their money came.
    pub orders_held_funded: u64,
    /// Orders that waited until their time was over.
    pub orders_held_expired: u64,
    /// Orders that waited until another one needed their place.
    pub orders_held_displaced: u64,
    /// Payments applied, each once.
    pub confirmations: u64,
    /// Receipts given again for a repeated certificate.
    pub receipts_repeated: u64,
    /// Good certificates for two orders of one sequence number: more than f authorities are faulty.
    pub conflicting_certificates: u64,
    /// Credits handed over to other shards, repetitions included.
    pub credits_sent: u64,
    /// Credits of other shards applied.
    pub credits_applied: u64,
    /// Credits of other shards that came again or too early and changed nothing.
    pub credits_repeated: u64,
    /// Votes in certificates whose root was known.
    pub vote_roots_known: u64,
    /// Votes in certificates whose root was not known; several may wait for one check.
    pub vote_roots_unknown: u64,
    /// Root signatures that were checked.
    pub roots_checked: u64,
    /// Times that a source's quarantine began: its signatures failed, and are checked one by one for a while.
    pub quarantines: u64,
    /// Signatures checked one by one because their source was in quarantine.
    pub signatures_quarantined: u64,
    /// Reply batches signed.
    pub roots_signed: u64,
    /// Replies dropped because too many waited.
    pub replies_dropped: u64,
    /// Frames that only authorities send; not answered.
    pub not_requests: u64,
    /// Refusals by code.
    pub rejects: RejectCounts,
    /// Datagrams that are no frames, by cause; not answered.
    pub malformed: MalformedCounts,
}

/// Refusals by code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectCounts([u64; Reject::ALL.len()]);

/// Datagrams that are no frames, by cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MalformedCounts([u64; Malformed::ALL.len()]);

impl RejectCounts {
    /// How many of this code.
    pub fn get(&self, reject: Reject) -> u64 {
        self.0[reject.index()]
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn count(&mut self, reject: Reject) {
        self.0[reject.index()] += 1;
    }
}

impl Default for RejectCounts {
    fn default() -> Self {
        Self([0; Reject::ALL.len()])
    }
}

impl MalformedCounts {
    /// How many of this cause.
    pub fn get(&self, malformed: Malformed) -> u64 {
        self.0[malformed as usize]
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn count(&mut self, malformed: Malformed) {
        self.0[malformed as usize] += 1;
    }
}

impl Serialize for RejectCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (reject, count) in Reject::ALL.iter().zip(&self.0) {
            map.serialize_entry(reject, count)?;
        }
        map.end()
    }
}

impl Serialize for MalformedCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (malformed, count) in Malformed::ALL.iter().zip(&self.0) {
            map.serialize_entry(&format!("{malformed:?}").to_lowercase(), count)?;
        }
        map.end()
    }
}
