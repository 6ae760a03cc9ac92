//! The room's parts one by one, for benches alone (the feature `parts`).
//!
//! A bench is a crate of its own and sees what is public. The parts are private, and stay so: what they ask of a caller (limb
//! bounds, scalars below L, a machine that has the instructions) is kept by the few callers that this room has. This face
//! lets a bench measure each part and compare its answer with another implementation's. It takes and gives octets; what
//! stays in registers between two calls is opaque. Nothing else may use it, and it promises nothing from one version to the
//! next.
//!
//! An operation of a few nanoseconds is repeated inside, `count` times, so that the way in and out does not count.

use super::Features;
use super::decompress::{Decoded8, check_hint, decompress};
use super::digits::{Digits8, signed_digits};
use super::encode::encode_all;
use super::field::Field8;
use super::lanes::{ALL_LANES, LANE_COUNT, load_octets, store_octets, store_words};
use super::msm::{Buckets, Terms, width_for};
use super::point::{Niels8, NielsRow, Point8};
use super::power::{invert, power_p58};
use super::scalar::{Reduced, WideSum, Width, words_of_octets};
use super::sha512;
use super::table::{PublicTable, SecretTable};
use super::upper;

/// 32 octets for each lane: an element, a scalar or an encoding, little-endian.
pub type Eight = [[u8; 32]; LANE_COUNT];

/// `K` vectors of field elements.
#[derive(Clone, Copy)]
pub struct Elements<const K: usize>([Field8; K]);

/// `K` vectors of points.
#[derive(Clone, Copy)]
pub struct Points<const K: usize>([Point8; K]);

/// `K` vectors of decoded points.
#[derive(Clone, Copy)]
pub struct Decoded<const K: usize>([Decoded8; K]);

impl<const K: usize> Decoded<K> {
    /// The vectors, one by one.
    #[must_use]
    pub fn split(self) -> [Decoded<1>; K] {
        self.0.map(|eight| Decoded([eight]))
    }
}

/// Eight affine points in memory.
#[derive(Clone, Copy)]
pub struct Rows([NielsRow; LANE_COUNT]);

/// The windows of a scalar in a fixed-base table of public scalars.
pub const LANE_DIGITS: usize = 43;

/// The bits of such a window.
pub const LANE_DIGIT_BITS: u32 = 6;

/// The way in: one exists only where the machine has the instructions.
#[derive(Clone, Copy)]
pub struct Parts(Features);

/// Each method calls the function of its name below, on a machine that has the instructions.
macro_rules! doors {
    ($($(#[$doc:meta])* $name:ident $([$(const $constant:ident)+])? ($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        impl Parts {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name $(<$(const $constant: usize)+>)? (self, $($argument: $type),*) -> $answer {
                // SAFETY: a `Features` says that the machine has the instructions.
                unsafe { inside::$name($($argument),*) }
            }
        )*}
    };
}

doors! {
    /// Reads the low 255 bits.
    elements[const K](octets: &[Eight; K]) -> Elements<K>;
    /// The canonical values.
    octets[const K](elements: &Elements<K>) -> [Eight; K];
    /// x y^`count`: `K` chains of products side by side.
    products[const K](x: &Elements<K>, y: &Elements<K>, count: usize) -> Elements<K>;
    /// x^(2^`count`): `K` chains of squarings side by side.
    squares[const K](x: &Elements<K>, count: usize) -> Elements<K>;
    /// 1 / x.
    inverses(x: &Elements<1>) -> Elements<1>;
    /// x^((p - 5) / 8), the power behind square roots.
    powers[const K](x: &Elements<K>) -> Elements<K>;
    /// Points from encodings, by square roots.
    decompressed[const K](encodings: &[Eight; K]) -> Decoded<K>;
    /// Points from encodings and their x coordinates.
    hints_checked(encodings: &Eight, hints: &Eight) -> Decoded<1>;
    /// x, y and the mask of lanes that hold a point.
    coordinates(decoded: &Decoded<1>) -> (Eight, Eight, u8);
    /// SHA-512(first || second || message) as little-endian words.
    digests(first: &Eight, second: &Eight, messages: [&[u8]; LANE_COUNT]) -> [[u64; 8]; LANE_COUNT];
    /// The digits of a number of at most 126 bits in windows of `bits` bits, lowest first.
    window_digits(bits: usize, half: u128) -> [i16; 32];
    /// The digits of scalars below L, lowest first.
    lane_digits(scalars: &Eight) -> [[i16; LANE_COUNT]; LANE_DIGITS];
    /// Decodes encodings that are points'.
    points[const K](encodings: &[Eight; K]) -> Points<K>;
    /// The points' encodings. At most 16 vectors.
    encodings[const K](points: &Points<K>) -> [Eight; K];
    /// P + `count` Q, with Q in extended coordinates.
    sums(p: &Points<1>, q: &Points<1>, count: usize) -> Points<1>;
    /// P + `count` Q, with Q affine.
    sums_affine(p: &Points<1>, q: &Rows, count: usize) -> Points<1>;
    /// 2^`count` P, as it is computed where every double is added to something.
    doubles(p: &Points<1>, count: usize) -> Points<1>;
    /// 2^`count` P, as it is computed where only the last one is.
    doubled_times(p: &Points<1>, count: usize) -> Points<1>;
    /// Eight affine points from encodings that are points'.
    rows(encodings: &Eight) -> Rows;
    /// The same points in registers.
    of_rows(rows: &Rows) -> Points<1>;
    /// 2^126 times each.
    raised(rows: &Rows) -> Rows;
    /// Each scalar below L times the base point, where it may be known.
    public_multiples(scalars: &Eight) -> Points<1>;
    /// Each scalar below L times the base point, in constant time.
    secret_multiples(scalars: &Eight) -> Points<1>;
}

