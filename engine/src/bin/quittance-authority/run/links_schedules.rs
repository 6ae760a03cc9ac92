//! Credits between two shards, of one process and of two, under many schedules: they arrive in their order, each once, though
//! queues are full and a session is lost; acknowledgements never go back; nobody sleeps for ever.

use super::*;
use crate::storage::testing::World;
use crate::sync::schedules::{Sleep, finds, hasty, holds, spawn, yield_now};
use bytemuck::Zeroable;
use quittance_engine::journal::record::Record;
use quittance_engine::types::Sequence;
use quittance_net::frame::{OrderBody, RECIPIENT_ACCOUNT, U64};
use std::collections::VecDeque;

/// Credits that each shard owes the other at the start.
const BOTH_OWE: [u64; 2] = [3, 3];
/// Nothing comes back that would wake the first shard for another reason.
const ONE_OWES: [u64; 2] = [3, 0];

/// Room in a queue: it is full most of the time.
const QUEUE: usize = 1;
const SHARDS: [ShardIndex; 2] = [ShardIndex(0), ShardIndex(1)];

/// Who may make the planted mistakes.
#[derive(Clone, Copy)]
struct Roles {
    shard: fn(),
    give: fn(&Links, ShardIndex, &mut Shard, &[Waker]) -> bool,
    /// Between processes: how a session begins after another was lost, if one is.
    restart: Option<fn(&Links, ShardIndex, ShardIndex, CreditAck)>,
}

const GOOD: Roles = Roles { shard: || (), give, restart: Some(Links::restart) };

fn give(links: &Links, own: ShardIndex, shard: &mut Shard, wakers: &[Waker]) -> bool {
    links.give(own, shard, wakers, true).unwrap()
}

/// Acknowledges what is applied before it is durable. What is durable is less, and is told next.
fn give_and_acknowledge_early(links: &Links, own: ShardIndex, shard: &mut Shard, wakers: &[Waker]) -> bool {
    let applied = CreditAck { number: shard.counters().credits_applied, has_room: true };
    links.link(other(own), own).ack.store(pack(applied), Ordering::Release);
    give(links, own, shard, wakers)
}

/// Takes a credit out of the outbox and then finds the queue full.
fn give_and_advance_first(links: &Links, own: ShardIndex, shard: &mut Shard, wakers: &[Waker]) -> bool {
    let other = other(own);
    while let Some(credit) = shard.peek_credit(other).copied() {
        shard.advance_credit(other);
        let _ = links.link(own, other).credits.push(credit);
        wakers[links.shards.local(other)].wake();
    }
    give(links, own, shard, wakers)
}

/// Says that it waits for room and does not look again whether there is some.
fn give_without_second_look(links: &Links, own: ShardIndex, shard: &mut Shard, _: &[Waker]) -> bool {
    let other = other(own);
    links.link(other, own).ack.store(pack(shard.credit_ack(other)), Ordering::Release);
    let link = links.link(own, other);
    shard.receive_ack(other, unpack(link.ack.load(Ordering::Acquire))).unwrap();
    if link.resend.swap(false, Ordering::AcqRel) {
        shard.resend_credits(other);
    }
    if link.fill(other, shard).1 {
        link.is_waiting.store(true, Ordering::SeqCst);
    }
    links.bell.as_ref().unwrap().ring();
    false
}

/// Has everything handed over again, and then forgets what is in the queue.
fn restart_and_forget(links: &Links, own: ShardIndex, other: ShardIndex, ack: CreditAck) {
    links.acknowledge(own, other, ack);
    let link = links.link(own, other);
    link.resend.store(true, Ordering::Release);
    (0..link.credits.capacity()).for_each(|_| _ = link.credits.pop());
}

fn other(own: ShardIndex) -> ShardIndex {
    ShardIndex(1 - own.0)
}

/// What a shard wrote that owes the other one so many credits.
fn records(world: &World, own: ShardIndex, count: u64) -> Vec<u8> {
    let recipient = world.accounts(other(own).0)[0];
    let mut records = Vec::new();
    for (credit_number, sender) in (1..=count).zip(world.accounts(own.0)) {
        let (amount, recipient_kind) = (U64::new(3), RECIPIENT_ACCOUNT);
        let body = OrderBody { sender, recipient, amount, recipient_kind, ..OrderBody::zeroed() };
        let digest = *blake3::hash(bytemuck::bytes_of(&body)).as_bytes();
        Record::Vote { sender, sequence: Sequence(0), digest }.encode(&mut records);
        Record::Confirm { body, digest, credit_number, position: 0 }.encode(&mut records);
    }
    records
}

/// Shards that owe each other credits, as bytes.
struct Debts {
    world: World,
    records: [Vec<u8>; 2],
    /// By the shard that owes.
    counts: [u64; 2],
}

