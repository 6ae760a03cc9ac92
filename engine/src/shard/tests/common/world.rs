//! Who there is and what they sign.

use crate::committee::{Committee, Member};
use crate::network::NetworkId;
use crate::types::{Address, Digest, TimeMs};
use quittance_net::frame::{
    self, CertificateHead, FRAME_BYTES_MAX, HISTORY_SENT, Hash, Header, HistoryQuery, Kind, Order, OrderBody, Proof,
    Query, RECIPIENT_ACCOUNT, U16, U64,
};
use quittance_verify::SecretKey;
use quittance_verify::tree::{self, Tree};
use std::sync::Arc;

/// The committee's epoch.
pub(crate) const EPOCH: u64 = 7;
/// What every funded account starts with.
pub(crate) const FUNDS: u64 = 1_000;
/// The time at which nodes start.
pub(crate) const NOW: TimeMs = TimeMs(1_000_000);
const EXPIRY: TimeMs = TimeMs(2_000_000);

/// A network, its committee with all secret keys, and the shard count of the authorities.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) network: NetworkId,
    pub(crate) committee: Arc<Committee>,
    pub(crate) secrets: Vec<Arc<SecretKey>>,
    pub(crate) shard_count: u16,
}

/// Someone with a key.
pub(crate) struct Payer {
    pub(crate) secret: SecretKey,
    pub(crate) address: Address,
}

impl Payer {
    pub(crate) fn new(number: u32) -> Self {
        let mut seed = [0xa0; 32];
        seed[..4].copy_from_slice(&number.to_le_bytes());
        let secret = SecretKey::from_seed(&seed);
        Self { address: secret.public_key_bytes(), secret }
    }

    /// Payers 0 to `count` - 1.
    pub(crate) fn many(count: u32) -> Vec<Self> {
        (0..count).map(Self::new).collect()
    }

    /// What an order to pay says, unsigned.
    pub(crate) fn body(&self, recipient: &Address, amount: u64, sequence: u64) -> OrderBody {
        OrderBody {
            sender: self.address,
            recipient: *recipient,
            user_data: [0; 32],
            amount: U64::new(amount),
            sequence: U64::new(sequence),
            expiry_ms: U64::new(EXPIRY.0),
            recipient_kind: RECIPIENT_ACCOUNT,
            padding: [0; 7],
        }
    }
}

impl World {
    /// One shard per authority; one authority per weight.
    pub(crate) fn weighted(weights: &[u64]) -> Self {
        Self::seeded(weights, 0, EPOCH)
    }

    /// `count` authorities of equal weight.
    pub(crate) fn of(count: usize) -> Self {
        Self::weighted(&vec![1; count])
    }

    /// Another choice of authorities' keys, or another epoch, on the same network.
    pub(crate) fn seeded(weights: &[u64], seed: u8, epoch: u64) -> Self {
        let secret = |index: usize| {
            let mut bytes = [seed; 32];
            bytes[31] = u8::try_from(index).unwrap();
            Arc::new(SecretKey::from_seed(&bytes))
        };
        let secrets: Vec<_> = (0..weights.len()).map(secret).collect();
        let member = |(secret, weight): (&Arc<SecretKey>, &u64)| Member { key: secret.public_key(), weight: *weight };
        let members = secrets.iter().zip(weights).map(member).collect();
        let committee = Arc::new(Committee::new(epoch, members).unwrap());
        Self { network: NetworkId::of_genesis(b"a world of tests"), committee, secrets, shard_count: 1 }
    }

    pub(crate) fn with_shards(self, shard_count: u16) -> Self {
        Self { shard_count, ..self }
    }

    /// The first `count` payers, from number `first`, whose account lies on this shard.
    pub(crate) fn payers_on(&self, shard: u16, first: u32, count: usize) -> Vec<Payer> {
        (first..).map(Payer::new).filter(|payer| self.shard_of(&payer.address) == shard).take(count).collect()
    }

    pub(crate) fn shard_of(&self, address: &Address) -> u16 {
        self.network.shard_of(address, self.shard_count).0
    }

    fn header(&self, kind: Kind, account: &Address) -> Header {
        Header::new(kind, self.shard_of(account), self.network.tag())
    }

    /// The bytes that a sender signs: domain, network, body without its padding.
    fn order_message(&self, body: &OrderBody) -> Vec<u8> {
        [b"quittance/order1", &self.network.0[..], &bytemuck::bytes_of(body)[..121]].concat()
    }

    /// The order's name.
    pub(crate) fn digest(&self, body: &OrderBody) -> Digest {
        *blake3::hash(&self.order_message(body)).as_bytes()
    }

    /// The bytes that an authority signs for a batch of replies.
    pub(crate) fn root_message(&self, root: &Hash) -> Vec<u8> {
        let epoch = self.committee.epoch().to_le_bytes();
        [b"quittance/root/1", &self.network.0[..], &epoch, &self.committee.digest(), root].concat()
    }

    /// The order frame's content, signed by the payer.
    pub(crate) fn sign(&self, payer: &Payer, body: OrderBody) -> Order {
        let signature = payer.secret.sign(&self.order_message(&body));
        Order { header: self.header(Kind::Order, &body.sender), body, signature, r_hint: [0; 32] }
    }

    /// A good order as a datagram.
    pub(crate) fn order(&self, payer: &Payer, body: OrderBody) -> Vec<u8> {
        bytemuck::bytes_of(&self.sign(payer, body)).to_vec()
    }

