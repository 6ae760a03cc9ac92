//! Integers modulo L: weighted sums, their reduction, and the signed digits in which the bucket product reads them.
//!
//! Everything here may take time that depends on its input: signatures are public, and weights are used once.

use core::arch::x86_64::_pdep_u64;

use super::lanes::LANE_COUNT;

/// L = 2^252 + [`EXCESS`], the order of the base point (RFC 8032, section 5.1).
const GROUP_ORDER: [u64; 4] = [EXCESS[0], EXCESS[1], 0, 1 << 60];

/// L - 2^252, an integer of 125 bits: modulo L, 2^252 is the same as its negative.
const EXCESS: [u64; 2] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6];

/// Words of a [`WideSum`].
const WIDE_WORDS: usize = 11;

/// Bits in the lower half of a scalar, and in a weight.
///
/// The widest windows here are of 8 bits, 16 to a half: 128 bits with a sign. 2^126 is the largest power of two that every
/// [`Width`] can write (see the assertion beside it). A weight of 126 bits leaves a forger a chance of 2^-126 per attempt
/// that costs him a whole signature check of ours; solving for the secret key takes about that many steps too
/// (sqrt(pi L / 4) = 2^125.8 by Pollard's rho), so the weights are not the weakest part.
pub(super) const HALF_BITS: usize = 126;

/// The largest value that a half takes: L - 1 shifted down by 126 bits.
pub(super) const HALF_MAX: u128 = 1 << 126;

const _: () = assert!(GROUP_ORDER[3] << 4 == 0 && GROUP_ORDER[2] == 0, "the upper half of L is 2^126 exactly");

/// A sum of products, not yet reduced: a nonnegative integer below 2^697.
///
/// A weight below 2^126 times a hash below 2^512 is below 2^638, so 2^59 of them fit.
#[derive(Clone, Copy)]
pub(super) struct WideSum([u64; WIDE_WORDS]);

impl WideSum {
    pub(super) const ZERO: Self = Self([0; WIDE_WORDS]);

    /// Adds `weight` times the integer of these words, least significant first.
    #[inline]
    pub(super) fn add_product<const COUNT: usize>(&mut self, weight: u128, words: &[u64; COUNT]) {
        const { assert!(COUNT + 2 < WIDE_WORDS) };
        for (shift, weight) in words_of(weight).into_iter().enumerate() {
            let mut carry = 0;
            for (sum, word) in self.0[shift..].iter_mut().zip(words) {
                (*sum, carry) = weight.carrying_mul_add(*word, *sum, carry);
            }
            for sum in &mut self.0[shift + COUNT..] {
                let overflow;
                (*sum, overflow) = sum.overflowing_add(carry);
                carry = u64::from(overflow);
            }
            debug_assert!(carry == 0, "the sum stays below 2^704");
        }
    }

    /// The sum modulo L.
    ///
    /// With x = high 2^252 + low, x is low - EXCESS high modulo L. Applied to the product EXCESS high, again and again, it
    /// gives lows of alternating sign until nothing is left above bit 252: x = low0 - low1 + low2 - low3 + rest.
    pub(super) fn reduced(&self) -> Reduced {
        let (low0, product) = folded::<11, 9>(&self.0); // from below 2^697: below 2^570
        let (low1, product) = folded::<9, 7>(&product); // below 2^443
        let (low2, product) = folded::<7, 5>(&product); // below 2^316
        let (low3, product) = folded::<5, 3>(&product); // below 2^189
        let [rest0, rest1, rest2] = product;
        // Below 2^252 + 2^252 + 2^189, plus 2 L: below 2^255. The lows to subtract are below 2^253, which is below 2 L.
        let twice_order = sum(&GROUP_ORDER, &GROUP_ORDER);
        let positive = sum(&sum(&low0, &low2), &sum(&[rest0, rest1, rest2, 0], &twice_order));
        let (positive, borrowed) = difference(&positive, &sum(&low1, &low3));
        debug_assert!(!borrowed, "two lows are less than 2 L");
        Reduced::from_below_2_to_256(&positive)
    }
}

