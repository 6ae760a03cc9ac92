//! One shard of an authority: a step machine without clock, socket, file or thread.
//!
//! A shell drives it. Datagrams and the time go in through [`Shard::receive`]; signatures to check come out of
//! [`Shard::take_batch`] and verdicts go back through [`Shard::finish_batch`]; credits for other shards come out of
//! [`Shard::peek_credit`] and those of others go in through [`Shard::receive_credit`]; replies come out of
//! [`Shard::send_replies`]. Orders that wait for their money go on in [`Shard::judge_held`]. Every step is deterministic in
//! what went in.
//!
//! In durable mode records of what it must not forget come out of [`Shard::seal`]; when they are on disk, [`Shard::set_durable`]
//! lets out the replies and credits that depend on them. Entries of the history come out of [`Shard::seal_history`]; questions
//! about it come out of [`Shard::take_history_request`], and answers go back through [`Shard::finish_history`].

mod admission;
mod confirmation;
mod credits;
mod durability;
mod held_orders;
mod history;
mod query;
mod recovery;
mod replies;

#[cfg(test)]
mod tests;

pub use durability::{Pressure, Sealed};
pub use recovery::ReplayError;
pub use replies::Outlet;
pub(crate) use replies::rejection_head;

use crate::arena::{Arena, Full, Slot, SlotIndex};
use crate::committee::Committee;
use crate::counters::Counters;
use crate::credit::{Incoming, Outgoing};
use crate::distribution::Distribution;
use crate::held::Held;
use crate::key_cache::KeyCache;
use crate::limits::{PACKET_DATAGRAMS_MAX, RECEIVE_BURST_MAX, SHARDS_MAX, Tables};
use crate::message::RootContext;
use crate::mutant::{Mutant, Planted};
use crate::network::NetworkId;
use crate::quarantine::Quarantine;
use crate::reject::Reject;
use crate::root_checks::RootChecks;
use crate::sign::Sign;
use crate::slab::Slab;
use crate::types::{Address, Amount, Balance, Peer, ShardIndex, TimeMs};
use crate::verify_batch::{Outcome, Ticket, VerifyBatch};
use admission::StagedOrder;
use confirmation::StagedCertificate;
use durability::Journaling;
use history::Historian;
use quittance_net::frame::{self, Frame, Header, VOTES_MAX};
use quittance_verify::RootCache;
use recovery::Recovery;
use replies::Replies;
use std::sync::Arc;

/// What a shard is told at boot.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    /// The network.
    pub network: NetworkId,
    /// The committee.
    pub committee: Arc<Committee>,
    /// This authority's place in it.
    pub authority_index: u8,
    /// This authority's signing key.
    pub secret: Arc<dyn Sign>,
    /// This shard.
    pub shard: ShardIndex,
    /// How many shards this authority has; 1 to [`SHARDS_MAX`].
    pub shard_count: u16,
    /// Account slots, more than [`Tables::account_reserve`]; see [`Arena::new`] for their memory.
    pub account_count_max: usize,
    /// Senders' keys kept decompressed; each takes [`KeyCache::ENTRY_BYTES`].
    pub cached_key_count_max: usize,
    /// How long a source's signatures are checked one by one after a bad one, milliseconds; 0: never.
    pub quarantine_ms: u64,
    /// Whether there is a journal: then replies and credits leave only after [`Shard::set_durable`] covers them. Without one
    /// they leave at once, and a restart forgets everything.
    pub is_durable: bool,
    /// Whether certificates are kept for whoever asks for them; only with a journal.
    pub keeps_history: bool,
    /// Drawn at random per boot: keys the account index and the signature tags. Secret.
    pub hash_key: [u8; 16],
    /// How large its tables are: [`Tables::FULL`], but in simulations.
    pub tables: Tables,
    /// No bug, but where a test planted one.
    pub planted: Planted,
}

/// One shard. See the module's docs.
#[derive(Debug)]
pub struct Shard {
    shard: ShardIndex,
    shard_count: u16,
    authority_index: u8,
    committee: Arc<Committee>,
    secret: Arc<dyn Sign>,
    context: RootContext,
    network_tag: u64,
    /// Votes, and so unknown roots, that one certificate can bring.
    certificate_votes_max: usize,
    quorum: u64,
    tables: Tables,
    planted: Planted,
    hash_key: [u8; 16],
    arena: Arena,
    keys: KeyCache,
    roots: RootCache,
    root_checks: RootChecks,
    quarantine: Quarantine,
    staged_orders: Slab<StagedOrder>,
    staged_certificates: Slab<StagedCertificate>,
    held: Held,
    batch: VerifyBatch,
    waiting: Vec<u32>,
    outgoing: Vec<Outgoing>,
    incoming: Vec<Incoming>,
    journal: Journaling,
    history: Historian,
    pressure: Pressure,
    recovery: Option<Recovery>,
    replies: Replies,
    redeemed: u128,
    counters: Counters,
    /// How many replies each signed tree had.
    reply_batches: Distribution,
}

