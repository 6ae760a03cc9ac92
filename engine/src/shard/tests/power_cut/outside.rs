//! Everyone else: payers with what they were told, and what they hold the authority to.

use super::super::common::{NOW, Random, World};
use crate::arena::NO_ORDER;
use crate::credit::{Credit, CreditAck};
use crate::reject::Reject;
use crate::shard::{Outlet, Shard};
use crate::types::{Address, Digest, Peer};
use crate::verify_batch::VerifyBatch;
use core::net::{Ipv4Addr, SocketAddrV4};
use quittance_net::frame::{
    self, Frame, Header, Kind, Order, OrderBody, Proof, RECIPIENT_ACCOUNT, RECIPIENT_PRIMARY, U16, U64,
};
use std::collections::BTreeMap;

pub(super) const SHARD_COUNT: usize = 2;

/// Accounts per shard: more than one chunk of a snapshot holds.
const ACCOUNT_COUNT: usize = 1_100;
/// Of each shard's accounts so many at either end pay: the first and the second chunk hold some.
const PAYERS_AT_EACH_END: usize = 3;
const OPENING: u64 = 1 << 40;
/// Orders that there can be for one sequence number.
const VARIANT_COUNT: u8 = 3;
/// An order that is sent to see it refused, and for no other purpose.
const PROBE: u8 = 9;

/// What is the same in every run.
pub(super) struct Ground {
    pub(super) world: World,
    /// By shard.
    pub(super) accounts: Vec<Vec<Address>>,
    payers: Vec<Address>,
}

impl Ground {
    pub(super) fn new() -> Self {
        let world = World::of(4).with_shards(2);
        let mut accounts = vec![Vec::new(); SHARD_COUNT];
        for address in (0_u64..).map(address) {
            let shard = &mut accounts[usize::from(world.shard_of(&address))];
            if shard.len() < ACCOUNT_COUNT {
                shard.push(address);
            } else if accounts.iter().all(|shard| shard.len() == ACCOUNT_COUNT) {
                break;
            }
        }
        let ends = |shard: &Vec<Address>| {
            [&shard[..PAYERS_AT_EACH_END], &shard[ACCOUNT_COUNT - PAYERS_AT_EACH_END..]].concat()
        };
        let payers = accounts.iter().flat_map(ends).collect();
        Self { world, accounts, payers }
    }

    /// The accounts that the genesis file opens on a shard.
    pub(super) fn openings(&self, shard: usize) -> impl Iterator<Item = (&Address, u64)> {
        self.accounts[shard].iter().map(|address| (address, OPENING))
    }

    pub(super) fn supply(&self) -> i128 {
        i128::from(OPENING) * (SHARD_COUNT * ACCOUNT_COUNT) as i128
    }

    fn shard_of(&self, payer: usize) -> usize {
        usize::from(self.world.shard_of(&self.payers[payer]))
    }

    /// One of the orders that there can be of a payer's sequence number: the same whenever it is asked for.
    fn body(&self, payer: usize, sequence: u64, variant: u8) -> OrderBody {
        let mix = mix((payer as u64) << 56 ^ sequence << 8 ^ u64::from(variant));
        let index = usize::try_from(mix >> 32).unwrap();
        let recipient = match mix % 8 {
            0 => address(u64::MAX - mix / 8 % 50),
            1 | 2 => self.payers[index % self.payers.len()],
            _ => self.accounts[index % SHARD_COUNT][index / SHARD_COUNT % ACCOUNT_COUNT],
        };
        OrderBody {
            sender: self.payers[payer],
            recipient,
            user_data: [variant; 32],
            amount: U64::new(1 + mix / 64 % 1_000),
            sequence: U64::new(sequence),
            expiry_ms: U64::new(u64::MAX),
            recipient_kind: if mix % 8 == 7 { RECIPIENT_PRIMARY } else { RECIPIENT_ACCOUNT },
            padding: [0; 7],
        }
    }

    fn order(&self, body: OrderBody) -> Vec<u8> {
        let shard = self.world.shard_of(&body.sender);
        let header = Header::new(Kind::Order, shard, self.world.network.tag());
        bytemuck::bytes_of(&Order { header, body, signature: [1; 64], r_hint: [0; 32] }).to_vec()
    }

