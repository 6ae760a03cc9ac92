//! A book from the key alone: what an account paid and received, asked of the authorities and proven by certificates.
//!
//! First everyone is asked how far the account is. Then histories are read, everywhere at once: they say where each certificate
//! is. Then the certificates are fetched, each from whoever listed it and, if need be, from the others. What is listed and not
//! proven is left out. How many payments the account made is believed if so much weight says it that one of them is honest;
//! beyond that a certificate must prove each.

use super::face::{Event, Rebuilt, Standing};
use super::fetch::{Fetches, PaymentKey};
use super::inquire::{Answers, claimed_by};
use super::judge::Word;
use super::post::Key;
use super::shared::Turn;
use super::survey::{Page, Survey};
use crate::book::Record;
use crate::certificate::Certificate;
use crate::limits::{REBUILD_PAGES_MAX, REBUILD_PAYMENTS_MAX};
use quittance_engine::reject::Reject;
use quittance_engine::types::{Address, Digest, Sequence};
use quittance_net::frame::{HISTORY_RECEIVED, HISTORY_SENT, HistoryItem};
use std::collections::BTreeMap;

/// See the module's docs.
#[derive(Debug)]
pub(super) struct Rebuild {
    answers: Answers,
    sent: Survey,
    received: Survey,
    fetches: Fetches,
    /// Payments that were listed, and by whom, a bit for each authority: how many may be looked for is bounded. No committee
    /// has more than 32 members, since a quorum of the lightest fits one datagram.
    listed: BTreeMap<PaymentKey, u32>,
    /// The number below which every payment must exist; known once enough have answered.
    certain_below: Option<u64>,
    /// The highest number that anyone claims.
    claimed_below: u64,
    /// How many payments made and received the book had in the beginning. Rebuilds of other accounts bring some in, too.
    known_before: (usize, usize),
}

/// How many payments that the account made and received the book has.
fn known(turn: &Turn<'_>) -> (usize, usize) {
    turn.core.account(&turn.account).map_or((0, 0), |own| (own.sent().len(), own.received().len()))
}

impl Rebuild {
    pub(super) fn begin(turn: &mut Turn<'_>) -> Self {
        let account = turn.account;
        Self {
            answers: Answers::begin(&account, turn),
            sent: Survey::begin(account, HISTORY_SENT, REBUILD_PAGES_MAX, turn),
            received: Survey::begin(account, HISTORY_RECEIVED, REBUILD_PAGES_MAX, turn),
            fetches: Fetches::default(),
            listed: BTreeMap::new(),
            certain_below: None,
            claimed_below: 0,
            known_before: known(turn),
        }
    }

