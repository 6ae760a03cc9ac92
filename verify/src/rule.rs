//! The acceptance rule, and the parts of it that need only bytes.
//!
//! A signature (R, S) by key A on message M is accepted if and only if all of this holds:
//!
//! 1. S, read as a little-endian integer, is less than L, the order of the base point B.
//! 2. R and A are canonical encodings of curve points: y < p, and the sign bit is clear where x = 0.
//! 3. A is not of small order. This is settled when a [`PublicKey`](crate::PublicKey) is made, not per signature.
//! 4. \[8\](S B - R - k A) is the identity, where k = SHA-512(R || A || M) read as a little-endian integer mod L.
//!
//! Where R's x coordinate comes along as a hint, it must be that: a wrong hint is refused like a wrong byte of R.
//!
//! R may be of small order, and R and A may carry a component of small order: the factor 8 removes it.
//!
//! The factor is what lets one rule serve single checks and batches. Without it (RFC 8032, section 5.1.7, allows
//! either), whether a batch accepts a signature with torsion in R depends on the random weights and on the other items,
//! so two honest authorities could disagree about one order. The same rule is argued for in "Taming the many EdDSAs"
//! (Chalkias, Garillot, Nikolaenko, SSR 2020).

use sha2::{Digest, Sha512};

/// L = 2^252 + 27742317777372353535851937790883648493, little-endian (RFC 8032, section 5.1).
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The y coordinates of the points of small order: the same bytes without the sign of x.
const SMALL_ORDER_YS: [[u8; 32]; 5] = [
    // order 1
    [
        0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ],
    // order 2
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
    // order 4, both signs
    [
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ],
    // order 8, both signs
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    // order 8, both signs
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// Splits a signature into its halves: R's encoding and S.
pub(crate) fn halves(signature: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    let r = signature.first_chunk().expect("64 bytes have a first half");
    let s = signature.last_chunk().expect("64 bytes have a last half");
    (r, s)
}

/// True if S < L (rule 1).
pub(crate) fn scalar_is_canonical(s: &[u8; 32]) -> bool {
    s.iter().rev().lt(GROUP_ORDER.iter().rev())
}

/// True if these bytes can only be the canonical encoding of a point, if they encode one at all (rule 2).
///
/// On this curve x = 0 exactly where y = 1 or y = -1, so the sign of zero is seen without decompressing.
pub(crate) fn encoding_is_canonical(encoding: &[u8; 32]) -> bool {
    let [low, middle @ .., top] = encoding;
    let high = top & 0x7f;
    let negative = *top >= 0x80;
    // p = 2^255 - 19: from its second byte up, all of y's bits are set.
    let upper_bits_set = high == 0x7f && middle.iter().all(|&byte| byte == 0xff);
    if upper_bits_set && *low >= 0xed {
        return false;
    }
    let y_is_one = *low == 1 && high == 0 && middle.iter().all(|&byte| byte == 0);
    let y_is_minus_one = *low == 0xec && upper_bits_set;
    !(negative && (y_is_one || y_is_minus_one))
}

/// True if these bytes, which must be canonical, encode one of the eight points of small order (rule 3).
pub(crate) fn encoding_is_of_small_order(encoding: &[u8; 32]) -> bool {
    let mut y = *encoding;
    y[31] &= 0x7f;
    SMALL_ORDER_YS.contains(&y)
}

/// SHA-512(R || A || M): the challenge before it is reduced mod L (rule 4; RFC 8032, section 5.1.7, step 2).
pub(crate) fn challenge(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let mut hash = Sha512::new();
    hash.update(r);
    hash.update(key);
    hash.update(message);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `bytes` as a little-endian integer plus `addend`.
    fn plus(mut bytes: [u8; 32], addend: u8) -> [u8; 32] {
        let mut carry = u16::from(addend);
        for byte in &mut bytes {
            carry += u16::from(*byte);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        assert_eq!(carry, 0);
        bytes
    }

    fn field_prime() -> [u8; 32] {
        let mut prime = [0xff; 32];
        prime[0] = 0xed;
        prime[31] = 0x7f;
        prime
    }

    #[test]
    fn scalars_are_canonical_up_to_the_group_order_and_no_further() {
        let mut below = GROUP_ORDER;
        below[0] -= 1;
        let mut bit_252 = [0; 32];
        bit_252[31] = 0x10;
        let mut bit_253 = [0; 32];
        bit_253[31] = 0x20;
        assert!(scalar_is_canonical(&[0; 32]));
        assert!(scalar_is_canonical(&bit_252));
        assert!(scalar_is_canonical(&below));
        assert!(!scalar_is_canonical(&GROUP_ORDER));
        assert!(!scalar_is_canonical(&plus(GROUP_ORDER, 1)));
        assert!(!scalar_is_canonical(&bit_253));
        assert!(!scalar_is_canonical(&[0xff; 32]));
    }

    #[test]
    fn every_y_from_the_prime_up_is_refused_with_either_sign() {
        for addend in 0..19 {
            let mut encoding = plus(field_prime(), addend);
            assert!(!encoding_is_canonical(&encoding), "p + {addend}");
            encoding[31] |= 0x80;
            assert!(!encoding_is_canonical(&encoding), "p + {addend}, negative");
        }
    }

    #[test]
    fn zero_has_no_negative() {
        let mut one = [0; 32];
        one[0] = 1;
        let mut minus_one = field_prime();
        minus_one[0] -= 1;
        for mut encoding in [one, minus_one] {
            assert!(encoding_is_canonical(&encoding));
            encoding[31] |= 0x80;
            assert!(!encoding_is_canonical(&encoding));
        }
    }

    #[test]
    fn neighbours_of_the_refused_encodings_are_canonical() {
        let mut two_below = field_prime();
        two_below[0] -= 2;
        let mut two = [0; 32];
        two[0] = 2;
        let mut hole_in_the_middle = [0xff; 32];
        hole_in_the_middle[17] = 0xfe;
        for mut encoding in [two_below, two, [0; 32], hole_in_the_middle] {
            encoding[31] &= 0x7f;
            assert!(encoding_is_canonical(&encoding));
            encoding[31] |= 0x80;
            assert!(encoding_is_canonical(&encoding));
        }
    }

    #[test]
    fn exactly_the_eight_points_of_small_order_are_known_by_their_bytes() {
        use curve25519_dalek::constants::EIGHT_TORSION;
        let encodings = EIGHT_TORSION.map(|point| point.compress().to_bytes());
        assert!(encodings.iter().all(encoding_is_of_small_order));
        let mut ys: Vec<_> = encodings.map(|[low @ .., top]| (low, top & 0x7f)).into();
        ys.sort_unstable();
        ys.dedup();
        assert_eq!(ys.len(), SMALL_ORDER_YS.len());
        for encoding in encodings {
            for bit in 0..255 {
                let mut other = encoding;
                other[bit / 8] ^= 1 << (bit % 8);
                let is_of_small_order = encodings.contains(&other) || !encoding_is_canonical(&other);
                assert!(encoding_is_of_small_order(&other) <= is_of_small_order, "bit {bit} of {encoding:02x?}");
            }
        }
    }
}
