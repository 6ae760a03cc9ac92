//! Batches between shards and verifiers, under many schedules: every order is judged once and for its own shard, whoever is
//! asked for a report gives it, nobody sleeps for ever, and a stop at any time leaves each order in a place.

use super::super::control::{Control, Followed, Order};
use super::super::idle::Idle;
use super::super::placement::Place;
use super::super::verification::Verification;
use super::super::verifier_thread::VerifierThread;
use super::*;
use crate::storage::testing::World;
use crate::sync::schedules::{Sleep, finds, hasty, holds, spawn};
use bytemuck::Zeroable;
use quittance_engine::distribution::Distribution;
use quittance_engine::message::order_message;
use quittance_engine::shard::{Shard, ShardConfig};
use quittance_engine::types::{Amount, TimeMs};
use quittance_net::frame::{Header, Kind, Order as OrderFrame, OrderBody, RECIPIENT_ACCOUNT, U64};
use quittance_verify::{BackendKind, SecretKey, Verifier};
use std::sync::Arc;

const SHARD_COUNT: u16 = 2;
const VERIFIER_COUNT: u16 = 2;
/// Each shard's: with a batch for each, some wait while others are checked.
const ORDER_COUNT: usize = 2;

/// Who may make the planted mistakes.
#[derive(Clone, Copy)]
struct Roles {
    main: fn(),
    shard: fn(),
    verifier: fn(VerifierThread, &Sleep),
    /// Whether batches may still be under way when the stop comes.
    stops_early: bool,
}

const GOOD: Roles = Roles { main: || (), shard: || (), verifier: work, stops_early: false };

/// Orders, signed once for all schedules.
struct Orders {
    world: World,
    /// By shard.
    datagrams: Vec<Vec<Vec<u8>>>,
    senders: Vec<Vec<[u8; 32]>>,
}

impl Orders {
    fn new() -> Self {
        let world = World::new(SHARD_COUNT);
        let network = world.identity.network;
        let (mut datagrams, mut senders) = (vec![Vec::new(); 2], vec![Vec::new(); 2]);
        for secret in (0..).map(|seed| SecretKey::from_seed(&[seed; 32])) {
            let sender = secret.public_key_bytes();
            let shard = network.shard_of(&sender, SHARD_COUNT);
            if senders[shard.index()].len() < ORDER_COUNT {
                let body = OrderBody {
                    sender,
                    recipient: sender,
                    amount: U64::new(1),
                    expiry_ms: U64::new(u64::MAX),
                    recipient_kind: RECIPIENT_ACCOUNT,
                    ..OrderBody::zeroed()
                };
                let signature = secret.sign(&order_message(&network, &body));
                let header = Header::new(Kind::Order, shard.0, network.tag());
                let order = OrderFrame { header, body, signature, r_hint: [0; 32] };
                datagrams[shard.index()].push(bytemuck::bytes_of(&order).to_vec());
                senders[shard.index()].push(sender);
            }
            if senders.iter().all(|senders| senders.len() == ORDER_COUNT) {
                break;
            }
        }
        Self { world, datagrams, senders }
    }

    fn shard(&self, index: ShardIndex) -> Shard {
        let config = ShardConfig { is_durable: false, ..self.world.config(index.0) };
        let mut shard = Shard::new(config);
        self.senders[index.index()].iter().for_each(|sender| shard.fund(sender, Amount(10)).unwrap());
        shard
    }
}

fn verifier() -> Verifier {
    Verifier::new(BackendKind::Portable, [7; 32])
}

/// Until told to stop; each report wakes whoever waits for it.
fn work(mut thread: VerifierThread, reported: &Sleep) {
    thread.work(|_| reported.waker().wake());
}

fn work_hastily(thread: VerifierThread, reported: &Sleep) {
    hasty();
    work(thread, reported);
}

/// A verifier that takes a batch and then sees the stop.
fn work_and_forget(mut thread: VerifierThread, _: &Sleep) {
    loop {
        let work = thread.pool.take_work();
        if thread.control.order(&mut Followed::default()) == Order::Stop {
            return;
        }
        match work {
            Some(mut work) => {
                work.batch.check(&mut thread.verifier);
                thread.pool.give_back(work);
            }
            None => sleep(&thread.parker, Duration::MAX),
        }
    }
}

/// A verifier that brings batches back to the next shard.
fn work_and_mistake_the_shard(mut thread: VerifierThread, _: &Sleep) {
    while thread.control.order(&mut Followed::default()) != Order::Stop {
        match thread.pool.take_work() {
            Some(Work { shard, mut batch }) => {
                batch.check(&mut thread.verifier);
                thread.pool.give_back(Work { shard: ShardIndex((shard.0 + 1) % SHARD_COUNT), batch });
            }
            None => sleep(&thread.parker, Duration::MAX),
        }
    }
}

/// A shard's turns: takes an order as long as there are some, has signatures checked, sleeps when there is nothing to do.
fn serve(index: ShardIndex, orders: &Orders, pool: &Arc<VerifierPool>, control: &Control, sleep: &Sleep) -> Shard {
    let mut shard = orders.shard(index);
    let mut verification = Verification::new(verifier(), Some(Arc::clone(pool)));
    let (mut followed, mut arriving) = (Followed::default(), orders.datagrams[index.index()].iter());
    while shard.counters().votes < ORDER_COUNT as u64 && control.order(&mut followed) != Order::Stop {
        let arrived = arriving.next();
        let now = || TimeMs(1);
        arrived.into_iter().for_each(|order| shard.receive(now(), ([127, 0, 0, 1], 9).into(), order));
        if !verification.turn(index, &mut shard, now) && arrived.is_none() {
            sleep.sleep();
        }
    }
    shard
}

