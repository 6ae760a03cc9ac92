//! Eight elements of GF(p) side by side, p = 2^255 - 19.
//!
//! An element is five limbs of 51 bits: x = x0 + 2^51 x1 + 2^102 x2 + 2^153 x3 + 2^204 x4. Vector i holds limb i of eight
//! elements, one per 64-bit lane, so no carry ever crosses lanes and nothing here depends on a value: no branch, no index.
//!
//! # Why 51 bits
//! `vpmadd52luq` and `vpmadd52huq` multiply the low 52 bits of each lane and add the low or the high 52 bits of the
//! product to a 64-bit accumulator. A limb of 51 bits leaves one bit, so that a sum need not be carried to the last bit
//! before it is multiplied, and 12 bits in the accumulator, so that a whole column of products needs one carry.
//!
//! # Bounds are types
//! What an operation may be given depends on how large the limbs are, and an operand beyond 52 bits would be cut off in
//! silence. So there are three types, each with a bound on every limb:
//!
//! | type | limbs at most | comes from | may be |
//! |---|---|---|---|
//! | [`Field8`] | [`REDUCED_LIMB_MAX`], about 2^51 | bytes, a carry | anything |
//! | [`Loose8`] | [`FACTOR_LIMB_MAX`] = 2^52 - 1 | a negation without carry | a factor |
//! | [`Wide8`] | [`WIDE_LIMB_MAX`] = 2^61 | a product before its carry | added, subtracted, then carried |
//!
//! The constants are computed from each other at compile time and the relations between them asserted there. Debug builds
//! check each limb at each step as well. A reduced element's value may exceed p; [`Field8::canonical`] makes it unique.

use core::arch::x86_64::{
    _mm512_add_epi64, _mm512_and_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_blend_epi64,
    _mm512_mask_sub_epi64, _mm512_or_si512, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_srli_epi64,
    _mm512_sub_epi64, _mm512_test_epi64_mask, _mm512_testn_epi64_mask,
};

use super::lanes::{LaneMask, Lanes, splat, store_words};

/// Limbs of an element.
pub(super) const LIMB_COUNT: usize = 5;

const LIMB_BITS: u32 = 51;
const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

/// What 2^255 is worth: p = 2^255 - 19.
const FOLD: u64 = 19;

/// The largest limb that a multiplication reads whole.
pub(super) const FACTOR_LIMB_MAX: u64 = (1 << 52) - 1;

/// The largest limb of a product, of its double, and of four times the product of two reduced elements.
pub(super) const WIDE_LIMB_MAX: u64 = 1 << 61;

/// The largest limb that is ever carried: a wide limb plus a limb of [`WIDE_BIAS`].
const CARRIED_LIMB_MAX: u64 = WIDE_LIMB_MAX + (LIMB_MASK << WIDE_BIAS_SHIFT);

/// The largest limb after a carry: 51 bits, and the carry out of the limb below. Out of the highest limb it weighs 19.
pub(super) const REDUCED_LIMB_MAX: u64 = LIMB_MASK + FOLD * (CARRIED_LIMB_MAX >> LIMB_BITS);

/// 2^11 p in five limbs, each at least [`WIDE_LIMB_MAX`]: added before a wide subtraction, so that no lane goes below zero.
const WIDE_BIAS: [u64; LIMB_COUNT] = multiple_of_p(WIDE_BIAS_SHIFT);
const WIDE_BIAS_SHIFT: u32 = 11;

/// 2 p in five limbs, each at least [`REDUCED_LIMB_MAX`]: the same for reduced elements.
pub(super) const TWICE_P: [u64; LIMB_COUNT] = multiple_of_p(1);

/// The five limbs of p, each shifted.
const fn multiple_of_p(shift: u32) -> [u64; LIMB_COUNT] {
    let limb = LIMB_MASK << shift;
    [(LIMB_MASK - (FOLD - 1)) << shift, limb, limb, limb, limb]
}

