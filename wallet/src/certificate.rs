//! Certificates that are kept, checked and handed on.

mod armour;

pub use armour::{ArmourError, FIRST_LINE};

use crate::check::CheckRoots;
use crate::known_roots::SignedRoot;
use crate::terms::Terms;
use core::fmt;
use quittance_engine::message::{order_digest, order_message, vote_leaf};
use quittance_engine::network::NetworkId;
use quittance_engine::types::{Address, Amount, Digest, Sequence};
use quittance_net::frame::{
    self, CERTIFICATE_HEAD_BYTES, CertificateHead, CertificateView, FRAME_BYTES_MAX, Frame, Header, Kind, OrderBody,
    RECIPIENT_ACCOUNT, U64, VoteViews,
};
use quittance_verify::tree::{self, Path};

/// An order and the votes for it: the proof of a payment.
///
/// Two are equal if their votes are, too. What pays once is an order: compare [`Certificate::digest`] for that.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Addressed to no authority in particular: what was read from anywhere is written to everywhere.
    frame: Vec<u8>,
    digest: Digest,
}

/// Why a certificate proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The votes are of another epoch.
    #[error("its votes are of epoch {found}, and the committee's is {expected}; use the committee file of that epoch")]
    Epoch {
        /// The votes'.
        found: u64,
        /// The committee's.
        expected: u64,
    },
    /// A vote names an authority that is not in the committee.
    #[error("a vote is of authority {0}, which is not in the committee")]
    UnknownVoter(u8),
    /// Two votes name one authority.
    #[error("authority {0} votes twice")]
    RepeatedVoter(u8),
    /// The votes weigh less than a quorum.
    #[error("its votes weigh {weight}, and a quorum is {quorum}")]
    NoQuorum {
        /// Their weight.
        weight: u64,
        /// What is needed.
        quorum: u64,
    },
    /// A vote's leaf index lies outside of its tree.
    #[error("the vote of authority {0} has no place in a tree of replies")]
    Path(u8),
    /// A vote's root signature does not verify.
    #[error("the vote of authority {0} is not signed by it, or not for this order")]
    Vote(u8),
}

impl Certificate {
    /// From a frame that was parsed, whoever it was addressed to.
    pub fn from_view(network: &NetworkId, view: &CertificateView<'_>) -> Self {
        let head = CertificateHead { header: placeless(network), ..*view.head };
        let frame = [bytemuck::bytes_of(&head), view.vote_bytes()].concat();
        Self { frame, digest: digest(network, &view.head.body) }
    }

    /// From the bytes of a frame. `None` if they are none of a certificate on this network.
    pub fn from_frame(network: &NetworkId, bytes: &[u8]) -> Option<Self> {
        match frame::parse(bytes) {
            Ok(Frame::Certificate(view)) if view.head.header.network == network.tag_field() => {
                Some(Self::from_view(network, &view))
            }
            _ => None,
        }
    }

    /// From votes, each a proof and its path as a vote frame has them. `None` if they do not fit one datagram, or are none.
    /// Whether they prove anything is for [`Self::check`].
    pub fn of_votes(terms: &Terms, body: &OrderBody, votes: &[&[u8]]) -> Option<Self> {
        let head = CertificateHead {
            header: placeless(terms.network()),
            body: *body,
            epoch: U64::new(terms.committee().epoch()),
            vote_count: u8::try_from(votes.len()).ok()?,
            padding: [0; 7],
        };
        let mut bytes = [0; FRAME_BYTES_MAX];
        let length = frame::encode_certificate(&head, votes, &mut bytes)?;
        Self::from_frame(terms.network(), &bytes[..length])
    }

    /// The order.
    pub fn body(&self) -> &OrderBody {
        &self.head().body
    }

    /// The order's name.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The order's place among its sender's payments.
    pub fn sequence(&self) -> Sequence {
        Sequence(self.head().body.sequence.get())
    }

    /// What is paid.
    pub fn amount(&self) -> Amount {
        Amount(self.head().body.amount.get())
    }

    /// Whether it pays this account.
    pub fn pays(&self, account: &Address) -> bool {
        self.body().recipient_kind == RECIPIENT_ACCOUNT && self.body().recipient == *account
    }