impl Shard {
    /// A shard without accounts. Takes all memory that does not grow with accounts and cached keys.
    pub fn new(config: ShardConfig) -> Self {
        <Planted>::mark();
        let ShardConfig { network, committee, shard, shard_count, hash_key, tables, planted, .. } = config;
        let certificate_votes_max = committee.members().len().min(VOTES_MAX);
        assert!((1..=SHARDS_MAX).contains(&shard_count) && shard.0 < shard_count, "the shell checks its options");
        assert!(
            usize::from(config.authority_index) < committee.members().len(),
            "the shell finds its key in the committee"
        );
        assert!(
            config.account_count_max > tables.account_reserve(shard_count),
            "the shell adds the reserve to the accounts that its option asks for"
        );
        assert!(config.is_durable || !config.keeps_history, "a history whose journal forgets would lie");
        assert!(tables.are_possible(certificate_votes_max), "tables are of full size, or a simulation chose them");
        let context = RootContext { network, epoch: committee.epoch(), committee: committee.digest() };
        Self {
            shard,
            shard_count,
            authority_index: config.authority_index,
            secret: config.secret,
            context,
            network_tag: network.tag(),
            certificate_votes_max,
            quorum: committee.quorum() - u64::from(planted.is(Mutant::QuorumOf2f)),
            tables,
            planted,
            hash_key,
            arena: Arena::new(config.account_count_max, hash_key),
            keys: KeyCache::new(config.cached_key_count_max),
            roots: RootCache::new(committee.members().len(), tables.roots_per_authority),
            root_checks: RootChecks::new(&tables, hash_key),
            quarantine: Quarantine::new(config.quarantine_ms, hash_key),
            staged_orders: Slab::new(tables.staged_orders),
            staged_certificates: Slab::new(tables.staged_certificates),
            held: Held::new(tables.held_orders, hash_key),
            batch: VerifyBatch::with_capacity(tables.jobs),
            waiting: Vec::with_capacity(tables.staged_certificates),
            outgoing: (0..shard_count).map(|_| Outgoing::new().limited_to(tables.credits_unacknowledged)).collect(),
            incoming: (0..shard_count).map(|_| Incoming::default()).collect(),
            journal: Journaling::new(config.is_durable),
            history: Historian::new(config.keeps_history, &config.tables),
            pressure: Pressure::None,
            recovery: None,
            replies: Replies::new(committee.path_levels_max(), tables.replies()),
            redeemed: 0,
            counters: Counters::default(),
            reply_batches: Distribution::of_sizes(),
            committee,
        }
    }

    /// Gives an account its opening balance. Before the first datagram.
    ///
    /// # Errors
    /// See [`FundError`]; nothing changes.
    pub fn fund(&mut self, address: &Address, amount: Amount) -> Result<(), FundError> {
        assert_eq!(self.owner_of(address), self.shard, "the shell gives each shard its own accounts");
        if self.arena.find(address).is_some() {
            return Err(FundError::Repeated);
        }
        // The reserve stays whole: credits that find no slot end the process.
        if !self.has_account_room(1) {
            return Err(FundError::Full);
        }
        let slot = self.arena.find_or_insert(address).map_err(|Full| FundError::Full)?;
        self.arena.slot_mut(slot).balance = Balance(amount.0.into());
        Ok(())
    }

    /// Takes one datagram. Cheap refusals are answered at once; what needs a signature check joins the next batch; an order that
    /// comes before its money may wait for it.
    ///
    /// What is no frame, and what only authorities send, gets silence: an answer could be bounced between two authorities
    /// for ever.
    pub fn receive(&mut self, now: TimeMs, peer: Peer, datagram: &[u8]) {
        match frame::parse(datagram) {
            Ok(Frame::Order(order)) => self.receive_order(now, peer, order),
            Ok(Frame::ChainedOrder(order)) => self.receive_chained_order(now, peer, order),
            Ok(Frame::Certificate(certificate)) => self.receive_certificate(now, peer, &certificate),
            Ok(Frame::Query(query)) => self.receive_query(peer, query),
            Ok(Frame::HistoryQuery(query)) => self.receive_history_query(peer, &query),
            Ok(Frame::Vote(_) | Frame::Receipt(_) | Frame::Rejection(_) | Frame::Info(_) | Frame::HistoryPage(_)) => {
                self.counters.not_requests += 1;
            }
            Err(malformed) => self.counters.malformed.count(malformed),
        }
    }

