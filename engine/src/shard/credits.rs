//! Credits to and from the authority's other shards.

use super::Shard;
use crate::credit::{Credit, CreditAck, ForeignAck};
use crate::types::ShardIndex;

impl Shard {
    /// The next credit to hand over to another shard.
    pub fn peek_credit(&self, destination: ShardIndex) -> Option<&Credit> {
        self.outgoing[destination.index()].peek()
    }

    /// The credit last seen by [`Self::peek_credit`] is on its way.
    pub fn advance_credit(&mut self, destination: ShardIndex) {
        self.outgoing[destination.index()].advance();
        self.counters.credits_sent += 1;
    }

    /// The link to another shard was lost: what it did not acknowledge is to be handed over again.
    pub fn resend_credits(&mut self, destination: ShardIndex) {
        self.outgoing[destination.index()].resend();
    }

    /// Another shard acknowledged credits.
    ///
    /// # Errors
    /// [`ForeignAck`]: the shards' states do not belong together. The process must end.
    pub fn receive_ack(&mut self, destination: ShardIndex, ack: CreditAck) -> Result<(), ForeignAck> {
        self.outgoing[destination.index()].acknowledge(ack)
    }

    /// Applies a credit from another shard, if it is the next of that pair; any other changes nothing.
    pub fn receive_credit(&mut self, source: ShardIndex, credit: &Credit) {
        if !self.incoming[source.index()].accept(credit.number) {
            self.counters.credits_repeated += 1;
            return;
        }
        self.counters.credits_applied += 1;
        self.credit(&credit.recipient, credit.amount);
    }

    /// What to tell another shard about its credits.
    pub fn credit_ack(&self, source: ShardIndex) -> CreditAck {
        CreditAck { number: self.incoming[source.index()].last_number(), has_room: self.has_account_room(1) }
    }
}
