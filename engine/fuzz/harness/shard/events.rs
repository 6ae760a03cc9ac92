//! The steps.

use super::histories::History;
use super::ledger::Ledger;
use crate::harness::common::{Bytes, FUNDS, START_MS, World, account, body, frames, judge, peer};
use quittance_engine::credit::Credit;
use quittance_engine::journal::RecordNumber;
use quittance_engine::journal::snapshot::ShardTail;
use quittance_engine::limits::Tables;
use quittance_engine::mutant::Planted;
use quittance_engine::shard::{Pressure, Shard, ShardConfig};
use quittance_engine::types::{Address, Amount, Digest, ShardIndex, TimeMs};
use quittance_engine::verify_batch::VerifyBatch;
use quittance_net::frame::{
    self, FRAME_BYTES_MAX, Frame, HISTORY_CERTIFICATE, HISTORY_RECEIVED, HISTORY_SENT, HistoryPageView, HistoryQuery,
    Kind, OrderBody, Query, U64,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const SHARD_COUNT: u16 = 2;
const ACCOUNT_COUNT: usize = 6;

/// Two shards, and what is around them.
pub(crate) struct Authority<'a> {
    world: &'a World,
    planted: Planted,
    tables: Tables,
    shards: [Shard; 2],
    histories: [History; 2],
    ledgers: [Ledger; 2],
    /// Batches that are being checked, with their shard.
    checking: VecDeque<(usize, VerifyBatch)>,
    /// By source: credits that were handed over, for sending them again.
    handed_over: [Vec<Credit>; 2],
    /// Orders that their senders signed, and payments that a quorum voted for.
    signed: BTreeSet<Digest>,
    certified: BTreeSet<Digest>,
    /// By sender and sequence number: the vote that left.
    told: BTreeMap<(usize, Address, u64), Digest>,
    bodies: BTreeMap<Digest, OrderBody>,
    now_ms: u64,
}

impl<'a> Authority<'a> {
    /// Shards with a few accounts each.
    pub(crate) fn new(world: &'a World, tables: Tables, planted: Planted) -> Self {
        let mut authority = Self {
            world,
            planted,
            tables,
            shards: [0, 1].map(|shard| Shard::new(config(world, shard, tables, planted))),
            histories: Default::default(),
            ledgers: Default::default(),
            checking: VecDeque::new(),
            handed_over: Default::default(),
            signed: BTreeSet::new(),
            certified: BTreeSet::new(),
            told: BTreeMap::new(),
            bodies: BTreeMap::new(),
            now_ms: START_MS,
        };
        for (index, shard) in authority.shards.iter_mut().enumerate() {
            fund(world, index, shard);
        }
        authority
    }

    /// One step, as the input has it.
    pub(crate) fn step(&mut self, input: &mut Bytes<'_>) {
        match input.byte() % 15 {
            0 => self.order(input),
            1 => self.certificate(input),
            2 => self.query(input),
            3 => self.history_query(input),
            4 => self.take_batches(),
            5 => self.finish_batch(),
            6 => self.seal_and_sync(usize::MAX),
            7 => self.replies(),
            8 => self.credits(input.byte()),
            9 => self.acks(input.byte()),
            10 => self.seal_and_sync(0),
            11 => self.now_ms += 700,
            12 => self.shards.iter_mut().for_each(|shard| shard.resend_credits_to_all()),
            13 => self.hand_over(),
            _ => self.press(input.byte()),
        }
    }

    fn receive(&mut self, shard: u16, datagram: &[u8]) {
        let shard = &mut self.shards[usize::from(shard)];
        if shard.room() > 0 {
            shard.receive(TimeMs(self.now_ms), peer(1), datagram);
        }
    }

    /// What a payer may ask for: there is one payment per account and sequence number that is certified, and others that are
    /// only tried.
    fn body(&mut self, input: &mut Bytes<'_>) -> (OrderBody, u16) {
        let sender = account(input.below(ACCOUNT_COUNT));
        let (to, ahead) = (input.below(8), input.below(4));
        let shard = self.world.shard_of(&sender, SHARD_COUNT);
        let next = self.shards[usize::from(shard)].account(&sender).map_or(0, |slot| slot.next_sequence.0);
        let sequence = [next, next, next + 1, next.saturating_sub(1)][ahead];
        let chosen = sequence.wrapping_add(u64::from(sender[0]));
        let mut body = body(sender, account(to), 1 + chosen % 40, sequence);
        body.recipient_kind = u8::from(to == 7);
        (body, shard)
    }

