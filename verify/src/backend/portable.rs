//! The backend that runs everywhere, on curve25519-dalek.

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;

use super::{Counters, Item};
use crate::coalesce::KeyTerms;
use crate::hint;
use crate::key::PublicKey;
use crate::rule;
use crate::weights::Weights;

/// Fewer admitted items than this are checked one by one.
///
/// Two already gain: 19.9 us each in a batch, 26.2 alone (AMD EPYC with AVX2, 2 cores; `taskset -c 1 cargo bench -p
/// quittance-verify -- 'alone/verify|keys/2$'`).
const BATCH_ITEMS_MIN: usize = 2;

/// More items than this are cut into batches of nearly equal size.
///
/// Larger batches would gain little (8.5 us per item at 1,024, 8.2 at 2,048, 8.0 at 4,096; same machine, the benchmark's
/// sizes and this bound raised), and one bad item makes its whole batch be checked one by one.
const BATCH_ITEMS_MAX: usize = 1024;

/// curve25519-dalek sums up to this many terms by Straus's method, more by Pippenger's.
const STRAUS_TERMS_MAX: usize = 189;

/// Below this many terms, Pippenger's method loses to Straus's on parts of the sum.
///
/// At 96 items with distinct keys (193 terms): 12.0 us per item by Pippenger, 10.2 in two parts by Straus; even at 250 items
/// (same machine, `-- 'distinct keys/(128|256)'` with this bound at 1 and at 1,000).
const PIPPENGER_TERMS_MIN: usize = 500;

const _: () = assert!(BATCH_ITEMS_MIN >= 2 && BATCH_ITEMS_MIN <= BATCH_ITEMS_MAX);
const _: () = assert!(STRAUS_TERMS_MAX < PIPPENGER_TERMS_MIN);

/// Checks the rule's equation, one item at a time or summed with random weights.
pub(crate) struct Portable {
    weights: Weights,
    terms: KeyTerms,
    /// The items of this batch whose bytes are in order.
    admitted: Vec<Admitted>,
    /// The terms of the sum: B first, then every R, then every distinct key.
    scalars: Vec<Scalar>,
    points: Vec<EdwardsPoint>,
    counters: Counters,
    /// A planted bug: the sum must vanish without the factor 8. The tests must notice.
    #[cfg(test)]
    cofactor_forgotten: bool,
}

/// An item whose S and R are canonical and whose R is on the curve, ready for the equation.
struct Admitted {
    /// Its place among the items of the batch.
    item_index: usize,
    s: Scalar,
    minus_r: EdwardsPoint,
    k: Scalar,
}

impl Portable {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            weights: Weights::new(seed),
            terms: KeyTerms::with_capacity(BATCH_ITEMS_MAX),
            admitted: Vec::with_capacity(BATCH_ITEMS_MAX),
            scalars: Vec::with_capacity(2 * BATCH_ITEMS_MAX + 1),
            points: Vec::with_capacity(2 * BATCH_ITEMS_MAX + 1),
            counters: Counters::default(),
            #[cfg(test)]
            cofactor_forgotten: false,
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    pub(crate) fn verify(&mut self, item: Item<'_>) -> bool {
        self.counters.item_count += 1;
        let held = verify_alone(item);
        self.counters.item_alone_count += u64::from(held.is_some());
        held.unwrap_or(false)
    }

