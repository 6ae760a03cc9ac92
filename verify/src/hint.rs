//! R's x coordinate, sent along by who signed: checked here, never trusted.
//!
//! The vector backend checks a hint instead of taking a square root. So that a signature's fate does not depend on the
//! machine, every backend refuses a signature whose hint is wrong; this is the check for those that have no use for it.

use crate::rule;

/// An integer below 2^256, least significant word first.
type Words = [u64; 4];

/// p = 2^255 - 19.
const PRIME: Words = [0xffff_ffff_ffff_ffed, u64::MAX, u64::MAX, 0x7fff_ffff_ffff_ffff];

/// d = -[`NUMERATOR`] / [`DENOMINATOR`] (RFC 8032, section 5.1).
const NUMERATOR: Words = [121_665, 0, 0, 0];

/// See [`NUMERATOR`].
const DENOMINATOR: Words = [121_666, 0, 0, 0];

/// R's x coordinate, to be sent along with the signature; `None` if R is no canonical encoding of a point.
///
/// The signer calls it once per signature. About as slow as signing: nothing is at stake.
#[must_use]
pub fn hint(signature: &[u8; 64]) -> Option<[u8; 32]> {
    let (encoding, _) = rule::halves(signature);
    if !rule::encoding_is_canonical(encoding) {
        return None;
    }
    let mut y = words(encoding);
    let negative = y[3] >> 63;
    y[3] &= u64::MAX >> 1;
    let mut x = x_of(&y)?;
    if x[0] & 1 != negative {
        x = difference(&PRIME, &x);
    }
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(x) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    Some(bytes)
}

/// One of the two x for this y, if there is one (RFC 8032, section 5.1.3, step 3).
///
/// x^2 = u/v with u = 121666 (y^2 - 1) and v = 121666 - 121665 y^2. The candidate u v^3 (u v^7)^((p - 5) / 8) is x or x over
/// a root of -1.
fn x_of(y: &Words) -> Option<Words> {
    let minus = |number: &Words| below_prime(difference(&PRIME, number));
    let y_squared = product(y, y);
    let u = product(&DENOMINATOR, &sum(&y_squared, &minus(&[1, 0, 0, 0])));
    let v = sum(&DENOMINATOR, &minus(&product(&NUMERATOR, &y_squared)));
    let v_3 = product(&product(&v, &v), &v);
    let u_v_3 = product(&u, &v_3);
    let u_v_7 = product(&u_v_3, &product(&v_3, &v));
    // (p - 5) / 8 = 2^252 - 3 has all bits up to 251 set but bit 1.
    let power = |base: &Words, clear_bit: u32, bits: u32| {
        (0..bits).rev().fold([1, 0, 0, 0], |power, bit| {
            let squared = product(&power, &power);
            if bit == clear_bit { squared } else { product(&squared, base) }
        })
    };
    let candidate = product(&u_v_3, &power(&u_v_7, 1, 252));
    // 2^((p - 1) / 4) is a root of -1; (p - 1) / 4 = 2^253 - 5 has all bits up to 252 set but bit 2.
    let other = product(&candidate, &power(&[2, 0, 0, 0], 2, 253));
    [candidate, other].into_iter().find(|x| on_curve(x, y))
}

/// True if `hint` is the canonical little-endian encoding of the x coordinate of the point that `encoding`, which must be
/// canonical, encodes; false also if it encodes none.
pub(crate) fn is_x_of(hint: &[u8; 32], encoding: &[u8; 32]) -> bool {
    let x = words(hint);
    let mut y = words(encoding);
    let sign = y[3] >> 63;
    y[3] &= u64::MAX >> 1;
    less(&x, &PRIME) && x[0] & 1 == sign && on_curve(&x, &y)
}

/// -x^2 + y^2 = 1 + d x^2 y^2 with d = -121665/121666 (RFC 8032, section 5.1), times 121666 and without subtraction:
/// 121666 y^2 + 121665 x^2 y^2 = 121666 x^2 + 121666.
fn on_curve(x: &Words, y: &Words) -> bool {
    let (x_squared, y_squared) = (product(x, x), product(y, y));
    let left = sum(&product(&DENOMINATOR, &y_squared), &product(&NUMERATOR, &product(&x_squared, &y_squared)));
    let right = sum(&product(&DENOMINATOR, &x_squared), &DENOMINATOR);
    left == right
}

/// The sum of two numbers below p, modulo p, below p.
fn sum(left: &Words, right: &Words) -> Words {
    let mut carry = false;
    let mut total = [0; 4];
    for (total, (left, right)) in total.iter_mut().zip(left.iter().zip(right)) {
        (*total, carry) = left.carrying_add(*right, carry);
    }
    assert!(!carry, "two numbers below 2^255");
    below_prime(total)
}

/// The product modulo p, below p, of two integers of 256 bits, little-endian: portable arithmetic to compare the vector
/// backend's with.
#[cfg(all(target_arch = "x86_64", feature = "parts"))]
pub(crate) fn product_of_octets(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut octets = [0; 32];
    for (octets, word) in octets.chunks_exact_mut(8).zip(product(&words(left), &words(right))) {
        octets.copy_from_slice(&word.to_le_bytes());
    }
    octets
}

