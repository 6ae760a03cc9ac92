//! Small-order and non-canonical encodings of A and R, and S at its bounds.

use curve25519_dalek::constants::EIGHT_TORSION;
use quittance_verify::{KeyError, PublicKey};

use crate::harness::{Signed, assert_verdicts, for_every_backend};
use crate::make::{self, Numbers, OpenSigner};
use crate::oracle::{self, Decoded, KeyVerdict};

const MESSAGE: &[u8] = b"a message that nobody chose";

/// 14 ways to write the eight points of small order: eight canonical, six that a lenient reader would take as well.
pub(crate) fn small_order_encodings() -> Vec<[u8; 32]> {
    let canonical = EIGHT_TORSION.iter().map(|point| point.compress().to_bytes());
    let lenient = edge_encodings().into_iter().filter(|encoding| {
        let mut reduced = *encoding;
        reduced[31] &= 0x7f;
        let y = oracle::words(&reduced);
        let y = if matches!(oracle::decode(&reduced), Decoded::NotCanonical) {
            oracle::subtract(&y, &oracle::P)
        } else {
            y
        };
        let is_zero_or_one = y[0] < 2 && y[1..] == [0; 3];
        let is_minus_one = y == oracle::subtract(&oracle::P, &[1, 0, 0, 0]);
        (is_zero_or_one || is_minus_one) && matches!(oracle::decode(encoding), Decoded::NotCanonical)
    });
    canonical.chain(lenient).collect()
}

/// Every y from p - 20 to 2^255 - 1 and from 0 to 20, with both signs: all non-canonical y, both -0, and their neighbours.
pub(crate) fn edge_encodings() -> Vec<[u8; 32]> {
    let from_prime = oracle::subtract(&oracle::P, &[20, 0, 0, 0]);
    let high = (0..39).map(|offset| oracle::bytes(&oracle::add(&from_prime, &[offset, 0, 0, 0]).0));
    let low = (0..=20).map(|y| oracle::bytes(&[y, 0, 0, 0]));
    high.chain(low)
        .flat_map(|positive| {
            let mut negative = positive;
            negative[31] |= 0x80;
            [positive, negative]
        })
        .collect()
}

#[test]
fn there_are_fourteen_ways_to_write_a_small_order_point() {
    let mut encodings = small_order_encodings();
    encodings.sort_unstable();
    encodings.dedup();
    assert_eq!(encodings.len(), 14);
}

#[test]
fn keys_are_judged_as_the_rule_says() {
    let mut numbers = Numbers(1);
    let mixed = (0..8).map(|torsion| OpenSigner::new(numbers.scalar(), torsion).encoding);
    let honest = (0..8).map(|number| make::secret_key(number).public_key_bytes());
    let mut random = Numbers(2);
    let random = (0..100).map(|_| random.bytes::<32>());
    let mut seen = [0; 4];
    for encoding in mixed.chain(honest).chain(small_order_encodings()).chain(edge_encodings()).chain(random) {
        let (expected, kind) = match oracle::judge_key(&encoding) {
            KeyVerdict::Good => (Ok(encoding), 0),
            KeyVerdict::NotCanonical => (Err(KeyError::NotCanonical), 1),
            KeyVerdict::NotOnCurve => (Err(KeyError::NotOnCurve), 2),
            KeyVerdict::SmallOrder => (Err(KeyError::SmallOrder), 3),
        };
        seen[kind] += 1;
        assert_eq!(PublicKey::from_bytes(&encoding).map(|key| *key.as_bytes()), expected, "{encoding:02x?}");
    }
    assert!(seen.iter().all(|count| *count >= 8), "each verdict occurred: {seen:?}");
}

#[test]
fn no_small_order_key_is_made_from_any_encoding() {
    for encoding in small_order_encodings() {
        assert!(PublicKey::from_bytes(&encoding).is_err(), "{encoding:02x?}");
    }
}