fn verifier_threads(pool: &Arc<VerifierPool>, parkers: Vec<Parker>, control: &Arc<Control>) -> Vec<VerifierThread> {
    let thread = |(index, parker)| VerifierThread {
        index,
        place: Place { core: 0, is_own: false },
        pool: Arc::clone(pool),
        control: Arc::clone(control),
        verifier: verifier(),
        parker,
        idle: Idle::new(Duration::ZERO),
        batches: Distribution::of_sizes(),
    };
    (0..).zip(parkers).map(thread).collect()
}

fn scenario(roles: Roles, orders: &Arc<Orders>) {
    (roles.main)();
    let shards = ShardRange::all(SHARD_COUNT);
    let (pool, parkers) = VerifierPool::new(shards, VERIFIER_COUNT);
    let (pool, control, reported) = (Arc::new(pool), Arc::new(Control::default()), Sleep::new());
    let sleeps: Vec<Sleep> = shards.iter().map(|_| Sleep::new()).collect();
    pool.wakers.set(sleeps.iter().map(Sleep::waker).collect()).unwrap();
    let verifiers: Vec<_> = verifier_threads(&pool, parkers, &control)
        .into_iter()
        .map(|thread| {
            let reported = reported.clone();
            spawn(move || (roles.verifier)(thread, &reported))
        })
        .collect();
    let serving: Vec<_> = shards
        .iter()
        .zip(sleeps.clone())
        .map(|(index, sleep)| {
            let (orders, pool, control) = (Arc::clone(orders), Arc::clone(&pool), Arc::clone(&control));
            spawn(move || {
                (roles.shard)();
                serve(index, &orders, &pool, &control, &sleep)
            })
        })
        .collect();
    let stop = || {
        control.stop();
        pool.wake_all();
        sleeps.iter().for_each(|sleep| sleep.waker().wake());
    };
    if roles.stops_early {
        stop();
    }
    let mut served: Vec<Shard> = serving.into_iter().map(|shard| shard.join().unwrap()).collect();
    if !roles.stops_early {
        assert!(served.iter().all(|shard| shard.counters().votes == ORDER_COUNT as u64));
        stop();
    }
    verifiers.into_iter().for_each(|verifier| verifier.join().unwrap());
    account_for_all(&pool, &mut served);
}

/// Each order that came is voted for, in a batch that waits, or still with its shard.
fn account_for_all(pool: &VerifierPool, shards: &mut [Shard]) {
    let waiting = std::iter::from_fn(|| pool.work.pop()).map(|work| work.batch.len()).sum::<usize>();
    let done: usize =
        pool.done.iter().flat_map(|done| std::iter::from_fn(|| done.pop())).map(|batch| batch.len()).sum();
    let (mut came, mut elsewhere) = (0, (waiting + done) as u64);
    for shard in shards {
        came += shard.counters().orders;
        let mut batch = VerifyBatch::with_capacity(ORDER_COUNT);
        shard.take_batch(&mut batch);
        elsewhere += shard.counters().votes + batch.len() as u64;
    }
    assert_eq!(came, elsewhere, "an order is nowhere");
}

fn with(roles: Roles) -> impl Fn() + Send + Sync {
    let orders = Arc::new(Orders::new());
    move || scenario(roles, &orders)
}

/// The main thread asks twice, and waits each time.
fn reports(main: fn()) {
    main();
    let (pool, parkers) = VerifierPool::new(ShardRange::all(1), 1);
    let (pool, control, reported) = (Arc::new(pool), Arc::new(Control::default()), Sleep::new());
    let mut thread = verifier_threads(&pool, parkers, &control).remove(0);
    let waker = reported.waker();
    let verifier = spawn(move || {
        let mut count = 0;
        thread.work(|_| {
            count += 1;
            waker.wake();
        });
        count
    });
    for _ in 0..2 {
        control.ask_for_reports();
        pool.wake_all();
        reported.sleep();
    }
    control.stop();
    pool.wake_all();
    assert_eq!(verifier.join().unwrap(), 2, "each request is followed once");
}

#[test]
fn every_order_is_judged_once_and_nobody_sleeps_for_ever() {
    holds(with(GOOD));
}

#[test]
fn a_stop_at_any_time_leaves_every_order_in_a_place() {
    holds(with(Roles { stops_early: true, ..GOOD }));
}

#[test]
fn whoever_sleeps_follows_each_request_for_reports_and_the_stop() {
    holds(|| reports(|| ()));
}

#[test]
fn a_batch_that_a_stop_loses_is_found() {
    finds("an order is nowhere", with(Roles { verifier: work_and_forget, stops_early: true, ..GOOD }));
}

#[test]
fn verdicts_for_another_shard_are_found() {
    finds("an account's address is its key", with(Roles { verifier: work_and_mistake_the_shard, ..GOOD }));
}

#[test]
fn a_verifier_woken_before_it_is_given_the_batch_is_found_to_sleep_for_ever() {
    finds("deadlock", with(Roles { shard: hasty, ..GOOD }));
}

#[test]
fn a_shard_woken_before_its_batch_is_back_is_found_to_sleep_for_ever() {
    finds("deadlock", with(Roles { verifier: work_hastily, ..GOOD }));
}

#[test]
fn a_verifier_woken_before_it_is_told_to_stop_is_found_to_sleep_for_ever() {
    finds("deadlock", || reports(hasty));
}