impl Debts {
    fn new(counts: [u64; 2]) -> Self {
        let world = World::new(2);
        Self { records: SHARDS.map(|shard| records(&world, shard, counts[shard.index()])), world, counts }
    }

    /// Credits that come to a shard.
    fn due(&self, own: ShardIndex) -> u64 {
        self.counts[other(own).index()]
    }
}

/// A shard with a disk that makes everything durable one turn later.
struct Serving {
    own: ShardIndex,
    shard: Shard,
    links: Arc<Links>,
    wakers: Vec<Waker>,
    sleep: Sleep,
    roles: Roles,
    /// Credits that will come.
    due: u64,
    acknowledged: u64,
}

impl Serving {
    fn applied(&self) -> u64 {
        self.shard.counters().credits_applied
    }

    fn turn(&mut self) {
        let mut worked = self.shard.records_durable() < self.shard.records_sealed();
        self.shard.set_durable(self.shard.records_sealed());
        worked |= self.links.take(self.own, &mut self.shard);
        worked |= self.shard.seal(1 << 16, &mut Vec::new()).is_some();
        self.hear();
        let backlog = (self.roles.give)(&self.links, self.own, &mut self.shard, &self.wakers);
        match (worked, backlog) {
            (true, _) => {}
            // The next look is after a moment, whoever wakes.
            (false, true) => yield_now(),
            (false, false) => self.sleep.sleep(),
        }
    }

    /// The word of the other shard's acknowledgement, which only grows.
    fn hear(&mut self) {
        let CreditAck { number, .. } = unpack(self.links.link(self.own, other(self.own)).ack.load(Ordering::Acquire));
        assert!(number >= self.acknowledged, "an acknowledgement went back");
        self.acknowledged = number;
    }
}

/// Two shards, the links of each and what they wake.
fn serving(debts: &Debts, roles: Roles, links: [Arc<Links>; 2], are_together: bool) -> [Serving; 2] {
    let sleeps = SHARDS.map(|_| Sleep::new());
    SHARDS.map(|own| Serving {
        own,
        shard: debts.world.expected(own.0, &debts.records[own.index()]),
        links: Arc::clone(&links[own.index()]),
        wakers: sleeps
            .iter()
            .enumerate()
            .filter(|(at, _)| are_together || *at == own.index())
            .map(|(_, s)| s.waker())
            .collect(),
        sleep: sleeps[own.index()].clone(),
        roles,
        due: debts.due(own),
        acknowledged: 0,
    })
}

fn in_one_process(roles: Roles, debts: &Debts) {
    let links = Arc::new(Links::with_queues(ShardRange::all(2), 2, None, QUEUE));
    let threads = serving(debts, roles, [Arc::clone(&links), links], true).map(|mut serving| {
        spawn(move || {
            (roles.shard)();
            let other = other(serving.own);
            while serving.applied() < serving.due || serving.shard.peek_credit(other).is_some() {
                serving.turn();
            }
            serving
        })
    });
    let mut ended = threads.map(|thread| thread.join().unwrap());
    // What is applied is durable one turn later, and is acknowledged then.
    for serving in &mut ended {
        serving.shard.seal(1 << 16, &mut Vec::new());
        serving.shard.set_durable(serving.shard.records_sealed());
        give(&serving.links, serving.own, &mut serving.shard, &serving.wakers);
    }
    for serving in &mut ended {
        serving.hear();
        give(&serving.links, serving.own, &mut serving.shard, &serving.wakers);
        assert_eq!(serving.shard.amount_under_way(), 0, "a credit is not acknowledged");
        assert_eq!((serving.applied(), serving.shard.counters().credits_repeated), (serving.due, 0));
    }
}

/// One direction of the way between two processes: from a shard of one to a shard of the other.
struct Way {
    own: ShardIndex,
    /// Credits that will go.
    due: u64,
    from: Arc<Links>,
    to: Arc<Links>,
    wake_own: Waker,
    wake_other: Waker,
    held: VecDeque<Credit>,
    told: CreditAck,
}

impl Way {
    /// Carries what there is. Returns the number of credits.
    fn carry(&mut self) -> usize {
        let other = other(self.own);
        let ack = self.to.ack(other, self.own);
        assert!(ack.number >= self.told.number, "an acknowledgement went back");
        if ack != self.told {
            self.from.acknowledge(self.own, other, ack);
            self.told = ack;
        }
        let before = self.held.len();
        self.held.extend(std::iter::from_fn(|| self.from.pop(self.own, other)).take(QUEUE));
        let count = self.held.len() - before;
        if count > 0 && self.from.has_waited(self.own, other) {
            self.wake_own.wake();
        }
        while self.held.front().is_some_and(|credit| self.to.push(other, self.own, *credit)) {
            self.held.pop_front();
            self.wake_other.wake();
        }
        count
    }

