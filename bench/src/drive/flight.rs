//! Payments in flight: what is sent, what comes back, and how each ends.

mod turns;

use super::Settings;
use super::records::ToRecord;
use super::slots::{Slot, Slots};
use super::tally::Tally;
use super::timeline::Timeline;
use crate::error::BenchError;
use crate::limits::{PASSING_REFUSAL_COUNT_MAX, WITHHELD_EVERY};
use crate::replies::{Claim, Expectations, Fault, Statement, Unexpected};
use crate::terms::Terms;
use crate::timeouts::Timeouts;
use crate::workload::Workload;
use crate::world::World;
use quittance_engine::reject::Reject;
use quittance_engine::types::Digest;
use quittance_net::frame::{CertificateHead, FRAME_BYTES_MAX, Header, Kind, U64};
use quittance_wallet::directory::Directory;
use std::collections::VecDeque;

const NO_SLOT: u32 = u32::MAX;

/// How a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its turn has not come.
    Unsent,
    /// Its turn came, but the sender's payment before is still in flight.
    Held,
    /// Sent.
    InFlight,
    /// Enough receipts are in.
    Settled,
    /// Refused for good.
    Rejected,
    /// Given up, or never sent.
    Lost,
}

/// Every payment's state, and what is needed to carry those in flight on.
#[derive(Debug)]
pub(super) struct Flight<'a> {
    pub(super) workload: &'a Workload,
    terms: &'a Terms,
    directory: &'a Directory,
    settings: Settings,
    outcomes: Vec<Outcome>,
    slot_of: Vec<u32>,
    slots: Slots,
    timeouts: Timeouts,
    /// Payments that were held and may go now. Each that is certified lets at most one go, and so does each that ends.
    ready: VecDeque<u32>,
    /// Slots whose certificates are complete and kept back, oldest first. They have no timeout.
    withheld: VecDeque<u32>,
    /// Payments that failed, while those that wait for them are looked for.
    failed: Vec<u32>,
    /// What is to be written down, where someone writes. Then all certificates are kept back until it is.
    pub(super) to_record: Option<ToRecord>,
    /// Payments that are held, or were and may go now.
    held_count: usize,
    /// When something last went on.
    pub(super) progress_ns: u64,
    /// Whether payments were lost since then.
    losing: bool,
    pub(super) tally: Tally,
    timeline: Timeline,
    /// A planted bug, if any.
    #[cfg(test)]
    pub(super) mutant: Option<Mutant>,
}

/// Bugs in the accounting, planted by tests.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// Payments that time out are forgotten.
    ForgetsTimeouts,
    /// Payments that are never sent because the one before was refused are forgotten.
    ForgetsBlocked,
    /// A payment that two rejections decide is counted for each.
    CountsRejectionsTwice,
    /// Replies that come again in the same turn are forgotten.
    ForgetsLateReplies,
}

impl<'a> Flight<'a> {
    pub(super) fn new(
        workload: &'a Workload,
        terms: &'a Terms,
        directory: &'a Directory,
        slot_count: usize,
        settings: Settings,
    ) -> Self {
        let payment_count = workload.plan.payment_count() as usize;
        Self {
            workload,
            terms,
            directory,
            settings,
            outcomes: vec![Outcome::Unsent; payment_count],
            slot_of: vec![NO_SLOT; payment_count],
            slots: Slots::new(slot_count),
            timeouts: Timeouts::new(slot_count, settings.timeout_ns),
            ready: VecDeque::with_capacity(2 * slot_count),
            withheld: VecDeque::with_capacity(settings.withheld_max + 1),
            failed: Vec::new(),
            to_record: None,
            held_count: 0,
            progress_ns: 0,
            losing: false,
            tally: Tally::default(),
            timeline: Timeline::default(),
            #[cfg(test)]
            mutant: None,
        }
    }

    /// Begins to count anew.
    pub(super) fn start_tally(&mut self, now_ns: u64) {
        self.tally = Tally { begun_ns: now_ns, ..Tally::default() };
        self.timeline.begin(now_ns);
    }

    /// Ends the intervals of the timeline that are over, before anything of this moment is counted.
    pub(super) fn roll(&mut self, now_ns: u64) {
        self.timeline.roll(now_ns, self.slots.used(), &mut self.tally);
    }

    /// What was counted since it began.
    pub(super) fn end_tally(&mut self) -> Tally {
        self.timeline.end(self.slots.used(), &mut self.tally);
        core::mem::take(&mut self.tally)
    }

