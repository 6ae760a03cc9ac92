//! Points against curve25519-dalek, with every pair of special points: the formulas have no exceptions.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::traits::{Identity, IsIdentity};

use super::*;
use crate::backend::ifma::decompress::{Decoded8, decompress};
use crate::backend::ifma::encode::encode_all;
use crate::backend::ifma::field::{FACTOR_LIMB_MAX, REDUCED_LIMB_MAX};
use crate::backend::ifma::lanes::ALL_LANES;
use crate::backend::ifma::tests::{Numbers, Residue, limbs_of_lanes, on_vectors, residues};

/// 24 points: those of small order, points of order L, and sums of both.
fn points() -> [EdwardsPoint; 24] {
    let mut numbers = Numbers(21);
    core::array::from_fn(|index| match index / 8 {
        0 => EIGHT_TORSION[index],
        1 => numbers.point(),
        _ => numbers.point() + EIGHT_TORSION[index % 8],
    })
}

#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn decoded(points: &[EdwardsPoint; 8]) -> Decoded8 {
    let encodings = points.map(|point| point.compress().0);
    let [decoded] = decompress(&[encodings.each_ref()]);
    assert_eq!(decoded.valid, ALL_LANES);
    decoded
}

/// The points, as sums of two others, so that Z is not 1.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn projective(points: &[EdwardsPoint; 8]) -> Point8 {
    let shift = Numbers(23).point();
    let rest = decoded(&points.map(|point| point - shift)).niels();
    Point8::identity().add_niels(&rest).add_niels(&decoded(&[shift; 8]).niels())
}

#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn assert_points(what: &str, points: &Point8, expected: &[EdwardsPoint; 8]) {
    let mut encodings = [[[0; 32]; 8]];
    encode_all(&[*points], &mut encodings);
    assert_eq!(encodings[0], expected.map(|point| point.compress().0), "{what}");
    // T is not encoded: it shows in a further addition of something else than the identity.
    let more = Numbers(25).point();
    encode_all(&[points.add_niels(&decoded(&[more; 8]).niels())], &mut encodings);
    assert_eq!(encodings[0], expected.map(|point| (point + more).compress().0), "{what}: T");
}

/// Every point beside every other, in every lane; opposite and equal ones among them.
fn for_pairs(check: impl Fn(&[EdwardsPoint; 8], &[EdwardsPoint; 8])) {
    let points = points();
    for ps in points.as_chunks().0 {
        for first in 0..points.len() {
            check(ps, &core::array::from_fn(|lane| points[(first + lane) % points.len()]));
        }
        check(ps, &ps.map(|point| -point));
    }
}

#[test]
fn sums_of_all_pairs_are_dalek_s() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        for_pairs(|ps, qs| {
            let (p, q) = (projective(ps), projective(qs));
            let sums = core::array::from_fn(|lane| ps[lane] + qs[lane]);
            assert_points("add", &p.add(&q), &sums);
            assert_points("add_cached", &p.add_cached(&q.cached()), &sums);
            assert_points("add_niels", &p.add_niels(&decoded(qs).niels()), &sums);
        });
    }
    on_vectors(check);
}

#[test]
fn negated_lanes_are_subtracted() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        for_pairs(|ps, qs| {
            // Any octet that changes from pair to pair.
            let mask: LaneMask =
                qs.iter().fold(ps[5].compress().0[9], |mask, q| mask.rotate_left(1) ^ q.compress().0[9]);
            let (p, q) = (projective(ps), projective(qs));
            let sums =
                core::array::from_fn(
                    |lane| if mask >> lane & 1 == 1 { ps[lane] - qs[lane] } else { ps[lane] + qs[lane] },
                );
            assert_points("niels", &p.add_niels(&decoded(qs).niels().signed(mask)), &sums);
            assert_points("cached", &p.add_cached(&q.cached().signed(mask)), &sums);
            let row = decoded(qs).niels().to_rows()[3];
            let sums =
                core::array::from_fn(|lane| if mask >> lane & 1 == 1 { ps[lane] - qs[3] } else { ps[lane] + qs[3] });
            assert_points("broadcast", &p.add_niels(&Niels8::broadcast(&row, mask)), &sums);
        });
    }
    on_vectors(check);
}

