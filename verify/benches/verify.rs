//! What a signature costs: alone, in batches, and replaced by a path in the reply tree. Every answer is checked.
//!
//! ```text
//! taskset -c 1 cargo bench -p quittance-verify                              # all of it, on every backend
//! taskset -c 1 cargo bench -p quittance-verify -- 'distinct keys/.*/1024$'  # one size, all backends and ed25519-dalek
//! cargo test -p quittance-verify --bench verify                             # each once, for the answers
//! ```
//!
//! Throughput is per signature (or leaf, or key), so criterion's `thrpt` line is the figure to quote.

use std::hint::black_box;

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
use quittance_verify::{BackendKind, Item, PublicKey, SecretKey, Verifier, hint, tree};

/// Of the order of a payment order's signed bytes: two blocks of SHA-512 with R and A.
const MESSAGE_BYTES: usize = 160;

const BATCH_SIZES: [u16; 10] = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

struct Signed {
    key: PublicKey,
    message: [u8; MESSAGE_BYTES],
    signature: [u8; 64],
    hint: [u8; 32],
}

fn signed(count: u16, key_count: u16) -> Vec<Signed> {
    (0..count)
        .map(|number| {
            let mut seed = [0x11; 32];
            seed[..2].copy_from_slice(&(number % key_count).to_le_bytes());
            let key = SecretKey::from_seed(&seed);
            let mut message = [0x22; MESSAGE_BYTES];
            message[..2].copy_from_slice(&number.to_le_bytes());
            let signature = key.sign(&message);
            let hint = hint(&signature).expect("an honest R is a point");
            Signed { key: key.public_key(), message, signature, hint }
        })
        .collect()
}

fn items(signed: &[Signed], hinted: bool) -> Vec<Item<'_>> {
    signed
        .iter()
        .map(|Signed { key, message, signature, hint }| Item { key, message, signature, hint: hinted.then_some(hint) })
        .collect()
}

/// A verifier of every kind that this machine can run.
fn verifiers() -> impl Iterator<Item = Verifier> {
    let kinds = BackendKind::ALL.iter().copied().filter(|kind| kind.available());
    kinds.map(|kind| Verifier::new(kind, [0x33; 32]))
}

fn alone(criterion: &mut Criterion) {
    let signed = signed(64, 64);
    let mut group = criterion.benchmark_group("alone");
    group.throughput(Throughput::Elements(1));
    for mut verifier in verifiers() {
        let items = items(&signed, false);
        let mut next = items.iter().cycle();
        group.bench_function(verifier.backend().name(), |bencher| {
            bencher.iter(|| assert!(verifier.verify(black_box(*next.next().expect("a cycle goes on")))));
        });
    }
    let parsed = parsed(&signed);
    let mut next = signed.iter().zip(&parsed).cycle();
    group.bench_function("ed25519-dalek", |bencher| {
        bencher.iter(|| {
            let (one, (signature, key)) = next.next().expect("a cycle goes on");
            assert!(key.verify(black_box(&one.message), black_box(signature)).is_ok());
        });
    });
    let key = SecretKey::from_seed(&[0x44; 32]);
    let expected = key.sign(&[0x22; MESSAGE_BYTES]);
    group.bench_function("sign", |bencher| {
        bencher.iter(|| assert_eq!(key.sign(black_box(&[0x22; MESSAGE_BYTES])), expected));
    });
    group.finish();
}

fn batch(criterion: &mut Criterion) {
    for (name, key_count, hinted) in
        [("distinct keys", u16::MAX, false), ("distinct keys, hints", u16::MAX, true), ("4 keys", 4, false)]
    {
        let mut group = criterion.benchmark_group(format!("batch/{name}"));
        for count in BATCH_SIZES {
            let signed = signed(count, key_count);
            group.throughput(Throughput::Elements(u64::from(count)));
            for mut verifier in verifiers() {
                let items = items(&signed, hinted);
                let mut verdicts = Vec::new();
                group.bench_function(BenchmarkId::new(verifier.backend().name(), count), |bencher| {
                    bencher.iter(|| {
                        verifier.verify_batch(black_box(&items), &mut verdicts);
                        assert!(verdicts.len() == items.len() && verdicts.iter().all(|verdict| *verdict));
                    });
                });
                assert_eq!(verifier.counters().batch_failed_count, 0);
            }
            if !hinted {
                by_dalek(&mut group, &signed);
            }
        }
        group.finish();
    }
}

/// The other library's batches, which decide nothing here (see the crate's docs), for comparison.
fn by_dalek(group: &mut BenchmarkGroup<'_, criterion::measurement::WallTime>, signed: &[Signed]) {
    let messages: Vec<&[u8]> = signed.iter().map(|one| &one.message[..]).collect();
    let (signatures, keys): (Vec<_>, Vec<_>) = parsed(signed).into_iter().unzip();
    group.bench_function(BenchmarkId::new("ed25519-dalek", signed.len()), |bencher| {
        bencher.iter(|| assert!(ed25519_dalek::verify_batch(black_box(&messages), &signatures, &keys).is_ok()));
    });
}

fn parsed(signed: &[Signed]) -> Vec<(Signature, VerifyingKey)> {
    let parse = |one: &Signed| {
        let key = VerifyingKey::from_bytes(one.key.as_bytes()).expect("an honest key");
        (Signature::from_bytes(&one.signature), key)
    };
    signed.iter().map(parse).collect()
}

