//! Hashes, integers mod L, and their digits.

use std::hint::black_box;

use criterion::Criterion;
use curve25519_dalek::scalar::Scalar;
use quittance_verify::parts::{LANE_DIGIT_BITS, Parts};
use sha2::{Digest, Sha512};

use crate::common::{Group, Numbers, checked, parts};

/// With R and A two blocks of SHA-512.
const MESSAGE_BYTES: usize = 160;

pub(crate) fn all(criterion: &mut Criterion) {
    hashes(&mut criterion.benchmark_group("sha-512"), parts());
    integers(&mut criterion.benchmark_group("scalars"), parts());
    digits(&mut criterion.benchmark_group("digits"), parts());
}

fn hashes(group: &mut Group<'_>, parts: Parts) {
    let mut numbers = Numbers(81);
    let (first, second) = (numbers.elements(), numbers.elements());
    let messages: [[u8; MESSAGE_BYTES]; 8] = core::array::from_fn(|_| [numbers.next().to_le_bytes()[0]; MESSAGE_BYTES]);
    let by_library = |lane: usize| -> [u8; 64] {
        let hash = Sha512::new().chain_update(first[lane]).chain_update(second[lane]);
        hash.chain_update(messages[lane]).finalize().into()
    };
    let borrowed = messages.each_ref().map(|message| &message[..]);
    checked(
        group,
        "eight of two blocks",
        8,
        || parts.digests(black_box(&first), &second, borrowed),
        |digests| {
            for (lane, digest) in digests.iter().enumerate() {
                assert_eq!(*digest, words(&by_library(lane)));
            }
        },
    );
    checked(
        group,
        "sha2, one of two blocks",
        1,
        || by_library(black_box(5)),
        |digest| {
            assert_eq!(parts.digests(&first, &second, borrowed)[5], words(&digest));
        },
    );
}

fn words<const COUNT: usize>(octets: &[u8]) -> [u64; COUNT] {
    let (words, _) = octets.as_chunks();
    core::array::from_fn(|index| u64::from_le_bytes(words[index]))
}

/// The integer of these words modulo L, by Horner's rule in the other library.
fn by_dalek(words: &[u64]) -> Scalar {
    let two_to_64 = Scalar::from(1_u128 << 64);
    words.iter().rev().fold(Scalar::ZERO, |sum, word| sum * two_to_64 + Scalar::from(*word))
}

fn integers(group: &mut Group<'_>, parts: Parts) {
    let mut numbers = Numbers(82);
    let hash: [u64; 8] = core::array::from_fn(|_| numbers.next());
    checked(
        group,
        "reduce a hash",
        1,
        || parts.reduced(black_box(&hash)),
        |reduced| {
            assert_eq!(reduced, words(by_dalek(&hash).as_bytes()));
        },
    );
    let terms: [(u128, [u64; 8]); 64] = core::array::from_fn(|_| {
        let weight = (u128::from(numbers.next()) << 64 | u128::from(numbers.next())) >> 2;
        (weight, core::array::from_fn(|_| numbers.next()))
    });
    checked(
        group,
        "weigh and sum 64 hashes",
        64,
        || parts.weighted_sum(black_box(&terms)),
        |sum| {
            let expected: Scalar = terms.iter().map(|(weight, hash)| Scalar::from(*weight) * by_dalek(hash)).sum();
            assert_eq!(sum, words(expected.as_bytes()));
        },
    );
}

/// The number that digits stand for, lowest first.
fn number(digits: impl DoubleEndedIterator<Item = i16>, bits: u32) -> Scalar {
    digits.rev().fold(Scalar::ZERO, |sum, digit| {
        let magnitude = Scalar::from(digit.unsigned_abs());
        sum * Scalar::from(1_u64 << bits) + if digit < 0 { -magnitude } else { magnitude }
    })
}

fn digits(group: &mut Group<'_>, parts: Parts) {
    let mut numbers = Numbers(83);
    let half = (u128::from(numbers.next()) << 64 | u128::from(numbers.next())) >> 2;
    for bits in [4_u32, 6, 8] {
        let name = format!("windows of {bits} bits");
        checked(
            group,
            &name,
            1,
            || parts.window_digits(black_box(bits as usize), half),
            |digits| {
                assert_eq!(number(digits.into_iter(), bits), Scalar::from(half));
            },
        );
    }
    let scalars = numbers.scalars();
    let octets = scalars.map(|scalar| scalar.to_bytes());
    checked(
        group,
        "eight scalars, 6 bits",
        8,
        || parts.lane_digits(black_box(&octets)),
        |digits| {
            for (lane, scalar) in scalars.iter().enumerate() {
                assert_eq!(number(digits.iter().map(|digits| digits[lane]), LANE_DIGIT_BITS), *scalar);
            }
        },
    );
}
