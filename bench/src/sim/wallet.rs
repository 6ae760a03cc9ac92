//! A wallet as whoever drives it has it: the client, its disk, and the rules that hold for all that leaves it.
//!
//! The client makes records; they are written as one batch, synced some time later, and only then the client is told. What it
//! lets go in between is held against what the disk has for certain. A process that is killed leaves what it wrote, synced or
//! not; when the power goes, what was not synced is lost, whole, torn or with a hole in it. Whoever opens a book syncs it
//! before anything that it says is acted upon.

use super::around::Around;
use super::ballot::is_proved;
use super::book;
use super::network::{Packet, Place};
use super::trace::Event as Happened;
use quittance_engine::message::{order_digest, order_message};
use quittance_engine::sign::Sign;
use quittance_engine::types::{Address, Digest, Peer};
use quittance_net::frame::{self, Frame, RECIPIENT_ACCOUNT};
use quittance_wallet::book::{Book, Record, encode_batch};
use quittance_wallet::certificate::Certificate;
use quittance_wallet::check::{CheckRoots, SignOrder};
use quittance_wallet::client::{Client, Event, OperationId, Patience, Refused, Transmit};
use quittance_wallet::mutant::{Mutant, Planted};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

const LEISURE_NS: u64 = 2_000_000_000;
const LEISURE_TURNS: u64 = 4_000;

/// The owner's key.
#[derive(Debug)]
pub struct Owner(pub Arc<dyn Sign>);

impl SignOrder for Owner {
    fn sign(&self, message: &[u8; quittance_engine::message::ORDER_MESSAGE_BYTES]) -> [u8; 64] {
        self.0.sign(message)
    }
}

/// The committee's signatures, as the world's notary judges them.
pub struct Roots<'a>(pub &'a mut Around);

impl CheckRoots for Roots<'_> {
    fn check(
        &mut self,
        authority: u8,
        message: &[u8; quittance_engine::message::ROOT_MESSAGE_BYTES],
        signature: &[u8; 64],
    ) -> bool {
        self.0.notary.is_signed(&self.0.keys, authority.into(), message, signature)
    }
}

/// How a process ends that was not asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// What it wrote is there for the next one.
    Killed,
    /// Only what was synced is there for certain.
    PowerCut,
    /// The disk is gone; there is the key.
    DiskLost,
}

/// What the disk has for certain.
#[derive(Debug, Default)]
struct Durable {
    orders: BTreeSet<Digest>,
    certificates: BTreeSet<Digest>,
}

/// See the module's docs.
#[derive(Debug)]
pub struct Wallet {
    /// Its account, and its place in the network.
    account: usize,
    place: usize,
    address: Address,
    patience: Patience,
    planted: Planted,
    client: Option<Client>,
    file: Vec<u8>,
    /// How much of the file is synced: bytes.
    synced: usize,
    /// Records written and not synced.
    written: Vec<Record>,
    durable: Durable,
    /// By sequence number: the order that left. Never another one, as long as the disk is the same.
    left: BTreeMap<u64, Digest>,
    /// By operation: from whom it had receipts, a bit for each.
    receipts: BTreeMap<OperationId, u64>,
    /// Whether it began with nothing but the key, and is not rebuilt.
    is_bare: bool,
    is_leisurely: bool,
}

impl Wallet {
    /// A wallet that was never opened.
    pub fn new(around: &Around, account: usize, place: usize, planted: Planted) -> Self {
        let first_ns = around.swarm.step_ns as u64 * around.swarm.patience_turns;
        let patience =
            Patience { resend_first_ns: first_ns, resend_longest_ns: 8 * first_ns, give_up_ns: 20 * first_ns };
        Self {
            account,
            place,
            address: around.ground.accounts[account],
            patience,
            planted,
            client: None,
            file: Vec::new(),
            synced: 0,
            written: Vec::new(),
            durable: Durable::default(),
            left: BTreeMap::new(),
            receipts: BTreeMap::new(),
            is_bare: false,
            is_leisurely: false,
        }
    }

    /// The client, if the process runs.
    pub fn client(&mut self) -> Option<&mut Client> {
        self.client.as_mut()
    }

    /// What it knows, if it runs.
    pub fn book(&self) -> Option<&quittance_wallet::book::Account> {
        self.client.as_ref()?.book().account(&self.address)
    }

    /// Whether it lost its disk, and has not been rebuilt since.
    pub fn is_bare(&self) -> bool {
        self.is_bare
    }

