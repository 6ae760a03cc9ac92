//! Keys that come many at once are the keys that come one by one: the same verdict on every encoding, in order, and the same
//! verdicts on signatures later.

use quittance_verify::{BackendKind, KeyError, PublicKey};

use crate::encodings::{edge_encodings, small_order_encodings};
use crate::harness::{Signed, batch, each, for_every_backend};
use crate::make::{self, Numbers, OpenSigner};
use crate::oracle::{self, KeyVerdict};

type Made = Vec<Result<PublicKey, KeyError>>;

/// A way to make many keys at once.
type Way = fn(BackendKind, &[[u8; 32]], &mut Made);

/// Encodings of every kind: honest keys, keys with torsion, small order in all 14 forms, y around 0 and from p - 20 up with
/// either sign (every y that is too large and both -0 among them), and random bytes, half of which are on no curve.
fn encodings() -> Vec<[u8; 32]> {
    let mut numbers = Numbers(31);
    let mut encodings: Vec<_> = (0..40).map(|number| make::secret_key(number).public_key_bytes()).collect();
    encodings.extend((0..8).map(|torsion| OpenSigner::new(numbers.scalar(), torsion).encoding));
    encodings.extend(small_order_encodings());
    encodings.extend(edge_encodings());
    encodings.extend((0..80).map(|_| numbers.bytes::<32>()));
    encodings
}

/// What the rule says, by the oracle.
fn expected(encoding: &[u8; 32]) -> Result<[u8; 32], KeyError> {
    match oracle::judge_key(encoding) {
        KeyVerdict::Good => Ok(*encoding),
        KeyVerdict::NotCanonical => Err(KeyError::NotCanonical),
        KeyVerdict::NotOnCurve => Err(KeyError::NotOnCurve),
        KeyVerdict::SmallOrder => Err(KeyError::SmallOrder),
    }
}

/// What a way to make keys gets wrong, if anything: against each encoding by itself, and against the oracle's answers.
fn fault(
    (way, kind): (Way, BackendKind),
    encodings: &[[u8; 32]],
    expected: &[Result<[u8; 32], KeyError>],
) -> Option<String> {
    let mut keys: Made = vec![Err(KeyError::NotOnCurve); 3]; // leftovers, to be cleared
    way(kind, encodings, &mut keys);
    if keys.len() != encodings.len() {
        return Some(format!("{} keys of {} encodings", keys.len(), encodings.len()));
    }
    let made = keys.iter().map(|key| key.map(|key| *key.as_bytes()));
    let alone = encodings.iter().map(|encoding| PublicKey::from_bytes(encoding).map(|key| *key.as_bytes()));
    let mut triples = made.zip(alone).zip(expected).enumerate();
    triples.find_map(|(index, ((made, alone), expected))| {
        let agree = made == alone && made == *expected;
        (!agree).then(|| format!("encoding {index}, {:02x?}: {made:?}, alone {alone:?}", encodings[index]))
    })
}

/// Runs of every length up to 40, so that encodings of every kind meet in every lane and in every remainder.
fn first_fault(way: Way, kind: BackendKind) -> Option<String> {
    let encodings = mixed(&encodings());
    let expected: Vec<_> = encodings.iter().map(expected).collect();
    let runs =
        (0..=40).flat_map(|length| (0..encodings.len() - length).step_by(13).map(move |from| from..from + length));
    let all = core::iter::once(0..encodings.len());
    runs.chain(all).find_map(|run| fault((way, kind), &encodings[run.clone()], &expected[run]))
}

/// The same in an order in which neighbours are of different kinds.
fn mixed(encodings: &[[u8; 32]]) -> Vec<[u8; 32]> {
    let mut places: Vec<_> = (0..encodings.len()).collect();
    let mut numbers = Numbers(32);
    places.sort_by_cached_key(|_| numbers.next());
    places.into_iter().map(|place| encodings[place]).collect()
}

#[test]
fn encodings_of_every_kind_and_number_are_judged_as_each_alone() {
    let kinds: Vec<_> = encodings().iter().map(expected).collect();
    for error in [KeyError::NotCanonical, KeyError::NotOnCurve, KeyError::SmallOrder] {
        assert!(kinds.iter().filter(|verdict| **verdict == Err(error)).count() >= 8, "{error}");
    }
    assert!(kinds.iter().filter(|verdict| verdict.is_ok()).count() >= 48);
    for_every_backend(|verifier| assert_eq!(first_fault(PublicKey::from_bytes_batch, verifier.backend()), None));
}

