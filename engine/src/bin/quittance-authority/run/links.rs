//! Credits between the shards' threads: a bounded lock-free queue for each ordered pair, and a word for the answer. Where one
//! of the two shards is in another process, a thread stands in for it.
//!
//! When a queue is full its source keeps the credit in its own outbox and goes on; nothing is dropped and nobody blocks.

use super::peers::Bell;
use crate::fault::Fault;
use crate::sync::{ArrayQueue, AtomicBool, AtomicU64, Waker};
use crossbeam::utils::CachePadded;
use quittance_engine::credit::{Credit, CreditAck};
use quittance_engine::limits::CREDITS_UNACKNOWLEDGED_MAX;
use quittance_engine::peer_link::PairMarks;
use quittance_engine::shard::Shard;
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::ShardIndex;
use std::sync::Arc;
use std::sync::atomic::Ordering;

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
    /// Between processes: the last credit made, durable or not. Never behind what was handed over.
    made: AtomicU64,
    /// Between processes: a session began, and the source shall hand over again what is not acknowledged.
    resend: AtomicBool,
    /// Between processes: the source waits for room in the queue.
    is_waiting: AtomicBool,
}

/// The links of all shards of this process: between them, and with shards of other processes. Of the latter one end is a shard
/// here; the other is the thread that speaks with their processes ([`super::peers`]).
#[derive(Debug)]
pub(super) struct Links {
    shards: ShardRange,
    shard_count: u16,
    /// By source, then by destination. None between two shards of other processes.
    links: Vec<Option<Link>>,
    /// Wakes the thread at the other end, if there is one.
    bell: Option<Arc<Bell>>,
}

impl Links {
    /// No credits under way; every shard has room. `bell` for an authority whose other shards are elsewhere.
    pub(super) fn new(shards: ShardRange, shard_count: u16, bell: Option<Arc<Bell>>) -> Self {
        Self::with_queues(shards, shard_count, bell, credit_queue(shard_count.into()))
    }

    fn with_queues(shards: ShardRange, shard_count: u16, bell: Option<Arc<Bell>>, credit_count: usize) -> Self {
        let link = || Link {
            credits: ArrayQueue::new(credit_count),
            ack: CachePadded::new(AtomicU64::new(1)),
            made: AtomicU64::new(0),
            resend: AtomicBool::new(false),
            is_waiting: AtomicBool::new(false),
        };
        let all = ShardRange::all(shard_count);
        let pairs = all.iter().flat_map(|source| all.iter().map(move |destination| (source, destination)));
        let is_ours = |(source, destination)| shards.contains(source) || shards.contains(destination);
        Self { shards, shard_count, links: pairs.map(|pair| is_ours(pair).then(link)).collect(), bell }
    }

    fn link(&self, source: ShardIndex, destination: ShardIndex) -> &Link {
        let place = source.index() * usize::from(self.shard_count) + destination.index();
        self.links[place].as_ref().expect("one end of every link in use is a shard of this process")
    }

    fn others(&self, own: ShardIndex) -> impl Iterator<Item = ShardIndex> + use<> {
        ShardRange::all(self.shard_count).iter().filter(move |other| *other != own)
    }

    /// Says how far shard `own` has come with the shards of other processes, before anybody asks.
    pub(super) fn publish(&self, own: ShardIndex, shard: &mut Shard) {
        for other in self.others(own).filter(|other| !self.shards.contains(*other)) {
            let PairMarks { made, acknowledged, applied } = shard.credit_marks(other);
            self.link(own, other).made.store(made, Ordering::Release);
            self.link(own, other).ack.store(pack(acknowledged), Ordering::Release);
            self.link(other, own).ack.store(pack(applied), Ordering::Release);
        }
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
    /// what shard `own` owes them, waking each that gets something. `wakers` are those of this process's shards. Returns
    /// whether credits are left because a queue is full, and nobody wakes the shard when it is not.
    pub(super) fn give(
        &self,
        own: ShardIndex,
        shard: &mut Shard,
        wakers: &[Waker],
        hears: bool,
    ) -> Result<bool, Fault> {
        let (mut backlog, mut rings) = (false, false);
        for other in self.others(own) {
            let is_here = self.shards.contains(other);
            let (back, ack) = (self.link(other, own), pack(shard.credit_ack(other)));
            if back.ack.load(Ordering::Relaxed) != ack {
                back.ack.store(ack, Ordering::Release);
                rings |= !is_here;
            }
            let link = self.link(own, other);
            if hears {
                let ack = unpack(link.ack.load(Ordering::Acquire));
                shard.receive_ack(other, ack).map_err(|fault| Fault::Credits { shard: own.0, fault })?;
            }
            if !is_here {
                rings |= link.give_away(other, shard);
                continue;
            }
            let (given, left) = link.fill(other, shard);
            backlog |= left;
            if given {
                wakers[self.shards.local(other)].wake();
            }
        }
        if let Some(bell) = self.bell.as_ref().filter(|_| rings) {
            bell.ring();
        }
        Ok(backlog)
    }
}

impl Link {
    /// Hands over what fits. Returns whether there was something, and whether something is left.
    fn fill(&self, destination: ShardIndex, shard: &mut Shard) -> (bool, bool) {
        let mut given = false;
        while let Some(credit) = shard.peek_credit(destination) {
            if self.credits.push(*credit).is_err() {
                return (given, true);
            }
            shard.advance_credit(destination);
            given = true;
        }
        (given, false)
    }

