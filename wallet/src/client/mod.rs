//! The payer's step machine: without clock, socket, file or thread.
//!
//! Whoever drives it gives it the time and the datagrams that come, and takes from it, in this order:
//! 1. records ([`Client::poll_record`]): all there are, written as one batch and synced; then [`Client::recorded`];
//! 2. datagrams ([`Client::poll_transmit`]): none comes out before the records on which it depends are recorded;
//! 3. events ([`Client::poll_event`]), likewise;
//! 4. the time at which [`Client::tick`] is due ([`Client::poll_timeout`]).
//!
//! Time is nanoseconds on any clock that never goes back. Orders' expiry is not looked at here: authorities do.
//!
//! # Files
//! - `face.rs`: what goes in and comes out. `shared.rs`: what all operations share, and what waits for the book to be written.
//! - `post.rs`: questions under way and their timers. `judge.rs`: what an answer must be to be acted upon.
//! - `operation.rs`: the sorts of operations. `pay.rs`: a payment. `deliver.rs`: a payment received. `inquire.rs`: an account as
//!   the authorities see it. `rebuild.rs`: a book from its key.
//! - `ballot.rs`: votes and receipts, counted. `carry.rs`: certificates brought to authorities that lack them. `fetch.rs`:
//!   certificates asked for. `survey.rs`: histories read.

mod ballot;
mod carry;
mod deliver;
mod face;
mod fetch;
mod inquire;
mod judge;
mod operation;
mod pay;
mod post;
mod rebuild;
mod shared;
mod survey;

pub use face::{
    Answer, Event, HistoryAsk, Inquiry, OperationId, PageItem, Patience, PayError, Payment, Rebuilt, ReceiveError,
    Refused, ResumeError, Standing, StartError, Transmit,
};

use crate::book::{Book, Bound, BoundError, Pending, Record};
use crate::certificate::Certificate;
use crate::check::{CheckRoots, SignOrder};
use crate::limits::{EVENT_COUNT_MAX, FUNDING_COUNT_MAX, OPERATION_COUNT_MAX, SILENCE_COUNT};
use crate::mutant::{Mutant, Planted};
use crate::proof::Fault;
use crate::terms::Terms;
use deliver::Deliver;
use inquire::Inquire;
use judge::Word;
use operation::{AskPage, Kind, Operation};
use pay::{Aim, Pay};
use post::{Due, Key};
use quittance_engine::genesis::SUPPLY_MAX;
use quittance_engine::message::{order_digest, order_message};
use quittance_engine::types::{Address, Amount, Peer, Sequence};
use quittance_net::frame::{HISTORY_RECEIVED, HISTORY_SENT, OrderBody, RECIPIENT_ACCOUNT, RECIPIENT_PRIMARY, U64};
use rebuild::Rebuild;
use shared::{Core, Turn};
use std::collections::{BTreeMap, BTreeSet};

/// See the module's docs.
#[derive(Debug)]
pub struct Client {
    core: Core,
    operations: BTreeMap<OperationId, Operation>,
    /// When operations are to be looked after.
    timers: BTreeSet<(u64, OperationId)>,
    /// Payments that are not final, by account.
    paying: BTreeMap<Address, OperationId>,
    last_id: u64,
}

impl Client {
    /// A client for this book. Nothing is under way: [`Self::resume`] goes on with what is pending. If the book is not bound to
    /// a network yet, the first record binds it to that of the terms.
    ///
    /// # Errors
    /// [`BoundError`]: the book is another network's.
    ///
    /// # Panics
    /// If `patience` has no time between two datagrams.
    pub fn new(terms: Terms, book: Book, patience: Patience) -> Result<Self, BoundError> {
        assert!(patience.resend_first_ns > 0 && patience.resend_longest_ns > 0, "a question waits for its answer");
        Planted::mark();
        book.check_terms(&terms)?;
        let is_bound = book.bound().is_some();
        let committee = terms.committee();
        let bound = Bound { network: *terms.network(), committee: committee.digest(), epoch: committee.epoch() };
        let mut core = Core::new(terms, book, patience);
        if !is_bound {
            core.record(Record::Bound(bound));
        }
        let (operations, timers, paying) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Ok(Self { core, operations, timers, paying, last_id: 0 })
    }

    /// The same client, whose questions are numbered from here on. Answers name the question by its number and account, and nothing
    /// else of it: whoever opens a book again gives a number drawn at random, or late answers to the process before count for
    /// what this one asks.
    #[must_use]
    pub fn with_nonces_from(mut self, nonce: u64) -> Self {
        self.core.nonce = nonce;
        self
    }

    /// The same client with a planted bug.
    #[must_use]
    pub fn with(mut self, planted: Planted) -> Self {
        self.core.planted = planted;
        self
    }

