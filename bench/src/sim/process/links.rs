//! Credits between the shards of an authority, over links that lose, repeat and reorder.

use super::super::around::Around;
use super::super::trace::Event;
use super::{Process, Run};
use quittance_engine::credit::{Credit, CreditAck};
use quittance_engine::peer_link::PairMarks;
use quittance_engine::shard::Shard;
use quittance_engine::types::ShardIndex;
use std::collections::VecDeque;

/// Under way on one link, of each sort; what comes on top is lost.
const UNDER_WAY_MAX: usize = 64;

/// What is under way between two shards.
#[derive(Debug, Default)]
pub(super) struct Link {
    credits: VecDeque<Credit>,
    acks: VecDeque<CreditAck>,
}

impl Process {
    /// One end of one link does something. Returns whether there was anything to do.
    pub(super) fn link_step(&mut self, around: &mut Around) -> Result<bool, String> {
        let count = self.shard_count();
        if count == 1 {
            return Ok(false);
        }
        let source = around.chance.below(count);
        let destination = (source + 1 + around.chance.below(count - 1)) % count;
        let (done, what) = match around.chance.below(9) {
            0..2 => (self.hand_over(source, destination, around)?, 0),
            2..4 => (self.take_credit(source, destination, around), 1),
            4..6 => (self.give_ack(source, destination, around)?, 2),
            6..8 => (self.take_ack(source, destination, around)?, 3),
            _ => (self.resend(source, destination), 4),
        };
        if done {
            let link = (self.index as u64) << 32 | (source as u64) << 16 | destination as u64;
            around.trace.event(Event::Link, [link, what, 0]);
        }
        Ok(done)
    }

    fn hand_over(&mut self, source: usize, destination: usize, around: &mut Around) -> Result<bool, String> {
        let Some(run) = &mut self.run else { return Ok(false) };
        let (from, to) = (self.shards.iter().nth(source), self.shards.iter().nth(destination));
        let (from, to) = from.zip(to).expect("both are its own");
        let shard = &mut run.shards[source].shard;
        let Some(credit) = shard.peek_credit(to).copied() else { return Ok(false) };
        shard.advance_credit(to);
        around.put(&mut run.links[source][destination].credits, credit);
        around.trace.bytes(&credit.recipient);
        around.book.credit_left(self.teller(source), from.index(), to.index(), credit)?;
        Ok(true)
    }

    fn take_credit(&mut self, source: usize, destination: usize, around: &mut Around) -> bool {
        let Some(run) = &mut self.run else { return false };
        let running = &mut run.shards[destination];
        if running.keeper.is_nearly_full() {
            return false;
        }
        let Some(credit) = around.take(&mut run.links[source][destination].credits) else { return false };
        running.shard.receive_credit(self.shards.iter().nth(source).expect("its own"), &credit);
        true
    }

    /// The destination says what it has: when it has something new, or when it is asked again.
    fn give_ack(&mut self, source: usize, destination: usize, around: &mut Around) -> Result<bool, String> {
        let Some(run) = &mut self.run else { return Ok(false) };
        if run.shards[source].shard.amount_under_way() == 0 {
            return Ok(false);
        }
        let (from, to) = (self.shards.iter().nth(source), self.shards.iter().nth(destination));
        let (from, to) = from.zip(to).expect("both are its own");
        let ack = run.shards[destination].shard.credit_ack(from);
        around.put(&mut run.links[source][destination].acks, ack);
        around.book.ack_left(self.teller(destination), from.index(), to.index(), ack)?;
        Ok(true)
    }

    fn take_ack(&mut self, source: usize, destination: usize, around: &mut Around) -> Result<bool, String> {
        let Some(run) = &mut self.run else { return Ok(false) };
        let running = &mut run.shards[source];
        if running.keeper.is_nearly_full() {
            return Ok(false);
        }
        let Some(ack) = around.take(&mut run.links[source][destination].acks) else { return Ok(false) };
        let taken = running.shard.receive_ack(self.shards.iter().nth(destination).expect("its own"), ack);
        taken.map(|()| true).map_err(|fault| format!("authority {}, shard {source}: {fault}", self.index))
    }

