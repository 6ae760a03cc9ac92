//! Replies: leaves of one signed tree per batch, and the unsigned rest.

use super::Shard;
use crate::journal::RecordNumber;
use crate::limits::REPLY_BATCH_MAX;
use crate::message::{receipt_leaf, rejection_leaf, vote_leaf};
use crate::mutant::Mutant;
use crate::reject::Refusal;
use crate::release::{Durable, Withheld};
use crate::types::{Digest, Peer};
use quittance_net::frame::{
    Hash, Header, Info, Kind, PATH_LEVELS_MAX, Proof, REJECTION_HEAD_BYTES, REPLY_HEAD_BYTES, RejectionHead, ReplyHead,
    U16, U64, rejection_bytes, reply_bytes,
};
use quittance_verify::tree::{self, Tree};

/// Where reply frames go.
pub trait Outlet {
    /// Room for one frame of exactly `length` bytes to `peer`. The caller fills all of it before it asks again.
    fn frame(&mut self, peer: Peer, length: usize) -> &mut [u8];
}

/// What a leaf says.
#[derive(Clone, Copy, Debug)]
enum Statement {
    Vote,
    Receipt,
    Rejection(Refusal),
}

#[derive(Clone, Copy, Debug)]
struct ProvenReply {
    peer: Peer,
    subject: Digest,
    statement: Statement,
}

#[derive(Clone, Copy, Debug)]
enum PlainReply {
    Rejection { peer: Peer, subject: Digest, refusal: Refusal },
    Info { peer: Peer, info: Info },
}

/// Replies that wait for [`Shard::send_replies`].
#[derive(Debug)]
pub(super) struct Replies {
    proven: Withheld<ProvenReply>,
    plain: Withheld<PlainReply>,
    /// One batch: what is signed together.
    leaving: Vec<Durable<ProvenReply>>,
    leaves: Vec<tree::Hash>,
    tree: Tree,
    batch_max: usize,
    waiting_max: usize,
}

impl Replies {
    /// For so many replies of each sort.
    pub(super) fn new(path_levels_max: usize, waiting_max: usize) -> Self {
        let batch_max = 1 << path_levels_max;
        assert!(batch_max <= REPLY_BATCH_MAX);
        Self {
            proven: Withheld::with_capacity(waiting_max),
            plain: Withheld::with_capacity(waiting_max),
            leaving: Vec::with_capacity(batch_max),
            leaves: Vec::with_capacity(batch_max),
            tree: Tree::with_capacity(batch_max),
            batch_max,
            waiting_max,
        }
    }

    /// Replies that wait, for the disk or to be fetched.
    pub(super) fn waiting_count(&self) -> usize {
        self.proven.len() + self.plain.len()
    }
}

impl Shard {
    /// Writes every reply that may leave to the outlet. Proven ones are gathered under as few signatures as paths allow.
    pub fn send_replies(&mut self, outlet: &mut impl Outlet) {
        let durable = self.journal.durable();
        while let Some(reply) = self.replies.plain.pop(durable) {
            match reply.get() {
                PlainReply::Info { peer, info } => {
                    outlet.frame(*peer, size_of::<Info>()).copy_from_slice(bytemuck::bytes_of(info));
                }
                PlainReply::Rejection { peer, subject, refusal } => {
                    let head = rejection_head(self.shard.0, self.network_tag, subject, refusal);
                    outlet.frame(*peer, rejection_bytes(None)).copy_from_slice(bytemuck::bytes_of(&head));
                }
            }
        }
        // Each waited until what it tells was durable, before it was answered.
        while let Some(reply) = self.pop_history_reply() {
            outlet.frame(reply.peer(), reply.bytes().len()).copy_from_slice(reply.bytes());
        }
        let mut leaving = core::mem::take(&mut self.replies.leaving);
        while self.replies.proven.has_durable(durable) {
            let replies = core::iter::from_fn(|| self.replies.proven.pop(durable));
            leaving.extend(replies.take(self.replies.batch_max));
            self.send_proven(&leaving, outlet);
            leaving.clear();
        }
        self.replies.leaving = leaving;
    }

    /// Whether [`Self::send_replies`] would send anything.
    pub fn has_replies(&self) -> bool {
        let durable = self.journal.durable();
        self.has_history_replies()
            || self.replies.plain.has_durable(durable)
            || self.replies.proven.has_durable(durable)
    }

    pub(super) fn reply_vote(&mut self, peer: Peer, digest: Digest) {
        self.push_proven(ProvenReply { peer, subject: digest, statement: Statement::Vote });
    }

    /// The vote that the order has: again.
    pub(super) fn repeat_vote(&mut self, peer: Peer, digest: Digest) {
        let reply = ProvenReply { peer, subject: digest, statement: Statement::Vote };
        if !self.leaks(Mutant::RepeatedVoteLeaks, reply) {
            self.push_proven(reply);
        }
    }

    pub(super) fn reply_receipt(&mut self, peer: Peer, digest: Digest) {
        self.push_proven(ProvenReply { peer, subject: digest, statement: Statement::Receipt });
    }

    pub(super) fn reply_info(&mut self, peer: Peer, info: Info) {
        self.push_plain(PlainReply::Info { peer, info });
    }

    /// Refuses without a signature: the request's own was not checked or is bad.
    pub(super) fn refuse(&mut self, peer: Peer, subject: Digest, refusal: Refusal) {
        self.counters.rejects.count(refusal.code);
        self.push_plain(PlainReply::Rejection { peer, subject, refusal });
    }

