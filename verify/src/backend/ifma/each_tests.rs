//! Eight at once against the portable backend: honest, tampered, and with torsion in R, in A, and in both.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;

use super::*;
use crate::backend::Item;
use crate::backend::ifma::decompress::decompress;
use crate::backend::ifma::lanes::ALL_LANES;
use crate::backend::ifma::tests::{Numbers, octets_to_words, on_vectors};
use crate::backend::portable::Portable;
use crate::key::PublicKey;
use crate::rule;

const MESSAGE: &[u8] = b"each by its own equation";

struct Signed {
    key: PublicKey,
    signature: [u8; 64],
}

/// Signs with a key and a nonce that carry the given points of small order.
fn sign(numbers: &mut Numbers, torsion_in_a: usize, torsion_in_r: usize) -> Signed {
    let (a, r) = (numbers.scalar(), numbers.scalar());
    let encoding = (EdwardsPoint::mul_base(&a) + EIGHT_TORSION[torsion_in_a]).compress().0;
    let key = PublicKey::from_bytes(&encoding).expect("not of small order");
    let commitment = (EdwardsPoint::mul_base(&r) + EIGHT_TORSION[torsion_in_r]).compress().0;
    let k = Scalar::from_bytes_mod_order_wide(&rule::challenge(&commitment, &encoding, MESSAGE));
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&commitment);
    signature[32..].copy_from_slice((r + k * a).as_bytes());
    Signed { key, signature }
}

/// The eight verdicts of rule 4. The signatures' octets must be in order (rules 1 and 2).
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn judged(signed: &[Signed; 8]) -> [bool; 8] {
    let halves = signed.each_ref().map(|one| rule::halves(&one.signature));
    let [r] = decompress(&[halves.map(|(r, _)| r)]);
    assert_eq!(r.valid, ALL_LANES);
    let minus_a = signed.each_ref().map(|one| (-decoded(one.key.as_bytes())).compress().0);
    let [minus_a] = decompress(&[minus_a.each_ref()]);
    let minus_a = minus_a.niels().to_rows();
    let s = halves.map(|(_, s)| octets_to_words(s));
    let k = signed.each_ref().map(|one| {
        let (r, _) = rule::halves(&one.signature);
        let k = Scalar::from_bytes_mod_order_wide(&rule::challenge(r, one.key.as_bytes(), MESSAGE));
        octets_to_words(k.as_bytes())
    });
    let minus_r = Niels8::from_affine(&r.x.neg(), &r.y);
    let equations = Equations { minus_a: minus_a.each_ref(), k: k.each_ref(), s: s.each_ref(), minus_r: &minus_r };
    let held = hold(&equations);
    core::array::from_fn(|lane| held >> lane & 1 == 1)
}

fn decoded(encoding: &[u8; 32]) -> EdwardsPoint {
    CompressedEdwardsY(*encoding).decompress().expect("a point")
}

fn by_portable(signed: &[Signed; 8]) -> [bool; 8] {
    let mut portable = Portable::new([5; 32]);
    signed
        .each_ref()
        .map(|one| portable.verify(Item { key: &one.key, message: MESSAGE, signature: &one.signature, hint: None }))
}

#[test]
fn torsion_in_r_and_in_a_does_not_change_a_verdict() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let mut numbers = Numbers(51);
        for torsion_in_a in 0..8 {
            let mut signed: [_; 8] = core::array::from_fn(|lane| sign(&mut numbers, torsion_in_a, lane));
            assert_eq!(judged(&signed), [true; 8]);
            assert_eq!(by_portable(&signed), [true; 8]);
            // The same with S off by one in half of the lanes.
            for one in signed.iter_mut().skip(torsion_in_a % 2).step_by(2) {
                let (_, s) = rule::halves(&one.signature);
                let wrong = Scalar::from_canonical_bytes(*s).unwrap() + Scalar::ONE;
                one.signature[32..].copy_from_slice(wrong.as_bytes());
            }
            assert_eq!(judged(&signed), core::array::from_fn(|lane| lane % 2 != torsion_in_a % 2));
            assert_eq!(judged(&signed), by_portable(&signed));
        }
    }
    on_vectors(check);
}

/// R replaced by another point, S by another scalar, or the key by another key; in every combination of lanes.
#[test]
fn tampered_lanes_fail_and_their_neighbours_do_not() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let mut numbers = Numbers(53);
        for mask in 0..=LaneMask::MAX {
            let mut signed: [_; 8] = core::array::from_fn(|_| sign(&mut numbers, 0, 0));
            for (lane, one) in signed.iter_mut().enumerate().filter(|(lane, _)| mask >> lane & 1 == 1) {
                match (lane + usize::from(mask)) % 3 {
                    0 => one.signature[..32].copy_from_slice(&numbers.point().compress().0),
                    1 => one.signature[32..].copy_from_slice(numbers.scalar().as_bytes()),
                    _ => one.key = sign(&mut numbers, 0, 0).key,
                }
            }
            let expected = core::array::from_fn(|lane| mask >> lane & 1 == 0);
            assert_eq!(judged(&signed), expected, "{mask:08b}");
            if mask % 16 == 5 {
                assert_eq!(by_portable(&signed), expected);
            }
        }
    }
    on_vectors(check);
}

/// R of small order and S = k a: the equation holds. S = 0 holds only if k A vanishes, which it does not.
#[test]
fn r_of_small_order_holds_as_in_the_portable_backend() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let a = Numbers(57).scalar();
        let key = PublicKey::from_bytes(&EdwardsPoint::mul_base(&a).compress().0).unwrap();
        for fitting in [true, false] {
            let signed = EIGHT_TORSION.each_ref().map(|r| {
                let commitment = r.compress().0;
                let k = Scalar::from_bytes_mod_order_wide(&rule::challenge(&commitment, key.as_bytes(), MESSAGE));
                let mut signature = [0; 64];
                signature[..32].copy_from_slice(&commitment);
                let s = if fitting { k * a } else { Scalar::ZERO };
                signature[32..].copy_from_slice(s.as_bytes());
                Signed { key, signature }
            });
            assert_eq!(judged(&signed), [fitting; 8]);
            assert_eq!(by_portable(&signed), [fitting; 8]);
        }
    }
    on_vectors(check);
}
