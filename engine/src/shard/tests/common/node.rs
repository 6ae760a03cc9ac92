//! One shard under test and whoever drives it.

use super::{FUNDS, NOW, Payer, Reply, World, receipt_leaf, rejection_leaf, vote_leaf};
use crate::arena::Slot;
use crate::limits::Tables;
use crate::mutant::Planted;
use crate::quarantine::QUARANTINE_MS;
use crate::reject::{Refusal, Reject};
use crate::shard::{Outlet, Shard, ShardConfig};
use crate::types::{Address, Amount, Digest, Peer, ShardIndex, TimeMs};
use crate::verify_batch::VerifyBatch;
use core::net::{Ipv4Addr, SocketAddrV4};
use quittance_net::frame::{self, Frame, Hash, Header, Proof, ReplyView};
use quittance_verify::tree::{Path, root_from_path};
use quittance_verify::{BackendKind, Item, Verifier};
use std::collections::{BTreeMap, BTreeSet};

/// How a node is made; what it does not name is the usual.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) authority: u8,
    pub(crate) shard: u16,
    pub(crate) account_count_max: usize,
    pub(crate) cached_key_count_max: usize,
    pub(crate) quarantine_ms: u64,
    pub(crate) is_durable: bool,
    pub(crate) keeps_history: bool,
    pub(crate) tables: Tables,
    pub(crate) planted: Planted,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            authority: 0,
            shard: 0,
            account_count_max: 8_192,
            cached_key_count_max: 8_192,
            quarantine_ms: QUARANTINE_MS,
            is_durable: false,
            keeps_history: false,
            tables: Tables::FULL,
            planted: Planted::NOTHING,
        }
    }
}

/// What peers can know of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountState {
    pub(crate) balance: i128,
    pub(crate) next_sequence: u64,
    pub(crate) pending: Digest,
    pub(crate) last_confirmed: Digest,
}

impl AccountState {
    /// As genesis leaves it.
    pub(crate) fn funded(balance: u64) -> Self {
        Self { balance: balance.into(), next_sequence: 0, pending: [0; 32], last_confirmed: [0; 32] }
    }

    fn of(slot: &Slot) -> Self {
        Self {
            balance: slot.balance.0,
            next_sequence: slot.next_sequence.0,
            pending: slot.pending,
            last_confirmed: slot.last_confirmed,
        }
    }
}

/// A shard, a verifier and a clock. Every request comes from a peer of its own, so that its reply is known.
pub(crate) struct Node {
    pub(crate) shard: Shard,
    pub(crate) now: TimeMs,
    pub(crate) world: World,
    setup: Setup,
    verifier: Verifier,
    /// Length of each request and whether it was answered.
    requests: Vec<(usize, bool)>,
    /// Roots with their signatures that were found good here: replies of one batch share them.
    roots: BTreeSet<(Hash, [u8; 64])>,
}

/// Collects frames.
#[derive(Default)]
struct Frames(Vec<(Peer, Vec<u8>)>);

impl Outlet for Frames {
    fn frame(&mut self, peer: Peer, length: usize) -> &mut [u8] {
        self.0.push((peer, vec![0xee; length]));
        &mut self.0.last_mut().unwrap().1
    }
}

impl Node {
    pub(crate) fn new(world: &World, setup: Setup) -> Self {
        let shard = Shard::new(ShardConfig {
            network: world.network,
            committee: world.committee.clone(),
            authority_index: setup.authority,
            secret: world.secrets[usize::from(setup.authority)].clone(),
            shard: ShardIndex(setup.shard),
            shard_count: world.shard_count,
            account_count_max: setup.account_count_max,
            cached_key_count_max: setup.cached_key_count_max,
            quarantine_ms: setup.quarantine_ms,
            is_durable: setup.is_durable,
            keeps_history: setup.keeps_history,
            hash_key: [0x5c; 16],
            tables: setup.tables,
            planted: setup.planted,
        });
        let verifier = Verifier::new(BackendKind::Portable, [3; 32]);
        Self { shard, now: NOW, world: world.clone(), setup, verifier, requests: Vec::new(), roots: BTreeSet::new() }
    }

