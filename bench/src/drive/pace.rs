//! When the next payment goes out: as soon as the window has room, or when a schedule says so.

use crate::limits::IN_FLIGHT_MAX;
use std::sync::Arc;

/// The pace of one phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Closed loop, for saturation: so many payments in flight, a new one for each that ends.
    Window {
        /// Payments in flight.
        count: usize,
    },
    /// Open loop: payment k is due at `k / rate`, whatever becomes of the others.
    Schedule {
        /// Payments per second; above zero.
        rate_per_s: u64,
    },
    /// Open loop: payment k is due at the kth of these times, in nanoseconds from the phase's start, ascending. A phase with
    /// this pace does not grow beyond them.
    Times(Arc<[u64]>),
}

impl Pace {
    /// When payment `ordinal` of the phase (from 0) is due, in nanoseconds from the phase's start; `None`: any time.
    ///
    /// # Panics
    /// If there is no time for it.
    pub fn due_ns(&self, ordinal: u32) -> Option<u64> {
        match self {
            Self::Window { .. } => None,
            Self::Schedule { rate_per_s } => Some(u64::from(ordinal) * 1_000_000_000 / rate_per_s),
            Self::Times(times) => Some(times[ordinal as usize]),
        }
    }

    /// Whether payments are due whatever becomes of the others.
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Window { .. })
    }

    /// When the last of so many payments is due, in nanoseconds from the phase's start; `None` where none ever is.
    ///
    /// # Panics
    /// As [`Self::due_ns`].
    pub fn length_ns(&self, payment_count: u32) -> Option<u64> {
        self.due_ns(payment_count.checked_sub(1)?)
    }

    /// Most payments in flight.
    pub fn in_flight_max(&self) -> usize {
        match self {
            Self::Window { count } => (*count).min(IN_FLIGHT_MAX),
            Self::Schedule { .. } | Self::Times(_) => IN_FLIGHT_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_keeps_its_rate_without_drift() {
        let pace = Pace::Schedule { rate_per_s: 30_000 };
        assert_eq!(pace.due_ns(0), Some(0));
        assert_eq!(pace.due_ns(1), Some(33_333));
        assert_eq!(pace.due_ns(30_000), Some(1_000_000_000));
        assert_eq!(pace.due_ns(u32::MAX), Some(143_165_576_500_000));
        assert_eq!((pace.length_ns(30_001), pace.length_ns(0)), (Some(1_000_000_000), None));
    }

    #[test]
    fn a_window_knows_no_time_and_stays_within_the_slots() {
        assert_eq!(Pace::Window { count: 512 }.due_ns(7), None);
        assert_eq!(Pace::Window { count: 512 }.in_flight_max(), 512);
        assert_eq!(Pace::Window { count: usize::MAX }.in_flight_max(), IN_FLIGHT_MAX);
    }
}