    pub(crate) fn verify_batch(&mut self, items: &[Item<'_>], verdicts: &mut Vec<bool>) {
        verdicts.clear();
        verdicts.resize(items.len(), false);
        let batch_count = items.len().div_ceil(BATCH_ITEMS_MAX).max(1);
        let batch_items = items.len().div_ceil(batch_count).max(1);
        for (items, verdicts) in items.chunks(batch_items).zip(verdicts.chunks_mut(batch_items)) {
            self.judge(items, verdicts);
        }
    }

    pub(crate) fn verify_each(&mut self, items: &[Item<'_>], verdicts: &mut Vec<bool>) {
        verdicts.clear();
        verdicts.extend(items.iter().map(|item| self.verify(*item)));
    }

    /// Judges one batch. `verdicts` come in as refusals and leave with those that the rule accepts set.
    fn judge(&mut self, items: &[Item<'_>], verdicts: &mut [bool]) {
        self.counters.item_count += items.len() as u64;
        self.admitted.clear();
        self.admitted.extend(items.iter().enumerate().filter_map(|(item_index, item)| admit(item_index, *item)));
        let summed = self.admitted.len() >= BATCH_ITEMS_MIN && self.sum_holds(items);
        if !summed {
            self.counters.item_alone_count += self.admitted.len() as u64;
        }
        for admitted in &self.admitted {
            verdicts[admitted.item_index] = summed || holds_alone(admitted, items[admitted.item_index].key);
        }
    }

    /// True if \[8\] times the weighted sum of all admitted items' S B - R - k A is the identity.
    fn sum_holds(&mut self, items: &[Item<'_>]) -> bool {
        self.gather_terms(items);
        let sum = product(&self.scalars, &self.points);
        let holds = self.vanishes(&sum);
        self.counters.batch_count += 1;
        self.counters.batch_failed_count += u64::from(!holds);
        holds
    }

    /// Fills `scalars` and `points`. A key that repeats adds to the scalar of the term it has.
    ///
    /// A key's scalar is reduced mod L although the key may carry torsion: the difference is a multiple of L A, which
    /// the factor 8 removes.
    fn gather_terms(&mut self, items: &[Item<'_>]) {
        self.terms.restart(self.admitted.len(), &mut self.weights);
        self.scalars.clear();
        self.points.clear();
        self.scalars.push(Scalar::ZERO);
        self.points.push(ED25519_BASEPOINT_POINT);
        let first_key = 1 + self.admitted.len();
        self.scalars.resize(first_key, Scalar::ZERO);
        self.points.extend(self.admitted.iter().map(|admitted| admitted.minus_r));
        for (index, admitted) in self.admitted.iter().enumerate() {
            let weight = self.weights.weight();
            self.scalars[0] += weight * admitted.s;
            self.scalars[1 + index] = weight;
            let key = items[admitted.item_index].key;
            let (term_index, first) = self.terms.term(key.as_bytes());
            if first {
                self.scalars.push(Scalar::ZERO);
                self.points.push(key.minus_a());
            }
            self.scalars[first_key + term_index] += weight * admitted.k;
        }
        assert_eq!(self.scalars.len(), self.points.len(), "each point has its scalar");
    }

    #[cfg(not(test))]
    fn vanishes(&self, sum: &EdwardsPoint) -> bool {
        sum.is_small_order()
    }

    #[cfg(test)]
    fn vanishes(&self, sum: &EdwardsPoint) -> bool {
        use curve25519_dalek::traits::IsIdentity;
        if self.cofactor_forgotten { sum.is_identity() } else { sum.is_small_order() }
    }
}

/// Whether the item's equation holds; `None` if its bytes are refused. For any backend that has one item only.
///
/// An honest R is S B - k A itself: then their encodings are equal, and R need not be decompressed to know that it is
/// canonical, on the curve and what the equation wants.
pub(super) fn verify_alone(item: Item<'_>) -> Option<bool> {
    let (r, s) = rule::halves(item.signature);
    if !rule::scalar_is_canonical(s) {
        return None;
    }
    let k = challenge(item);
    let s = Scalar::from_bytes_mod_order(*s);
    let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &item.key.minus_a(), &s);
    if expected.compress().as_bytes() == r && item.hint.is_none_or(|x| hint::is_x_of(x, r)) {
        return Some(true);
    }
    admit_r(item).map(|minus_r| (expected + minus_r).is_small_order())
}

/// The sum of each point times its scalar, by the library's faster method for this number of terms.
fn product(scalars: &[Scalar], points: &[EdwardsPoint]) -> EdwardsPoint {
    let part_count = if points.len() < PIPPENGER_TERMS_MIN { points.len().div_ceil(STRAUS_TERMS_MAX) } else { 1 };
    let part_terms = points.len().div_ceil(part_count);
    let parts = scalars.chunks(part_terms).zip(points.chunks(part_terms));
    parts.map(|(scalars, points)| EdwardsPoint::vartime_multiscalar_mul(scalars, points)).sum()
}

/// Checks the item's bytes, decompresses R and computes k; `None` if the bytes are refused (rules 1 and 2; the hint).
fn admit(item_index: usize, item: Item<'_>) -> Option<Admitted> {
    let (_, s) = rule::halves(item.signature);
    if !rule::scalar_is_canonical(s) {
        return None;
    }
    let minus_r = admit_r(item)?;
    Some(Admitted { item_index, s: Scalar::from_bytes_mod_order(*s), minus_r, k: challenge(item) })
}

/// -R; `None` if R's bytes or the hint are refused.
fn admit_r(item: Item<'_>) -> Option<EdwardsPoint> {
    let (r, _) = rule::halves(item.signature);
    if !rule::encoding_is_canonical(r) || item.hint.is_some_and(|x| !hint::is_x_of(x, r)) {
        return None;
    }
    CompressedEdwardsY(*r).decompress().map(|point| -point)
}

/// k, reduced mod L.
fn challenge(item: Item<'_>) -> Scalar {
    let (r, _) = rule::halves(item.signature);
    Scalar::from_bytes_mod_order_wide(&rule::challenge(r, item.key.as_bytes(), item.message))
}

/// True if \[8\](S B - R - k A) is the identity (rule 4).
fn holds_alone(admitted: &Admitted, key: &PublicKey) -> bool {
    let sum = EdwardsPoint::vartime_double_scalar_mul_basepoint(&admitted.k, &key.minus_a(), &admitted.s);
    (sum + admitted.minus_r).is_small_order()
}

#[cfg(test)]
#[path = "portable_mutants.rs"]
mod mutants;
