//! Credits between shards of one authority: numbered per pair, in order, applied once.
//!
//! The source keeps every credit until the destination acknowledges it, and can hand all of them over again after the link
//! was lost. The destination applies number last + 1 and nothing else, so losing, repeating and reordering change nothing.
//!
//! In durable mode a credit leaves when the record of the payment that made it is durable, and is acknowledged when the record
//! of its application is: after a crash of either side both continue where the other believes them to be.

use crate::journal::record::RecordNumber;
use crate::limits::CREDITS_UNACKNOWLEDGED_MAX;
use crate::release::{Durable, Withheld};
use crate::types::{Address, Amount, Sequence};
use bytemuck::{Pod, Zeroable};
use quittance_net::frame::U64;
use std::collections::VecDeque;

/// A credit on its way to another shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Credit {
    /// Its place among the credits of this pair of shards, from 1.
    pub number: u64,
    /// Who is paid.
    pub recipient: Address,
    /// How much.
    pub amount: Amount,
    /// Who pays.
    pub sender: Address,
    /// The payment's place among the sender's.
    pub sequence: Sequence,
    /// Position of the payment's entry in the history of the sender's shard; 0 if that keeps none.
    pub position: u64,
}

/// A credit's bytes, 88, wherever it is written down or sent. Its number is not among them: it is known from its place, or
/// stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct CreditBytes {
    /// Who is paid.
    pub recipient: Address,
    /// How much.
    pub amount: U64,
    /// Who pays.
    pub sender: Address,
    /// The payment's place among the sender's.
    pub sequence: U64,
    /// Position of the payment's entry in the history of the sender's shard.
    pub position: U64,
}

impl CreditBytes {
    /// The bytes of a credit.
    pub fn of(credit: &Credit) -> Self {
        Self {
            recipient: credit.recipient,
            amount: U64::new(credit.amount.0),
            sender: credit.sender,
            sequence: U64::new(credit.sequence.0),
            position: U64::new(credit.position),
        }
    }

    /// The credit that has this number.
    pub fn credit(&self, number: u64) -> Credit {
        Credit {
            number,
            recipient: self.recipient,
            amount: Amount(self.amount.get()),
            sender: self.sender,
            sequence: Sequence(self.sequence.get()),
            position: self.position.get(),
        }
    }
}

/// What the destination tells the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditAck {
    /// The last number applied.
    pub number: u64,
    /// Whether the destination takes payments to accounts that are new to it.
    pub has_room: bool,
}

/// The source's end: an outbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outgoing {
    /// Each with the record that it depends on.
    outbox: VecDeque<(RecordNumber, Credit)>,
    /// Credits at the front that were handed over and not acknowledged.
    handed_over: usize,
    last_number: u64,
    peer_has_room: bool,
    unacknowledged_max: usize,
}

impl Outgoing {
    /// An empty outbox towards a shard that has room for new accounts.
    pub fn new() -> Self {
        // Grown as needed and kept: with many shards few pairs ever fill theirs.
        let unacknowledged_max = CREDITS_UNACKNOWLEDGED_MAX;
        Self { outbox: VecDeque::new(), handed_over: 0, last_number: 0, peer_has_room: true, unacknowledged_max }
    }

    /// The same outbox, for fewer credits than [`CREDITS_UNACKNOWLEDGED_MAX`].
    #[must_use]
    pub fn limited_to(self, unacknowledged_max: usize) -> Self {
        assert!(unacknowledged_max <= CREDITS_UNACKNOWLEDGED_MAX, "a snapshot holds no more");
        Self { unacknowledged_max, ..self }
    }

    /// Whether another credit may be added.
    pub fn has_room(&self) -> bool {
        self.outbox.len() < self.unacknowledged_max
    }

    /// Whether the destination takes new accounts, as far as known here.
    pub fn peer_has_room(&self) -> bool {
        self.peer_has_room
    }

    /// The number that the next credit will have.
    pub fn next_number(&self) -> u64 {
        self.last_number.checked_add(1).expect("2^64 credits are never made")
    }

    /// The number of the last credit made; 0 if there is none.
    pub fn last_number(&self) -> u64 {
        self.last_number
    }

    /// The number of the last credit that the destination acknowledged; 0 if there is none.
    pub fn acknowledged_number(&self) -> u64 {
        self.last_number - self.outbox.len() as u64
    }

    /// Adds a credit, which has the next number. It leaves when `after` is durable.
    pub fn add(&mut self, after: RecordNumber, credit: Credit) {
        assert!(self.has_room(), "a certificate is refused before it is applied when the outbox is full");
        assert_eq!(credit.number, self.next_number(), "credits are numbered without gaps");
        self.last_number = credit.number;
        self.outbox.push_back((after, credit));
    }

