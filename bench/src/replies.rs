//! Judging replies: none is believed before source, network, digest, authority, path and signature are checked.
//!
//! Replies are taken in one by one as they arrive ([`Replies::take`]), with every check that costs no signature; roots not
//! met before are gathered, so that [`Replies::verify`] can check their signatures together. What is left after that are
//! [`Claim`]s to act upon.

use crate::limits::{KNOWN_ROOT_COUNT, REPLY_COUNT_MAX, ROOT_BATCH_MAX};
use crate::terms::Terms;
use quittance_engine::message::{ROOT_MESSAGE_BYTES, receipt_leaf, vote_leaf};
use quittance_engine::reject::Reject;
use quittance_engine::types::{Digest, Peer};
use quittance_net::frame::{Frame, Hash, Header, PATH_LEVELS_MAX, PROOF_BYTES, RejectionView, ReplyView, parse};
use quittance_verify::{BackendKind, Item, Verifier};
use quittance_wallet::directory::Directory;
use quittance_wallet::known_roots::{KnownRoots, SignedRoot};
pub use quittance_wallet::proof::Fault;
use quittance_wallet::proof::{refusal, signed_rejection, signed_root, speaker};

/// A vote's bytes in a certificate are at most this long.
pub const VOTE_BYTES_MAX: usize = PROOF_BYTES + PATH_LEVELS_MAX * size_of::<Hash>();

/// How far back a root is looked for among those that wait for their check: replies of one batch come together.
const ROOT_LOOK_BACK: usize = 8;

/// What a reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// The authority votes for the order.
    Vote,
    /// The authority applied the certificate.
    Receipt,
    /// The authority refuses.
    Rejection(Reject),
}

/// A reply that passed all checks.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Which payment it speaks of.
    pub payment: u32,
    /// Who speaks.
    pub authority: u8,
    /// What it says.
    pub statement: Statement,
    /// The order that stands in the way, if a rejection names one; otherwise zero.
    pub other: Digest,
    /// Which of the roots of this turn proves it; `None` if a root known before does, or if it carries no proof.
    root: Option<u32>,
    vote: [u8; VOTE_BYTES_MAX],
    vote_bytes: u16,
}

impl Claim {
    /// A vote's proof and path, as a certificate repeats them.
    pub fn vote(&self) -> &[u8] {
        &self.vote[..usize::from(self.vote_bytes)]
    }
}

/// Why a well-formed reply is not needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unexpected {
    /// It repeats what was said before, or comes after its payment ended. Repetition is normal when requests are repeated.
    Late,
    /// The server cannot honestly have sent it.
    Faulty(Fault),
}

/// What is known of payments: which replies are awaited.
pub trait Expectations {
    /// The payment of this digest, if `authority` may say this of it now.
    ///
    /// # Errors
    /// [`Unexpected`].
    fn expect(&self, digest: &Digest, authority: u8, statement: Statement) -> Result<u32, Unexpected>;
}

/// Counts of what was not acted upon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyCounters {
    /// By [`Fault`].
    pub faults: [u64; Fault::ALL.len()],
    /// See [`Unexpected::Late`].
    pub late: u64,
    /// Replies that one turn had no room for.
    pub overrun: u64,
}

impl ReplyCounters {
    /// All faults together.
    pub fn invalid(&self) -> u64 {
        self.faults.iter().sum()
    }
}

/// A root of this turn whose signature is not known.
#[derive(Debug)]
struct Candidate {
    signed: SignedRoot,
    message: [u8; ROOT_MESSAGE_BYTES],
    good: bool,
}

/// Judges replies, turn by turn. Allocates nothing after it is made, except what the verifier takes within a batch.
#[derive(Debug)]
pub struct Replies<'a> {
    terms: &'a Terms,
    directory: &'a Directory,
    known: KnownRoots,
    verifier: Verifier,
    verdicts: Vec<bool>,
    candidates: Vec<Candidate>,
    claims: Vec<Claim>,
    counters: ReplyCounters,
}

impl<'a> Replies<'a> {
    /// A judge of replies under these terms. The seed is for the verifier's weights: secret and fresh.
    pub fn new(terms: &'a Terms, directory: &'a Directory, verifier_seed: [u8; 32]) -> Self {
        Self {
            terms,
            directory,
            known: KnownRoots::with_capacity(KNOWN_ROOT_COUNT),
            verifier: Verifier::new(BackendKind::best(), verifier_seed),
            verdicts: Vec::with_capacity(ROOT_BATCH_MAX),
            candidates: Vec::with_capacity(REPLY_COUNT_MAX),
            claims: Vec::with_capacity(REPLY_COUNT_MAX),
            counters: ReplyCounters::default(),
        }
    }

    /// Takes in a datagram: keeps it for [`Self::verify`], or counts why not.
    pub fn take(&mut self, peer: Peer, datagram: &[u8], expectations: &impl Expectations) {
        if self.claims.len() == REPLY_COUNT_MAX {
            self.counters.overrun += 1;
            return;
        }
        match self.judge(peer, datagram, expectations) {
            Ok(claim) => self.claims.push(claim),
            Err(Unexpected::Late) => self.counters.late += 1,
            Err(Unexpected::Faulty(fault)) => self.count(fault),
        }
    }