// The highest carry is multiplied by 19 in one vpmadd52luq, which must not lose bits.
const _: () = assert!(FOLD * (CARRIED_LIMB_MAX >> LIMB_BITS) < 1 << 52);
const _: () = assert!(REDUCED_LIMB_MAX <= FACTOR_LIMB_MAX);
// The sum of two wide elements is carried at once: it must not pass what the reduced bound was derived from.
const _: () = assert!(2 * WIDE_LIMB_MAX <= CARRIED_LIMB_MAX);
const _: () = assert!(WIDE_BIAS[0] >= WIDE_LIMB_MAX && WIDE_BIAS[1] >= WIDE_LIMB_MAX);
const _: () = assert!(TWICE_P[0] >= REDUCED_LIMB_MAX && TWICE_P[1] >= REDUCED_LIMB_MAX);
const _: () = assert!(TWICE_P[0] <= FACTOR_LIMB_MAX && TWICE_P[1] <= FACTOR_LIMB_MAX);
const _: () = assert!(2 * product_limb_max(REDUCED_LIMB_MAX, FACTOR_LIMB_MAX) <= WIDE_LIMB_MAX);
const _: () = assert!(4 * product_limb_max(REDUCED_LIMB_MAX, REDUCED_LIMB_MAX) <= WIDE_LIMB_MAX);
// One subtraction of p makes a reduced element canonical: its value, at most REDUCED_LIMB_MAX / LIMB_MASK times
// 2^255 - 1, is below 2 p.
const _: () = assert!(REDUCED_LIMB_MAX < 2 * (LIMB_MASK - FOLD));

/// The largest limb of a product of elements whose limbs are at most `x_limb_max` and `y_limb_max`.
///
/// Column k (see [`Columns`]) is the sum of the low halves of all x_i y_j with i + j = k, each below 2^52, and twice the
/// high halves of those with i + j = k - 1. Folding adds 19 times column k + 5 to column k.
const fn product_limb_max(x_limb_max: u64, y_limb_max: u64) -> u64 {
    assert!(x_limb_max <= FACTOR_LIMB_MAX && y_limb_max <= FACTOR_LIMB_MAX);
    let high = (x_limb_max as u128 * y_limb_max as u128) >> 52;
    let low = (1 << 52) - 1;
    let mut columns = [0; COLUMN_COUNT];
    let mut index = 0;
    while index < LIMB_COUNT * LIMB_COUNT {
        let column = index / LIMB_COUNT + index % LIMB_COUNT;
        columns[column] += low;
        columns[column + 1] += 2 * high;
        index += 1;
    }
    let mut limb_max = 0;
    let mut column = 0;
    while column < LIMB_COUNT {
        let folded = columns[column] + FOLD as u128 * columns[column + LIMB_COUNT];
        limb_max = if folded > limb_max { folded } else { limb_max };
        column += 1;
    }
    assert!(limb_max <= WIDE_LIMB_MAX as u128);
    #[expect(clippy::cast_possible_truncation, reason = "asserted on the line above")]
    return limb_max as u64;
}

/// Eight reduced elements: limbs at most [`REDUCED_LIMB_MAX`].
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Field8([Lanes; LIMB_COUNT]);

/// Eight elements that may only be factors: limbs at most [`FACTOR_LIMB_MAX`].
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Loose8([Lanes; LIMB_COUNT]);

/// Eight elements before their carry: limbs at most [`WIDE_LIMB_MAX`].
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Wide8([Lanes; LIMB_COUNT]);

/// What may be multiplied: limbs at most [`FACTOR_LIMB_MAX`].
pub(super) trait Factor: Copy {
    /// The five limbs, lowest first.
    fn limbs(&self) -> &[Lanes; LIMB_COUNT];
}

impl Factor for Field8 {
    #[inline]
    fn limbs(&self) -> &[Lanes; LIMB_COUNT] {
        &self.0
    }
}

impl Factor for Loose8 {
    #[inline]
    fn limbs(&self) -> &[Lanes; LIMB_COUNT] {
        &self.0
    }
}

