//! Multiples of the base point, computed once: a table for scalars that anyone may know, and one for secret ones.
//!
//! A scalar is a sum of signed digits times powers of 2^w, so its product with the base point B is a sum of entries, one
//! per digit, of a table that holds all multiples d 2^(w i) B: no doublings remain.

use std::sync::OnceLock;

use core::arch::x86_64::{_mm512_permutex2var_epi64, _mm512_setzero_si512, _mm512_sub_epi64, _mm512_testn_epi64_mask};

use super::decompress::decompress;
use super::digits::{Digits8, signed_digits};
use super::encode::VECTOR_COUNT_MAX;
use super::field::{Field8, LIMB_COUNT, Loose8};
use super::lanes::{ALL_LANES, LANE_COUNT, Lanes, load_words, splat, store_words};
use super::point::{Niels8, NielsRow, Point8};
use super::power::invert_all;

/// The base point B: y = 4/5, x even (RFC 8032, section 5.1).
const BASE_POINT: [u8; 32] = {
    let mut encoding = [0x66; 32];
    encoding[0] = 0x58;
    encoding
};

/// Multiples of the base point, for scalars that are no secret: what is read depends on the digits.
///
/// Digits of 6 bits: 43 windows of the multiples 0 to 32, 177 KiB. Of 8 bits it would save a quarter of the additions and
/// fill half of a second-level cache.
pub(super) struct PublicTable {
    /// Multiple d of window i at 33 i + d.
    rows: Box<[NielsRow]>,
}

const PUBLIC_BITS: u32 = 6;
const PUBLIC_COUNT: usize = 43;
const PUBLIC_ROWS: usize = (1 << (PUBLIC_BITS - 1)) + 1;

impl PublicTable {
    /// The table, made when first asked for.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn base() -> &'static Self {
        static BASE: OnceLock<PublicTable> = OnceLock::new();
        BASE.get_or_init(|| Self::new())
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn new() -> Self {
        let multiples = base_multiples(PUBLIC_BITS, PUBLIC_COUNT);
        let mut rows = Vec::with_capacity(PUBLIC_COUNT * PUBLIC_ROWS);
        for window in multiples.chunks(PUBLIC_ROWS - 1) {
            rows.push(NielsRow::IDENTITY);
            rows.extend_from_slice(window);
        }
        assert_eq!(rows.len(), PUBLIC_COUNT * PUBLIC_ROWS);
        Self { rows: rows.into_boxed_slice() }
    }

    /// Adds each lane's scalar times the base point to that lane of `sum`.
    ///
    /// `scalars` are four words per lane, lowest first, below L.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn add_multiples(&self, scalars: [Lanes; 4], sum: &Point8) -> Point8 {
        let digits: [Digits8; PUBLIC_COUNT] = signed_digits::<PUBLIC_BITS, _>(scalars);
        let mut sum = *sum;
        for (window, digit) in self.rows.as_chunks::<PUBLIC_ROWS>().0.iter().zip(&digits) {
            let rows = store_words(digit.magnitude).map(|magnitude| row_of(window, magnitude));
            sum = sum.add_niels(&Niels8::load(rows).signed(digit.negative));
        }
        sum
    }
}

#[inline]
fn row_of(window: &[NielsRow; PUBLIC_ROWS], magnitude: u64) -> &NielsRow {
    &window[usize::try_from(magnitude).expect("a digit has 6 bits")]
}

/// Multiples of the base point, for secret scalars: no address, branch or time depends on a digit.
///
/// Digits of 5 bits: 51 windows of the multiples 1 to 16. An entry's limbs lie apart: limb i of all sixteen in two
/// registers, from which one permutation takes each lane's. Every window is read whole, in the same order, every time.
pub(super) struct SecretTable {
    windows: Box<[SecretWindow]>,
}

/// Limb i of multiples 1 to 8, then of 9 to 16, in the order of a [`NielsRow`]'s words.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct SecretWindow([[[u64; LANE_COUNT]; 2]; NIELS_LIMBS]);

/// Words of a [`NielsRow`] that are limbs.
const NIELS_LIMBS: usize = 3 * LIMB_COUNT;

const SECRET_BITS: u32 = 5;
const SECRET_COUNT: usize = 51;
const SECRET_ENTRIES: usize = 1 << (SECRET_BITS - 1);
const _: () = assert!(SECRET_ENTRIES == 2 * LANE_COUNT, "two registers hold one limb of all entries");