    /// Whether it waits longer than usual.
    pub fn is_leisurely(&self) -> bool {
        self.is_leisurely
    }

    /// Its histories were read: it may pay again.
    pub fn was_rebuilt(&mut self) {
        self.is_bare = false;
    }

    /// Reads the book, syncs it and begins with it.
    ///
    /// # Errors
    /// The book is not what it must be.
    pub fn open(&mut self, around: &mut Around) -> Result<(), String> {
        let replay =
            Book::replay(&self.file).map_err(|error| self.wrong(format!("its book cannot be read: {error}")))?;
        if replay.good_bytes < self.synced {
            return Err(self.wrong(format!("{} bytes were synced and {} are read", self.synced, replay.good_bytes)));
        }
        around.faults.wallet_batches_torn += u64::from(replay.torn_bytes > 0);
        self.file.truncate(replay.good_bytes);
        if around.chance.once_in(4) {
            self.compact(&replay.book)?;
        }
        if !self.planted.is(Mutant::BookNotSyncedBeforeRead) {
            self.synced = self.file.len();
        }
        let certain = Book::replay(&self.file[..self.synced]).map_err(|error| self.wrong(error.to_string()))?;
        self.durable = Durable::of(&certain.book);
        self.check_remembered(&replay.book)?;
        self.is_leisurely = around.is_calm;
        let patience = if self.is_leisurely { leisure(around) } else { self.patience };
        let client = Client::new(around.ground.wallet_terms.clone(), replay.book, patience);
        let mut client = client.map_err(|error| self.wrong(error.to_string()))?.with(self.planted);
        client = client.with_nonces_from(around.chance.bits());
        client.add_account(&self.address);
        self.client = Some(client);
        Ok(())
    }

    /// It stops where it stands.
    pub fn crash(&mut self, crash: Crash, around: &mut Around) {
        around.trace.event(Happened::Payer, [self.place as u64, crash as u64, self.file.len() as u64]);
        (self.client, self.written) = (None, Vec::new());
        self.receipts.clear();
        match crash {
            Crash::Killed => {}
            Crash::PowerCut => self.tear(around),
            Crash::DiskLost => {
                self.file.clear();
                self.left.clear();
                (self.synced, self.is_bare) = (0, true);
            }
        }
    }

    /// A datagram comes.
    pub fn receive(&mut self, from: Peer, datagram: &[u8], around: &mut Around) {
        let now_ns = around.now_ns;
        if let Some(client) = &mut self.client {
            client.receive(now_ns, from, datagram, &mut Roots(around));
        }
    }

    /// Sends, writes, syncs, or looks at the clock: whichever comes first. Returns whether there was anything to do.
    ///
    /// # Errors
    /// What leaves and must not.
    pub fn step(&mut self, around: &mut Around) -> Result<bool, String> {
        if self.send(around)? {
            return Ok(true);
        }
        if self.file.len() > self.synced && !self.written.is_empty() {
            if around.chance.once_in(2) {
                self.sync();
            }
            return Ok(true);
        }
        if self.write(around)? {
            if around.chance.once_in(2) {
                self.sync();
            }
            return Ok(true);
        }
        let Some(client) = &mut self.client else { return Ok(false) };
        let is_due = client.poll_timeout().is_some_and(|due_ns| due_ns <= around.now_ns);
        if is_due {
            client.tick(around.now_ns);
        }
        Ok(is_due)
    }

    /// The next thing that happened, checked.
    ///
    /// # Errors
    /// It did not happen, or must not.
    pub fn poll_event(&mut self, around: &Around) -> Result<Option<Event>, String> {
        let Some(event) = self.client.as_mut().and_then(Client::poll_event) else { return Ok(None) };
        match &event {
            Event::Faulty { authority, fault } if usize::from(*authority) < around.ground.honest_count => {
                return Err(self.wrong(format!("it takes authority {authority} for a liar: {fault}")));
            }
            Event::Receipt { operation, authority } => *self.receipts.entry(*operation).or_default() |= 1 << authority,
            Event::Settled { operation, digest } => self.check_settled(*operation, digest, around)?,
            Event::Refused { refused: Refused::Overtaken { by }, .. } => self.check_overtaken(by, around)?,
            Event::Refused { refused: Refused::Conflict { .. }, .. } => self.check_conflict(around)?,
            Event::Ended { operation } => _ = self.receipts.remove(operation),
            _ => {}
        }
        Ok(Some(event))
    }

