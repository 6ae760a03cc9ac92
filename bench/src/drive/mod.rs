//! The load loop: order, vote, certificate, receipt, for all payments of a phase, at a pace.
//!
//! One thread turns the loop: take what has arrived, check it (root signatures together), answer votes with certificates,
//! repeat what is overdue, send what is due, flush. Nothing is allocated per payment.
//!
//! | file | what it holds |
//! |---|---|
//! | `pace.rs`, `arrivals.rs` | window or schedule; times drawn ahead |
//! | `flight.rs`, `slots.rs` | payments in flight |
//! | `records.rs` | what is to be written down of them, where someone writes |
//! | `tally.rs`, `timeline.rs` | what became of them, in all and interval by interval |

mod arrivals;
mod flight;
#[cfg(test)]
mod honest_tests;
mod pace;
mod records;
mod slots;
mod tally;
#[cfg(test)]
mod tests;
mod timeline;

pub use arrivals::Ramp;
pub use flight::Outcome;
pub use pace::Pace;
pub use records::ToRecord;
pub use tally::{CodeCounts, Tally};

use crate::error::BenchError;
use crate::limits::{IN_FLIGHT_MAX, WATCH_NS};
use crate::replies::{Replies, ReplyCounters};
use crate::terms::Terms;
use crate::workload::Workload;
use crate::world::{Watch, World};
use core::ops::Range;
use flight::Flight;
use quittance_wallet::directory::Directory;

/// The longest sleep when nothing is due. A sleep costs up to 80 us to end, so shorter ones are spun instead.
const SLEEP_NS_MAX: u64 = 1_000_000;
const SLEEP_NS_MIN: u64 = 200_000;

/// How the loop goes about it.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long an answer is waited for before the request is repeated.
    pub timeout_ns: u64,
    /// Sends of one order, and of one certificate.
    pub tries_max: u32,
    /// Whether the loop has a core for itself. Then it spins while anything is in flight.
    pub owns_core: bool,
    /// Certificates kept back at any time, of payments that have their votes: see [`Driver::withheld`]. 0: none.
    pub withheld_max: usize,
}

/// Drives payments, phase by phase.
#[derive(Debug)]
pub struct Driver<'a> {
    settings: Settings,
    replies: Replies<'a>,
    flight: Flight<'a>,
    /// When the orders of this turn were due.
    due: Vec<u64>,
}

/// A phase under way.
#[derive(Debug)]
pub struct Phase {
    pace: Pace,
    payments: Range<u32>,
    /// The next payment whose turn comes.
    cursor: u32,
    started_ns: u64,
    /// The time at the end of the last step.
    now_ns: u64,
    /// When the watch was asked last.
    watched_ns: u64,
    /// How long the next step may sleep.
    wait_ns: u64,
    /// When there was last no room for another payment in flight, if ever. What was due until then waited for the server.
    full_ns: Option<u64>,
}

impl<'a> Driver<'a> {
    /// A driver for a workload; `verifier_seed` is secret and fresh.
    pub fn new(
        workload: &'a Workload,
        terms: &'a Terms,
        directory: &'a Directory,
        settings: Settings,
        verifier_seed: [u8; 32],
    ) -> Self {
        Self::with_slots(workload, terms, directory, settings, verifier_seed, IN_FLIGHT_MAX)
    }

    fn with_slots(
        workload: &'a Workload,
        terms: &'a Terms,
        directory: &'a Directory,
        settings: Settings,
        verifier_seed: [u8; 32],
        slot_count: usize,
    ) -> Self {
        Self {
            settings,
            replies: Replies::new(terms, directory, verifier_seed),
            flight: Flight::new(workload, terms, directory, slot_count, settings),
            due: Vec::with_capacity(slot_count),
        }
    }