    /// The source has waited long enough: what was not acknowledged may be lost.
    fn resend(&mut self, source: usize, destination: usize) -> bool {
        let Some(run) = &mut self.run else { return false };
        let shard = &mut run.shards[source].shard;
        let is_lost = shard.amount_under_way() > 0 && run.links[source][destination].credits.is_empty();
        if is_lost {
            shard.resend_credits(self.shards.iter().nth(destination).expect("its own"));
        }
        is_lost
    }
}

impl Around {
    /// Something leaves on a link.
    fn put<T: Copy>(&mut self, link: &mut VecDeque<T>, item: T) {
        if link.len() >= UNDER_WAY_MAX || self.chance.happens(self.swarm.link_lose) {
            self.faults.links_lost += 1;
            return;
        }
        link.push_back(item);
        if self.chance.happens(self.swarm.link_repeat) && link.len() < UNDER_WAY_MAX {
            self.faults.links_repeated += 1;
            link.push_back(item);
        }
    }

    /// Something arrives.
    fn take<T>(&mut self, link: &mut VecDeque<T>) -> Option<T> {
        if link.is_empty() {
            return None;
        }
        let index = self.chance.below(link.len().min(self.swarm.link_disorder));
        self.faults.links_overtook += u64::from(index > 0);
        link.swap_remove_front(index)
    }
}

/// The ends of links to shards of another process: `own` is a shard of this one.
impl Process {
    /// Whether its journals have room for what another process says.
    pub(in super::super) fn hears(&self) -> bool {
        let is_full = |run: &Run| run.shards.iter().any(|running| running.keeper.is_nearly_full());
        self.run.as_ref().is_some_and(|run| !is_full(run))
    }

    fn far(&mut self, own: ShardIndex) -> &mut Shard {
        let place = self.shards.local(own);
        &mut self.run.as_mut().expect("its link speaks while it runs").shards[place].shard
    }

    /// What shard `own` acknowledges to the other one.
    ///
    /// # Errors
    /// Too much.
    pub(in super::super) fn give_far_ack(
        &mut self,
        own: ShardIndex,
        other: ShardIndex,
        around: &mut Around,
    ) -> Result<CreditAck, String> {
        let ack = self.far(own).credit_ack(other);
        let place = self.shards.local(own);
        around.book.ack_left(self.teller(place), other.index(), own.index(), ack)?;
        Ok(ack)
    }

    /// Some of the credits that shard `own` owes the other one.
    ///
    /// # Errors
    /// One leaves too early, or is another one than before.
    pub(in super::super) fn give_far_credits(
        &mut self,
        own: ShardIndex,
        other: ShardIndex,
        count_max: usize,
        around: &mut Around,
    ) -> Result<Vec<Credit>, String> {
        let (place, mut run) = (self.shards.local(own), Vec::new());
        while run.len() < count_max {
            let Some(credit) = self.far(own).peek_credit(other).copied() else { break };
            self.far(own).advance_credit(other);
            around.book.credit_left(self.teller(place), own.index(), other.index(), credit)?;
            run.push(credit);
        }
        Ok(run)
    }

    /// How far shard `own` has come with the other one.
    ///
    /// # Errors
    /// As [`Self::give_far_ack`]: marks acknowledge, too.
    pub(in super::super) fn far_marks(
        &mut self,
        own: ShardIndex,
        other: ShardIndex,
        around: &mut Around,
    ) -> Result<PairMarks, String> {
        self.give_far_ack(own, other, around)?;
        Ok(self.far(own).credit_marks(other))
    }

    /// Credits of the other shard for shard `own`.
    pub(in super::super) fn take_far_credits(&mut self, other: ShardIndex, own: ShardIndex, credits: &[Credit]) {
        credits.iter().for_each(|credit| self.far(own).receive_credit(other, credit));
    }

    /// The other shard acknowledges credits of shard `own`.
    ///
    /// # Errors
    /// They were never made.
    pub(in super::super) fn take_far_ack(
        &mut self,
        own: ShardIndex,
        other: ShardIndex,
        ack: CreditAck,
    ) -> Result<(), String> {
        self.far(own).receive_ack(other, ack).map_err(|fault| format!("shard {}: {fault}", own.0))
    }

    /// Another session began.
    pub(in super::super) fn hand_over_again(&mut self, own: ShardIndex, other: ShardIndex) {
        self.far(own).resend_credits(other);
    }
}