    pub(super) fn due_ns(&self) -> Option<u64> {
        self.answers.due_ns()
    }

    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) {
        if self.certain_below.is_none() && self.answers.are_enough(turn.now_ns) {
            self.answers.close(turn);
            (self.certain_below, self.claimed_below) = self.count(turn);
        }
        self.fetches.advance(turn);
        let has_read = |survey: &Survey| survey.is_over() || survey.is_complete(turn);
        let Some(certain_below) = self.certain_below else { return };
        if !has_read(&self.sent) || !has_read(&self.received) || !self.fetches.is_done() {
            return;
        }
        // Numbers that nobody listed: their votes may be lost where they were asked for, and kept elsewhere.
        if self.want_unlisted(certain_below, turn) {
            return self.fetches.advance(turn);
        }
        self.finish(turn);
    }

    pub(super) fn heard(&mut self, key: &Key, word: &Word, turn: &mut Turn<'_>) {
        if self.answers.heard(key, word, turn).is_some() {
            turn.has_progress = true;
            return;
        }
        match word {
            Word::Page(page) => self.listed(key, page, turn),
            Word::Certificate(certificate) => self.found(certificate, turn),
            Word::Further(next) => self.fetches.missed(key, Some(*next), turn),
            Word::Refused(refusal) if refusal.code == Reject::Busy => {}
            Word::Refused(refusal) => self.missed(key, refusal.code == Reject::UnknownAccount, turn),
            Word::Silence => self.missed(key, false, turn),
            _ => {}
        }
    }

    pub(super) fn standings(&self) -> Vec<Standing> {
        self.answers.standings()
    }

    /// Says what was found by now.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>) {
        let account = turn.account;
        let certain_below = self.certain_below.unwrap_or_else(|| self.count(turn).0.unwrap_or(0));
        let is_complete = self.sent.is_complete(turn) && self.received.is_complete(turn);
        self.settle(turn);
        self.answers.record_agreed(turn);
        let own = turn.core.account(&account).expect("it was added when the rebuild began");
        // A payment that was proven proves those before it.
        let certain_below = certain_below.max(own.next_sequence().0);
        let missing = (0..certain_below).map(Sequence).filter(|sequence| !own.sent().contains_key(sequence));
        let ((sent_before, received_before), (sent, received)) = (self.known_before, known(turn));
        let rebuilt = Rebuilt {
            sent_count: sent - sent_before,
            received_count: received - received_before,
            missing: missing.take(REBUILD_PAYMENTS_MAX).collect(),
            missing_received: self.missing_received(turn),
            pending: self.pending(turn),
            is_complete,
        };
        turn.tell(Event::Rebuilt { operation: turn.operation, rebuilt });
        turn.has_ended = true;
    }

    /// How many payments the account has made: for certain, and at most.
    fn count(&self, turn: &Turn<'_>) -> (Option<u64>, u64) {
        let terms = &turn.core.terms;
        let claims = self.answers.claims(terms);
        let highest = claims.iter().map(|(next, _)| *next).max();
        (Some(claimed_by(claims, terms.blocking_weight()).unwrap_or(0)), highest.unwrap_or(0))
    }

    /// Wants, from anyone, what must exist and was not found where it was listed, and the number after those that exist, as far
    /// as someone claims it. Returns whether there is such a one that was not looked for everywhere.
    fn want_unlisted(&mut self, certain_below: u64, turn: &Turn<'_>) -> bool {
        let own = turn.core.account(&turn.account).expect("it was added when the rebuild began");
        let certain_below = certain_below.max(own.next_sequence().0);
        let claimed = self.claimed_below.min(certain_below.saturating_add(REBUILD_PAYMENTS_MAX as u64));
        let is_missing = |number: &u64| !own.sent().contains_key(&Sequence(*number));
        let bounded = certain_below.min(REBUILD_PAYMENTS_MAX as u64);
        let beyond = (certain_below..claimed).find(is_missing);
        let mut has_more = false;
        for number in (0..bounded).filter(is_missing).chain(beyond) {
            has_more |= self.fetches.want_anywhere((turn.account, number), None, turn);
        }
        has_more
    }

    fn listed(&mut self, key: &Key, page: &Page, turn: &mut Turn<'_>) {
        let account = turn.account;
        let own = turn.core.account(&account).expect("it was added when the rebuild began");
        let is_sent = |item: &HistoryItem| own.sent().contains_key(&Sequence(item.sequence.get()));
        let is_received =
            |item: &HistoryItem| own.received().contains_key(&(item.counterparty, Sequence(item.sequence.get())));
        let new_sent: Vec<HistoryItem> = page.items.iter().filter(|item| !is_sent(item)).copied().collect();
        let new_received: Vec<HistoryItem> = page.items.iter().filter(|item| !is_received(item)).copied().collect();
        // Both are asked whether it is theirs. They are read to the end, for an earlier rebuild may have left gaps.
        if self.sent.page(key, page.next, true, turn) {
            new_sent.iter().for_each(|item| self.want(account, key.authority, item));
        } else if self.received.page(key, page.next, true, turn) {
            new_received.iter().for_each(|item| self.want_received(key.authority, item, turn));
            // Those that are in the book are listed, too: who lists a payment has applied it.
            page.items.iter().for_each(|item| _ = self.list(&(item.counterparty, item.sequence.get()), key.authority));
        }
    }

    /// What the account paid to itself is proven by what it sent.
    fn want_received(&mut self, authority: u8, item: &HistoryItem, turn: &mut Turn<'_>) {
        let account = turn.account;
        let sender = item.counterparty;
        let at_hand = turn.core.certificate(&account, &sender, item.sequence.get()).cloned();
        match at_hand.filter(|certificate| certificate.pays(&account)) {
            Some(certificate) => turn.core.keep_found(&certificate),
            None => self.want(sender, authority, item),
        }
    }

    /// Notes that an authority lists a payment. Returns whether there is room for it.
    fn list(&mut self, payment: &PaymentKey, authority: u8) -> bool {
        if !self.listed.contains_key(payment) && self.listed.len() >= REBUILD_PAYMENTS_MAX {
            return false;
        }
        *self.listed.entry(*payment).or_default() |= 1 << authority;
        true
    }

    /// Wants a payment from where it is listed.
    fn want(&mut self, sender: Address, authority: u8, item: &HistoryItem) {
        let payment = (sender, item.sequence.get());
        let place = (authority, item.position.get());
        if self.listed.contains_key(&payment) {
            self.fetches.add_place(&payment, place);
        } else if self.list(&payment, authority) {
            self.fetches.want(payment, vec![place]);
        }
    }

    fn found(&mut self, certificate: &Certificate, turn: &mut Turn<'_>) {
        let payment = (certificate.body().sender, certificate.sequence().0);
        turn.has_progress = true;
        self.fetches.found(&payment, turn);
        turn.core.keep_found(certificate);
    }

    fn missed(&mut self, key: &Key, is_empty: bool, turn: &mut Turn<'_>) {
        if !self.sent.missed(key, is_empty, turn) && !self.received.missed(key, is_empty, turn) {
            self.fetches.missed(key, None, turn);
        }
    }

    /// Payments that a quorum says it applied are final.
    fn settle(&mut self, turn: &mut Turn<'_>) {
        let terms = &turn.core.terms;
        let settled_below = claimed_by(self.answers.claims(terms), terms.quorum());
        let last = settled_below.and_then(|next| next.checked_sub(1)).map(Sequence);
        let account = turn.account;
        let own = turn.core.account(&account).expect("it was added when the rebuild began");
        let news = last.filter(|last| own.sent().contains_key(last) && !own.is_settled(*last));
        if let Some(sequence) = news {
            turn.core.record(Record::Settled { account, sender: account, sequence });
        }
        self.settle_received(turn);
    }

    /// So is what it received and a quorum lists.
    fn settle_received(&self, turn: &mut Turn<'_>) {
        let account = turn.account;
        let is_listed = |key: &(Address, Sequence)| {
            let by = self.listed.get(&(key.0, key.1.0)).copied().unwrap_or_default();
            listed_weight(by, turn) >= turn.core.terms.quorum()
        };
        let own = turn.core.account(&account).expect("it was added when the rebuild began");
        let open = own.received().iter().filter(|(_, received)| !received.is_settled).map(|(key, _)| *key);
        let settled: Vec<(Address, Sequence)> = open.filter(is_listed).collect();
        for (sender, sequence) in settled {
            turn.core.record(Record::Settled { account, sender, sequence });
        }
    }

    /// Payments to this account that so much weight lists that one of them is honest, and that nobody proved.
    fn missing_received(&self, turn: &Turn<'_>) -> Vec<(Address, Sequence)> {
        let own = turn.core.account(&turn.account).expect("it was added when the rebuild began");
        let is_certain = |by: u32| listed_weight(by, turn) >= turn.core.terms.blocking_weight();
        let certain = self.listed.iter().filter(|((sender, _), by)| *sender != turn.account && is_certain(**by));
        let payments = certain.map(|((sender, number), _)| (*sender, Sequence(*number)));
        payments.filter(|payment| !own.received().contains_key(payment)).collect()
    }

    /// The order that most have voted for, if it is not this book's own.
    fn pending(&self, turn: &Turn<'_>) -> Option<(Digest, u64)> {
        let own = turn.core.account(&turn.account).and_then(|own| own.pending()).map(|pending| pending.digest);
        let mut weights: BTreeMap<Digest, u64> = BTreeMap::new();
        for (authority, answer) in self.answers.answered() {
            if let Some(pending) = answer.pending.filter(|pending| Some(*pending) != own) {
                *weights.entry(pending).or_default() += turn.weight(authority);
            }
        }
        weights.into_iter().max_by_key(|(_, weight)| *weight)
    }
}

/// What the authorities of these bits weigh.
fn listed_weight(by: u32, turn: &Turn<'_>) -> u64 {
    let authorities = turn.core.terms.authorities().filter(|authority| by & (1 << authority) != 0);
    authorities.map(|authority| turn.weight(authority)).sum()
}
