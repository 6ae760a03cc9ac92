//! Datagrams: requests from our sockets to the authorities' answers, and those answers back to what was done with them.

use super::{AuthorityCounts, SocketState, remainder};
use crate::limits::MERGED_DATAGRAMS_MAX;
use serde::Serialize;

/// Both ledgers of datagrams, of all sockets of the run's authorities and of ours, the audit's among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Datagrams {
    /// From us to the authorities.
    pub requests: Requests,
    /// From the authorities to us.
    pub replies: Replies,
    /// What was lost on the whole way, by place.
    pub datagrams_lost_by_place: LostByPlace,
}

/// Requests: `pushed = refused_by_socket + lost_in_receive_queue + undeliverable + received + remainder_on_the_way`, and
/// `received = replied + not_a_frame + not_a_request + repeated_while_held + replies_dropped + unanswered + remainder`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// Put into our outboxes: orders, certificates, questions, and what the intruder sends.
    pub pushed: u64,
    /// Of these, the intruder's, and the questions for balances that come along with payments.
    pub pushed_by_intruder: u64,
    /// Refused by the kernel on our side.
    pub refused_by_socket: u64,
    /// Dropped in front of the authorities' sockets.
    pub lost_in_receive_queue: u64,
    /// Packets that the kernel says it dropped there; a packet holds one datagram, or up to 64 that were sent together.
    pub packets_dropped_by_kernel: u64,
    /// Packets that arrived and could not be handed over.
    pub undeliverable: u64,
    /// Handed over to a shard.
    pub received: u64,
    /// Of these: orders.
    pub orders: u64,
    /// Of these: certificates.
    pub certificates: u64,
    /// Of these: questions about accounts and histories.
    pub queries: u64,
    /// Answered: the kernel was given a reply, whether it took it or not.
    pub replied: u64,
    /// No frames; dropped.
    pub not_a_frame: u64,
    /// Frames that no payer sends; dropped.
    pub not_a_request: u64,
    /// Repeated chained orders, answered with the first.
    pub repeated_while_held: u64,
    /// Replies for which a shard had no room.
    pub replies_dropped: u64,
    /// Not answered yet when the authorities stopped.
    pub unanswered: u64,
    /// Answered by a refusal for want of room; among those replied to.
    pub refused_as_busy: u64,
    /// What is missing between our sockets and theirs.
    pub remainder_on_the_way: i64,
    /// What is missing within the authorities.
    pub remainder: i64,
}

/// Replies: `sent = lost_in_receive_queue + received + remainder_on_the_way`, and
/// `received = used + late + invalid + overrun + audit + intruder + remainder`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replies {
    /// Taken by the kernel on the authorities' side.
    pub sent: u64,
    /// Refused by it there.
    pub refused_by_socket: u64,
    /// Dropped in front of our sockets.
    pub lost_in_receive_queue: u64,
    /// Packets that the kernel says it dropped there.
    pub packets_dropped_by_kernel: u64,
    /// Received by our sockets.
    pub received: u64,
    /// Acted upon.
    pub used: u64,
    /// Repetitions of what was known.
    pub late: u64,
    /// What no honest server sends.
    pub invalid: u64,
    /// For which a turn of the load loop had no room.
    pub overrun: u64,
    /// That came after the phases: answers to the audit, and what was late.
    pub audit: u64,
    /// The intruder's, and answers to questions that came along with payments.
    pub intruder: u64,
    /// What is missing between their sockets and ours.
    pub remainder_on_the_way: i64,
    /// What is missing here.
    pub remainder: i64,
}

/// Where datagrams were lost, requests and replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LostByPlace {
    /// Our own sockets refused them.
    pub generator_socket: u64,
    /// The receive queues of the authorities' sockets: they were busy. Full queues of shards and verifiers end here.
    pub request_receive_queue: u64,
    /// Shards had no room for the reply.
    pub reply_queue: u64,
    /// The authorities' own sockets refused them.
    pub reply_socket: u64,
    /// The receive queues of our sockets: the generator was busy.
    pub reply_receive_queue: u64,
    /// A turn of the load loop had no room.
    pub generator_overrun: u64,
}

