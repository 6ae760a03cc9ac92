//! What a signature costs: alone, in batches, and replaced by a path in the reply tree. Every answer is checked.
//!
//! ```text
//! taskset -c 1 cargo bench -p quittance-verify                     # all of it
//! taskset -c 1 cargo bench -p quittance-verify -- 'batch/.*/1024'  # one size
//! cargo test -p quittance-verify --bench verify                    # each once, for the answers
//! ```
//!
//! Throughput is per signature (or leaf), so criterion's `thrpt` line is the figure to quote. Without an argument it
//! measures [`BackendKind::best`]; QUITTANCE_BACKEND names another.

use std::env;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quittance_verify::{BackendKind, Item, PublicKey, SecretKey, Verifier, tree};

/// Of the order of a payment order's signed bytes: two blocks of SHA-512 with R and A.
const MESSAGE_BYTES: usize = 160;

struct Signed {
    key: PublicKey,
    message: [u8; MESSAGE_BYTES],
    signature: [u8; 64],
}

fn signed(count: u16, key_count: u16) -> Vec<Signed> {
    (0..count)
        .map(|number| {
            let mut seed = [0x11; 32];
            seed[..2].copy_from_slice(&(number % key_count).to_le_bytes());
            let key = SecretKey::from_seed(&seed);
            let mut message = [0x22; MESSAGE_BYTES];
            message[..2].copy_from_slice(&number.to_le_bytes());
            Signed { key: key.public_key(), message, signature: key.sign(&message) }
        })
        .collect()
}

fn items(signed: &[Signed]) -> Vec<Item<'_>> {
    signed.iter().map(|one| Item { key: &one.key, message: &one.message, signature: &one.signature }).collect()
}

fn verifier() -> Verifier {
    let named = env::var("QUITTANCE_BACKEND").ok();
    let kind = named.map_or_else(BackendKind::best, |name| name.parse().expect("a backend's name"));
    Verifier::new(kind, [0x33; 32])
}

fn alone(criterion: &mut Criterion) {
    let signed = signed(64, 64);
    let items = items(&signed);
    let mut verifier = verifier();
    let mut next = items.iter().cycle();
    let mut group = criterion.benchmark_group("alone");
    group.throughput(Throughput::Elements(1));
    group.bench_function("verify", |bencher| {
        bencher.iter(|| assert!(verifier.verify(black_box(*next.next().expect("a cycle goes on")))));
    });
    let key = SecretKey::from_seed(&[0x44; 32]);
    let expected = key.sign(&[0x22; MESSAGE_BYTES]);
    group.bench_function("sign", |bencher| {
        bencher.iter(|| assert_eq!(key.sign(black_box(&[0x22; MESSAGE_BYTES])), expected));
    });
    group.finish();
}

fn batch(criterion: &mut Criterion) {
    let mut verifier = verifier();
    let mut verdicts = Vec::new();
    for (name, key_count) in [("distinct keys", u16::MAX), ("4 keys", 4)] {
        let mut group = criterion.benchmark_group(format!("batch/{name}"));
        for count in [2_u16, 4, 8, 16, 64, 96, 128, 256, 512, 1024] {
            let signed = signed(count, key_count);
            let items = items(&signed);
            group.throughput(Throughput::Elements(u64::from(count)));
            group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
                bencher.iter(|| {
                    verifier.verify_batch(black_box(&items), &mut verdicts);
                    assert!(verdicts.len() == items.len() && verdicts.iter().all(|verdict| *verdict));
                });
            });
        }
        group.finish();
    }
    assert_eq!(verifier.counters().batch_failed_count, 0);
}

/// One bad signature among 128: the sum is computed in vain, then each is checked.
fn failed_batch(criterion: &mut Criterion) {
    let mut signed = signed(128, u16::MAX);
    signed[77].signature[32] ^= 1;
    let items = items(&signed);
    let mut verifier = verifier();
    let mut verdicts = Vec::new();
    let mut group = criterion.benchmark_group("failed batch");
    group.throughput(Throughput::Elements(128));
    group.bench_function("128", |bencher| {
        bencher.iter(|| {
            verifier.verify_batch(black_box(&items), &mut verdicts);
            assert!(verdicts.iter().enumerate().all(|(index, verdict)| *verdict == (index != 77)));
        });
    });
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
    group.bench_function("path of 6", |bencher| {
        bencher.iter(|| assert_eq!(tree::root_from_path(black_box(&leaves[41]), 41, black_box(&path)), Some(root)));
    });
    group.finish();
}

criterion_group!(benches, alone, batch, failed_batch, reply_tree);
criterion_main!(benches);
