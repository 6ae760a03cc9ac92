//! What all operations of a client share: the book, questions, and what waits to leave.

use super::face::{Event, OperationId, Patience, Transmit};

use super::post::{Key, Post, Purpose, Question, Subject};
use crate::book::{Account, Book, Record};
use crate::certificate::Certificate;
use crate::known_roots::KnownRoots;
use crate::limits::{FOUND_COUNT_MAX, KNOWN_ROOT_COUNT, TRANSMIT_COUNT_MAX};
use crate::mutant::{Mutant, Planted};
use crate::proof::Fault;
use crate::terms::Terms;
use quittance_engine::types::{Address, Peer, Sequence};
use quittance_net::frame::{FRAME_BYTES_MAX, HISTORY_CERTIFICATE, HistoryQuery, Kind, Order, Query, U64};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// See the module's docs.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) terms: Terms,
    pub(super) book: Book,
    pub(super) patience: Patience,
    pub(super) post: Post,
    pub(super) known: KnownRoots,
    pub(super) planted: Planted,
    records: VecDeque<Record>,
    made_count: u64,
    taken_count: u64,
    recorded_count: u64,
    /// Each after the record with this number.
    transmits: VecDeque<(u64, Transmit)>,
    events: VecDeque<(u64, Event)>,
    /// Others' certificates that were fetched, and in which order: the oldest give way.
    found: BTreeMap<(Address, u64), Certificate>,
    found_order: VecDeque<(Address, u64)>,
    /// By authority: what was wrong with its replies.
    faults: Vec<[u64; Fault::ALL.len()]>,
    strangers: u64,
    pub(super) nonce: u64,
}

impl Core {
    pub(super) fn new(terms: Terms, book: Book, patience: Patience) -> Self {
        Self {
            faults: vec![[0; Fault::ALL.len()]; terms.authority_count()],
            terms,
            book,
            patience,
            post: Post::new(patience),
            known: KnownRoots::with_capacity(KNOWN_ROOT_COUNT),
            planted: Planted::default(),
            records: VecDeque::new(),
            made_count: 0,
            taken_count: 0,
            recorded_count: 0,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            found: BTreeMap::new(),
            found_order: VecDeque::new(),
            strangers: 0,
            nonce: 0,
        }
    }

    /// Changes the book. What leaves from now on waits until that is written.
    pub(super) fn record(&mut self, record: Record) {
        self.book.apply(&record).expect("the client makes records that fit its book");
        self.records.push_back(record);
        self.made_count += 1;
    }

    pub(super) fn poll_record(&mut self) -> Option<Record> {
        let record = self.records.pop_front()?;
        self.taken_count += 1;
        Some(record)
    }

    pub(super) fn recorded(&mut self) {
        self.recorded_count = self.taken_count;
    }

