//! What the harnesses share: an authority's surroundings, signed by an oracle so that an input costs microseconds, and inputs.

use quittance_engine::committee::{Committee, Member};
use quittance_engine::limits::Tables;
use quittance_engine::message::{ORDER_MESSAGE_BYTES, RootContext, order_digest, order_message, vote_leaf};
use quittance_engine::mutant::{Mutant, Planted};
use quittance_engine::network::NetworkId;
use quittance_engine::shard::{Outlet, Shard, ShardConfig};
use quittance_engine::sign::Sign;
use quittance_engine::types::{Address, Digest, Peer, ShardIndex};
use quittance_engine::verify_batch::VerifyBatch;
use quittance_net::frame::{
    self, CertificateHead, FRAME_BYTES_MAX, Hash, Header, Kind, Order, OrderBody, Proof, RECIPIENT_ACCOUNT, U16, U64,
};
use quittance_verify::{SecretKey, tree};
use std::sync::{Arc, OnceLock};

/// What every account starts with.
pub(crate) const FUNDS: u64 = 1_000;
/// When streams of events start: milliseconds.
pub(crate) const START_MS: u64 = 1_000_000;
/// The committee's epoch.
pub(crate) const EPOCH: u64 = 7;

/// Small, so that a shard is made in no time, and full now and then.
pub(crate) const TABLES: Tables = Tables {
    jobs: 512,
    staged_orders: 512,
    staged_certificates: 128,
    root_checks: 512,
    roots_per_authority: 32,
    credits_unacknowledged: 24,
    held_orders: 10,
    history_open_bytes: 16 << 10,
};

/// As small as they may be: full after a few steps.
pub(crate) const TINY_TABLES: Tables = Tables {
    jobs: 320,
    staged_orders: 320,
    staged_certificates: 66,
    root_checks: 320,
    roots_per_authority: 1,
    credits_unacknowledged: 2,
    held_orders: 2,
    history_open_bytes: 600,
};

/// A bug that a test plants, to show that a harness finds such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// One of the engine's own list.
    Engine(Mutant),
    /// The reader of frames overlooks padding.
    PaddingOverlooked,
    /// What a decoder of records gave is written without the last byte.
    ShortRecord,
}

/// What a shard or a reader is given for it.
///
/// # Panics
/// If the engine was built without its list of bugs, and one is asked for.
pub(crate) fn planted(bug: Option<Bug>) -> Planted {
    match bug {
        Some(Bug::Engine(mutant)) => Planted::new(mutant).expect("tests build the engine with its list of bugs"),
        _ => Planted::NOTHING,
    }
}

/// The same numbers for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound as u64).expect("below a usize")
    }

    /// A byte.
    pub(crate) fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("below 256")
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    /// Changes a few bytes, or the length.
    pub(crate) fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len().max(1));
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => bytes.extend(self.clone().bytes(1 + at % 40)),
                _ if bytes.is_empty() => {}
                2 | 3 => bytes[at] ^= 1 << self.below(8),
                _ => bytes[at] = self.byte(),
            }
        }
    }
}

/// An input, taken from the front; zeros where it has ended.
#[derive(Debug)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    /// The next byte.
    pub(crate) fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// The next byte, brought below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// The next three bytes.
    pub(crate) fn number(&mut self) -> usize {
        [self.byte(), self.byte(), self.byte()].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    }

    /// Whether it has ended.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A committee and its network.
#[derive(Debug)]
pub(crate) struct World {
    /// The network.
    pub(crate) network: NetworkId,
    /// The committee.
    pub(crate) committee: Arc<Committee>,
}

/// Worlds whose members weigh the same, four and seven of them, and one where one member weighs much.
pub(crate) fn worlds() -> &'static [World] {
    static WORLDS: OnceLock<Vec<World>> = OnceLock::new();
    WORLDS
        .get_or_init(|| [&[1; 4][..], &[5, 1, 1, 1, 1, 1], &[1; 7]].iter().map(|weights| World::new(weights)).collect())
}

impl World {
    fn new(weights: &[u64]) -> Self {
        let member = |(number, weight): (u8, &u64)| Member {
            key: SecretKey::from_seed(&[number; 32]).public_key(),
            weight: *weight,
        };
        let members = (1..).zip(weights).map(member).collect();
        let committee = Arc::new(Committee::new(EPOCH, members).expect("distinct keys, positive weights"));
        Self { network: NetworkId::of_genesis(b"a network of harnesses"), committee }
    }

    /// A member's key.
    pub(crate) fn member(&self, authority: usize) -> Address {
        *self.committee.members()[authority].key.as_bytes()
    }

    /// How a shard of the first member is made.
    pub(crate) fn config(&self, shard: u16, shard_count: u16, planted: Planted) -> ShardConfig {
        ShardConfig {
            network: self.network,
            committee: Arc::clone(&self.committee),
            authority_index: 0,
            secret: Arc::new(OracleKey(self.member(0))),
            shard: ShardIndex(shard),
            shard_count,
            account_count_max: TABLES.account_reserve(shard_count) + 64,
            cached_key_count_max: 8,
            quarantine_ms: 1_000,
            is_durable: true,
            keeps_history: false,
            hash_key: [0x5c; 16],
            tables: TABLES,
            planted,
        }
    }