    fn order(&mut self, input: &mut Bytes<'_>) {
        let (mut body, shard) = self.body(input);
        let oddity = input.byte();
        if oddity == 1 {
            body.expiry_ms = U64::new(START_MS);
        }
        if oddity >= 8 {
            body.user_data = [oddity; 32];
        }
        // More than it has, until it is paid a little.
        if matches!(oddity, 5..8) {
            body.amount = U64::new(FUNDS + body.amount.get() % 8);
        }
        let mut order = self.world.order(&body, if oddity == 2 { 1 - shard } else { shard });
        let digest = self.world.digest(&body);
        self.bodies.insert(digest, body);
        if matches!(oddity, 4..7) {
            order.header.kind = Kind::ChainedOrder as u8;
        }
        if matches!(oddity, 3 | 6) {
            order.signature[40] ^= 1;
        } else {
            self.signed.insert(digest);
        }
        self.receive(shard, bytemuck::bytes_of(&order));
    }

    fn certificate(&mut self, input: &mut Bytes<'_>) {
        let (mut body, shard) = self.body(input);
        let oddity = input.byte();
        // The one payment of this sequence number that may have a quorum, whatever was asked for.
        let is_redemption = body.sequence.get() % 5 == 4;
        let to = usize::try_from(body.sequence.get() + u64::from(body.sender[0])).expect("small") % ACCOUNT_COUNT;
        (body.recipient, body.recipient_kind) = (account(to), u8::from(is_redemption));
        let digest = self.world.digest(&body);
        self.bodies.insert(digest, body);
        let mut votes: Vec<_> = (1..4).map(|member| self.world.vote(member, &body)).collect();
        match oddity {
            1 => _ = votes.pop(),
            2 => votes[2][33] ^= 1,
            _ => _ = self.certified.insert(digest),
        }
        let datagram = self.world.certificate(&body, shard, &votes);
        self.receive(shard, &datagram);
    }

    fn query(&mut self, input: &mut Bytes<'_>) {
        let account = account(input.below(ACCOUNT_COUNT + 1));
        let shard = self.world.shard_of(&account, SHARD_COUNT);
        let header = self.world.header(Kind::Query, shard);
        let query = Query { header, account, nonce: U64::new(1), padding: [0; 96] };
        self.receive(shard, bytemuck::bytes_of(&query));
    }

    /// Pages of either chain, or a certificate.
    fn history_query(&mut self, input: &mut Bytes<'_>) {
        let asked = usize::from(input.byte());
        let account = account(asked % (ACCOUNT_COUNT + 1));
        let what = [HISTORY_SENT, HISTORY_RECEIVED, HISTORY_CERTIFICATE][asked / (ACCOUNT_COUNT + 1) % 3];
        let sequence = U64::new((asked / (3 * (ACCOUNT_COUNT + 1))) as u64);
        let shard = self.world.shard_of(&account, SHARD_COUNT);
        let zero = U64::new(0);
        let query = HistoryQuery {
            header: self.world.header(Kind::HistoryQuery, shard),
            account,
            nonce: zero,
            from: zero,
            stop: zero,
            sequence,
            what,
            padding: [0; 15],
        };
        let mut datagram = bytemuck::bytes_of(&query).to_vec();
        datagram.resize(FRAME_BYTES_MAX, 0);
        self.receive(shard, &datagram);
    }

    /// Entries go to the disk, and questions are answered from there.
    fn hand_over(&mut self) {
        self.shards.iter_mut().zip(&mut self.histories).for_each(|(shard, history)| history.turn(shard));
    }

    /// A journal is as full as it is.
    fn press(&mut self, how: u8) {
        let pressure = [Pressure::None, Pressure::Votes, Pressure::Confirmations][usize::from(how / 2) % 3];
        self.shards[usize::from(how % 2)].set_pressure(pressure);
    }

    /// Orders that waited go on, and what is to be checked goes to be checked.
    fn take_batches(&mut self) {
        for (index, shard) in self.shards.iter_mut().enumerate() {
            shard.judge_held(TimeMs(self.now_ms));
            let mut batch = VerifyBatch::default();
            if shard.take_batch(&mut batch) {
                judge(&mut batch);
                self.checking.push_back((index, batch));
            }
        }
    }

