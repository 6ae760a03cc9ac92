//! Every bound of the pure core, with its reason, its unit and how it relates to the others.

use crate::history::entry::ENTRY_BYTES_MAX;
use crate::journal::record::{RECORD_BYTES_MAX, VOTE_BYTES};
use quittance_net::frame::{PATH_LEVELS_MAX, VOTES_MAX};

/// Datagrams that a shell gives a shard before it lets the shard verify: about 4 ms of portable verification, so that a full
/// batch still answers within a few milliseconds.
pub const RECEIVE_BURST_MAX: usize = 448;

/// Datagrams that one merged packet can add to a burst, because a packet is never cut.
pub const PACKET_DATAGRAMS_MAX: usize = 64;

/// Signatures waiting to be handed to a verifier. A full burst fits when every datagram in it is a certificate of four
/// votes under roots of their own; larger certificates make bursts smaller. Beyond it: `Busy`.
pub const JOBS_MAX: usize = 2_048;
const _: () = assert!(4 * (RECEIVE_BURST_MAX + PACKET_DATAGRAMS_MAX) <= JOBS_MAX);
// One packet fits an empty batch whatever is in it, so that a shard that has nothing to do can always receive.
const _: () = assert!(VOTES_MAX * PACKET_DATAGRAMS_MAX < JOBS_MAX);

/// Orders whose signature is being checked, in every batch under way. Beyond it: `Busy`.
pub const STAGED_ORDERS_MAX: usize = 16_384;

/// Certificates that wait for a root's signature to be checked. Beyond it: `Busy`.
pub const STAGED_CERTIFICATES_MAX: usize = 8_192;

/// Roots whose signature is being checked. Beyond it: `Busy`.
pub const ROOT_CHECKS_MAX: usize = 16_384;
const _: () = assert!(JOBS_MAX <= STAGED_ORDERS_MAX && JOBS_MAX <= ROOT_CHECKS_MAX);

/// Pairs of a staged certificate and one of its votes, as subscripts.
pub const WAITERS_MAX: usize = STAGED_CERTIFICATES_MAX * VOTES_MAX;
const _: () = assert!(WAITERS_MAX < u32::MAX as usize);

/// Checked roots remembered per authority: a quarter of a million replies at full batches, hence several seconds of work.
pub const ROOTS_PER_AUTHORITY: usize = 4_096;

/// Replies under one signature at most.
pub const REPLY_BATCH_MAX: usize = 1 << PATH_LEVELS_MAX;

/// Replies waiting to be sent, of each sort, in tables of full size. Bursts and finished batches are answered before the next burst is taken, so
/// this is never reached by a shell that does so; if it is, the reply is dropped and counted: the request can be repeated.
pub const REPLIES_MAX: usize = STAGED_ORDERS_MAX + STAGED_CERTIFICATES_MAX + JOBS_MAX;

/// Records that wait for the journal, above which a shard takes no more datagrams: several blocks, since the journal takes what
/// has gathered while it was busy. Bytes.
pub const OPEN_BYTES_MAX: usize = 1 << 20;

/// What a shard may still write above that: a burst of certificates whose roots are known, and the verdicts on all that is
/// staged, in every batch under way. Bytes.
pub const OPEN_BYTES_RESERVED: usize = (RECEIVE_BURST_MAX + PACKET_DATAGRAMS_MAX + STAGED_CERTIFICATES_MAX)
    * RECORD_BYTES_MAX
    + STAGED_ORDERS_MAX * VOTE_BYTES;

/// A segment of a shard's history: bytes. Whole ones are removed when there is too much history, so it is the grain of that;
/// at full load one lasts about a second.
pub const HISTORY_SEGMENT_BYTES: u64 = 64 << 20;

/// Entries of a history that wait to be handed over, above which a shard takes no more datagrams: what a disk that falls
/// behind may cost in memory, and some 5,000 payments. Bytes.
pub const HISTORY_OPEN_BYTES_MAX: usize = 4 << 20;

/// What a shard may still add above that: a burst of certificates whose roots are known, and all that are staged. Bytes.
pub const HISTORY_OPEN_BYTES_RESERVED: usize = Tables::FULL.history_open_bytes_reserved();
// Entries that wait cross one segment's end at most.
const _: () = assert!(((HISTORY_OPEN_BYTES_MAX + HISTORY_OPEN_BYTES_RESERVED) as u64) < HISTORY_SEGMENT_BYTES);

/// Questions about histories that a shard has not answered. Beyond it: `Busy`. Each may take hundreds of reads from a disk.
pub const HISTORY_REQUESTS_MAX: usize = 256;

/// Entries that are looked at for one certificate. If it is further back, the answer says where to go on.
pub const HISTORY_WALK_MAX: usize = 256;

/// How long an order waits for the money that was sent ahead of it, milliseconds. What it waits for is a certificate's votes
/// being checked, a record written, a credit handed to another shard and a record written there: some milliseconds together,
/// more under load. A payer's patience with an answer should be longer, and a stranger's order keep its place no longer than
/// this needs.
pub const HELD_MS: u64 = 300;

/// Orders that wait for their money. Above what is paid in a chain within a few milliseconds; and what a flood of orders
/// without money can make the others lose is only their wait. Each is 300 bytes.
pub const HELD_ORDERS_MAX: usize = 1_024;

/// Of these, with the same sender. An honest one has a single order of his next sequence number; a few more, since anybody
/// can send orders in his name, and cannot sign them.
pub const HELD_PER_SENDER_MAX: usize = 8;
const _: () = assert!(HELD_PER_SENDER_MAX <= HELD_ORDERS_MAX);

/// Credits per pair of shards that may be unacknowledged. When they are, orders that need that pair are not voted for and
/// certificates wait at their sender: nothing is dropped.
pub const CREDITS_UNACKNOWLEDGED_MAX: usize = 8_192;

