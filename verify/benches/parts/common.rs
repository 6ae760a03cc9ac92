//! What the topics share: a measurement whose answer is looked at, and numbers.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Throughput};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use quittance_verify::parts::{Eight, Parts};

pub(crate) type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// The way in. `main` has asked for it.
pub(crate) fn parts() -> Parts {
    Parts::detect().expect("main does not come here on machines without the instructions")
}

/// Measures `answer`, which makes `count` of whatever it makes, and gives its last answer to `check`.
pub(crate) fn checked<T>(
    group: &mut Group<'_>,
    name: &str,
    count: u64,
    mut answer: impl FnMut() -> T,
    check: impl FnOnce(T),
) {
    group.throughput(Throughput::Elements(count));
    let mut last = None;
    group.bench_function(name, |bencher| bencher.iter(|| last = Some(black_box(answer()))));
    // A filter may have passed it over.
    if let Some(last) = last {
        check(last);
    }
}

/// A repeatable stream of numbers (splitmix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn octets(&mut self) -> [u8; 32] {
        core::array::from_fn(|_| self.next().to_le_bytes()[0])
    }

    /// Octets of numbers below 2^255.
    pub(crate) fn elements(&mut self) -> Eight {
        core::array::from_fn(|_| {
            let mut octets = self.octets();
            octets[31] &= 0x7f;
            octets
        })
    }

    pub(crate) fn scalar(&mut self) -> Scalar {
        Scalar::from_bytes_mod_order(self.octets())
    }

    pub(crate) fn scalars(&mut self) -> [Scalar; 8] {
        core::array::from_fn(|_| self.scalar())
    }

    pub(crate) fn points(&mut self) -> [EdwardsPoint; 8] {
        core::array::from_fn(|_| EdwardsPoint::mul_base(&self.scalar()))
    }
}

pub(crate) fn encodings(points: &[EdwardsPoint; 8]) -> Eight {
    points.map(|point| point.compress().to_bytes())
}