impl Field8 {
    /// The same element in every lane. Its limbs must be below 2^51.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn splat(limbs: [u64; LIMB_COUNT]) -> Self {
        let mut lanes = [_mm512_setzero_si512(); LIMB_COUNT];
        for (lane, limb) in lanes.iter_mut().zip(limbs) {
            *lane = splat(limb);
        }
        Self::checked(lanes)
    }

    /// 0 in every lane.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn zero() -> Self {
        Self([_mm512_setzero_si512(); LIMB_COUNT])
    }

    /// 1 in every lane.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn one() -> Self {
        Self::splat([1, 0, 0, 0, 0])
    }

    /// Takes limbs as they are. They must be at most [`REDUCED_LIMB_MAX`]: debug builds check it.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn from_limbs(limbs: [Lanes; LIMB_COUNT]) -> Self {
        Self::checked(limbs)
    }

    /// Reads the low 255 bits of four words per lane, lowest first.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn from_words(words: [Lanes; 4]) -> Self {
        let mask = splat(LIMB_MASK);
        let limb1 = _mm512_or_si512(_mm512_srli_epi64::<51>(words[0]), _mm512_slli_epi64::<13>(words[1]));
        let limb2 = _mm512_or_si512(_mm512_srli_epi64::<38>(words[1]), _mm512_slli_epi64::<26>(words[2]));
        let limb3 = _mm512_or_si512(_mm512_srli_epi64::<25>(words[2]), _mm512_slli_epi64::<39>(words[3]));
        let limb4 = _mm512_srli_epi64::<12>(words[3]);
        Self::checked([
            _mm512_and_si512(words[0], mask),
            _mm512_and_si512(limb1, mask),
            _mm512_and_si512(limb2, mask),
            _mm512_and_si512(limb3, mask),
            _mm512_and_si512(limb4, mask),
        ])
    }

    /// The canonical value in four words per lane, lowest first. Bit 255 is clear.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn to_words(self) -> [Lanes; 4] {
        let limbs = self.canonical().0;
        [
            _mm512_or_si512(limbs[0], _mm512_slli_epi64::<51>(limbs[1])),
            _mm512_or_si512(_mm512_srli_epi64::<13>(limbs[1]), _mm512_slli_epi64::<38>(limbs[2])),
            _mm512_or_si512(_mm512_srli_epi64::<26>(limbs[2]), _mm512_slli_epi64::<25>(limbs[3])),
            _mm512_or_si512(_mm512_srli_epi64::<39>(limbs[3]), _mm512_slli_epi64::<12>(limbs[4])),
        ]
    }

    /// x + y.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn add(&self, y: &Self) -> Self {
        carry(add_limbs(&self.0, &y.0))
    }

    /// x - y, as x + (2p - y).
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn sub(&self, y: &Self) -> Self {
        carry(add_limbs(&self.0, &subtract_from(&TWICE_P, &y.0)))
    }

    /// -x.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn neg(&self) -> Self {
        carry(subtract_from(&TWICE_P, &self.0))
    }

    /// -x in the lanes of `negative` and x in the others, as a factor: 2p - x without a carry.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn signed(&self, negative: LaneMask) -> Loose8 {
        let mut limbs = self.0;
        for (limb, bias) in limbs.iter_mut().zip(TWICE_P) {
            *limb = _mm512_mask_sub_epi64(*limb, negative, splat(bias), *limb);
        }
        check_limbs(&limbs, FACTOR_LIMB_MAX);
        Loose8(limbs)
    }

    /// x y.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn mul(&self, y: &impl Factor) -> Self {
        self.product(y).reduced()
    }

    /// x^2.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn square(&self) -> Self {
        self.squared().reduced()
    }

    /// x y, before its carry. Twice the result is still a [`Wide8`].
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn product(&self, y: &impl Factor) -> Wide8 {
        let (x, y) = (&self.0, y.limbs());
        check_limbs(x, REDUCED_LIMB_MAX);
        check_limbs(y, FACTOR_LIMB_MAX);
        let mut columns = Columns::zero();
        for (i, x) in x.iter().enumerate() {
            for (j, y) in y.iter().enumerate() {
                columns.once[i + j] = _mm512_madd52lo_epu64(columns.once[i + j], *x, *y);
                columns.twice[i + j + 1] = _mm512_madd52hi_epu64(columns.twice[i + j + 1], *x, *y);
            }
        }
        columns.folded()
    }

    /// x^2, before its carry. Four times the result is still a [`Wide8`].
    ///
    /// Each x_i x_j with i < j occurs twice in the product and is computed once: 30 multiplications where a product takes 50.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn squared(&self) -> Wide8 {
        let x = &self.0;
        check_limbs(x, REDUCED_LIMB_MAX);
        let mut columns = Columns::zero();
        for i in 0..LIMB_COUNT {
            columns.once[2 * i] = _mm512_madd52lo_epu64(columns.once[2 * i], x[i], x[i]);
            columns.twice[2 * i + 1] = _mm512_madd52hi_epu64(columns.twice[2 * i + 1], x[i], x[i]);
            for j in i + 1..LIMB_COUNT {
                columns.twice[i + j] = _mm512_madd52lo_epu64(columns.twice[i + j], x[i], x[j]);
                columns.four_times[i + j + 1] = _mm512_madd52hi_epu64(columns.four_times[i + j + 1], x[i], x[j]);
            }
        }
        columns.folded()
    }

    /// The same element as a [`Wide8`].
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn widened(&self) -> Wide8 {
        Wide8(self.0)
    }

    /// `y` in the lanes of `mask`, `x` in the others.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn select(mask: LaneMask, x: &Self, y: &Self) -> Self {
        let mut limbs = x.0;
        for (limb, other) in limbs.iter_mut().zip(y.0) {
            *limb = _mm512_mask_blend_epi64(mask, *limb, other);
        }
        Self(limbs)
    }

    /// The one representation with limbs below 2^51 and a value below p.
    ///
    /// The value v of a reduced element is below 2p, so it is p or more exactly when v + 19 reaches 2^255. Then v - p =
    /// v + 19 - 2^255: the carry chain of v + 19 is run once to find that bit, and once to keep all but it.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn canonical(&self) -> Self {
        check_limbs(&self.0, REDUCED_LIMB_MAX);
        let mut at_least_p = splat(FOLD);
        for limb in self.0 {
            at_least_p = _mm512_srli_epi64::<LIMB_BITS>(_mm512_add_epi64(limb, at_least_p));
        }
        let mut limbs = self.0;
        let mut carried = _mm512_madd52lo_epu64(_mm512_setzero_si512(), at_least_p, splat(FOLD));
        for limb in &mut limbs {
            let sum = _mm512_add_epi64(*limb, carried);
            *limb = _mm512_and_si512(sum, splat(LIMB_MASK));
            carried = _mm512_srli_epi64::<LIMB_BITS>(sum);
        }
        Self::checked(limbs)
    }

    /// The lanes that are 0 mod p.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn is_zero(&self) -> LaneMask {
        let limbs = self.canonical().0;
        let low = _mm512_or_si512(limbs[0], limbs[1]);
        let high = _mm512_or_si512(_mm512_or_si512(limbs[2], limbs[3]), limbs[4]);
        let any = _mm512_or_si512(low, high);
        _mm512_testn_epi64_mask(any, any)
    }

    /// The lanes in which x = y mod p.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn equals(&self, y: &Self) -> LaneMask {
        self.sub(y).is_zero()
    }

    /// The lanes whose canonical value is odd: "negative" in the sense of RFC 8032, section 5.1.2.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn is_odd(&self) -> LaneMask {
        _mm512_test_epi64_mask(self.canonical().0[0], splat(1))
    }

    /// The lanes whose limbs are below 2^51 and whose value is p or more: only for elements read from octets.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn is_beyond_p(&self) -> LaneMask {
        check_limbs(&self.0, LIMB_MASK);
        let mut at_least_p = splat(FOLD);
        for limb in self.0 {
            at_least_p = _mm512_srli_epi64::<LIMB_BITS>(_mm512_add_epi64(limb, at_least_p));
        }
        _mm512_test_epi64_mask(at_least_p, at_least_p)
    }

    /// The reduced limbs, lowest first.
    #[inline]
    pub(super) fn into_limbs(self) -> [Lanes; LIMB_COUNT] {
        self.0
    }

    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn checked(limbs: [Lanes; LIMB_COUNT]) -> Self {
        check_limbs(&limbs, REDUCED_LIMB_MAX);
        Self(limbs)
    }
}

