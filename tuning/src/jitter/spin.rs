//! The loop that looks at the clock.

use std::time::Instant;

use super::gaps::Gaps;

/// What tells the time. Tests have one that stops when they like.
pub(super) trait Clock {
    /// Nanoseconds since some moment; never less than before.
    fn now_ns(&mut self) -> u64;
}

/// The machine's monotonic clock.
pub(super) struct Monotonic(Instant);

impl Monotonic {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    fn now_ns(&mut self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).expect("a window is bounded to hours")
    }
}

/// What the loop saw.
pub(super) struct Spun {
    /// From the first reading to the last.
    pub(super) window_ns: u64,
    pub(super) reading_count: u64,
    pub(super) gaps: Gaps,
}

/// Reads the clock until `window_ns` have passed and keeps the gaps of at least `threshold_ns`. Allocates nothing while
/// it does.
pub(super) fn spin(clock: &mut impl Clock, window_ns: u64, threshold_ns: u64) -> Spun {
    let mut gaps = Gaps::new();
    let start_ns = clock.now_ns();
    let mut last_ns = start_ns;
    let mut reading_count = 0;
    loop {
        let now_ns = clock.now_ns();
        let gap_ns = now_ns - last_ns;
        reading_count += 1;
        if gap_ns >= threshold_ns {
            gaps.record(last_ns - start_ns, gap_ns);
        }
        if now_ns - start_ns >= window_ns {
            gaps.finish();
            return Spun { window_ns: now_ns - start_ns, reading_count, gaps };
        }
        last_ns = now_ns;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes on by 20 ns a reading, except where it is told to stop.
    struct Scripted {
        now_ns: u64,
        reading_index: u64,
        stops: Vec<(u64, u64)>,
    }

    impl Clock for Scripted {
        fn now_ns(&mut self) -> u64 {
            let stop = self.stops.iter().find(|(index, _)| *index == self.reading_index);
            self.now_ns += stop.map_or(20, |(_, gap_ns)| *gap_ns);
            self.reading_index += 1;
            self.now_ns
        }
    }

    fn spun(stops: &[(u64, u64)], window_ns: u64) -> Spun {
        spin(&mut Scripted { now_ns: 0, reading_index: 0, stops: stops.to_vec() }, window_ns, 1_000)
    }

    #[test]
    fn a_clock_that_never_stops_has_no_gap() {
        let spun = spun(&[], 1_000_000);
        assert_eq!((spun.gaps.count, spun.gaps.lost_ns, spun.window_ns), (0, 0, 1_000_000));
        assert_eq!(spun.reading_count, 50_000);
    }

    #[test]
    fn every_gap_at_or_over_the_threshold_is_kept_and_none_below() {
        let spun = spun(&[(10, 999), (20, 1_000), (30, 5_000_000)], 6_000_000);
        assert_eq!((spun.gaps.count, spun.gaps.lost_ns), (2, 5_001_000));
        assert_eq!(spun.gaps.longest_ns, 5_000_000);
    }

    #[test]
    fn a_gap_that_the_window_ends_in_counts_whole() {
        let spun = spun(&[(5, 9_000_000)], 1_000_000);
        assert_eq!(spun.gaps.lost_ns, 9_000_000);
        assert_eq!(spun.window_ns, 9_000_000 + 4 * 20);
    }
}
