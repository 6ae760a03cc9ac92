//! SHA-512 of eight messages at once, one per 64-bit lane (FIPS 180-4, sections 5.1.2 and 6.4).
//!
//! Lanes may hold messages of any lengths. A lane that has no more blocks keeps its state while the others go on.
//! Messages are read where they lie: loads that would run past an end are masked, so nothing is copied to be padded.

use core::arch::x86_64::{
    _mm512_add_epi64, _mm512_inserti64x4, _mm512_mask_add_epi64, _mm512_mask_or_epi64, _mm512_maskz_loadu_epi8,
    _mm512_maskz_set1_epi8, _mm512_or_si512, _mm512_ror_epi64, _mm512_set4_epi64, _mm512_setzero_si512,
    _mm512_shuffle_epi8, _mm512_shuffle_i64x2, _mm512_srli_epi64, _mm512_ternarylogic_epi64, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi64, _mm512_zextsi256_si512,
};

use super::lanes::{LANE_COUNT, LaneMask, Lanes, load_octets_of_one, load_words, splat, store_words};

/// Bytes in a block.
const BLOCK_BYTES: usize = 128;

/// Bytes in a vector: the half of a block.
const HALF_BYTES: usize = 64;

/// Bytes that the padding needs at least: the mark 0x80 and the length in 16 bytes.
const PADDING_BYTES_MIN: usize = 17;

/// What one lane hashes: its pieces, one after the other.
#[derive(Clone, Copy)]
pub(super) struct Pieces<'a> {
    pub(super) first: &'a [u8; 32],
    pub(super) second: Option<&'a [u8; 32]>,
    pub(super) message: &'a [u8],
}

impl Pieces<'_> {
    /// Bytes before the message.
    fn head_bytes(&self) -> usize {
        if self.second.is_some() { 64 } else { 32 }
    }

    fn total_bytes(&self) -> usize {
        self.head_bytes() + self.message.len()
    }

    fn block_count(&self) -> usize {
        (self.total_bytes() + PADDING_BYTES_MIN).div_ceil(BLOCK_BYTES)
    }
}

/// The eight digests, each as the little-endian words of its 64 bytes: the integer that Ed25519 reads in it.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn digests(lanes: &[Pieces<'_>; LANE_COUNT]) -> [[u64; 8]; LANE_COUNT] {
    let mut block_counts = [0; LANE_COUNT];
    let mut lengths_bits = [0; LANE_COUNT];
    for (lane, pieces) in lanes.iter().enumerate() {
        block_counts[lane] = pieces.block_count();
        // No machine holds a slice of 2^61 bytes: 64 of the 128 bits that the padding has for the length are enough.
        lengths_bits[lane] = 8 * pieces.total_bytes() as u64;
    }
    let lengths_bits = load_words(&lengths_bits);
    let mut state = INITIAL_STATE.map(|word| splat(word));
    for block in 0..block_counts.iter().copied().max().unwrap_or(0) {
        let (mut running, mut ending): (LaneMask, LaneMask) = (0, 0);
        for (lane, count) in block_counts.iter().enumerate() {
            running |= u8::from(block < *count) << lane;
            ending |= u8::from(block + 1 == *count) << lane;
        }
        let mut schedule = message_words(lanes, block);
        schedule[15] = _mm512_mask_or_epi64(schedule[15], ending, schedule[15], lengths_bits);
        let added = compressed(&state, schedule);
        for (word, added) in state.iter_mut().zip(added) {
            *word = _mm512_mask_add_epi64(*word, running, *word, added);
        }
    }
    transposed(state).map(|digest| store_words(_mm512_shuffle_epi8(digest, byte_swap())))
}

/// Block `block` of every lane, as sixteen big-endian words; all zero in lanes that have ended.
///
/// The words for the length are left clear.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn message_words(lanes: &[Pieces<'_>; LANE_COUNT], block: usize) -> [Lanes; 16] {
    let mut words = [_mm512_setzero_si512(); 16];
    for (half, words) in words.chunks_exact_mut(8).enumerate() {
        let mut rows = [_mm512_setzero_si512(); LANE_COUNT];
        for (row, pieces) in rows.iter_mut().zip(lanes) {
            let bytes = half_block(pieces, block * BLOCK_BYTES + half * HALF_BYTES);
            *row = _mm512_shuffle_epi8(bytes, byte_swap());
        }
        words.copy_from_slice(&transposed(rows));
    }
    words
}