    /// Lets a datagram leave once the book is written. One too many is dropped: it is asked again, as if it had been lost.
    pub(super) fn send(&mut self, to: Peer, bytes: Vec<u8>) {
        if self.transmits.len() < TRANSMIT_COUNT_MAX {
            let after = if self.planted.is(Mutant::SentBeforeRecorded) { 0 } else { self.made_count };
            self.transmits.push_back((after, Transmit { to, bytes }));
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        let recorded_count = self.recorded_count;
        self.transmits.pop_front_if(|(after, _)| *after <= recorded_count).map(|(_, transmit)| transmit)
    }

    /// Tells the driver, once the book is written.
    pub(super) fn tell(&mut self, event: Event) {
        self.events.push_back((self.made_count, event));
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        let recorded_count = self.recorded_count;
        self.events.pop_front_if(|(after, _)| *after <= recorded_count).map(|(_, event)| event)
    }

    pub(super) fn event_count(&self) -> usize {
        self.events.len()
    }

    /// Counts what no honest authority sends.
    pub(super) fn fault(&mut self, authority: u8, fault: Fault) {
        let count = &mut self.faults[usize::from(authority)][fault as usize];
        *count = count.saturating_add(1);
        if *count == 1 {
            self.tell(Event::Faulty { authority, fault });
        }
    }

    /// Counts what came from no authority's address.
    pub(super) fn stranger(&mut self) {
        self.strangers = self.strangers.saturating_add(1);
    }

    pub(super) fn faults(&self, authority: u8) -> &[u64; Fault::ALL.len()] {
        &self.faults[usize::from(authority)]
    }

    pub(super) fn stranger_count(&self) -> u64 {
        self.strangers
    }

    /// Keeps a payment that was found: in the book if an account of this wallet made or received it, else for a while. Another
    /// wallet with the same key may have made it; then its number is used here, too.
    pub(super) fn keep_found(&mut self, certificate: &Certificate) {
        let (body, sequence) = (certificate.body(), certificate.sequence());
        let payer = self.account(&body.sender);
        let payee = self.account(&body.recipient).filter(|_| certificate.pays(&body.recipient));
        let is_strange = payer.is_none() && payee.is_none();
        let is_new_sent = payer.is_some_and(|own| !own.sent().contains_key(&sequence));
        let is_new_received = payee.is_some_and(|own| !own.received().contains_key(&(body.sender, sequence)));
        if is_new_sent {
            self.record(Record::Certificate(certificate.clone()));
        }
        if is_new_received {
            self.record(Record::Received(certificate.clone()));
        }
        if is_strange {
            self.keep(certificate);
        }
    }

    /// Keeps another's certificate for those who carry it.
    fn keep(&mut self, certificate: &Certificate) {
        let key = (certificate.body().sender, certificate.sequence().0);
        if self.found.insert(key, certificate.clone()).is_none() {
            self.found_order.push_back(key);
        }
        if self.found_order.len() > FOUND_COUNT_MAX
            && let Some(oldest) = self.found_order.pop_front()
        {
            self.found.remove(&oldest);
        }
    }

    /// A payment's certificate, if it is at hand: made by an account of this wallet, received by `account`, or fetched.
    pub(super) fn certificate(&self, account: &Address, sender: &Address, sequence: u64) -> Option<&Certificate> {
        let sent = self.book.account(sender).and_then(|own| own.sent().get(&Sequence(sequence)));
        let received = || {
            let own = self.book.account(account)?;
            own.received().get(&(*sender, Sequence(sequence))).map(|received| &received.certificate)
        };
        sent.or_else(received).or_else(|| self.found.get(&(*sender, sequence)))
    }

    pub(super) fn account(&self, account: &Address) -> Option<&Account> {
        self.book.account(account)
    }

    /// The weight that counts as a quorum.
    pub(super) fn quorum(&self) -> u64 {
        self.terms.quorum() - u64::from(self.planted.is(Mutant::QuorumOneShort))
    }

    fn next_nonce(&mut self) -> u64 {
        self.nonce = self.nonce.wrapping_add(1);
        self.nonce
    }
}

/// One operation's moment with what all share.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) core: &'a mut Core,
    pub(super) now_ns: u64,
    pub(super) operation: OperationId,
    pub(super) account: Address,
    /// Questions whose answers the operation waits for.
    pub(super) asked: &'a mut BTreeSet<Key>,
    /// Whether something came that it was waiting for.
    pub(super) has_progress: bool,
    pub(super) has_ended: bool,
}

