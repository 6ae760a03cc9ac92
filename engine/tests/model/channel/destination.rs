//! The shard that is owed credits: the engine's [`Incoming`], and the payments that it applied.
//!
//! It does what `shard/credits.rs` and `shard/recovery.rs` do, in their order.

use super::{Fault, Mutant, source};
use quittance_engine::credit::{Credit, Incoming};
use quittance_engine::journal::RecordNumber;

/// A credit was applied: its number, and the payment behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Record {
    number: u64,
    payment: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Destination {
    incoming: Incoming,
    /// One record for each credit applied; so this is also what the accounts hold.
    journal: Vec<Record>,
    /// How much of the journal outlives a crash.
    durable: usize,
}

impl Destination {
    /// A credit arrives. It is applied if it is the next one.
    pub(super) fn receive(&mut self, credit: &Credit, mutant: Option<Mutant>) {
        let last = self.incoming.last_number();
        let is_taken = match mutant {
            Some(Mutant::TakesGaps) => credit.number > last,
            Some(Mutant::TakesDuplicates) => credit.number == last || self.incoming.is_next(credit.number),
            _ => self.incoming.is_next(credit.number),
        };
        // What a mutant repeats must not repeat itself for ever.
        if is_taken && self.journal.len() < 16 {
            self.journal.push(Record { number: credit.number, payment: source::payment(credit) });
            self.incoming.advance(number(self.journal.len()));
        }
    }

    /// The number to acknowledge.
    pub(super) fn ack(&mut self, mutant: Option<Mutant>) -> u64 {
        let durable = self.incoming.durable_number(number(self.durable));
        if mutant == Some(Mutant::AcksBeforeDurable) { self.incoming.last_number() } else { durable }
    }

    /// The disk takes one more record.
    pub(super) fn sync(&mut self) {
        self.durable += 1;
        assert!(self.durable <= self.journal.len(), "the journal has what was written");
    }

    /// Whether records wait for the disk.
    pub(super) fn is_behind(&self) -> bool {
        self.durable < self.journal.len()
    }

    /// A crash, and a restart from the durable records.
    pub(super) fn crash(&mut self) -> Result<(), Fault> {
        self.journal.truncate(self.durable);
        self.incoming = Incoming::default();
        for record in &self.journal {
            if !self.incoming.is_next(record.number) {
                return Err(Fault::Contradiction);
            }
            self.incoming = Incoming::restored(record.number);
        }
        Ok(())
    }

    /// The payments applied, in order.
    pub(super) fn payments(&self) -> impl Iterator<Item = u64> {
        self.journal.iter().map(|record| record.payment)
    }

    /// How many are applied, durably.
    pub(super) fn durable_count(&self) -> usize {
        self.durable
    }

    /// How many are applied, and not durably.
    pub(super) fn volatile_count(&self) -> usize {
        self.journal.len() - self.durable
    }

    /// The next number to be applied.
    pub(super) fn next_number(&self) -> u64 {
        self.incoming.last_number() + 1
    }
}

/// The number of the last of so many records.
fn number(record_count: usize) -> RecordNumber {
    RecordNumber(record_count as u64)
}