    /// Refuses an order whose signature is good.
    pub(super) fn refuse_proven(&mut self, peer: Peer, subject: Digest, refusal: Refusal) {
        self.counters.rejects.count(refusal.code);
        self.push_proven(ProvenReply { peer, subject, statement: Statement::Rejection(refusal) });
    }

    fn push_proven(&mut self, reply: ProvenReply) {
        let is_leaked = match reply.statement {
            Statement::Vote => self.leaks(Mutant::VoteBeforeDurable, reply),
            Statement::Receipt => self.leaks(Mutant::ReceiptBeforeDurable, reply),
            Statement::Rejection(_) => false,
        };
        if is_leaked {
            return;
        }
        if self.replies.proven.len() < self.replies.waiting_max {
            self.replies.proven.push(self.journal.made(), reply);
        } else {
            self.counters.replies_dropped += 1;
        }
    }

    fn push_plain(&mut self, reply: PlainReply) {
        if self.replies.plain.len() < self.replies.waiting_max {
            let is_early = self.planted.is(Mutant::AnswerBeforeDurable);
            let after = if is_early { RecordNumber::default() } else { self.journal.made() };
            self.replies.plain.push(after, reply);
        } else {
            self.counters.replies_dropped += 1;
        }
    }

    /// Whether this bug was planted; then the reply is on its way.
    #[cfg(feature = "mutants")]
    fn leaks(&mut self, mutant: Mutant, reply: ProvenReply) -> bool {
        let leaks = self.planted.is(mutant);
        if leaks {
            self.replies.proven.leak(reply);
        }
        leaks
    }

    #[cfg(not(feature = "mutants"))]
    fn leaks(&self, _: Mutant, _: ProvenReply) -> bool {
        false
    }

    /// One tree, one signature, one frame per reply. This is the only place where an authority signs, and it takes nothing that
    /// the journal has not let go.
    fn send_proven(&mut self, batch: &[Durable<ProvenReply>], outlet: &mut impl Outlet) {
        let replies = &mut self.replies;
        replies.leaves.clear();
        replies.leaves.extend(batch.iter().map(|reply| reply.get().leaf()));
        let root = replies.tree.build(&replies.leaves);
        let root_signature = self.secret.sign(&self.context.message(&root));
        self.counters.roots_signed += 1;
        self.reply_batches.record(batch.len() as u64);
        // Our own votes come back in certificates.
        self.roots.insert(self.authority_index.into(), &root, &root_signature);
        let level_count = replies.tree.levels();
        let mut path = [[0; 32]; PATH_LEVELS_MAX];
        for (leaf_index, reply) in batch.iter().enumerate() {
            let path = &mut path[..level_count];
            replies.tree.path(leaf_index, path);
            let proof = Proof {
                root_signature,
                leaf_index: U16::new(u16::try_from(leaf_index).expect("REPLY_BATCH_MAX fits 16 bits")),
                authority: self.authority_index,
                path_count: u8::try_from(level_count).expect("PATH_LEVELS_MAX fits a byte"),
                padding: [0; 4],
            };
            reply.get().write(self.shard.0, self.network_tag, proof, path, outlet);
        }
    }
}

impl ProvenReply {
    fn leaf(&self) -> tree::Hash {
        match &self.statement {
            Statement::Vote => vote_leaf(&self.subject),
            Statement::Receipt => receipt_leaf(&self.subject),
            Statement::Rejection(refusal) => rejection_leaf(&self.subject, refusal),
        }
    }

    fn write(&self, shard: u16, network_tag: u64, proof: Proof, path: &[Hash], outlet: &mut impl Outlet) {
        let path_bytes: &[u8] = bytemuck::cast_slice(path);
        match &self.statement {
            Statement::Vote => self.write_reply(Header::new(Kind::Vote, shard, network_tag), proof, path_bytes, outlet),
            Statement::Receipt => {
                self.write_reply(Header::new(Kind::Receipt, shard, network_tag), proof, path_bytes, outlet);
            }
            Statement::Rejection(refusal) => {
                let head = RejectionHead { proven: 1, ..rejection_head(shard, network_tag, &self.subject, refusal) };
                let out = outlet.frame(self.peer, rejection_bytes(Some(path.len())));
                let (out_head, out) = out.split_at_mut(REJECTION_HEAD_BYTES);
                let (out_proof, out_path) = out.split_at_mut(size_of::<Proof>());
                out_head.copy_from_slice(bytemuck::bytes_of(&head));
                out_proof.copy_from_slice(bytemuck::bytes_of(&proof));
                out_path.copy_from_slice(path_bytes);
            }
        }
    }

    fn write_reply(&self, header: Header, proof: Proof, path: &[u8], outlet: &mut impl Outlet) {
        let head = ReplyHead { header, digest: self.subject, proof };
        let out = outlet.frame(self.peer, reply_bytes(usize::from(proof.path_count)));
        let (out_head, out_path) = out.split_at_mut(REPLY_HEAD_BYTES);
        out_head.copy_from_slice(bytemuck::bytes_of(&head));
        out_path.copy_from_slice(path);
    }
}

pub(crate) fn rejection_head(shard: u16, network_tag: u64, subject: &Digest, refusal: &Refusal) -> RejectionHead {
    RejectionHead {
        header: Header::new(Kind::Rejection, shard, network_tag),
        subject: *subject,
        other: refusal.other,
        detail: U64::new(refusal.detail),
        code: refusal.code as u8,
        proven: 0,
        padding: [0; 6],
    }
}