    /// Authority 0 of this world, with these payers' accounts funded.
    pub(crate) fn funded(world: &World, payers: &[Payer]) -> Self {
        let mut node = Self::new(world, Setup::default());
        node.fund(payers);
        node
    }

    pub(crate) fn fund(&mut self, payers: &[Payer]) {
        payers.iter().for_each(|payer| self.shard.fund(&payer.address, Amount(FUNDS)).unwrap());
    }

    /// One datagram in. Gives the request's number.
    pub(crate) fn receive(&mut self, datagram: &[u8]) -> usize {
        let request = self.requests.len();
        self.requests.push((datagram.len(), false));
        self.shard.receive(self.now, peer_of(request), datagram);
        request
    }

    /// A burst in. Gives the first request's number.
    pub(crate) fn receive_all<T: AsRef<[u8]>>(&mut self, burst: &[T]) -> usize {
        let first = self.requests.len();
        for datagram in burst {
            self.receive(datagram.as_ref());
        }
        first
    }

    /// Whatever waits for a check.
    pub(crate) fn take_batch(&mut self) -> VerifyBatch {
        let mut batch = VerifyBatch::default();
        assert_eq!(self.shard.take_batch(&mut batch), !batch.is_empty());
        batch
    }

    /// Checks a batch and brings its verdicts back.
    pub(crate) fn finish(&mut self, mut batch: VerifyBatch) {
        batch.check(&mut self.verifier);
        self.shard.finish_batch(self.now, &mut batch);
        assert!(batch.is_empty());
    }

    /// Checks batches until there is nothing to check.
    pub(crate) fn finish_all(&mut self) {
        loop {
            let batch = self.take_batch();
            if batch.is_empty() {
                return;
            }
            self.finish(batch);
        }
    }

    /// A burst, its batches, and the reply to each datagram; `None` is silence.
    pub(crate) fn step<T: AsRef<[u8]>>(&mut self, burst: &[T]) -> Vec<Option<Reply>> {
        let first = self.receive_all(burst);
        self.finish_all();
        let mut replies = vec![None; burst.len()];
        for (request, reply) in self.collect() {
            replies[request - first] = Some(reply);
        }
        replies
    }

    /// A burst each of whose datagrams is answered.
    #[track_caller]
    pub(crate) fn ask_all<T: AsRef<[u8]>>(&mut self, burst: &[T]) -> Vec<Reply> {
        self.step(burst).into_iter().map(|reply| reply.expect("every request is answered")).collect()
    }

    /// One datagram and its reply.
    #[track_caller]
    pub(crate) fn ask(&mut self, datagram: &[u8]) -> Reply {
        self.ask_all(&[datagram]).remove(0)
    }

    /// Asks, and holds if the answer is this unsigned refusal and nothing else changed than its counter.
    #[track_caller]
    pub(crate) fn assert_refuses(&mut self, datagram: &[u8], expected: impl Into<Refusal>) {
        let expected = expected.into();
        let (before, count) = (self.accounts(), self.refused_count(expected.code));
        let reply = self.ask(datagram);
        reply.assert_refused(expected);
        assert_eq!(self.accounts(), before, "{:?} changes nothing", expected.code);
        assert_eq!(self.refused_count(expected.code), count + 1);
    }

    pub(crate) fn verify_counters(&self) -> quittance_verify::Counters {
        self.verifier.counters()
    }

    pub(crate) fn refused_count(&self, code: Reject) -> u64 {
        self.shard.counters().rejects.get(code)
    }

    pub(crate) fn accounts(&self) -> BTreeMap<Address, AccountState> {
        self.shard.accounts().map(|slot| (slot.address, AccountState::of(slot))).collect()
    }

    #[track_caller]
    pub(crate) fn account(&self, address: &Address) -> AccountState {
        AccountState::of(self.shard.account(address).expect("the account is here"))
    }

    /// The sum of all balances here.
    pub(crate) fn balance_total(&self) -> i128 {
        self.shard.accounts().map(|slot| slot.balance.0).sum()
    }

    /// What waits to be sent, as bytes.
    pub(crate) fn collect_frames(&mut self) -> Vec<(Peer, Vec<u8>)> {
        let mut frames = Frames::default();
        self.shard.send_replies(&mut frames);
        assert!(!self.shard.has_replies());
        frames.0
    }