    /// Whether this bug was planted.
    #[cfg(test)]
    fn is_planted(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(super) fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// How many payments are in flight.
    pub(super) fn count(&self) -> usize {
        self.slots.used()
    }

    /// How many payments can be in flight.
    pub(super) fn slot_count(&self) -> usize {
        self.slots.count()
    }

    /// How many payments' turns came that wait for their senders' payments before.
    pub(super) fn held_count(&self) -> usize {
        self.held_count
    }

    pub(super) fn next_timeout_ns(&self) -> Option<u64> {
        self.timeouts.next_due_ns()
    }

    /// Sends a payment's order, which was due at `due_ns`.
    pub(super) fn begin(
        &mut self,
        payment: u32,
        due_ns: u64,
        now_ns: u64,
        world: &mut impl World,
    ) -> Result<(), BenchError> {
        if self.slots.used() == 0 && !self.losing {
            // Nothing was awaited until now, so nothing was late.
            self.progress_ns = now_ns;
        }
        let slot = self.slots.open(payment, due_ns, now_ns);
        self.outcomes[payment as usize] = Outcome::InFlight;
        self.slot_of[payment as usize] = slot;
        self.tally.sent += 1;
        self.tally.first_sent_ns.get_or_insert(now_ns);
        self.tally.in_flight_max = self.tally.in_flight_max.max(self.slots.used());
        world.begins(payment)?;
        self.send(slot, now_ns, world)
    }

    /// Acts upon a reply that passed all checks.
    pub(super) fn act(&mut self, claim: &Claim, arrived_ns: u64, world: &mut impl World) -> Result<(), BenchError> {
        // An earlier reply of the same turn may have changed what is awaited.
        if self.awaited(claim.payment, claim.authority, claim.statement).is_err() {
            #[cfg(test)]
            if self.is_planted(Mutant::ForgetsLateReplies) {
                return Ok(());
            }
            self.tally.late_replies += 1;
            return Ok(());
        }
        self.tally.used_replies += 1;
        let slot = self.slot_of[claim.payment as usize];
        match claim.statement {
            Statement::Vote => self.vote(slot, claim, arrived_ns, world),
            Statement::Receipt => {
                self.receipt(slot, claim, arrived_ns);
                Ok(())
            }
            Statement::Rejection(code) => {
                self.rejection(slot, claim, code, arrived_ns);
                Ok(())
            }
        }
    }

    /// Repeats what was not answered in time; gives up what was sent often enough.
    pub(super) fn expire(&mut self, now_ns: u64, world: &mut impl World) -> Result<(), BenchError> {
        while let Some(slot) = self.timeouts.expired(now_ns) {
            let Self { slots, tally, .. } = self;
            let (certified, settled, tries) = {
                let slot = slots.peek(slot);
                (slot.certified, slot.settled, slot.tries)
            };
            if tries < self.settings.tries_max {
                *(if certified { &mut tally.certificate_retries } else { &mut tally.order_retries }) += 1;
                self.send(slot, now_ns, world)?;
            } else if settled {
                self.close(slot, Outcome::Settled);
            } else {
                self.lose(slot);
            }
        }
        Ok(())
    }

    /// Ends everything that is in flight or not yet sent, of the phase's payments.
    pub(super) fn give_up(&mut self, payments: core::ops::Range<u32>) {
        self.tally.gave_up = true;
        for payment in payments {
            match self.outcomes[payment as usize] {
                Outcome::InFlight => self.lose(self.slot_of[payment as usize]),
                outcome @ (Outcome::Unsent | Outcome::Held) => {
                    self.held_count -= usize::from(outcome == Outcome::Held);
                    self.outcomes[payment as usize] = Outcome::Lost;
                    self.tally.unsent += 1;
                }
                Outcome::Settled if self.slot_of[payment as usize] != NO_SLOT => {
                    self.close(self.slot_of[payment as usize], Outcome::Settled);
                }
                Outcome::Settled | Outcome::Rejected | Outcome::Lost => {}
            }
        }
        self.ready.clear();
        self.withheld.clear();
    }

    /// How many certificates are kept back.
    pub(super) fn withheld_count(&self) -> usize {
        self.withheld.len()
    }

    /// The payments whose certificates are kept back, oldest first.
    pub(super) fn withheld(&self) -> Vec<u32> {
        self.withheld.iter().map(|slot| self.slots.peek(*slot).payment).collect()
    }

    /// Sends all certificates that are kept back.
    pub(super) fn release(&mut self, now_ns: u64, world: &mut impl World) -> Result<(), BenchError> {
        self.release_first(self.withheld.len(), now_ns, world)
    }

    /// Sends the oldest of the certificates that are kept back, so many.
    pub(super) fn release_first(
        &mut self,
        count: usize,
        now_ns: u64,
        world: &mut impl World,
    ) -> Result<(), BenchError> {
        for _ in 0..count {
            let Some(slot) = self.withheld.pop_front() else { break };
            self.send(slot, now_ns, world)?;
        }
        Ok(())
    }

    /// Sends the certificate of the payment before this one, if it is kept back: this one waits for it.
    pub(super) fn release_before(
        &mut self,
        payment: u32,
        now_ns: u64,
        world: &mut impl World,
    ) -> Result<(), BenchError> {
        let before = self.workload.plan.predecessor(payment).map_or(NO_SLOT, |before| self.slot_of[before as usize]);
        match self.withheld.iter().position(|slot| *slot == before) {
            Some(place) => {
                self.withheld.remove(place);
                self.send(before, now_ns, world)
            }
            None => Ok(()),
        }
    }

    /// Sends everything anew that awaits an answer, whatever was tried before.
    pub(super) fn send_all(&mut self, now_ns: u64, world: &mut impl World) -> Result<(), BenchError> {
        self.progress(now_ns);
        // Sending arms a timeout again, so all are taken off first.
        let unanswered: Vec<u32> = std::iter::from_fn(|| self.timeouts.expired(u64::MAX)).collect();
        for slot in unanswered {
            let entry = self.slots.get(slot);
            entry.tries = 0;
            let certified = entry.certified;
            *(if certified { &mut self.tally.certificate_retries } else { &mut self.tally.order_retries }) += 1;
            self.send(slot, now_ns, world)?;
        }
        Ok(())
    }

    /// Forgets all that awaits an answer, as if it had come, and counts nothing.
    pub(super) fn forget(&mut self) {
        while let Some(slot) = self.timeouts.expired(u64::MAX) {
            self.close(slot, Outcome::Settled);
        }
    }

    /// Sends what is awaited an answer for: the order to those who have not voted, or the certificate to those who have not
    /// given a receipt.
    fn send(&mut self, slot: u32, now_ns: u64, world: &mut impl World) -> Result<(), BenchError> {
        let entry = self.slots.get(slot);
        entry.tries += 1;
        if entry.certified && entry.certificate_sent_ns == 0 {
            entry.certificate_sent_ns = now_ns;
        }
        let entry = *entry;
        let answered = entry.refusals | if entry.certified { entry.receipts } else { entry.votes };
        let order = self.workload.orders.frame(entry.payment);
        let frame = if entry.certified { self.slots.certificate(slot) } else { bytemuck::bytes_of(order) };
        let socket = entry.payment as usize % world.socket_count();
        for authority in (0..self.terms.live_count).filter(|authority| answered >> authority & 1 == 0) {
            let shard_count = self.directory.shard_count(authority);
            if shard_count == self.directory.shard_count(0) {
                world.push(socket, self.directory.address(authority, order.header.shard.get()), frame)?;
                continue;
            }
            // Frames are made for the first authority. One that divides accounts otherwise gets a copy with its own shard.
            let shard = self.terms.network.shard_of(&order.body.sender, shard_count).0;
            let kind = if entry.certified { Kind::Certificate } else { Kind::Order };
            let header = Header::new(kind, shard, order.header.network.get());
            let mut copy = [0; FRAME_BYTES_MAX];
            copy[..frame.len()].copy_from_slice(frame);
            copy[..size_of::<Header>()].copy_from_slice(bytemuck::bytes_of(&header));
            world.push(socket, self.directory.address(authority, shard), &copy[..frame.len()])?;
        }
        self.timeouts.arm(slot, now_ns);
        Ok(())
    }

    fn vote(&mut self, slot: u32, claim: &Claim, arrived_ns: u64, world: &mut impl World) -> Result<(), BenchError> {
        let vote = claim.vote();
        self.slots.append_votes(slot, |out| {
            out[..vote.len()].copy_from_slice(vote);
            vote.len()
        });
        let entry = self.slots.get(slot);
        entry.votes |= 1 << claim.authority;
        // Once they are enough, no vote of this payment is acted upon any more.
        if self.terms.weight(entry.votes) < self.terms.live_votes() {
            return Ok(());
        }
        let (payment, due_ns, sent_ns) = (entry.payment, entry.due_ns, entry.sent_ns);
        let vote_count = entry.votes.count_ones() as usize;
        entry.certified = true;
        entry.voted_ns = arrived_ns;
        entry.tries = 0;
        entry.refusals = 0;
        self.tally.spans.order_vote.record(arrived_ns.saturating_sub(due_ns));
        self.tally.spans_from_send.order_vote.record(arrived_ns.saturating_sub(sent_ns));
        self.progress(arrived_ns);
        let votes = &self.workload.votes;
        self.slots.append_votes(slot, |out| votes.write(payment, out));
        let head = self.head(payment, vote_count + votes.voter_count());
        self.slots.complete(slot, &head);
        if let Some(to_record) = &mut self.to_record {
            to_record.add_certificate(self.slots.certificate(slot));
            self.timeouts.disarm(slot);
            self.withheld.push_back(slot);
            return Ok(());
        }
        let is_chosen = self.settings.withheld_max > 0 && payment.is_multiple_of(WITHHELD_EVERY);
        if is_chosen && !self.is_waited_for(payment) {
            return self.withhold(slot, arrived_ns, world);
        }
        self.send(slot, arrived_ns, world)?;
        self.free_funded(payment);
        Ok(())
    }

    /// Keeps a certificate back, and lets the oldest go if there are too many.
    fn withhold(&mut self, slot: u32, now_ns: u64, world: &mut impl World) -> Result<(), BenchError> {
        self.timeouts.disarm(slot);
        self.withheld.push_back(slot);
        if self.withheld.len() <= self.settings.withheld_max {
            return Ok(());
        }
        let oldest = self.withheld.pop_front().expect("one was put in just now");
        self.send(oldest, now_ns, world)
    }

    fn head(&self, payment: u32, vote_count: usize) -> CertificateHead {
        let order = self.workload.orders.frame(payment);
        CertificateHead {
            header: Header::new(Kind::Certificate, order.header.shard.get(), order.header.network.get()),
            body: order.body,
            epoch: U64::new(self.terms.context.epoch),
            vote_count: u8::try_from(vote_count).expect("a quorum's votes fit a frame"),
            padding: [0; 7],
        }
    }

    fn receipt(&mut self, slot: u32, claim: &Claim, arrived_ns: u64) {
        let entry = self.slots.get(slot);
        entry.receipts |= 1 << claim.authority;
        let answered = entry.receipts | entry.refusals;
        if !entry.settled && self.terms.weight(entry.receipts) >= self.terms.receipts() {
            entry.settled = true;
            let entry = *entry;
            self.record_spans(&entry, arrived_ns);
            let payment = entry.payment;
            self.outcomes[payment as usize] = Outcome::Settled;
            self.tally.settled += 1;
            self.tally.last_settled_ns = arrived_ns;
            self.progress(arrived_ns);
            self.to_record.iter_mut().for_each(|to_record| to_record.add_settled(payment));
            self.free_successor(payment);
        }
        if self.slots.peek(slot).settled && answered == self.terms.live_mask() {
            self.close(slot, Outcome::Settled);
        }
    }

    fn record_spans(&mut self, entry: &Slot, arrived_ns: u64) {
        let [from_due_ns, from_sent_ns, from_voted_ns, from_certificate_ns] =
            [entry.due_ns, entry.sent_ns, entry.voted_ns, entry.certificate_sent_ns.max(entry.voted_ns)]
                .map(|since_ns| arrived_ns.saturating_sub(since_ns));
        let Tally { spans, spans_from_send, .. } = &mut self.tally;
        spans.certificate_receipt.record(from_voted_ns);
        spans.order_receipt.record(from_due_ns);
        spans_from_send.certificate_receipt.record(from_certificate_ns);
        spans_from_send.order_receipt.record(from_sent_ns);
        self.timeline.settled(from_due_ns);
    }

    fn rejection(&mut self, slot: u32, claim: &Claim, code: Reject, arrived_ns: u64) {
        self.tally.rejections_by_code.add(code);
        let entry = self.slots.get(slot);
        // What others pay may come later to one authority than to another.
        let may_be_paid = code == Reject::InsufficientFunds && self.workload.plan.has_funders() && !entry.certified;
        if may_be_paid || !is_final(entry.certified, code) {
            if (may_be_paid || is_passing(code)) && entry.passing_refusal_count < PASSING_REFUSAL_COUNT_MAX {
                entry.passing_refusal_count += 1;
                entry.tries = entry.tries.saturating_sub(1);
            }
            return;
        }
        entry.refusals |= 1 << claim.authority;
        let refusals = entry.refusals;
        let needed = if entry.certified { self.terms.receipts() } else { self.terms.live_votes() };
        let answered = entry.receipts | entry.refusals;
        if entry.settled && answered == self.terms.live_mask() {
            self.close(slot, Outcome::Settled);
        } else if !entry.settled && self.terms.weight(self.terms.live_mask() & !refusals) < needed {
            self.tally.rejected += 1;
            #[cfg(test)]
            if self.is_planted(Mutant::CountsRejectionsTwice) {
                self.tally.rejected += 1;
            }
            self.tally.rejected_by_code.add(code);
            self.progress(arrived_ns);
            self.close(slot, Outcome::Rejected);
        }
    }

    /// Something went on. Starting afresh after a loss does not count: that is all a silent server would let us do.
    pub(super) fn progress(&mut self, now_ns: u64) {
        self.progress_ns = now_ns;
        self.losing = false;
    }

    fn lose(&mut self, slot: u32) {
        self.losing = true;
        let certified = self.slots.peek(slot).certified;
        self.count_timeout(certified);
        self.close(slot, Outcome::Lost);
    }

    fn count_timeout(&mut self, certified: bool) {
        #[cfg(test)]
        if self.is_planted(Mutant::ForgetsTimeouts) {
            return;
        }
        *(if certified { &mut self.tally.lost_certificate } else { &mut self.tally.lost_order }) += 1;
    }

    /// Ends a payment and lets the sender's next one go, or lost with it, if it was held.
    fn close(&mut self, slot: u32, outcome: Outcome) {
        let entry = *self.slots.peek(slot);
        if entry.settled {
            self.tally.receipts_missing += u64::from((self.terms.live_mask() & !entry.receipts).count_ones());
        }
        self.timeouts.disarm(slot);
        self.slots.close(slot);
        self.slot_of[entry.payment as usize] = NO_SLOT;
        self.outcomes[entry.payment as usize] = outcome;
        if outcome != Outcome::Settled {
            self.fail_with(entry.payment);
        }
    }

    /// Whether this authority may say this of this payment now.
    fn awaited(&self, payment: u32, authority: u8, statement: Statement) -> Result<(), Unexpected> {
        let slot = self.slot_of[payment as usize];
        if slot == NO_SLOT {
            return match self.outcomes[payment as usize] {
                Outcome::Unsent | Outcome::Held | Outcome::InFlight => Err(Unexpected::Faulty(Fault::Digest)),
                Outcome::Settled | Outcome::Rejected | Outcome::Lost => Err(Unexpected::Late),
            };
        }
        let slot = self.slots.peek(slot);
        let said = |mask: u32| mask >> authority & 1 == 1;
        match statement {
            Statement::Vote if slot.certified || said(slot.votes) => Err(Unexpected::Late),
            Statement::Receipt if !slot.certified => Err(Unexpected::Faulty(Fault::Unasked)),
            Statement::Receipt if said(slot.receipts) => Err(Unexpected::Late),
            Statement::Rejection(_) if said(slot.refusals) => Err(Unexpected::Late),
            Statement::Vote | Statement::Receipt | Statement::Rejection(_) => Ok(()),
        }
    }
}

impl Expectations for Flight<'_> {
    fn expect(&self, digest: &Digest, authority: u8, statement: Statement) -> Result<u32, Unexpected> {
        let payment = self.workload.payment(digest).ok_or(Unexpected::Faulty(Fault::Digest))?;
        self.awaited(payment, authority, statement)?;
        Ok(payment)
    }
}

/// Whether the same request may succeed in a moment.
fn is_passing(code: Reject) -> bool {
    matches!(code, Reject::Busy | Reject::SequenceAhead)
}

/// Whether trying again is pointless. To a certificate, codes that only an order draws mean nothing: they answer a repeated
/// order that arrived after the certificate.
fn is_final(certified: bool, code: Reject) -> bool {
    match code {
        passing if is_passing(passing) => false,
        Reject::SequenceBehind | Reject::Conflict | Reject::InsufficientFunds | Reject::Expired => !certified,
        _ => true,
    }
}