    /// Whether all that it knows is on its disk.
    pub fn is_synced(&self) -> bool {
        self.file.len() == self.synced && self.written.is_empty()
    }

    fn send(&mut self, around: &mut Around) -> Result<bool, String> {
        let mut has_sent = false;
        while let Some(transmit) = self.client.as_mut().and_then(Client::poll_transmit) {
            self.check(&transmit, around)?;
            let source = around.ground.wallet_terms.directory().source(transmit.to);
            let Some(source) = source else { return Err(self.wrong("it writes to nobody".to_owned())) };
            let to = Place::Shard(source.authority.into(), source.shard);
            around.send(Packet { from: Place::Payer(self.place), to, bytes: transmit.bytes });
            has_sent = true;
        }
        Ok(has_sent)
    }

    /// Writes the records that there are. Returns whether there were any.
    fn write(&mut self, around: &mut Around) -> Result<bool, String> {
        let Some(client) = &mut self.client else { return Ok(false) };
        self.written.extend(std::iter::from_fn(|| client.poll_record()));
        if self.written.is_empty() {
            return Ok(false);
        }
        for record in &self.written {
            if let Record::Certificate(certificate) | Record::Received(certificate) = record {
                enter(certificate, around).map_err(|wrong| self.wrong(wrong))?;
            }
        }
        encode_batch(&self.written, self.file.len() as u64, &mut self.file);
        around.trace.event(Happened::Payer, [self.place as u64, 1 << 32, self.file.len() as u64]);
        Ok(true)
    }

    fn sync(&mut self) {
        self.synced = self.file.len();
        for record in self.written.drain(..) {
            match record {
                Record::Order(pending) => _ = self.durable.orders.insert(pending.digest),
                Record::Certificate(certificate) | Record::Received(certificate) => {
                    self.durable.certificates.insert(*certificate.digest());
                }
                _ => {}
            }
        }
        if let Some(client) = &mut self.client {
            client.recorded();
        }
    }

    /// The power goes: what was not synced is lost, or there, or torn, or has a hole.
    fn tear(&mut self, around: &mut Around) {
        let unsynced = self.file.len() - self.synced;
        if unsynced == 0 {
            return;
        }
        let at = self.synced + around.chance.below(unsynced);
        match around.chance.below(4) {
            0 => self.file.truncate(self.synced),
            1 => {}
            2 => self.file.truncate(at),
            _ => {
                let end = at + around.chance.below(self.file.len() - at + 1);
                self.file[at..end].fill(0);
            }
        }
    }

    /// The file is replaced by the shortest one that says the same.
    fn compact(&mut self, book: &Book) -> Result<(), String> {
        let mut bytes = Vec::new();
        encode_batch(&book.to_records(), 0, &mut bytes);
        match Book::replay(&bytes) {
            Ok(again) if again.book == *book && again.torn_bytes == 0 => {}
            again => return Err(self.wrong(format!("its shorter book says something else: {again:?}"))),
        }
        // Replaced files are synced before they have their name.
        self.synced = bytes.len();
        self.file = bytes;
        Ok(())
    }

    /// What left is in the book that was read back: pending, or certified.
    fn check_remembered(&self, book: &Book) -> Result<(), String> {
        let Some((sequence, digest)) = self.left.last_key_value() else { return Ok(()) };
        let own = book.account(&self.address);
        let pending = own.and_then(|own| own.pending()).map(|pending| pending.digest);
        let is_used = own.is_some_and(|own| own.sent().keys().any(|used| used.0 == *sequence));
        if pending == Some(*digest) || is_used {
            return Ok(());
        }
        Err(self.wrong(format!("it forgot its order {sequence}")))
    }

