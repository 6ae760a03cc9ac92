//! Honest signatures, and the same with something changed.

use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Signature, VerifyingKey};
use quittance_verify::PublicKey;

use crate::harness::{Signed, assert_verdicts, batch, for_every_backend};
use crate::make::{self, Numbers};

fn dalek_accepts(signed: &Signed) -> bool {
    let key = VerifyingKey::from_bytes(signed.key.as_bytes()).expect("our key checks include theirs");
    key.verify_strict(&signed.message, &Signature::from_bytes(&signed.signature)).is_ok()
}

/// On honest signatures, and on these changed at random, no rule differs from another.
#[test]
fn honest_signatures_get_the_verdict_of_ed25519_dalek() {
    let mut numbers = Numbers(8);
    let mut signed = make::honest(600, 50);
    for one in signed.iter_mut().step_by(5) {
        let bit = numbers.below(512);
        one.signature[bit / 8] ^= 1 << (bit % 8);
    }
    let expected: Vec<_> = signed.iter().map(dalek_accepts).collect();
    assert_eq!(expected, (0..600).map(|index| index % 5 != 0).collect::<Vec<_>>());
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &expected, "honest"));
}

#[test]
fn messages_of_all_lengths_around_the_hash_blocks_are_judged() {
    let key = make::secret_key(9);
    let messages = (0..=260).map(|length| vec![0x3c; length]);
    let signed: Vec<_> = messages
        .map(|message| Signed { key: key.public_key(), signature: key.sign(&message), message, hint: None })
        .collect();
    assert!(signed.iter().all(dalek_accepts));
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &vec![true; signed.len()], "lengths"));
}

#[test]
fn every_flipped_bit_of_signature_message_and_key_is_refused() {
    let honest = make::honest(3, 3).remove(1);
    let flipped = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    let signature_bits =
        (0..512).map(|bit| Signed { signature: flipped(&honest.signature, bit).try_into().unwrap(), ..honest.clone() });
    let message_bits =
        (0..8 * honest.message.len()).map(|bit| Signed { message: flipped(&honest.message, bit), ..honest.clone() });
    let keys: Vec<_> = (0..256)
        .filter_map(|bit| PublicKey::from_bytes(&flipped(honest.key.as_bytes(), bit).try_into().unwrap()).ok())
        .collect();
    assert!((64..192).contains(&keys.len()), "about half of all y are on the curve: {}", keys.len());
    let key_bits = keys.into_iter().map(|key| Signed { key, ..honest.clone() });
    let signed: Vec<_> = signature_bits.chain(message_bits).chain(key_bits).collect();
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &vec![false; signed.len()], "one flipped bit"));
}

#[test]
fn truncated_and_extended_messages_are_refused() {
    let honest = make::honest(2, 2).remove(1);
    let shorter = (0..honest.message.len()).map(|length| honest.message[..length].to_vec());
    let longer = (1..140).map(|more| [&honest.message[..], &vec![0; more]].concat());
    let signed: Vec<_> = shorter.chain(longer).map(|message| Signed { message, ..honest.clone() }).collect();
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &vec![false; signed.len()], "length"));
}

/// Errors D and -D in the equations of two items cancel in a sum without weights. Same key and different keys.
#[test]
fn errors_that_compensate_are_both_refused() {
    let mut numbers = Numbers(10);
    for key_count in [1, 16] {
        for (first, second) in [(0, 1), (3, 11), (0, 15)] {
            let error = numbers.scalar();
            let mut signed = make::honest(16, key_count);
            for (index, error) in [(first, error), (second, -error)] {
                let s = Scalar::from_canonical_bytes(signed[index].signature[32..].try_into().unwrap()).unwrap();
                signed[index].signature[32..].copy_from_slice((s + error).as_bytes());
            }
            let expected: Vec<_> = (0..16).map(|index| index != first && index != second).collect();
            for_every_backend(|verifier| {
                assert_verdicts(verifier, &signed, &expected, "compensating errors");
                assert_eq!(batch(verifier, [&signed[first], &signed[second]]), [false, false]);
            });
        }
    }
}

#[test]
fn signatures_moved_to_another_item_are_refused() {
    let mut signed = make::honest(24, 24);
    let first = signed[0].signature;
    for index in 0..23 {
        signed[index].signature = signed[index + 1].signature;
    }
    signed[23].signature = first;
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &[false; 24], "moved by one"));
}
