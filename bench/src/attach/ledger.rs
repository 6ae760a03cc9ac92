//! Payments driven with the wallet's book ahead of them: no order and no certificate leaves before it is on disk.
//!
//! An authority may vote for whatever order it was ever sent. If this process dies at any moment, the book has every order that
//! may have left, so the wallet finishes it and never signs another one of its sequence number. Authorities that applied a
//! certificate need not give it back: so it is in the book, too, before any of them has seen it.

use super::scribe::Scribe;
use crate::drive::{Driver, Outcome, Pace, Phase, Tally};
use crate::error::BenchError;
use crate::limits::BOOK_BATCH_MAX;
use crate::workload::Workload;
use crate::world::{Watch, World};
use core::ops::Range;
use quittance_engine::network::NetworkId;
use quittance_engine::types::Sequence;
use quittance_wallet::book::{Pending, Record};
use quittance_wallet::certificate::Certificate;

/// The book's side of a run.
#[derive(Debug)]
pub struct Ledger<'a> {
    scribe: Scribe,
    network: NetworkId,
    workload: &'a Workload,
    /// Payments below it have their orders on disk, or are never sent.
    written: u32,
    /// The same, once the batch that is being written is on disk.
    given: u32,
    /// Certificates of the batch that is being written: they are sent once it is on disk.
    certificates_given: usize,
    /// Most orders of one batch: a quarter of a round. Then half a round can be in flight, and a quarter settle, while the
    /// next quarter is written.
    batch_max: usize,
    /// A planted bug, if any.
    #[cfg(test)]
    mutant: Option<tests::Mutant>,
}

impl<'a> Ledger<'a> {
    /// A ledger for a run of these payments.
    pub fn new(scribe: Scribe, network: NetworkId, workload: &'a Workload) -> Self {
        let batch_max = (workload.plan.account_count() as usize / 4).clamp(1, BOOK_BATCH_MAX);
        Self {
            scribe,
            network,
            workload,
            written: 0,
            given: 0,
            certificates_given: 0,
            batch_max,
            #[cfg(test)]
            mutant: None,
        }
    }

    /// Drives payments to their ends, as [`Driver::phase`] does, each order written down before it is sent.
    ///
    /// # Errors
    /// As [`Driver::phase`]; [`BenchError::Machine`] if the book cannot be written.
    pub fn phase(
        &mut self,
        driver: &mut Driver<'_>,
        payments: Range<u32>,
        pace: Pace,
        world: &mut impl World,
        watch: &mut impl Watch,
    ) -> Result<Tally, BenchError> {
        // The first batch is no part of the phase's time.
        self.give(driver, payments.end, true);
        self.scribe.wait()?;
        self.written = self.given;
        let mut phase = driver.begin(payments.start..self.written, pace, world);
        while !(self.written == payments.end && driver.withheld_count() == 0 && driver.is_over(&phase)) {
            if driver.tally().gave_up {
                driver.give_up(self.written..payments.end);
                break;
            }
            self.go_on(driver, &mut phase, payments.end, world)?;
            driver.step(&mut phase, world, watch)?;
        }
        self.scribe.wait()?;
        self.written = payments.end;
        self.given = payments.end;
        Ok(driver.end())
    }

    /// Writes what is left to write, and these records, and says what was written.
    ///
    /// # Errors
    /// [`BenchError::Machine`].
    pub fn finish(mut self, driver: &mut Driver<'_>, last: Vec<Record>) -> Result<super::BookReport, BenchError> {
        let mut records = self.progress(driver);
        records.extend(last);
        self.scribe.wait()?;
        self.scribe.write(records);
        self.scribe.wait()?;
        Ok(self.scribe.report())
    }

    /// Lets the driver have what is on disk by now, and gives more to be written.
    fn go_on(
        &mut self,
        driver: &mut Driver<'_>,
        phase: &mut Phase,
        end: u32,
        world: &mut impl World,
    ) -> Result<(), BenchError> {
        if self.scribe.poll()? {
            self.written = self.given;
            driver.recorded(core::mem::take(&mut self.certificates_given), phase, world)?;
        }
        if !self.scribe.is_writing() {
            self.give(driver, end, phase.is_exhausted());
        }
        #[cfg(test)]
        if self.mutant == Some(tests::Mutant::SendsEarly) {
            driver.recorded(core::mem::take(&mut self.certificates_given), phase, world)?;
        }
        phase.extend(self.written);
        Ok(())
    }

    /// Gives the next batch: certificates that wait, what settled, and the orders whose senders' payments before are settled.
    /// Few orders by themselves are worth it only if they are urgent: each batch costs a flush of the disk.
    fn give(&mut self, driver: &mut Driver<'_>, end: u32, is_urgent: bool) {
        let ready = self.ready(driver.outcomes(), end);
        let is_worth_it = ready.len() >= self.batch_max.div_ceil(2) || ready.end == end || is_urgent;
        let waiting = driver.to_record().map_or(0, |to_record| to_record.certificates().len());
        if waiting == 0 && (ready.is_empty() || !is_worth_it) {
            return;
        }
        let mut records = self.progress(driver);
        let outcomes = driver.outcomes();
        for payment in ready.clone() {
            if !self.is_blocked(outcomes, payment) {
                records.push(Record::Order(self.pending(payment)));
            }
        }
        #[cfg(test)]
        records
            .retain(|record| self.mutant != Some(tests::Mutant::ForgetsOrders) || !matches!(record, Record::Order(_)));
        self.given = ready.end;
        self.certificates_given = waiting;
        if records.is_empty() {
            self.written = self.given;
        }
        self.scribe.write(records);
    }

    /// The payments whose orders may be written next: each sender's payment before has ended.
    fn ready(&self, outcomes: &[Outcome], end: u32) -> Range<u32> {
        let has_ended = |payment: &u32| {
            let before = self.workload.plan.predecessor(*payment).map(|before| outcomes[before as usize]);
            matches!(before, None | Some(Outcome::Settled | Outcome::Rejected | Outcome::Lost))
        };
        let count = (self.given..end).take(self.batch_max).take_while(has_ended).count();
        self.given..self.given + u32::try_from(count).expect("the batch bounds it")
    }

    /// Whether a payment is never sent, because its sender's payment before was not settled: then no order of it is signed for
    /// the book.
    fn is_blocked(&self, outcomes: &[Outcome], payment: u32) -> bool {
        let before = self.workload.plan.predecessor(payment).map(|before| outcomes[before as usize]);
        matches!(before, Some(Outcome::Rejected | Outcome::Lost))
    }

    /// Certificates and settlements since the last batch.
    fn progress(&self, driver: &mut Driver<'_>) -> Vec<Record> {
        let Some(to_record) = driver.to_record() else { return Vec::new() };
        let certificate =
            |frame: &[u8]| Certificate::from_frame(&self.network, frame).expect("the driver makes frames");
        let mut records: Vec<Record> =
            to_record.certificates().map(|frame| Record::Certificate(certificate(frame))).collect();
        for payment in to_record.settled() {
            let body = &self.workload.orders.frame(*payment).body;
            let (account, sequence) = (body.sender, Sequence(body.sequence.get()));
            records.push(Record::Settled { account, sender: account, sequence });
        }
        to_record.clear();
        records
    }

    fn pending(&self, payment: u32) -> Pending {
        let (order, digest) = (self.workload.orders.frame(payment), *self.workload.orders.digest(payment));
        let (body, signature, r_hint) = (order.body, order.signature, order.r_hint);
        Pending { body, digest, signature, r_hint, funding: Vec::new(), blocked_by: None }
    }
}

#[cfg(test)]
mod tests;