    /// How many datagrams can be taken now, and one packet more than that, without answering `Busy` for want of room,
    /// whatever they are, except to questions about histories; at most [`RECEIVE_BURST_MAX`]. At 0 the shell leaves datagrams
    /// in the socket, finishes batches and hands over credits.
    pub fn room(&self) -> usize {
        let tables = &self.tables;
        let jobs = (tables.jobs - self.batch.len()).min(self.root_checks.room());
        let datagrams =
            (jobs / self.certificate_votes_max).min(self.staged_orders.room()).min(self.staged_certificates.room());
        if self.journal.is_backed_up() || self.history.is_backed_up() {
            return 0;
        }
        // Whatever is staged will be answered.
        let staged = tables.staged_orders - self.staged_orders.room() + tables.staged_certificates
            - self.staged_certificates.room();
        let replies = tables.replies().saturating_sub(self.replies.waiting_count() + staged);
        datagrams.min(replies).saturating_sub(PACKET_DATAGRAMS_MAX).min(RECEIVE_BURST_MAX)
    }

    /// Exchanges the signatures gathered so far for an empty batch. Returns whether there were any.
    pub fn take_batch(&mut self, empty: &mut VerifyBatch) -> bool {
        assert!(empty.is_empty(), "a finished batch comes back empty");
        self.batch.take_into(empty);
        !empty.is_empty()
    }

    /// Acts on the verdicts of a batch, in its order, and empties it.
    pub fn finish_batch(&mut self, now: TimeMs, batch: &mut VerifyBatch) {
        for Outcome { ticket, signer, is_good } in batch.outcomes() {
            match ticket {
                Ticket::Order(key) => self.finish_order(now, key, signer, is_good),
                Ticket::Root(key) => self.finish_root(now, key, is_good),
            }
        }
        batch.clear();
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Requests taken whose answers have not left: their signatures are being checked, their money is awaited, what they tell
    /// is not durable yet, or their histories are being read. With those counted as dropped and with the replies sent these
    /// are all that was ever taken.
    pub fn unanswered_count(&self) -> usize {
        self.staged_orders.len()
            + self.staged_certificates.len()
            + self.held.count()
            + self.replies.waiting_count()
            + self.history.open_count()
    }

    /// How many replies each signed tree had.
    pub fn reply_batches(&self) -> &Distribution {
        &self.reply_batches
    }

    /// Replies that wait for the journal, or to be fetched.
    pub fn waiting_reply_count(&self) -> usize {
        self.replies.waiting_count()
    }

    /// Signatures gathered for the next batch.
    pub fn gathered_signature_count(&self) -> usize {
        self.batch.len()
    }

    /// Credits made here and not yet acknowledged by the shards that apply them.
    pub fn unacknowledged_credit_count(&self) -> u64 {
        self.outgoing.iter().map(|outgoing| outgoing.last_number() - outgoing.acknowledged_number()).sum()
    }

    /// Every account here.
    pub fn accounts(&self) -> impl Iterator<Item = &Slot> {
        self.arena.slots()
    }

    /// The account, if it is here.
    pub fn account(&self, address: &Address) -> Option<&Slot> {
        self.arena.find(address).map(|slot| self.arena.slot(slot))
    }

    /// Units paid out to the primary ledger.
    pub fn redeemed(&self) -> u128 {
        self.redeemed
    }

    /// Units debited here and not yet acknowledged by the shard that credits them.
    pub fn amount_under_way(&self) -> u128 {
        self.outgoing.iter().map(Outgoing::amount_under_way).sum()
    }

    /// Checks that hold for any request about an account: network, then shard.
    fn check_address(&self, header: &Header, account: &Address) -> Result<(), crate::reject::Refusal> {
        if header.network.get() != self.network_tag {
            return Err(Reject::WrongNetwork.into());
        }
        let owner = self.owner_of(account);
        if owner != self.shard || header.shard.get() != self.shard.0 {
            return Err(Reject::WrongShard.detail(owner.0.into()));
        }
        Ok(())
    }

    fn owner_of(&self, account: &Address) -> ShardIndex {
        self.context.network.shard_of(account, self.shard_count)
    }

    /// Whether this peer's signatures are to be checked one by one; counts it if so.
    fn is_suspect(&mut self, now: TimeMs, peer: &Peer) -> bool {
        let is_suspect = self.quarantine.holds(now, peer);
        self.counters.signatures_quarantined += u64::from(is_suspect);
        is_suspect
    }

    /// A signature that this peer sent is bad.
    fn suspect(&mut self, now: TimeMs, peer: &Peer) {
        self.counters.quarantines += u64::from(self.quarantine.begin(now, peer));
    }

    /// Whether so many accounts can be made and the reserve for other shards' credits stays whole.
    fn has_account_room(&self, new_count: usize) -> bool {
        self.arena.free_count() >= self.tables.account_reserve(self.shard_count) + new_count
    }

    fn slot(&self, slot: SlotIndex) -> &Slot {
        self.arena.slot(slot)
    }
}

/// Why an account cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FundError {
    /// It is there already.
    #[error("the account occurs twice")]
    Repeated,
    /// The arena is full but for the reserve that other shards' credits may need.
    #[error("the account table is full; raise --accounts-max")]
    Full,
}
