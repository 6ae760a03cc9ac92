//! Scalars against curve25519-dalek's.

use super::*;
use crate::backend::ifma;
use curve25519_dalek::scalar::Scalar;

/// A repeatable stream of words (splitmix64), with words of all zeros and all ones strewn in.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        match mixed % 16 {
            0 => 0,
            1 => u64::MAX,
            _ => mixed,
        }
    }

    fn words<const COUNT: usize>(&mut self) -> [u64; COUNT] {
        core::array::from_fn(|_| self.next())
    }

    fn half(&mut self) -> u128 {
        (u128::from(self.next()) | u128::from(self.next()) << 64) & (HALF_MAX - 1)
    }
}

/// The integer of these words modulo L, by Horner's rule in the other library.
fn by_dalek(words: &[u64]) -> Scalar {
    let two_to_64 = Scalar::from(1_u128 << 64);
    words.iter().rev().fold(Scalar::ZERO, |sum, word| sum * two_to_64 + Scalar::from(*word))
}

fn scalar(reduced: Reduced) -> Scalar {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(reduced.words()) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    Scalar::from_canonical_bytes(bytes).expect("reduced below L")
}

/// Multiples of L and their neighbours, powers of two, all ones.
fn edges() -> Vec<[u64; 8]> {
    let mut edges = vec![[0; 8], [u64::MAX; 8]];
    for multiple in 0..20_u64 {
        let mut words = [0; 8];
        let mut carry = 0;
        for (word, order) in words.iter_mut().zip(GROUP_ORDER) {
            (*word, carry) = multiple.carrying_mul_add(order, 0, carry);
        }
        words[4] = carry;
        edges.push(words);
        edges.push([&[words[0] + 1], &words[1..]].concat().try_into().unwrap());
        edges.push([&[words[0].wrapping_sub(1)], &words[1..]].concat().try_into().unwrap());
    }
    edges.extend((0..512).map(|bit| core::array::from_fn(|index| if bit / 64 == index { 1 << (bit % 64) } else { 0 })));
    edges.extend((0..512).map(|bit| {
        core::array::from_fn(|index| match (bit / 64).cmp(&index) {
            core::cmp::Ordering::Greater => u64::MAX,
            core::cmp::Ordering::Equal => (1 << (bit % 64)) - 1,
            core::cmp::Ordering::Less => 0,
        })
    }));
    edges
}

#[test]
fn hashes_are_reduced_as_by_dalek() {
    let mut words = Words(1);
    for hash in edges().into_iter().chain((0..2000).map(|_| words.words())) {
        assert_eq!(scalar(Reduced::from_hash(&hash)), by_dalek(&hash), "{hash:x?}");
    }
}

#[test]
fn sums_of_products_are_reduced_as_by_dalek() {
    let mut words = Words(2);
    for count in [1, 2, 3, 64, 1024] {
        let mut wide = WideSum::ZERO;
        let mut expected = Scalar::ZERO;
        for _ in 0..count {
            let (weight, hash, s) = (words.half(), words.words::<8>(), words.words::<4>());
            wide.add_product(weight, &hash);
            wide.add_product(weight, &s);
            expected += Scalar::from(weight) * (by_dalek(&hash) + by_dalek(&s));
        }
        assert_eq!(scalar(wide.reduced()), expected, "{count} products");
    }
}

/// Larger than any batch can make them: the bound that the type promises.
#[test]
fn the_largest_wide_sum_is_reduced() {
    let mut largest = [u64::MAX; WIDE_WORDS];
    largest[WIDE_WORDS - 1] = (1 << 57) - 1; // 2^697 - 1
    assert_eq!(scalar(WideSum(largest).reduced()), by_dalek(&largest));
    let mut products = WideSum::ZERO;
    (0..5000).for_each(|_| products.add_product(HALF_MAX - 1, &[u64::MAX; 8]));
    let expected = Scalar::from(5000_u64) * Scalar::from(HALF_MAX - 1) * by_dalek(&[u64::MAX; 8]);
    assert_eq!(scalar(products.reduced()), expected);
}

#[test]
fn halves_add_up_to_the_scalar() {
    let mut words = Words(3);
    for hash in edges().into_iter().chain((0..500).map(|_| words.words())) {
        let reduced = Reduced::from_hash(&hash);
        let [low, high] = reduced.halves();
        assert!(low < HALF_MAX && high <= HALF_MAX);
        assert_eq!(Scalar::from(low) + Scalar::from(high) * Scalar::from(HALF_MAX), scalar(reduced));
    }
    // L - 1 has the largest upper half there is.
    let [_, high] = Reduced::from_hash(&[GROUP_ORDER[0] - 1, GROUP_ORDER[1], 0, GROUP_ORDER[3], 0, 0, 0, 0]).halves();
    assert_eq!(high, HALF_MAX);
}

#[test]
fn digits_add_up_to_what_they_were_cut_from() {
    if !ifma::is_supported() {
        return;
    }
    let mut words = Words(4);
    let edges = (0..=HALF_BITS).flat_map(|bit| [1 << bit, (1_u128 << bit) - 1, (1_u128 << bit) | 1]);
    let halves: Vec<_> = edges.filter(|half| *half <= HALF_MAX).chain((0..2000).map(|_| words.half())).collect();
    for width in [Width::FOUR, Width::SIX, Width::EIGHT] {
        for half in &halves {
            // SAFETY: the machine has the features of this room.
            let digits = |group| unsafe { width.digits(*half, group) };
            let windows = (0..width.group_count).flat_map(|group| digits(group).to_le_bytes());
            let mut sum = Scalar::ZERO;
            for digit in windows.collect::<Vec<_>>().into_iter().rev() {
                let digit = digit.wrapping_sub(width.bias().cast_unsigned()).cast_signed();
                assert!(usize::from(digit.unsigned_abs()) <= width.bucket_count());
                let magnitude = Scalar::from(digit.unsigned_abs());
                sum = sum * Scalar::from(1_u64 << width.bits) + if digit < 0 { -magnitude } else { magnitude };
            }
            assert_eq!(sum, Scalar::from(*half), "{half:x} in windows of {} bits", width.bits);
        }
    }
}

/// A sum past its bound: the word above it would be lost. Only debug builds look.
#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "the sum stays below 2^704")]
fn a_wide_sum_that_overflows_is_caught_in_debug_builds() {
    WideSum([u64::MAX; WIDE_WORDS]).add_product(HALF_MAX - 1, &[u64::MAX; 8]);
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "the value is below 2^(64 LENGTH - 4)")]
fn a_wide_sum_beyond_its_bound_is_not_reduced_in_debug_builds() {
    WideSum([u64::MAX; WIDE_WORDS]).reduced();
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "half <= HALF_MAX")]
fn a_half_beyond_its_bound_has_no_digits_in_debug_builds() {
    assert!(ifma::is_supported(), "half <= HALF_MAX, but nobody can say so here");
    // SAFETY: the machine has the features of this room.
    unsafe { Width::SIX.digits(HALF_MAX + 1, 0) };
}