    /// Drives these payments until each has ended, and returns what became of them.
    ///
    /// Ends early, with the rest lost, when for as long as one payment may take to be given up nothing at all went on:
    /// against a silent server every payment would wait that long.
    ///
    /// # Errors
    /// The machine's faults, and what `watch` says.
    pub fn phase(
        &mut self,
        payments: Range<u32>,
        pace: Pace,
        world: &mut impl World,
        watch: &mut impl Watch,
    ) -> Result<Tally, BenchError> {
        let mut phase = self.begin(payments, pace, world);
        while !self.is_over(&phase) {
            self.step(&mut phase, world, watch)?;
        }
        Ok(self.end())
    }

    /// Begins a phase, to be driven step by step until it is over. [`Self::phase`] does it all at once.
    pub fn begin(&mut self, payments: Range<u32>, pace: Pace, world: &mut impl World) -> Phase {
        let now_ns = world.now_ns();
        self.flight.start_tally(now_ns);
        self.flight.progress(now_ns);
        Phase {
            pace,
            cursor: payments.start,
            payments,
            started_ns: now_ns,
            now_ns,
            watched_ns: now_ns,
            wait_ns: 0,
            full_ns: None,
        }
    }

    /// Whether every payment of the phase has ended, those excepted whose certificates are withheld.
    pub fn is_over(&self, phase: &Phase) -> bool {
        // Not by the tally, which is to add up by itself.
        phase.is_exhausted() && self.flight.count() == self.flight.withheld_count() && self.flight.held_count() == 0
    }

    /// Turns the loop once.
    ///
    /// # Errors
    /// As [`Self::phase`].
    pub fn step(
        &mut self,
        phase: &mut Phase,
        world: &mut impl World,
        watch: &mut impl Watch,
    ) -> Result<(), BenchError> {
        let busy = self.turn(phase, world)?;
        let end_ns = world.now_ns();
        *(if busy { &mut self.flight.tally.busy_ns } else { &mut self.flight.tally.idle_ns }) += end_ns - phase.now_ns;
        phase.now_ns = end_ns;
        if end_ns - phase.watched_ns >= WATCH_NS {
            phase.watched_ns = end_ns;
            watch.look()?;
            watch.show(end_ns, self.flight.count(), &self.flight.tally);
            if self.is_stalled(end_ns) {
                self.flight.tally.scheduled += u64::from(phase.payments.end - phase.cursor);
                self.flight.give_up(phase.payments.clone());
                phase.cursor = phase.payments.end;
            }
        }
        phase.wait_ns = if busy { 0 } else { self.wait_ns(phase, end_ns) };
        Ok(())
    }

    /// Sends the orders of these payments to whoever takes them, forgets each at the end of the turn in which it was sent, and
    /// returns what was counted. Nothing settles, and what [`Self::outcomes`] says afterwards means nothing: this measures what
    /// the loop can send.
    ///
    /// # Errors
    /// As [`Self::phase`].
    pub fn offer(
        &mut self,
        payments: Range<u32>,
        pace: Pace,
        world: &mut impl World,
        watch: &mut impl Watch,
    ) -> Result<Tally, BenchError> {
        let mut phase = self.begin(payments, pace, world);
        while !phase.is_exhausted() {
            self.step(&mut phase, world, watch)?;
            self.flight.forget();
        }
        Ok(self.end())
    }

    /// Ends a phase and returns what became of its payments.
    pub fn end(&mut self) -> Tally {
        self.flight.end_tally()
    }

    /// What became of the payments of the phase under way so far.
    pub fn tally(&self) -> &Tally {
        &self.flight.tally
    }

    /// Takes in all replies that are left from a server that is gone. What they call for is sent, to nobody, and again
    /// after [`Self::resume`].
    ///
    /// # Errors
    /// As [`Self::phase`].
    pub fn drain(&mut self, phase: &mut Phase, world: &mut impl World) -> Result<(), BenchError> {
        loop {
            let (arrived, now_ns) = self.take_in(phase.now_ns, 0, world)?;
            phase.now_ns = now_ns;
            if !arrived {
                return world.flush();
            }
        }
    }

