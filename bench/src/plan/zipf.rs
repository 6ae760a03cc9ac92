//! Ranks by Zipf's law: rank k comes with a probability proportional to k^-s.
//!
//! W. Hörmann and G. Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions", ACM
//! Transactions on Modeling and Computer Simulation 6(3), 1996. The law's bars are covered by the curve x^-s; a point below the
//! curve is drawn by inverting its integral, and refused where it lies above its bar. No table: the memory is the same for a
//! hundred accounts and for millions.
//!
//! Powers and logarithms are the platform's, whose last bit may differ: a seed fixes a plan on one platform.

use crate::random::Draws;

/// Most points that one rank may take. Fewer than two in ten are refused, so this many never are; the bound is for arithmetic that
/// went wrong.
const POINT_COUNT_MAX: u32 = 1_000;

/// The law for so many ranks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zipf {
    exponent: f64,
    rank_max: f64,
    /// The integral from 1 to where the first bar begins, and to the end of the last one.
    integral_first: f64,
    integral_last: f64,
    /// A point so little left of its rank is below the bar in any case.
    sure: f64,
}

impl Zipf {
    /// For ranks 1 to `rank_count`, which is above zero. At exponent 0 all are equal.
    pub(super) fn new(rank_count: u32, exponent: f64) -> Self {
        assert!(rank_count > 0 && exponent >= 0.0 && exponent.is_finite(), "the options have bounds");
        let rank_max = f64::from(rank_count);
        let mut law = Self { exponent, rank_max, integral_first: 0.0, integral_last: 0.0, sure: 0.0 };
        law.integral_first = law.integral(1.5) - 1.0;
        law.integral_last = law.integral(rank_max + 0.5);
        law.sure = 2.0 - law.inverse(law.integral(2.5) - law.bar(2.0));
        law
    }

    /// A rank, from 1.
    pub(super) fn draw(&self, draws: &mut Draws) -> u32 {
        for _ in 0..POINT_COUNT_MAX {
            let height = self.integral_last + draws.unit() * (self.integral_first - self.integral_last);
            let point = self.inverse(height);
            let rank = point.round().clamp(1.0, self.rank_max);
            if rank - point <= self.sure || height >= self.integral(rank + 0.5) - self.bar(rank) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a whole number from 1 to a 32-bit count"
                )]
                return rank as u32;
            }
        }
        unreachable!("a point is refused with a probability below one half")
    }

    /// How high the bar of a rank is.
    fn bar(&self, rank: f64) -> f64 {
        rank.powf(-self.exponent)
    }

    /// The integral of x^-s from 1. Written so that it is exact where s is near 1, too.
    fn integral(&self, end: f64) -> f64 {
        let log = end.ln();
        let bent = (1.0 - self.exponent) * log;
        log * if bent.abs() < SMALL { 1.0 + bent / 2.0 } else { bent.exp_m1() / bent }
    }

    /// Where the integral has this value.
    fn inverse(&self, integral: f64) -> f64 {
        // Below -1 it has no value: only rounding gets there.
        let bent = ((1.0 - self.exponent) * integral).max(-1.0);
        (integral * if bent.abs() < SMALL { 1.0 - bent / 2.0 } else { bent.ln_1p() / bent }).exp()
    }
}

/// Below this the first two terms of a series are as good as the quotient, and need no division by next to nothing.
const SMALL: f64 = 1e-8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator};

    /// Pearson's statistic of the drawn ranks against the exact law, over what it is by chance on average (the ranks less one).
    /// Ranks expected fewer than ten times are counted together.
    fn chi_square_over_freedom(rank_count: u32, exponent: f64, law_exponent: f64) -> f64 {
        const DRAW_COUNT: u32 = 200_000;
        let mut draws = generator(11, Purpose::Plan);
        let law = Zipf::new(rank_count, exponent);
        let mut counts = vec![0_u32; rank_count as usize];
        (0..DRAW_COUNT).for_each(|_| counts[law.draw(&mut draws) as usize - 1] += 1);
        let weights: Vec<f64> = (1..=rank_count).map(|rank| f64::from(rank).powf(-law_exponent)).collect();
        let sum: f64 = weights.iter().sum();
        let (mut statistic, mut bars, mut rest) = (0.0, 0_u32, (0.0, 0.0));
        for (weight, count) in weights.iter().zip(&counts) {
            let expected = weight / sum * f64::from(DRAW_COUNT);
            rest = (rest.0 + expected, rest.1 + f64::from(*count));
            if rest.0 >= 10.0 {
                statistic += (rest.1 - rest.0).powi(2) / rest.0;
                (bars, rest) = (bars + 1, (0.0, 0.0));
            }
        }
        statistic / f64::from((bars - 1).max(1))
    }

    #[test]
    fn drawn_ranks_follow_the_exact_law() {
        for rank_count in [2, 7, 100, 3_000] {
            for exponent in [0.0, 0.5, 0.99, 1.0, 1.000_000_001, 1.5, 3.0] {
                let ratio = chi_square_over_freedom(rank_count, exponent, exponent);
                // The statistic's spread is the root of two over its freedom: 1.4 with one degree, so this is more than five of it.
                assert!(ratio < 9.0 && (rank_count < 100 || ratio < 1.6), "{rank_count} {exponent}: {ratio}");
            }
        }
    }

    /// The test above can tell a law from one that is a little steeper.
    #[test]
    fn a_law_that_is_off_by_a_twentieth_is_noticed() {
        for rank_count in [100, 3_000] {
            let ratio = chi_square_over_freedom(rank_count, 0.99, 1.04);
            assert!(ratio > 1.6, "{ratio}");
        }
    }

    #[test]
    fn a_single_rank_is_always_drawn() {
        let mut draws = generator(1, Purpose::Plan);
        assert!((0..100).all(|_| Zipf::new(1, 0.99).draw(&mut draws) == 1));
    }
}
