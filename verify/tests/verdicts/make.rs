//! Signatures, honest and made by hand.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use quittance_verify::{PublicKey, SecretKey};
use sha2::{Digest, Sha512};

use crate::harness::Signed;

/// A repeatable stream of numbers for test inputs (splitmix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn bytes<const COUNT: usize>(&mut self) -> [u8; COUNT] {
        core::array::from_fn(|_| self.next().to_le_bytes()[0])
    }

    pub(crate) fn scalar(&mut self) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&self.bytes())
    }
}

pub(crate) fn secret_key(number: usize) -> SecretKey {
    SecretKey::from_seed(&Numbers(number as u64).bytes())
}

/// `count` honest signatures on different messages, by `key_count` keys in turn.
pub(crate) fn honest(count: usize, key_count: usize) -> Vec<Signed> {
    let keys: Vec<_> = (0..key_count).map(secret_key).collect();
    (0..count)
        .map(|number| {
            let key = &keys[number % key_count];
            let message = format!("order {number}, and words to fill {}", "up ".repeat(number % 60)).into_bytes();
            Signed { key: key.public_key(), signature: key.sign(&message), message, hint: None }
        })
        .collect()
}

/// The same signature with one bit of S flipped: R is still a point, so the item enters the batch and fails there.
pub(crate) fn spoiled(signed: &Signed) -> Signed {
    let mut spoiled = signed.clone();
    spoiled.signature[32] ^= 1;
    spoiled
}

/// A signer whose scalars are in the open, so that signatures can be bent.
pub(crate) struct OpenSigner {
    pub(crate) a: Scalar,
    /// What is published: a B plus `torsion` times the generator of the small subgroup.
    pub(crate) encoding: [u8; 32],
}

impl OpenSigner {
    pub(crate) fn new(a: Scalar, torsion: usize) -> Self {
        let encoding = (EdwardsPoint::mul_base(&a) + EIGHT_TORSION[torsion]).compress().to_bytes();
        Self { a, encoding }
    }

    pub(crate) fn key(&self) -> PublicKey {
        PublicKey::from_bytes(&self.encoding).expect("not of small order")
    }

    /// Signs with R = r B + T, where T is the `torsion`-th point of small order and k is over the R that is sent.
    pub(crate) fn sign(&self, r: Scalar, torsion: usize, message: &[u8]) -> [u8; 64] {
        let encoding = (EdwardsPoint::mul_base(&r) + EIGHT_TORSION[torsion]).compress().to_bytes();
        self.sign_encoded(r, &encoding, message)
    }

    /// Signs with S = r + k a for whatever encoding of R is given.
    pub(crate) fn sign_encoded(&self, r: Scalar, encoding: &[u8; 32], message: &[u8]) -> [u8; 64] {
        let hash = Sha512::new().chain_update(encoding).chain_update(self.encoding).chain_update(message).finalize();
        let k = Scalar::from_bytes_mod_order_wide(&hash.into());
        join(encoding, (r + k * self.a).as_bytes())
    }
}

pub(crate) fn join(r: &[u8; 32], s: &[u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r);
    signature[32..].copy_from_slice(s);
    signature
}
