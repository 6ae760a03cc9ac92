//! From encodings to points: by a square root, or by a coordinate that came along and is checked.

use core::arch::x86_64::_mm512_movepi64_mask;

use super::field::{Field8, LIMB_COUNT};
use super::lanes::{ALL_LANES, LANE_COUNT, LaneMask, load_octets};
use super::point::Niels8;
use super::power::power_p58;

/// d = -121665/121666 (RFC 8032, section 5.1).
pub(super) const D: [u64; LIMB_COUNT] =
    [0x3_4dca_1359_78a3, 0x1_a828_3b15_6ebd, 0x5_e7a2_6001_c029, 0x7_39c6_63a0_3cbb, 0x5_2036_cee2_b6ff];

/// 2^((p - 1) / 4), a square root of -1.
pub(super) const ROOT_OF_MINUS_ONE: [u64; LIMB_COUNT] =
    [0x6_1b27_4a0e_a0b0, 0x0_d5a5_fc8f_189d, 0x7_ef5e_9cbd_0c60, 0x7_8595_a680_4c9e, 0x2_b832_4804_fc1d];

/// What eight encodings stand for.
#[derive(Clone, Copy)]
pub(super) struct Decoded8 {
    /// Affine coordinates. In lanes that are not valid they are numbers without meaning.
    pub(super) x: Field8,
    /// See `x`.
    pub(super) y: Field8,
    /// The lanes whose encoding is canonical and a point of the curve (rule 2 of the crate's acceptance rule).
    pub(super) valid: LaneMask,
}

impl Decoded8 {
    /// The points, ready to be added; the identity in the lanes that are not valid.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn niels(&self) -> Niels8 {
        Niels8::select(self.valid, &Niels8::identity(), &Niels8::from_affine(&self.x, &self.y))
    }
}

/// Decodes `K` times eight points (RFC 8032, section 5.1.3), strictly: y < p, and no sign on x = 0.
///
/// Two times eight at once take about a third less time each than one: see [`power_p58`].
#[inline(never)]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn decompress<const K: usize>(encodings: &[[&[u8; 32]; LANE_COUNT]; K]) -> [Decoded8; K] {
    let mut read = [(Field8::zero(), 0); K];
    let mut ratios = [[Field8::zero(); 2]; K];
    let mut powers = [Field8::zero(); K];
    for index in 0..K {
        let (y, negative) = read_encodings(encodings[index]);
        let [u, v] = x_squared_ratio(&y);
        let v_3 = v.square().mul(&v);
        powers[index] = v_3.square().mul(&v).mul(&u); // u v^7
        read[index] = (y, negative);
        ratios[index] = [u, v];
    }
    let powers = power_p58(&powers);
    let mut decoded = [Decoded8 { x: Field8::zero(), y: Field8::zero(), valid: 0 }; K];
    for index in 0..K {
        let (y, negative) = read[index];
        let (root, is_square) = root_of_ratio(&ratios[index], &powers[index]);
        let x_is_zero = root.is_zero();
        let x = Field8::select(root.is_odd() ^ negative, &root, &root.neg());
        let valid = is_square & !(x_is_zero & negative) & !y.is_beyond_p();
        decoded[index] = Decoded8 { x, y, valid };
    }
    decoded
}

/// Decodes eight points whose x coordinates came along, little-endian, in `hints`: no root, a few products.
///
/// A lane is valid exactly if [`decompress`] finds it valid and the hint is the canonical encoding of the x that it finds,
/// so a hint need not be trusted. The parity of x is the sign bit, which settles -0 as well.
#[inline(never)]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn check_hint(encodings: [&[u8; 32]; LANE_COUNT], hints: [&[u8; 32]; LANE_COUNT]) -> Decoded8 {
    let (y, negative) = read_encodings(encodings);
    let (x, top_bit) = read_encodings(hints);
    let [u, v] = x_squared_ratio(&y);
    let on_curve = x.square().mul(&v).equals(&u);
    let canonical = !(y.is_beyond_p() | x.is_beyond_p() | top_bit);
    let sign_agrees = !(x.is_odd() ^ negative);
    Decoded8 { x, y, valid: on_curve & canonical & sign_agrees & ALL_LANES }
}

/// The low 255 bits, and the lanes in which bit 255 is set.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn read_encodings(encodings: [&[u8; 32]; LANE_COUNT]) -> (Field8, LaneMask) {
    let words = load_octets(encodings);
    (Field8::from_words(words), _mm512_movepi64_mask(words[3]))
}

/// u and v with x^2 = u/v: u = y^2 - 1, v = d y^2 + 1, which is never 0.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn x_squared_ratio(y: &Field8) -> [Field8; 2] {
    let y_squared = y.square();
    let one = Field8::one();
    [y_squared.sub(&one), y_squared.mul(&Field8::splat(D)).add(&one)]
}

/// A square root of u/v, and the lanes in which there is one, given `power` = (u v^7)^((p - 5) / 8).
///
/// The candidate r = u v^3 `power` has v r^2 = u, or -u, or neither; in the second case the root is r times that of -1.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn root_of_ratio([u, v]: &[Field8; 2], power: &Field8) -> (Field8, LaneMask) {
    let candidate = v.square().mul(v).mul(u).mul(power);
    let square = candidate.square().mul(v);
    let is_root = square.equals(u);
    let is_root_of_minus = square.add(u).is_zero();
    let other = candidate.mul(&Field8::splat(ROOT_OF_MINUS_ONE));
    (Field8::select(is_root_of_minus, &candidate, &other), is_root | is_root_of_minus)
}

#[cfg(test)]
#[path = "decompress_tests.rs"]
mod tests;