/// Ways that are wrong: the run above must notice each.
#[test]
fn a_batch_that_mixes_lanes_or_keeps_leftovers_would_be_noticed() {
    let mutants: [(&str, Way); 6] = [
        ("two lanes swapped", |kind, encodings, keys| {
            PublicKey::from_bytes_batch(kind, encodings, keys);
            keys.chunks_mut(8).filter(|eight| eight.len() == 8).for_each(|eight| eight.swap(2, 5));
        }),
        ("the remainder in reverse", |kind, encodings, keys| {
            PublicKey::from_bytes_batch(kind, encodings, keys);
            let whole = keys.len() / 8 * 8;
            keys[whole..].reverse();
        }),
        ("verdicts of the neighbour", |kind, encodings, keys| {
            PublicKey::from_bytes_batch(kind, encodings, keys);
            let bad = keys.iter().position(Result::is_err).unwrap_or(0);
            keys[bad..].iter_mut().take(2).for_each(|key| *key = Err(KeyError::NotOnCurve));
        }),
        ("leftovers", |kind, encodings, keys| {
            let mut made = Vec::new();
            PublicKey::from_bytes_batch(kind, encodings, &mut made);
            keys.extend(made);
        }),
        ("the remainder left out", |kind, encodings, keys| {
            PublicKey::from_bytes_batch(kind, &encodings[..encodings.len() / 8 * 8], keys);
        }),
        ("small order let in as no point", |kind, encodings, keys| {
            PublicKey::from_bytes_batch(kind, encodings, keys);
            let small = keys.iter_mut().filter(|key| **key == Err(KeyError::SmallOrder));
            small.for_each(|key| *key = Err(KeyError::NotOnCurve));
        }),
    ];
    for (name, mutant) in mutants {
        for_every_backend(|verifier| assert!(first_fault(mutant, verifier.backend()).is_some(), "{name}"));
    }
}

/// Each special encoding in each of a vector's lanes, among honest keys: it is seen there, and its neighbours are let be.
#[test]
fn a_bad_encoding_in_any_lane_leaves_its_neighbours_alone() {
    let honest: Vec<_> = (0..9).map(|number| make::secret_key(number).public_key_bytes()).collect();
    for_every_backend(|verifier| {
        let mut keys = Vec::new();
        for encoding in small_order_encodings().into_iter().chain(edge_encodings()) {
            for place in 0..honest.len() {
                let mut encodings = honest.clone();
                encodings[place] = encoding;
                PublicKey::from_bytes_batch(verifier.backend(), &encodings, &mut keys);
                for (index, key) in keys.iter().enumerate() {
                    let wanted = if index == place { expected(&encoding) } else { Ok(honest[index]) };
                    assert_eq!(key.map(|key| *key.as_bytes()), wanted, "{encoding:02x?} at {place}: key {index}");
                }
            }
        }
    });
}

/// What verdicts on encodings cannot show: that a key holds the right point, wherever a backend keeps it. Keys made for one
/// backend serve the others too.
#[test]
fn keys_from_a_batch_judge_signatures_like_keys_made_alone() {
    let mut signed = make::honest(60, 60);
    let mut numbers = Numbers(33);
    let torsion = (0..8).map(|torsion| {
        let signer = OpenSigner::new(numbers.scalar(), torsion);
        let (message, key) = (b"torsion in A".to_vec(), signer.key());
        Signed { key, signature: signer.sign(numbers.scalar(), 0, &message), message, hint: None }
    });
    signed.extend(torsion);
    let bare: Vec<_> = signed.iter().map(|one| *one.key.as_bytes()).collect();
    // Bad encodings among them, so that places in and out are not the same.
    let bad = small_order_encodings();
    let encodings: Vec<_> = bare.iter().enumerate().flat_map(|(index, key)| [*key, bad[index % bad.len()]]).collect();
    for encodings in [bare, encodings] {
        for kind in BackendKind::ALL.iter().copied().filter(|kind| kind.available()) {
            let mut keys = Vec::new();
            PublicKey::from_bytes_batch(kind, &encodings, &mut keys);
            assert_judged_alike(&signed, &keys);
        }
    }
}

/// `keys`, less those that are none, are the signers' of `signed`.
fn assert_judged_alike(signed: &[Signed], keys: &Made) {
    let good: Vec<_> = keys.iter().flatten().collect();
    assert_eq!(good.len(), signed.len());
    let by_batch: Vec<_> = signed.iter().zip(good).map(|(one, key)| Signed { key: *key, ..one.clone() }).collect();
    let spoiled: Vec<_> = by_batch.iter().map(make::spoiled).collect();
    for_every_backend(|verifier| {
        for (signed, verdict) in [(&by_batch, true), (&spoiled, false)] {
            assert_eq!(batch(verifier, signed), vec![verdict; signed.len()]);
            assert_eq!(each(verifier, signed), vec![verdict; signed.len()]);
            assert!(signed.iter().all(|one| verifier.verify(one.item()) == verdict));
            assert!(signed.chunks(9).all(|few| batch(verifier, few).iter().all(|held| *held == verdict)));
        }
    });
}
