//! What the authorities count, taken from what they print at their ends.

use crate::process::AuthorityReport;
use core::ops::AddAssign;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What all authorities counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuthorityCounts {
    /// Datagrams that their sockets handed over.
    pub received: u64,
    /// Packets that reached their sockets and were not handed over: empty, cut, or unreadable.
    pub undeliverable: u64,
    /// Packets that full receive queues dropped, as their sockets told them.
    pub dropped_by_kernel: u64,
    /// Of these: orders.
    pub orders: u64,
    /// Of these: certificates.
    pub certificates: u64,
    /// Of these: questions about accounts.
    pub queries: u64,
    /// Of these: questions about histories.
    pub history_queries: u64,
    /// Of these: no frames; dropped without an answer.
    pub not_a_frame: u64,
    /// Of these: frames that no payer sends; dropped without an answer.
    pub not_a_request: u64,
    /// Chained orders that came again while the first waited for its money: answered with that one.
    pub repeated_while_held: u64,
    /// Replies for which there was no room.
    pub replies_dropped: u64,
    /// Requests whose answers had not left at the end.
    pub unanswered: u64,
    /// Replies that the kernel took.
    pub sent: u64,
    /// Replies that it refused.
    pub unsent: u64,
    /// Refusals for want of room, which are answers.
    pub refused_as_busy: u64,
}

/// A shard's counters, as far as they matter here. A counter that is missing makes the whole unknown.
#[derive(Debug, Deserialize)]
struct Shard {
    protocol: Protocol,
    transport: Transport,
    unanswered: u64,
}

#[derive(Debug, Deserialize)]
struct Protocol {
    orders: u64,
    certificates: u64,
    queries: u64,
    history_queries: u64,
    not_requests: u64,
    malformed: BTreeMap<String, u64>,
    orders_held_repeated: u64,
    replies_dropped: u64,
    rejects: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
struct Transport {
    datagrams_received: u64,
    empty_datagrams: u64,
    datagrams_truncated: u64,
    packets_unreadable: u64,
    datagrams_dropped_by_kernel: u64,
    datagrams_sent: u64,
    datagrams_unsent: u64,
}

impl AuthorityCounts {
    /// The sum over all shards of all authorities.
    ///
    /// # Errors
    /// A sentence that says whose counters are not known.
    pub fn of(reports: &[AuthorityReport]) -> Result<Self, String> {
        let mut sum = Self::default();
        for AuthorityReport { index, counters, .. } in reports {
            let shards = counters.get("shards").cloned().unwrap_or(Value::Null);
            let shards: Vec<Shard> = serde_json::from_value(shards)
                .map_err(|error| format!("authority {index} did not tell its counters at its end ({error})"))?;
            shards.iter().for_each(|shard| sum += Self::of_shard(shard));
        }
        Ok(sum)
    }

    fn of_shard(Shard { protocol, transport, unanswered }: &Shard) -> Self {
        Self {
            received: transport.datagrams_received,
            undeliverable: transport.empty_datagrams + transport.datagrams_truncated + transport.packets_unreadable,
            dropped_by_kernel: transport.datagrams_dropped_by_kernel,
            orders: protocol.orders,
            certificates: protocol.certificates,
            queries: protocol.queries,
            history_queries: protocol.history_queries,
            not_a_frame: protocol.malformed.values().sum(),
            not_a_request: protocol.not_requests,
            repeated_while_held: protocol.orders_held_repeated,
            replies_dropped: protocol.replies_dropped,
            unanswered: *unanswered,
            sent: transport.datagrams_sent,
            unsent: transport.datagrams_unsent,
            refused_as_busy: protocol.rejects.get("busy").copied().unwrap_or(0),
        }
    }
}

impl AddAssign for AuthorityCounts {
    fn add_assign(&mut self, other: Self) {
        self.received += other.received;
        self.undeliverable += other.undeliverable;
        self.dropped_by_kernel += other.dropped_by_kernel;
        self.orders += other.orders;
        self.certificates += other.certificates;
        self.queries += other.queries;
        self.history_queries += other.history_queries;
        self.not_a_frame += other.not_a_frame;
        self.not_a_request += other.not_a_request;
        self.repeated_while_held += other.repeated_while_held;
        self.replies_dropped += other.replies_dropped;
        self.unanswered += other.unanswered;
        self.sent += other.sent;
        self.unsent += other.unsent;
        self.refused_as_busy += other.refused_as_busy;
    }
}