#[test]
fn doubles_are_dalek_s() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        for ps in points().as_chunks().0 {
            let p = projective(ps);
            assert_points("double", &p.double(), &ps.map(|point| point + point));
            let mut expected = *ps;
            for count in 0..10 {
                assert_points("double_times", &p.double_times(count), &expected);
                expected = expected.map(|point| point + point);
            }
        }
    }
    on_vectors(check);
}

#[test]
fn identity_and_small_order_are_recognised_in_each_lane() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        for_pairs(|ps, qs| {
            let sum = projective(ps).add(&projective(qs));
            let mask = |holds: fn(&EdwardsPoint) -> bool| {
                (0..8).fold(0, |mask, lane| mask | LaneMask::from(holds(&(ps[lane] + qs[lane]))) << lane)
            };
            assert_eq!(sum.is_identity(), mask(IsIdentity::is_identity));
            assert_eq!(sum.is_small_order(), mask(EdwardsPoint::is_small_order));
        });
        assert_eq!(Point8::identity().is_identity(), ALL_LANES);
        assert_points("identity", &Point8::identity(), &[EdwardsPoint::identity(); 8]);
    }
    on_vectors(check);
}

#[test]
fn lanes_are_turned_and_selected() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let points = points();
        let [ps, qs, rs] = points.as_chunks::<8>().0 else { unreachable!() };
        for ps in [ps, qs, rs] {
            let p = projective(ps);
            assert_points("rotated", &p.rotated::<3>(), &core::array::from_fn(|lane| ps[(lane + 3) % 8]));
        }
        for mask in 0..=LaneMask::MAX {
            let mixed = core::array::from_fn(|lane| if mask >> lane & 1 == 1 { qs[lane] } else { rs[lane] });
            let selected = Point8::select(mask, &projective(rs), &projective(qs));
            assert_points("select", &selected, &mixed);
            let selected = Niels8::select(mask, &decoded(rs).niels(), &decoded(qs).niels());
            assert_points("select", &Point8::identity().add_niels(&selected), &mixed);
        }
    }
    on_vectors(check);
}

#[test]
fn rows_give_back_what_was_put_there() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let points = points();
        let [_, ps, qs] = points.as_chunks::<8>().0 else { unreachable!() };
        let mut rows = [PointRow::IDENTITY; 20];
        projective(ps).scatter(&mut rows, [19, 3, 0, 7, 5, 11, 2, 13]);
        let expected = [ps[0], ps[1], ps[2], EdwardsPoint::identity(), ps[4], ps[7], ps[4], ps[3]];
        assert_points("gather", &Point8::gather(&rows, [19, 3, 0, 1, 5, 13, 5, 7]), &expected);
        projective(qs).cached().scatter(&mut rows, [1, 1, 1, 4, 4, 4, 4, 8]);
        let last_ones = [qs[2], qs[6], qs[7], qs[2], qs[2], qs[6], qs[7], EdwardsPoint::identity()];
        let gathered = Cached8::gather(&rows, [1, 4, 8, 1, 1, 4, 8, 9]);
        assert_points("of equal places, the last", &Point8::identity().add_cached(&gathered), &last_ones);
        let [a, b, c, d, e, f, g, h] = decoded(qs).niels().to_rows();
        let loaded = Niels8::load([&h, &g, &f, &e, &d, &c, &b, &a]);
        let turned = core::array::from_fn(|lane| qs[7 - lane]);
        assert_points("load", &Point8::identity().add_niels(&loaded), &turned);
        assert_points("identity row", &projective(qs).add_niels(&Niels8::load([&NielsRow::IDENTITY; 8])), qs);
    }
    on_vectors(check);
}

#[test]
#[should_panic(expected = "out of bounds")]
fn a_place_outside_the_rows_is_refused() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        Point8::gather(&[PointRow::IDENTITY; 4], [0, 1, 2, 3, 4, 0, 0, 0]);
    }
    on_vectors(check);
    if !crate::backend::ifma::is_supported() {
        panic!("out of bounds");
    }
}