    /// With a vote of each other authority, alone under its root.
    fn certificate(&self, body: &OrderBody) -> Vec<u8> {
        let vote = |authority| {
            let leaf_index = U16::new(0);
            let proof = Proof { root_signature: [2; 64], leaf_index, authority, path_count: 0, padding: [0; 4] };
            bytemuck::bytes_of(&proof).to_vec()
        };
        self.world.certificate(body, &[vote(1), vote(2), vote(3)])
    }
}

/// Addresses need be nobody's keys where nobody checks signatures.
fn address(number: u64) -> Address {
    *blake3::hash(&number.to_le_bytes()).as_bytes()
}

fn mix(number: u64) -> u64 {
    let mut state = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// What payers and shards were told in a run, over all boots.
pub(super) struct Outside<'a> {
    ground: &'a Ground,
    /// By payer and sequence number: which variant has a certificate. There is never a second one.
    certified: Vec<Vec<u8>>,
    /// Whose order a digest names.
    orders: BTreeMap<Digest, (usize, u64)>,
    /// By payer and sequence number, the order that was voted for, as anyone was told.
    votes: BTreeMap<(usize, u64), Digest>,
    /// By payer, the sequence number up to which payments were applied, as anyone was told.
    reached: Vec<u64>,
    /// By source and destination: every credit that was handed over.
    credits: Vec<Vec<Vec<Credit>>>,
    /// By source and destination: the last number acknowledged.
    acks: Vec<Vec<u64>>,
    pub(super) replies_left: usize,
}

/// Datagrams for a shard.
pub(super) struct Burst {
    pub(super) shard: usize,
    pub(super) datagrams: Vec<Vec<u8>>,
}

impl<'a> Outside<'a> {
    pub(super) fn new(ground: &'a Ground) -> Self {
        let payer_count = ground.payers.len();
        Self {
            ground,
            certified: vec![Vec::new(); payer_count],
            orders: BTreeMap::new(),
            votes: BTreeMap::new(),
            reached: vec![0; payer_count],
            credits: vec![vec![Vec::new(); SHARD_COUNT]; SHARD_COUNT],
            acks: vec![vec![0; SHARD_COUNT]; SHARD_COUNT],
            replies_left: 0,
        }
    }

    /// What some payer sends; many certificates at once if `is_heavy`.
    pub(super) fn burst(&mut self, shards: &[&Shard], is_heavy: bool, random: &mut Random) -> Burst {
        let payer = random.below(self.ground.payers.len());
        let shard = self.ground.shard_of(payer);
        let next = next_sequence(shards[shard], &self.ground.payers[payer]);
        let mut datagrams = Vec::new();
        if is_heavy {
            datagrams.extend((next..next + 60).map(|sequence| self.certificate(payer, sequence, random)));
        }
        for _ in 0..1 + random.below(4) {
            let variant = u8::try_from(random.below(VARIANT_COUNT.into())).unwrap();
            let datagram = match random.below(8) {
                0..3 => self.order(payer, next, variant),
                3 | 4 => self.certificate(payer, next, random),
                5 => self.certificate(payer, next.saturating_sub(random.below(4) as u64), random),
                6 => self.order(payer, next.saturating_sub(1) + random.below(3) as u64, variant),
                _ => self.ground.world.query(&self.ground.payers[payer], 1),
            };
            datagrams.push(datagram);
        }
        Burst { shard, datagrams }
    }

    /// Certificates enough for a block of several sectors.
    pub(super) fn certificates(&mut self, shards: &[&Shard], shard: usize, random: &mut Random) -> Vec<Vec<u8>> {
        let payers: Vec<usize> =
            (0..self.ground.payers.len()).filter(|payer| self.ground.shard_of(*payer) == shard).collect();
        let payer = *random.pick(&payers);
        let next = next_sequence(shards[shard], &self.ground.payers[payer]);
        let count = 2 + random.below(4) as u64;
        (next..next + count).map(|sequence| self.certificate(payer, sequence, random)).collect()
    }

