//! The vector backend's face: the same questions and answers as the portable one's.

use super::Features;
use super::admit::Admitted;
use super::each;
use super::equation::Equation;
use super::lanes::LANE_COUNT;
use super::msm::Terms;
use super::point::Niels8;
use super::scalar::{Reduced, words_of_octets};
use crate::backend::portable::verify_alone;
use crate::backend::{Counters, Item};
use crate::rule;
use crate::weights::Weights;

/// Fewer items than this are checked as the portable backend checks them, one by one.
///
/// A vector takes 33 us for one item as for eight; the portable backend takes 27 us for one (AMD EPYC with IFMA).
const EACH_ITEMS_MIN: usize = 2;

/// Fewer admitted items than this are checked eight at a time, each by its own equation.
///
/// Eight items take 33 us so and 42 us in a sum; nine would need two vectors, 66 us, and take 47 us in a sum.
const BATCH_ITEMS_MIN: usize = LANE_COUNT + 1;

/// More items than this are cut into batches of nearly equal size.
///
/// As on the portable backend: larger batches gain little (1.44 us per item at 256, 1.16 at 512, 1.05 at 1,024), a bad item
/// makes its whole batch be checked item by item, and the scratch memory of this size still fits a second-level cache.
pub(super) const BATCH_ITEMS_MAX: usize = 1024;

/// Checks the rule's equation, eight items at a time or summed with random weights.
pub(crate) struct Ifma {
    /// Why it may call the room's functions.
    _features: Features,
    weights: Weights,
    /// The items of this batch whose bytes are in order.
    admitted: Vec<Admitted>,
    /// For each admitted item, the row of -R and its weight; later the keys' terms as well.
    terms: Terms,
    equation: Equation,
    counters: Counters,
}

impl Ifma {
    /// `None` if the machine cannot run it.
    pub(crate) fn new(seed: [u8; 32]) -> Option<Self> {
        let features = Features::detect()?;
        Some(Self {
            _features: features,
            weights: Weights::new(seed),
            admitted: Vec::with_capacity(BATCH_ITEMS_MAX),
            terms: Terms::with_capacity(Equation::LOW_TERMS_MAX),
            equation: Equation::new(features),
            counters: Counters::default(),
        })
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    pub(crate) fn verify(&mut self, item: Item<'_>) -> bool {
        self.counters.item_count += 1;
        self.judge_alone(item)
    }

    pub(crate) fn verify_batch(&mut self, items: &[Item<'_>], verdicts: &mut Vec<bool>) {
        self.verify_all(items, BATCH_ITEMS_MIN, verdicts);
    }

    pub(crate) fn verify_each(&mut self, items: &[Item<'_>], verdicts: &mut Vec<bool>) {
        self.verify_all(items, usize::MAX, verdicts);
    }

    /// Sums the equations of `sum_items_min` or more items; checks fewer eight at a time, each by itself.
    fn verify_all(&mut self, items: &[Item<'_>], sum_items_min: usize, verdicts: &mut Vec<bool>) {
        verdicts.clear();
        verdicts.resize(items.len(), false);
        let batch_count = items.len().div_ceil(BATCH_ITEMS_MAX).max(1);
        let batch_items = items.len().div_ceil(batch_count).max(1);
        for (items, verdicts) in items.chunks(batch_items).zip(verdicts.chunks_mut(batch_items)) {
            self.counters.item_count += items.len() as u64;
            if items.len() < EACH_ITEMS_MIN {
                for (item, verdict) in items.iter().zip(verdicts) {
                    *verdict = self.judge_alone(*item);
                }
            } else {
                // SAFETY: `_features` says that the machine has the instructions.
                unsafe { self.judge(items, sum_items_min, verdicts) };
            }
        }
    }

    fn judge_alone(&mut self, item: Item<'_>) -> bool {
        let held = verify_alone(item);
        self.counters.item_alone_count += u64::from(held.is_some());
        held.unwrap_or(false)
    }

    /// Judges one batch. `verdicts` come in as refusals and leave with those that the rule accepts set.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn judge(&mut self, items: &[Item<'_>], sum_items_min: usize, verdicts: &mut [bool]) {
        self.admitted.clear();
        self.terms.clear();
        super::admit::admit_all(items, &mut self.weights, &mut self.admitted, &mut self.terms);
        if self.admitted.len() >= sum_items_min {
            let holds = self.equation.holds(items, &self.admitted, &mut self.terms, &mut self.weights);
            self.counters.batch_count += 1;
            self.counters.batch_failed_count += u64::from(!holds);
            if holds {
                self.admitted.iter().for_each(|admitted| verdicts[admitted.item_index] = true);
                return;
            }
        }
        self.counters.item_alone_count += self.admitted.len() as u64;
        for (index, eight) in self.admitted.chunks(LANE_COUNT).enumerate() {
            self.judge_eight(items, eight, index * LANE_COUNT, verdicts);
        }
    }

    /// Judges up to eight admitted items, each by itself. The first one's row is at `row_index`.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn judge_eight(&self, items: &[Item<'_>], eight: &[Admitted], row_index: usize, verdicts: &mut [bool]) {
        // Lanes without an item repeat the last one; nobody reads them.
        let last = eight.len() - 1;
        let lanes: [&Admitted; LANE_COUNT] = core::array::from_fn(|lane| &eight[lane.min(last)]);
        let minus_r = Niels8::load(core::array::from_fn(|lane| self.terms.row(row_index + lane.min(last))));
        let minus_a = lanes.map(|admitted| items[admitted.item_index].key.row().niels());
        let k = lanes.map(|admitted| Reduced::from_hash(&admitted.k).words());
        let s = lanes.map(|admitted| words_of_octets(rule::halves(items[admitted.item_index].signature).1));
        let held = each::hold(&each::Equations {
            minus_a: minus_a.each_ref(),
            k: k.each_ref(),
            s: s.each_ref(),
            minus_r: &minus_r,
        });
        for (lane, admitted) in eight.iter().enumerate() {
            verdicts[admitted.item_index] = held >> lane & 1 == 1;
        }
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