/// Keys met for the first time: one by one, and in batches.
fn keys(criterion: &mut Criterion) {
    let signed = signed(64, 64);
    let encodings: Vec<_> = signed.iter().map(|one| *one.key.as_bytes()).collect();
    let mut next = encodings.iter().cycle();
    let mut group = criterion.benchmark_group("keys");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one", |bencher| {
        bencher.iter(|| PublicKey::from_bytes(black_box(next.next().expect("a cycle goes on"))).expect("a good key"));
    });
    group.throughput(Throughput::Elements(64));
    for mut verifier in verifiers() {
        let kind = verifier.backend();
        let mut keys = Vec::new();
        group.bench_function(BenchmarkId::new(kind.name(), 64), |bencher| {
            bencher.iter(|| {
                PublicKey::from_bytes_batch(kind, black_box(&encodings), &mut keys);
                assert!(keys.len() == encodings.len() && keys.iter().all(Result::is_ok));
            });
        });
        // What cannot be seen in a key shows in its verdicts.
        let made = keys.iter().map(|key| key.as_ref().expect("a good key"));
        let items: Vec<_> = made.zip(items(&signed, false)).map(|(key, item)| Item { key, ..item }).collect();
        let mut verdicts = Vec::new();
        verifier.verify_batch(&items, &mut verdicts);
        assert_eq!((verdicts, verifier.counters().batch_failed_count), (vec![true; items.len()], 0));
    }
    group.finish();
}

/// One bad signature among 128: the sum is computed in vain, then each is checked.
fn failed_batch(criterion: &mut Criterion) {
    let mut signed = signed(128, u16::MAX);
    signed[77].signature[32] ^= 1;
    let items = items(&signed, false);
    let mut group = criterion.benchmark_group("failed batch");
    group.throughput(Throughput::Elements(128));
    for mut verifier in verifiers() {
        let mut verdicts = Vec::new();
        group.bench_function(verifier.backend().name(), |bencher| {
            bencher.iter(|| {
                verifier.verify_batch(black_box(&items), &mut verdicts);
                assert!(verdicts.iter().enumerate().all(|(index, verdict)| *verdict == (index != 77)));
            });
        });
    }
    group.finish();
}

/// Each by its own equation, as for a source that has sent bad ones: one of eight is bad, and that changes nothing.
fn each(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("each");
    for count in [2, 8, 64, 1024] {
        let mut signed = signed(count, u16::MAX);
        signed.iter_mut().step_by(8).for_each(|one| one.signature[32] ^= 1);
        group.throughput(Throughput::Elements(u64::from(count)));
        for mut verifier in verifiers() {
            let items = items(&signed, false);
            let mut verdicts = Vec::new();
            group.bench_function(BenchmarkId::new(verifier.backend().name(), count), |bencher| {
                bencher.iter(|| {
                    verifier.verify_each(black_box(&items), &mut verdicts);
                    assert!(verdicts.len() == items.len());
                    assert!(verdicts.iter().enumerate().all(|(index, verdict)| *verdict == (index % 8 != 0)));
                });
            });
            assert_eq!(verifier.counters().batch_count, 0);
        }
    }
    group.finish();
}

/// Many messages by one key: a machine without the vector backend signs them one by one.
fn sign_batch(criterion: &mut Criterion) {
    let key = SecretKey::from_seed(&[0x44; 32]);
    let messages: Vec<_> = (0..=u8::MAX).map(|number| [number; MESSAGE_BYTES]).collect();
    let borrowed: Vec<&[u8]> = messages.iter().map(|message| &message[..]).collect();
    let expected: Vec<_> = borrowed.iter().map(|message| key.sign(message)).collect();
    let mut signatures = Vec::new();
    let mut group = criterion.benchmark_group("sign");
    for count in [1, 8, 16, 64, 256] {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                key.sign_batch(black_box(&borrowed[..count]), &mut signatures);
                assert_eq!(signatures, expected[..count]);
            });
        });
    }
    group.finish();
}

fn reply_tree(criterion: &mut Criterion) {
    let leaves: Vec<_> = (0..64_u8).map(|number| tree::leaf(&[number; 48])).collect();
    let mut built = tree::Tree::with_capacity(64);
    let root = built.build(&leaves);
    let mut path = [[0; 32]; 6];
    built.path(41, &mut path);

    let mut group = criterion.benchmark_group("tree");
    group.throughput(Throughput::Elements(64));
    group.bench_function("build 64", |bencher| bencher.iter(|| assert_eq!(built.build(black_box(&leaves)), root)));
    group.throughput(Throughput::Elements(1));
    group.bench_function("leaf 48 bytes", |bencher| {
        bencher.iter(|| assert_eq!(tree::leaf(black_box(&[41; 48])), leaves[41]));
    });
    let paths = [tree::Path { leaf_index: 41, siblings: &path }; 16];
    group.bench_function("path of 6", |bencher| {
        bencher.iter(|| assert_eq!(tree::root_from_path(black_box(&leaves[41]), black_box(paths[0])), Some(root)));
    });
    let mut roots = [[0; 32]; 16];
    for count in [2, 3, 13, 16] {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("paths of 6", count), |bencher| {
            bencher.iter(|| {
                tree::roots_from_paths(black_box(&leaves[41]), black_box(&paths[..count]), &mut roots[..count]);
                assert!(roots[..count].iter().all(|found| *found == root));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, alone, batch, failed_batch, each, keys, sign_batch, reply_tree);
criterion_main!(benches);
