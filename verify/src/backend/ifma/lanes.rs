//! Eight 64-bit lanes, and the only places of the room where a pointer is followed.
//!
//! Everything that the other files do with memory goes through [`load_words`], [`load_quad`], [`load_octets`] and their
//! counterparts. Each takes a reference to an array of exactly the bytes that its one instruction touches, so callers need
//! no `unsafe`, and the instructions used need no alignment.

use core::arch::x86_64::{
    __m256i, __m512i, __mmask8, _mm256_loadu_si256, _mm256_storeu_si256, _mm512_castsi256_si512,
    _mm512_castsi512_si256, _mm512_extracti64x4_epi64, _mm512_inserti64x4, _mm512_loadu_si512,
    _mm512_permutex2var_epi64, _mm512_set1_epi64, _mm512_setr_epi64, _mm512_storeu_si512, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi64,
};

/// One 64-bit word for each of eight computations that know nothing of each other.
pub(super) type Lanes = __m512i;

/// Four 64-bit words of one lane.
pub(super) type Quad = __m256i;

/// One bit per lane, lane 0 in the lowest.
pub(super) type LaneMask = __mmask8;

/// 64-bit lanes in a 512-bit register.
pub(super) const LANE_COUNT: usize = 8;

/// The mask of every lane.
pub(super) const ALL_LANES: LaneMask = 0xff;

/// The same word in every lane.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn splat(word: u64) -> Lanes {
    _mm512_set1_epi64(word.cast_signed())
}

/// Lane i takes `words[i]`.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn load_words(words: &[u64; LANE_COUNT]) -> Lanes {
    // SAFETY: the reference covers the 64 bytes that are read, and this load needs no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

/// The word of lane i becomes `words[i]`.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn store_words(lanes: Lanes) -> [u64; LANE_COUNT] {
    let mut words = [0; LANE_COUNT];
    // SAFETY: `words` is 64 bytes long and ours alone, and this store needs no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), lanes) };
    words
}

/// Four words per lane, from eight places: vector w of the result holds word w of `rows[lane]` in each lane.
///
/// A register is filled with 256 bits at a time and transposed there: 8 loads and 8 shuffles for 32 words, where gather
/// instructions would make 32 accesses.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn load_quads(rows: [&[u64; 4]; LANE_COUNT]) -> [Lanes; 4] {
    turn_in([
        pair(load_quad(rows[0]), load_quad(rows[4])),
        pair(load_quad(rows[1]), load_quad(rows[5])),
        pair(load_quad(rows[2]), load_quad(rows[6])),
        pair(load_quad(rows[3]), load_quad(rows[7])),
    ])
}

/// Like [`load_quads`], from 32 octets per lane read as four little-endian words.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn load_octets(rows: [&[u8; 32]; LANE_COUNT]) -> [Lanes; 4] {
    turn_in([
        pair(load_octets_of_one(rows[0]), load_octets_of_one(rows[4])),
        pair(load_octets_of_one(rows[1]), load_octets_of_one(rows[5])),
        pair(load_octets_of_one(rows[2]), load_octets_of_one(rows[6])),
        pair(load_octets_of_one(rows[3]), load_octets_of_one(rows[7])),
    ])
}

/// The reverse of [`load_quads`]: the four words of each lane, to be stored where the lane belongs by [`store_quad`].
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn quads(words: [Lanes; 4]) -> [Quad; LANE_COUNT] {
    let [pair04, pair15, pair26, pair37] = turn_out(words);
    [
        _mm512_castsi512_si256(pair04),
        _mm512_castsi512_si256(pair15),
        _mm512_castsi512_si256(pair26),
        _mm512_castsi512_si256(pair37),
        _mm512_extracti64x4_epi64::<1>(pair04),
        _mm512_extracti64x4_epi64::<1>(pair15),
        _mm512_extracti64x4_epi64::<1>(pair26),
        _mm512_extracti64x4_epi64::<1>(pair37),
    ]
}

/// The reverse of [`load_octets`].
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn store_octets(words: [Lanes; 4]) -> [[u8; 32]; LANE_COUNT] {
    let mut rows = [[0; 32]; LANE_COUNT];
    for (row, quad) in rows.iter_mut().zip(quads(words)) {
        store_octets_of_one(quad, row);
    }
    rows
}

/// From rows (j | j + 4) in vector j to words: lane i of vector w is word w of row i.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn turn_in(pairs: [Lanes; 4]) -> [Lanes; 4] {
    let even01 = _mm512_unpacklo_epi64(pairs[0], pairs[1]);
    let odd01 = _mm512_unpackhi_epi64(pairs[0], pairs[1]);
    let even23 = _mm512_unpacklo_epi64(pairs[2], pairs[3]);
    let odd23 = _mm512_unpackhi_epi64(pairs[2], pairs[3]);
    [lower_halves(even01, even23), lower_halves(odd01, odd23), upper_halves(even01, even23), upper_halves(odd01, odd23)]
}

/// The reverse of [`turn_in`].
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn turn_out(words: [Lanes; 4]) -> [Lanes; 4] {
    let even01 = _mm512_unpacklo_epi64(words[0], words[1]);
    let odd01 = _mm512_unpackhi_epi64(words[0], words[1]);
    let even23 = _mm512_unpacklo_epi64(words[2], words[3]);
    let odd23 = _mm512_unpackhi_epi64(words[2], words[3]);
    [lower_halves(even01, even23), lower_halves(odd01, odd23), upper_halves(even01, even23), upper_halves(odd01, odd23)]
}

/// In each 256-bit half: the lower 128 bits of `a`, then those of `b`.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn lower_halves(a: Lanes, b: Lanes) -> Lanes {
    _mm512_permutex2var_epi64(a, _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), b)
}

/// In each 256-bit half: the upper 128 bits of `a`, then those of `b`.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn upper_halves(a: Lanes, b: Lanes) -> Lanes {
    _mm512_permutex2var_epi64(a, _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15), b)
}

#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn pair(low: Quad, high: Quad) -> Lanes {
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
}

#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn load_quad(words: &[u64; 4]) -> Quad {
    // SAFETY: the reference covers the 32 bytes that are read, and this load needs no alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

/// Writes the four words.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn store_quad(quad: Quad, words: &mut [u64; 4]) {
    // SAFETY: the reference is unique and covers the 32 bytes that are written; this store needs no alignment.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), quad) }
}

/// 32 octets as four little-endian words.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn load_octets_of_one(octets: &[u8; 32]) -> Quad {
    // SAFETY: the reference covers the 32 bytes that are read, and this load needs no alignment.
    unsafe { _mm256_loadu_si256(octets.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn store_octets_of_one(quad: Quad, octets: &mut [u8; 32]) {
    // SAFETY: the reference is unique and covers the 32 bytes that are written; this store needs no alignment.
    unsafe { _mm256_storeu_si256(octets.as_mut_ptr().cast(), quad) }
}