    /// The certificates that a payer's account lacks, as many as a shard takes at once.
    pub(super) fn missing(&mut self, shards: &[&Shard], random: &mut Random) -> Vec<Burst> {
        let mut bursts = Vec::new();
        for payer in 0..self.ground.payers.len() {
            let shard = self.ground.shard_of(payer);
            let next = next_sequence(shards[shard], &self.ground.payers[payer]);
            let end = (self.certified[payer].len() as u64).min(next + 60);
            if next < end {
                let datagrams = (next..end).map(|sequence| self.certificate(payer, sequence, random)).collect();
                bursts.push(Burst { shard, datagrams });
            }
        }
        bursts
    }

    fn order(&mut self, payer: usize, sequence: u64, variant: u8) -> Vec<u8> {
        let body = self.ground.body(payer, sequence, variant);
        self.orders.insert(self.ground.world.digest(&body), (payer, sequence));
        self.ground.order(body)
    }

    /// The certificate of this sequence number; if there is none yet, of any order, voted for here or not.
    fn certificate(&mut self, payer: usize, sequence: u64, random: &mut Random) -> Vec<u8> {
        while self.certified[payer].len() as u64 <= sequence {
            let at = (payer, self.certified[payer].len() as u64);
            let has_vote = |variant: &u8| Some(&self.digest(at, *variant)) == self.votes.get(&at);
            let voted = (0..VARIANT_COUNT).find(has_vote).filter(|_| !random.once_in(4));
            let any = u8::try_from(random.below(VARIANT_COUNT.into())).unwrap();
            self.certified[payer].push(voted.unwrap_or(any));
        }
        let variant = self.certified[payer][usize::try_from(sequence).unwrap()];
        let body = self.ground.body(payer, sequence, variant);
        self.orders.insert(self.ground.world.digest(&body), (payer, sequence));
        self.ground.certificate(&body)
    }

    fn digest(&self, (payer, sequence): (usize, u64), variant: u8) -> Digest {
        self.ground.world.digest(&self.ground.body(payer, sequence, variant))
    }

    fn certified_digest(&self, (payer, sequence): (usize, u64)) -> Option<Digest> {
        let variant = self.certified[payer].get(usize::try_from(sequence).unwrap())?;
        Some(self.digest((payer, sequence), *variant))
    }
}

/// What leaves.
impl Outside<'_> {
    /// Gives a shard datagrams and the verdict that every signature is good.
    pub(super) fn send(&self, shard: &mut Shard, datagrams: &[Vec<u8>]) {
        let peer = Peer::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));
        datagrams.iter().for_each(|datagram| shard.receive(NOW, peer, datagram));
        let mut batch = VerifyBatch::default();
        while shard.take_batch(&mut batch) {
            batch.decide(|_| true);
            shard.finish_batch(NOW, &mut batch);
        }
    }

    /// Takes the replies that a shard lets go.
    pub(super) fn take_replies(&mut self, shard: &mut Shard) -> Result<(), String> {
        let mut frames = Frames::default();
        shard.send_replies(&mut frames);
        frames.0.iter().try_for_each(|reply| self.reply_left(reply))
    }

    fn reply_left(&mut self, reply: &[u8]) -> Result<(), String> {
        self.replies_left += 1;
        match frame::parse(reply).map_err(|fault| format!("a reply is no frame: {fault:?}"))? {
            Frame::Vote(vote) => {
                let at = self.orders[&vote.head.digest];
                self.vote_left(at, vote.head.digest)
            }
            Frame::Receipt(receipt) => {
                let (payer, sequence) = self.orders[&receipt.head.digest];
                if self.certified_digest((payer, sequence)) != Some(receipt.head.digest) {
                    return Err(format!("a receipt for payer {payer}'s {sequence}, which has no certificate"));
                }
                self.reached(payer, sequence + 1);
                Ok(())
            }
            Frame::Rejection(refusal) => {
                let (payer, sequence) = self.orders[&refusal.head.subject];
                match Reject::from_code(refusal.head.code) {
                    Some(Reject::Conflict) => self.vote_left((payer, sequence), refusal.head.other),
                    Some(Reject::SequenceBehind | Reject::SequenceAhead) => {
                        self.reached(payer, refusal.head.detail.get());
                        Ok(())
                    }
                    Some(Reject::Busy) => Ok(()),
                    other => Err(format!("payer {payer}'s {sequence} is refused: {other:?}")),
                }
            }
            Frame::Info(info) => {
                let payer = self.ground.payers.iter().position(|payer| *payer == info.account).expect("only they ask");
                self.reached(payer, info.next_sequence.get());
                let is_pending = info.pending != NO_ORDER;
                if is_pending { self.vote_left((payer, info.next_sequence.get()), info.pending) } else { Ok(()) }
            }
            other => Err(format!("a shard sends no {other:?}")),
        }
    }

    fn vote_left(&mut self, at: (usize, u64), digest: Digest) -> Result<(), String> {
        match self.votes.insert(at, digest) {
            Some(before) if before != digest => Err(format!("two votes for payer {}'s {}", at.0, at.1)),
            _ => Ok(()),
        }
    }

    fn reached(&mut self, payer: usize, sequence: u64) {
        self.reached[payer] = self.reached[payer].max(sequence);
    }

    /// A credit is handed over: the first time, or the very same one again.
    pub(super) fn credit_left(&mut self, source: usize, destination: usize, credit: Credit) -> Result<(), String> {
        let credits = &mut self.credits[source][destination];
        let index = usize::try_from(credit.number).unwrap() - 1;
        match credits.get(index) {
            Some(before) if *before == credit => Ok(()),
            None if index == credits.len() => {
                credits.push(credit);
                Ok(())
            }
            before => Err(format!("{source} to {destination}: {before:?} was handed over, and now {credit:?}")),
        }
    }

    pub(super) fn ack_left(&mut self, source: usize, destination: usize, ack: CreditAck) {
        let last = &mut self.acks[source][destination];
        *last = (*last).max(ack.number);
    }
}

