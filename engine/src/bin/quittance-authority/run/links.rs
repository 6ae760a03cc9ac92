//! Credits between the shards' threads: a bounded lock-free queue for each ordered pair, and a word for the answer.
//!
//! When a queue is full its source keeps the credit in its own outbox and goes on; nothing is dropped and nobody blocks.

use crate::fault::Fault;
use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;
use quittance_engine::credit::{Credit, CreditAck};
use quittance_engine::limits::CREDITS_UNACKNOWLEDGED_MAX;
use quittance_engine::shard::Shard;
use quittance_engine::types::ShardIndex;
use quittance_net::transport::Waker;
use std::sync::atomic::{AtomicU64, Ordering};

/// Credits in the queue of one pair. What does not fit waits in the source's outbox.
const CREDIT_QUEUE_MAX: usize = 1_024;
const _: () = assert!(CREDIT_QUEUE_MAX <= CREDITS_UNACKNOWLEDGED_MAX);

/// Credits in all queues towards one shard: with more shards the queues get shorter, since their number is the square.
const CREDIT_QUEUES_MAX: usize = 16_384;

/// The queue of one pair, of so many shards.
fn credit_queue(shard_count: usize) -> usize {
    (CREDIT_QUEUES_MAX / shard_count).min(CREDIT_QUEUE_MAX)
}

/// From one shard to another.
#[derive(Debug)]
struct Link {
    credits: ArrayQueue<Credit>,
    /// Twice the last number applied, plus 1 if the destination has room for new accounts.
    ack: CachePadded<AtomicU64>,
}

/// The links between all shards of this process.
#[derive(Debug)]
pub(super) struct Links {
    shard_count: usize,
    links: Vec<Link>,
}

impl Links {
    /// No credits under way; every shard has room.
    pub(super) fn new(shard_count: u16) -> Self {
        let shard_count = usize::from(shard_count);
        let link =
            || Link { credits: ArrayQueue::new(credit_queue(shard_count)), ack: CachePadded::new(AtomicU64::new(1)) };
        Self { shard_count, links: (0..shard_count * shard_count).map(|_| link()).collect() }
    }

    fn link(&self, source: ShardIndex, destination: ShardIndex) -> &Link {
        &self.links[source.index() * self.shard_count + destination.index()]
    }

    fn others(&self, own: ShardIndex) -> impl Iterator<Item = ShardIndex> + use<> {
        let count = u16::try_from(self.shard_count).expect("it was made from 16 bits");
        (0..count).map(ShardIndex).filter(move |other| *other != own)
    }

    /// Applies what other shards sent to shard `own`. Returns whether there was anything.
    pub(super) fn take(&self, own: ShardIndex, shard: &mut Shard) -> bool {
        let mut taken = false;
        for source in self.others(own) {
            let link = self.link(source, own);
            // Bounded: the source may fill the queue as fast as it is emptied.
            let credits = std::iter::from_fn(|| link.credits.pop()).take(CREDIT_QUEUE_MAX);
            let count = credits.map(|credit| shard.receive_credit(source, &credit)).count();
            taken |= count > 0;
        }
        taken
    }

    /// Tells other shards which of their credits are applied, durably; reads what they acknowledged, if it `hears`; then hands over
    /// what shard `own` owes them, waking each that gets something. Returns whether credits are left because a queue is full.
    pub(super) fn give(
        &self,
        own: ShardIndex,
        shard: &mut Shard,
        wakers: &[Waker],
        hears: bool,
    ) -> Result<bool, Fault> {
        let mut backlog = false;
        for destination in self.others(own) {
            let (back, ack) = (self.link(destination, own), pack(shard.credit_ack(destination)));
            if back.ack.load(Ordering::Relaxed) != ack {
                back.ack.store(ack, Ordering::Release);
            }
            let link = self.link(own, destination);
            if hears {
                let ack = unpack(link.ack.load(Ordering::Acquire));
                shard.receive_ack(destination, ack).map_err(|fault| Fault::Credits { shard: own.0, fault })?;
            }
            let mut given = false;
            while let Some(credit) = shard.peek_credit(destination) {
                if link.credits.push(*credit).is_err() {
                    backlog = true;
                    break;
                }
                shard.advance_credit(destination);
                given = true;
            }
            if given {
                wakers[destination.index()].wake();
            }
        }
        Ok(backlog)
    }
}

fn pack(ack: CreditAck) -> u64 {
    ack.number.checked_mul(2).expect("2^63 credits are never made") | u64::from(ack.has_room)
}

fn unpack(word: u64) -> CreditAck {
    CreditAck { number: word >> 1, has_room: word & 1 == 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_fit_one_word() {
        for (number, has_room) in [(0, true), (0, false), (u64::MAX >> 1, true), (77, false)] {
            let ack = CreditAck { number, has_room };
            assert_eq!(unpack(pack(ack)), ack);
        }
    }

    #[test]
    fn a_shard_talks_to_every_other_one_and_not_to_itself() {
        let links = Links::new(3);
        assert_eq!(links.others(ShardIndex(1)).collect::<Vec<_>>(), [ShardIndex(0), ShardIndex(2)]);
        assert_eq!(links.links.len(), 9);
    }
}
