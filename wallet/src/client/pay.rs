//! A payment: votes for the order, its certificate, receipts.

use super::ballot::{Receipts, Votes};
use super::carry::Carrier;
use super::face::{Event, Refused, Standing};
use super::inquire::claimed_by;
use super::judge::Word;
use super::post::{Key, Purpose, Subject};
use super::shared::Turn;
use super::survey::{Page, Survey};
use crate::book::{Account, Record};
use crate::certificate::Certificate;
use crate::limits::{OVERTAKING_COUNT_MAX, ROUNDS_AT_ONCE_MAX, SURVEY_PAGES_MAX};
use crate::mutant::Mutant;
use crate::proof::Fault;
use quittance_engine::reject::{Refusal, Reject};
use quittance_engine::types::{Address, Digest, Sequence};
use quittance_net::frame::{HISTORY_RECEIVED, HistoryItem};
use std::collections::BTreeMap;

/// How far the search for money has come that an authority does not know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Funds {
    Untried,
    /// The payments in the book were brought.
    Book,
    /// The other authorities are asked for more.
    Survey,
    /// There is no more.
    Exhausted,
}

/// What a payment goes on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// Finality.
    Settled,
    /// Its certificate, which someone else carries.
    Certified,
}

/// What an authority said to the order.
#[derive(Debug)]
struct Track {
    refusal: Option<Refusal>,
    funds: Funds,
    /// How often it had the order again at once.
    rounds: u32,
    /// The order waits until what it needs is there.
    is_held: bool,
    /// It was sent again after that, and not answered since.
    is_open: bool,
}

/// See the module's docs.
#[derive(Debug)]
pub(super) struct Pay {
    sequence: u64,
    digest: Digest,
    votes: Votes,
    receipts: Receipts,
    tracks: Vec<Track>,
    carrier: Carrier,
    survey: Option<Survey>,
    aim: Aim,
    is_certified: bool,
    is_settled: bool,
    /// The order that was certified in this one's place. What else its wallet paid is being fetched.
    overtaken_by: Option<Digest>,
}

impl Pay {
    /// Goes on with the account's pending order, from where the book says that it is.
    pub(super) fn begin(aim: Aim, turn: &mut Turn<'_>) -> Self {
        let own = turn.core.account(&turn.account).expect("the caller found the account");
        let pending = own.pending().expect("the caller found the order");
        let (sequence, digest, funding) = (pending.body.sequence.get(), pending.digest, pending.funding.clone());
        let is_certified = own.pending_certificate().is_some();
        let count = turn.core.terms.authority_count();
        let track = |_| Track { refusal: None, funds: Funds::Untried, rounds: 0, is_held: false, is_open: false };
        let mut pay = Self {
            sequence,
            digest,
            votes: Votes::new(count),
            receipts: Receipts::new(count),
            tracks: (0..count).map(track).collect(),
            carrier: Carrier::new(count),
            survey: None,
            aim,
            is_certified,
            is_settled: false,
            overtaken_by: None,
        };
        if is_certified {
            pay.carry(turn);
        } else {
            // Ahead of the order, in the same burst.
            for authority in turn.core.terms.authorities() {
                funding
                    .iter()
                    .for_each(|(sender, number)| pay.carrier.bring(authority, sender, number.0..number.0 + 1));
            }
        }
        pay
    }

    pub(super) fn is_settled(&self) -> bool {
        self.is_settled
    }

    pub(super) fn due_ns(&self) -> Option<u64> {
        self.carrier.fetches.due_ns()
    }