    /// The next credit to hand over, if there is one whose payment is durable.
    pub fn peek(&self, durable: RecordNumber) -> Option<&Credit> {
        self.outbox.get(self.handed_over).filter(|(after, _)| *after <= durable).map(|(_, credit)| credit)
    }

    /// The credit last seen by [`Self::peek`] is on its way.
    pub fn advance(&mut self) {
        assert!(self.handed_over < self.outbox.len(), "only what was peeked at is handed over");
        self.handed_over += 1;
    }

    /// Forgets what the destination has applied, and returns whether there was anything to forget or to learn. Stale and
    /// repeated acknowledgements change nothing.
    ///
    /// # Errors
    /// [`ForeignAck`], for a credit never made.
    pub fn acknowledge(&mut self, ack: CreditAck) -> Result<bool, ForeignAck> {
        if ack.number > self.last_number {
            return Err(ForeignAck { number: ack.number, last_number: self.last_number });
        }
        let mut is_news = false;
        while self.outbox.front().is_some_and(|(_, credit)| credit.number <= ack.number) {
            self.outbox.pop_front();
            self.handed_over = self.handed_over.saturating_sub(1);
            is_news = true;
        }
        // Accounts are never closed, so room does not come back: an acknowledgement that says so is an old one.
        is_news |= self.peer_has_room && !ack.has_room;
        self.peer_has_room &= ack.has_room;
        Ok(is_news)
    }

    /// The link was lost: everything unacknowledged is to be handed over again.
    pub fn resend(&mut self) {
        self.handed_over = 0;
    }

    /// Takes everything for handed over, as a shard would that never hands over again.
    #[cfg(feature = "mutants")]
    pub(crate) fn skip_unacknowledged(&mut self) {
        self.handed_over = self.outbox.len();
    }

    /// Units on their way.
    pub fn amount_under_way(&self) -> u128 {
        self.outbox.iter().map(|(_, credit)| u128::from(credit.amount.0)).sum()
    }

    /// Credits that the destination has not acknowledged, in order.
    pub fn unacknowledged(&self) -> impl Iterator<Item = &Credit> {
        self.outbox.iter().map(|(_, credit)| credit)
    }

    /// The state that a snapshot holds, after a restart: everything in it is durable.
    pub fn restored(last_number: u64, peer_has_room: bool, unacknowledged: impl Iterator<Item = Credit>) -> Self {
        let outbox = unacknowledged.map(|credit| (RecordNumber::default(), credit)).collect();
        Self { outbox, last_number, peer_has_room, ..Self::new() }
    }
}

impl Default for Outgoing {
    fn default() -> Self {
        Self::new()
    }
}

/// An acknowledgement of a credit that was never made: the other side is not the shard we think it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "credit {number} was acknowledged, but only {last_number} were made; the shards' states do not belong together"
)]
pub struct ForeignAck {
    /// The number acknowledged.
    pub number: u64,
    /// The last one made.
    pub last_number: u64,
}

/// The destination's end: the last number applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Incoming {
    last_number: u64,
    durable_number: u64,
    /// Numbers applied whose record is not durable yet; never more than the source may have unacknowledged.
    applied: Withheld<u64>,
}

impl Incoming {
    /// The state after a restart: everything up to `last_number` is applied, durably.
    pub fn restored(last_number: u64) -> Self {
        Self { last_number, durable_number: last_number, applied: Withheld::default() }
    }

    /// The last number applied.
    pub fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Whether this is the credit to apply now. A repeated one and one that comes too early are not.
    pub fn is_next(&self, number: u64) -> bool {
        self.last_number.checked_add(1) == Some(number)
    }

    /// The next credit was applied; `record` says so.
    pub fn advance(&mut self, record: RecordNumber) {
        self.last_number += 1;
        self.applied.push(record, self.last_number);
    }

