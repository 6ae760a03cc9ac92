//! A committee with its secret keys, and certificates by it: for tests.

use crate::certificate::Certificate;
use crate::terms::Terms;
use quittance_engine::committee::{Committee, Member, MemberEntry};
use quittance_engine::message::vote_leaf;
use quittance_engine::network::NetworkId;
use quittance_engine::types::Address;
use quittance_net::frame::{OrderBody, Proof, RECIPIENT_ACCOUNT, U16, U64};
use quittance_verify::{SecretKey, tree};

pub(crate) struct Fixture {
    pub(crate) terms: Terms,
    secrets: Vec<SecretKey>,
}

impl Fixture {
    /// Authorities of these weights, with keys that follow from `seed`.
    pub(crate) fn new(weights: &[u64], seed: u8) -> Self {
        let secrets: Vec<SecretKey> =
            (0..).zip(weights).map(|(index, _)| SecretKey::from_seed(&[seed + index; 32])).collect();
        let member = |(secret, weight): (&SecretKey, &u64)| Member { key: secret.public_key(), weight: *weight };
        let committee = Committee::new(0, secrets.iter().zip(weights).map(member).collect()).unwrap();
        let entry = |(secret, weight): (&SecretKey, &u64)| MemberEntry {
            key: secret.public_key_bytes(),
            host: [127, 0, 0, 1].into(),
            hosts: Vec::new(),
            port: 9_000,
            shards: 2,
            weight: *weight,
        };
        let entries: Vec<MemberEntry> = secrets.iter().zip(weights).map(entry).collect();
        Self { terms: Terms::of(NetworkId([7; 32]), committee, &entries), secrets }
    }

    /// An authority's vote, as a vote frame's proof and path; its tree has a second leaf.
    pub(crate) fn vote(&self, authority: u8, body: &OrderBody) -> Vec<u8> {
        let digest = crate::certificate::digest(self.terms.network(), body);
        let sibling = tree::leaf(&[authority]);
        let root = tree::node(&vote_leaf(&digest), &sibling);
        let root_signature = self.secrets[usize::from(authority)].sign(&self.terms.context().message(&root));
        let proof = Proof { root_signature, leaf_index: U16::new(0), authority, path_count: 1, padding: [0; 4] };
        [bytemuck::bytes_of(&proof), &sibling[..]].concat()
    }

    /// With the votes of these.
    pub(crate) fn certificate(&self, body: &OrderBody, voters: &[u8]) -> Certificate {
        let votes: Vec<Vec<u8>> = voters.iter().map(|authority| self.vote(*authority, body)).collect();
        let votes: Vec<&[u8]> = votes.iter().map(Vec::as_slice).collect();
        Certificate::of_votes(&self.terms, body, &votes).unwrap()
    }
}

pub(crate) fn body(sender: Address, recipient: Address, amount: u64, sequence: u64) -> OrderBody {
    OrderBody {
        sender,
        recipient,
        user_data: [0; 32],
        amount: U64::new(amount),
        sequence: U64::new(sequence),
        expiry_ms: U64::new(u64::MAX),
        recipient_kind: RECIPIENT_ACCOUNT,
        padding: [0; 7],
    }
}
