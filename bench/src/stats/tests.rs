//! Known values, and coverage: of intervals called 95 %, about 95 % hold the truth. What is known to be wrong falls through.

use super::*;
use crate::random::{Draws, Purpose, generator};

/// Experiments behind each coverage: the share that holds the truth scatters by 0.35 % then.
const EXPERIMENTS: u32 = 4_000;
/// The confidence asked for.
const NOMINAL: f64 = 0.95;
/// How much runs of one side scatter, as a share.
const NOISE: f64 = 0.03;
/// The truth: B is 10 % more than A.
const TRUTH: f64 = 1.1;
/// What the normal distribution has instead of t.
const Z: f64 = 1.959_964;

/// Normal numbers by the way of Box and Muller.
struct Normals(Draws);

impl Normals {
    fn new(seed: u64) -> Self {
        Self(generator(seed, Purpose::Plan))
    }

    fn uniform(&mut self) -> f64 {
        (f64::from(self.0.below(u32::MAX)) + 0.5) / f64::from(u32::MAX)
    }

    fn next(&mut self) -> f64 {
        let (radius, angle) = ((-2.0 * self.uniform().ln()).sqrt(), core::f64::consts::TAU * self.uniform());
        radius * angle.cos()
    }

    /// Figures of runs around `truth`.
    fn runs<const N: usize>(&mut self, truth: f64, noise: f64) -> [f64; N] {
        core::array::from_fn(|_| truth * (noise * self.next()).exp())
    }

    /// Log ratios of pairs.
    fn pairs<const N: usize>(&mut self) -> [f64; N] {
        self.runs(TRUTH, NOISE).map(f64::ln)
    }
}

/// The share of experiments whose interval holds the truth.
fn coverage(seed: u64, experiment: impl Fn(&mut Normals) -> Interval) -> f64 {
    let mut normals = Normals::new(seed);
    let held = (0..EXPERIMENTS).map(|_| experiment(&mut normals)).filter(|one| one.low <= TRUTH && TRUTH <= one.high);
    held.count() as f64 / f64::from(EXPERIMENTS)
}

/// What an honest interval's coverage is, within four times its scatter and more.
fn is_honest(coverage: f64) -> bool {
    (0.93..=0.97).contains(&coverage)
}

fn assert_close(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-6 * expected.abs(), "{value} for {expected}");
}

#[test]
fn a_paired_interval_is_what_a_textbook_says() {
    // Differences 1, 2, 3, 4, 5: mean 3, deviation 1.5811, error 0.70711, t of 4 degrees 2.776445.
    let interval = paired(&[0.01, 0.02, 0.03, 0.04, 0.05], 0.95).unwrap();
    assert_close(interval.ratio.ln(), 0.03);
    assert_close(interval.low.ln(), 0.03 - 0.019_632_43);
    assert_close(interval.high.ln(), 0.03 + 0.019_632_43);
    assert_close(interval.degrees, 4.0);
}

#[test]
fn welchs_interval_is_what_a_textbook_says() {
    // Logarithms 1..=4 and 2, 4, 6, 8: variances 5/3 and 20/3, error 1.443376, 4.411765 degrees.
    let exp = |values: [f64; 4]| values.map(f64::exp);
    let interval = unpaired(&exp([1.0, 2.0, 3.0, 4.0]), &exp([2.0, 4.0, 6.0, 8.0]), 0.95).unwrap();
    assert_close(interval.ratio.ln(), 2.5);
    assert_close(interval.degrees, 4.411_764_7);
    let half = quantile(0.975, 4.411_764_7) * (25.0_f64 / 12.0).sqrt();
    assert_close(interval.low.ln(), 2.5 - half);
    assert_close(interval.high.ln(), 2.5 + half);
}

#[test]
fn too_few_figures_and_figures_without_a_logarithm_have_no_interval() {
    assert_eq!(paired(&[0.1], 0.95), None);
    for (a, b) in [(&[1.0][..], &[1.0, 2.0][..]), (&[1.0, 0.0], &[1.0, 2.0]), (&[1.0, 2.0], &[1.0, f64::INFINITY])] {
        assert_eq!(unpaired(a, b, 0.95), None, "{a:?} {b:?}");
    }
    assert_eq!((log_ratio(&[], &[1.0]), log_ratio(&[1.0], &[-1.0])), (None, None));
    assert_close(log_ratio(&[2.0, 8.0], &[16.0]).unwrap().exp(), 4.0);
}

#[test]
fn equal_figures_give_a_point() {
    let interval = unpaired(&[2.0, 2.0], &[3.0, 3.0, 3.0], 0.95).unwrap();
    assert_close(interval.low, 1.5);
    assert_close(interval.high, 1.5);
}

