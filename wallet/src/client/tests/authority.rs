//! An authority in memory: real shards, a journal that is durable at once, and a temper.

use super::wallet::Random;
use super::world::FUNDS;
use quittance_engine::committee::Committee;
use quittance_engine::credit::CreditAck;
use quittance_engine::history::answer::{Entries, answer};
use quittance_engine::history::segment_of;
use quittance_engine::limits::Tables;
use quittance_engine::mutant::Planted;
use quittance_engine::network::NetworkId;
use quittance_engine::reject::Reject;
use quittance_engine::shard::{Outlet, Shard, ShardConfig};
use quittance_engine::types::{Address, Amount, Digest, Peer, ShardIndex, TimeMs};
use quittance_engine::verify_batch::VerifyBatch;
use quittance_net::frame::{Header, Kind};
use quittance_verify::{BackendKind, SecretKey, Verifier};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How an authority behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Honest,
    /// It hears and does not answer.
    Silent,
    /// It hears nothing.
    Deaf,
    /// It does its work, and most of what it says is something else.
    Lying,
    /// It says of whatever it has applied that it lacks the first payment of all.
    Denying,
}

/// What of an account all honest authorities agree on in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) balance: i128,
    pub(super) next_sequence: u64,
    pub(super) pending: Digest,
    pub(super) last_confirmed: Digest,
}

/// A datagram that leaves a shard.
pub(super) struct Answer {
    pub(super) shard: u16,
    pub(super) to: Peer,
    pub(super) bytes: Vec<u8>,
}

pub(super) struct Authority {
    pub(super) mood: Mood,
    shards: Vec<Shard>,
    histories: Vec<Segments>,
    verifier: Verifier,
    /// Which of its histories has lost its votes.
    is_forgetful: bool,
}

/// What a shard's history file would hold, by segment.
#[derive(Default)]
struct Segments(BTreeMap<u64, Vec<u8>>);

impl Segments {
    fn write(&mut self, position: u64, bytes: &[u8]) {
        let (segment, offset) = segment_of(position);
        let (file, offset) = (self.0.entry(segment).or_default(), usize::try_from(offset).unwrap());
        file.resize(file.len().max(offset + bytes.len()), 0);
        file[offset..][..bytes.len()].copy_from_slice(bytes);
    }
}

impl Entries for Segments {
    fn read(&mut self, position: u64, into: &mut [u8]) -> usize {
        let (segment, offset) = segment_of(position);
        let rest = self.0.get(&segment).and_then(|file| file.get(usize::try_from(offset).unwrap()..));
        let rest = rest.unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        length
    }
}

#[derive(Default)]
struct Frames(Vec<(Peer, Vec<u8>)>);

impl Outlet for Frames {
    fn frame(&mut self, peer: Peer, length: usize) -> &mut [u8] {
        self.0.push((peer, vec![0; length]));
        &mut self.0.last_mut().unwrap().1
    }
}

impl Authority {
    pub(super) fn new(
        (network, committee): (NetworkId, &Arc<Committee>),
        index: u8,
        secret: &Arc<SecretKey>,
        shard_count: u16,
        genesis: &[Address],
    ) -> Self {
        let tables = Tables {
            jobs: 2_048,
            staged_orders: 2_048,
            staged_certificates: 512,
            root_checks: 2_048,
            roots_per_authority: 64,
            credits_unacknowledged: 64,
            held_orders: 64,
            history_open_bytes: Tables::FULL.history_open_bytes,
        };
        let shard = |shard| {
            Shard::new(ShardConfig {
                network,
                committee: committee.clone(),
                authority_index: index,
                secret: secret.clone(),
                shard: ShardIndex(shard),
                shard_count,
                account_count_max: 2_048,
                cached_key_count_max: 64,
                quarantine_ms: 0,
                is_durable: true,
                keeps_history: true,
                hash_key: [0x5c; 16],
                tables,
                planted: Planted::default(),
            })
        };
        let mut shards: Vec<Shard> = (0..shard_count).map(shard).collect();
        for address in genesis {
            let owner = network.shard_of(address, shard_count).index();
            shards[owner].fund(address, Amount(FUNDS)).unwrap();
        }
        let histories = shards.iter().map(|_| Segments::default()).collect();
        let verifier = Verifier::new(BackendKind::best(), [3; 32]);
        Self { mood: Mood::Honest, shards, histories, verifier, is_forgetful: false }
    }

    /// From now on its history's answers to questions for certificates are refusals.
    pub(super) fn forget_votes(&mut self) {
        self.is_forgetful = true;
    }

    /// Takes a datagram for a shard; gives what leaves then, each with the shard that it leaves.
    pub(super) fn receive(
        &mut self,
        now: TimeMs,
        (peer, shard): (Peer, u16),
        datagram: &[u8],
        random: &mut Random,
    ) -> Vec<Answer> {
        if self.mood == Mood::Deaf {
            return Vec::new();
        }
        self.shards[usize::from(shard)].receive(now, peer, datagram);
        self.go_on(now, random)
    }

