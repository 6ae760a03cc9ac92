//! Tables and digits against curve25519-dalek.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;

use super::*;
use crate::backend::ifma::encode::encode_all;
use crate::backend::ifma::lanes::load_quads;
use crate::backend::ifma::tests::{Numbers, octets_to_words, on_vectors};

/// 0, 1, 2, L - 2, L - 1; powers of two up to 2^252 and their negatives; runs of ones, which carry through all digits; scalars
/// whose digits are all at their bound; random ones. A multiple of eight.
fn scalars() -> Vec<Scalar> {
    let mut numbers = Numbers(31);
    let two = Scalar::from(2_u8);
    let powers = core::iter::successors(Some(Scalar::ONE), |power| Some(power * two)).take(253);
    let mut scalars: Vec<_> = powers.flat_map(|power| [power, -power, power - Scalar::ONE]).collect();
    scalars.extend([Scalar::ZERO, two]);
    for (bits, digit) in [(5, 16_u8), (5, 15), (6, 32), (6, 31)] {
        let base = Scalar::from(1_u64 << bits);
        scalars.push((0..252 / bits).fold(Scalar::ZERO, |sum, _| sum * base + Scalar::from(digit)));
    }
    let missing = scalars.len().next_multiple_of(8) - scalars.len();
    scalars.extend((0..missing + 16).map(|_| numbers.scalar()));
    scalars
}

fn words(scalar: &Scalar) -> [u64; 4] {
    octets_to_words(scalar.as_bytes())
}

#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn encoded(point: &Point8) -> [[u8; 32]; 8] {
    let mut encodings = [[[0; 32]; 8]];
    encode_all(&[*point], &mut encodings);
    encodings[0]
}

#[test]
fn digits_are_small_and_add_up_to_the_scalar() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn assert_digits<const BITS: u32, const COUNT: usize>(scalars: &[Scalar; 8]) {
        let words = scalars.each_ref().map(words);
        let mut sums = [Scalar::ZERO; 8];
        for digit in signed_digits::<BITS, COUNT>(load_quads(words.each_ref())).iter().rev() {
            let magnitudes = store_words(digit.magnitude);
            for (lane, sum) in sums.iter_mut().enumerate() {
                assert!(magnitudes[lane] <= 1 << (BITS - 1));
                let digit_abs = Scalar::from(magnitudes[lane]);
                let negative = digit.negative >> lane & 1 == 1;
                *sum = *sum * Scalar::from(1_u64 << BITS) + if negative { -digit_abs } else { digit_abs };
            }
        }
        assert_eq!(sums, *scalars);
    }
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        for scalars in scalars().as_chunks().0 {
            assert_digits::<PUBLIC_BITS, PUBLIC_COUNT>(scalars);
            assert_digits::<SECRET_BITS, SECRET_COUNT>(scalars);
            assert_digits::<3, 85>(scalars);
            assert_digits::<4, 64>(scalars);
            assert_digits::<8, 32>(scalars);
        }
    }
    on_vectors(check);
}

#[test]
fn secret_multiples_of_the_base_point_are_dalek_s() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        for scalars in scalars().as_chunks::<8>().0 {
            let words = scalars.each_ref().map(words);
            let products = SecretTable::base().multiply(load_quads(words.each_ref()));
            assert_eq!(encoded(&products), scalars.map(|scalar| EdwardsPoint::mul_base(&scalar).compress().0));
        }
    }
    on_vectors(check);
}

/// The entry for each digit, in each window: none is misplaced, and lanes do not see each other's digits.
#[test]
fn every_entry_of_the_secret_table_is_found() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let table = SecretTable::base();
        let mut weight = Scalar::ONE;
        for window in &table.windows {
            for first in (-16..=16_i64).step_by(3) {
                let digits: [i64; 8] = core::array::from_fn(|lane| (first + 5 * lane as i64 + 16) % 33 - 16);
                let digit = Digits8 {
                    magnitude: load_words(&digits.map(i64::unsigned_abs)),
                    negative: (0..8).fold(0, |mask, lane| mask | u8::from(digits[lane] < 0) << lane),
                };
                let entries = Point8::identity().add_niels(&window.entry(&digit));
                let expected = digits.map(|digit| {
                    let product = EdwardsPoint::mul_base(&(weight * Scalar::from(digit.unsigned_abs())));
                    if digit < 0 { -product } else { product }.compress().0
                });
                assert_eq!(encoded(&entries), expected);
            }
            weight *= Scalar::from(1_u64 << SECRET_BITS);
        }
    }
    on_vectors(check);
}

#[test]
fn public_multiples_are_added_as_by_dalek() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let start = Numbers(33).point();
        let [decoded] = decompress(&[[&start.compress().0; LANE_COUNT]]);
        let sum = Point8::identity().add_niels(&decoded.niels());
        for scalars in scalars().as_chunks::<8>().0 {
            let words = scalars.each_ref().map(words);
            let sums = PublicTable::base().add_multiples(load_quads(words.each_ref()), &sum);
            let expected = scalars.map(|scalar| (start + EdwardsPoint::mul_base(&scalar)).compress().0);
            assert_eq!(encoded(&sums), expected);
        }
    }
    on_vectors(check);
}