impl Parts {
    /// `None` if the machine has not the instructions.
    #[must_use]
    pub fn detect() -> Option<Self> {
        Features::detect().map(Self)
    }

    /// A hash modulo L.
    #[must_use]
    pub fn reduced(self, hash: &[u64; 8]) -> [u64; 4] {
        Reduced::from_hash(hash).words()
    }

    /// The sum of all hashes times their weights, which are below 2^126, modulo L.
    #[must_use]
    pub fn weighted_sum(self, terms: &[(u128, [u64; 8])]) -> [u64; 4] {
        let mut sum = WideSum::ZERO;
        terms.iter().for_each(|(weight, hash)| sum.add_product(*weight, hash));
        sum.reduced().words()
    }
}

/// The product mod p of two integers, as the portable way to check a hint computes it.
#[must_use]
pub fn portable_product(x: &[u8; 32], y: &[u8; 32]) -> [u8; 32] {
    crate::hint::product_of_octets(x, y)
}

/// A multiscalar product, ready to be computed again and again.
pub struct Product {
    low: Terms,
    high: Terms,
    width: Width,
    buckets: Buckets,
    _features: Features,
}

impl Product {
    /// Of points by their encodings, and scalars below L.
    #[must_use]
    pub fn new(parts: Parts, encodings: &[[u8; 32]], scalars: &[[u8; 32]]) -> Self {
        assert_eq!(encodings.len(), scalars.len(), "each point has its scalar");
        let mut terms = [Terms::with_capacity(scalars.len()), Terms::with_capacity(scalars.len())];
        for (encoding, scalar) in encodings.iter().zip(scalars) {
            let Rows([row, ..]) = parts.rows(&[*encoding; LANE_COUNT]);
            let [w0, w1, w2, w3] = words_of_octets(scalar);
            let halves = Reduced::from_hash(&[w0, w1, w2, w3, 0, 0, 0, 0]).halves();
            terms.iter_mut().zip(halves).for_each(|(terms, half)| terms.push(&row, half));
        }
        let [low, high] = terms;
        let width = width_for(low.len(), high.len());
        Self { low, high, width, buckets: Buckets::new(), _features: parts.0 }
    }

    /// The product, in lane 0.
    pub fn sum(&mut self) -> Points<1> {
        // SAFETY: `_features` says that the machine has the instructions.
        Points([unsafe { self.buckets.sum(self.width, &self.low, &self.high) }])
    }
}

