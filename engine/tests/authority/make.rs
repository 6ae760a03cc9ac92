//! What payers and the other authorities sign and send, written down a second time from the protocol's description.

use quittance_engine::committee::{Committee, Member};
use quittance_engine::network::NetworkId;
use quittance_engine::types::{Address, Digest};
use quittance_net::frame::{
    self, CertificateHead, FRAME_BYTES_MAX, HISTORY_SENT, Hash, Header, HistoryQuery, Kind, Order, OrderBody, Proof,
    Query, RECIPIENT_ACCOUNT, U16, U64,
};
use quittance_verify::SecretKey;
use quittance_verify::tree::{self, Tree};
use std::sync::Arc;

/// The committee's epoch.
pub(crate) const EPOCH: u64 = 7;
/// Authorities of the committee: one may be faulty.
pub(crate) const AUTHORITY_COUNT: usize = 4;

/// A network and its committee, with all secret keys.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) id: NetworkId,
    pub(crate) committee: Arc<Committee>,
    pub(crate) secrets: Arc<Vec<SecretKey>>,
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

    /// What an order says that never expires.
    pub(crate) fn pays(&self, recipient: &Address, amount: u64, sequence: u64) -> OrderBody {
        OrderBody {
            sender: self.address,
            recipient: *recipient,
            user_data: [0; 32],
            amount: U64::new(amount),
            sequence: U64::new(sequence),
            expiry_ms: U64::new(u64::MAX),
            recipient_kind: RECIPIENT_ACCOUNT,
            padding: [0; 7],
        }
    }
}

impl Network {
    pub(crate) fn new(authority_count: usize, genesis: &[u8], shard_count: u16) -> Self {
        let secret = |index: usize| SecretKey::from_seed(&[u8::try_from(index).unwrap(); 32]);
        let secrets: Vec<SecretKey> = (0..authority_count).map(secret).collect();
        Self::with_secrets(NetworkId::of_genesis(genesis), EPOCH, secrets, shard_count)
    }

    pub(crate) fn with_secrets(id: NetworkId, epoch: u64, secrets: Vec<SecretKey>, shard_count: u16) -> Self {
        let members = secrets.iter().map(|secret| Member { key: secret.public_key(), weight: 1 }).collect();
        let committee = Arc::new(Committee::new(epoch, members).unwrap());
        Self { id, committee, secrets: Arc::new(secrets), shard_count }
    }

    pub(crate) fn shard_of(&self, address: &Address) -> u16 {
        self.id.shard_of(address, self.shard_count).0
    }

    pub(crate) fn header(&self, kind: Kind, account: &Address) -> Header {
        Header::new(kind, self.shard_of(account), self.id.tag())
    }

    /// What a sender signs: domain, network, body without its padding.
    fn order_message(&self, body: &OrderBody) -> Vec<u8> {
        [b"quittance/order1", &self.id.0[..], &bytemuck::bytes_of(body)[..121]].concat()
    }

    /// What an authority signs for a batch of replies: domain, network, epoch, committee, root.
    pub(crate) fn root_message(&self, root: &Hash) -> Vec<u8> {
        let epoch = self.committee.epoch().to_le_bytes();
        [b"quittance/root/1", &self.id.0[..], &epoch, &self.committee.digest(), root].concat()
    }

    /// The order's name.
    pub(crate) fn digest(&self, body: &OrderBody) -> Digest {
        *blake3::hash(&self.order_message(body)).as_bytes()
    }

    /// An order frame, signed.
    pub(crate) fn signed(&self, payer: &Payer, body: OrderBody) -> Order {
        let signature = payer.secret.sign(&self.order_message(&body));
        Order { header: self.header(Kind::Order, &body.sender), body, signature, r_hint: [0; 32] }
    }

    /// A signed order as a datagram.
    pub(crate) fn order(&self, payer: &Payer, body: OrderBody) -> Vec<u8> {
        bytemuck::bytes_of(&self.signed(payer, body)).to_vec()
    }

    /// The same with a signature that does not verify.
    pub(crate) fn forged_order(&self, payer: &Payer, body: OrderBody) -> Vec<u8> {
        let mut order = self.signed(payer, body);
        order.signature[40] ^= 1;
        bytemuck::bytes_of(&order).to_vec()
    }

    pub(crate) fn query(&self, account: &Address, nonce: u64) -> Vec<u8> {
        let header = self.header(Kind::Query, account);
        let query = Query { header, account: *account, nonce: U64::new(nonce), padding: [0; 96] };
        bytemuck::bytes_of(&query).to_vec()
    }

    /// A question for the newest page of payments made, as long as a datagram can be, but for what `change` makes of it.
    pub(crate) fn history_query(
        &self,
        account: &Address,
        nonce: u64,
        change: impl FnOnce(&mut HistoryQuery),
    ) -> Vec<u8> {
        let zero = U64::new(0);
        let mut query = HistoryQuery {
            header: self.header(Kind::HistoryQuery, account),
            account: *account,
            nonce: U64::new(nonce),
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

    /// Leaves under one signature of this authority: each leaf's proof and path, as frames hold them.
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

    /// An authority's vote, in a tree with `authority` other leaves: voters differ in where their vote lies.
    pub(crate) fn vote(&self, authority: usize, body: &OrderBody) -> Vec<u8> {
        let mut leaves: Vec<Hash> = (0..authority).map(|number| tree::leaf(&number.to_le_bytes())).collect();
        leaves.push(vote_leaf(&self.digest(body)));
        self.sign_leaves(authority, &leaves).remove(authority)
    }

    /// The votes of these authorities.
    pub(crate) fn votes(&self, authorities: &[usize], body: &OrderBody) -> Vec<Vec<u8>> {
        authorities.iter().map(|authority| self.vote(*authority, body)).collect()
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
        let length = frame::encode_certificate(&head, &votes, &mut frame).expect("the votes fit a datagram");
        frame.truncate(length);
        frame
    }

    /// A good certificate with the votes of the three authorities that are not under test.
    pub(crate) fn certify(&self, body: &OrderBody) -> Vec<u8> {
        self.certificate(body, &self.votes(&[1, 2, 3], body))
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

/// A repeatable stream of numbers (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.next().to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    }
}