    /// The last number whose application is durable: what may be acknowledged.
    pub fn durable_number(&mut self, durable: RecordNumber) -> u64 {
        while let Some(number) = self.applied.pop(durable) {
            self.durable_number = *Durable::get(&number);
        }
        self.durable_number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No record: durable at once.
    const NONE: RecordNumber = RecordNumber(0);

    /// Adds a credit of so many units.
    fn add(source: &mut Outgoing, after: RecordNumber, amount: u64) {
        let (number, sequence) = (source.next_number(), Sequence(3));
        let credit =
            Credit { number, recipient: [1; 32], amount: Amount(amount), sender: [2; 32], sequence, position: 0 };
        source.add(after, credit);
    }

    #[test]
    fn a_credit_leaves_and_is_acknowledged_with_its_record() {
        let (mut source, mut destination) = (Outgoing::new(), Incoming::default());
        add(&mut source, RecordNumber(3), 1);
        add(&mut source, RecordNumber(4), 1);
        assert_eq!(source.peek(RecordNumber(2)), None);
        assert_eq!(source.peek(RecordNumber(3)).unwrap().number, 1);
        source.advance();
        assert_eq!(source.peek(RecordNumber(3)), None, "the second one's record is not durable");
        assert!(destination.is_next(1) && !destination.is_next(2));
        destination.advance(RecordNumber(70));
        assert_eq!((destination.last_number(), destination.durable_number(RecordNumber(69))), (1, 0));
        assert_eq!(destination.durable_number(RecordNumber(70)), 1);
    }

    #[test]
    fn what_a_snapshot_held_goes_on_after_a_restart() {
        let mut source = Outgoing::new();
        (0..5).for_each(|_| add(&mut source, RecordNumber(9), 1));
        assert_eq!(source.acknowledge(ack(2)), Ok(true));
        assert_eq!(source.acknowledge(ack(2)), Ok(false), "no news");
        let mut restored =
            Outgoing::restored(source.last_number(), source.peer_has_room(), source.unacknowledged().copied());
        assert_eq!(restored.peek(NONE).unwrap().number, 3);
        assert_eq!(restored.next_number(), 6);
        let mut destination = Incoming::restored(2);
        assert_eq!(destination.durable_number(NONE), 2);
        while let Some(credit) = restored.peek(NONE).copied() {
            assert!(destination.is_next(credit.number));
            destination.advance(NONE);
            restored.advance();
        }
        assert_eq!(destination.last_number(), 5);
    }

    fn ack(number: u64) -> CreditAck {
        CreditAck { number, has_room: true }
    }

    #[test]
    fn a_link_that_loses_repeats_and_reorders_credits_each_once() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let (mut source, mut destination) = (Outgoing::new(), Incoming::default());
        let mut wire: Vec<Credit> = Vec::new();
        let (mut made, mut applied) = (0, Vec::new());
        let mut step_count = 0;
        while applied.len() < 2_000 {
            step_count += 1;
            assert!(step_count < 10_000_000, "it takes 3.5 million, and a link at fault would never end");
            match random(6) {
                0 if made < 2_000 => {
                    made += 1;
                    add(&mut source, NONE, made);
                }
                1 => {
                    if let Some(credit) = source.peek(NONE).copied() {
                        source.advance();
                        wire.push(credit);
                    }
                }
                2 if !wire.is_empty() => {
                    let at = usize::try_from(random(wire.len() as u64)).unwrap();
                    let credit = wire[at];
                    if random(3) > 0 {
                        wire.swap_remove(at);
                    }
                    if random(4) > 0 && destination.is_next(credit.number) {
                        destination.advance(NONE);
                        applied.push(credit.amount.0);
                    }
                }
                3 => _ = source.acknowledge(ack(destination.last_number())).unwrap(),
                4 if random(20) == 0 => source.resend(),
                _ => {}
            }
        }
        assert_eq!(applied, (1..=2_000).collect::<Vec<u64>>());
    }

    #[test]
    fn the_outbox_fills_and_empties_with_acknowledgements() {
        let mut source = Outgoing::new();
        while source.has_room() {
            add(&mut source, NONE, 2);
        }
        assert_eq!(source.amount_under_way(), 2 * CREDITS_UNACKNOWLEDGED_MAX as u128);
        source.acknowledge(ack(1)).unwrap();
        assert!(source.has_room());
        assert_eq!(source.peek(NONE).unwrap().number, 2);
        source.acknowledge(CreditAck { number: 1, has_room: false }).unwrap();
        assert!(!source.peer_has_room());
    }

    #[test]
    fn a_late_acknowledgement_does_not_bring_room_back() {
        let mut source = Outgoing::new();
        add(&mut source, NONE, 2);
        add(&mut source, NONE, 2);
        source.acknowledge(CreditAck { number: 2, has_room: false }).unwrap();
        source.acknowledge(ack(1)).unwrap();
        assert!(!source.peer_has_room());
        source.acknowledge(ack(2)).unwrap();
        assert!(!source.peer_has_room());
    }

    #[test]
    fn an_acknowledgement_of_what_was_never_sent_is_refused() {
        let mut source = Outgoing::new();
        add(&mut source, NONE, 2);
        assert_eq!(source.acknowledge(ack(2)), Err(ForeignAck { number: 2, last_number: 1 }));
    }
}
