//! Credits to and from the authority's other shards.

use super::Shard;
use crate::credit::{Credit, CreditAck, ForeignAck, Incoming};
use crate::journal::record::{Record, RecordNumber};
use crate::mutant::Mutant;
use crate::peer_link::PairMarks;
use crate::types::ShardIndex;

impl Shard {
    /// The next credit to hand over to another shard. It is durable.
    pub fn peek_credit(&self, destination: ShardIndex) -> Option<&Credit> {
        let is_early = self.planted.is(Mutant::CreditBeforeDurable);
        self.outgoing[destination.index()].peek(if is_early { self.journal.made() } else { self.journal.durable() })
    }

    /// The credit last seen by [`Self::peek_credit`] is on its way.
    pub fn advance_credit(&mut self, destination: ShardIndex) {
        self.outgoing[destination.index()].advance();
        self.counters.credits_sent += 1;
    }

    /// The link to another shard was lost: what it did not acknowledge is to be handed over again.
    pub fn resend_credits(&mut self, destination: ShardIndex) {
        if !self.planted.is(Mutant::NoResend) {
            self.outgoing[destination.index()].resend();
        }
    }

    /// How far the links with another shard have come, in both directions: the credits made for it and those that it
    /// acknowledged, and those of its own that are applied, durably.
    pub fn credit_marks(&mut self, other: ShardIndex) -> PairMarks {
        let outgoing = &self.outgoing[other.index()];
        let ack = CreditAck { number: outgoing.acknowledged_number(), has_room: outgoing.peer_has_room() };
        PairMarks { made: outgoing.last_number(), acknowledged: ack, applied: self.credit_ack(other) }
    }

    /// The last credit made for another shard, durable or not.
    pub fn credits_made(&self, destination: ShardIndex) -> u64 {
        self.outgoing[destination.index()].last_number()
    }

    /// Another shard acknowledged credits.
    ///
    /// # Errors
    /// [`ForeignAck`]: the shards' states do not belong together. The process must end.
    pub fn receive_ack(&mut self, destination: ShardIndex, ack: CreditAck) -> Result<(), ForeignAck> {
        if self.outgoing[destination.index()].acknowledge(ack)? {
            self.journal.record(&Record::Ack { destination, ack });
        }
        Ok(())
    }

    /// Applies a credit from another shard, if it is the next of that pair; any other changes nothing.
    pub fn receive_credit(&mut self, source: ShardIndex, credit: &Credit) {
        if !self.may_apply(source, credit.number) {
            self.counters.credits_repeated += 1;
            return;
        }
        self.counters.credits_applied += 1;
        let recipient = self.open_account(&credit.recipient);
        let position = self.enter_credit(source, recipient, credit);
        let record = self.journal.record(&Record::Credit { source, credit: *credit, position });
        self.take_number(source, credit.number, record);
        self.credit(recipient, credit.amount);
    }

    /// What to tell another shard about its credits: which are applied, durably.
    pub fn credit_ack(&mut self, source: ShardIndex) -> CreditAck {
        let incoming = &mut self.incoming[source.index()];
        let durable = incoming.durable_number(self.journal.durable());
        let number = if self.planted.is(Mutant::AckOnReceipt) { incoming.last_number() } else { durable };
        CreditAck { number, has_room: self.has_account_room(1) }
    }

    /// Number last + 1, and nothing else.
    fn may_apply(&self, source: ShardIndex, number: u64) -> bool {
        let incoming = &self.incoming[source.index()];
        let is_repeated = number <= incoming.last_number();
        incoming.is_next(number)
            || self.planted.is(Mutant::CreditGapAccepted) && !is_repeated
            || self.planted.is(Mutant::CreditAppliedTwice) && is_repeated
    }

    fn take_number(&mut self, source: ShardIndex, number: u64, record: RecordNumber) {
        let incoming = &mut self.incoming[source.index()];
        if incoming.is_next(number) {
            incoming.advance(record);
        } else if number > incoming.last_number() {
            // Only a planted bug comes here.
            *incoming = Incoming::restored(number);
        }
    }
}
