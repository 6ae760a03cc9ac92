//! The load loop: order, vote, certificate, receipt, for all payments of a phase, at a pace.
//!
//! One thread turns the loop: take what has arrived, check it (root signatures together), answer votes with certificates,
//! repeat what is overdue, send what is due, flush. Nothing is allocated per payment.
//!
//! | file | what it holds |
//! |---|---|
//! | `pace.rs` | window or schedule |
//! | `flight.rs`, `slots.rs` | payments in flight |
//! | `tally.rs` | what became of them |

mod flight;
mod pace;
mod slots;
mod tally;
#[cfg(test)]
mod tests;

pub use flight::Outcome;
pub use pace::Pace;
pub use tally::{CodeCounts, Tally};

use crate::directory::Directory;
use crate::error::BenchError;
use crate::limits::{IN_FLIGHT_MAX, WATCH_NS};
use crate::replies::{Replies, ReplyCounters};
use crate::terms::Terms;
use crate::workload::Workload;
use crate::world::{Watch, World};
use core::ops::Range;
use flight::Flight;

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
struct Phase {
    pace: Pace,
    payments: Range<u32>,
    /// The next payment whose turn comes.
    cursor: u32,
    started_ns: u64,
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
        let Settings { timeout_ns, tries_max, .. } = settings;
        Self {
            settings,
            replies: Replies::new(terms, directory, verifier_seed),
            flight: Flight::new(workload, terms, directory, IN_FLIGHT_MAX, timeout_ns, tries_max),
            due: Vec::with_capacity(IN_FLIGHT_MAX),
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
        let started_ns = world.now_ns();
        self.flight.tally = Tally::default();
        self.flight.progress(started_ns);
        let mut phase = Phase { pace, cursor: payments.start, payments, started_ns };
        let (mut now_ns, mut watched_ns, mut wait_ns) = (started_ns, started_ns, 0);
        while self.flight.tally.ended() < phase.payments.len() as u64 || self.flight.count() > 0 {
            let busy = self.turn(&mut phase, now_ns, wait_ns, world)?;
            let end_ns = world.now_ns();
            *(if busy { &mut self.flight.tally.busy_ns } else { &mut self.flight.tally.idle_ns }) += end_ns - now_ns;
            now_ns = end_ns;
            if now_ns - watched_ns >= WATCH_NS {
                watched_ns = now_ns;
                watch.look()?;
                if self.is_stalled(now_ns) {
                    self.flight.give_up(phase.payments.clone());
                }
            }
            wait_ns = if busy { 0 } else { self.wait_ns(&phase, now_ns) };
        }
        Ok(core::mem::take(&mut self.flight.tally))
    }

    /// Gives up payments that were not sent, and returns the tally that says so.
    pub fn abandon(&mut self, payments: Range<u32>) -> Tally {
        self.flight.tally = Tally::default();
        self.flight.give_up(payments);
        core::mem::take(&mut self.flight.tally)
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
    fn turn(
        &mut self,
        phase: &mut Phase,
        now_ns: u64,
        wait_ns: u64,
        world: &mut impl World,
    ) -> Result<bool, BenchError> {
        let Self { replies, flight, .. } = self;
        let mut arrived = false;
        world.receive(wait_ns, &mut |peer, datagram| {
            arrived = true;
            replies.take(peer, datagram, flight);
        })?;
        // The replies may have come while we slept, so the time is read again. What we take to check them is not theirs.
        let now_ns = if arrived || wait_ns > 0 { world.now_ns() } else { now_ns };
        if arrived {
            replies.verify();
            for claim in replies.claims() {
                flight.act(claim, now_ns, world)?;
            }
            replies.clear();
        }
        flight.expire(now_ns, world)?;
        let sent = self.admit(phase, now_ns, world)?;
        world.flush()?;
        self.record_lag(world);
        Ok(arrived || sent)
    }

    /// Sends what is due and finds room.
    fn admit(&mut self, phase: &mut Phase, now_ns: u64, world: &mut impl World) -> Result<bool, BenchError> {
        let mut sent = false;
        let in_flight_max = phase.pace.in_flight_max();
        while self.flight.count() < in_flight_max {
            let (payment, is_new) = match self.flight.next_ready() {
                Some(held) => (held, false),
                None if phase.cursor < phase.payments.end && phase.due_ns(phase.cursor, now_ns) <= now_ns => {
                    phase.cursor += 1;
                    if !self.flight.turn(phase.cursor - 1) {
                        continue;
                    }
                    (phase.cursor - 1, true)
                }
                None => break,
            };
            let due_ns = phase.due_ns(payment, now_ns);
            self.flight.begin(payment, due_ns, now_ns, world)?;
            sent = true;
            // What was held waited for the server, not for us.
            if is_new && matches!(phase.pace, Pace::Schedule { .. }) {
                self.due.push(due_ns);
            }
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
        self.flight.count() > 0 && now_ns.saturating_sub(self.flight.progress_ns) > patience_ns
    }

    /// How long the next turn may sleep in the kernel when nothing has arrived.
    fn wait_ns(&self, phase: &Phase, now_ns: u64) -> u64 {
        if self.settings.owns_core && self.flight.count() > 0 {
            return 0;
        }
        // A window that has room for another order was filled: then only replies and timeouts are waited for.
        let next_order_ns = match phase.pace {
            Pace::Schedule { .. } if phase.cursor < phase.payments.end => Some(phase.due_ns(phase.cursor, now_ns)),
            Pace::Schedule { .. } | Pace::Window { .. } => None,
        };
        let next_ns = next_order_ns.into_iter().chain(self.flight.next_timeout_ns()).min().unwrap_or(u64::MAX);
        let wait_ns = next_ns.saturating_sub(now_ns).min(SLEEP_NS_MAX);
        if self.settings.owns_core && wait_ns < SLEEP_NS_MIN { 0 } else { wait_ns }
    }
}

impl Phase {
    /// When a payment is due; `now_ns` if at any time.
    fn due_ns(&self, payment: u32, now_ns: u64) -> u64 {
        self.pace.due_ns(payment - self.payments.start).map_or(now_ns, |due_ns| self.started_ns + due_ns)
    }
}
