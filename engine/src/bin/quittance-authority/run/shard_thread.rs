//! A shard's thread: a socket, a step machine, and the loop that joins them.

use super::control::{Control, Event, Followed, Order, ShardJournalReport, ShardReport};
use super::durability::Durability;
use super::idle::{Idle, Turn};
use super::links::Links;
use super::network_files::Opening;
use super::outbox::Outbox;
use super::placement::Place;
use super::samples::ShardSample;
use super::slice::let_others_first;
use super::verification::Verification;
use crate::fault::Fault;
use crate::storage::ShardJournal;
use crate::sync::{Waker, waker};
use crossbeam::channel::{Receiver, Sender};
use quittance_engine::address;
use quittance_engine::distribution::Distribution;
use quittance_engine::limits::HELD_MS;
use quittance_engine::shard::{Shard, ShardConfig};
use quittance_engine::types::{ShardIndex, TimeMs};
use quittance_net::transport::{Config, Socket, Transport, TransportKind, Wait};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a shard's thread takes with it.
pub(super) struct ShardThread {
    pub(super) config: ShardConfig,
    pub(super) openings: Vec<Opening>,
    /// What it needs to remember, if it shall.
    pub(super) durability: Option<Durability>,
    pub(super) place: Place,
    pub(super) socket: Socket,
    pub(super) transport: TransportKind,
    pub(super) verification: Verification,
    pub(super) links: Arc<Links>,
    pub(super) control: Arc<Control>,
    pub(super) idle: Idle,
    pub(super) events: Sender<Event>,
    /// Brings the wakers of all shards of this process, in their order, when all are ready.
    pub(super) start: Receiver<Arc<[Waker]>>,
}

impl ShardThread {
    /// Sets everything up on the thread that will use it, says so, and serves until told to stop.
    pub(super) fn run(self) -> Result<(), Fault> {
        self.place.pin()?;
        if !self.place.is_own {
            let_others_first();
        }
        let Self { config, openings, durability, place, socket, transport, verification, links, control, .. } = self;
        let Self { idle, events, start, .. } = self;
        let index = config.shard;
        // Made here, not by the main thread: memory lies near the core that touches it first.
        let mut shard = Shard::new(config.clone());
        let fund = |shard: &mut Shard| {
            openings.iter().try_for_each(|Opening { line, address, amount }| {
                shard.fund(address, *amount).map_err(|fault| Fault::Fund {
                    line: *line,
                    account: address::encode(address),
                    fault,
                })
            })
        };
        let (journal, recovered) = match durability {
            Some(durability) => {
                let (journal, recovered) = durability.recover(&config, &mut shard, fund)?;
                (Some(journal), Some(recovered))
            }
            None => {
                fund(&mut shard)?;
                (None, None)
            }
        };
        links.publish(index, &mut shard);
        let transport = Transport::new(transport, socket, &Config::default())?;
        let ready = Event::Ready { shard: index, waker: waker(&transport), recovered };
        // The main thread is gone only when the process ends.
        let (Ok(()), Ok(wakers)) = (events.send(ready), start.recv()) else { return Ok(()) };
        let receives = Distribution::of_sizes();
        Serving { index, place, shard, journal, transport, verification, receives, links, control, wakers, events }
            .serve(idle)
    }
}

/// A shard at work.
struct Serving {
    index: ShardIndex,
    place: Place,
    shard: Shard,
    journal: Option<ShardJournal>,
    transport: Transport,
    verification: Verification,
    /// How many datagrams came at once.
    receives: Distribution,
    links: Arc<Links>,
    control: Arc<Control>,
    wakers: Arc<[Waker]>,
    events: Sender<Event>,
}

impl Serving {
    fn serve(mut self, mut idle: Idle) -> Result<(), Fault> {
        let mut followed = Followed::default();
        let mut wait = Wait::No;
        while self.follow(&mut followed) {
            wait = idle.after(self.turn(wait)?);
        }
        if let Some(journal) = &mut self.journal {
            journal.close(&mut self.shard);
        }
        self.tell_main_thread();
        Ok(())
    }

    /// Does what it was told to. Returns whether it goes on.
    fn follow(&self, followed: &mut Followed) -> bool {
        loop {
            match self.control.order(followed) {
                Order::GoOn => return true,
                Order::Report => self.tell_main_thread(),
                Order::Tell(question) => self.control.samples.put_shard(self.index, self.sample(question)),
                Order::Stop => return false,
            }
        }
    }