#[test]
fn many_points_are_encoded_with_one_inversion() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let points = points();
        for count in 0..=16 {
            let groups: Vec<[EdwardsPoint; 8]> =
                (0..count).map(|index| core::array::from_fn(|lane| points[(3 * index + lane) % 24])).collect();
            let vectors: Vec<_> = groups.iter().map(|group| projective(group)).collect();
            let mut encodings = vec![[[0; 32]; 8]; count];
            encode_all(&vectors, &mut encodings);
            let expected: Vec<_> = groups.iter().map(|group| group.map(|point| point.compress().0)).collect();
            assert_eq!(encodings, expected);
        }
    }
    on_vectors(check);
}

/// Y - X, Y + X, Z and T, of each lane.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn coordinates(point: &Point8) -> [[Residue; 8]; 4] {
    [&point.y_minus_x, &point.y_plus_x, &point.z, &point.t].map(|part| residues(part))
}

#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn from_limbs(parts: [[[u64; LIMB_COUNT]; 8]; 4]) -> Point8 {
    let [y_minus_x, y_plus_x, z, t] = parts.map(|part| Field8::from_lanes(&part));
    Point8 { y_minus_x, y_plus_x, z, t }
}

/// The same points with all coordinates multiplied by whatever makes the one at `index` the integer of `limbs`, and with it
/// written in these limbs. A coordinate that is 0 stays 0, and is written so if that is what the limbs say.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn rescaled(point: &Point8, index: usize, limbs: [u64; LIMB_COUNT]) -> Point8 {
    // p - 2.
    let minus_two = [0xffff_ffff_ffff_ffeb, u64::MAX, u64::MAX, u64::MAX >> 1];
    let wanted = Residue::from_limbs(&limbs);
    let mut parts = coordinates(point);
    let mut written = [false; 8];
    for (lane, written) in written.iter_mut().enumerate() {
        let had = parts[index][lane];
        *written = (wanted == Residue::ZERO) == (had == Residue::ZERO);
        let factor = if *written && had != Residue::ZERO { wanted.times(had.power(minus_two)) } else { Residue::ONE };
        parts.iter_mut().for_each(|part| part[lane] = part[lane].times(factor));
    }
    let mut all_limbs = parts.map(|part| {
        let octets = part.map(Residue::octets);
        Field8::from_words(crate::backend::ifma::lanes::load_octets(octets.each_ref())).to_lanes()
    });
    for lane in (0..8).filter(|lane| written[*lane]) {
        all_limbs[index][lane] = limbs;
    }
    from_limbs(all_limbs)
}

/// The limbs of 0, 1, p - 1, p, p + 1 and 2^255 - 1, and the largest that a reduced element may have.
const EDGE_LIMBS: [[u64; LIMB_COUNT]; 7] = {
    let ones = (1 << 51) - 1;
    [
        [0; LIMB_COUNT],
        [1, 0, 0, 0, 0],
        [ones - 19, ones, ones, ones, ones],
        [ones - 18, ones, ones, ones, ones],
        [ones - 17, ones, ones, ones, ones],
        [ones; LIMB_COUNT],
        [REDUCED_LIMB_MAX; LIMB_COUNT],
    ]
};

/// Every point, each coordinate in turn at every edge.
#[test]
fn points_whose_limbs_are_at_their_bounds_are_dalek_s() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let points = points();
        let [first, second, third] = points.as_chunks::<8>().0 else { unreachable!() };
        for (ps, qs) in [(first, second), (second, third), (third, first)] {
            let sums = core::array::from_fn(|lane| ps[lane] + qs[lane]);
            let differences = core::array::from_fn(|lane| ps[lane] - qs[lane]);
            let (p, q) = (projective(ps), projective(qs));
            for index in 0..4 {
                for limbs in EDGE_LIMBS {
                    let (p, q) = (rescaled(&p, index, limbs), rescaled(&q, 3 - index, limbs));
                    assert_points("the same", &p, ps);
                    assert_points("add", &p.add(&q), &sums);
                    assert_points("add_niels", &p.add_niels(&decoded(qs).niels()), &sums);
                    assert_points("subtract", &p.add_cached(&q.cached().signed(ALL_LANES)), &differences);
                    assert_points("double", &p.double(), &ps.map(|p| p + p));
                    assert_points("eight times", &p.double_times(3), &ps.map(|p| p.mul_by_cofactor()));
                    let small = (0..8).fold(0, |mask, lane| mask | LaneMask::from(ps[lane].is_small_order()) << lane);
                    assert_eq!(p.is_small_order(), small);
                    assert_eq!(
                        p.is_identity(),
                        (0..8).fold(0, |mask, lane| { mask | LaneMask::from(ps[lane].is_identity()) << lane })
                    );
                }
            }
        }
    }
    on_vectors(check);
}

