//! A wallet as whoever drives it sees it: its disk, its events, and the rules that hold for all that leaves it.

use crate::book::{Book, Record, encode_batch};
use crate::certificate::{Certificate, digest};
use crate::check::RootVerifier;
use crate::client::Client;
use crate::client::face::{Event, OperationId, Patience, PayError, Payment, Transmit};
use crate::mutant::{Mutant, Planted};
use crate::terms::Terms;
use quittance_engine::types::{Address, Amount, Digest, Peer, TimeMs};
use quittance_net::frame::{Frame, RECIPIENT_ACCOUNT, parse};
use quittance_verify::SecretKey;
use std::collections::{BTreeMap, BTreeSet};

/// Short, so that tests with silence do not take long turns of the loop.
pub(super) const PATIENCE: Patience =
    Patience { resend_first_ns: 50_000_000, resend_longest_ns: 400_000_000, give_up_ns: 5_000_000_000 };

/// A xorshift generator: the same numbers for the same seed.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % bound as u64).unwrap()
    }
}

/// The key of account `number`.
pub(super) fn key(number: u32) -> SecretKey {
    let mut seed = [0xa0; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    SecretKey::from_seed(&seed)
}

pub(super) struct Wallet {
    pub(super) client: Client,
    pub(super) secret: SecretKey,
    pub(super) address: Address,
    pub(super) peer: Peer,
    /// What is on its disk, in bytes as a file has them, with the file's length after each batch.
    pub(super) disk: Vec<u8>,
    pub(super) batches: Vec<usize>,
    pub(super) events: Vec<Event>,
    /// Rules that were broken.
    pub(super) violations: Vec<String>,
    orders: BTreeMap<u64, Digest>,
    durable_orders: BTreeSet<Digest>,
    durable_certificates: BTreeSet<Digest>,
    receipts: BTreeMap<OperationId, BTreeSet<u8>>,
    planted: Planted,
    roots: RootVerifier,
}

impl Wallet {
    /// A wallet with the account of this number.
    pub(super) fn new(terms: &Terms, number: u32, port: u16) -> Self {
        let secret = key(number);
        let address = secret.public_key_bytes();
        let client = Client::new(terms.clone(), Book::new(), PATIENCE).unwrap();
        let mut wallet = Self {
            client,
            secret,
            address,
            peer: Peer::new([127, 0, 0, 9].into(), port),
            disk: Vec::new(),
            batches: Vec::new(),
            events: Vec::new(),
            violations: Vec::new(),
            orders: BTreeMap::new(),
            durable_orders: BTreeSet::new(),
            durable_certificates: BTreeSet::new(),
            receipts: BTreeMap::new(),
            planted: Planted::NOTHING,
            roots: RootVerifier::new(terms, [7; 32]),
        };
        wallet.client.add_account(&address);
        wallet.write();
        wallet
    }

    pub(super) fn plant(&mut self, mutant: Mutant) {
        self.planted = Planted::new(mutant).expect("tests are built for it");
        self.client.core.planted = self.planted;
    }

    pub(super) fn payment(recipient: Address, amount: u64, funding: Vec<Certificate>) -> Payment {
        let (amount, expiry) = (Amount(amount), TimeMs(u64::MAX));
        Payment { recipient, recipient_kind: RECIPIENT_ACCOUNT, amount, user_data: [0; 32], expiry, funding }
    }

    pub(super) fn pay(&mut self, now_ns: u64, payment: Payment) -> Result<OperationId, PayError> {
        self.client.pay(now_ns, &self.address, payment, &self.secret, &mut self.roots)
    }

    pub(super) fn certify(&mut self, now_ns: u64, payment: Payment) -> Result<OperationId, PayError> {
        self.client.certify(now_ns, &self.address, payment, &self.secret, &mut self.roots)
    }

    pub(super) fn receive_certificate(&mut self, now_ns: u64, certificate: Certificate) -> OperationId {
        self.client.receive_certificate(now_ns, certificate, &mut self.roots).unwrap()
    }

    pub(super) fn receive(&mut self, now_ns: u64, from: Peer, datagram: &[u8]) {
        self.client.receive(now_ns, from, datagram, &mut self.roots);
    }

    /// Everything that may leave: before the records are written, then they are, then the rest. The certificate of the last
    /// payment that is final.
    pub(super) fn drive(&mut self) -> Vec<Transmit> {
        let mut leaving = self.leave();
        self.write();
        leaving.extend(self.leave());
        while let Some(event) = self.client.poll_event() {
            self.note(&event);
            self.events.push(event);
        }
        leaving
    }

    /// The power goes: what is not on the disk is gone, and what is there is read back up to this batch.
    pub(super) fn crash(&mut self, batch_count: usize) {
        let length = batch_count.checked_sub(1).map_or(0, |last| self.batches[last]);
        self.disk.truncate(length);
        self.batches.truncate(batch_count);
        let replay = Book::replay(&self.disk).unwrap();
        assert_eq!((replay.good_bytes, replay.torn_bytes), (length, 0));
        let client = Client::new(self.client.terms().clone(), replay.book, PATIENCE).unwrap();
        self.client = client.with(self.planted);
    }

    pub(super) fn own(&self) -> &crate::book::Account {
        self.client.book().account(&self.address).expect("the wallet has its account")
    }

    /// Its certificate with this number.
    pub(super) fn certificate(&self, sequence: u64) -> Certificate {
        self.own().sent()[&quittance_engine::types::Sequence(sequence)].clone()
    }

    pub(super) fn has_settled(&self, sequence: u64) -> bool {
        self.own().is_settled(quittance_engine::types::Sequence(sequence))
    }

    /// Records become durable, as one batch.
    fn write(&mut self) {
        let records: Vec<Record> = std::iter::from_fn(|| self.client.poll_record()).collect();
        for record in &records {
            match record {
                Record::Order(pending) => _ = self.durable_orders.insert(pending.digest),
                Record::Certificate(certificate) | Record::Received(certificate) => {
                    self.durable_certificates.insert(*certificate.digest());
                }
                _ => {}
            }
        }
        if !records.is_empty() {
            encode_batch(&records, self.disk.len() as u64, &mut self.disk);
            self.batches.push(self.disk.len());
        }
        self.client.recorded();
    }

    fn leave(&mut self) -> Vec<Transmit> {
        let leaving: Vec<Transmit> = std::iter::from_fn(|| self.client.poll_transmit()).collect();
        leaving.iter().for_each(|transmit| self.check(&transmit.bytes));
        leaving
    }

    /// No datagram of an order or of an own certificate leaves before that is durable; an order's number is never used twice;
    /// what claims to be a certificate is one.
    fn check(&mut self, bytes: &[u8]) {
        let terms = self.client.terms().clone();
        match parse(bytes) {
            Ok(Frame::Order(order) | Frame::ChainedOrder(order)) => {
                let digest = digest(terms.network(), &order.body);
                if !self.durable_orders.contains(&digest) {
                    self.violations.push("an order left before it was written".to_owned());
                }
                if *self.orders.entry(order.body.sequence.get()).or_insert(digest) != digest {
                    self.violations.push("two orders of one number left".to_owned());
                }
            }
            Ok(Frame::Certificate(view)) => {
                let certificate = Certificate::from_view(terms.network(), &view);
                let is_own = view.head.body.sender == self.address || certificate.pays(&self.address);
                if is_own && !self.durable_certificates.contains(certificate.digest()) {
                    self.violations.push("a certificate left before it was written".to_owned());
                }
                if let Err(error) = certificate.check(&terms, &mut self.roots) {
                    self.violations.push(format!("a certificate that proves nothing left: {error}"));
                }
            }
            Ok(Frame::Query(_) | Frame::HistoryQuery(_)) => {}
            other => self.violations.push(format!("a client sends no {other:?}")),
        }
    }

    /// A payment is called final only after receipts of a quorum's weight, each from another authority.
    fn note(&mut self, event: &Event) {
        match event {
            Event::Receipt { operation, authority } => {
                self.receipts.entry(*operation).or_default().insert(*authority);
            }
            Event::Settled { operation, .. } => {
                let terms = self.client.terms();
                let receipts = self.receipts.entry(*operation).or_default();
                let weight: u64 = receipts.iter().map(|authority| terms.weight(*authority)).sum();
                if weight < terms.quorum() {
                    self.violations.push(format!("called final with receipts of weight {weight}"));
                }
            }
            _ => {}
        }
    }
}