/// What both sides counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// Requests put into our outboxes, without the intruder's.
    pub pushed: u64,
    /// What our kernel refused of them.
    pub unsent: u64,
    /// Replies that our sockets received until the phases were over.
    pub received_in_phases: u64,
    /// Replies that they received in all.
    pub received: u64,
    /// What was done with those of the phases.
    pub used: u64,
    /// See [`Replies::late`].
    pub late: u64,
    /// See [`Replies::invalid`].
    pub invalid: u64,
    /// See [`Replies::overrun`].
    pub overrun: u64,
    /// The requests of who came along with the client (hostile sources, questions for balances), those of them that the kernel
    /// refused, and what was received for them and could be named.
    pub intruder_pushed: u64,
    /// See [`Self::intruder_pushed`].
    pub intruder_unsent: u64,
    /// See [`Self::intruder_pushed`].
    pub intruder_received: u64,
    /// See [`Self::intruder_pushed`].
    pub intruder_named: u64,
    /// What the kernel knows of our sockets.
    pub our_sockets: SocketState,
    /// What it knows of the authorities'.
    pub their_sockets: SocketState,
}

impl Datagrams {
    /// Sets one side against the other.
    pub fn new(sides: &Sides, counts: &AuthorityCounts) -> Self {
        let requests = Requests::new(sides, counts);
        let replies = Replies::new(sides, counts);
        let datagrams_lost_by_place = LostByPlace {
            generator_socket: requests.refused_by_socket,
            request_receive_queue: requests.lost_in_receive_queue,
            reply_queue: requests.replies_dropped,
            reply_socket: replies.refused_by_socket,
            reply_receive_queue: replies.lost_in_receive_queue,
            generator_overrun: replies.overrun,
        };
        Self { requests, replies, datagrams_lost_by_place }
    }
}

impl Requests {
    fn new(sides: &Sides, counts: &AuthorityCounts) -> Self {
        let pushed = sides.pushed + sides.intruder_pushed;
        let refused_by_socket = sides.unsent + sides.intruder_unsent;
        let dropped = sides.their_sockets.packets_dropped.max(counts.dropped_by_kernel);
        let arrived = [refused_by_socket, counts.undeliverable, counts.received];
        let lost = lost(remainder(pushed, &arrived), dropped);
        let replied = counts.sent + counts.unsent;
        let places = [
            replied,
            counts.not_a_frame,
            counts.not_a_request,
            counts.repeated_while_held,
            counts.replies_dropped,
            counts.unanswered,
        ];
        Self {
            pushed,
            pushed_by_intruder: sides.intruder_pushed,
            refused_by_socket,
            lost_in_receive_queue: lost,
            packets_dropped_by_kernel: dropped,
            undeliverable: counts.undeliverable,
            received: counts.received,
            orders: counts.orders,
            certificates: counts.certificates,
            queries: counts.queries + counts.history_queries,
            replied,
            not_a_frame: counts.not_a_frame,
            not_a_request: counts.not_a_request,
            repeated_while_held: counts.repeated_while_held,
            replies_dropped: counts.replies_dropped,
            unanswered: counts.unanswered,
            refused_as_busy: counts.refused_as_busy,
            remainder_on_the_way: remainder(pushed, &[refused_by_socket, counts.undeliverable, counts.received, lost]),
            remainder: remainder(counts.received, &places),
        }
    }
}

impl Replies {
    fn new(sides: &Sides, counts: &AuthorityCounts) -> Self {
        let received = sides.received + sides.intruder_received;
        let dropped = sides.our_sockets.packets_dropped;
        let lost = lost(remainder(counts.sent, &[received]), dropped);
        let audit = sides.received - sides.received_in_phases;
        let Sides { used, late, invalid, overrun, intruder_named: intruder, .. } = *sides;
        Self {
            sent: counts.sent,
            refused_by_socket: counts.unsent,
            lost_in_receive_queue: lost,
            packets_dropped_by_kernel: dropped,
            received,
            used,
            late,
            invalid,
            overrun,
            audit,
            intruder,
            remainder_on_the_way: remainder(counts.sent, &[received, lost]),
            remainder: remainder(received, &[used, late, invalid, overrun, audit, intruder]),
        }
    }
}

/// How much of a gap the kernel's drops explain: no datagram without a dropped packet, at least one for each, and no more than
/// such a packet holds.
fn lost(gap: i64, packets_dropped: u64) -> u64 {
    let most = packets_dropped.saturating_mul(MERGED_DATAGRAMS_MAX);
    u64::try_from(gap).unwrap_or(0).clamp(packets_dropped, most)
}