#[test]
fn paired_intervals_hold_the_truth_as_often_as_they_say() {
    let shares = [
        coverage(1, |normals| paired(&normals.pairs::<5>(), NOMINAL).unwrap()),
        coverage(2, |normals| paired(&normals.pairs::<6>(), NOMINAL).unwrap()),
        coverage(3, |normals| paired(&normals.pairs::<10>(), NOMINAL).unwrap()),
    ];
    assert!(shares.into_iter().all(is_honest), "{shares:?}");
}

#[test]
fn welchs_intervals_hold_the_truth_as_often_as_they_say_though_one_side_scatters_more() {
    let shares = [
        coverage(4, |normals| {
            let (a, b) = (normals.runs::<5>(1.0, NOISE), normals.runs::<7>(TRUTH, NOISE));
            unpaired(&a, &b, NOMINAL).unwrap()
        }),
        coverage(5, |normals| {
            let (a, b) = (normals.runs::<8>(1.0, NOISE), normals.runs::<6>(TRUTH, 4.0 * NOISE));
            unpaired(&a, &b, NOMINAL).unwrap()
        }),
    ];
    assert!(shares.into_iter().all(is_honest), "{shares:?}");
}

/// The same with the normal distribution's factor: as if five runs told how much they scatter.
fn paired_by_z(log_ratios: &[f64]) -> Interval {
    let honest = paired(log_ratios, NOMINAL).unwrap();
    let share = Z / quantile(f64::midpoint(1.0, NOMINAL), honest.degrees);
    let centre = honest.ratio.ln();
    let half = (honest.high.ln() - centre) * share;
    Interval { low: (centre - half).exp(), high: (centre + half).exp(), ..honest }
}

/// The percentile bootstrap of the mean.
fn bootstrapped(log_ratios: &[f64], normals: &mut Normals) -> Interval {
    const RESAMPLES: usize = 400;
    let bound = u32::try_from(log_ratios.len()).unwrap();
    let mut draw = || log_ratios[normals.0.below(bound) as usize];
    let mut means: Vec<f64> =
        (0..RESAMPLES).map(|_| log_ratios.iter().map(|_| draw()).sum::<f64>() / f64::from(bound)).collect();
    means.sort_by(f64::total_cmp);
    let [low, high] = [RESAMPLES / 40, RESAMPLES - 1 - RESAMPLES / 40].map(|rank| means[rank].exp());
    Interval { low, high, ..paired(log_ratios, NOMINAL).unwrap() }
}

#[test]
fn the_normal_distribution_in_place_of_t_is_caught() {
    let share = coverage(1, |normals| paired_by_z(&normals.pairs::<5>()));
    assert!(!is_honest(share) && share < 0.91, "{share}");
}

#[test]
fn the_percentile_bootstrap_of_six_runs_is_caught() {
    let share = coverage(2, |normals| {
        let pairs = normals.pairs::<6>();
        bootstrapped(&pairs, normals)
    });
    assert!(!is_honest(share) && share < 0.92, "{share}");
}

/// Degrees of freedom as if the variance were common, with errors that are not: what Welch mended.
#[test]
fn pooled_variances_of_sides_that_scatter_unlike_are_caught() {
    let pooled = |a: &[f64; 4], b: &[f64; 12]| {
        let honest = unpaired(a, b, NOMINAL).unwrap();
        let of = |side: &[f64]| {
            let logs: Vec<f64> = side.iter().map(|figure| figure.ln()).collect();
            let mean = logs.iter().sum::<f64>() / logs.len() as f64;
            logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>()
        };
        let error = ((of(a) + of(b)) / 14.0 * (1.0 / 4.0 + 1.0 / 12.0)).sqrt();
        let half = quantile(f64::midpoint(1.0, NOMINAL), 14.0) * error;
        let centre = honest.ratio.ln();
        Interval { low: (centre - half).exp(), high: (centre + half).exp(), ..honest }
    };
    let sides = |normals: &mut Normals| (normals.runs::<4>(1.0, 4.0 * NOISE), normals.runs::<12>(TRUTH, NOISE));
    let wrong = coverage(6, |normals| {
        let (a, b) = sides(normals);
        pooled(&a, &b)
    });
    let right = coverage(6, |normals| {
        let (a, b) = sides(normals);
        unpaired(&a, &b, NOMINAL).unwrap()
    });
    assert!(!is_honest(wrong) && is_honest(right), "pooled {wrong}, Welch {right}");
}
