//! Eight signatures checked at once, each by its own equation: for few items, and after a batch has failed.

use super::digits::{Digits8, signed_digits};
use super::lanes::{LANE_COUNT, LaneMask, Lanes, load_quads, store_words};
use super::point::{Cached8, Niels8, NielsRow, Point8, PointRow};
use super::table::PublicTable;

/// What rule 4 needs of eight signatures.
pub(super) struct Equations<'a> {
    /// -A.
    pub(super) minus_a: [&'a NielsRow; LANE_COUNT],
    /// k mod L, lowest word first.
    pub(super) k: [&'a [u64; 4]; LANE_COUNT],
    /// S, below L, lowest word first.
    pub(super) s: [&'a [u64; 4]; LANE_COUNT],
    /// -R.
    pub(super) minus_r: &'a Niels8,
}

/// Digits of 5 bits for k: of 4 there would be more additions, of 6 more multiples to prepare.
const KEY_BITS: u32 = 5;
const KEY_WINDOWS: usize = 51;
/// The multiples 0 to 16.
const KEY_MULTIPLES: usize = (1 << (KEY_BITS - 1)) + 1;

/// The lanes in which \[8\](S B - R - k A) is the identity (rule 4 of the crate's acceptance rule).
///
/// That k is reduced mod L although A may have a component of small order changes the sum by such a component alone, and the
/// factor 8 removes it.
#[inline(never)]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn hold(equations: &Equations<'_>) -> LaneMask {
    let minus_ka = multiply(&Niels8::load(equations.minus_a), load_quads(equations.k));
    let difference = PublicTable::base().add_multiples(load_quads(equations.s), &minus_ka);
    difference.add_niels(equations.minus_r).is_small_order()
}

/// Each lane's scalar times its point, from the highest digit down; time and addresses depend on the digits.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn multiply(points: &Niels8, scalars: [Lanes; 4]) -> Point8 {
    let mut multiples = [PointRow::IDENTITY; KEY_MULTIPLES * LANE_COUNT];
    let mut multiple = Point8::identity();
    for row in 1..KEY_MULTIPLES {
        multiple = multiple.add_niels(points);
        multiple.cached().scatter(&mut multiples, places([row as u64; LANE_COUNT]));
    }
    let digits: [Digits8; KEY_WINDOWS] = signed_digits::<KEY_BITS, _>(scalars);
    let mut product = Point8::identity();
    for digit in digits.iter().rev() {
        let entry = Cached8::gather(&multiples, places(store_words(digit.magnitude)));
        product = product.double_times(KEY_BITS as usize).add_cached(&entry.signed(digit.negative));
    }
    product
}

/// Where each lane's multiple lies: the eight lanes' first multiples, then their second ones, and so on.
#[inline]
fn places(multiples: [u64; LANE_COUNT]) -> [usize; LANE_COUNT] {
    let mut places = [0; LANE_COUNT];
    for (lane, place) in places.iter_mut().enumerate() {
        *place = LANE_COUNT * usize::try_from(multiples[lane]).expect("a digit has 5 bits") + lane;
    }
    places
}

#[cfg(test)]
#[path = "each_tests.rs"]
mod tests;
