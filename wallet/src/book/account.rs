//! One account of a wallet.

use super::{Record, RecordError};
use crate::certificate::Certificate;
use quittance_engine::network::NetworkId;
use quittance_engine::types::{Address, Balance, Digest, Sequence};
use quittance_net::frame::OrderBody;
use std::collections::BTreeMap;
use std::ops::Bound as End;

/// What a wallet is bound to: certificates of another network or committee prove nothing to those whom it pays through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The network.
    pub network: NetworkId,
    /// The committee's digest.
    pub committee: [u8; 32],
    /// The committee's epoch.
    pub epoch: u64,
}

/// An order that was signed and whose payment is not final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What it says.
    pub body: OrderBody,
    /// Its name.
    pub digest: Digest,
    /// The owner's signature.
    pub signature: [u8; 64],
    /// The x coordinate of the signature's R; zero if it is not sent.
    pub r_hint: [u8; 32],
    /// The received payments that were named as what funds it: sender and sequence number.
    pub funding: Vec<(Address, Sequence)>,
    /// The other order that authorities voted for instead, so that this one has no quorum left. Only that order's certificate
    /// can free the account.
    pub blocked_by: Option<Digest>,
}

/// A payment that someone made to the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its proof.
    pub certificate: Certificate,
    /// Whether a quorum is known to have applied it.
    pub is_settled: bool,
}

/// A balance, as a quorum told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownBalance {
    /// The balance. Payments that were settled since are taken off; those received since are not added.
    pub balance: Balance,
    /// The sequence number that was next then.
    pub next_sequence: Sequence,
}

/// See the module's docs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub(super) next_sequence: Sequence,
    pub(super) settled_below: Sequence,
    pub(super) pending: Option<Pending>,
    pub(super) sent: BTreeMap<Sequence, Certificate>,
    pub(super) received: BTreeMap<(Address, Sequence), Received>,
    pub(super) balance: Option<KnownBalance>,
}

impl Account {
    /// The sequence number of the next order. While one is pending, that order's.
    pub fn next_sequence(&self) -> Sequence {
        self.next_sequence
    }

    /// The order under way.
    pub fn pending(&self) -> Option<&Pending> {
        self.pending.as_ref()
    }

    /// The pending order's certificate, once votes have made it.
    pub fn pending_certificate(&self) -> Option<&Certificate> {
        let pending = self.pending.as_ref()?;
        self.sent.get(&Sequence(pending.body.sequence.get()))
    }

    /// Certificates of the payments that the account made, by sequence number.
    pub fn sent(&self) -> &BTreeMap<Sequence, Certificate> {
        &self.sent
    }

    /// Whether the payment with this number is known to be final.
    pub fn is_settled(&self, sequence: Sequence) -> bool {
        sequence < self.settled_below
    }

    /// Payments that the account received, by sender and the sender's sequence number.
    pub fn received(&self) -> &BTreeMap<(Address, Sequence), Received> {
        &self.received
    }

    /// The balance as last seen.
    pub fn balance(&self) -> Option<&KnownBalance> {
        self.balance.as_ref()
    }

    /// An order is signed.
    pub(super) fn sign(&mut self, pending: &Pending) -> Result<(), RecordError> {
        if let Some(earlier) = &self.pending {
            return if earlier.digest == pending.digest { Ok(()) } else { Err(RecordError::SequenceTaken) };
        }
        if Sequence(pending.body.sequence.get()) != self.next_sequence {
            return Err(RecordError::SequenceTaken);
        }
        self.pending = Some(pending.clone());
        Ok(())
    }

    /// A payment of this account is certified: the pending one, or one that this book did not know of.
    pub(super) fn certify(&mut self, certificate: &Certificate) {
        let sequence = certificate.sequence();
        self.sent.entry(sequence).or_insert_with(|| certificate.clone());
        match &mut self.pending {
            Some(pending) if pending.digest == *certificate.digest() => pending.blocked_by = None,
            // The number is used, by another order: the pending one can never be certified.
            Some(pending) if pending.body.sequence.get() == sequence.0 => {
                self.pending = None;
                self.skip_used();
            }
            Some(_) => {}
            None => self.skip_used(),
        }
    }