    /// The terms.
    pub fn terms(&self) -> &Terms {
        &self.core.terms
    }

    /// What the wallet knows, with records that were made and not yet written.
    pub fn book(&self) -> &Book {
        &self.core.book
    }

    /// Adds an account. One that is there already changes nothing.
    pub fn add_account(&mut self, address: &Address) {
        if self.core.account(address).is_none() {
            self.core.record(Record::Account { address: *address });
        }
    }

    /// Signs an order and pays. It goes to every authority; votes of a quorum make its certificate; receipts of a quorum make
    /// the payment final. Funding is checked and sent ahead, so that money just received can be spent in one round trip.
    ///
    /// # Errors
    /// [`PayError`]; nothing changes. An account has one order at a time: while one is pending, [`Self::resume`] it.
    pub fn pay(
        &mut self,
        now_ns: u64,
        from: &Address,
        payment: Payment,
        signer: &impl SignOrder,
        roots: &mut impl CheckRoots,
    ) -> Result<OperationId, PayError> {
        self.sign(from, payment, signer, roots)?;
        Ok(self.start(now_ns, *from, |turn| Kind::Pay(Box::new(Pay::begin(Aim::Settled, turn)))))
    }

    /// As [`Self::pay`], but it ends with [`Event::Certified`]: no authority is given the certificate. Whoever is paid carries
    /// it, or spends it at once, sent ahead of his own order. The account pays on when [`Self::resume`] has seen it settled.
    ///
    /// # Errors
    /// As [`Self::pay`].
    pub fn certify(
        &mut self,
        now_ns: u64,
        from: &Address,
        payment: Payment,
        signer: &impl SignOrder,
        roots: &mut impl CheckRoots,
    ) -> Result<OperationId, PayError> {
        self.sign(from, payment, signer, roots)?;
        Ok(self.start(now_ns, *from, |turn| Kind::Pay(Box::new(Pay::begin(Aim::Certified, turn)))))
    }

    /// Goes on with an account's pending order, from wherever the book says that it is. If it is under way, that operation.
    ///
    /// # Errors
    /// [`ResumeError`].
    pub fn resume(&mut self, now_ns: u64, account: &Address) -> Result<OperationId, ResumeError> {
        if let Some(operation) = self.paying.get(account) {
            return Ok(*operation);
        }
        if self.core.account(account).and_then(|own| own.pending()).is_none() {
            return Err(ResumeError::NothingPending);
        }
        self.check_room()?;
        Ok(self.start(now_ns, *account, |turn| Kind::Pay(Box::new(Pay::begin(Aim::Settled, turn)))))
    }

    /// Keeps a certificate by which an account of this wallet was paid, and carries it to every authority.
    ///
    /// # Errors
    /// [`ReceiveError`]; nothing changes.
    pub fn receive_certificate(
        &mut self,
        now_ns: u64,
        certificate: Certificate,
        roots: &mut impl CheckRoots,
    ) -> Result<OperationId, ReceiveError> {
        let recipient = certificate.body().recipient;
        self.check_room()?;
        self.check_received(&certificate, &recipient, roots)?;
        self.core.keep_found(&certificate);
        Ok(self.start(now_ns, recipient, |turn| Kind::Deliver(Box::new(Deliver::begin(&certificate, turn)))))
    }

    /// Asks every authority what it holds of an account, anyone's. Ends with [`Event::Inquired`].
    ///
    /// # Errors
    /// [`StartError`].
    pub fn inquire(&mut self, now_ns: u64, account: &Address) -> Result<OperationId, StartError> {
        self.check_room()?;
        Ok(self.start(now_ns, *account, |turn| Kind::Inquire(Inquire::begin(turn))))
    }

    /// Fetches from the authorities all that an account paid and received, as far as the book lacks it. Adds the account if the
    /// wallet does not have it. Ends with [`Event::Rebuilt`].
    ///
    /// # Errors
    /// [`StartError`].
    pub fn rebuild(&mut self, now_ns: u64, account: &Address) -> Result<OperationId, StartError> {
        self.check_room()?;
        self.add_account(account);
        Ok(self.start(now_ns, *account, |turn| Kind::Rebuild(Box::new(Rebuild::begin(turn)))))
    }

    /// Asks one authority for a page of an account's history, anyone's. Ends with [`Event::Page`].
    ///
    /// # Errors
    /// [`StartError`].
    pub fn history_page(&mut self, now_ns: u64, ask: HistoryAsk) -> Result<OperationId, StartError> {
        self.check_room()?;
        let HistoryAsk { authority, account, is_received, from } = ask;
        if usize::from(authority) >= self.core.terms.authority_count() {
            return Err(StartError::UnknownAuthority(authority));
        }
        let what = if is_received { HISTORY_RECEIVED } else { HISTORY_SENT };
        Ok(self.start(now_ns, account, |turn| {
            turn.ask_page(authority, &account, what, from);
            Kind::Page(AskPage { authority, refusal: None })
        }))
    }

