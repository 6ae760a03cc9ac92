//! Votes that are gathered for one order, each of them checked.

use super::around::Around;
use super::book::Certificate;
use quittance_engine::message::{order_digest, order_message, receipt_leaf, vote_leaf};
use quittance_engine::types::Digest;
use quittance_net::frame::{CertificateView, Hash, Kind, OrderBody, Proof, ReplyView, VoteView};
use quittance_verify::tree::{Path, root_from_path};
use std::collections::BTreeSet;
use std::rc::Rc;

/// See the module's docs.
#[derive(Clone, Debug)]
pub struct Ballot {
    /// The order.
    pub body: OrderBody,
    /// Its name.
    pub digest: Digest,
    /// The owner's signature.
    pub signature: [u8; 64],
    /// By authority: proof and path.
    pub votes: Vec<Option<Vec<u8>>>,
}

impl Ballot {
    /// No votes yet.
    pub fn new(around: &Around, body: OrderBody, digest: Digest, signature: [u8; 64]) -> Self {
        Self { body, digest, signature, votes: vec![None; around.member_count()] }
    }

    /// Counts a vote, if it is one for this order.
    pub fn count(&mut self, vote: &ReplyView<'_>, around: &mut Around) {
        if vote.head.digest != self.digest {
            return;
        }
        if let Some(authority) = speaker(vote, Kind::Vote, around) {
            self.votes[authority] = Some(vote.proof_bytes.to_vec());
        }
    }

    /// The certificate, if there are votes for it.
    pub fn certificate(&self, around: &mut Around) -> Option<Rc<Certificate>> {
        let quorum = around.ground.quorum();
        let voters = self.votes.iter().filter(|vote| vote.is_some()).count();
        if voters < quorum {
            return None;
        }
        let mut votes: Vec<Vec<u8>> = self.votes.iter().flatten().cloned().collect();
        around.chance.shuffle(&mut votes);
        votes.truncate(quorum);
        Some(Rc::new(Certificate { body: self.body, digest: self.digest, votes }))
    }
}

/// Which authority says this; `None` if it did not sign it.
pub fn speaker(reply: &ReplyView<'_>, kind: Kind, around: &mut Around) -> Option<usize> {
    signer(&reply.head.proof, reply.path, kind, &reply.head.digest, around)
}

/// Whether a quorum voted for what a certificate says.
pub fn is_proved(certificate: &CertificateView<'_>, around: &mut Around) -> bool {
    let digest = order_digest(&order_message(&around.ground.context.network, &certificate.head.body));
    let voter = |vote: VoteView<'_>| signer(vote.proof, vote.path, Kind::Vote, &digest, around);
    let voters: Option<BTreeSet<usize>> = certificate.votes().map(voter).collect();
    let is_of_epoch = certificate.head.epoch.get() == around.ground.context.epoch;
    voters.is_some_and(|voters| voters.len() >= around.ground.quorum()) && is_of_epoch
}

fn signer(proof: &Proof, path: &[Hash], kind: Kind, digest: &Digest, around: &mut Around) -> Option<usize> {
    let Proof { root_signature, leaf_index, authority, .. } = *proof;
    let leaf = if kind == Kind::Vote { vote_leaf(digest) } else { receipt_leaf(digest) };
    let root = root_from_path(&leaf, Path { leaf_index: leaf_index.get(), siblings: path })?;
    let message = around.ground.context.message(&root);
    let authority = usize::from(authority);
    let is_member = authority < around.member_count();
    (is_member && around.notary.is_signed(&around.keys, authority, &message, &root_signature)).then_some(authority)
}
