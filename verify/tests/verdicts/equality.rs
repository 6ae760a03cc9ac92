//! What one backend says, all say: mixtures of good and bad of every kind, in batches of every size.
//!
//! The reference is the portable backend, one item at a time. Where a test fails it names the seed.

use curve25519_dalek::scalar::Scalar;
use quittance_verify::{BackendKind, Verifier, hint};

use crate::harness::{Signed, batch, each, for_every_backend};
use crate::make::{self, Numbers, OpenSigner};
use crate::oracle;

/// Ways to make an item: see [`bent`].
const WAYS: usize = 16;

/// An item of one of the ways. Some are good, some are bad, and the reference says which.
fn bent(way: usize, numbers: &mut Numbers) -> Signed {
    let signer = OpenSigner::new(numbers.scalar(), if way == 1 { numbers.below(8) } else { 0 });
    let message_bytes = numbers.below(300);
    let mut message: Vec<u8> = (0..message_bytes).map(|_| numbers.bytes::<1>()[0]).collect();
    let torsion = if matches!(way, 1 | 2) { numbers.below(8) } else { 0 };
    let mut signature = signer.sign(numbers.scalar(), torsion, &message);
    let mut key = signer.key();
    let mut given = None;
    match way {
        // Honest, and with torsion in the key, in R, in both.
        0..=2 => {}
        3 => given = hint(&signature),
        4 => signature[numbers.below(32)] ^= 1 << numbers.below(8),
        5 => signature[32 + numbers.below(32)] ^= 1 << numbers.below(8),
        6 => message.push(0),
        7 => key = OpenSigner::new(numbers.scalar(), 0).key(),
        8 => signature = make::join(&numbers.bytes(), signature[32..].try_into().unwrap()),
        9 => signature = make::join(signature[..32].try_into().unwrap(), &numbers.bytes()),
        10 => signature = make::join(signature[..32].try_into().unwrap(), &beyond_order(&signature)),
        11 => signature = signer.sign(Scalar::ZERO, numbers.below(8), &message),
        12 => signature = signer.sign_encoded(Scalar::ZERO, &high_y(numbers), &message),
        13 => given = hint(&signature).map(|x| oracle::bytes(&oracle::subtract(&oracle::P, &oracle::words(&x)))),
        14 => given = Some(numbers.bytes()),
        _ => {
            signature[numbers.below(64)] ^= 1 << numbers.below(8);
            given = hint(&signature);
        }
    }
    Signed { key, message, signature, hint: given }
}

/// S + L.
fn beyond_order(signature: &[u8; 64]) -> [u8; 32] {
    oracle::bytes(&oracle::add(&oracle::words(signature[32..].try_into().unwrap()), &oracle::L).0)
}

/// A y from p - 20 up, with either sign.
fn high_y(numbers: &mut Numbers) -> [u8; 32] {
    let from_prime = oracle::subtract(&oracle::P, &[20, 0, 0, 0]);
    let mut encoding = oracle::bytes(&oracle::add(&from_prime, &[numbers.next() % 39, 0, 0, 0]).0);
    encoding[31] |= numbers.bytes::<1>()[0] & 0x80;
    encoding
}

/// Items and their verdicts: `bad_in` out of 16 are of any way, the others honest.
pub(crate) fn pool(count: usize, bad_in: usize, numbers: &mut Numbers) -> (Vec<Signed>, Vec<bool>) {
    let mut portable = Verifier::new(BackendKind::Portable, [0x77; 32]);
    let signed: Vec<_> = (0..count)
        .map(|_| {
            let way = if numbers.below(16) < bad_in { numbers.below(WAYS) } else { numbers.below(4) };
            bent(way, numbers)
        })
        .collect();
    let verdicts = signed.iter().map(|one| portable.verify(one.item())).collect();
    (signed, verdicts)
}

/// Judges the pool in batches of random sizes up to `size_max`, drawn from its start to its end, and each item of a batch by
/// itself, where that is not what the reference does.
fn assert_equal(verifier: &mut Verifier, signed: &[Signed], expected: &[bool], size_max: usize, numbers: &mut Numbers) {
    let mut from = 0;
    while from < signed.len() {
        let to = (from + 1 + numbers.below(size_max)).min(signed.len());
        let kind = verifier.backend();
        assert_eq!(batch(verifier, &signed[from..to]), expected[from..to], "{kind}: items {from}..{to}");
        if kind != BackendKind::Portable {
            assert_eq!(each(verifier, &signed[from..to]), expected[from..to], "{kind}: each of {from}..{to}");
        }
        from = to;
    }
}

#[test]
fn every_way_to_bend_an_item_is_known_to_the_oracle() {
    let mut numbers = Numbers(21);
    let mut seen = [[0; 2]; WAYS];
    for (way, seen) in seen.iter_mut().enumerate() {
        for _ in 0..6 {
            let one = bent(way, &mut numbers);
            let hint_fits = one.hint.is_none() || one.hint == oracle::x_of(one.signature[..32].try_into().unwrap());
            let expected = hint_fits && oracle::accepts(one.key.as_bytes(), &one.message, &one.signature);
            seen[usize::from(expected)] += 1;
            for_every_backend(|verifier| assert_eq!(verifier.verify(one.item()), expected, "way {way}: {one:02x?}"));
        }
    }
    let good_ways = seen.iter().filter(|[_, good]| *good > 0).count();
    let bad_ways = seen.iter().filter(|[bad, _]| *bad > 0).count();
    assert!(good_ways >= 5 && bad_ways >= 10, "{seen:?}");
}