    /// Takes a datagram. What is not a true answer to something asked changes nothing but counts.
    pub fn receive(&mut self, now_ns: u64, peer: Peer, datagram: &[u8], roots: &mut impl CheckRoots) {
        if self.core.event_count() >= EVENT_COUNT_MAX {
            return;
        }
        let Some(judged) = self.core.judge(peer, datagram, roots) else { return };
        for key in judged.keys {
            self.hear(now_ns, &key, &judged.word);
        }
    }

    /// Asks again what was not answered, and ends what has taken too long. To be called at [`Self::poll_timeout`], and may be at
    /// any time.
    pub fn tick(&mut self, now_ns: u64) {
        while let Some((key, due)) = self.core.post.pop_due(now_ns, SILENCE_COUNT) {
            match due {
                Due::Again(to, bytes) => self.core.send(to, bytes),
                Due::Silence => self.hear(now_ns, &key, &Word::Silence),
            }
        }
        while let Some((due_ns, id)) = self.timers.first().copied()
            && due_ns <= now_ns
        {
            self.timers.pop_first();
            let give_up_ns = self.operations.get(&id).map(|operation| operation.give_up_ns);
            let is_over = give_up_ns.is_some_and(|give_up_ns| give_up_ns <= now_ns);
            self.turn(now_ns, id, |kind, turn| {
                if is_over {
                    kind.give_up(turn)
                }
            });
        }
    }

    /// The next record to be written.
    pub fn poll_record(&mut self) -> Option<Record> {
        self.core.poll_record()
    }

    /// All records that came out so far are written and synced.
    pub fn recorded(&mut self) {
        self.core.recorded();
    }