/// For R of small order, S = k a satisfies the equation, whatever way R is written: only its canonical forms may pass.
#[test]
fn small_order_r_is_accepted_in_canonical_form_only() {
    let mut numbers = Numbers(3);
    let mut signed = Vec::new();
    for torsion in 0..8 {
        let signer = OpenSigner::new(numbers.scalar(), torsion);
        for encoding in small_order_encodings() {
            let signature = signer.sign_encoded(0_u64.into(), &encoding, MESSAGE);
            signed.push(Signed { key: signer.key(), message: MESSAGE.to_vec(), signature, hint: None });
        }
    }
    let expected = by_oracle(&signed);
    assert_eq!(expected.iter().filter(|verdict| **verdict).count(), 8 * 8, "eight keys, eight canonical forms");
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &expected, "small-order R"));
}

/// R of any edge encoding with an S that fits nothing, and with S = 0 and S = k a.
#[test]
fn edge_encodings_of_r_get_the_verdict_of_the_rule() {
    let mut numbers = Numbers(4);
    let signer = OpenSigner::new(numbers.scalar(), 0);
    let mut signed = Vec::new();
    for encoding in edge_encodings() {
        let fitting = signer.sign_encoded(0_u64.into(), &encoding, MESSAGE);
        for signature in [fitting, make::join(&encoding, &numbers.scalar().to_bytes()), make::join(&encoding, &[0; 32])]
        {
            signed.push(Signed { key: signer.key(), message: MESSAGE.to_vec(), signature, hint: None });
        }
    }
    let expected = by_oracle(&signed);
    assert!(expected.contains(&true) && expected.contains(&false));
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &expected, "edge R"));
}

/// Random bytes for R: half are on the curve and reach the equation, half are not.
#[test]
fn random_r_is_refused_and_leaves_its_mates_alone() {
    let mut numbers = Numbers(5);
    let mut signed = make::honest(40, 5);
    signed.iter_mut().step_by(2).for_each(|one| one.signature[..32].copy_from_slice(&numbers.bytes::<32>()));
    let expected = by_oracle(&signed);
    assert_eq!(expected, (0..40).map(|index| index % 2 == 1).collect::<Vec<_>>());
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &expected, "random R"));
}

/// S + L satisfies the same equation as S; so do S + 2L and further where they fit 32 bytes. One form is a signature.
#[test]
fn s_beyond_the_group_order_is_refused_even_where_the_equation_holds() {
    let mut signed = Vec::new();
    let mut expected = Vec::new();
    for honest in make::honest(12, 3) {
        let mut s = oracle::words(honest.signature[32..].try_into().unwrap());
        for multiple in 0..15 {
            let signature = make::join(honest.signature[..32].try_into().unwrap(), &oracle::bytes(&s));
            signed.push(Signed { signature, ..honest.clone() });
            expected.push(multiple == 0);
            let (sum, overflow) = oracle::add(&s, &oracle::L);
            assert!(!overflow, "16 L > 2^256 > 15 L");
            s = sum;
        }
    }
    assert_eq!(by_oracle(&signed), expected);
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &expected, "S + multiples of L"));
}

/// No S can be chosen before k is known: to fit one would be to forge. So each of these is refused, for its size or by the
/// equation, and must leave its mates alone. Where the bound lies exactly is tested beside the rule itself.
#[test]
fn s_at_its_bounds_is_refused_beside_an_honest_r() {
    let powers = (250..256).map(|bit| {
        let mut s = [0; 32];
        s[bit / 8] = 1 << (bit % 8);
        s
    });
    let near =
        |offset: u64| oracle::bytes(&oracle::add(&oracle::subtract(&oracle::L, &[2, 0, 0, 0]), &[offset, 0, 0, 0]).0);
    let bounds = [[0; 32], oracle::bytes(&[1, 0, 0, 0]), [0xff; 32]].into_iter().chain((0..5).map(near)).chain(powers);
    let honest = make::honest(1, 1).remove(0);
    let signed: Vec<_> = bounds
        .map(|s| Signed { signature: make::join(honest.signature[..32].try_into().unwrap(), &s), ..honest.clone() })
        .collect();
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &vec![false; signed.len()], "S at a bound"));
}

fn by_oracle(signed: &[Signed]) -> Vec<bool> {
    signed.iter().map(|one| oracle::accepts(one.key.as_bytes(), &one.message, &one.signature)).collect()
}