    /// Does what is to be done at this time.
    pub(super) fn go_on(&mut self, now: TimeMs, random: &mut Random) -> Vec<Answer> {
        let mut answers = Vec::new();
        // Twice: what one shard credits to another is there after the first time.
        for _ in 0..2 {
            for index in 0..self.shards.len() {
                answers.extend(self.work(now, index));
            }
            self.exchange();
        }
        match self.mood {
            Mood::Honest => {}
            Mood::Silent | Mood::Deaf => answers.clear(),
            Mood::Denying => answers.iter_mut().for_each(|answer| deny(&mut answer.bytes)),
            Mood::Lying => answers.iter_mut().for_each(|answer| answer.bytes = lie(answer.bytes.clone(), random)),
        }
        answers
    }

    /// When an order has waited long enough for its money.
    pub(super) fn held_until(&self) -> Option<TimeMs> {
        self.shards.iter().filter_map(Shard::held_until).min()
    }

    /// The account here, if there is one.
    pub(super) fn state(&self, address: &Address) -> Option<State> {
        let slot = self.shards.iter().find_map(|shard| shard.account(address))?;
        Some(State {
            balance: slot.balance.0,
            next_sequence: slot.next_sequence.0,
            pending: slot.pending,
            last_confirmed: slot.last_confirmed,
        })
    }

    fn work(&mut self, now: TimeMs, index: usize) -> Vec<Answer> {
        let mut batch = VerifyBatch::default();
        let shard = &mut self.shards[index];
        shard.judge_held(now);
        while shard.take_batch(&mut batch) {
            batch.check(&mut self.verifier);
            shard.finish_batch(now, &mut batch);
        }
        self.make_durable(index);
        let (shard, history) = (&mut self.shards[index], &mut self.histories[index]);
        while let Some(request) = shard.take_history_request() {
            shard.finish_history(answer(&request, history));
        }
        let mut frames = Frames::default();
        shard.send_replies(&mut frames);
        let is_lost = |bytes: &[u8]| self.is_forgetful && bytes[5] == Kind::Certificate as u8;
        let shard = u16::try_from(index).unwrap();
        let answers = frames.0.into_iter().filter(|(_, bytes)| !is_lost(bytes));
        answers.map(|(to, bytes)| Answer { shard, to, bytes }).collect()
    }

    /// What a shard wrote is on the disk.
    fn make_durable(&mut self, index: usize) {
        let (shard, history) = (&mut self.shards[index], &mut self.histories[index]);
        let mut bytes = Vec::new();
        while let Some(position) = shard.seal_history(&mut bytes) {
            history.write(position, &bytes);
        }
        while shard.seal(1 << 20, &mut bytes).is_some() {}
        shard.set_durable(shard.records_sealed());
    }

    /// Credits arrive at their shards and are acknowledged.
    fn exchange(&mut self) {
        let count = self.shards.len();
        for (source, destination) in (0..count).flat_map(|source| (0..count).map(move |to| (source, to))) {
            let (from, to) =
                (ShardIndex(u16::try_from(source).unwrap()), ShardIndex(u16::try_from(destination).unwrap()));
            while let Some(credit) = self.shards[source].peek_credit(to).copied() {
                self.shards[source].advance_credit(to);
                self.shards[destination].receive_credit(from, &credit);
            }
            self.make_durable(destination);
            let ack: CreditAck = self.shards[destination].credit_ack(from);
            self.shards[source].receive_ack(to, ack).unwrap();
        }
    }
}

/// A refusal in place of a receipt.
fn deny(bytes: &mut Vec<u8>) {
    if bytes[5] == Kind::Receipt as u8 {
        bytes.resize(96, 0);
        bytes[5] = Kind::Rejection as u8;
        bytes[48..].fill(0);
        bytes[88] = Reject::SequenceAhead as u8;
    }
}

/// Something else than what an authority had to say.
fn lie(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    match random.below(7) {
        // Any byte behind the header: digests, signatures, balances, cursors, votes of a certificate.
        0..=2 => {
            let place = 16 + random.below(bytes.len() - 16);
            bytes[place] ^= u8::try_from(1 + random.below(255)).unwrap();
            bytes
        }
        // A vote as a receipt, a receipt as a vote.
        3 if bytes[5] == Kind::Vote as u8 || bytes[5] == Kind::Receipt as u8 => {
            bytes[5] ^= 3;
            bytes
        }
        4 => (0..random.below(200)).map(|_| u8::try_from(random.below(256)).unwrap()).collect(),
        // An unsigned refusal, for any reason, of what was asked.
        5 => {
            let mut refusal = vec![0; 96];
            refusal[..16].copy_from_slice(&bytes[..16]);
            refusal[5] = Kind::Rejection as u8;
            refusal[16..48].copy_from_slice(&bytes[16..48]);
            refusal[80] = u8::try_from(random.below(256)).unwrap();
            refusal[88] = u8::try_from(1 + random.below(23)).unwrap();
            refusal
        }
        _ => bytes,
    }
}

const _: () = assert!(size_of::<Header>() == 16);