#[test]
fn batches_of_every_size_get_the_same_verdicts_from_every_backend() {
    let mut numbers = Numbers(22);
    let (honest, good) = pool(300, 0, &mut numbers);
    let (mixed, verdicts) = pool(300, 16, &mut numbers);
    assert!(good.iter().all(|verdict| *verdict) && verdicts.contains(&false));
    for_every_backend(|verifier| {
        for size in 1..=300 {
            let mut signed: Vec<_> = honest[..size].iter().collect();
            assert_eq!(batch(verifier, signed.iter().copied()), good[..size], "{size} honest");
            let (place, chosen) = (Numbers(size as u64).below(size), size * 11 % 300);
            let mut expected = good[..size].to_vec();
            signed[place] = &mixed[chosen];
            expected[place] = verdicts[chosen];
            assert_eq!(batch(verifier, signed), expected, "{size}, mixed item {chosen} at {place}");
        }
        assert_eq!(batch(verifier, &mixed), verdicts);
    });
}

#[test]
fn random_mixtures_get_the_same_verdicts_from_every_backend() {
    for (seed, bad_in) in [(23, 1), (24, 4), (25, 16)] {
        let mut numbers = Numbers(seed);
        let (signed, expected) = pool(400, bad_in, &mut numbers);
        for_every_backend(|verifier| {
            for size_max in [12, 40, 400] {
                assert_equal(verifier, &signed, &expected, size_max, &mut numbers_of(seed, size_max));
            }
        });
    }
}

/// Keys that repeat keep rows in the vector backend: more of them than it remembers, in changing company.
#[test]
fn keys_come_and_go_and_come_again_with_the_same_verdicts() {
    let mut signed = make::honest(1600, 160);
    signed.iter_mut().step_by(97).for_each(|one| *one = make::spoiled(one));
    let expected: Vec<_> = (0..1600).map(|index| index % 97 != 0).collect();
    for_every_backend(|verifier| {
        for (first, step) in [(0, 160), (3, 80), (1, 40), (7, 20), (0, 10), (0, 160)] {
            // A step that divides the number of keys picks few keys, each often.
            let places: Vec<_> = (first..1600).step_by(step).flat_map(|place| place..(place + 3).min(1600)).collect();
            let verdicts = batch(verifier, places.iter().map(|place| &signed[*place]));
            assert!(places.iter().zip(verdicts).all(|(place, verdict)| expected[*place] == verdict), "{first} {step}");
        }
        assert_eq!(batch(verifier, &signed), expected);
        assert_eq!(batch(verifier, &signed), expected, "again, with rows in place");
    });
}

/// The rounds of the long run: ten million signatures and a few more.
const ROUND_SEEDS: core::ops::RangeInclusive<u64> = 1_000..=3_441;
const ROUND_ITEMS: usize = 4096;
const _: () = assert!((*ROUND_SEEDS.end() - *ROUND_SEEDS.start() + 1) * ROUND_ITEMS as u64 >= 10_000_000);

/// Where the long run begins: at the first round, or at the one that the environment names.
const FIRST_SEED_VARIABLE: &str = "QUITTANCE_FIRST_SEED";

/// Ten million signatures, each fresh, judged by the portable backend alone and by every backend in batches. The crate's docs
/// give the command and how long it takes. A round's seed is printed when it begins; to go on with an interrupted run:
///
/// ```text
/// QUITTANCE_FIRST_SEED=2000 cargo test --release -p quittance-verify --test verdicts -- --ignored --nocapture ten_million
/// ```
#[test]
#[ignore = "takes twenty minutes: the crate's docs have the command"]
fn ten_million_signatures_get_the_same_verdicts_from_every_backend() {
    let first_seed = match std::env::var(FIRST_SEED_VARIABLE) {
        Ok(seed) => seed.parse().expect("the first seed is a number"),
        Err(_) => *ROUND_SEEDS.start(),
    };
    assert!(ROUND_SEEDS.contains(&first_seed), "{first_seed} is a seed of {ROUND_SEEDS:?}");
    let begun = std::time::Instant::now();
    for seed in first_seed..=*ROUND_SEEDS.end() {
        let before = (seed - ROUND_SEEDS.start()) * ROUND_ITEMS as u64;
        println!("seed {seed}: {before} judged, {} s", begun.elapsed().as_secs());
        judge_round(seed);
    }
    let count = (ROUND_SEEDS.end() - first_seed + 1) * ROUND_ITEMS as u64;
    println!("done: {count} judged, from seed {first_seed}, {} s", begun.elapsed().as_secs());
}

/// In three rounds of four, most batches hold; in the fourth, most fail.
fn judge_round(seed: u64) {
    let mut numbers = Numbers(seed);
    let bad_in = if seed.is_multiple_of(4) { 8 } else { 0 };
    let (mut signed, mut expected) = pool(ROUND_ITEMS, bad_in, &mut numbers);
    if bad_in == 0 {
        let place = numbers.below(ROUND_ITEMS);
        (signed[place], expected[place]) = (make::spoiled(&signed[place]), false);
    }
    let size_max = [16, 64, 300, 1100][numbers.below(4)];
    for_every_backend(|verifier| {
        assert_equal(verifier, &signed, &expected, size_max, &mut numbers_of(seed, size_max));
    });
}

fn numbers_of(seed: u64, size_max: usize) -> Numbers {
    Numbers(seed << 16 | size_max as u64)
}
