//! GF(p): products, squares, inverses, and the power behind square roots.

use std::hint::black_box;

use criterion::Criterion;
use quittance_verify::parts::{Eight, Parts, portable_product};

use crate::common::{Group, Numbers, checked, parts};

/// Products in a chain: enough that the way in and out does not count.
const CHAIN: u16 = 256;

pub(crate) fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("field");
    let parts = parts();
    // One chain waits for itself; four keep the multipliers busy.
    chains::<1>(&mut group, parts);
    chains::<4>(&mut group, parts);
    powers::<1>(&mut group, parts);
    powers::<2>(&mut group, parts);
    let x = Numbers(61).elements();
    let elements = parts.elements(&[x]);
    checked(
        &mut group,
        "invert",
        8,
        || parts.inverses(black_box(&elements)),
        |inverses| {
            let [inverses] = parts.octets(&inverses);
            let one = core::array::from_fn(|index| u8::from(index == 0));
            x.iter().zip(&inverses).for_each(|(x, inverse)| assert_eq!(portable_product(x, inverse), one));
        },
    );
    group.finish();
}

fn chains<const K: usize>(group: &mut Group<'_>, parts: Parts) {
    let mut numbers = Numbers(62);
    let (x, y): ([Eight; K], [Eight; K]) =
        (core::array::from_fn(|_| numbers.elements()), core::array::from_fn(|_| numbers.elements()));
    let elements = (parts.elements(&x), parts.elements(&y));
    let count = u64::from(CHAIN) * 8 * K as u64;
    let multiply = || {
        let (x, y) = black_box(&elements);
        parts.products(x, y, usize::from(CHAIN))
    };
    checked(group, &format!("multiply, {K} chains"), count, multiply, |products| {
        for ((x, y), products) in x.iter().zip(&y).zip(parts.octets(&products)) {
            for ((x, y), product) in x.iter().zip(y).zip(products) {
                assert_eq!(product, (0..CHAIN).fold(*x, |x, _| portable_product(&x, y)));
            }
        }
    });
    let square = || parts.squares(black_box(&elements.0), usize::from(CHAIN));
    checked(group, &format!("square, {K} chains"), count, square, |squares| {
        for (x, squares) in x.iter().zip(parts.octets(&squares)) {
            for (x, square) in x.iter().zip(squares) {
                assert_eq!(square, (0..CHAIN).fold(*x, |x, _| portable_product(&x, &x)));
            }
        }
    });
}

/// x^(2^252 - 3): all bits of the exponent up to 251 are set, but bit 1.
fn powers<const K: usize>(group: &mut Group<'_>, parts: Parts) {
    let mut numbers = Numbers(63);
    let x: [Eight; K] = core::array::from_fn(|_| numbers.elements());
    let elements = parts.elements(&x);
    let by_squaring = |x: &[u8; 32]| {
        (0..251).rev().fold(*x, |power, bit| {
            let square = portable_product(&power, &power);
            if bit == 1 { square } else { portable_product(&square, x) }
        })
    };
    checked(
        group,
        &format!("root power, {K} chains"),
        8 * K as u64,
        || parts.powers(black_box(&elements)),
        |powers| {
            for (x, powers) in x.iter().zip(parts.octets(&powers)) {
                x.iter().zip(powers).for_each(|(x, power)| assert_eq!(power, by_squaring(x)));
            }
        },
    );
}
