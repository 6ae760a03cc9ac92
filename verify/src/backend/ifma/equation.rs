//! The sum of a whole batch: \[8\] times the weighted sum of all S B - R - k A must be the identity.

use super::Features;
use super::admit::Admitted;
use super::batch::BATCH_ITEMS_MAX;
use super::lanes::{LANE_COUNT, LaneMask};
use super::msm::{Buckets, Terms, width_for};
use super::point::{NielsRow, Point8};
use super::scalar::{WideSum, words_of_octets};
use super::table::base_row;
use super::upper::{KEY_COUNT_MAX, UpperRows, raised};
use crate::backend::Item;
use crate::coalesce::KeyTerms;
use crate::rule;
use crate::weights::Weights;

/// A key that occurs this often in a batch is worth a row for its upper half: the row is remembered.
const REPEATS_MIN: usize = 4;

/// What the sum needs beside the items: scratch memory that is used again, and rows that are remembered.
pub(super) struct Equation {
    distinct: KeyTerms,
    keys: Vec<KeyTerm>,
    /// Keys of this batch that have no row for their upper half, and that half.
    rowless: Vec<(usize, u128)>,
    /// Terms of upper halves that are not worth a row.
    high: Terms,
    buckets: Buckets,
    upper: UpperRows,
    /// B and 2^126 B.
    base: [NielsRow; 2],
    /// A planted bug: the sum must vanish without the factor 8. The tests must notice.
    #[cfg(test)]
    pub(super) cofactor_forgotten: bool,
}

/// A distinct key of the batch.
struct KeyTerm {
    /// The first item that it signed.
    item_index: usize,
    item_count: usize,
    /// The weighted sum of its challenges.
    k: WideSum,
}

impl Equation {
    /// The most terms that a sum has in the lower half: every -R and every key, the upper halves that have a row (those
    /// remembered and a vector of others), and the base point's two.
    pub(super) const LOW_TERMS_MAX: usize = 2 * BATCH_ITEMS_MAX + KEY_COUNT_MAX + LANE_COUNT + 2;

    pub(super) fn new(_: Features) -> Self {
        // SAFETY: a `Features` says that the machine has the instructions.
        let base = unsafe { base_rows() };
        Self {
            distinct: KeyTerms::with_capacity(BATCH_ITEMS_MAX),
            keys: Vec::with_capacity(BATCH_ITEMS_MAX),
            rowless: Vec::with_capacity(BATCH_ITEMS_MAX),
            high: Terms::with_capacity(BATCH_ITEMS_MAX),
            buckets: Buckets::new(),
            upper: UpperRows::new(),
            base,
            #[cfg(test)]
            cofactor_forgotten: false,
        }
    }

    /// True if the sum vanishes. `terms` come in with every admitted item's -R and weight, in order, and gain the rest.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn holds(
        &mut self,
        items: &[Item<'_>],
        admitted: &[Admitted],
        terms: &mut Terms,
        weights: &mut Weights,
    ) -> bool {
        assert_eq!(admitted.len(), terms.len(), "each admitted item has its row and weight");
        self.distinct.restart(admitted.len(), weights);
        self.keys.clear();
        let mut s_sum = WideSum::ZERO;
        for (index, Admitted { item_index, k }) in admitted.iter().enumerate() {
            let item = &items[*item_index];
            let weight = terms.half(index);
            let (_, s) = rule::halves(item.signature);
            s_sum.add_product(weight, &words_of_octets(s));
            self.add_challenge(item, *item_index, weight, k);
        }
        let [low, high] = s_sum.reduced().halves();
        terms.push(&self.base[0], low);
        terms.push(&self.base[1], high);
        self.push_keys(items, terms);
        let width = width_for(terms.len(), self.high.len());
        let sum = self.buckets.sum(width, terms, &self.high);
        self.vanishing_lanes(&sum) & 1 == 1
    }

    #[cfg(not(test))]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn vanishing_lanes(&self, sum: &Point8) -> LaneMask {
        sum.is_small_order()
    }

    #[cfg(test)]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn vanishing_lanes(&self, sum: &Point8) -> LaneMask {
        if self.cofactor_forgotten { sum.is_identity() } else { sum.is_small_order() }
    }

    /// Adds a challenge to its key's sum. A key that repeats has one sum and will be one term.
    ///
    /// The sum is reduced mod L although the key may carry torsion: the difference is a multiple of L A, which the factor 8
    /// removes.
    fn add_challenge(&mut self, item: &Item<'_>, item_index: usize, weight: u128, k: &[u64; 8]) {
        let (term_index, first) = self.distinct.term(item.key.as_bytes());
        if first {
            self.keys.push(KeyTerm { item_index, item_count: 0, k: WideSum::ZERO });
        }
        let key = &mut self.keys[term_index];
        key.item_count += 1;
        key.k.add_product(weight, k);
    }

    /// Adds the keys' terms: both halves to `terms` where the key has a row for the upper one, else that to `high`.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn push_keys(&mut self, items: &[Item<'_>], terms: &mut Terms) {
        self.rowless.clear();
        for (key_index, key) in self.keys.iter().enumerate() {
            let public = items[key.item_index].key;
            let [low, high] = key.k.reduced().halves();
            terms.push(&public.row().niels(), low);
            let upper = if key.item_count >= REPEATS_MIN { self.upper.get(public.as_bytes()) } else { None };
            match upper {
                Some(upper) => terms.push(upper, high),
                None => self.rowless.push((key_index, high)),
            }
        }
        self.push_rowless(items, terms);
    }

    /// Adds the upper halves of keys that have no row for it.
    ///
    /// One vector of them gets rows now: all, if they are so few that nothing is left for `high`, because its buckets and
    /// doublings cost more than the rows; else those that repeat, because they will come again.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn push_rowless(&mut self, items: &[Item<'_>], terms: &mut Terms) {
        self.high.clear();
        let few = self.rowless.len() <= LANE_COUNT;
        let mut chosen = [(0, 0); LANE_COUNT];
        let mut chosen_count = 0;
        for (key_index, half) in &self.rowless {
            let key = &self.keys[*key_index];
            if chosen_count < LANE_COUNT && (few || key.item_count >= REPEATS_MIN) {
                chosen[chosen_count] = (*key_index, *half);
                chosen_count += 1;
            } else {
                self.high.push(&items[key.item_index].key.row().niels(), *half);
            }
        }
        if chosen_count == 0 {
            return;
        }
        let rows = chosen.map(|(key_index, _)| items[self.keys[key_index].item_index].key.row().niels());
        for ((key_index, half), row) in chosen[..chosen_count].iter().zip(raised(rows.each_ref())) {
            terms.push(&row, *half);
            let key = &self.keys[*key_index];
            if key.item_count >= REPEATS_MIN {
                self.upper.insert(items[key.item_index].key.as_bytes(), &row);
            }
        }
    }
}

/// B and 2^126 B.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn base_rows() -> [NielsRow; 2] {
    let base = base_row();
    let [upper, ..] = raised([&base; LANE_COUNT]);
    [base, upper]
}