    /// Another session: what was on its way is lost.
    fn lose(&mut self, restart: fn(&Links, ShardIndex, ShardIndex, CreditAck)) {
        let other = other(self.own);
        self.held.clear();
        self.told = self.to.ack(other, self.own);
        restart(&self.from, self.own, other, self.told);
        self.wake_own.wake();
    }
}

/// The threads that speak with the other process, both in one and with nothing but memory between them. They lose the session
/// once, after the first credit. Ends when everything is acknowledged.
fn carry(mut ways: [Way; 2], bells: &[Arc<Bell>; 2], roles: Roles) {
    let mut restart = roles.restart;
    while ways.iter().any(|way| way.told.number < way.due) {
        if !bells.iter().any(|bell| bell.is_heard()) && ways.iter().all(|way| way.held.is_empty()) {
            yield_now();
            continue;
        }
        bells.iter().for_each(|bell| bell.quiet());
        let count: usize = ways.iter_mut().map(Way::carry).sum();
        if count == 0 {
            // What is held for a shard without room is tried again after a moment.
            yield_now();
            continue;
        }
        // What is left in the queues is carried in the next turn.
        bells[0].ring();
        if let Some(restart) = restart.take() {
            ways.iter_mut().for_each(|way| way.lose(restart));
        }
    }
}

fn in_two_processes(roles: Roles, debts: &Debts) {
    let bells = SHARDS.map(|_| Arc::new(Bell::new().unwrap()));
    let links = SHARDS.map(|own| {
        let here = ShardRange::new(own, 1).unwrap();
        Arc::new(Links::with_queues(here, 2, Some(Arc::clone(&bells[own.index()])), QUEUE))
    });
    let mut serving = serving(debts, roles, links.clone(), false);
    serving.iter_mut().for_each(|serving| serving.links.publish(serving.own, &mut serving.shard));
    let sleeps = serving.each_ref().map(|serving| serving.sleep.clone());
    let wakers = sleeps.each_ref().map(Sleep::waker);
    let ways = SHARDS.map(|own| Way {
        own,
        due: debts.counts[own.index()],
        from: Arc::clone(&links[own.index()]),
        to: Arc::clone(&links[other(own).index()]),
        wake_own: wakers[own.index()].clone(),
        wake_other: wakers[other(own).index()].clone(),
        held: VecDeque::new(),
        told: CreditAck { number: 0, has_room: true },
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let threads = serving.map(|mut serving| {
        let is_over = Arc::clone(&is_over);
        spawn(move || {
            (roles.shard)();
            while !is_over.load(Ordering::Acquire) {
                serving.turn();
            }
            serving
        })
    });
    carry(ways, &bells, roles);
    is_over.store(true, Ordering::Release);
    wakers.iter().for_each(Waker::wake);
    for mut serving in threads.map(|thread| thread.join().unwrap()) {
        serving.hear();
        give(&serving.links, serving.own, &mut serving.shard, &serving.wakers);
        assert_eq!(serving.shard.amount_under_way(), 0, "a credit is not acknowledged");
        assert_eq!(serving.applied(), serving.due);
    }
}

fn with(scenario: fn(Roles, &Debts), counts: [u64; 2], roles: Roles) -> impl Fn() + Send + Sync {
    let debts = Debts::new(counts);
    move || scenario(roles, &debts)
}

#[test]
fn credits_of_one_process_arrive_in_order_each_once() {
    holds(with(in_one_process, BOTH_OWE, GOOD));
}

#[test]
fn credits_between_processes_arrive_though_a_session_is_lost() {
    holds(with(in_two_processes, BOTH_OWE, GOOD));
    holds(with(in_two_processes, ONE_OWES, Roles { restart: None, ..GOOD }));
}

#[test]
fn an_acknowledgement_of_what_is_not_durable_is_found_to_go_back() {
    finds("went back", with(in_one_process, BOTH_OWE, Roles { give: give_and_acknowledge_early, ..GOOD }));
    finds("went back", with(in_two_processes, BOTH_OWE, Roles { give: give_and_acknowledge_early, ..GOOD }));
}

#[test]
fn a_credit_taken_out_before_there_is_room_is_found_to_be_lost() {
    finds("deadlock", with(in_one_process, BOTH_OWE, Roles { give: give_and_advance_first, ..GOOD }));
}

#[test]
fn a_shard_woken_before_it_is_given_the_credit_is_found_to_sleep_for_ever() {
    finds("deadlock", with(in_one_process, BOTH_OWE, Roles { shard: hasty, ..GOOD }));
}

#[test]
fn a_shard_that_waits_for_room_without_a_second_look_is_found_to_sleep_for_ever() {
    finds(
        "max_steps",
        with(in_two_processes, ONE_OWES, Roles { give: give_without_second_look, restart: None, ..GOOD }),
    );
}

#[test]
fn a_session_that_forgets_what_was_handed_over_again_is_found() {
    finds("max_steps", with(in_two_processes, BOTH_OWE, Roles { restart: Some(restart_and_forget), ..GOOD }));
}