    /// Goes on after a time in which the server was away: the schedule as if that time had not been. Everything that awaits an
    /// answer is sent anew, and the certificates that were kept back are sent.
    ///
    /// # Errors
    /// As [`Self::phase`].
    pub fn resume(&mut self, phase: &mut Phase, world: &mut impl World) -> Result<(), BenchError> {
        let now_ns = world.now_ns();
        phase.started_ns += now_ns - phase.now_ns;
        (phase.now_ns, phase.watched_ns, phase.wait_ns) = (now_ns, now_ns, 0);
        self.flight.send_all(now_ns, world)?;
        self.flight.release(now_ns, world)
    }

    /// Payments whose votes are in and whose certificates are kept back, oldest first. Of every
    /// [`WITHHELD_EVERY`](crate::limits::WITHHELD_EVERY) payments one is kept back until as many as the settings allow have come
    /// after it, or until a payment behind it must wait: so at any moment there are some whose votes came just now.
    pub fn withheld(&self) -> Vec<u32> {
        self.flight.withheld()
    }

    /// Gives up payments that were not sent, and returns the tally that says so.
    pub fn abandon(&mut self, payments: Range<u32>) -> Tally {
        self.flight.tally = Tally::default();
        self.give_up(payments);
        core::mem::take(&mut self.flight.tally)
    }

    /// Gives up payments of the phase under way that it was never extended to.
    pub fn give_up(&mut self, payments: Range<u32>) {
        self.flight.tally.scheduled += u64::from(payments.end - payments.start);
        self.flight.give_up(payments);
    }

    /// From now on every certificate is kept back until whoever drives has it written down: see [`Self::to_record`] and
    /// [`Self::recorded`]. Settlements are noted, too.
    pub fn record(&mut self) {
        self.flight.to_record.get_or_insert_default();
    }

    /// What came to be written down since it was last cleared; whoever writes clears it. `None` without [`Self::record`].
    pub fn to_record(&mut self) -> Option<&mut ToRecord> {
        self.flight.to_record.as_mut()
    }

    /// Sends the oldest `count` certificates that are kept back: they are written down.
    ///
    /// # Errors
    /// As [`Self::phase`].
    pub fn recorded(&mut self, count: usize, phase: &Phase, world: &mut impl World) -> Result<(), BenchError> {
        // Until now the disk was waited for, and no server.
        self.flight.progress(phase.now_ns);
        self.flight.release_first(count, phase.now_ns, world)
    }

    /// How many certificates are kept back.
    pub fn withheld_count(&self) -> usize {
        self.flight.withheld_count()
    }

    /// How every payment stands.
    pub fn outcomes(&self) -> &[Outcome] {
        self.flight.outcomes()
    }

    /// Replies that were not acted upon, in all phases.
    pub fn reply_counters(&self) -> &ReplyCounters {
        self.replies.counters()
    }

    /// One turn of the loop. Returns whether there was anything to do.
    fn turn(&mut self, phase: &mut Phase, world: &mut impl World) -> Result<bool, BenchError> {
        let (arrived, now_ns) = self.take_in(phase.now_ns, phase.wait_ns, world)?;
        self.flight.expire(now_ns, world)?;
        let sent = self.admit(phase, now_ns, world)?;
        world.flush()?;
        self.record_lag(world);
        Ok(arrived || sent)
    }

    /// Takes in what has arrived and acts upon it. Returns whether there was anything, and the time.
    fn take_in(&mut self, now_ns: u64, wait_ns: u64, world: &mut impl World) -> Result<(bool, u64), BenchError> {
        let Self { replies, flight, .. } = self;
        let mut arrived = false;
        world.receive(wait_ns, &mut |peer, datagram| {
            arrived = true;
            replies.take(peer, datagram, flight);
        })?;
        // The replies may have come while we slept, so the time is read again. What we take to check them is not theirs.
        let now_ns = if arrived || wait_ns > 0 { world.now_ns() } else { now_ns };
        flight.roll(now_ns);
        if arrived {
            replies.verify();
            for claim in replies.claims() {
                flight.act(claim, now_ns, world)?;
            }
            replies.clear();
        }
        Ok((arrived, now_ns))
    }