    /// One turn: take what has arrived, go on with what waited, verify it or have it verified, write it down, exchange credits,
    /// reply.
    fn turn(&mut self, wait: Wait) -> Result<Turn, Fault> {
        let received = self.receive(wait)?;
        let is_full = self.journal.as_ref().is_some_and(|journal| journal.keeper().is_nearly_full());
        let credited = !is_full && self.links.take(self.index, &mut self.shard);
        // Before signatures are checked: those of orders whose money has just come are among them.
        let judged = self.shard.held_until().is_some() && self.shard.judge_held(now());
        let verified = self.verification.turn(self.index, &mut self.shard, now);
        let journaled = self.journal.as_mut().is_some_and(|journal| journal.turn(&mut self.shard));
        let backlog = self.links.give(self.index, &mut self.shard, &self.wakers, !is_full)?;
        if self.shard.has_replies() {
            let mut outbox = Outbox::new(&mut self.transport);
            self.shard.send_replies(&mut outbox);
            outbox.finish()?;
        }
        // The journal's thread needs this core for a few microseconds, and would else wait for the end of a time slice.
        if !self.place.is_own && self.journal.as_ref().is_some_and(|journal| journal.keeper().is_under_way()) {
            std::thread::yield_now();
        }
        let is_unproved = self.journal.as_ref().is_some_and(|journal| journal.keeper().is_unproved());
        let is_waiting = is_unproved || self.shard.has_open_history();
        Ok(match (received || credited || judged || verified || journaled, backlog || is_waiting) {
            (true, _) => Turn::Worked,
            (false, true) => Turn::Backlog,
            (false, false) => self.shard.held_until().map_or(Turn::Nothing, |until| Turn::NothingFor(time_to(until))),
        })
    }

    /// Gives the shard what has arrived, unless its tables are full: then it stays in the socket until verdicts come.
    fn receive(&mut self, wait: Wait) -> Result<bool, Fault> {
        let room = self.shard.room();
        if room == 0 {
            std::thread::yield_now();
            return Ok(true);
        }
        let shard = &mut self.shard;
        // Read once per burst, and after the sleep.
        let mut time = None;
        let count = self.transport.receive(room, wait, |peer, datagram| {
            shard.receive(*time.get_or_insert_with(now), peer, datagram);
        })?;
        if count > 0 {
            self.receives.record(count as u64);
        }
        Ok(count > 0)
    }

    fn tell_main_thread(&self) {
        // The main thread is gone only when the process ends.
        let _ = self.events.send(Event::Shard(Box::new(self.report())));
    }

    fn report(&self) -> ShardReport {
        ShardReport {
            index: self.index.0,
            core: self.place.core,
            accounts: self.shard.accounts().count(),
            redeemed: self.shard.redeemed().to_string(),
            unanswered: self.shard.unanswered_count(),
            under_way: self.shard.amount_under_way().to_string(),
            protocol: self.shard.counters().clone(),
            transport: self.transport.counters(),
            verify: self.verification.counters(),
            journal: self.journal.as_ref().map(|journal| ShardJournalReport {
                used_percent: journal.keeper().used_percent(),
                snapshots: journal.keeper().snapshot_number(),
                records: self.shard.records_made().0,
            }),
        }
    }

    fn sample(&self, question: u64) -> ShardSample {
        ShardSample {
            question,
            report: self.report(),
            withheld_replies: self.shard.waiting_reply_count(),
            held_orders: self.shard.held_count(),
            unacknowledged_credits: self.shard.unacknowledged_credit_count(),
            gathered_signatures: self.shard.gathered_signature_count(),
            receives: self.receives.clone(),
            verify_batches: self.verification.batches().clone(),
            reply_batches: self.shard.reply_batches().clone(),
            journal: self.journal.as_ref().map(|journal| journal.figures(&self.shard)),
        }
    }
}

/// Milliseconds since 1970. A clock before that counts as 1970: no order expires then.
fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// How long it is until then, at most as long as anything waits: clocks are set back.
fn time_to(until: TimeMs) -> Duration {
    Duration::from_millis(until.0.saturating_sub(now().0).min(HELD_MS))
}