    /// What an order's sender signs.
    pub(crate) fn message(&self, body: &OrderBody) -> [u8; ORDER_MESSAGE_BYTES] {
        order_message(&self.network, body)
    }

    /// The order's name.
    pub(crate) fn digest(&self, body: &OrderBody) -> Digest {
        order_digest(&self.message(body))
    }

    /// A frame's header.
    pub(crate) fn header(&self, kind: Kind, shard: u16) -> Header {
        Header::new(kind, shard, self.network.tag())
    }

    /// An order with its sender's signature, as a datagram.
    pub(crate) fn order(&self, body: &OrderBody, shard: u16) -> Order {
        let signature = sign(&body.sender, &self.message(body));
        Order { header: self.header(Kind::Order, shard), body: *body, signature, r_hint: [0; 32] }
    }

    /// A member's vote, under a root with one neighbour.
    pub(crate) fn vote(&self, authority: usize, body: &OrderBody) -> Vec<u8> {
        let neighbour: Hash = [0x77; 32];
        let root = tree::node(&vote_leaf(&self.digest(body)), &neighbour);
        let context =
            RootContext { network: self.network, epoch: self.committee.epoch(), committee: self.committee.digest() };
        let proof = Proof {
            root_signature: sign(&self.member(authority), &context.message(&root)),
            leaf_index: U16::new(0),
            authority: u8::try_from(authority).expect("few members"),
            path_count: 1,
            padding: [0; 4],
        };
        [bytemuck::bytes_of(&proof), &neighbour].concat()
    }

    /// An order with these votes.
    pub(crate) fn certificate(&self, body: &OrderBody, shard: u16, votes: &[Vec<u8>]) -> Vec<u8> {
        let head = CertificateHead {
            header: self.header(Kind::Certificate, shard),
            body: *body,
            epoch: U64::new(EPOCH),
            vote_count: u8::try_from(votes.len()).expect("few votes"),
            padding: [0; 7],
        };
        let votes: Vec<&[u8]> = votes.iter().map(Vec::as_slice).collect();
        let mut frame = vec![0; FRAME_BYTES_MAX];
        let length = frame::encode_certificate(&head, &votes, &mut frame).expect("a quorum fits");
        frame.truncate(length);
        frame
    }

    /// An order with the votes of every member but the first.
    pub(crate) fn certify(&self, body: &OrderBody, shard: u16) -> Vec<u8> {
        let votes: Vec<_> = (1..self.committee.members().len()).map(|member| self.vote(member, body)).collect();
        self.certificate(body, shard, &votes)
    }

    /// The shard of an account.
    pub(crate) fn shard_of(&self, account: &Address, shard_count: u16) -> u16 {
        self.network.shard_of(account, shard_count).0
    }
}

/// What an order says.
pub(crate) fn body(sender: Address, recipient: Address, amount: u64, sequence: u64) -> OrderBody {
    OrderBody {
        sender,
        recipient,
        user_data: [0; 32],
        amount: U64::new(amount),
        sequence: U64::new(sequence),
        expiry_ms: U64::new(START_MS * 2),
        recipient_kind: RECIPIENT_ACCOUNT,
        padding: [0; 7],
    }
}

/// An account. Nobody makes a key of it: the oracle judges by address.
pub(crate) fn account(number: usize) -> Address {
    *blake3::hash(&number.to_le_bytes()).as_bytes()
}

/// The oracle's signature: only the harness can make it.
pub(crate) fn sign(signer: &Address, message: &[u8]) -> [u8; 64] {
    let mut hasher = blake3::Hasher::new_keyed(&[0x0c; 32]);
    hasher.update(signer).update(message);
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(hasher.finalize().as_bytes());
    signature
}

/// A member's way to the oracle.
#[derive(Debug)]
struct OracleKey(Address);

impl Sign for OracleKey {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        sign(&self.0, message)
    }
}

/// The oracle judges a batch.
pub(crate) fn judge(batch: &mut VerifyBatch) {
    batch.decide(|job| job.claim().is_some_and(|claim| sign(claim.signer, claim.message) == *claim.signature));
}

/// Who sends the request of this number.
pub(crate) fn peer(number: u32) -> Peer {
    (core::net::Ipv4Addr::from_bits(number), 9_000).into()
}

/// What leaves a shard.
pub(crate) fn frames(shard: &mut Shard) -> Vec<(Peer, Vec<u8>)> {
    struct Frames(Vec<(Peer, Vec<u8>)>);
    impl Outlet for Frames {
        fn frame(&mut self, peer: Peer, length: usize) -> &mut [u8] {
            self.0.push((peer, vec![0xee; length]));
            &mut self.0.last_mut().expect("it was pushed just now").1
        }
    }
    let mut frames = Frames(Vec::new());
    shard.send_replies(&mut frames);
    frames.0
}
