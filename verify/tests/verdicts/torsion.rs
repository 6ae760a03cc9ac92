//! Points with a component of small order, in R and in A: accepted, alone and in every company.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::harness::{Signed, assert_verdicts, batch, for_every_backend};
use crate::make::{self, Numbers, OpenSigner};
use crate::oracle;

/// As many signatures with torsion in R as the tests use.
const TORSION_COUNT: usize = 2_000;

/// Batches are tried at every size up to this: past 128, where 8-wide and 64-wide code has its seams.
const BATCH_SIZE_MAX: usize = 130;

/// `count` signatures by a few keys of order L, whose R = r B + T with T of order 2, 4 or 8.
fn torsion_in_r(count: usize) -> Vec<Signed> {
    let mut numbers = Numbers(6);
    let signers: Vec<_> = (0..4).map(|_| OpenSigner::new(numbers.scalar(), 0)).collect();
    (0..count)
        .map(|number| {
            let signer = &signers[number % signers.len()];
            let message = format!("torsion {number}").into_bytes();
            let signature = signer.sign(numbers.scalar(), 1 + number % 7, &message);
            Signed { key: signer.key(), message, signature, hint: None }
        })
        .collect()
}

#[test]
fn torsion_in_r_is_accepted_alone_two_thousand_times() {
    let signed = torsion_in_r(TORSION_COUNT);
    for_every_backend(|verifier| {
        let refused = signed.iter().filter(|one| !verifier.verify(one.item())).count();
        assert_eq!(refused, 0);
        assert_eq!(batch(verifier, &signed), vec![true; TORSION_COUNT]);
        let counters = verifier.counters();
        assert!(counters.batch_count >= 1 && counters.batch_failed_count == 0, "{counters:?}");
    });
}

/// These are the signatures on which rules differ: the factor-free equation refuses each of them.
#[test]
fn torsion_in_r_is_what_the_equation_without_cofactor_refuses() {
    for one in torsion_in_r(50) {
        assert!(oracle::accepts(one.key.as_bytes(), &one.message, &one.signature));
        let key = VerifyingKey::from_bytes(one.key.as_bytes()).unwrap();
        assert!(key.verify_strict(&one.message, &Signature::from_bytes(&one.signature)).is_err());
    }
}

/// One signature with torsion at each place of a batch of each size, its mates honest; the sum must never fail.
#[test]
fn torsion_in_r_is_accepted_at_every_place_of_every_batch_size() {
    let torsion = torsion_in_r(TORSION_COUNT);
    let honest = make::honest(BATCH_SIZE_MAX, 4);
    for_every_backend(|verifier| {
        let mut next = torsion.iter().cycle();
        let mut verdicts = Vec::new();
        for size in 1..=BATCH_SIZE_MAX {
            let mut items: Vec<_> = honest[..size].iter().map(Signed::item).collect();
            for place in 0..size {
                items[place] = next.next().unwrap().item();
                verifier.verify_batch(&items, &mut verdicts);
                assert_eq!(verdicts, vec![true; size], "size {size}, place {place}");
                items[place] = honest[place].item();
            }
        }
        assert_eq!(verifier.counters().batch_failed_count, 0);
    });
}

#[test]
fn batches_full_of_torsion_never_fail() {
    let torsion = torsion_in_r(TORSION_COUNT);
    for_every_backend(|verifier| {
        for size in 1..=BATCH_SIZE_MAX {
            let from = size * 14;
            assert_eq!(batch(verifier, &torsion[from..from + size]), vec![true; size], "size {size}");
        }
        assert_eq!(verifier.counters().batch_failed_count, 0);
    });
}

/// Torsion in A, in R, in both (where they cancel and where they do not), each with all eight points.
#[test]
fn torsion_in_the_key_is_accepted_with_every_torsion_in_r() {
    let mut numbers = Numbers(7);
    let mut signed = Vec::new();
    for in_key in 0..8 {
        let signer = OpenSigner::new(numbers.scalar(), in_key);
        for in_r in 0..8 {
            let message = format!("torsion {in_key} in the key, {in_r} in R").into_bytes();
            let signature = signer.sign(numbers.scalar(), in_r, &message);
            assert!(oracle::accepts(&signer.encoding, &message, &signature));
            signed.push(Signed { key: signer.key(), message, signature, hint: None });
        }
    }
    for_every_backend(|verifier| {
        assert_verdicts(verifier, &signed, &vec![true; signed.len()], "torsion in A and R");
        // The same keys many times over: their scalars are sums, reduced mod L.
        let repeated: Vec<_> = signed.iter().cycle().take(300).cloned().collect();
        assert_eq!(batch(verifier, &repeated), vec![true; repeated.len()]);
        assert_eq!(verifier.counters().batch_failed_count, 0);
    });
}

/// Torsion excuses nothing: a wrong S beside it is refused.
#[test]
fn torsion_does_not_hide_a_wrong_s() {
    let mut signed = torsion_in_r(64);
    let expected: Vec<_> = (0..signed.len()).map(|index| index % 3 != 1).collect();
    for one in signed.iter_mut().skip(1).step_by(3) {
        *one = make::spoiled(one);
    }
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &expected, "torsion and a wrong S"));
}