/// The 64 bytes from `offset` of a lane's padded input: its pieces, the mark 0x80, then zeros.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn half_block(pieces: &Pieces<'_>, offset: usize) -> Lanes {
    let head = pieces.head_bytes();
    let total = pieces.total_bytes();
    let from = head.saturating_sub(offset).min(HALF_BYTES);
    let to = total.saturating_sub(offset).min(HALF_BYTES);
    let present = lowest(to) & !lowest(from);
    let start = pieces.message.as_ptr().cast::<i8>().wrapping_add(offset).wrapping_sub(head);
    // SAFETY: bit i is set only where head <= offset + i < total, so that `start` + i lies in the message; bytes whose bit
    // is clear are not accessed.
    let mut bytes = unsafe { _mm512_maskz_loadu_epi8(present, start) };
    if offset == 0 {
        bytes = _mm512_or_si512(bytes, _mm512_zextsi256_si512(load_octets_of_one(pieces.first)));
        if let Some(second) = pieces.second {
            bytes = _mm512_inserti64x4::<1>(bytes, load_octets_of_one(second));
        }
    }
    if (offset..offset + HALF_BYTES).contains(&total) {
        let mark = _mm512_maskz_set1_epi8(1 << (total - offset), i8::MIN);
        bytes = _mm512_or_si512(bytes, mark);
    }
    bytes
}

/// The lowest `count` bits, of 64 at most.
fn lowest(count: usize) -> u64 {
    if count == 0 { 0 } else { u64::MAX >> (HALF_BYTES - count) }
}

/// The state after 80 rounds on one block, before it is added to what it was.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn compressed(state: &[Lanes; 8], mut schedule: [Lanes; 16]) -> [Lanes; 8] {
    let mut working = *state;
    for (sixteen, constants) in ROUND_CONSTANTS.chunks_exact(16).enumerate() {
        for t in 0..16 {
            if sixteen > 0 {
                schedule[t] = next_word(&schedule, t);
            }
            let word = _mm512_add_epi64(schedule[t], splat(constants[t]));
            working = round(working, word);
        }
    }
    working
}

/// The schedule's next word, for the place `t` of the word sixteen steps before it.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn next_word(schedule: &[Lanes; 16], t: usize) -> Lanes {
    let early = schedule[(t + 1) % 16];
    let late = schedule[(t + 14) % 16];
    let sigma_0 = xor3(_mm512_ror_epi64::<1>(early), _mm512_ror_epi64::<8>(early), _mm512_srli_epi64::<7>(early));
    let sigma_1 = xor3(_mm512_ror_epi64::<19>(late), _mm512_ror_epi64::<61>(late), _mm512_srli_epi64::<6>(late));
    let sum = _mm512_add_epi64(schedule[t], schedule[(t + 9) % 16]);
    _mm512_add_epi64(sum, _mm512_add_epi64(sigma_0, sigma_1))
}

/// One round. `word` is the schedule's word plus the round's constant.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn round([a, b, c, d, e, f, g, h]: [Lanes; 8], word: Lanes) -> [Lanes; 8] {
    let sum_1 = xor3(_mm512_ror_epi64::<14>(e), _mm512_ror_epi64::<18>(e), _mm512_ror_epi64::<41>(e));
    let sum_0 = xor3(_mm512_ror_epi64::<28>(a), _mm512_ror_epi64::<34>(a), _mm512_ror_epi64::<39>(a));
    // Truth tables: 0xca is "f where e, else g"; 0xe8 is the majority.
    let choice = _mm512_ternarylogic_epi64::<0xca>(e, f, g);
    let majority = _mm512_ternarylogic_epi64::<0xe8>(a, b, c);
    let t1 = _mm512_add_epi64(_mm512_add_epi64(h, word), _mm512_add_epi64(sum_1, choice));
    let t2 = _mm512_add_epi64(sum_0, majority);
    [_mm512_add_epi64(t1, t2), a, b, c, _mm512_add_epi64(d, t1), e, f, g]
}

#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn xor3(a: Lanes, b: Lanes, c: Lanes) -> Lanes {
    _mm512_ternarylogic_epi64::<0x96>(a, b, c)
}

/// The pattern that reverses the bytes of each word.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn byte_swap() -> Lanes {
    let (upper, lower) = (0x0809_0a0b_0c0d_0e0f, 0x0001_0203_0405_0607);
    _mm512_set4_epi64(upper, lower, upper, lower)
}