    /// Checks the signatures of this turn's new roots and drops the claims whose root is bad.
    pub fn verify(&mut self) {
        let mut start = 0;
        while start < self.candidates.len() {
            let end = self.candidates.len().min(start + ROOT_BATCH_MAX);
            self.verify_roots(start, end);
            start = end;
        }
        let (candidates, counters) = (&self.candidates, &mut self.counters);
        self.claims.retain(|claim| {
            let good = claim.root.is_none_or(|root| candidates[root as usize].good);
            counters.faults[Fault::Signature as usize] += u64::from(!good);
            good
        });
        self.candidates.clear();
    }

    /// The claims of this turn, in the order of arrival. Call [`Self::verify`] before and [`Self::clear`] after.
    pub fn claims(&self) -> &[Claim] {
        assert!(self.candidates.is_empty(), "claims are read after verification");
        &self.claims
    }

    /// Ends the turn.
    pub fn clear(&mut self) {
        self.claims.clear();
    }

    /// What was not acted upon so far.
    pub fn counters(&self) -> &ReplyCounters {
        &self.counters
    }

    fn count(&mut self, fault: Fault) {
        self.counters.faults[fault as usize] += 1;
    }

    fn judge(&mut self, peer: Peer, datagram: &[u8], expectations: &impl Expectations) -> Result<Claim, Unexpected> {
        let frame = parse(datagram).map_err(|_| Unexpected::Faulty(Fault::Malformed))?;
        let (statement, digest, header) = match &frame {
            Frame::Vote(view) => (Statement::Vote, &view.head.digest, &view.head.header),
            Frame::Receipt(view) => (Statement::Receipt, &view.head.digest, &view.head.header),
            Frame::Rejection(view) => (rejection(view)?, &view.head.subject, &view.head.header),
            // Answers to the audit's questions, repeated.
            Frame::Info(_) => return Err(Unexpected::Late),
            _ => return Err(Unexpected::Faulty(Fault::Kind)),
        };
        let authority = self.authority(peer, header)?;
        let payment = expectations.expect(digest, authority, statement)?;
        let (other, vote) = ([0; 32], [0; VOTE_BYTES_MAX]);
        let mut claim = Claim { payment, authority, statement, other, root: None, vote, vote_bytes: 0 };
        match &frame {
            Frame::Vote(view) => {
                claim.root = self.prove(authority, vote_leaf(digest), view)?;
                claim.vote[..view.proof_bytes.len()].copy_from_slice(view.proof_bytes);
                claim.vote_bytes = u16::try_from(view.proof_bytes.len()).expect("copied into fewer bytes");
            }
            Frame::Receipt(view) => claim.root = self.prove(authority, receipt_leaf(digest), view)?,
            Frame::Rejection(view) => {
                claim.other = view.head.other;
                claim.root = self.prove_rejection(authority, view)?;
            }
            _ => unreachable!("other kinds were refused above"),
        }
        Ok(claim)
    }

    /// Who answers: by source address, and the header must agree.
    fn authority(&self, peer: Peer, header: &Header) -> Result<u8, Unexpected> {
        speaker(&self.terms.network, self.directory, peer, header).map_err(Unexpected::Faulty)
    }

    fn prove(&mut self, authority: u8, leaf: Hash, view: &ReplyView<'_>) -> Result<Option<u32>, Unexpected> {
        let signed = signed_root(authority, &leaf, &view.head.proof, view.path, self.terms.path_levels_max);
        Ok(self.unknown(signed.map_err(Unexpected::Faulty)?))
    }

    /// A rejection without a proof is believed: it carries no more than the loss of a payment, which counts against the
    /// server that sent it.
    fn prove_rejection(&mut self, authority: u8, view: &RejectionView<'_>) -> Result<Option<u32>, Unexpected> {
        let signed = signed_rejection(authority, view, self.terms.path_levels_max).map_err(Unexpected::Faulty)?;
        Ok(signed.and_then(|signed| self.unknown(signed)))
    }

    /// The candidate that this root is; `None` if it is known.
    fn unknown(&mut self, signed: SignedRoot) -> Option<u32> {
        (!self.known.contains(&signed)).then(|| self.candidate(signed))
    }

    fn candidate(&mut self, signed: SignedRoot) -> u32 {
        let recent = self.candidates.iter().enumerate().rev().take(ROOT_LOOK_BACK);
        let met = recent.filter(|(_, candidate)| candidate.signed == signed).map(|(index, _)| index).next();
        let index = met.unwrap_or_else(|| {
            let message = self.terms.context.message(&signed.root);
            self.candidates.push(Candidate { signed, message, good: false });
            self.candidates.len() - 1
        });
        u32::try_from(index).expect("there are at most as many candidates as claims")
    }

    fn verify_roots(&mut self, start: usize, end: usize) {
        let batch = &self.candidates[start..end];
        let items: [Item<'_>; ROOT_BATCH_MAX] = std::array::from_fn(|index| {
            // Places beyond the batch repeat its first item and are cut off below.
            let candidate = batch.get(index).unwrap_or(&batch[0]);
            Item {
                key: &self.terms.keys[usize::from(candidate.signed.authority)],
                message: &candidate.message,
                signature: &candidate.signed.signature,
                hint: None,
            }
        });
        self.verifier.verify_batch(&items[..batch.len()], &mut self.verdicts);
        for (candidate, good) in self.candidates[start..end].iter_mut().zip(&self.verdicts) {
            candidate.good = *good;
            if *good {
                self.known.insert(&candidate.signed);
            }
        }
    }
}

fn rejection(view: &RejectionView<'_>) -> Result<Statement, Unexpected> {
    Ok(Statement::Rejection(refusal(view).map_err(Unexpected::Faulty)?.code))
}

#[cfg(test)]
mod tests;