impl Loose8 {
    /// Takes limbs as they are. They must be at most [`FACTOR_LIMB_MAX`]: debug builds check it.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn from_limbs(limbs: [Lanes; LIMB_COUNT]) -> Self {
        check_limbs(&limbs, FACTOR_LIMB_MAX);
        Self(limbs)
    }
}

impl Wide8 {
    /// x + y, carried.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn plus(&self, y: &Self) -> Field8 {
        carry(add_limbs(&self.0, &y.0))
    }

    /// x - y, carried, as x + (2^11 p - y).
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn minus(&self, y: &Self) -> Field8 {
        carry(add_limbs(&self.0, &subtract_from(&WIDE_BIAS, &y.0)))
    }

    /// x, carried.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn reduced(&self) -> Field8 {
        carry(self.0)
    }

    /// 2^COUNT x. The limbs must leave room for it: see [`Field8::product`] and [`Field8::squared`].
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn doubled<const COUNT: u32>(&self) -> Self {
        check_limbs(&self.0, WIDE_LIMB_MAX >> COUNT);
        let mut limbs = self.0;
        for limb in &mut limbs {
            *limb = _mm512_slli_epi64::<COUNT>(*limb);
        }
        Self(limbs)
    }
}

const COLUMN_COUNT: usize = 2 * LIMB_COUNT;