    fn finish_batch(&mut self) {
        if let Some((index, mut batch)) = self.checking.pop_front() {
            self.shards[index].finish_batch(TimeMs(self.now_ms), &mut batch);
        }
    }

    /// Everything sealed, and so many of the blocks synced.
    fn seal_and_sync(&mut self, count: usize) {
        for (shard, ledger) in self.shards.iter_mut().zip(&mut self.ledgers) {
            let mut records = Vec::new();
            while let Some(sealed) = shard.seal(600, &mut records) {
                ledger.seal(sealed.last, &records);
            }
            for _ in 0..count {
                let Some(last) = ledger.sync() else { break };
                shard.set_durable(last);
            }
            shard.set_pressure(Pressure::None);
        }
    }

    fn replies(&mut self) {
        for index in [0, 1] {
            for (_, reply) in frames(&mut self.shards[index]) {
                self.check_reply(index, &reply);
            }
        }
    }

    /// What leaves rests on durable records, and on what was signed.
    fn check_reply(&mut self, index: usize, reply: &[u8]) {
        let ledger = &self.ledgers[index];
        match frame::parse(reply).expect("authorities send frames") {
            Frame::Vote(view) => {
                let digest = view.head.digest;
                assert!(ledger.votes.contains(&digest), "a vote leaves before it is durable");
                assert!(self.signed.contains(&digest), "a vote for what nobody signed");
                let body = self.bodies[&digest];
                let before = self.told.insert((index, body.sender, body.sequence.get()), digest);
                assert!(before.is_none_or(|before| before == digest), "two votes for one sequence number");
            }
            Frame::Receipt(view) => {
                assert!(ledger.confirmed.contains(&view.head.digest), "a receipt leaves before it is durable");
                assert!(self.certified.contains(&view.head.digest), "a receipt for what no quorum voted for");
            }
            Frame::Info(info) => {
                let next = ledger.next.get(&info.account).copied().unwrap_or(0);
                assert!(info.next_sequence.get() <= next, "an answer tells of a payment that is not durable");
                let pending = info.pending;
                assert!(pending == [0; 32] || ledger.votes.contains(&pending), "an answer tells of a vote too early");
            }
            Frame::Rejection(view) => {
                let other = view.head.other;
                let is_known = ledger.votes.contains(&other) || ledger.confirmed.contains(&other);
                assert!(other == [0; 32] || is_known, "a refusal tells of what is not durable");
            }
            Frame::HistoryPage(page) => self.check_page(index, &page),
            Frame::Certificate(view) => {
                let digest = self.world.digest(&view.head.body);
                assert!(ledger.confirmed.contains(&digest), "a certificate leaves before its payment is durable");
                assert!(self.certified.contains(&digest), "a certificate of what no quorum voted for");
            }
            other => panic!("a shard sends no {other:?}"),
        }
    }

    /// Payments that are durable, each one less than the one before.
    fn check_page(&self, index: usize, page: &HistoryPageView<'_>) {
        if page.head.what != HISTORY_SENT {
            return;
        }
        let next = self.ledgers[index].next.get(&page.head.account).copied().unwrap_or(0);
        let sequences = page.items.iter().map(|item| item.sequence.get());
        assert!(sequences.clone().all(|sequence| sequence < next), "a page tells of a payment that is not durable");
        let newest = sequences.clone().next().unwrap_or(0);
        assert!(sequences.eq((0..=newest).rev().take(page.items.len())), "a page leaves payments out");
    }

    /// A credit is handed over: once, twice, or the one before again. Some are lost.
    fn credits(&mut self, how: u8) {
        let (from, to) = (usize::from(how & 1), usize::from(1 - (how & 1)));
        let index = |shard: usize| ShardIndex(u16::try_from(shard).expect("two shards"));
        if let Some(credit) = self.shards[from].peek_credit(index(to)).copied() {
            assert!(credit.number <= self.ledgers[from].made, "a credit leaves before it is durable");
            self.shards[from].advance_credit(index(to));
            self.handed_over[from].push(credit);
            if how & 2 == 0 {
                self.shards[to].receive_credit(index(from), &credit);
            }
        }
        if how & 4 != 0
            && let Some(credit) =
                self.handed_over[from].get(usize::from(how >> 3) % self.handed_over[from].len().max(1))
        {
            self.shards[to].receive_credit(index(from), credit);
        }
    }