impl Turn<'_> {
    pub(super) fn tell(&mut self, event: Event) {
        self.core.tell(event);
    }

    pub(super) fn weight(&self, authority: u8) -> u64 {
        self.core.terms.weight(authority)
    }

    pub(super) fn fault(&mut self, authority: u8, fault: Fault) {
        self.core.fault(authority, fault);
    }

    /// The answer is not wanted any longer by this operation.
    pub(super) fn drop_question(&mut self, key: &Key) {
        self.asked.remove(key);
        self.core.post.leave(key, self.operation);
    }

    /// Asks for a vote, unless that is asked already.
    pub(super) fn ask_order(&mut self, authority: u8) {
        let Some(pending) = self.core.account(&self.account).and_then(Account::pending) else { return };
        let key = Key { authority, subject: Subject::Order(pending.digest) };
        let kind = order_kind(!pending.funding.is_empty());
        let header = self.core.terms.header(kind, authority, &self.account);
        let order = Order { header, body: pending.body, signature: pending.signature, r_hint: pending.r_hint };
        if self.joins(&key) {
            return;
        }
        self.ask(key, Purpose::Plain, bytemuck::bytes_of(&order).to_vec());
    }

    /// Carries a certificate, unless that is being done. `is_next`: nothing before it is missing any longer, so if it was
    /// refused it is sent once more. Returns whether the certificate is at hand.
    pub(super) fn ask_certificate(&mut self, authority: u8, sender: &Address, sequence: u64, is_next: bool) -> bool {
        let Some(certificate) = self.core.certificate(&self.account, sender, sequence) else { return false };
        let key = Key { authority, subject: Subject::Certificate(*certificate.digest()) };
        if self.core.post.purpose(&key).is_some() {
            self.joins(&key);
            if is_next && let Some((to, bytes)) = self.core.post.cured(self.now_ns, &key) {
                self.core.send(to, bytes);
            }
            return true;
        }
        let frame = certificate.frame(&self.core.terms, authority);
        self.ask(key, Purpose::Carry { sender: *sender, sequence }, frame);
        true
    }

    /// Asks what an authority holds of an account.
    pub(super) fn ask_account(&mut self, authority: u8, account: &Address) -> Key {
        let nonce = self.core.next_nonce();
        let header = self.core.terms.header(Kind::Query, authority, account);
        let query = Query { header, account: *account, nonce: U64::new(nonce), padding: [0; 96] };
        let key = Key { authority, subject: Subject::Account { account: *account, nonce } };
        self.ask(key, Purpose::Plain, bytemuck::bytes_of(&query).to_vec());
        key
    }

    /// Asks for a page of an account's history.
    pub(super) fn ask_page(&mut self, authority: u8, account: &Address, what: u8, from: u64) -> Key {
        self.ask_history(authority, account, Purpose::Page { what, from })
    }

    /// Asks for a certificate from an account's history.
    pub(super) fn ask_fetch(&mut self, authority: u8, account: &Address, sequence: u64, from: u64) -> Key {
        self.ask_history(authority, account, Purpose::Fetch { sequence, from })
    }

    fn ask_history(&mut self, authority: u8, account: &Address, purpose: Purpose) -> Key {
        let (what, from, sequence) = match purpose {
            Purpose::Page { what, from } => (what, from, 0),
            Purpose::Fetch { sequence, from } => (HISTORY_CERTIFICATE, from, sequence),
            Purpose::Plain | Purpose::Carry { .. } => unreachable!("these are no questions about histories"),
        };
        let nonce = self.core.next_nonce();
        let query = HistoryQuery {
            header: self.core.terms.header(Kind::HistoryQuery, authority, account),
            account: *account,
            nonce: U64::new(nonce),
            from: U64::new(from),
            stop: U64::new(0),
            sequence: U64::new(sequence),
            what,
            padding: [0; 15],
        };
        // An answer is never longer than its question: zeros make room for the longest.
        let mut frame = bytemuck::bytes_of(&query).to_vec();
        frame.resize(FRAME_BYTES_MAX, 0);
        let key = Key { authority, subject: Subject::History { account: *account, nonce } };
        self.ask(key, purpose, frame);
        key
    }

    fn joins(&mut self, key: &Key) -> bool {
        let is_asked = self.core.post.join(key, self.operation);
        if is_asked {
            self.asked.insert(*key);
        }
        is_asked
    }

    fn ask(&mut self, key: Key, purpose: Purpose, frame: Vec<u8>) {
        let account = match key.subject {
            Subject::Order(_) => self.account,
            Subject::Certificate(_) => match purpose {
                Purpose::Carry { sender, .. } => sender,
                _ => unreachable!("certificates are carried"),
            },
            Subject::Account { account, .. } | Subject::History { account, .. } => account,
        };
        let to = self.core.terms.peer(key.authority, &account);
        let question = Question { key, purpose, to, frame };
        self.core.post.ask(self.now_ns, self.operation, &question);
        self.asked.insert(key);
        self.core.send(to, question.frame);
    }
}

/// The kind of frame in which an order travels: one for which money was sent ahead waits a little where that has not arrived.
fn order_kind(is_funded: bool) -> Kind {
    if is_funded { Kind::ChainedOrder } else { Kind::Order }
}
