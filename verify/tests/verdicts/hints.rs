//! R's x coordinate as a hint: right or absent it changes no verdict, wrong it refuses the item, on every backend.
//!
//! That right hints change nothing is asked by the harness of every property here; these are the wrong ones.

use quittance_verify::hint;

use crate::harness::{Signed, assert_verdicts, batch, for_every_backend};
use crate::make::{self, Numbers, OpenSigner};
use crate::oracle;

/// Numbers that are not x, but close to it in one way or another. p + x is congruent to it.
fn wrong_hints(x: &[u8; 32]) -> Vec<[u8; 32]> {
    let words = oracle::words(x);
    let flipped = (0..256).map(|bit| {
        let mut hint = *x;
        hint[bit / 8] ^= 1 << (bit % 8);
        hint
    });
    let negative = oracle::bytes(&oracle::subtract(&oracle::P, &words));
    let beyond = oracle::bytes(&oracle::add(&oracle::P, &words).0);
    let close = [1, 2, 19, 38].map(|offset| oracle::bytes(&oracle::add(&words, &[offset, 0, 0, 0]).0));
    let fixed = [[0; 32], [0xff; 32], oracle::bytes(&oracle::P), oracle::bytes(&oracle::L)];
    flipped.chain([negative, beyond]).chain(close).chain(fixed).filter(|hint| hint != x).collect()
}

#[test]
fn a_hint_is_made_exactly_where_r_is_a_point() {
    let mut numbers = Numbers(11);
    let mut made_count = 0;
    for _ in 0..200 {
        let encoding = numbers.bytes();
        let made = hint(&make::join(&encoding, &[0; 32]));
        assert_eq!(made, oracle::x_of(&encoding), "{encoding:02x?}");
        made_count += usize::from(made.is_some());
    }
    assert!((60..140).contains(&made_count), "about half of all y are on the curve: {made_count}");
}

#[test]
fn every_wrong_hint_is_refused() {
    for honest in make::honest(2, 2) {
        let x = hint(&honest.signature).unwrap();
        let wrong = wrong_hints(&x).into_iter().map(|hint| Signed { hint: Some(hint), ..honest.clone() });
        let signed: Vec<_> = wrong.collect();
        for_every_backend(|verifier| assert_verdicts(verifier, &signed, &vec![false; signed.len()], "wrong hint"));
    }
}

/// R of small order: x = 0 has no sign, and x of the others is an edge of its own.
#[test]
fn hints_for_small_order_r_are_judged_like_any() {
    let mut numbers = Numbers(12);
    let signer = OpenSigner::new(numbers.scalar(), 0);
    let (mut signed, mut expected) = (Vec::new(), Vec::new());
    for torsion in 0..8 {
        let message = format!("torsion {torsion}").into_bytes();
        let signature = signer.sign(0_u64.into(), torsion, &message);
        let right = Signed { key: signer.key(), message, signature, hint: hint(&signature) };
        for wrong in wrong_hints(&right.hint.unwrap()).into_iter().skip(200) {
            signed.push(Signed { hint: Some(wrong), ..right.clone() });
            expected.push(false);
        }
        signed.push(right);
        expected.push(true);
    }
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &expected, "hints for small-order R"));
}

#[test]
fn a_right_hint_excuses_no_wrong_signature() {
    let signed: Vec<_> = make::honest(40, 10).iter().map(|one| make::spoiled(one).hinted()).collect();
    assert!(signed.iter().all(|one| one.hint.is_some()), "R is as it was");
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &vec![false; signed.len()], "right hint, wrong S"));
}

#[test]
fn a_hint_for_an_r_that_is_no_point_is_refused() {
    let honest = make::honest(1, 1).remove(0).hinted();
    let mut numbers = Numbers(13);
    let off_curve = core::iter::repeat_with(|| numbers.bytes::<32>()).filter(|r| oracle::x_of(r).is_none()).take(40);
    let signed: Vec<_> = off_curve
        .map(|r| Signed { signature: make::join(&r, honest.signature[32..].try_into().unwrap()), ..honest.clone() })
        .collect();
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &vec![false; signed.len()], "R off the curve"));
}

#[test]
fn one_wrong_hint_at_any_place_leaves_its_mates_alone() {
    let bare = make::honest(40, 40);
    let hinted: Vec<_> = bare.iter().map(Signed::hinted).collect();
    for_every_backend(|verifier| {
        for size in [2, 7, 8, 9, 16, 17, 40] {
            for place in 0..size {
                // Every second mate has a hint.
                let mut signed: Vec<_> = (0..size).map(|index| [&bare, &hinted][index % 2][index].clone()).collect();
                signed[place].hint = hinted[(place + 1) % 40].hint;
                let verdicts = batch(verifier, &signed);
                assert!(
                    verdicts.iter().enumerate().all(|(index, verdict)| *verdict == (index != place)),
                    "{size} {place}"
                );
            }
        }
        assert_eq!(verifier.counters().batch_failed_count, 0, "a wrong hint is seen before the sum");
    });
}