/// The columns of a schoolbook product in base 2^51, by the power of two they still have to be multiplied with.
///
/// x_i y_j has 104 bits: its low 52 belong to column i + j. The rest counts 2^52 of that column, which is twice column
/// i + j + 1. Keeping the sums apart makes the chains of dependent instructions short, at most 5 of 4 cycles each, and a
/// product as fast as its 50 multiplications allow: to start the lower columns from the upper ones saves additions, but was
/// 2 to 12 % slower.
struct Columns {
    once: [Lanes; COLUMN_COUNT],
    twice: [Lanes; COLUMN_COUNT],
    four_times: [Lanes; COLUMN_COUNT],
}

impl Columns {
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn zero() -> Self {
        let zero = [_mm512_setzero_si512(); COLUMN_COUNT];
        Self { once: zero, twice: zero, four_times: zero }
    }

    /// Sums up, and takes columns 5 to 9 back to 0 to 4: 2^255 = 19 mod p. The bound: [`product_limb_max`].
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn folded(&self) -> Wide8 {
        let mut limbs = [_mm512_setzero_si512(); LIMB_COUNT];
        for (column, limb) in limbs.iter_mut().enumerate() {
            let high = self.column(column + LIMB_COUNT);
            let high_3_times = _mm512_add_epi64(high, _mm512_add_epi64(high, high));
            let high_19_times = _mm512_add_epi64(_mm512_slli_epi64::<4>(high), high_3_times);
            *limb = _mm512_add_epi64(self.column(column), high_19_times);
        }
        check_limbs(&limbs, WIDE_LIMB_MAX >> 1);
        Wide8(limbs)
    }

    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn column(&self, column: usize) -> Lanes {
        let twice = _mm512_add_epi64(self.twice[column], double(self.four_times[column]));
        _mm512_add_epi64(self.once[column], double(twice))
    }
}

/// Moves what exceeds 51 bits of each limb one limb up, all limbs at once; out of the highest it returns 19 times.
///
/// The limbs may be anything up to [`CARRIED_LIMB_MAX`]: their carries are below 2^13, so one pass is enough for
/// [`REDUCED_LIMB_MAX`].
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn carry(limbs: [Lanes; LIMB_COUNT]) -> Field8 {
    check_limbs(&limbs, CARRIED_LIMB_MAX);
    let mask = splat(LIMB_MASK);
    let top = _mm512_srli_epi64::<LIMB_BITS>(limbs[4]);
    let mut reduced = [_mm512_madd52lo_epu64(_mm512_and_si512(limbs[0], mask), top, splat(FOLD)); LIMB_COUNT];
    for index in 1..LIMB_COUNT {
        let carried = _mm512_srli_epi64::<LIMB_BITS>(limbs[index - 1]);
        reduced[index] = _mm512_add_epi64(_mm512_and_si512(limbs[index], mask), carried);
    }
    Field8::checked(reduced)
}

#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn double(x: Lanes) -> Lanes {
    _mm512_add_epi64(x, x)
}

#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn add_limbs(x: &[Lanes; LIMB_COUNT], y: &[Lanes; LIMB_COUNT]) -> [Lanes; LIMB_COUNT] {
    let mut sum = *x;
    for (limb, other) in sum.iter_mut().zip(y) {
        *limb = _mm512_add_epi64(*limb, *other);
    }
    sum
}

/// `bias` - y: a multiple of p whose limbs are as large as those of y can be.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn subtract_from(bias: &[u64; LIMB_COUNT], y: &[Lanes; LIMB_COUNT]) -> [Lanes; LIMB_COUNT] {
    check_limbs(y, bias[0]);
    let mut difference = *y;
    for (limb, bias) in difference.iter_mut().zip(bias) {
        *limb = _mm512_sub_epi64(splat(*bias), *limb);
    }
    difference
}

/// In debug builds: no limb of any lane exceeds `limb_max`.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn check_limbs(limbs: &[Lanes; LIMB_COUNT], limb_max: u64) {
    if cfg!(debug_assertions) {
        for (index, limb) in limbs.iter().enumerate() {
            let words = store_words(*limb);
            assert!(words.iter().all(|word| *word <= limb_max), "limb {index} exceeds {limb_max:#x}: {words:x?}");
        }
    }
}

#[cfg(test)]
#[path = "field_tests.rs"]
mod tests;