/// Splits an integer below 2^(64 LENGTH - 4) at bit 252: its low part, and EXCESS times its high part.
///
/// If the integer is below 2^b, the product is below 2^(b - 252 + 125).
#[inline]
fn folded<const LENGTH: usize, const NEXT: usize>(value: &[u64; LENGTH]) -> ([u64; 4], [u64; NEXT]) {
    const { assert!(NEXT + 2 == LENGTH && LENGTH >= 5) };
    debug_assert!(value[LENGTH - 1] >> 60 == 0, "the value is below 2^(64 LENGTH - 4)");
    let low = [value[0], value[1], value[2], value[3] & ((1 << 60) - 1)];
    let mut product = [0; NEXT];
    for (place, pair) in value[3..].windows(2).enumerate() {
        let high = pair[0] >> 60 | pair[1] << 4;
        let (word0, carry) = high.carrying_mul_add(EXCESS[0], product[place], 0);
        let (word1, carry) = high.carrying_mul_add(EXCESS[1], product[place + 1], carry);
        product[place] = word0;
        product[place + 1] = word1;
        product[place + 2] = carry;
    }
    (low, product)
}

/// An integer below L, least significant word first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reduced([u64; 4]);

impl Reduced {
    /// Any integer of 512 bits, modulo L: the challenge k of a single check.
    pub(super) fn from_hash(words: &[u64; 8]) -> Self {
        let mut wide = WideSum::ZERO;
        wide.0[..8].copy_from_slice(words);
        wide.reduced()
    }

    fn from_below_2_to_256(words: &[u64; 4]) -> Self {
        let quotient = words[3] >> 60;
        let low = [words[0], words[1], words[2], words[3] & ((1 << 60) - 1)];
        // quotient * L = quotient * 2^252 + excess, where excess is below 2^129 and so below L.
        let (word0, carry) = quotient.carrying_mul(EXCESS[0], 0);
        let (word1, carry) = quotient.carrying_mul(EXCESS[1], carry);
        let (reduced, borrowed) = difference(&low, &[word0, word1, carry, 0]);
        if borrowed { Self(sum(&reduced, &GROUP_ORDER)) } else { Self(reduced) }
    }

    /// The integer's words.
    pub(super) fn words(&self) -> [u64; 4] {
        self.0
    }

    /// low and high with low + 2^126 high: the low one below 2^126, the high one at most [`HALF_MAX`].
    pub(super) fn halves(&self) -> [u128; 2] {
        let lower = u128::from(self.0[0]) | u128::from(self.0[1]) << 64;
        let upper = u128::from(self.0[2]) | u128::from(self.0[3]) << 64;
        [lower & (HALF_MAX - 1), lower >> HALF_BITS | upper << (128 - HALF_BITS)]
    }
}

/// Words of an S that is known to be below L.
pub(super) fn words_of_octets(octets: &[u8; 32]) -> [u64; 4] {
    let (words, _) = octets.as_chunks();
    core::array::from_fn(|index| u64::from_le_bytes(words[index]))
}

/// How wide the windows are into which a half is cut, and how many groups of eight windows, one per lane, that makes.
///
/// A digit of w bits lies in [-2^(w-1), 2^(w-1)); lane l of group g holds the digit of weight 2^(w (8 g + l)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Width {
    pub(super) bits: usize,
    pub(super) group_count: usize,
    /// The sum of 2^(w-1) at every window: what makes all digits nonnegative when it is added to the number.
    bias: [u64; 3],
    /// The places of eight digits, one to a byte.
    digit_mask: u64,
}

impl Width {
    /// Windows of 4 bits: the fewest buckets.
    pub(super) const FOUR: Self = Self::new(4);
    /// Windows of 6 bits. With 5 there are as many groups as with 4, with 7 as many as with 6, and only more buckets.
    pub(super) const SIX: Self = Self::new(6);
    /// Windows of 8 bits: the fewest additions.
    pub(super) const EIGHT: Self = Self::new(8);

