//! The search for the highest rate that still meets an objective. Pure: rates come out, verdicts go in.
//!
//! Near the knee a rate meets the objective in one trial and misses it in the next. So one bisection, however fine, says
//! little. Here several searches are made one after the other, each to the same fineness, from where the one before ended; the
//! median of what they find is the answer. The interval is that of the smallest and the largest: whatever the distribution,
//! the median of all searches lies in it with probability 1 - 2^(1 - n) for n searches (order statistics; 93.75 % for 5).

/// What the search is to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aim {
    /// The first rate tried, per second.
    pub first_rate: u64,
    /// No rate beyond this is tried.
    pub rate_max: u64,
    /// Two rates that differ by less than this ratio are one: 1.05 for 5 %.
    pub fineness: f64,
    /// How many searches.
    pub search_count: usize,
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    aim: Aim,
    /// The highest rate of this search that met the objective, and the lowest that missed it.
    met: Option<u64>,
    missed: Option<u64>,
    next: u64,
    found: Vec<u64>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Knee {
    /// The highest rate that met the objective, by search.
    pub found: Vec<u64>,
    /// Their median: the lower one of the two in the middle of an even number.
    pub median: u64,
    /// The smallest and the largest.
    pub interval: (u64, u64),
    /// The probability that the interval holds the median of all searches that could be made.
    pub confidence: f64,
}

/// A step up or down while one side of the knee is still unknown.
const STRIDE: f64 = 1.6;
/// A search that begins where the last one ended steps from this far below it.
const BACKSTEP: f64 = 0.85;

impl Search {
    /// Nothing is known.
    pub fn new(aim: Aim) -> Self {
        Self { aim, met: None, missed: None, next: aim.first_rate.clamp(1, aim.rate_max), found: Vec::new() }
    }

    /// The rate to try next; `None` when all searches are done.
    pub fn next_rate(&self) -> Option<u64> {
        (self.found.len() < self.aim.search_count).then_some(self.next)
    }

    /// Which search this is, from 0.
    pub fn round(&self) -> usize {
        self.found.len()
    }

    /// What became of the rate that was tried.
    pub fn learn(&mut self, is_met: bool) {
        if is_met {
            self.met = Some(self.next);
        } else {
            self.missed = Some(self.next);
        }
        match (self.met, self.missed) {
            (Some(met), None) if met == self.aim.rate_max => self.conclude(met),
            (Some(met), None) => self.next = scaled(met, STRIDE).min(self.aim.rate_max),
            (None, Some(1)) => self.conclude(0),
            (None, Some(missed)) => self.next = scaled(missed, 1.0 / STRIDE).max(1),
            (Some(met), Some(missed)) if is_one(met, missed, self.aim.fineness) => self.conclude(met),
            (Some(met), Some(missed)) => self.next = between(met, missed),
            (None, None) => unreachable!("something was learned"),
        }
    }

    /// What was found, when all searches are done.
    pub fn knee(&self) -> Option<Knee> {
        if self.found.len() < self.aim.search_count.max(1) {
            return None;
        }
        let mut sorted = self.found.clone();
        sorted.sort_unstable();
        let halvings = i32::try_from(sorted.len()).expect("searches are few") - 1;
        Some(Knee {
            found: self.found.clone(),
            median: sorted[(sorted.len() - 1) / 2],
            interval: (sorted[0], sorted[sorted.len() - 1]),
            confidence: 1.0 - 0.5_f64.powi(halvings),
        })
    }

    /// The next search knows where the last one ended, and believes nothing of it.
    fn conclude(&mut self, met: u64) {
        self.found.push(met);
        (self.met, self.missed) = (None, None);
        self.next = scaled(met, BACKSTEP).clamp(1, self.aim.rate_max);
    }
}

/// The rate halfway, as ratios go.
fn between(met: u64, missed: u64) -> u64 {
    let middle = (as_ratio(met) * as_ratio(missed)).sqrt();
    whole(middle).clamp(met.min(missed), met.max(missed))
}

/// Whether two rates are too near each other to be told apart. A rate that missed below one that met ends the search, too:
/// noise decided, and the next search has its own.
fn is_one(met: u64, missed: u64, fineness: f64) -> bool {
    missed <= met.saturating_add(1) || as_ratio(missed) <= as_ratio(met) * fineness
}

fn scaled(rate: u64, by: f64) -> u64 {
    whole(as_ratio(rate) * by)
}

#[expect(clippy::cast_precision_loss, reason = "rates are below 2^53")]
fn as_ratio(rate: u64) -> f64 {
    rate as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and far below 2^53")]
fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator};

    const AIM: Aim = Aim { first_rate: 10_000, rate_max: 1_000_000, fineness: 1.03, search_count: 5 };

    fn run(aim: Aim, mut is_met: impl FnMut(u64) -> bool) -> (Knee, usize) {
        let mut search = Search::new(aim);
        let mut trial_count = 0;
        while let Some(rate) = search.next_rate() {
            assert!((1..=aim.rate_max).contains(&rate), "{rate}");
            trial_count += 1;
            assert!(trial_count < 500, "it has no end");
            search.learn(is_met(rate));
        }
        (search.knee().unwrap(), trial_count)
    }

    #[test]
    fn a_sharp_knee_is_found_to_the_fineness_wherever_it_is() {
        for knee in [1, 2, 7, 999, 10_000, 98_765, 420_000] {
            let (found, trial_count) = run(AIM, |rate| rate <= knee);
            assert!(found.median <= knee && as_ratio(found.median) >= as_ratio(knee) / 1.04 - 1.0, "{knee}: {found:?}");
            assert!(trial_count <= 90, "{knee} took {trial_count}");
            assert!((found.confidence - 0.9375).abs() < 1e-9);
        }
    }

    #[test]
    fn a_rate_that_nothing_meets_is_none_and_one_that_all_meet_is_the_highest() {
        assert_eq!(run(AIM, |_| false).0.interval, (0, 0));
        assert_eq!(run(AIM, |_| true).0.interval, (1_000_000, 1_000_000));
        let tiny = Aim { first_rate: 5, rate_max: 1, ..AIM };
        assert_eq!(run(tiny, |_| true).0.median, 1);
    }

    #[test]
    fn with_noise_the_interval_holds_the_rate_that_is_met_every_second_time() {
        let mut draws = generator(7, Purpose::Kill);
        let mut held = 0;
        for _ in 0..200 {
            // The share of trials that meet it falls from 1 to 0 between 90,000 and 110,000.
            let (knee, _) = run(AIM, |rate| {
                let met_of_1000 = (110_000_i64 - i64::try_from(rate).unwrap()).clamp(0, 20_000) / 20;
                i64::from(draws.below(1_000)) < met_of_1000
            });
            held += u32::from(knee.interval.0 <= 101_500 && knee.interval.1 >= 96_500);
            assert!(knee.interval.0 > 80_000 && knee.interval.1 < 115_000, "{knee:?}");
        }
        assert!(held >= 180, "{held} of 200");
    }

    #[test]
    fn one_search_alone_gives_no_confidence() {
        let (knee, _) = run(Aim { search_count: 1, ..AIM }, |rate| rate <= 50_000);
        assert_eq!((knee.found.len(), knee.confidence), (1, 0.0));
    }
}
