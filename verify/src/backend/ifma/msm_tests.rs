//! The bucket product against curve25519-dalek's.

use super::*;
use crate::backend::ifma::decompress::decompress;
use crate::backend::ifma::is_supported;
use crate::backend::ifma::scalar::{HALF_MAX, Reduced, words_of_octets};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, VartimeMultiscalarMul};

#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn rows(points: &[EdwardsPoint]) -> Vec<NielsRow> {
    let row = |point: &EdwardsPoint| {
        let encoding = point.compress().to_bytes();
        let [decoded] = decompress(&[[&encoding; LANE_COUNT]]);
        assert_eq!(decoded.valid, 0xff);
        decoded.niels().to_rows()[0]
    };
    points.iter().map(row).collect()
}

fn reduced(scalar: &Scalar) -> Reduced {
    let words = words_of_octets(scalar.as_bytes());
    Reduced::from_hash(&[words[0], words[1], words[2], words[3], 0, 0, 0, 0])
}

/// The same sum in every width, by whole scalars (two halves each) and by lower halves alone, must be dalek's.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn assert_sums(buckets: &mut Buckets, points: &[EdwardsPoint], scalars: &[Scalar], what: &str) {
    let rows = rows(points);
    let halves: Vec<_> = scalars.iter().map(|scalar| reduced(scalar).halves()).collect();
    // Not by whole scalars: where a point has torsion, k and k mod L are not the same.
    let multiples = |half: usize| {
        let scalars: Vec<_> = halves.iter().map(|halves| Scalar::from(halves[half])).collect();
        EdwardsPoint::vartime_multiscalar_mul(&scalars, points)
    };
    let lower_sum = multiples(0);
    let sum_of_both = lower_sum + (0..HALF_BITS).fold(multiples(1), |point, _| point + point);
    for width in [Width::FOUR, Width::SIX, Width::EIGHT] {
        let (mut low, mut high) = (Terms::with_capacity(points.len()), Terms::with_capacity(points.len()));
        for (row, halves) in rows.iter().zip(&halves) {
            low.push(row, halves[0]);
            high.push(row, halves[1]);
        }
        let sum = buckets.sum(width, &low, &Terms::with_capacity(0));
        assert_is(sum, &lower_sum, &format!("{what}, lower halves, {} bits", width.bits));
        assert_is(buckets.sum(width, &low, &high), &sum_of_both, &format!("{what}, {} bits", width.bits));
    }
}

#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn assert_is(sum: Point8, expected: &EdwardsPoint, what: &str) {
    let negative = rows(&[-expected])[0];
    let difference = sum.add_niels(&Niels8::broadcast(&negative, 0));
    assert_eq!(difference.is_identity() & 1, 1, "{what}");
}

fn point(number: u64) -> EdwardsPoint {
    EdwardsPoint::mul_base(&Scalar::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1))
}

fn scalar(number: u64) -> Scalar {
    let word = |salt: u64| Scalar::from((number + salt).wrapping_mul(0xbf58_476d_1ce4_e5b9));
    (word(1) * word(2) + word(3)) * (word(4) * word(5) + word(6))
}

#[test]
fn sums_of_every_size_are_those_of_dalek() {
    if !is_supported() {
        return;
    }
    let points: Vec<_> = (0..300).map(point).collect();
    let scalars: Vec<_> = (0..300).map(scalar).collect();
    let mut buckets = Buckets::new();
    for count in (0..=40).chain([63, 64, 65, 100, 127, 128, 129, 200, 255, 256, 257, 300]) {
        // SAFETY: the machine has the features of this room.
        unsafe { assert_sums(&mut buckets, &points[..count], &scalars[..count], &format!("{count} terms")) };
    }
}

#[test]
fn edge_scalars_times_edge_points_are_those_of_dalek() {
    if !is_supported() {
        return;
    }
    let mut points = vec![EdwardsPoint::identity(), ED25519_BASEPOINT_POINT, -ED25519_BASEPOINT_POINT, point(3)];
    points.extend(EIGHT_TORSION);
    points.extend(EIGHT_TORSION.iter().map(|torsion| point(4) + torsion));
    let half = Scalar::from(HALF_MAX);
    let mut scalars = vec![Scalar::ZERO, Scalar::ONE, -Scalar::ONE, half, half - Scalar::ONE, -half];
    scalars.extend(
        [1_u128 << 125, (1 << 125) - 1, 0x8080 << 100, 0x7f7f << 100, 128, 127, 32, 31, 8, 7].map(Scalar::from),
    );
    let mut buckets = Buckets::new();
    for scalar in &scalars {
        // SAFETY: the machine has the features of this room.
        unsafe { assert_sums(&mut buckets, &points, &vec![*scalar; points.len()], &format!("{scalar:?}")) };
    }
}

/// One point again and again, with one scalar and with all: every bucket of a lane fills with multiples of it.
#[test]
fn repeated_points_are_added_as_often_as_they_come() {
    if !is_supported() {
        return;
    }
    let mut buckets = Buckets::new();
    let same = vec![point(7); 40];
    let opposite: Vec<_> = (0..40).map(|index| if index % 2 == 0 { point(7) } else { -point(7) }).collect();
    let scalars: Vec<_> = (0..40).map(|index| scalar(index / 2)).collect();
    for (points, scalars) in [(&same, vec![scalar(1); 40]), (&same, scalars.clone()), (&opposite, scalars)] {
        // SAFETY: the machine has the features of this room.
        unsafe { assert_sums(&mut buckets, points, &scalars, "repeated") };
    }
}

#[test]
fn the_cheapest_width_widens_with_the_number_of_terms() {
    let widths = [1, 8, 64, 256, 1024, 2048].map(|count| width_for(count, count).bits);
    assert!(widths.is_sorted() && widths[0] == 4 && widths[5] == 8, "{widths:?}");
}
