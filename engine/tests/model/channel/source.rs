//! The shard that owes credits: the engine's [`Outgoing`], what is on its disk, and how it comes back from there.
//!
//! It does what `shard/confirmation.rs`, `shard/credits.rs` and `shard/recovery.rs` do, in their order.

use super::{Fault, Mutant};
use quittance_engine::credit::{Credit, CreditAck, Outgoing};
use quittance_engine::journal::RecordNumber;
use quittance_engine::types::{Amount, Sequence};

/// Higher than any record.
const NEVER_ASKED: RecordNumber = RecordNumber(u64::MAX);

/// A change of state, written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Record {
    /// A payment was applied, which makes this credit.
    Payment { number: u64, payment: u64 },
    /// Credits were acknowledged.
    Ack { number: u64 },
}

/// The state of the channel as of record `lsn`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Snapshot {
    lsn: RecordNumber,
    last_number: u64,
    credits: Vec<Credit>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Source {
    outgoing: Outgoing,
    /// Records after those that the snapshot makes superfluous.
    journal: Vec<Record>,
    durable: RecordNumber,
    snapshot: Snapshot,
    /// Complete but for records in it that are not durable.
    snapshot_under_way: Option<Snapshot>,
    /// For every credit ever made that no crash undid: the record, and the payment. Seen by nobody but the properties.
    payments: Vec<(RecordNumber, u64)>,
}

impl Source {
    fn made(&self) -> RecordNumber {
        RecordNumber(self.snapshot.lsn.0 + self.journal.len() as u64)
    }

    fn write(&mut self, record: Record) -> RecordNumber {
        self.journal.push(record);
        self.made()
    }

    /// Whether a payment may be applied.
    pub(super) fn has_room(&self, unacknowledged_max: usize) -> bool {
        self.outgoing.has_room() && self.unacknowledged_count() < unacknowledged_max
    }

    /// A payment to an account of the other shard is applied.
    pub(super) fn pay(&mut self, payment: u64) {
        let record = self.write(Record::Payment { number: self.outgoing.next_number(), payment });
        add(&mut self.outgoing, record, payment);
        self.payments.push((record, payment));
    }

    /// The next credit to hand over.
    pub(super) fn peek(&self, mutant: Option<Mutant>) -> Option<Credit> {
        let durable = if mutant == Some(Mutant::SendsBeforeDurable) { NEVER_ASKED } else { self.durable };
        self.outgoing.peek(durable).copied()
    }

    /// It was handed over.
    pub(super) fn advance(&mut self) {
        self.outgoing.advance();
    }

    /// Everything unacknowledged is to be handed over again.
    pub(super) fn resend(&mut self) {
        self.outgoing.resend();
    }

    /// An acknowledgement arrives.
    pub(super) fn receive_ack(&mut self, number: u64, mutant: Option<Mutant>) -> Result<(), Fault> {
        let is_news = self.outgoing.acknowledge(ack(number)).map_err(|_| Fault::ForeignAck)?;
        if is_news && mutant != Some(Mutant::AcksUnrecorded) {
            self.write(Record::Ack { number });
        }
        Ok(())
    }

    /// The disk takes one more record; a snapshot that waited for it is complete, and the records in it are superfluous.
    pub(super) fn sync(&mut self) {
        assert!(self.is_behind(), "the journal has what was written");
        self.durable = self.durable.next();
        if let Some(snapshot) = self.snapshot_under_way.take_if(|snapshot| snapshot.lsn <= self.durable) {
            let superfluous = usize::try_from(snapshot.lsn.0 - self.snapshot.lsn.0).unwrap();
            self.journal.drain(..superfluous);
            self.snapshot = snapshot;
        }
    }

    /// Whether records wait for the disk.
    pub(super) fn is_behind(&self) -> bool {
        self.durable < self.made()
    }

    /// Whether a snapshot may be taken: while records wait. One that is taken later holds no more than one taken just before the
    /// last of them was durable.
    pub(super) fn may_snapshot(&self) -> bool {
        self.snapshot_under_way.is_none() && self.is_behind()
    }

    /// A snapshot is taken of what is in memory.
    pub(super) fn take_snapshot(&mut self, mutant: Option<Mutant>) {
        let keeps = mutant != Some(Mutant::TruncatesUnacknowledged);
        let credits = self.outgoing.unacknowledged().copied().filter(|_| keeps).collect();
        let last_number = self.outgoing.last_number();
        self.snapshot_under_way = Some(Snapshot { lsn: self.made(), last_number, credits });
    }

    /// A crash, and a restart from the snapshot and the durable records after it.
    pub(super) fn crash(&mut self, mutant: Option<Mutant>) -> Result<(), Fault> {
        self.snapshot_under_way = None;
        self.journal.truncate(usize::try_from(self.durable.0 - self.snapshot.lsn.0).unwrap());
        self.payments.retain(|(record, _)| *record <= self.durable);
        let Snapshot { lsn, last_number, credits } = self.snapshot.clone();
        self.outgoing = Outgoing::restored(last_number, true, credits.into_iter());
        let mut number = lsn;
        for record in &self.journal {
            number = number.next();
            match *record {
                Record::Payment { number, .. } if number != self.outgoing.next_number() => {
                    return Err(Fault::Contradiction);
                }
                Record::Payment { payment, .. } => add(&mut self.outgoing, number, payment),
                Record::Ack { number } => {
                    self.outgoing.acknowledge(ack(number)).map_err(|_| Fault::Contradiction)?;
                }
            }
        }
        if mutant == Some(Mutant::NoResendAfterRestart) {
            while self.outgoing.peek(NEVER_ASKED).is_some() {
                self.outgoing.advance();
            }
        }
        Ok(())
    }

    pub(super) fn unacknowledged_count(&self) -> usize {
        self.outgoing.unacknowledged().count()
    }

    /// Credits forgotten because the destination has them.
    pub(super) fn forgotten_count(&self) -> usize {
        usize::try_from(self.outgoing.last_number()).unwrap() - self.unacknowledged_count()
    }

    /// The payments behind the durable credits, in order.
    pub(super) fn durable_payments(&self) -> impl Iterator<Item = u64> {
        self.payments.iter().filter(|(record, _)| *record <= self.durable).map(|(_, payment)| *payment)
    }

    /// Whether a crash undid a payment and another one has its number.
    pub(super) fn has_reused_number(&self) -> bool {
        self.payments.iter().zip(1..).any(|((_, payment), number)| *payment != number)
    }

    /// Whether what is unacknowledged is older than the snapshot, and so in no record.
    pub(super) fn relies_on_snapshot(&self) -> bool {
        !self.snapshot.credits.is_empty() && self.journal.is_empty()
    }
}

/// A credit of the payment with this number. All payments differ in their amounts.
fn add(outgoing: &mut Outgoing, record: RecordNumber, payment: u64) {
    let (number, recipient, sender) = (outgoing.next_number(), [7; 32], [8; 32]);
    let credit = Credit { number, recipient, amount: Amount(payment), sender, sequence: Sequence(0), position: 0 };
    outgoing.add(record, credit);
}

/// The payment that made a credit.
pub(super) fn payment(credit: &Credit) -> u64 {
    credit.amount.0
}

/// The destination has room for new accounts throughout.
fn ack(number: u64) -> CreditAck {
    CreditAck { number, has_room: true }
}