    /// The next datagram to be sent.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.core.poll_transmit()
    }

    /// When [`Self::tick`] is due, if nothing comes before.
    pub fn poll_timeout(&self) -> Option<u64> {
        let operation = self.timers.first().map(|(due_ns, _)| *due_ns);
        operation.into_iter().chain(self.core.post.due_ns()).min()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.poll_event()
    }

    /// Whether an operation is still under way. After [`Event::Settled`] one goes on for a while for the authorities that lack
    /// the payment, until [`Event::Ended`].
    pub fn is_under_way(&self, operation: OperationId) -> bool {
        self.operations.contains_key(&operation)
    }

    /// What each authority has said in an operation, by index. Empty if it has ended.
    pub fn standings(&self, operation: OperationId) -> Vec<Standing> {
        let count = self.core.terms.authority_count();
        self.operations.get(&operation).map_or(Vec::new(), |operation| operation.kind.standings(count))
    }

    /// Ends an operation without a word but [`Event::Ended`]. What is pending stays pending.
    pub fn stop(&mut self, operation: OperationId) {
        self.turn(0, operation, |_, turn| turn.has_ended = true);
    }

    /// How often replies with an authority's source address were wrong, by [`Fault`].
    pub fn faults(&self, authority: u8) -> &[u64; Fault::ALL.len()] {
        self.core.faults(authority)
    }

    /// Datagrams that came from no authority's address.
    pub fn stranger_count(&self) -> u64 {
        self.core.stranger_count()
    }

    fn check_room(&self) -> Result<(), StartError> {
        if self.operations.len() < OPERATION_COUNT_MAX { Ok(()) } else { Err(StartError::TooMany) }
    }

    /// Makes an order and has it recorded.
    fn sign(
        &mut self,
        from: &Address,
        payment: Payment,
        signer: &impl SignOrder,
        roots: &mut impl CheckRoots,
    ) -> Result<(), PayError> {
        self.check_room()?;
        let sequence = self.check_payer(from)?;
        check_payment(&payment)?;
        for (index, certificate) in payment.funding.iter().enumerate() {
            let checked = self.check_received(certificate, from, roots);
            checked.map_err(|error| PayError::Funding { index, error })?;
        }
        let body = OrderBody {
            sender: *from,
            recipient: payment.recipient,
            user_data: payment.user_data,
            amount: U64::new(payment.amount.0),
            sequence: U64::new(sequence.0),
            expiry_ms: U64::new(payment.expiry.0),
            recipient_kind: payment.recipient_kind,
            padding: [0; 7],
        };
        let message = order_message(self.core.terms.network(), &body);
        let signature = signer.sign(&message);
        let funding = payment.funding.iter().map(|certificate| (certificate.body().sender, certificate.sequence()));
        let pending = Pending {
            body,
            digest: order_digest(&message),
            signature,
            r_hint: signer.hint(&signature),
            funding: funding.collect(),
            blocked_by: None,
        };
        payment.funding.iter().for_each(|certificate| self.keep_received(certificate, from));
        self.core.record(Record::Order(pending));
        Ok(())
    }

    /// The number of the account's next order, if it may sign one.
    fn check_payer(&self, account: &Address) -> Result<Sequence, PayError> {
        let own = self.core.account(account).ok_or(PayError::UnknownAccount { account: *account })?;
        if let Some(pending) = own.pending()
            && !self.core.planted.is(Mutant::PendingReplaced)
        {
            let Pending { body, digest, .. } = pending;
            let (sequence, amount) = (Sequence(body.sequence.get()), Amount(body.amount.get()));
            return Err(PayError::Pending { digest: *digest, sequence, amount });
        }
        let sequence = own.next_sequence();
        if sequence == Sequence::TOP { Err(PayError::SequenceExhausted) } else { Ok(sequence) }
    }

    /// Whether a certificate proves that an account of this wallet was paid.
    fn check_received(
        &mut self,
        certificate: &Certificate,
        account: &Address,
        roots: &mut impl CheckRoots,
    ) -> Result<(), ReceiveError> {
        if !certificate.pays(account) || self.core.account(account).is_none() {
            return Err(ReceiveError::NotOurs);
        }
        Ok(self.core.check_certificate(certificate, roots)?)
    }

    fn keep_received(&mut self, certificate: &Certificate, account: &Address) {
        let key = (certificate.body().sender, certificate.sequence());
        if self.core.account(account).is_some_and(|own| !own.received().contains_key(&key)) {
            self.core.record(Record::Received(certificate.clone()));
        }
    }

    fn start(&mut self, now_ns: u64, account: Address, begin: impl FnOnce(&mut Turn<'_>) -> Kind) -> OperationId {
        self.last_id += 1;
        let id = OperationId(self.last_id);
        let mut asked = BTreeSet::new();
        let mut turn = Turn {
            core: &mut self.core,
            now_ns,
            operation: id,
            account,
            asked: &mut asked,
            has_progress: true,
            has_ended: false,
        };
        let kind = begin(&mut turn);
        if kind.is_paying() {
            self.paying.insert(account, id);
        }
        self.operations.insert(id, Operation { account, kind, asked, give_up_ns: 0, due_ns: 0 });
        self.turn(now_ns, id, |_, turn| turn.has_progress = true);
        id
    }

    fn hear(&mut self, now_ns: u64, key: &Key, word: &Word) {
        for id in self.core.post.waiters(key).to_vec() {
            self.turn(now_ns, id, |kind, turn| kind.heard(key, word, turn));
        }
    }

    /// Lets an operation act, and ends it if it has nothing more to do.
    fn turn(&mut self, now_ns: u64, id: OperationId, act: impl FnOnce(&mut Kind, &mut Turn<'_>)) {
        let Some(mut operation) = self.operations.remove(&id) else { return };
        self.timers.remove(&(operation.due_ns, id));
        let was_paying = operation.kind.is_paying();
        let mut turn = Turn {
            core: &mut self.core,
            now_ns,
            operation: id,
            account: operation.account,
            asked: &mut operation.asked,
            has_progress: false,
            has_ended: false,
        };
        act(&mut operation.kind, &mut turn);
        if !turn.has_ended {
            operation.kind.advance(&mut turn);
        }
        let (has_progress, has_ended) = (turn.has_progress, turn.has_ended);
        let has_place = self.paying.get(&operation.account) == Some(&id);
        if was_paying && has_place && (has_ended || !operation.kind.is_paying()) {
            self.paying.remove(&operation.account);
        }
        if has_ended {
            operation.asked.iter().for_each(|key| self.core.post.leave(key, id));
            return self.core.tell(Event::Ended { operation: id });
        }
        if has_progress {
            operation.give_up_ns = now_ns.saturating_add(self.core.patience.give_up_ns);
        }
        operation.due_ns = operation.kind.due_ns().unwrap_or(u64::MAX).min(operation.give_up_ns);
        self.timers.insert((operation.due_ns, id));
        self.operations.insert(id, operation);
    }
}

/// What would be refused everywhere.
fn check_payment(payment: &Payment) -> Result<(), PayError> {
    if payment.amount.0 == 0 {
        return Err(PayError::ZeroAmount);
    }
    if payment.amount.0 > SUPPLY_MAX {
        return Err(PayError::AmountTooLarge);
    }
    if !matches!(payment.recipient_kind, RECIPIENT_ACCOUNT | RECIPIENT_PRIMARY) {
        return Err(PayError::RecipientKind(payment.recipient_kind));
    }
    if payment.funding.len() > FUNDING_COUNT_MAX {
        return Err(PayError::FundingCount);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