    const fn new(bits: usize) -> Self {
        let group_bits = bits * LANE_COUNT;
        // One bit more than a half has, for the sign.
        let group_count = (HALF_BITS + 1).div_ceil(group_bits);
        let mut bias = [0; 3];
        let mut window = 0;
        while window < group_count * LANE_COUNT {
            let bit = bits * (window + 1) - 1;
            bias[bit / 64] |= 1 << (bit % 64);
            window += 1;
        }
        let digit_mask = u64::MAX / 0xff * ((1 << bits) - 1);
        Self { bits, group_count, bias, digit_mask }
    }

    /// What is to be subtracted from each byte that [`Width::digits`] gives.
    pub(super) const fn bias(self) -> i8 {
        // 2^(w-1); for eight bits that is 128, which is the same as -128 modulo 256.
        (1_u8 << (self.bits - 1)).cast_signed()
    }

    /// Bits in a group of eight windows.
    pub(super) const fn group_bits(self) -> usize {
        self.bits * LANE_COUNT
    }

    /// Buckets that a digit's absolute value may fall into, without the one for zero.
    pub(super) const fn bucket_count(self) -> usize {
        1 << (self.bits - 1)
    }

    /// The digits of `half`, at most [`HALF_MAX`], in one group: a byte per lane, each too large by [`Width::bias`].
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn digits(self, half: u128, group: usize) -> u64 {
        debug_assert!(half <= HALF_MAX && group < self.group_count);
        let [half0, half1] = words_of(half);
        let (biased0, carry) = half0.carrying_add(self.bias[0], false);
        let (biased1, carry) = half1.carrying_add(self.bias[1], carry);
        let biased = [biased0, biased1, self.bias[2] + u64::from(carry), 0];
        let (word, bit) = (group * self.group_bits() / 64, group * self.group_bits() % 64);
        _pdep_u64(biased[word] >> bit | (biased[word + 1] << 1) << (63 - bit), self.digit_mask)
    }
}

/// True if the largest half plus the bias leaves the highest window without a carry.
const fn holds_a_half(width: Width) -> bool {
    let low = width.bias[0] as u128 | (width.bias[1] as u128) << 64;
    let (_, carry) = low.overflowing_add(HALF_MAX);
    let high = width.bias[2] as u128 + carry as u128;
    let bits = width.group_bits() * width.group_count;
    if bits <= 128 { high == 0 } else { high >> (bits - 128) == 0 }
}

const _: () = assert!(holds_a_half(Width::FOUR) && holds_a_half(Width::SIX) && holds_a_half(Width::EIGHT));
const _: () = assert!(Width::EIGHT.group_count == 2 && Width::SIX.group_count == 3 && Width::FOUR.group_count == 4);

/// Low word, high word.
fn words_of(value: u128) -> [u64; 2] {
    let [b0, b1, b2, b3, b4, b5, b6, b7, high @ ..] = value.to_le_bytes();
    [u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]), u64::from_le_bytes(high)]
}

/// The sum modulo 2^256.
fn sum(left: &[u64; 4], right: &[u64; 4]) -> [u64; 4] {
    let mut carry = false;
    let mut total = [0; 4];
    for (total, (left, right)) in total.iter_mut().zip(left.iter().zip(right)) {
        (*total, carry) = left.carrying_add(*right, carry);
    }
    total
}

/// The difference modulo 2^256, and whether it is negative.
fn difference(left: &[u64; 4], right: &[u64; 4]) -> ([u64; 4], bool) {
    let mut borrow = false;
    let mut total = [0; 4];
    for (total, (left, right)) in total.iter_mut().zip(left.iter().zip(right)) {
        (*total, borrow) = left.borrowing_sub(*right, borrow);
    }
    (total, borrow)
}

#[cfg(test)]
#[path = "scalar_tests.rs"]
mod tests;
