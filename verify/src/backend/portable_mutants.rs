//! Planted bugs in the portable backend, and the batches that expose them.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;

use super::Portable;
use crate::backend::Item;
use crate::key::{PublicKey, SecretKey};
use crate::rule;
use crate::weights::Weights;

const MESSAGE: &[u8] = b"two errors that cancel are two errors";

/// Signatures by different keys, of which two have errors +B and -B in the equation: S + 1 in one, S - 1 in the other.
fn compensating_errors() -> Vec<(PublicKey, [u8; 64])> {
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
fn torsion_in_r() -> Vec<(PublicKey, [u8; 64])> {
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

fn judge(mut portable: Portable, signed: &[(PublicKey, [u8; 64])]) -> (Vec<bool>, u64) {
    let items: Vec<_> = signed.iter().map(|(key, signature)| Item { key, message: MESSAGE, signature }).collect();
    let mut verdicts = Vec::new();
    portable.verify_batch(&items, &mut verdicts);
    (verdicts, portable.counters().batch_failed_count)
}

#[test]
fn compensating_errors_are_refused_and_weights_of_one_would_let_them_pass() {
    let signed = compensating_errors();
    let expected: Vec<_> = (0..signed.len()).map(|index| index != 3 && index != 11).collect();
    assert_eq!(judge(Portable::new([9; 32]), &signed), (expected, 1));

    let mutant = Portable { weights: Weights::mutant_all_one(), ..Portable::new([9; 32]) };
    assert_eq!(judge(mutant, &signed), (vec![true; signed.len()], 0), "the bug is caught by this test");
}

#[test]
fn torsion_in_r_passes_in_the_sum_and_a_forgotten_cofactor_would_fail_it() {
    let signed = torsion_in_r();
    let judged = |seed: u8, cofactor_forgotten: bool| {
        let portable = Portable { cofactor_forgotten, ..Portable::new([seed; 32]) };
        judge(portable, &signed).1
    };
    let failed_count: u64 = (0..32).map(|seed| judged(seed, false)).sum();
    assert_eq!(failed_count, 0);
    // Some weights hide the bug: the torsion cancels in one sum of eight.
    let failed_count: u64 = (0..32).map(|seed| judged(seed, true)).sum();
    assert!(failed_count > 16, "the bug is caught in {failed_count} of 32 batches");
    assert_eq!(judge(Portable::new([9; 32]), &signed).0, vec![true; signed.len()]);
}