    fn acks(&mut self, how: u8) {
        let (from, to) = (usize::from(how & 1), usize::from(1 - (how & 1)));
        let index = |shard: usize| ShardIndex(u16::try_from(shard).expect("two shards"));
        let ack = self.shards[to].credit_ack(index(from));
        assert!(ack.number <= self.ledgers[to].applied, "a credit is acknowledged before it is durable");
        if how & 2 == 0 {
            self.shards[from].receive_ack(index(to), ack).expect("the shards belong together");
        }
    }

    /// No unit is lost or made.
    pub(crate) fn check_supply(&self) {
        let tails = [0, 1].map(|index: usize| self.shards[index].snapshot_tail().1);
        let mut total: i128 = self.shards.iter().flat_map(|shard| shard.accounts()).map(|slot| slot.balance.0).sum();
        for from in [0, 1] {
            let (to, tail) = (1 - from, &tails[from]);
            let applied = tails[to].incoming[from];
            let under_way = tail.outgoing[to].credits.iter().filter(|credit| credit.number > applied);
            total += i128::try_from(tail.redeemed).expect("no more than there is");
            total += under_way.map(|credit| i128::from(credit.amount.0)).sum::<i128>();
        }
        let supply = i128::from(FUNDS) * i128::try_from(ACCOUNT_COUNT).expect("few");
        assert_eq!(total, supply, "units");
    }

    /// Everything that is under way arrives.
    pub(crate) fn come_to_rest(&mut self) {
        for _ in 0..64 {
            self.take_batches();
            while !self.checking.is_empty() {
                self.finish_batch();
            }
            self.seal_and_sync(usize::MAX);
            self.hand_over();
            self.replies();
            self.shards.iter_mut().for_each(|shard| shard.resend_credits_to_all());
            for how in [0, 1] {
                (0..24).for_each(|_| self.credits(how));
                self.seal_and_sync(usize::MAX);
                self.acks(how);
            }
            self.seal_and_sync(usize::MAX);
            let is_quiet = |shard: &Shard| !shard.has_replies() && !shard.has_open_history() && shard.held_count() == 0;
            if self.shards.iter().all(|shard| shard.amount_under_way() == 0 && is_quiet(shard)) {
                return;
            }
            self.now_ms += 100;
        }
        panic!("the shards never come to rest");
    }

    /// The records make the same state again.
    pub(crate) fn check_replay(&mut self) {
        for (index, (shard, ledger)) in self.shards.iter().zip(&self.ledgers).enumerate() {
            let number = u16::try_from(index).expect("two shards");
            let mut replica = Shard::new(config(self.world, number, self.tables, self.planted));
            fund(self.world, index, &mut replica);
            replica.begin_recovery(RecordNumber(0));
            replica.replay(&ledger.sealed).expect("what a shard sealed makes sense");
            let mut stubs = Vec::new();
            replica.take_stubs(&mut stubs);
            self.histories[index].check_stubs(&stubs);
            replica.finish_recovery().expect("there is no snapshot");
            assert!(replica.state_digest() == shard.state_digest(), "the records make another state");
            // A replay leaves room for votes behind the last entry.
            let links = |shard: &Shard| ShardTail { history_end: 0, ..shard.snapshot_tail().1 };
            assert!(links(&replica) == links(shard), "the records make other links");
        }
    }

    /// Histories say how everything came about.
    pub(crate) fn check_histories(&mut self) {
        let funded: BTreeSet<Address> = (0..ACCOUNT_COUNT).map(account).collect();
        for (shard, history) in self.shards.iter().zip(&mut self.histories) {
            history.check_chains(shard, |image| funded.contains(&image.address));
        }
    }
}

trait ToAll {
    fn resend_credits_to_all(&mut self);
}

impl ToAll for Shard {
    /// The links were lost.
    fn resend_credits_to_all(&mut self) {
        (0..SHARD_COUNT).for_each(|other| self.resend_credits(ShardIndex(other)));
    }
}

fn config(world: &World, shard: u16, tables: Tables, planted: Planted) -> ShardConfig {
    let account_count_max = tables.account_reserve(SHARD_COUNT) + 64;
    ShardConfig { account_count_max, keeps_history: true, tables, ..world.config(shard, SHARD_COUNT, planted) }
}

fn fund(world: &World, index: usize, shard: &mut Shard) {
    let accounts = (0..ACCOUNT_COUNT).map(account);
    for address in accounts.filter(|address| usize::from(world.shard_of(address, SHARD_COUNT)) == index) {
        shard.fund(&address, Amount(FUNDS)).expect("there is room");
    }
}