impl SecretTable {
    /// The table, made when first asked for.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn base() -> &'static Self {
        static BASE: OnceLock<SecretTable> = OnceLock::new();
        BASE.get_or_init(|| Self::new())
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn new() -> Self {
        let multiples = base_multiples(SECRET_BITS, SECRET_COUNT);
        let mut windows = Vec::with_capacity(SECRET_COUNT);
        for rows in multiples.chunks(SECRET_ENTRIES) {
            let mut window = SecretWindow([[[0; LANE_COUNT]; 2]; NIELS_LIMBS]);
            for (entry, row) in rows.iter().enumerate() {
                for (limb, words) in window.0.iter_mut().enumerate() {
                    words[entry / LANE_COUNT][entry % LANE_COUNT] = row.word(limb);
                }
            }
            windows.push(window);
        }
        Self { windows: windows.into_boxed_slice() }
    }

    /// Each lane's scalar times the base point. `scalars` are four words per lane, lowest first, below L.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn multiply(&self, scalars: [Lanes; 4]) -> Point8 {
        let digits: [Digits8; SECRET_COUNT] = signed_digits::<SECRET_BITS, _>(scalars);
        let mut sum = Point8::identity();
        for (window, digit) in self.windows.iter().zip(&digits) {
            sum = sum.add_niels(&window.entry(digit));
        }
        sum
    }
}

impl SecretWindow {
    /// Each lane's digit times the point of the window.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn entry(&self, digit: &Digits8) -> Niels8<Loose8> {
        // Where the digit is 0 the index is -1, of which the permutation sees 15: that entry is replaced below.
        let index = _mm512_sub_epi64(digit.magnitude, splat(1));
        let mut limbs = [_mm512_setzero_si512(); NIELS_LIMBS];
        for (limb, [low, high]) in limbs.iter_mut().zip(&self.0) {
            *limb = _mm512_permutex2var_epi64(load_words(low), index, load_words(high));
        }
        let [a0, a1, a2, a3, a4, b0, b1, b2, b3, b4, c0, c1, c2, c3, c4] = limbs;
        let entry = Niels8::from_parts(
            Field8::from_limbs([a0, a1, a2, a3, a4]),
            Field8::from_limbs([b0, b1, b2, b3, b4]),
            Field8::from_limbs([c0, c1, c2, c3, c4]),
        );
        let is_zero = _mm512_testn_epi64_mask(digit.magnitude, digit.magnitude);
        Niels8::select(is_zero, &entry, &Niels8::identity()).signed(digit.negative)
    }
}

/// B.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn base_row() -> NielsRow {
    let [base] = decompress(&[[&BASE_POINT; LANE_COUNT]]);
    assert_eq!(base.valid, ALL_LANES, "the base point is on the curve");
    base.niels().to_rows()[0]
}

/// The multiples 1 to 2^(`bits` - 1) of 2^(`bits` i) B, for each window i in turn.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn base_multiples(bits: u32, window_count: usize) -> Vec<NielsRow> {
    let multiple_count = 1 << (bits - 1);
    let mut rows = vec![NielsRow::IDENTITY; window_count * multiple_count];
    let mut power = Point8::identity().add_niels(&Niels8::load([&base_row(); LANE_COUNT]));
    for first in (0..window_count).step_by(LANE_COUNT) {
        // Lane i takes the point of window first + i.
        let mut windows = power;
        for lane in 0..LANE_COUNT {
            windows = Point8::select(1 << lane, &windows, &power);
            power = power.double_times(bits as usize);
        }
        for (index, multiples) in multiples(&windows, multiple_count).iter().enumerate() {
            for (window, row) in (first..window_count).zip(multiples) {
                rows[window * multiple_count + index] = *row;
            }
        }
    }
    rows
}

/// 1 to `count` times each lane's point.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn multiples(point: &Point8, count: usize) -> Vec<[NielsRow; LANE_COUNT]> {
    let step = point.cached();
    let mut points = vec![*point; count];
    for index in 1..count {
        points[index] = points[index - 1].add_cached(&step);
    }
    let mut rows = Vec::with_capacity(count);
    for points in points.chunks(VECTOR_COUNT_MAX) {
        let mut inverses: Vec<_> = points.iter().map(|point| point.twice_z()).collect();
        invert_all(&mut inverses, &mut [Field8::zero(); VECTOR_COUNT_MAX]);
        for (point, inverse) in points.iter().zip(inverses) {
            let (x, y) = (point.twice_x().mul(&inverse), point.twice_y().mul(&inverse));
            rows.push(Niels8::from_affine(&x, &y).to_rows());
        }
    }
    rows
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