/// The product modulo p, below p: all eight words, then 2^256 = 38 until four are left.
fn product(left: &Words, right: &Words) -> Words {
    let mut whole = [0_u64; 8];
    for (i, left) in left.iter().enumerate() {
        let mut carry = 0;
        for (j, right) in right.iter().enumerate() {
            (whole[i + j], carry) = left.carrying_mul_add(*right, whole[i + j], carry);
        }
        whole[i + 4] = carry;
    }
    let [low @ .., high0, high1, high2, high3] = whole;
    let mut folded = low;
    let mut carry = 0;
    for (word, high) in folded.iter_mut().zip([high0, high1, high2, high3]) {
        (*word, carry) = high.carrying_mul_add(38, *word, carry);
    }
    // The carry is at most 38, and after one fold more there can be one carry more, from a number that is then small.
    while carry > 0 {
        let mut addend = 38 * carry;
        for word in &mut folded {
            let overflow;
            (*word, overflow) = word.overflowing_add(addend);
            addend = u64::from(overflow);
        }
        carry = addend;
    }
    below_prime(folded)
}

/// Subtracts p until the number is below it: twice at most, because 2^256 < 3 p.
fn below_prime(mut number: Words) -> Words {
    while !less(&number, &PRIME) {
        number = difference(&number, &PRIME);
    }
    number
}

/// The difference of two numbers, of which the second is not the larger.
fn difference(left: &Words, right: &Words) -> Words {
    let mut borrow = false;
    let mut rest = [0; 4];
    for (rest, (left, right)) in rest.iter_mut().zip(left.iter().zip(right)) {
        (*rest, borrow) = left.borrowing_sub(*right, borrow);
    }
    assert!(!borrow, "the second is not the larger");
    rest
}

fn less(left: &Words, right: &Words) -> bool {
    left.iter().rev().lt(right.iter().rev())
}

fn words(bytes: &[u8; 32]) -> Words {
    let (words, _) = bytes.as_chunks();
    core::array::from_fn(|index| u64::from_le_bytes(words[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The base point's x (RFC 8032, section 5.1), little-endian.
    const BASE_X: [u8; 32] = [
        0x1a, 0xd5, 0x25, 0x8f, 0x60, 0x2d, 0x56, 0xc9, 0xb2, 0xa7, 0x25, 0x95, 0x60, 0xc7, 0x2c, 0x69, 0x5c, 0xdc,
        0xd6, 0xfd, 0x31, 0xe2, 0xa4, 0xc0, 0xfe, 0x53, 0x6e, 0xcd, 0xd3, 0x36, 0x69, 0x21,
    ];

    fn base_encoding() -> [u8; 32] {
        let mut encoding = [0x66; 32];
        encoding[0] = 0x58;
        encoding
    }

    #[test]
    fn the_base_points_x_is_found_right_and_no_flipped_bit_of_it() {
        assert!(is_x_of(&BASE_X, &base_encoding()));
        for bit in 0..256 {
            let mut wrong = BASE_X;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_x_of(&wrong, &base_encoding()), "bit {bit} of x");
            let mut wrong = base_encoding();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_x_of(&BASE_X, &wrong), "bit {bit} of y");
        }
    }

    #[test]
    fn the_negative_x_fits_the_other_sign_only() {
        let mut negative = [0; 32];
        for (bytes, word) in negative.chunks_exact_mut(8).zip(difference(&PRIME, &words(&BASE_X))) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let mut encoding = base_encoding();
        assert!(!is_x_of(&negative, &encoding));
        encoding[31] |= 0x80;
        assert!(is_x_of(&negative, &encoding));
        assert!(!is_x_of(&BASE_X, &encoding));
    }

    #[test]
    fn an_x_of_p_or_more_is_refused_although_it_is_congruent() {
        let mut one = [0; 32];
        one[0] = 1;
        assert!(is_x_of(&[0; 32], &one), "(0, 1) is the identity");
        let mut prime = [0xff; 32];
        prime[0] = 0xed;
        prime[31] = 0x7f;
        assert!(!is_x_of(&prime, &one));
        one[31] |= 0x80;
        assert!(!is_x_of(&prime, &one) && !is_x_of(&[0; 32], &one));
        // y = 0: x is a root of -1, which is close to neither end.
        assert!(!is_x_of(&[0; 32], &[0; 32]));
    }

    #[test]
    fn hints_are_made_for_points_and_fit_them() {
        let mut point_count = 0;
        for number in 0..64_u8 {
            for sign in [0, 0x80] {
                let mut signature = [number; 64];
                signature[31] = (number & 0x7f) | sign;
                let encoding = rule::halves(&signature).0;
                let on_curve = curve25519_dalek::edwards::CompressedEdwardsY(*encoding).decompress().is_some();
                let made = hint(&signature);
                assert_eq!(made.is_some(), on_curve && rule::encoding_is_canonical(encoding), "{encoding:02x?}");
                assert!(made.is_none_or(|made| is_x_of(&made, encoding)), "{encoding:02x?}");
                point_count += usize::from(made.is_some());
            }
        }
        assert!((30..100).contains(&point_count), "about half of all y are on the curve: {point_count}");
    }

    #[test]
    fn products_of_the_largest_numbers_are_reduced() {
        let mut largest = PRIME;
        largest[0] -= 1;
        assert_eq!(product(&largest, &largest), [1, 0, 0, 0]);
        // (2^256 - 1)^2 = 37^2 mod p.
        assert_eq!(product(&[u64::MAX; 4], &[u64::MAX; 4]), [37 * 37, 0, 0, 0]);
        assert_eq!(sum(&largest, &largest), [PRIME[0] - 2, PRIME[1], PRIME[2], PRIME[3]]);
    }
}