    /// The votes.
    pub fn votes(&self) -> VoteViews<'_> {
        self.view().votes()
    }

    /// Its length as a frame: bytes.
    pub fn byte_count(&self) -> usize {
        self.frame.len()
    }

    /// The frame that carries it to an authority.
    pub fn frame(&self, terms: &Terms, authority: u8) -> Vec<u8> {
        let header = terms.header(Kind::Certificate, authority, &self.body().sender);
        let mut frame = self.frame.clone();
        frame[..size_of::<Header>()].copy_from_slice(bytemuck::bytes_of(&header));
        frame
    }

    /// The frame to no authority in particular: what files and records hold.
    pub fn placeless_frame(&self) -> &[u8] {
        &self.frame
    }

    /// Whether it proves the payment under these terms: voters known and distinct, of a quorum's weight, each with a root
    /// that it signed.
    ///
    /// # Errors
    /// The first [`CertificateError`] found; nobody's signature is checked before weights and paths are.
    pub fn check(&self, terms: &Terms, roots: &mut impl CheckRoots) -> Result<(), CertificateError> {
        self.check_roots(terms, |signed| {
            roots.check(signed.authority, &terms.context().message(&signed.root), &signed.signature)
        })
    }

    /// As [`Self::check`], with another judge of roots.
    pub(crate) fn check_roots(
        &self,
        terms: &Terms,
        mut is_signed: impl FnMut(&SignedRoot) -> bool,
    ) -> Result<(), CertificateError> {
        let (found, expected) = (self.head().epoch.get(), terms.committee().epoch());
        if found != expected {
            return Err(CertificateError::Epoch { found, expected });
        }
        self.check_weight(terms)?;
        let leaf = vote_leaf(&self.digest);
        let mut claims = Vec::with_capacity(usize::from(self.head().vote_count));
        for vote in self.votes() {
            let (authority, signature) = (vote.proof.authority, vote.proof.root_signature);
            let path = Path { leaf_index: vote.proof.leaf_index.get(), siblings: vote.path };
            let root = tree::root_from_path(&leaf, path).ok_or(CertificateError::Path(authority))?;
            claims.push(SignedRoot { authority, root, signature });
        }
        match claims.iter().find(|claim| !is_signed(claim)) {
            Some(claim) => Err(CertificateError::Vote(claim.authority)),
            None => Ok(()),
        }
    }

    fn check_weight(&self, terms: &Terms) -> Result<(), CertificateError> {
        let mut seen = [false; 256];
        let mut weight = 0_u64;
        for vote in self.votes() {
            let authority = vote.proof.authority;
            if usize::from(authority) >= terms.authority_count() {
                return Err(CertificateError::UnknownVoter(authority));
            }
            if core::mem::replace(&mut seen[usize::from(authority)], true) {
                return Err(CertificateError::RepeatedVoter(authority));
            }
            let sum = weight.checked_add(terms.weight(authority));
            weight = sum.expect("distinct members weigh at most the committee's total");
        }
        let quorum = terms.quorum();
        if weight < quorum {
            return Err(CertificateError::NoQuorum { weight, quorum });
        }
        Ok(())
    }

    fn head(&self) -> &CertificateHead {
        bytemuck::from_bytes(&self.frame[..CERTIFICATE_HEAD_BYTES])
    }

    fn view(&self) -> CertificateView<'_> {
        match frame::parse(&self.frame) {
            Ok(Frame::Certificate(view)) => view,
            _ => unreachable!("it was read from such a frame"),
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body();
        let (sender, recipient) = (hex::encode(&body.sender[..4]), hex::encode(&body.recipient[..4]));
        write!(out, "Certificate({sender}.. #{} pays {} to {recipient}.., ", body.sequence.get(), body.amount.get())?;
        write!(out, "{} votes)", self.head().vote_count)
    }
}

/// An order's name on a network.
pub fn digest(network: &NetworkId, body: &OrderBody) -> Digest {
    order_digest(&order_message(network, body))
}

/// A header for no authority: shard 0.
fn placeless(network: &NetworkId) -> Header {
    Header::new(Kind::Certificate, 0, network.tag())
}

#[cfg(test)]
mod tests;
