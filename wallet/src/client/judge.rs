//! From a datagram to a word that may be acted upon: everything that can be known to be false about it is refused here.

use super::face::Answer;
use super::post::{Key, Purpose, Subject};
use super::shared::Core;
use super::survey::Page;
use crate::certificate::{Certificate, CertificateError};
use crate::check::CheckRoots;
use crate::known_roots::SignedRoot;
use crate::mutant::Mutant;
use crate::proof::{self, Fault};
use quittance_engine::message::{ROOT_MESSAGE_BYTES, receipt_leaf, vote_leaf};
use quittance_engine::reject::{Refusal, Reject};
use quittance_engine::types::{Balance, Digest, Peer, Sequence};
use quittance_net::frame::{
    CertificateView, Frame, HISTORY_CERTIFICATE, HistoryPageView, Info, RejectionView, ReplyView, parse,
};

/// What an authority answers.
#[derive(Clone, Debug)]
pub(super) enum Word {
    /// It votes: proof and path.
    Vote(Vec<u8>),
    /// It applied the certificate.
    Receipt,
    /// It refuses. Without a proof this is a hint, from the right address.
    Refused(Refusal),
    /// What it holds of the account.
    Account(Answer),
    /// A page of the history.
    Page(Page),
    /// The certificate asked for is further back, here.
    Further(u64),
    /// The certificate asked for, checked.
    Certificate(Certificate),
    /// Nothing, often enough.
    Silence,
}

/// What came, and to which questions it is the answer: none if it comes too late.
pub(super) struct Judged {
    pub(super) keys: Vec<Key>,
    pub(super) word: Word,
}

impl Core {
    /// Judges a datagram; counts what is wrong with it.
    pub(super) fn judge(&mut self, peer: Peer, datagram: &[u8], roots: &mut impl CheckRoots) -> Option<Judged> {
        let source = self.terms.directory().source(peer).map(|source| source.authority);
        let Some(authority) = source else {
            self.stranger();
            return None;
        };
        self.read(authority, peer, datagram, roots).unwrap_or_else(|fault| {
            self.fault(authority, fault);
            None
        })
    }

    fn read(
        &mut self,
        authority: u8,
        peer: Peer,
        datagram: &[u8],
        roots: &mut impl CheckRoots,
    ) -> Result<Option<Judged>, Fault> {
        let frame = parse(datagram).map_err(|_| Fault::Malformed)?;
        let header = match &frame {
            Frame::Vote(view) | Frame::Receipt(view) => &view.head.header,
            Frame::Rejection(view) => &view.head.header,
            Frame::Info(info) => &info.header,
            Frame::HistoryPage(page) => &page.head.header,
            Frame::Certificate(view) => &view.head.header,
            _ => return Err(Fault::Kind),
        };
        proof::speaker(self.terms.network(), self.terms.directory(), peer, header)?;
        match &frame {
            Frame::Vote(view) => self.read_vote(authority, view, roots),
            Frame::Receipt(view) => self.read_receipt(authority, view, roots),
            Frame::Rejection(view) => self.read_rejection(authority, view, roots),
            Frame::Info(info) => Ok(self.read_info(authority, info)),
            Frame::HistoryPage(page) => Ok(self.read_page(authority, page)),
            Frame::Certificate(view) => self.read_certificate(authority, view, roots),
            _ => unreachable!("other kinds were refused above"),
        }
    }

    fn read_vote(
        &mut self,
        authority: u8,
        view: &ReplyView<'_>,
        roots: &mut impl CheckRoots,
    ) -> Result<Option<Judged>, Fault> {
        let key = Key { authority, subject: Subject::Order(view.head.digest) };
        if self.post.purpose(&key).is_none() {
            return Ok(None);
        }
        if !self.planted.is(Mutant::VoteUnchecked) {
            let levels = self.terms.committee().path_levels_max();
            let leaf = vote_leaf(&view.head.digest);
            let signed = proof::signed_root(authority, &leaf, &view.head.proof, view.path, levels)?;
            self.check_root(&signed, roots)?;
        }
        Ok(Some(Judged { keys: vec![key], word: Word::Vote(view.proof_bytes.to_vec()) }))
    }

    fn read_receipt(
        &mut self,
        authority: u8,
        view: &ReplyView<'_>,
        roots: &mut impl CheckRoots,
    ) -> Result<Option<Judged>, Fault> {
        let key = Key { authority, subject: Subject::Certificate(view.head.digest) };
        if self.post.purpose(&key).is_none() {
            return Ok(None);
        }
        let levels = self.terms.committee().path_levels_max();
        let leaf = receipt_leaf(&view.head.digest);
        let signed = proof::signed_root(authority, &leaf, &view.head.proof, view.path, levels)?;
        self.check_root(&signed, roots)?;
        Ok(Some(Judged { keys: vec![key], word: Word::Receipt }))
    }

    fn read_rejection(
        &mut self,
        authority: u8,
        view: &RejectionView<'_>,
        roots: &mut impl CheckRoots,
    ) -> Result<Option<Judged>, Fault> {
        let refusal = proof::refusal(view)?;
        let keys = self.refused_keys(authority, &view.head.subject, &refusal);
        if keys.is_empty() {
            return Ok(None);
        }
        let levels = self.terms.committee().path_levels_max();
        if let Some(signed) = proof::signed_rejection(authority, view, levels)? {
            self.check_root(&signed, roots)?;
        }
        Ok(Some(Judged { keys, word: Word::Refused(refusal) }))
    }