/// X = EF, Y = GH, Z = FG, T = EH, by integers: Y - X, Y + X, Z, T.
fn completed([e, f, g, h]: [Residue; 4]) -> [Residue; 4] {
    let (x, y) = (e.times(f), g.times(h));
    [y.plus(x.negated()), y.plus(x), f.times(g), e.times(h)]
}

/// The sum of (Y - X, Y + X, Z, T) and (y - x, y + x, z, 2dt), by integers.
fn sum_by_integers([m, p, z, t]: [Residue; 4], [other_m, other_p, other_z, t2d]: [Residue; 4]) -> [Residue; 4] {
    let (a, b, c, d) = (m.times(other_m), p.times(other_p), t.times(t2d), z.plus(z).times(other_z));
    completed([b.plus(a.negated()), d.plus(c.negated()), d.plus(c), b.plus(a)])
}

fn double_by_integers([m, p, z, _]: [Residue; 4]) -> [Residue; 4] {
    let (m_2, p_2, pm) = (m.times(m), p.times(p), p.times(m));
    let (g, z_2) = (pm.plus(pm), z.times(z));
    let twice = z_2.plus(z_2);
    completed([p_2.plus(m_2.negated()), twice.plus(twice).plus(g.negated()), g, p_2.plus(m_2)])
}

/// No point has all coordinates at the largest limbs, and the formulas do not ask: they are polynomials in any numbers. So
/// every coordinate is at its bound at once here, with the second operand's last one as loose as a factor may be.
#[test]
fn the_formulas_hold_for_any_numbers_up_to_the_bounds() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let mut numbers = Numbers(27);
        for round in 0..200 {
            // All at the bound in lane 0 of every round; edges and random limbs in the others.
            let mut part = |limb_max: u64| -> [[u64; LIMB_COUNT]; 8] {
                core::array::from_fn(|lane| match (lane, numbers.word() % 3) {
                    (0, _) => [limb_max; LIMB_COUNT],
                    (_, 0) => numbers.limbs(limb_max),
                    (_, 1) => core::array::from_fn(|_| if numbers.word().is_multiple_of(2) { limb_max } else { 0 }),
                    _ => EDGE_LIMBS[(lane + round) % EDGE_LIMBS.len()],
                })
            };
            let p = [0; 4].map(|_| part(REDUCED_LIMB_MAX));
            let q = [0; 3].map(|_| part(REDUCED_LIMB_MAX));
            let loose = part(FACTOR_LIMB_MAX);
            let point = from_limbs(p);
            let [y_minus_x, y_plus_x, z] = q.map(|part| Field8::from_lanes(&part));
            let t2d = Loose8::from_limbs(limbs_of_lanes(&loose));
            let sum = coordinates(&point.add_cached(&Cached8 { y_minus_x, y_plus_x, z, t2d }));
            let affine_sum = coordinates(&point.add_niels(&Niels8 { y_minus_x, y_plus_x, xy2d: t2d }));
            let double = coordinates(&point.double());
            for lane in 0..8 {
                let of_lane = |part: &[[u64; LIMB_COUNT]; 8]| Residue::from_limbs(&part[lane]);
                let p = p.each_ref().map(of_lane);
                let [m, plus, z] = q.each_ref().map(of_lane);
                let got = |parts: &[[Residue; 8]; 4]| parts.map(|part| part[lane]);
                assert_eq!(got(&sum), sum_by_integers(p, [m, plus, z, of_lane(&loose)]), "cached, lane {lane}");
                let affine = [m, plus, Residue::ONE, of_lane(&loose)];
                assert_eq!(got(&affine_sum), sum_by_integers(p, affine), "niels, lane {lane}");
                assert_eq!(got(&double), double_by_integers(p), "double, lane {lane}");
            }
        }
    }
    on_vectors(check);
}
