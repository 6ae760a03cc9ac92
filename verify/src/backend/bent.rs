//! Signatures that expose planted bugs, for the tests of every room.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;

use super::Item;
use crate::key::{PublicKey, SecretKey};
use crate::rule;

/// A key and its signature of [`MESSAGE`].
pub(crate) type Signed = (PublicKey, [u8; 64]);

const MESSAGE: &[u8] = b"two errors that cancel are two errors";

/// Signatures by different keys, of which two have errors +B and -B in the equation: S + 1 in one, S - 1 in the other.
pub(crate) fn compensating_errors() -> Vec<Signed> {
    let mut signed: Vec<_> = (1..=16)
        .map(|seed| SecretKey::from_seed(&[seed; 32]))
        .map(|key| (key.public_key(), key.sign(MESSAGE)))
        .collect();
    for (index, error) in [(3, Scalar::ONE), (11, -Scalar::ONE)] {
        let (_, s) = rule::halves(&signed[index].1);
        let wrong = Scalar::from_canonical_bytes(*s).expect("an honest S is canonical") + error;
        signed[index].1[32..].copy_from_slice(wrong.as_bytes());
    }
    signed
}

/// Signatures by one key whose R = r B + T, for all eight T of small order, twice.
pub(crate) fn torsion_in_r() -> Vec<Signed> {
    let a = Scalar::from(0x5eed_u64);
    let key = PublicKey::from_bytes(&EdwardsPoint::mul_base(&a).compress().to_bytes()).expect("a point of order L");
    let sign = |(index, torsion): (u64, &EdwardsPoint)| {
        let r = Scalar::from(1000 + index);
        let encoding = (EdwardsPoint::mul_base(&r) + torsion).compress().to_bytes();
        let k = Scalar::from_bytes_mod_order_wide(&rule::challenge(&encoding, key.as_bytes(), MESSAGE));
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&encoding);
        signature[32..].copy_from_slice((r + k * a).as_bytes());
        (key, signature)
    };
    (0..).zip(EIGHT_TORSION.iter().chain(&EIGHT_TORSION)).map(sign).collect()
}

pub(crate) fn items(signed: &[Signed]) -> Vec<Item<'_>> {
    signed.iter().map(|(key, signature)| Item { key, message: MESSAGE, signature, hint: None }).collect()
}
