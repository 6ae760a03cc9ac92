//! Votes and receipts, counted by weight: each authority's once.

use super::shared::Core;
use crate::certificate::Certificate;
use crate::mutant::Mutant;
use quittance_net::frame::OrderBody;

/// Votes for one order, each of them checked.
#[derive(Debug)]
pub(super) struct Votes(Vec<Option<Vec<u8>>>);

impl Votes {
    pub(super) fn new(authority_count: usize) -> Self {
        Self(vec![None; authority_count])
    }

    pub(super) fn has(&self, authority: u8) -> bool {
        self.0[usize::from(authority)].is_some()
    }

    /// Takes a vote: proof and path.
    pub(super) fn add(&mut self, authority: u8, vote: &[u8]) {
        self.0[usize::from(authority)] = Some(vote.to_vec());
    }

    /// The certificate, if there are votes for it: the heaviest, and no more than it takes, so that it fits a datagram.
    pub(super) fn certificate(&self, core: &Core, body: &OrderBody) -> Option<Certificate> {
        let mut voters: Vec<(u64, &[u8])> = core
            .terms
            .authorities()
            .filter_map(|authority| Some((core.terms.weight(authority), self.0[usize::from(authority)].as_deref()?)))
            .collect();
        voters.sort_by_key(|(weight, _)| core::cmp::Reverse(*weight));
        let mut sum = 0;
        let needed = voters.iter().position(|(weight, _)| {
            sum += weight;
            sum >= core.quorum()
        })?;
        let votes: Vec<&[u8]> = voters[..=needed].iter().map(|(_, vote)| *vote).collect();
        let certificate = Certificate::of_votes(&core.terms, body, &votes);
        Some(certificate.expect("a quorum's votes fit a datagram: longer paths were refused"))
    }
}

/// Who has applied a payment.
#[derive(Debug)]
pub(super) struct Receipts {
    has: Vec<bool>,
    weight: u64,
}

impl Receipts {
    pub(super) fn new(authority_count: usize) -> Self {
        Self { has: vec![false; authority_count], weight: 0 }
    }

    pub(super) fn has(&self, authority: u8) -> bool {
        self.has[usize::from(authority)]
    }

    /// Takes a receipt. Returns whether it is news.
    pub(super) fn add(&mut self, authority: u8, core: &Core) -> bool {
        let is_news = !core::mem::replace(&mut self.has[usize::from(authority)], true);
        if is_news || core.planted.is(Mutant::ReceiptCountedTwice) {
            self.weight += core.terms.weight(authority);
        }
        is_news
    }

    /// Whether they make the payment final.
    pub(super) fn are_quorum(&self, core: &Core) -> bool {
        self.weight >= core.quorum()
    }

    pub(super) fn are_all(&self) -> bool {
        self.has.iter().all(|has| *has)
    }
}
