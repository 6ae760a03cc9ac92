//! Scalars cut into signed digits, eight scalars side by side.

use core::arch::x86_64::{
    _mm512_abs_epi64, _mm512_add_epi64, _mm512_and_si512, _mm512_movepi64_mask, _mm512_or_si512, _mm512_setzero_si512,
    _mm512_slli_epi64, _mm512_sllv_epi64, _mm512_srli_epi64, _mm512_sub_epi64,
};

use super::lanes::{LaneMask, Lanes, splat};

/// A signed digit per lane. Zero may have either sign.
#[derive(Clone, Copy)]
pub(super) struct Digits8 {
    /// The digit's absolute value.
    pub(super) magnitude: Lanes,
    /// The lanes whose digit is negative.
    pub(super) negative: LaneMask,
}

/// Integers below L < 2^253, cut: the sum of digit i times 2^(`BITS` i) is the integer, and no digit's absolute value
/// exceeds 2^(`BITS` - 1). Takes the same time for all integers.
///
/// `words` are four 64-bit words per lane, lowest first. A digit from 2^(BITS - 1) up becomes negative by passing one on to
/// the next; the highest has room for that, since `BITS` times `COUNT` is at least 254.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn signed_digits<const BITS: u32, const COUNT: usize>(words: [Lanes; 4]) -> [Digits8; COUNT] {
    const { assert!(BITS >= 3 && BITS <= 8 && BITS as usize * COUNT >= 254) };
    let mut digits = [Digits8 { magnitude: _mm512_setzero_si512(), negative: 0 }; COUNT];
    let mut rest = words;
    let mut carried = _mm512_setzero_si512();
    for digit in &mut digits {
        let unsigned = _mm512_add_epi64(_mm512_and_si512(rest[0], splat((1 << BITS) - 1)), carried);
        carried = _mm512_srli_epi64::<BITS>(_mm512_add_epi64(unsigned, splat(1 << (BITS - 1))));
        let signed = _mm512_sub_epi64(unsigned, _mm512_slli_epi64::<BITS>(carried));
        *digit = Digits8 { magnitude: _mm512_abs_epi64(signed), negative: _mm512_movepi64_mask(signed) };
        rest = shifted_down::<BITS>(rest);
    }
    digits
}

/// The integers divided by 2^BITS.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn shifted_down<const BITS: u32>(words: [Lanes; 4]) -> [Lanes; 4] {
    let up = splat(u64::from(64 - BITS));
    let mut shifted = words;
    for index in 0..3 {
        let from_above = _mm512_sllv_epi64(words[index + 1], up);
        shifted[index] = _mm512_or_si512(_mm512_srli_epi64::<BITS>(words[index]), from_above);
    }
    shifted[3] = _mm512_srli_epi64::<BITS>(words[3]);
    shifted
}
