//! A committee, wallets, and a network between them.

use super::authority::{Answer, Authority, Mood, State};
use super::wallet::{Random, Wallet, key};
use crate::client::face::{Event, OperationId};
use crate::terms::Terms;
use quittance_engine::committee::{Committee, Member, MemberEntry};
use quittance_engine::network::NetworkId;
use quittance_engine::types::{Address, Peer, TimeMs};
use quittance_verify::SecretKey;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What every funded account starts with.
pub(super) const FUNDS: u64 = 1_000;
/// Accounts with numbers below this are funded.
pub(super) const FUNDED_COUNT: u32 = 8;
/// The authorities' time when a world begins.
const START_MS: u64 = 1_000_000;
/// Turns after which a run has gone astray.
const TURN_COUNT_MAX: usize = 200_000;

/// A datagram under way.
struct Packet {
    from: Peer,
    to: Peer,
    bytes: Vec<u8>,
}

pub(super) struct World {
    pub(super) terms: Terms,
    pub(super) authorities: Vec<Authority>,
    pub(super) wallets: Vec<Wallet>,
    pub(super) now_ns: u64,
    pub(super) random: Random,
    /// Of a hundred datagrams, how many are lost; as many come twice. Those that come take up to 30 ms.
    pub(super) loss_percent: usize,
    /// Datagrams that wallets sent.
    pub(super) sent_count: usize,
    packets: BTreeMap<(u64, u64), Packet>,
    packet_count: u64,
    committee: Arc<Committee>,
    secrets: Vec<Arc<SecretKey>>,
    shard_counts: Vec<u16>,
}

impl World {
    /// Authorities of these weights, with one, two or three shards; accounts 0 to 7 are funded.
    pub(super) fn new(weights: &[u64], seed: u64) -> Self {
        let count = u8::try_from(weights.len()).unwrap();
        let secrets: Vec<Arc<SecretKey>> =
            (0..count).map(|index| Arc::new(SecretKey::from_seed(&[0x40 + index; 32]))).collect();
        let member = |(secret, weight): (&Arc<SecretKey>, &u64)| Member { key: secret.public_key(), weight: *weight };
        let committee = Committee::new(3, secrets.iter().zip(weights).map(member).collect()).unwrap();
        let shard_counts: Vec<u16> = (0..u16::from(count)).map(|index| 1 + index % 3).collect();
        let entry = |index: usize| MemberEntry {
            key: secrets[index].public_key_bytes(),
            host: [127, 0, 0, 1].into(),
            hosts: Vec::new(),
            port: 9_000 + 10 * u16::try_from(index).unwrap(),
            shards: shard_counts[index],
            weight: weights[index],
        };
        let entries: Vec<MemberEntry> = (0..weights.len()).map(entry).collect();
        let terms = Terms::of(NetworkId::of_genesis(b"a world of wallets"), committee.clone(), &entries);
        let mut world = Self {
            terms,
            authorities: Vec::new(),
            wallets: Vec::new(),
            now_ns: 1,
            random: Random::new(seed),
            loss_percent: 0,
            sent_count: 0,
            packets: BTreeMap::new(),
            packet_count: 0,
            committee: Arc::new(committee),
            secrets,
            shard_counts,
        };
        world.authorities = (0..count).map(|index| world.new_authority(index)).collect();
        world
    }

    /// Four authorities of weight one.
    pub(super) fn four(seed: u64) -> Self {
        Self::new(&[1; 4], seed)
    }

    /// With a wallet of each of these accounts.
    pub(super) fn with_wallets(mut self, numbers: &[u32]) -> Self {
        numbers.iter().for_each(|number| _ = self.add_wallet(*number));
        self
    }

    pub(super) fn add_wallet(&mut self, number: u32) -> usize {
        let port = 20_000 + u16::try_from(self.wallets.len()).unwrap();
        self.wallets.push(Wallet::new(&self.terms, number, port));
        self.wallets.len() - 1
    }

    /// The authority as genesis made it, without a memory of anything since.
    pub(super) fn empty(&mut self, authority: u8) {
        self.authorities[usize::from(authority)] = self.new_authority(authority);
    }

    pub(super) fn set_mood(&mut self, authority: u8, mood: Mood) {
        self.authorities[usize::from(authority)].mood = mood;
    }

    fn new_authority(&self, index: u8) -> Authority {
        let genesis: Vec<Address> = (0..FUNDED_COUNT).map(|number| key(number).public_key_bytes()).collect();
        let place = usize::from(index);
        let network = (*self.terms.network(), &self.committee);
        Authority::new(network, index, &self.secrets[place], self.shard_counts[place], &genesis)
    }

    /// Wallet `payer` pays wallet `payee`, and the run goes on until nothing is under way.
    pub(super) fn settle(&mut self, payer: usize, payee: usize, amount: u64) -> OperationId {
        let recipient = self.wallets[payee].address;
        let payment = Wallet::payment(recipient, amount, Vec::new());
        let operation = self.wallets[payer].pay(self.now_ns, payment).unwrap();
        self.run();
        operation
    }