    /// A refusal names an order or an account, not the question: those that it can be the answer to.
    fn refused_keys(&self, authority: u8, subject: &Digest, refusal: &Refusal) -> Vec<Key> {
        let named = [Subject::Order(*subject), Subject::Certificate(*subject)];
        let named = named.into_iter().map(|subject| Key { authority, subject });
        let mut keys: Vec<Key> = named.filter(|key| self.post.purpose(key).is_some()).collect();
        let is_of_history = matches!(refusal.code, Reject::NoHistory | Reject::NotHere | Reject::BadPosition);
        if !is_of_history {
            let queries = self.post.about(authority, *subject, |account, nonce| Subject::Account { account, nonce });
            keys.extend(queries.map(|(key, _)| key));
        }
        let histories = self.post.about(authority, *subject, |account, nonce| Subject::History { account, nonce });
        let is_meant = |purpose: &Purpose| match (refusal.code, purpose) {
            (Reject::BadPosition, Purpose::Page { from, .. } | Purpose::Fetch { from, .. }) => {
                *from == refusal.detail || *from == 0
            }
            (Reject::NotHere, Purpose::Page { from, .. }) => refusal.detail != 0 && *from == refusal.detail,
            // A walk from the newest payment ends at a position that was not asked about.
            (Reject::NotHere, Purpose::Fetch { from, .. }) => {
                *from == 0 || *from == refusal.detail || refusal.detail == 0
            }
            _ => true,
        };
        keys.extend(histories.filter(|(_, purpose)| is_meant(purpose)).map(|(key, _)| key));
        keys
    }

    fn read_info(&self, authority: u8, info: &Info) -> Option<Judged> {
        let subject = Subject::Account { account: info.account, nonce: info.nonce.get() };
        let key = Key { authority, subject };
        self.post.purpose(&key)?;
        let answer = Answer {
            balance: Balance(info.balance.get()),
            next_sequence: Sequence(info.next_sequence.get()),
            pending: (info.pending != [0; 32]).then_some(info.pending),
        };
        Some(Judged { keys: vec![key], word: Word::Account(answer) })
    }

    fn read_page(&self, authority: u8, page: &HistoryPageView<'_>) -> Option<Judged> {
        let subject = Subject::History { account: page.head.account, nonce: page.head.nonce.get() };
        let key = Key { authority, subject };
        let next = page.head.next.get();
        let word = match self.post.purpose(&key)? {
            Purpose::Page { what, .. } if what == page.head.what => {
                Word::Page(Page { next, items: page.items.to_vec() })
            }
            Purpose::Fetch { .. } if page.head.what == HISTORY_CERTIFICATE => Word::Further(next),
            _ => return None,
        };
        Some(Judged { keys: vec![key], word })
    }

    /// A certificate is checked only if it was asked for. One that proves nothing is the end of asking there.
    fn read_certificate(
        &mut self,
        authority: u8,
        view: &CertificateView<'_>,
        roots: &mut impl CheckRoots,
    ) -> Result<Option<Judged>, Fault> {
        let body = &view.head.body;
        let wanted =
            |purpose: &Purpose| matches!(purpose, Purpose::Fetch { sequence, .. } if *sequence == body.sequence.get());
        let histories = self.post.about(authority, body.sender, |account, nonce| Subject::History { account, nonce });
        let keys: Vec<Key> = histories.filter(|(_, purpose)| wanted(purpose)).map(|(key, _)| key).collect();
        if keys.is_empty() {
            return Ok(None);
        }
        let certificate = Certificate::from_view(self.terms.network(), view);
        match self.check_certificate(&certificate, roots) {
            Ok(()) => Ok(Some(Judged { keys, word: Word::Certificate(certificate) })),
            Err(_) => {
                self.fault(authority, Fault::Signature);
                Ok(Some(Judged { keys, word: Word::Silence }))
            }
        }
    }

    /// Checks a certificate; roots that are known cost no signature.
    pub(super) fn check_certificate(
        &mut self,
        certificate: &Certificate,
        roots: &mut impl CheckRoots,
    ) -> Result<(), CertificateError> {
        let Self { terms, known, .. } = self;
        certificate.check_roots(terms, |signed| is_signed(terms, known, signed, roots))
    }

    fn check_root(&mut self, signed: &SignedRoot, roots: &mut impl CheckRoots) -> Result<(), Fault> {
        let is_good = is_signed(&self.terms, &mut self.known, signed, roots);
        if is_good { Ok(()) } else { Err(Fault::Signature) }
    }
}

fn is_signed(
    terms: &crate::terms::Terms,
    known: &mut crate::known_roots::KnownRoots,
    signed: &SignedRoot,
    roots: &mut impl CheckRoots,
) -> bool {
    if known.contains(signed) {
        return true;
    }
    let message: [u8; ROOT_MESSAGE_BYTES] = terms.context().message(&signed.root);
    let is_good = roots.check(signed.authority, &message, &signed.signature);
    if is_good {
        known.insert(signed);
    }
    is_good
}