    /// The same towards another process, whose thread wakes the source when there is room again. Returns whether there was
    /// something.
    fn give_away(&self, destination: ShardIndex, shard: &mut Shard) -> bool {
        // First: whoever finds a credit in the queue knows that it was made.
        let made = shard.credits_made(destination);
        if self.made.load(Ordering::Relaxed) != made {
            self.made.store(made, Ordering::Release);
        }
        if self.resend.load(Ordering::Relaxed) && self.resend.swap(false, Ordering::AcqRel) {
            shard.resend_credits(destination);
        }
        let (mut given, left) = self.fill(destination, shard);
        if left {
            self.is_waiting.store(true, Ordering::SeqCst);
            // Room that was made just now was made for nobody.
            given |= self.fill(destination, shard).0;
        }
        given
    }
}

/// The other end of links with shards of other processes: `own` is a shard here, `other` one elsewhere.
impl Links {
    /// How far the pair has come. Nothing that a session delivered is missing in it once that session has ended.
    pub(super) fn marks(&self, own: ShardIndex, other: ShardIndex) -> PairMarks {
        let link = self.link(own, other);
        PairMarks {
            made: link.made.load(Ordering::Acquire),
            acknowledged: unpack(link.ack.load(Ordering::Acquire)),
            applied: self.ack(own, other),
        }
    }

    /// Which of the other's credits are applied, durably.
    pub(super) fn ack(&self, own: ShardIndex, other: ShardIndex) -> CreditAck {
        unpack(self.link(other, own).ack.load(Ordering::Acquire))
    }

    /// The other shard acknowledged credits.
    pub(super) fn acknowledge(&self, own: ShardIndex, other: ShardIndex, ack: CreditAck) {
        self.link(own, other).ack.store(pack(ack), Ordering::Release);
    }

    /// A session began: what was handed over before is forgotten, and the source hands over again what the other shard did
    /// not acknowledge. Wake it.
    pub(super) fn restart(&self, own: ShardIndex, other: ShardIndex, ack: CreditAck) {
        self.acknowledge(own, other, ack);
        let link = self.link(own, other);
        // All of it was handed over before the flag is up, so it comes again.
        (0..link.credits.capacity()).for_each(|_| _ = link.credits.pop());
        link.resend.store(true, Ordering::Release);
    }

    /// The next credit for the other shard.
    pub(super) fn pop(&self, own: ShardIndex, other: ShardIndex) -> Option<Credit> {
        self.link(own, other).credits.pop()
    }

    /// Whether shard `own` waits for the room that [`Self::pop`] made; it is to be woken then.
    pub(super) fn has_waited(&self, own: ShardIndex, other: ShardIndex) -> bool {
        self.link(own, other).is_waiting.swap(false, Ordering::SeqCst)
    }

    /// A credit of the other shard. Returns whether there was room; wake shard `own` then.
    pub(super) fn push(&self, own: ShardIndex, other: ShardIndex, credit: Credit) -> bool {
        self.link(other, own).credits.push(credit).is_ok()
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
    use quittance_engine::types::{Amount, Sequence};

    #[test]
    fn acknowledgements_fit_one_word() {
        for (number, has_room) in [(0, true), (0, false), (u64::MAX >> 1, true), (77, false)] {
            let ack = CreditAck { number, has_room };
            assert_eq!(unpack(pack(ack)), ack);
        }
    }

    #[test]
    fn a_shard_talks_to_every_other_one_and_not_to_itself() {
        let links = Links::new(ShardRange::all(3), 3, None);
        assert_eq!(links.others(ShardIndex(1)).collect::<Vec<_>>(), [ShardIndex(0), ShardIndex(2)]);
        assert!(links.links.iter().all(Option::is_some) && links.links.len() == 9);
    }

    #[test]
    fn between_shards_of_other_processes_there_is_nothing_here() {
        let links = Links::new("1-2".parse().unwrap(), 4, None);
        let is_there = |source: usize, destination: usize| links.links[source * 4 + destination].is_some();
        assert!(is_there(1, 2) && is_there(1, 3) && is_there(0, 2) && !is_there(0, 3) && !is_there(3, 0));
    }

    #[test]
    fn a_new_session_forgets_what_waits_and_has_it_handed_over_again() {
        let links = Links::new(ShardRange::all(1), 2, None);
        let (own, other) = (ShardIndex(0), ShardIndex(1));
        let link = links.link(own, other);
        for number in 1..=3 {
            let (recipient, sender, sequence) = ([1; 32], [2; 32], Sequence(number));
            let credit = Credit { number, recipient, amount: Amount(number), sender, sequence, position: 0 };
            link.credits.push(credit).unwrap();
        }
        links.restart(own, other, CreditAck { number: 2, has_room: false });
        assert_eq!((links.pop(own, other), link.resend.load(Ordering::Relaxed)), (None, true));
        assert_eq!(links.marks(own, other).acknowledged, CreditAck { number: 2, has_room: false });
        link.is_waiting.store(true, Ordering::Relaxed);
        assert!(links.has_waited(own, other) && !links.has_waited(own, other));
    }
}

#[cfg(test)]
#[path = "links_schedules.rs"]
mod schedules;