    /// Nothing leaves before what it depends on is synced; no number is used twice; what is carried is written down.
    fn check(&mut self, transmit: &Transmit, around: &Around) -> Result<(), String> {
        let network = &around.ground.context.network;
        match frame::parse(&transmit.bytes) {
            Ok(Frame::Order(order) | Frame::ChainedOrder(order)) => {
                let digest = order_digest(&order_message(network, &order.body));
                let sequence = order.body.sequence.get();
                if !self.durable.orders.contains(&digest) {
                    return Err(self.wrong(format!("its order {sequence} leaves before it is synced")));
                }
                if *self.left.entry(sequence).or_insert(digest) != digest {
                    return Err(self.wrong(format!("two orders of number {sequence} leave")));
                }
                Ok(())
            }
            Ok(Frame::Certificate(view)) => {
                let body = &view.head.body;
                let digest = order_digest(&order_message(network, body));
                let is_paid = body.recipient == self.address && body.recipient_kind == RECIPIENT_ACCOUNT;
                let is_own = body.sender == self.address || is_paid;
                let is_kept = !is_own || self.durable.certificates.contains(&digest);
                let account = around.ground.account(&body.sender);
                let known = account.and_then(|account| around.book.certificate_of((account, body.sequence.get())));
                match known {
                    Some(known) if known.digest == digest && is_kept => Ok(()),
                    Some(known) if known.digest == digest => {
                        Err(self.wrong("a certificate leaves before it is synced".to_owned()))
                    }
                    _ => Err(self.wrong("a certificate leaves that nobody made".to_owned())),
                }
            }
            Ok(Frame::Query(_) | Frame::HistoryQuery(_)) => Ok(()),
            other => Err(self.wrong(format!("it sends {other:?}"))),
        }
    }

    /// A payment is final when authorities of a quorum said that they applied it, and then so many honest ones have.
    fn check_settled(&self, operation: OperationId, digest: &Digest, around: &Around) -> Result<(), String> {
        let told = self.receipts.get(&operation).map_or(0, |receipts| receipts.count_ones()) as usize;
        let quorum = around.ground.quorum();
        let applied = around.book.applied_count(digest);
        if told < quorum || applied + around.ground.fault_count < quorum {
            return Err(self.wrong(format!("it calls final what {told} said to have applied, and {applied} have")));
        }
        Ok(())
    }

    fn check_overtaken(&self, by: &Digest, around: &Around) -> Result<(), String> {
        let made = around.book.order(by).filter(|made| made.turn.0 == self.account);
        let certificate = made.and_then(|made| around.book.certificate_of(made.turn));
        if certificate.is_some_and(|certificate| certificate.digest == *by) {
            return Ok(());
        }
        Err(self.wrong("it is overtaken by an order that nobody certified".to_owned()))
    }

    /// Only who has signed two orders may find that another one is in the way.
    fn check_conflict(&self, around: &Around) -> Result<(), String> {
        let pending = self.book().and_then(|own| own.pending());
        let is_certified = self.book().is_some_and(|own| own.pending_certificate().is_some());
        let sequence = pending.map(|pending| pending.body.sequence.get());
        match sequence {
            Some(sequence) if around.book.signed_count((self.account, sequence)) > 1 && !is_certified => Ok(()),
            _ => Err(self.wrong(format!("its order {sequence:?} finds another one in its way, and there is none"))),
        }
    }

    fn wrong(&self, what: String) -> String {
        format!("wallet {} of account {}: {what}", self.place, self.account)
    }
}

/// When nothing goes wrong any more, and all wallets read all there is at once: long enough for the queues that this makes.
fn leisure(around: &Around) -> Patience {
    let first_ns = LEISURE_NS.max(around.swarm.step_ns as u64 * LEISURE_TURNS);
    Patience { resend_first_ns: first_ns, resend_longest_ns: 4 * first_ns, give_up_ns: 20 * first_ns }
}

impl Durable {
    fn of(book: &Book) -> Self {
        let mut durable = Self::default();
        for (_, own) in book.accounts() {
            durable.orders.extend(own.pending().map(|pending| pending.digest));
            durable.certificates.extend(own.sent().values().map(|certificate| *certificate.digest()));
            let received = own.received().values();
            durable.certificates.extend(received.map(|received| *received.certificate.digest()));
        }
        durable
    }
}

/// A certificate that a wallet has is proved by a quorum's votes, and there is no other of its number.
fn enter(certificate: &Certificate, around: &mut Around) -> Result<(), String> {
    let Ok(Frame::Certificate(view)) = frame::parse(certificate.placeless_frame()) else {
        return Err("it keeps a certificate that is no frame".to_owned());
    };
    if !is_proved(&view, around) {
        return Err(format!("it keeps {certificate:?}, which proves nothing"));
    }
    let body = *certificate.body();
    let account = around.ground.account(&body.sender).ok_or("it keeps a certificate of nobody's payment")?;
    let votes = view.votes().map(|vote| {
        let path: &[u8] = bytemuck::cast_slice(vote.path);
        [bytemuck::bytes_of(vote.proof), path].concat()
    });
    let known = book::Certificate { body, digest: *certificate.digest(), votes: votes.collect() };
    around.book.certify((account, body.sequence.get()), Rc::new(known))
}