    pub(crate) fn query(&self, account: &Address, nonce: u64) -> Vec<u8> {
        let header = self.header(Kind::Query, account);
        let query = Query { header, account: *account, nonce: U64::new(nonce), padding: [0; 96] };
        bytemuck::bytes_of(&query).to_vec()
    }

    /// A question for the newest page of payments made, as long as a datagram can be, but for what `change` makes of it.
    pub(crate) fn history_query(&self, account: &Address, change: impl FnOnce(&mut HistoryQuery)) -> Vec<u8> {
        let zero = U64::new(0);
        let mut query = HistoryQuery {
            header: self.header(Kind::HistoryQuery, account),
            account: *account,
            nonce: U64::new(7),
            from: zero,
            stop: zero,
            sequence: zero,
            what: HISTORY_SENT,
            padding: [0; 15],
        };
        change(&mut query);
        let mut frame = bytemuck::bytes_of(&query).to_vec();
        frame.resize(FRAME_BYTES_MAX, 0);
        frame
    }

    /// Leaves under one signature of this authority. Gives each leaf's proof and path, as frames hold them.
    pub(crate) fn sign_leaves(&self, authority: usize, leaves: &[Hash]) -> Vec<Vec<u8>> {
        let mut tree = Tree::with_capacity(leaves.len());
        let root_signature = self.secrets[authority].sign(&self.root_message(&tree.build(leaves)));
        let mut path = vec![[0; 32]; tree.levels()];
        let mut prove = |leaf_index: usize| {
            tree.path(leaf_index, &mut path);
            let proof = Proof {
                root_signature,
                leaf_index: U16::new(u16::try_from(leaf_index).unwrap()),
                authority: u8::try_from(authority).unwrap(),
                path_count: u8::try_from(path.len()).unwrap(),
                padding: [0; 4],
            };
            [bytemuck::bytes_of(&proof), bytemuck::cast_slice(&path)].concat()
        };
        (0..leaves.len()).map(&mut prove).collect()
    }

    /// One authority's votes for all of these, in as few trees as paths allow, each among votes for other things.
    pub(crate) fn votes_by(&self, authority: usize, bodies: &[OrderBody]) -> Vec<Vec<u8>> {
        let batch_max = 1_usize << self.committee.path_levels_max();
        let decoy_count = (authority + 1).min(batch_max / 4);
        let decoys: Vec<Hash> = (0..decoy_count).map(|number| tree::leaf(&number.to_le_bytes())).collect();
        let batch = |bodies: &[OrderBody]| {
            let mut leaves = decoys.clone();
            leaves.extend(bodies.iter().map(|body| vote_leaf(&self.digest(body))));
            self.sign_leaves(authority, &leaves).split_off(decoy_count)
        };
        bodies.chunks(batch_max - decoy_count).flat_map(batch).collect()
    }

    /// Authorities that make a quorum, by index from 1 on; authority 0, the usual one under test, only if it must be.
    pub(crate) fn quorum_voters(&self) -> Vec<usize> {
        let mut weight = 0;
        let members = self.committee.members();
        let candidates = (1..members.len()).chain([0]);
        let is_needed = |index: &usize| {
            let is_needed = weight < self.committee.quorum();
            weight += members[*index].weight;
            is_needed
        };
        candidates.take_while(is_needed).collect()
    }

    /// A certificate frame with these votes.
    pub(crate) fn certificate(&self, body: &OrderBody, votes: &[Vec<u8>]) -> Vec<u8> {
        let head = CertificateHead {
            header: self.header(Kind::Certificate, &body.sender),
            body: *body,
            epoch: U64::new(self.committee.epoch()),
            vote_count: u8::try_from(votes.len()).unwrap(),
            padding: [0; 7],
        };
        let votes: Vec<&[u8]> = votes.iter().map(Vec::as_slice).collect();
        let mut frame = vec![0; FRAME_BYTES_MAX];
        let length = frame::encode_certificate(&head, &votes, &mut frame).expect("a quorum's votes fit a datagram");
        frame.truncate(length);
        frame
    }

    /// Certificates with the votes of these authorities.
    pub(crate) fn certify_by(&self, voters: &[usize], bodies: &[OrderBody]) -> Vec<Vec<u8>> {
        let votes: Vec<_> = voters.iter().map(|authority| self.votes_by(*authority, bodies)).collect();
        let certificate = |(index, body): (usize, &OrderBody)| {
            let votes: Vec<Vec<u8>> = votes.iter().map(|votes| votes[index].clone()).collect();
            self.certificate(body, &votes)
        };
        bodies.iter().enumerate().map(certificate).collect()
    }

    /// Certificates with a quorum's votes, roots shared as far as trees reach.
    pub(crate) fn certify_all(&self, bodies: &[OrderBody]) -> Vec<Vec<u8>> {
        self.certify_by(&self.quorum_voters(), bodies)
    }

    /// A good certificate, under roots of its own.
    pub(crate) fn certify(&self, body: &OrderBody) -> Vec<u8> {
        self.certify_all(&[*body]).remove(0)
    }
}

/// What a vote says.
pub(crate) fn vote_leaf(digest: &Digest) -> Hash {
    tree::leaf(&[&[0x81], &digest[..]].concat())
}

/// What a receipt says.
pub(crate) fn receipt_leaf(digest: &Digest) -> Hash {
    tree::leaf(&[&[0x82], &digest[..]].concat())
}

/// What a proven rejection says.
pub(crate) fn rejection_leaf(code: u8, detail: u64, subject: &Digest, other: &Digest) -> Hash {
    tree::leaf(&[&[0x83, code], &detail.to_le_bytes()[..], subject, other].concat())
}