    /// Sends what is due and finds room.
    fn admit(&mut self, phase: &mut Phase, now_ns: u64, world: &mut impl World) -> Result<bool, BenchError> {
        let mut sent = false;
        let in_flight_max = phase.pace.in_flight_max().min(self.flight.slot_count());
        let is_open = phase.pace.is_open();
        while self.flight.count() < in_flight_max {
            let (payment, is_new) = match self.flight.next_ready() {
                Some(held) => (held, false),
                None if phase.next_due_ns(now_ns).is_some_and(|due_ns| due_ns <= now_ns) => {
                    let payment = phase.cursor;
                    phase.cursor += 1;
                    self.flight.tally.scheduled += 1;
                    if !self.flight.turn(payment) {
                        self.flight.release_before(payment, now_ns, world)?;
                        continue;
                    }
                    (payment, true)
                }
                None => break,
            };
            let due_ns = phase.due_ns(payment, now_ns);
            self.flight.begin(payment, due_ns, now_ns, world)?;
            sent = true;
            // What was held, or waited for room, waited for the server, not for us.
            let waited = is_open && is_new && phase.full_ns.is_some_and(|full_ns| due_ns <= full_ns);
            self.flight.tally.waited_for_room += u64::from(waited);
            if is_new && is_open && !waited {
                self.due.push(due_ns);
            }
        }
        if self.flight.count() >= in_flight_max {
            phase.full_ns = Some(now_ns);
        }
        Ok(sent)
    }

    /// How late this turn's orders left: the time after the flush counts, not the time of the decision.
    fn record_lag(&mut self, world: &mut impl World) {
        if self.due.is_empty() {
            return;
        }
        let left_ns = world.now_ns();
        for due_ns in self.due.drain(..) {
            self.flight.tally.lag.record(left_ns.saturating_sub(due_ns));
        }
    }

    fn is_stalled(&self, now_ns: u64) -> bool {
        let patience_ns = self.settings.timeout_ns * u64::from(self.settings.tries_max);
        self.flight.count() > self.flight.withheld_count()
            && now_ns.saturating_sub(self.flight.progress_ns) > patience_ns
    }

    /// How long the next turn may sleep in the kernel when nothing has arrived.
    fn wait_ns(&self, phase: &Phase, now_ns: u64) -> u64 {
        if self.settings.owns_core && self.flight.count() > 0 {
            return 0;
        }
        // A window that has room for another order was filled: then only replies and timeouts are waited for.
        let next_order_ns = phase.next_due_ns(now_ns).filter(|_| phase.pace.is_open());
        let next_ns = next_order_ns.into_iter().chain(self.flight.next_timeout_ns()).min().unwrap_or(u64::MAX);
        let wait_ns = next_ns.saturating_sub(now_ns).min(SLEEP_NS_MAX);
        if self.settings.owns_core && wait_ns < SLEEP_NS_MIN { 0 } else { wait_ns }
    }
}

impl Phase {
    /// Adds payments to the end of the phase: those up to `end`.
    pub fn extend(&mut self, end: u32) {
        assert!(end >= self.payments.end, "a phase only grows");
        self.payments.end = end;
    }

    /// Whether the turn of every payment has come that the phase has so far.
    pub fn is_exhausted(&self) -> bool {
        self.cursor == self.payments.end
    }

    /// When the next payment's turn comes, if there is one; `now_ns` if at any time.
    fn next_due_ns(&self, now_ns: u64) -> Option<u64> {
        (!self.is_exhausted()).then(|| self.due_ns(self.cursor, now_ns))
    }

    /// When a payment is due; `now_ns` if at any time.
    fn due_ns(&self, payment: u32, now_ns: u64) -> u64 {
        self.pace.due_ns(payment - self.payments.start).map_or(now_ns, |due_ns| self.started_ns + due_ns)
    }
}
