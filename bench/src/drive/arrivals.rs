//! Times at which payments are due, drawn before the phase: at a rate that may change, evenly or as strangers come.
//!
//! With rate `r(t)` the payments due until `t` are the integral of `r`. Evenly, payment k is due when that reaches k. As a
//! Poisson process (Lewis and Shedler, 1979, by the time change), it is due when that reaches the sum of k + 1 numbers drawn
//! from the exponential distribution of mean 1: strangers who know nothing of each other come so, often in bursts.

use crate::random::Draws;
use std::sync::Arc;

const S_NS: f64 = 1e9;

/// A rate that goes straight from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramp {
    /// Payments per second at the start; above zero.
    pub from_per_s: u64,
    /// At the end; above zero.
    pub to_per_s: u64,
    /// How long that takes; nanoseconds.
    pub duration_ns: u64,
}

impl Ramp {
    /// A rate that stays, for so many payments.
    pub fn level(rate_per_s: u64, payment_count: u32) -> Self {
        let duration_ns = u128::from(payment_count) * 1_000_000_000 / u128::from(rate_per_s);
        let duration_ns = u64::try_from(duration_ns).expect("32 bits of payments, 30 of nanoseconds");
        Self { from_per_s: rate_per_s, to_per_s: rate_per_s, duration_ns }
    }

    /// How many payments are due in its time.
    pub fn payment_count(&self) -> u64 {
        let twice_the_mean = u128::from(self.from_per_s) + u128::from(self.to_per_s);
        let count = twice_the_mean * u128::from(self.duration_ns) / 2_000_000_000;
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// When each of `payment_count` payments is due, nanoseconds from the start, ascending: evenly, or drawn. What comes after
    /// the ramp's end is due at its last rate.
    pub fn times(&self, payment_count: u32, mut draws: Option<&mut Draws>) -> Arc<[u64]> {
        let mut sum = 0.0;
        let mut next = |ordinal: u32| {
            sum = draws.as_mut().map_or(f64::from(ordinal), |draws| sum + draws.exponential());
            self.when_ns(sum)
        };
        (0..payment_count).map(&mut next).collect()
    }

    /// The time until which `sum` payments are due: `t` in `a t + c t^2 / 2 = sum`, with the rate `a` at the start and its change
    /// `c` per second. Written so that a change of zero divides by nothing, and that a small one loses no digits.
    #[expect(clippy::cast_precision_loss, reason = "rates and hours in nanoseconds stay below 2^53")]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time is no less than zero, and fits"
    )]
    fn when_ns(&self, sum: f64) -> u64 {
        let (from, to) = (self.from_per_s as f64, self.to_per_s as f64);
        let duration_s = self.duration_ns as f64 / S_NS;
        let whole = (from + to) / 2.0 * duration_s;
        let seconds = if sum > whole || duration_s == 0.0 {
            duration_s + (sum - whole) / to
        } else {
            let change = (to - from) / duration_s;
            2.0 * sum / (from + (from * from + 2.0 * change * sum).max(0.0).sqrt())
        };
        (seconds * S_NS) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator};

    fn draws(seed: u64) -> Draws {
        generator(seed, Purpose::Arrivals)
    }

    #[test]
    fn even_arrivals_at_one_rate_are_those_of_a_schedule() {
        let times = Ramp::level(30_000, 60_000).times(60_000, None);
        for (ordinal, due_ns) in (0..).zip(times.iter()) {
            let exact = ordinal * 1_000_000_000 / 30_000;
            assert!(due_ns.abs_diff(exact) <= 1, "{ordinal}: {due_ns} for {exact}");
        }
    }

    #[test]
    fn a_ramp_has_its_rate_at_every_moment_up_and_down() {
        for (from_per_s, to_per_s) in [(1_000, 9_000), (9_000, 1_000), (1, 10_000)] {
            let ramp = Ramp { from_per_s, to_per_s, duration_ns: 4_000_000_000 };
            let count = u32::try_from(ramp.payment_count()).unwrap();
            assert_eq!(u64::from(count), (from_per_s + to_per_s) * 2);
            let times = ramp.times(count, None);
            assert!(times.is_sorted() && *times.last().unwrap() < 4_000_000_000);
            // The payments due until 1 s are the area below the line until there.
            let until = times.iter().filter(|due_ns| **due_ns < 1_000_000_000).count() as f64;
            let (from, to) = (from_per_s as f64, to_per_s as f64);
            let area = from + (to - from) / 8.0;
            assert!((until - area).abs() <= 1.0, "{until} for {area}");
        }
    }

    #[test]
    fn gaps_of_a_poisson_process_have_its_mean_and_its_spread_and_the_seed_decides_them() {
        let (ramp, count) = (Ramp::level(50_000, 200_000), 200_000);
        let times = ramp.times(count, Some(&mut draws(1)));
        assert_eq!(times, ramp.times(count, Some(&mut draws(1))));
        assert_ne!(times, ramp.times(count, Some(&mut draws(2))));
        assert!(times.is_sorted());
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let spread = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        // Five standard errors of 200,000 draws are 1.1 %; evenly spaced gaps have no spread at all.
        assert!((mean / 20_000.0 - 1.0).abs() < 0.011, "{mean}");
        assert!((spread / mean - 1.0).abs() < 0.02, "{spread} {mean}");
        let beyond = gaps.iter().filter(|gap| **gap > 3.0 * mean).count() as f64 / gaps.len() as f64;
        assert!((beyond / (-3.0_f64).exp() - 1.0).abs() < 0.06, "{beyond}");
    }

    #[test]
    fn a_poisson_ramp_goes_on_at_its_last_rate_when_the_draws_are_many() {
        let ramp = Ramp { from_per_s: 1_000, to_per_s: 10, duration_ns: 100_000_000 };
        let times = ramp.times(500, Some(&mut draws(3)));
        assert!(times.is_sorted());
        // About 50 fall into the ramp; the other 450 take a tenth of a second each.
        let last_s = *times.last().unwrap() as f64 / S_NS;
        assert!((35.0..60.0).contains(&last_s), "{last_s}");
    }
}