/// The sizes of a shard's tables. A simulation of many shards that start again and again wants them small, and full now and
/// then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tables {
    /// At most [`JOBS_MAX`]. A shard takes datagrams only while a packet of certificates fits.
    pub jobs: usize,
    /// At most [`STAGED_ORDERS_MAX`], and at least `jobs`.
    pub staged_orders: usize,
    /// At most [`STAGED_CERTIFICATES_MAX`].
    pub staged_certificates: usize,
    /// At most [`ROOT_CHECKS_MAX`], and at least `jobs`.
    pub root_checks: usize,
    /// At most [`ROOTS_PER_AUTHORITY`].
    pub roots_per_authority: usize,
    /// At most [`CREDITS_UNACKNOWLEDGED_MAX`], and the same for all shards of an authority.
    pub credits_unacknowledged: usize,
    /// At most [`HELD_ORDERS_MAX`].
    pub held_orders: usize,
    /// Bytes: at most [`HISTORY_OPEN_BYTES_MAX`].
    pub history_open_bytes: usize,
}

impl Tables {
    /// As an authority has them.
    pub const FULL: Self = Self {
        jobs: JOBS_MAX,
        staged_orders: STAGED_ORDERS_MAX,
        staged_certificates: STAGED_CERTIFICATES_MAX,
        root_checks: ROOT_CHECKS_MAX,
        roots_per_authority: ROOTS_PER_AUTHORITY,
        credits_unacknowledged: CREDITS_UNACKNOWLEDGED_MAX,
        held_orders: HELD_ORDERS_MAX,
        history_open_bytes: HISTORY_OPEN_BYTES_MAX,
    };

    /// Replies waiting to be sent, of each sort: [`REPLIES_MAX`] with full tables.
    pub const fn replies(&self) -> usize {
        self.staged_orders + self.staged_certificates + self.jobs
    }

    /// As [`HISTORY_OPEN_BYTES_RESERVED`] for full tables.
    pub const fn history_open_bytes_reserved(&self) -> usize {
        (RECEIVE_BURST_MAX + PACKET_DATAGRAMS_MAX + self.staged_certificates) * ENTRY_BYTES_MAX
    }

    /// As [`account_reserve`] for full tables.
    pub const fn account_reserve(&self, shard_count: u16) -> usize {
        (shard_count as usize - 1) * 2 * self.credits_unacknowledged
    }

    /// Whether nothing is larger than the bounds here, and a packet of certificates with so many votes each fits.
    pub const fn are_possible(&self, certificate_votes_max: usize) -> bool {
        self.jobs <= JOBS_MAX
            && self.staged_orders <= STAGED_ORDERS_MAX
            && self.staged_certificates <= STAGED_CERTIFICATES_MAX
            && self.root_checks <= ROOT_CHECKS_MAX
            && self.roots_per_authority <= ROOTS_PER_AUTHORITY
            && self.credits_unacknowledged <= CREDITS_UNACKNOWLEDGED_MAX
            && self.held_orders <= HELD_ORDERS_MAX
            && self.history_open_bytes <= HISTORY_OPEN_BYTES_MAX
            && self.jobs <= self.staged_orders
            && self.jobs <= self.root_checks
            && certificate_votes_max * PACKET_DATAGRAMS_MAX < self.jobs
            && PACKET_DATAGRAMS_MAX < self.staged_certificates
            && self.roots_per_authority > 0
            && self.credits_unacknowledged > 0
            && self.held_orders > 0
            && self.history_open_bytes > 0
    }
}

const _: () = assert!(Tables::FULL.replies() == REPLIES_MAX && Tables::FULL.are_possible(VOTES_MAX));

/// How far ahead of the account's next sequence number a certificate may be to have its votes checked all the same: those
/// before it may be under way in this very batch.
pub const CERTIFICATES_AHEAD_MAX: u64 = 64;

/// Shards of one authority.
pub const SHARDS_MAX: u16 = 256;

/// Accounts of one shard: subscripts are 32 bits wide and the index doubles them.
pub const ACCOUNTS_PER_SHARD_MAX: usize = 1 << 30;

/// Free account slots below which a shard makes no new accounts for payments of its own and tells the others that it has no
/// room. What is kept free serves the credits of the other shards that may still be under way then: per shard one outbox
/// sent before the news arrived. Twice that, for good measure.
pub const fn account_reserve(shard_count: u16) -> usize {
    Tables::FULL.account_reserve(shard_count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_refused_that_are_too_large_or_hold_no_packet() {
        let changes: [fn(&mut Tables); 11] = [
            |tables| tables.jobs = JOBS_MAX + 1,
            |tables| tables.staged_orders = tables.jobs - 1,
            |tables| tables.root_checks = tables.jobs - 1,
            |tables| tables.staged_certificates = PACKET_DATAGRAMS_MAX,
            |tables| tables.jobs = VOTES_MAX * PACKET_DATAGRAMS_MAX,
            |tables| tables.roots_per_authority = 0,
            |tables| tables.credits_unacknowledged = CREDITS_UNACKNOWLEDGED_MAX + 1,
            |tables| tables.held_orders = HELD_ORDERS_MAX + 1,
            |tables| tables.held_orders = 0,
            |tables| tables.history_open_bytes = HISTORY_OPEN_BYTES_MAX + 1,
            |tables| tables.history_open_bytes = 0,
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut tables = Tables::FULL;
            assert!(tables.are_possible(VOTES_MAX));
            change(&mut tables);
            assert!(!tables.are_possible(VOTES_MAX), "change {index}");
        }
        assert_eq!(Tables::FULL.account_reserve(3), account_reserve(3));
    }
}
