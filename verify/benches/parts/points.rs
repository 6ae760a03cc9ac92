//! The group: sums, doubles, points from and to octets, multiples of the base point, and the multiscalar product.

use std::hint::black_box;

use criterion::Criterion;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use quittance_verify::hint;
use quittance_verify::parts::{Decoded, Eight, Parts, Points, Product};

use crate::common::{Group, Numbers, checked, encodings, parts};

/// Sums or doubles in a chain.
const CHAIN: u16 = 64;

pub(crate) fn all(criterion: &mut Criterion) {
    sums(&mut criterion.benchmark_group("points"), parts());
    octets(&mut criterion.benchmark_group("octets"), parts());
    multiples(&mut criterion.benchmark_group("multiples"), parts());
    products(&mut criterion.benchmark_group("multiscalar product"), parts());
}

fn assert_points(parts: Parts, points: &Points<1>, expected: [EdwardsPoint; 8]) {
    assert_eq!(parts.encodings(points), [encodings(&expected)]);
}

fn sums(group: &mut Group<'_>, parts: Parts) {
    let mut numbers = Numbers(71);
    let (ps, qs) = (numbers.points(), numbers.points());
    let (p, q) = (parts.points(&[encodings(&ps)]), parts.points(&[encodings(&qs)]));
    let affine = parts.rows(&encodings(&qs));
    let count = usize::from(CHAIN);
    let elements = 8 * u64::from(CHAIN);
    let expected = core::array::from_fn(|lane| ps[lane] + Scalar::from(CHAIN) * qs[lane]);
    let powers = ps.map(|p| (0..CHAIN).fold(p, |p, _| p + p));
    checked(
        group,
        "add",
        elements,
        || parts.sums(black_box(&p), &q, count),
        |sums| {
            assert_points(parts, &sums, expected);
        },
    );
    checked(
        group,
        "add affine",
        elements,
        || parts.sums_affine(black_box(&p), &affine, count),
        |sums| {
            assert_points(parts, &sums, expected);
        },
    );
    checked(
        group,
        "double",
        elements,
        || parts.doubles(black_box(&p), count),
        |doubles| {
            assert_points(parts, &doubles, powers);
        },
    );
    checked(
        group,
        "double again and again",
        elements,
        || parts.doubled_times(black_box(&p), count),
        |doubles| {
            assert_points(parts, &doubles, powers);
        },
    );
    checked(
        group,
        "2^126 times, affine",
        8,
        || parts.raised(black_box(&affine)),
        |raised| {
            let expected = qs.map(|q| (0..126).fold(q, |q, _| q + q));
            assert_points(parts, &parts.of_rows(&raised), expected);
        },
    );
}

/// Half of the encodings are points'.
fn octets(group: &mut Group<'_>, parts: Parts) {
    let mut numbers = Numbers(72);
    let pair: [Eight; 2] = [encodings(&numbers.points()), numbers.elements()];
    let one = [pair[0]];
    checked(
        group,
        "decompress 8",
        8,
        || parts.decompressed(black_box(&one)),
        |decoded| {
            assert_decoded(parts, &decoded, &pair[0]);
        },
    );
    let [odd, even] = [1, 0].map(|odd| core::array::from_fn(|lane| pair[(lane + odd) % 2][lane]));
    let mixed = [even, odd];
    checked(
        group,
        "decompress 16",
        16,
        || parts.decompressed(black_box(&mixed)),
        |decoded| {
            for (decoded, octets) in decoded.split().iter().zip(&mixed) {
                assert_decoded(parts, decoded, octets);
            }
        },
    );
    let hints = pair[0].map(|encoding| x_of(&encoding).expect("a point's"));
    checked(
        group,
        "check hint 8",
        8,
        || parts.hints_checked(black_box(&pair[0]), &hints),
        |decoded| {
            assert_decoded(parts, &decoded, &pair[0]);
        },
    );
    checked(
        group,
        "decompress, curve25519-dalek",
        1,
        || CompressedEdwardsY(black_box(pair[0][3])).decompress(),
        |p| {
            assert_eq!(p.expect("a point's").compress().to_bytes(), pair[0][3]);
        },
    );
    let points: [Eight; 16] = core::array::from_fn(|_| encodings(&numbers.points()));
    let decoded = parts.points(&points);
    checked(
        group,
        "encode 128",
        128,
        || parts.encodings(black_box(&decoded)),
        |encodings| {
            assert_eq!(encodings, points);
        },
    );
}

/// R's x, the portable way.
fn x_of(encoding: &[u8; 32]) -> Option<[u8; 32]> {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(encoding);
    hint(&signature)
}

fn assert_decoded(parts: Parts, decoded: &Decoded<1>, encodings: &Eight) {
    let (x, y, valid) = parts.coordinates(decoded);
    for (lane, encoding) in encodings.iter().enumerate() {
        let expected = x_of(encoding);
        assert_eq!(valid >> lane & 1 == 1, expected.is_some());
        assert_eq!(expected.is_some(), CompressedEdwardsY(*encoding).decompress().is_some());
        if let Some(expected) = expected {
            let mut y_alone = *encoding;
            y_alone[31] &= 0x7f;
            assert_eq!((x[lane], y[lane]), (expected, y_alone));
        }
    }
}

fn multiples(group: &mut Group<'_>, parts: Parts) {
    let scalars = Numbers(73).scalars();
    let octets = scalars.map(|scalar| scalar.to_bytes());
    let expected = scalars.map(|scalar| EdwardsPoint::mul_base(&scalar));
    checked(
        group,
        "public",
        8,
        || parts.public_multiples(black_box(&octets)),
        |multiples| {
            assert_points(parts, &multiples, expected);
        },
    );
    checked(
        group,
        "secret",
        8,
        || parts.secret_multiples(black_box(&octets)),
        |multiples| {
            assert_points(parts, &multiples, expected);
        },
    );
    checked(
        group,
        "curve25519-dalek",
        1,
        || EdwardsPoint::mul_base(black_box(&scalars[0])),
        |multiple| {
            assert_eq!(parts.encodings(&parts.public_multiples(&octets))[0][0], multiple.compress().to_bytes());
        },
    );
}

fn products(group: &mut Group<'_>, parts: Parts) {
    let mut numbers = Numbers(74);
    for count in [64_u16, 256, 1024] {
        let scalars: Vec<_> = (0..count).map(|_| numbers.scalar()).collect();
        let points: Vec<_> = (0..count).map(|_| EdwardsPoint::mul_base(&numbers.scalar())).collect();
        let encodings: Vec<_> = points.iter().map(|point| point.compress().to_bytes()).collect();
        let octets: Vec<_> = scalars.iter().map(Scalar::to_bytes).collect();
        let expected = EdwardsPoint::vartime_multiscalar_mul(&scalars, &points);
        let mut product = Product::new(parts, &encodings, &octets);
        let name = format!("ifma/{count}");
        checked(
            group,
            &name,
            u64::from(count),
            || product.sum(),
            |sum| {
                assert_eq!(parts.encodings(&sum)[0][0], expected.compress().to_bytes());
            },
        );
        let by_dalek = || EdwardsPoint::vartime_multiscalar_mul(black_box(&scalars), &points);
        let name = format!("curve25519-dalek/{count}");
        checked(group, &name, u64::from(count), by_dalek, |sum| {
            assert_eq!(parts.encodings(&product.sum())[0][0], sum.compress().to_bytes());
        });
    }
}