/// What must hold after every power cut, before anything else is sent or taken.
impl Outside<'_> {
    pub(super) fn check(&mut self, shards: &mut [&mut Shard]) -> Result<(), String> {
        self.check_links(shards)?;
        let held: Vec<&Shard> = shards.iter().map(|shard| &**shard).collect();
        self.check_supply(&held)?;
        for payer in 0..self.ground.payers.len() {
            let shard = &mut shards[self.ground.shard_of(payer)];
            self.check_payer(shard, payer)?;
        }
        Ok(())
    }

    fn check_payer(&mut self, shard: &mut Shard, payer: usize) -> Result<(), String> {
        let slot = shard.account(&self.ground.payers[payer]).expect("genesis opens it");
        let (next, pending) = (slot.next_sequence.0, slot.pending);
        let reached = self.reached[payer];
        if next < reached {
            return Err(format!("payer {payer}: {reached} payments were applied, and {next} are remembered"));
        }
        let votes = self.votes.range((payer, next)..=(payer, u64::MAX));
        let votes: Vec<(u64, Digest)> = votes.map(|((_, sequence), digest)| (*sequence, *digest)).collect();
        for (sequence, digest) in votes {
            if sequence != next || pending != digest {
                return Err(format!("payer {payer}: the vote for {sequence} is forgotten"));
            }
            let other = self.order(payer, sequence, PROBE);
            let is_named = |reply: &Frame<'_>| match reply {
                Frame::Rejection(view) => view.head.code == Reject::Conflict as u8 && view.head.other == digest,
                _ => false,
            };
            self.probe(shard, other, "a conflicting order is refused by the other's name", is_named)?;
            let variant = (0..VARIANT_COUNT).find(|variant| self.digest((payer, sequence), *variant) == digest);
            let same = self.order(payer, sequence, variant.expect("only these are sent"));
            let is_vote = |reply: &Frame<'_>| matches!(reply, Frame::Vote(view) if view.head.digest == digest);
            self.probe(shard, same, "the same order gets its vote again", is_vote)?;
        }
        if let Some(sequence) = reached.checked_sub(1) {
            let digest = self.certified_digest((payer, sequence));
            let certificate = self.certificate(payer, sequence, &mut Random::new(0));
            let is_receipt =
                |reply: &Frame<'_>| matches!(reply, Frame::Receipt(view) if Some(view.head.digest) == digest);
            self.probe(shard, certificate, "the same certificate gets its receipt again", is_receipt)?;
        }
        Ok(())
    }

    /// Asks what must be answered at once, since it changes nothing.
    fn probe(
        &mut self,
        shard: &mut Shard,
        datagram: Vec<u8>,
        claim: &str,
        is_right: impl Fn(&Frame<'_>) -> bool,
    ) -> Result<(), String> {
        self.send(shard, &[datagram]);
        let mut frames = Frames::default();
        shard.send_replies(&mut frames);
        match &frames.0[..] {
            [reply] if frame::parse(reply).is_ok_and(|reply| is_right(&reply)) => self.reply_left(reply),
            replies => Err(format!("{claim}: not so, there are {} replies", replies.len())),
        }
    }

    /// Each end of each link is where the other believes it to be.
    fn check_links(&self, shards: &[&mut Shard]) -> Result<(), String> {
        let tails: Vec<_> = shards.iter().map(|shard| shard.snapshot_tail().1).collect();
        for (source, destination) in pairs() {
            let (outgoing, applied) = (&tails[source].outgoing[destination], tails[destination].incoming[source]);
            let (left, acked) = (&self.credits[source][destination], self.acks[source][destination]);
            let forgotten = outgoing.last_number - outgoing.credits.len() as u64;
            if applied < acked || applied < forgotten {
                return Err(format!("{source} to {destination}: {acked} were acknowledged, and {applied} are applied"));
            }
            if outgoing.last_number < left.len() as u64 || outgoing.last_number < applied {
                let made = outgoing.last_number;
                return Err(format!(
                    "{source} to {destination}: {} were handed over, and {made} are known",
                    left.len()
                ));
            }
        }
        Ok(())
    }

    /// No unit is lost or made: balances, redemptions, and credits that are debited and not applied.
    pub(super) fn check_supply(&self, shards: &[&Shard]) -> Result<(), String> {
        let tails: Vec<_> = shards.iter().map(|shard| shard.snapshot_tail().1).collect();
        let mut total: i128 = shards.iter().flat_map(|shard| shard.accounts()).map(|slot| slot.balance.0).sum();
        total += tails.iter().map(|tail| i128::try_from(tail.redeemed).unwrap()).sum::<i128>();
        for (source, destination) in pairs() {
            let applied = tails[destination].incoming[source];
            let under_way = tails[source].outgoing[destination].credits.iter().filter(|credit| credit.number > applied);
            total += under_way.map(|credit| i128::from(credit.amount.0)).sum::<i128>();
        }
        let supply = self.ground.supply();
        if total == supply { Ok(()) } else { Err(format!("there are {total} units and should be {supply}")) }
    }

    /// Once everything has arrived: each account has what the certificates say, and nothing else.
    pub(super) fn check_accounts(&self, shards: &[&Shard]) -> Result<(), String> {
        let openings = self.ground.accounts.iter().flatten().map(|address| (*address, i128::from(OPENING)));
        let mut balances: BTreeMap<Address, i128> = openings.collect();
        let mut redeemed = 0;
        for (payer, variants) in self.certified.iter().enumerate() {
            for (sequence, variant) in (0_u64..).zip(variants) {
                let body = self.ground.body(payer, sequence, *variant);
                *balances.get_mut(&body.sender).expect("genesis opens it") -= i128::from(body.amount.get());
                if body.recipient_kind == RECIPIENT_ACCOUNT {
                    *balances.entry(body.recipient).or_default() += i128::from(body.amount.get());
                } else {
                    redeemed += u128::from(body.amount.get());
                }
            }
        }
        let slots = shards.iter().flat_map(|shard| shard.accounts());
        let held: BTreeMap<Address, i128> = slots.map(|slot| (slot.address, slot.balance.0)).collect();
        let is_redeemed = shards.iter().map(|shard| shard.redeemed()).sum::<u128>() == redeemed;
        let is_right = held == balances && is_redeemed;
        if is_right { Ok(()) } else { Err("accounts do not hold what the certificates say".to_owned()) }
    }
}

/// Collects frames.
#[derive(Default)]
struct Frames(Vec<Vec<u8>>);

impl Outlet for Frames {
    fn frame(&mut self, _: Peer, length: usize) -> &mut [u8] {
        self.0.push(vec![0xee; length]);
        self.0.last_mut().unwrap()
    }
}

fn next_sequence(shard: &Shard, address: &Address) -> u64 {
    shard.account(address).map_or(0, |slot| slot.next_sequence.0)
}

/// Every source with every other shard.
pub(super) fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..SHARD_COUNT * SHARD_COUNT).map(|pair| (pair / SHARD_COUNT, pair % SHARD_COUNT)).filter(|(from, to)| from != to)
}