    /// Asks for all that is wanted now.
    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) {
        self.notice_other(turn);
        if self.overtaken_by.is_some() {
            return self.adopt_others(turn);
        }
        self.carrier.advance(turn);
        if self.is_certified {
            let is_done = |authority| self.receipts.has(authority) && self.carrier.is_idle(authority);
            turn.has_ended |= turn.core.terms.authorities().all(is_done);
            return;
        }
        self.look_for_funds(turn);
        for authority in turn.core.terms.authorities() {
            let track = &mut self.tracks[usize::from(authority)];
            let waits = !self.carrier.is_idle(authority) || track.funds == Funds::Survey;
            track.is_open |= track.is_held && !waits;
            track.is_held &= waits;
            if !self.votes.has(authority) && !track.is_held {
                turn.ask_order(authority);
            }
        }
        self.stop_early(turn);
    }

    pub(super) fn heard(&mut self, key: &Key, word: &Word, turn: &mut Turn<'_>) {
        self.notice_other(turn);
        match (key.subject, word) {
            (Subject::Order(_), _) if self.overtaken_by.is_some() => turn.drop_question(key),
            (Subject::Order(_), Word::Vote(vote)) => self.voted(key, vote, turn),
            (Subject::Order(_), Word::Refused(refusal)) => self.refused(key, refusal, turn),
            (Subject::Certificate(digest), Word::Receipt) => self.applied(key, &digest, turn),
            (Subject::Certificate(_), Word::Refused(refusal)) => self.not_applied(key, refusal, turn),
            (_, Word::Certificate(certificate)) => self.found(certificate, turn),
            (_, Word::Further(next)) => self.carrier.fetches.missed(key, Some(*next), turn),
            (_, Word::Page(page)) => self.listed(key, page, turn),
            (_, Word::Refused(refusal)) => self.missed(key, Some(refusal), turn),
            (_, Word::Silence) => self.missed(key, None, turn),
            _ => {}
        }
    }

    /// By authority.
    pub(super) fn standings(&self) -> Vec<Standing> {
        let standing = |(authority, track): (u8, &Track)| {
            let has_answered = if self.is_certified { self.receipts.has(authority) } else { self.votes.has(authority) };
            match track.refusal {
                _ if has_answered => Standing::Answered,
                _ if self.carrier.is_lagging(authority) => Standing::Lagging,
                Some(refusal) => Standing::Refuses(refusal),
                None => Standing::Silent,
            }
        };
        (0..).zip(&self.tracks).map(standing).collect()
    }

    fn voted(&mut self, key: &Key, vote: &[u8], turn: &mut Turn<'_>) {
        turn.drop_question(key);
        if self.is_certified || self.votes.has(key.authority) {
            return;
        }
        self.votes.add(key.authority, vote);
        turn.has_progress = true;
        turn.tell(Event::Voted { operation: turn.operation, authority: key.authority });
        let own = turn.core.account(&turn.account).and_then(Account::pending);
        let body = own.expect("the order is pending").body;
        if let Some(certificate) = self.votes.certificate(turn.core, &body) {
            self.certified(certificate, turn);
        }
    }

    /// There is a certificate of this order: it is in the book before it is sent.
    fn certified(&mut self, certificate: Certificate, turn: &mut Turn<'_>) {
        for authority in turn.core.terms.authorities() {
            turn.drop_question(&Key { authority, subject: Subject::Order(self.digest) });
        }
        self.carrier.fetches.found(&(turn.account, self.sequence), turn);
        turn.core.record(Record::Certificate(certificate));
        turn.tell(Event::Certified { operation: turn.operation, digest: self.digest });
        self.is_certified = true;
        if self.aim == Aim::Certified {
            turn.has_ended = true;
            return;
        }
        self.tracks.iter_mut().for_each(|track| track.refusal = None);
        self.carry(turn);
    }

    fn carry(&mut self, turn: &Turn<'_>) {
        for authority in turn.core.terms.authorities() {
            self.carrier.bring(authority, &turn.account, self.sequence..self.sequence + 1);
        }
    }

    fn refused(&mut self, key: &Key, refusal: &Refusal, turn: &mut Turn<'_>) {
        let track = &mut self.tracks[usize::from(key.authority)];
        (track.refusal, track.is_open) = (Some(*refusal), false);
        match refusal.code {
            Reject::SequenceAhead => self.catch_up(key, refusal.detail, turn),
            Reject::InsufficientFunds | Reject::UnknownAccount => self.bring_funds(key, turn),
            Reject::SequenceBehind | Reject::Conflict => {
                let payment = (turn.account, self.sequence);
                self.carrier.fetches.want_anywhere(payment, Some(key.authority), turn);
            }
            // For now, or for good: it is asked again, less and less often.
            _ => {}
        }
    }

    /// The authority lacks earlier payments: they are brought, then it has the order again.
    fn catch_up(&mut self, key: &Key, missing: u64, turn: &mut Turn<'_>) {
        if missing >= self.sequence {
            return turn.fault(key.authority, Fault::Sense);
        }
        if self.hold(key, turn) {
            let account = turn.account;
            self.carrier.note_lagging(key.authority, &account, missing, turn);
            self.carrier.bring(key.authority, &account, missing..self.sequence);
        }
    }

    /// The authority does not know of money that is there: what was received is brought, then it has the order again.
    fn bring_funds(&mut self, key: &Key, turn: &mut Turn<'_>) {
        let authority = key.authority;
        let funds = self.tracks[usize::from(authority)].funds;
        if funds == Funds::Untried && self.carrier.is_idle(authority) {
            self.tracks[usize::from(authority)].funds = Funds::Book;
            let own = turn.core.account(&turn.account).expect("the order is pending");
            for (sender, number) in own.received().keys() {
                self.carrier.bring(authority, sender, number.0..number.0 + 1);
            }
        }
        match self.tracks[usize::from(authority)].funds {
            // Something is on its way there.
            _ if !self.carrier.is_idle(authority) => _ = self.hold(key, turn),
            Funds::Untried | Funds::Book => {
                self.tracks[usize::from(authority)].funds = Funds::Survey;
                if self.survey.is_none() {
                    self.survey = Some(Survey::begin(turn.account, HISTORY_RECEIVED, SURVEY_PAGES_MAX, turn));
                }
                _ = self.hold(key, turn);
            }
            Funds::Survey | Funds::Exhausted => {}
        }
    }

    /// Takes the order back until something was brought. False if that has been done too often: then it stays on its timer, so
    /// that no authority draws datagrams as fast as it can refuse.
    fn hold(&mut self, key: &Key, turn: &mut Turn<'_>) -> bool {
        let track = &mut self.tracks[usize::from(key.authority)];
        if track.rounds == ROUNDS_AT_ONCE_MAX {
            return false;
        }
        track.rounds += 1;
        track.is_held = true;
        turn.drop_question(key);
        true
    }

    /// When the others have told all, those that lack money get what was found, and the order once more.
    fn look_for_funds(&mut self, turn: &mut Turn<'_>) {
        let Some(survey) = &self.survey else { return };
        let is_over = survey.is_over() || survey.is_complete(turn);
        if !is_over || !self.carrier.fetches.is_done() {
            return;
        }
        for track in &mut self.tracks {
            if track.funds == Funds::Survey {
                track.funds = Funds::Exhausted;
            }
        }
    }

    fn listed(&mut self, key: &Key, page: &Page, turn: &mut Turn<'_>) {
        let own = turn.core.account(&turn.account).expect("the order is pending");
        let is_new =
            |item: &&HistoryItem| !own.received().contains_key(&(item.counterparty, Sequence(item.sequence.get())));
        let news: Vec<HistoryItem> = page.items.iter().filter(is_new).copied().collect();
        let Some(survey) = &mut self.survey else { return };
        if !survey.page(key, page.next, !news.is_empty(), turn) {
            return;
        }
        for item in news {
            let payment = (item.counterparty, item.sequence.get());
            let place = (key.authority, item.position.get());
            self.carrier.fetches.want(payment, Vec::new());
            self.carrier.fetches.add_place(&payment, place);
        }
    }

    /// A certificate that was asked for: of this order or the one in its way, of an earlier payment, or of money received.
    fn found(&mut self, certificate: &Certificate, turn: &mut Turn<'_>) {
        let (sender, number) = (certificate.body().sender, certificate.sequence().0);
        turn.has_progress = true;
        self.carrier.fetches.found(&(sender, number), turn);
        if sender == turn.account && number == self.sequence {
            return self.number_used(certificate, turn);
        }
        turn.core.keep_found(certificate);
        if sender != turn.account && certificate.pays(&turn.account) {
            for authority in turn.core.terms.authorities() {
                if self.tracks[usize::from(authority)].funds >= Funds::Survey {
                    self.carrier.bring(authority, &sender, number..number + 1);
                }
            }
        }
    }

    /// The order's number is used up: by this order, or by another one.
    fn number_used(&mut self, certificate: &Certificate, turn: &mut Turn<'_>) {
        if self.is_certified || self.overtaken_by.is_some() {
            return;
        }
        if *certificate.digest() == self.digest {
            return self.certified(certificate.clone(), turn);
        }
        turn.core.record(Record::Certificate(certificate.clone()));
        self.overtaken(*certificate.digest(), turn);
    }

    /// Another operation may have found what was certified in this order's place.
    fn notice_other(&mut self, turn: &mut Turn<'_>) {
        let own = turn.core.account(&turn.account).expect("no account leaves a book");
        let used = own.sent().get(&Sequence(self.sequence)).map(|certificate| *certificate.digest());
        if let Some(by) = used.filter(|by| *by != self.digest && self.overtaken_by.is_none()) {
            self.overtaken(by, turn);
        }
    }

    /// This order is none any longer: nobody is asked about it.
    fn overtaken(&mut self, by: Digest, turn: &mut Turn<'_>) {
        for authority in turn.core.terms.authorities() {
            turn.drop_question(&Key { authority, subject: Subject::Order(self.digest) });
        }
        self.overtaken_by = Some(by);
    }

    /// Fetches what else the other wallet paid, so that the account goes on behind all of it: all that so many claim that one
    /// of them is honest, and of what fewer claim one after the other, since certificates prove them.
    fn adopt_others(&mut self, turn: &mut Turn<'_>) {
        self.carrier.fetches.advance(turn);
        if !self.carrier.fetches.is_done() {
            return;
        }
        let claims = || {
            let refusals = (0..).zip(&self.tracks).filter_map(|(authority, track)| Some((authority, track.refusal?)));
            let used = refusals.filter(|(_, refusal)| refusal.code == Reject::SequenceBehind);
            used.map(|(authority, refusal)| (refusal.detail, turn.weight(authority))).collect::<Vec<_>>()
        };
        let certain = claimed_by(claims(), turn.core.terms.blocking_weight()).unwrap_or(0);
        let claimed = claims().iter().map(|(next, _)| *next).max().unwrap_or(0);
        let first = self.sequence + 1;
        let last = first.saturating_add(OVERTAKING_COUNT_MAX);
        let own = turn.core.account(&turn.account).expect("no account leaves a book");
        let is_missing = |number: &u64| !own.sent().contains_key(&Sequence(*number));
        let beyond = (certain.max(first)..claimed.min(last)).find(is_missing);
        let mut has_more = false;
        for number in (first..certain.min(last)).filter(is_missing).chain(beyond) {
            has_more |= self.carrier.fetches.want_anywhere((turn.account, number), None, turn);
        }
        if has_more {
            self.carrier.fetches.advance(turn);
        } else {
            self.end_overtaken(turn);
        }
    }

    /// Ends, if it was overtaken. Returns whether it was.
    pub(super) fn end_overtaken(&self, turn: &mut Turn<'_>) -> bool {
        if let Some(by) = self.overtaken_by {
            self.end(Refused::Overtaken { by }, turn);
        }
        self.overtaken_by.is_some()
    }

    fn applied(&mut self, key: &Key, digest: &Digest, turn: &mut Turn<'_>) {
        if let Some(Purpose::Carry { sender, sequence }) = turn.core.post.purpose(key) {
            if !turn.core.planted.is(Mutant::ReceiptCountedTwice) {
                turn.drop_question(key);
            }
            turn.has_progress = true;
            self.carrier.applied(key.authority, &sender, sequence, turn);
        }
        if self.is_certified && *digest == self.digest {
            self.receipt(key.authority, turn);
        }
    }

    fn receipt(&mut self, authority: u8, turn: &mut Turn<'_>) {
        if self.receipts.add(authority, turn.core) {
            turn.tell(Event::Receipt { operation: turn.operation, authority });
        }
        if !self.is_settled && self.receipts.are_quorum(turn.core) {
            self.is_settled = true;
            record_settled(&turn.account.clone(), self.sequence, turn);
            turn.tell(Event::Settled { operation: turn.operation, digest: self.digest });
        }
    }

    fn not_applied(&mut self, key: &Key, refusal: &Refusal, turn: &mut Turn<'_>) {
        let Some(Purpose::Carry { sender, sequence }) = turn.core.post.purpose(key) else { return };
        match refusal.code {
            Reject::SequenceAhead => self.carrier.lacks(key, &sender, sequence, refusal.detail, turn),
            _ => self.tracks[usize::from(key.authority)].refusal = Some(*refusal),
        }
    }

    /// A question about a history was refused, or is not answered.
    fn missed(&mut self, key: &Key, refusal: Option<&Refusal>, turn: &mut Turn<'_>) {
        let is_empty = refusal.is_some_and(|refusal| refusal.code == Reject::UnknownAccount);
        if refusal.is_some_and(|refusal| refusal.code == Reject::Busy) {
            return;
        }
        let is_survey = self.survey.as_mut().is_some_and(|survey| survey.missed(key, is_empty, turn));
        if !is_survey {
            self.carrier.fetches.missed(key, None, turn);
        }
    }

    /// Whether an authority's refusal will not change by anything that is under way.
    fn is_final(&self, track: &Track, account: &Address) -> bool {
        let Some(refusal) = &track.refusal else { return false };
        match refusal.code {
            Reject::Busy | Reject::NoRoom | Reject::SequenceAhead => false,
            Reject::InsufficientFunds | Reject::UnknownAccount => {
                track.funds == Funds::Exhausted && !track.is_held && !track.is_open
            }
            Reject::SequenceBehind | Reject::Conflict => self.carrier.fetches.is_exhausted(&(*account, self.sequence)),
            _ => true,
        }
    }

    /// Ends when those who refuse for good weigh so much that no quorum is left.
    fn stop_early(&mut self, turn: &mut Turn<'_>) {
        let account = turn.account;
        let mut by_code: BTreeMap<Reject, (u64, Refusal)> = BTreeMap::new();
        let mut others: BTreeMap<Digest, u64> = BTreeMap::new();
        let mut sum = 0;
        for (authority, track) in (0..).zip(&self.tracks) {
            let has_word = !self.votes.has(authority) && self.is_final(track, &account);
            let Some(refusal) = track.refusal.filter(|_| has_word) else { continue };
            let weight = turn.weight(authority);
            sum += weight;
            by_code.entry(refusal.code).or_insert((0, refusal)).0 += weight;
            if refusal.code == Reject::Conflict {
                *others.entry(refusal.other).or_default() += weight;
            }
        }
        if sum < turn.core.terms.blocking_weight() {
            return;
        }
        let heaviest = by_code.values().max_by_key(|(weight, _)| *weight);
        let (_, refusal) = *heaviest.expect("a weight above zero is someone's");
        let other = others.iter().max_by_key(|(_, weight)| **weight).map(|(other, _)| *other);
        match other.filter(|_| refusal.code == Reject::Conflict) {
            Some(other) => {
                turn.core.record(Record::Blocked { account, sequence: Sequence(self.sequence), other });
                self.end(Refused::Conflict { other }, turn);
            }
            None => self.end(Refused::Code { refusal, weight: sum }, turn),
        }
    }

    fn end(&self, refused: Refused, turn: &mut Turn<'_>) {
        turn.tell(Event::Refused { operation: turn.operation, refused });
        turn.has_ended = true;
    }
}

/// Notes that a payment is final, for its sender and for its recipient, as far as they are accounts of this wallet.
pub(super) fn record_settled(sender: &Address, sequence: u64, turn: &mut Turn<'_>) {
    let sequence = Sequence(sequence);
    let certificate = turn.core.certificate(&turn.account, sender, sequence.0);
    let Some(recipient) = certificate.map(|certificate| certificate.body().recipient) else { return };
    let has_sent = turn.core.account(sender).is_some_and(|own| own.sent().contains_key(&sequence));
    let received = turn.core.account(&recipient).and_then(|own| own.received().get(&(*sender, sequence)));
    let has_received = received.is_some_and(|received| !received.is_settled);
    if has_sent {
        turn.core.record(Record::Settled { account: *sender, sender: *sender, sequence });
    }
    if has_received && recipient != *sender {
        turn.core.record(Record::Settled { account: recipient, sender: *sender, sequence });
    }
}