/// What the doors lead to.
mod inside {
    use super::*;

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn elements<const K: usize>(octets: &[Eight; K]) -> Elements<K> {
        Elements(octets.each_ref().map(|eight| Field8::from_words(load_octets(eight.each_ref()))))
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn octets<const K: usize>(elements: &Elements<K>) -> [Eight; K] {
        elements.0.map(|element| store_octets(element.to_words()))
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn products<const K: usize>(x: &Elements<K>, y: &Elements<K>, count: usize) -> Elements<K> {
        let mut products = *x;
        for _ in 0..count {
            products.0.iter_mut().zip(&y.0).for_each(|(product, y)| *product = product.mul(y));
        }
        products
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn squares<const K: usize>(x: &Elements<K>, count: usize) -> Elements<K> {
        let mut squares = *x;
        for _ in 0..count {
            squares.0.iter_mut().for_each(|square| *square = square.square());
        }
        squares
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn inverses(x: &Elements<1>) -> Elements<1> {
        Elements([invert(&x.0[0])])
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn powers<const K: usize>(x: &Elements<K>) -> Elements<K> {
        Elements(power_p58(&x.0))
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn decompressed<const K: usize>(encodings: &[Eight; K]) -> Decoded<K> {
        Decoded(decompress(&encodings.each_ref().map(|eight| eight.each_ref())))
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn hints_checked(encodings: &Eight, hints: &Eight) -> Decoded<1> {
        Decoded([check_hint(encodings.each_ref(), hints.each_ref())])
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn coordinates(decoded: &Decoded<1>) -> (Eight, Eight, u8) {
        let [Decoded8 { x, y, valid }] = decoded.0;
        (store_octets(x.to_words()), store_octets(y.to_words()), valid)
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn digests(first: &Eight, second: &Eight, messages: [&[u8]; LANE_COUNT]) -> [[u64; 8]; LANE_COUNT] {
        sha512::digests(&core::array::from_fn(|lane| sha512::Pieces {
            first: &first[lane],
            second: Some(&second[lane]),
            message: messages[lane],
        }))
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn window_digits(bits: usize, half: u128) -> [i16; 32] {
        let widths = [Width::FOUR, Width::SIX, Width::EIGHT];
        let width = widths.into_iter().find(|width| width.bits == bits).expect("windows of 4, 6 or 8 bits");
        let mut digits = [0; 32];
        for (group, digits) in digits.chunks_exact_mut(LANE_COUNT).take(width.group_count).enumerate() {
            let biased = width.digits(half, group).to_le_bytes();
            let signed = biased.map(|digit| i16::from(digit.wrapping_sub(width.bias().cast_unsigned()).cast_signed()));
            digits.copy_from_slice(&signed);
        }
        digits
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn lane_digits(scalars: &Eight) -> [[i16; LANE_COUNT]; LANE_DIGITS] {
        let digits: [Digits8; LANE_DIGITS] = signed_digits::<LANE_DIGIT_BITS, _>(load_octets(scalars.each_ref()));
        digits.map(|digit| {
            let magnitudes = store_words(digit.magnitude);
            core::array::from_fn(|lane| {
                let magnitude = i16::try_from(magnitudes[lane]).expect("a digit has 6 bits");
                if digit.negative >> lane & 1 == 1 { -magnitude } else { magnitude }
            })
        })
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn points<const K: usize>(encodings: &[Eight; K]) -> Points<K> {
        Points(encodings.each_ref().map(|eight| Point8::identity().add_niels(&Niels8::load(rows(eight).0.each_ref()))))
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn encodings<const K: usize>(points: &Points<K>) -> [Eight; K] {
        let mut encodings = [[[0; 32]; LANE_COUNT]; K];
        encode_all(&points.0, &mut encodings);
        encodings
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn sums(p: &Points<1>, q: &Points<1>, count: usize) -> Points<1> {
        let cached = q.0[0].cached();
        let mut sum = p.0[0];
        (0..count).for_each(|_| sum = sum.add_cached(&cached));
        Points([sum])
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn sums_affine(p: &Points<1>, q: &Rows, count: usize) -> Points<1> {
        let affine = Niels8::load(q.0.each_ref());
        let mut sum = p.0[0];
        (0..count).for_each(|_| sum = sum.add_niels(&affine));
        Points([sum])
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn doubles(p: &Points<1>, count: usize) -> Points<1> {
        let mut double = p.0[0];
        (0..count).for_each(|_| double = double.double());
        Points([double])
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn doubled_times(p: &Points<1>, count: usize) -> Points<1> {
        Points([p.0[0].double_times(count)])
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn rows(encodings: &Eight) -> Rows {
        let [decoded] = decompress(&[encodings.each_ref()]);
        assert_eq!(decoded.valid, ALL_LANES, "every encoding is a point's");
        Rows(decoded.niels().to_rows())
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn of_rows(rows: &Rows) -> Points<1> {
        Points([Point8::identity().add_niels(&Niels8::load(rows.0.each_ref()))])
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn raised(rows: &Rows) -> Rows {
        Rows(upper::raised(rows.0.each_ref()))
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn public_multiples(scalars: &Eight) -> Points<1> {
        Points([PublicTable::base().add_multiples(load_octets(scalars.each_ref()), &Point8::identity())])
    }

    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn secret_multiples(scalars: &Eight) -> Points<1> {
        Points([SecretTable::base().multiply(load_octets(scalars.each_ref()))])
    }
}