    /// Until no wallet has anything under way.
    #[track_caller]
    pub(super) fn run(&mut self) {
        assert!(self.run_turns(TURN_COUNT_MAX), "the run has no end");
    }

    /// So many turns at most. Returns whether there are no more.
    pub(super) fn run_turns(&mut self, turn_count: usize) -> bool {
        (0..turn_count).any(|_| {
            self.post();
            !self.turn()
        })
    }

    /// Until this holds, at the moment when it first does.
    #[track_caller]
    pub(super) fn run_until(&mut self, is_there: impl Fn(&Self) -> bool) {
        loop {
            self.post();
            if is_there(self) {
                return;
            }
            assert!(self.turn(), "nothing is under way any longer");
        }
    }

    /// What wallets want to send goes on its way.
    pub(super) fn post(&mut self) {
        for index in 0..self.wallets.len() {
            let from = self.wallets[index].peer;
            for transmit in self.wallets[index].drive() {
                self.sent_count += 1;
                self.send(from, transmit.to, transmit.bytes);
            }
        }
    }

    /// The next thing happens: a datagram arrives, or a wallet's time has come. False if there is neither.
    pub(super) fn turn(&mut self) -> bool {
        let timeout = self.wallets.iter().filter_map(|wallet| wallet.client.poll_timeout()).min();
        let held = self.authorities.iter().filter_map(Authority::held_until).min();
        let held = held.map(|until| (until.0.saturating_sub(START_MS)) * 1_000_000);
        let arrival = self.packets.first_key_value().map(|((at_ns, _), _)| *at_ns);
        let Some(next_ns) = [timeout, held, arrival].into_iter().flatten().min() else { return false };
        self.now_ns = self.now_ns.max(next_ns);
        if arrival == Some(next_ns) {
            let (_, packet) = self.packets.pop_first().unwrap();
            self.deliver(&packet);
        } else if held == Some(next_ns) {
            for authority in self.terms.authorities() {
                let now = self.now();
                let answers = self.authorities[usize::from(authority)].go_on(now, &mut self.random);
                self.answer(authority, answers);
            }
        } else {
            let now_ns = self.now_ns;
            self.wallets.iter_mut().for_each(|wallet| wallet.client.tick(now_ns));
        }
        true
    }

    fn send(&mut self, from: Peer, to: Peer, bytes: Vec<u8>) {
        let mut copies = 1;
        if self.loss_percent > 0 {
            copies = match self.random.below(100) {
                chance if chance < self.loss_percent => 0,
                chance if chance < 2 * self.loss_percent => 2,
                _ => 1,
            };
        }
        for _ in 0..copies {
            let delay_ns = if self.loss_percent > 0 { 1 + self.random.below(30_000_000) as u64 } else { 1_000_000 };
            self.packet_count += 1;
            let key = (self.now_ns + delay_ns, self.packet_count);
            self.packets.insert(key, Packet { from, to, bytes: bytes.clone() });
        }
    }

    fn deliver(&mut self, packet: &Packet) {
        if let Some(source) = self.terms.directory().source(packet.to) {
            let now = self.now();
            let authority = &mut self.authorities[usize::from(source.authority)];
            let asked = (packet.from, source.shard);
            let answers = authority.receive(now, asked, &packet.bytes, &mut self.random);
            return self.answer(source.authority, answers);
        }
        let now_ns = self.now_ns;
        if let Some(wallet) = self.wallets.iter_mut().find(|wallet| wallet.peer == packet.to) {
            wallet.receive(now_ns, packet.from, &packet.bytes);
        }
    }

    fn answer(&mut self, authority: u8, answers: Vec<Answer>) {
        for Answer { shard, to, bytes } in answers {
            let from = self.terms.directory().address(authority.into(), shard);
            self.send(from, to, bytes);
        }
    }

    /// The authorities' clock.
    fn now(&self) -> TimeMs {
        TimeMs(START_MS + self.now_ns / 1_000_000)
    }

    pub(super) fn state(&self, authority: u8, address: &Address) -> Option<State> {
        self.authorities[usize::from(authority)].state(address)
    }

    /// The state of an account that these authorities agree on.
    #[track_caller]
    pub(super) fn agreed(&self, authorities: &[u8], address: &Address) -> Option<State> {
        let state = self.state(authorities[0], address);
        for authority in authorities {
            assert_eq!(self.state(*authority, address), state, "authority {authority} holds what others hold");
        }
        state
    }

    /// Holds if no wallet broke a rule.
    #[track_caller]
    pub(super) fn assert_sound(&self) {
        for wallet in &self.wallets {
            assert_eq!(wallet.violations, Vec::<String>::new());
        }
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.wallets.iter().flat_map(|wallet| wallet.violations.clone()).collect()
    }

    /// What happened to a wallet, as long as it is about this operation.
    pub(super) fn has(&self, wallet: usize, is_it: impl Fn(&Event) -> bool) -> bool {
        self.wallets[wallet].events.iter().any(is_it)
    }
}