    /// Goes on behind every number that a certificate uses, or that a quorum told to be used while an order kept its own.
    fn skip_used(&mut self) {
        let last = self.sent.keys().next_back().and_then(|last| last.next()).unwrap_or_default();
        let told = self.balance.map_or(Sequence::default(), |known| known.next_sequence);
        self.next_sequence = self.next_sequence.max(last).max(told);
    }

    /// A payment is final: one that this account received, or one that it made.
    pub(super) fn settle(&mut self, own: &Address, sender: &Address, sequence: Sequence) {
        if let Some(received) = self.received.get_mut(&(*sender, sequence)) {
            received.is_settled = true;
        }
        if own == sender {
            self.settle_sent(sequence);
        }
    }

    /// The payment with this number is final, and so are all before it: authorities apply them in order.
    fn settle_sent(&mut self, sequence: Sequence) {
        let Some(below) = sequence.next().filter(|_| self.sent.contains_key(&sequence)) else { return };
        self.settled_below = self.settled_below.max(below);
        if let Some(known) = self.balance.as_mut().filter(|known| known.next_sequence < below) {
            let spent = self.sent.range(known.next_sequence..below).map(|(_, certificate)| certificate.amount());
            *known = KnownBalance { balance: spent.fold(known.balance, Balance::debited), next_sequence: below };
        }
        self.pending.take_if(|pending| pending.body.sequence.get() <= sequence.0);
        if self.pending.is_none() {
            self.skip_used();
        }
    }

    /// A quorum told the balance, and how many numbers are used: also those whose certificates are lost everywhere. An order
    /// that is pending keeps its number.
    pub(super) fn know(&mut self, known: KnownBalance) {
        self.balance = Some(known);
        if self.pending.is_none() {
            self.next_sequence = self.next_sequence.max(known.next_sequence);
        }
    }

    /// The pending order has no quorum left.
    pub(super) fn block(&mut self, sequence: Sequence, other: &Digest) -> Result<(), RecordError> {
        let pending = self.pending.as_mut().filter(|pending| pending.body.sequence.get() == sequence.0);
        pending.ok_or(RecordError::NotPending)?.blocked_by = Some(*other);
        Ok(())
    }

    /// Someone paid.
    pub(super) fn receive(&mut self, certificate: &Certificate) {
        let key = (certificate.body().sender, certificate.sequence());
        self.received.entry(key).or_insert_with(|| Received { certificate: certificate.clone(), is_settled: false });
    }

    /// The records that make this account again, in an order in which each fits those before.
    pub(super) fn write(&self, address: &Address, records: &mut Vec<Record>) {
        records.push(Record::Account { address: *address });
        let certificates = |range: (End<Sequence>, End<Sequence>)| {
            self.sent.range(range).map(|(_, certificate)| Record::Certificate(certificate.clone()))
        };
        // An order must find its number unused; what was certified beyond it comes behind it.
        let order_place = self.pending.as_ref().map(|pending| Sequence(pending.body.sequence.get()));
        let place = order_place.unwrap_or(Sequence::TOP);
        // Numbers of which only the balance told; the balance itself is set right at the end.
        let told = self.balance.map(|known| KnownBalance { next_sequence: self.next_sequence, ..known });
        records.extend(told.map(|known| Record::Balance { account: *address, known }));
        records.extend(certificates((End::Unbounded, End::Excluded(place))));
        records.extend(self.pending.iter().map(|pending| Record::Order(pending.clone())));
        records.extend(certificates((End::Included(place), End::Unbounded)));
        if let Some(last) = self.settled_below.0.checked_sub(1) {
            records.push(Record::Settled { account: *address, sender: *address, sequence: Sequence(last) });
        }
        for received in self.received.values() {
            records.push(Record::Received(received.certificate.clone()));
        }
        for ((sender, sequence), _) in self.received.iter().filter(|(_, received)| received.is_settled) {
            records.push(Record::Settled { account: *address, sender: *sender, sequence: *sequence });
        }
        if let Some((pending, other)) = self.pending.as_ref().and_then(|pending| Some((pending, pending.blocked_by?))) {
            let sequence = Sequence(pending.body.sequence.get());
            records.push(Record::Blocked { account: *address, sequence, other });
        }
        records.extend(self.balance.map(|known| Record::Balance { account: *address, known }));
    }
}
