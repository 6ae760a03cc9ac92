//! Decoding against the crate's rule and curve25519-dalek, on every encoding that a lenient reader would take otherwise.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;

use super::*;
use crate::backend::ifma::tests::{Numbers, on_vectors};
use crate::rule;

/// 255-bit y with either sign: all y from p - 20 to 2^255 - 1 and from 0 to 20, the points of small order, sums of those with
/// others, random points, and random octets, about half of which are no points. A multiple of 16.
fn encodings() -> Vec<[u8; 32]> {
    let mut numbers = Numbers(3);
    let mut encodings = Vec::new();
    for low in 0..=20 {
        encodings.push(core::array::from_fn(|index| if index == 0 { low } else { 0 }));
    }
    for low in 0xed - 20..=0xff {
        encodings
            .push(core::array::from_fn(|index| [low, 0xff, 0x7f][usize::from(index > 0) + usize::from(index == 31)]));
    }
    encodings.extend(EIGHT_TORSION.iter().map(|point| point.compress().0));
    encodings.extend(EIGHT_TORSION.iter().map(|point| (numbers.point() + point).compress().0));
    encodings.extend((0..40).map(|_| numbers.point().compress().0));
    encodings.extend((0..100).map(|_| numbers.octets()));
    let negated: Vec<_> = encodings.iter().map(negated).collect();
    encodings.extend(negated);
    let missing = encodings.len().next_multiple_of(16) - encodings.len();
    encodings.extend((0..missing).map(|_| numbers.octets()));
    encodings
}

fn negated(encoding: &[u8; 32]) -> [u8; 32] {
    let mut negated = *encoding;
    negated[31] ^= 0x80;
    negated
}

/// What the crate says elsewhere: the rule on the octets, and the library on the rest.
fn is_valid(encoding: &[u8; 32]) -> bool {
    rule::encoding_is_canonical(encoding) && CompressedEdwardsY(*encoding).decompress().is_some()
}

/// Asserts that each lane is valid exactly if `is_valid` says so, and encodes what it was decoded from.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn assert_decoded(decoded: &Decoded8, encodings: &[[u8; 32]; 8]) {
    let (xs, ys) = (decoded.x.to_octets(), decoded.y.to_octets());
    for (lane, encoding) in encodings.iter().enumerate() {
        let valid = decoded.valid >> lane & 1 == 1;
        assert_eq!(valid, is_valid(encoding), "lane {lane}: {encoding:02x?}");
        if valid {
            let mut again = ys[lane];
            again[31] |= xs[lane][0] << 7;
            assert_eq!(again, *encoding, "lane {lane}");
        }
    }
}

#[test]
fn every_encoding_gets_the_verdict_of_the_rule() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let encodings = encodings();
        let valid_count = encodings.iter().filter(|encoding| is_valid(encoding)).count();
        assert!(valid_count > 100 && encodings.len() - valid_count > 100, "{valid_count} of {}", encodings.len());
        for pair in encodings.as_chunks::<8>().0.as_chunks::<2>().0 {
            let decoded = decompress(&pair.each_ref().map(|encodings| encodings.each_ref()));
            assert_decoded(&decoded[0], &pair[0]);
            assert_decoded(&decoded[1], &pair[1]);
            let [alone] = decompress(&[pair[1].each_ref()]);
            assert_eq!(alone.valid, decoded[1].valid);
            assert_eq!(alone.x.to_octets(), decoded[1].x.to_octets());
        }
    }
    on_vectors(check);
}

/// Each encoding in each lane, among seven points.
#[test]
fn the_verdict_does_not_depend_on_the_lane_or_on_its_neighbours() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let mut numbers = Numbers(5);
        let neighbours: [[u8; 32]; 8] = core::array::from_fn(|_| numbers.point().compress().0);
        for encoding in encodings() {
            for lane in 0..8 {
                let mut encodings = neighbours;
                encodings[lane] = encoding;
                let [decoded] = decompress(&[encodings.each_ref()]);
                assert_eq!(decoded.valid | 1 << lane, ALL_LANES);
                assert_eq!(decoded.valid >> lane & 1 == 1, is_valid(&encoding), "lane {lane}: {encoding:02x?}");
            }
        }
    }
    on_vectors(check);
}

#[test]
fn lanes_that_are_not_valid_count_as_the_identity() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        use crate::backend::ifma::point::{NielsRow, Point8};
        let mut numbers = Numbers(7);
        let mut encodings = [[0xff; 32]; 8];
        encodings[2] = numbers.point().compress().0;
        let [decoded] = decompress(&[encodings.each_ref()]);
        assert_eq!(decoded.valid, 1 << 2);
        assert_eq!(Point8::identity().add_niels(&decoded.niels()).is_identity(), !(1 << 2));
        assert_eq!(decoded.niels().to_rows()[5], NielsRow::IDENTITY);
    }
    on_vectors(check);
}

#[test]
fn a_hint_is_believed_only_if_it_is_the_x_of_the_point() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let mut numbers = Numbers(9);
        for encodings in encodings().as_chunks::<8>().0 {
            let [decoded] = decompress(&[encodings.each_ref()]);
            let xs = decoded.x.to_octets();
            let right = check_hint(encodings.each_ref(), xs.each_ref());
            // In lanes without a point, xs is a number like any other.
            assert_eq!(right.valid, decoded.valid);
            assert_eq!(right.x.equals(&decoded.x) & right.y.equals(&decoded.y), ALL_LANES);

            let minus_xs = decoded.x.neg().to_octets();
            let others = xs.map(|_| numbers.octets());
            for wrong in [minus_xs, others, [[0; 32]; 8], xs.each_ref().map(negated), xs.each_ref().map(plus_p)] {
                let wrong_lanes = (0..8).fold(0, |mask, lane| mask | LaneMask::from(wrong[lane] != xs[lane]) << lane);
                let checked = check_hint(encodings.each_ref(), wrong.each_ref());
                assert_eq!(checked.valid, decoded.valid & !wrong_lanes, "{encodings:02x?} {wrong:02x?}");
            }
        }
    }
    on_vectors(check);
}

/// The other way to write x in 255 bits, which exists below 19; else x.
fn plus_p(x: &[u8; 32]) -> [u8; 32] {
    if x[0] >= 19 || x[1..] != [0; 31] {
        return *x;
    }
    core::array::from_fn(|index| [0xed + x[0], 0xff, 0x7f][usize::from(index > 0) + usize::from(index == 31)])
}

/// x = 0 is the only x below 19 among the points above; p in its place is refused, and so is every x from p up.
#[test]
fn a_hint_beyond_p_is_refused_where_it_solves_the_equation() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let mut one = [0; 32];
        one[0] = 1;
        let p = plus_p(&[0; 32]);
        let mut negative_p = p;
        negative_p[31] |= 0x80;
        assert_eq!(check_hint([&one; 8], [&[0; 32]; 8]).valid, ALL_LANES);
        // p is odd, so it passes for the x of -0 unless its size is looked at.
        for encoding in [one, negated(&one)] {
            assert_eq!(check_hint([&encoding; 8], [&p; 8]).valid, 0);
            assert_eq!(check_hint([&encoding; 8], [&negative_p; 8]).valid, 0);
        }
        assert_eq!(check_hint([&negated(&one); 8], [&[0; 32]; 8]).valid, 0);
    }
    on_vectors(check);
}
