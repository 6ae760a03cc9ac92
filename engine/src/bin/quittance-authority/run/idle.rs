//! What a thread does when it has nothing to do: spin for about as long as waking it would cost, then sleep.

use crossbeam::sync::Parker;
use quittance_net::transport::Wait;
use std::time::{Duration, Instant};

/// A sleep ends at the latest after this, for no reason but to be sure.
pub(super) const SLEEP_MAX: Duration = Duration::from_secs(1);

/// A thread whose queue to another one is full looks again after this.
const BACKLOG_SLEEP: Duration = Duration::from_millis(1);

/// Wake-ups timed by [`measure_wake`].
const WAKE_SAMPLES: usize = 64;

/// Bounds on what is taken for the cost of a wake-up, whatever a noisy machine says.
const WAKE_COST_MIN: Duration = Duration::from_micros(1);
const WAKE_COST_MAX: Duration = Duration::from_micros(200);

/// One thread's patience.
#[derive(Clone, Copy, Debug)]
pub(super) struct Idle {
    spin: Duration,
    idle_since: Option<Instant>,
}

/// What a turn of a thread's loop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Something was done: there may be more.
    Worked,
    /// Nothing to do.
    Nothing,
    /// Nothing to do before so long.
    NothingFor(Duration),
    /// Nothing to do but to wait: for room in another thread's queue, or for a moment to pass.
    Backlog,
}

impl Idle {
    /// Spins for `spin` before each sleep; zero on a core that others of our threads need.
    pub(super) fn new(spin: Duration) -> Self {
        Self { spin, idle_since: None }
    }

    /// How to wait in the next turn, after one that came to this.
    pub(super) fn after(&mut self, turn: Turn) -> Wait {
        let sleep = match turn {
            Turn::Worked => {
                self.idle_since = None;
                return Wait::No;
            }
            Turn::Nothing => SLEEP_MAX,
            Turn::NothingFor(time) => time.min(SLEEP_MAX),
            Turn::Backlog => BACKLOG_SLEEP,
        };
        if self.spin.is_zero() {
            return Wait::For(sleep);
        }
        let since = *self.idle_since.get_or_insert_with(Instant::now);
        if since.elapsed() < self.spin {
            std::hint::spin_loop();
            return Wait::No;
        }
        self.idle_since = None;
        Wait::For(sleep)
    }
}

/// The cost of waking a thread on this machine: the median over some round trips between two threads, halved.
pub(super) fn measure_wake() -> Duration {
    let (ours, theirs) = (Parker::new(), Parker::new());
    let (wake_us, wake_them) = (ours.unparker().clone(), theirs.unparker().clone());
    let echo = std::thread::spawn(move || {
        for _ in 0..WAKE_SAMPLES {
            theirs.park();
            wake_us.unpark();
        }
    });
    let mut round_trips = Vec::with_capacity(WAKE_SAMPLES);
    for _ in 0..WAKE_SAMPLES {
        let start = Instant::now();
        wake_them.unpark();
        ours.park();
        round_trips.push(start.elapsed());
    }
    echo.join().expect("it only parks and unparks");
    round_trips.sort_unstable();
    (round_trips[WAKE_SAMPLES / 2] / 2).clamp(WAKE_COST_MIN, WAKE_COST_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_core_of_its_own_a_thread_sleeps_at_once() {
        let mut idle = Idle::new(Duration::ZERO);
        assert_eq!(idle.after(Turn::Nothing), Wait::For(SLEEP_MAX));
        assert_eq!(idle.after(Turn::Backlog), Wait::For(BACKLOG_SLEEP));
        let soon = Duration::from_millis(7);
        assert_eq!(idle.after(Turn::NothingFor(soon)), Wait::For(soon));
        assert_eq!(idle.after(Turn::NothingFor(2 * SLEEP_MAX)), Wait::For(SLEEP_MAX));
        assert_eq!(idle.after(Turn::Worked), Wait::No);
    }

    #[test]
    fn a_spin_ends_in_one_sleep_and_work_begins_a_new_one() {
        let mut idle = Idle::new(Duration::from_millis(2));
        assert_eq!(idle.after(Turn::Nothing), Wait::No);
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!(idle.after(Turn::Nothing), Wait::For(SLEEP_MAX));
        assert_eq!(idle.after(Turn::Nothing), Wait::No);
        assert_eq!(idle.after(Turn::Worked), Wait::No);
        assert_eq!(idle.idle_since, None);
    }

    #[test]
    fn a_wake_costs_something_between_the_bounds() {
        let cost = measure_wake();
        assert!((WAKE_COST_MIN..=WAKE_COST_MAX).contains(&cost));
    }
}