    /// What waits to be sent, each reply with its request's number.
    ///
    /// Holds each to the rules for all: one reply per request; it names this shard and network; without a proof it is not
    /// longer than its request, with one not longer than 1.5 times; the proof leads to a root that the authority signed.
    pub(crate) fn collect(&mut self) -> Vec<(usize, Reply)> {
        let frames = self.collect_frames();
        frames.into_iter().map(|(peer, bytes)| self.check(peer, &bytes)).collect()
    }

    fn check(&mut self, peer: Peer, bytes: &[u8]) -> (usize, Reply) {
        let request = request_of(peer);
        let (length, is_answered) = &mut self.requests[request];
        assert!(!core::mem::replace(is_answered, true), "one reply per request");
        let length = *length;
        let frame = frame::parse(bytes).expect("authorities send frames");
        let (reply, is_proven) = match frame {
            Frame::Vote(view) => {
                self.check_reply(&view, &vote_leaf(&view.head.digest));
                (Reply::Vote { digest: view.head.digest, proof_bytes: view.proof_bytes.to_vec() }, true)
            }
            Frame::Receipt(view) => {
                self.check_reply(&view, &receipt_leaf(&view.head.digest));
                (Reply::Receipt { digest: view.head.digest, proof_bytes: view.proof_bytes.to_vec() }, true)
            }
            Frame::Rejection(view) => {
                let head = view.head;
                let (code, detail) = (Reject::from_code(head.code).expect("a known code"), head.detail.get());
                self.check_header(&head.header);
                if let Some((proof, path)) = view.proof {
                    self.check_proof(proof, path, &rejection_leaf(head.code, detail, &head.subject, &head.other));
                }
                let refusal = Refusal { code, detail, other: head.other };
                let is_proven = view.proof.is_some();
                (Reply::Rejection { subject: head.subject, refusal, is_proven }, is_proven)
            }
            Frame::Info(info) => {
                self.check_header(&info.header);
                (Reply::Info(Box::new(*info)), false)
            }
            Frame::HistoryPage(view) => {
                self.check_header(&view.head.header);
                assert_eq!(view.head.nonce.get(), 7, "as World::history_query asks");
                let (from, next) = (view.head.from.get(), view.head.next.get());
                (Reply::Page { from, next, items: view.items.to_vec() }, false)
            }
            Frame::Certificate(view) => {
                self.check_header(&view.head.header);
                (Reply::Certificate(bytes.to_vec()), false)
            }
            other => panic!("a shard sends no {other:?}"),
        };
        let length_max = if is_proven { length * 3 / 2 } else { length };
        assert!(bytes.len() <= length_max, "{} bytes in answer to {length}: {reply:?}", bytes.len());
        (request, reply)
    }

    fn check_reply(&mut self, view: &ReplyView<'_>, leaf: &Hash) {
        self.check_header(&view.head.header);
        self.check_proof(&view.head.proof, view.path, leaf);
    }

    fn check_header(&self, header: &Header) {
        assert_eq!((header.shard.get(), header.network.get()), (self.setup.shard, self.world.network.tag()));
    }

    fn check_proof(&mut self, proof: &Proof, path: &[Hash], leaf: &Hash) {
        assert_eq!(proof.authority, self.setup.authority);
        assert!(path.len() <= self.world.committee.path_levels_max(), "a quorum of such votes fits a datagram");
        let root = root_from_path(leaf, Path { leaf_index: proof.leaf_index.get(), siblings: path })
            .expect("the leaf lies in the tree");
        if self.roots.insert((root, proof.root_signature)) {
            let key = self.world.committee.members()[usize::from(proof.authority)].key;
            let message = self.world.root_message(&root);
            let item = Item { key: &key, message: &message, signature: &proof.root_signature, hint: None };
            assert!(self.verifier.verify(item), "the root's signature verifies");
        }
    }
}

fn peer_of(request: usize) -> Peer {
    SocketAddrV4::new(Ipv4Addr::from_bits(u32::try_from(request).unwrap()), 9_000).into()
}

fn request_of(peer: Peer) -> usize {
    let Peer::V4(peer) = peer else { panic!("all peers here are IPv4") };
    peer.ip().to_bits() as usize
}