/// Rows become columns: word j of row i goes to word i of row j.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn transposed(rows: [Lanes; 8]) -> [Lanes; 8] {
    let mut pairs = [_mm512_setzero_si512(); 8];
    for i in 0..4 {
        // Rows 2i and 2i + 1: their even words interleaved, then their odd words.
        pairs[i] = _mm512_unpacklo_epi64(rows[2 * i], rows[2 * i + 1]);
        pairs[i + 4] = _mm512_unpackhi_epi64(rows[2 * i], rows[2 * i + 1]);
    }
    let mut columns = [_mm512_setzero_si512(); 8];
    for odd in 0..2 {
        let [p, q, r, s] = [pairs[4 * odd], pairs[4 * odd + 1], pairs[4 * odd + 2], pairs[4 * odd + 3]];
        // 0x88 takes 128-bit parts 0 and 2 of each operand, 0xdd parts 1 and 3.
        let (low_even, low_odd) = (_mm512_shuffle_i64x2::<0x88>(p, q), _mm512_shuffle_i64x2::<0xdd>(p, q));
        let (high_even, high_odd) = (_mm512_shuffle_i64x2::<0x88>(r, s), _mm512_shuffle_i64x2::<0xdd>(r, s));
        columns[odd] = _mm512_shuffle_i64x2::<0x88>(low_even, high_even);
        columns[odd + 2] = _mm512_shuffle_i64x2::<0x88>(low_odd, high_odd);
        columns[odd + 4] = _mm512_shuffle_i64x2::<0xdd>(low_even, high_even);
        columns[odd + 6] = _mm512_shuffle_i64x2::<0xdd>(low_odd, high_odd);
    }
    columns
}

/// The first 64 bits of the fractions of the square roots of the first 8 primes (FIPS 180-4, section 5.3.5).
const INITIAL_STATE: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The first 64 bits of the fractions of the cube roots of the first 80 primes (FIPS 180-4, section 4.2.3).
const ROUND_CONSTANTS: [u64; 80] = round_constants();

/// Computes them: 320 digits that nobody needs to compare with the standard.
const fn round_constants() -> [u64; 80] {
    let mut constants = [0; 80];
    let mut candidate = 2;
    let mut found = 0;
    while found < 80 {
        if is_prime(candidate) {
            constants[found] = cube_root_fraction(candidate);
            found += 1;
        }
        candidate += 1;
    }
    constants
}

const fn is_prime(number: u64) -> bool {
    let mut divisor = 2;
    while divisor * divisor <= number {
        if number.is_multiple_of(divisor) {
            return false;
        }
        divisor += 1;
    }
    true
}

/// The first 64 bits of the fraction of `number`'s cube root, bit by bit: the largest r with r^3 <= number * 2^192.
///
/// The 80th prime is 409, its cube root below 8: r has 67 bits at most, and r^3 201.
const fn cube_root_fraction(number: u64) -> u64 {
    let mut root: u128 = 0;
    let mut bit = 67;
    while bit > 0 {
        bit -= 1;
        let trial = root | 1 << bit;
        if cube_is_at_most(trial, number) {
            root = trial;
        }
    }
    // The integer part goes, the fraction stays.
    let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = root.to_le_bytes();
    u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7])
}

/// True if root^3 <= number * 2^192, for a root below 2^67: both sides in units of 2^128 and a rest.
const fn cube_is_at_most(root: u128, number: u64) -> bool {
    let (high, low) = (root >> 34, root & ((1 << 34) - 1));
    // root^2 = square_high * 2^68 + square_middle * 2^34 + square_low, each part below 2^69.
    let (square_high, square_middle, square_low) = (high * high, 2 * high * low, low * low);
    // root^3 by powers of 2^34, parts below 2^105.
    let mut parts = [
        square_low * low,
        square_low * high + square_middle * low,
        square_middle * high + square_high * low,
        square_high * high,
    ];
    let mut index = 0;
    while index < 3 {
        parts[index + 1] += parts[index] >> 34;
        parts[index] &= (1 << 34) - 1;
        index += 1;
    }
    // number * 2^192 = (number * 2^90) * 2^102: compare the top part, then any rest decides.
    let top = (number as u128) << 90;
    parts[3] < top || (parts[3] == top && parts[0] == 0 && parts[1] == 0 && parts[2] == 0)
}

#[cfg(test)]
#[path = "sha512_tests.rs"]
mod tests;
