//! The field against slow integers, at the values and at the limbs where it could break.

use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::scalar::Scalar;

use super::*;
use crate::backend::ifma::lanes::load_octets;
use crate::backend::ifma::power::{invert, invert_all, power_p58};
use crate::backend::ifma::tests::{Numbers, Residue, limbs_of_lanes, octets_to_words, on_vectors, residues};

const P: [u64; 5] = multiple_of_p(0);

/// Limbs up to `limb_max`: the numbers around 0, p and 2p that they can write, all limbs at the bound, each limb alone at
/// the bound, all but one, and random ones. A multiple of eight, so that they fill vectors.
fn cases(limb_max: u64) -> Vec<[u64; 5]> {
    let mut cases = vec![[0; 5], [limb_max; 5], [LIMB_MASK; 5], P];
    for limb in [1, 2, 18, 19, 20, P[0] - 1, P[0] + 1, P[0] + 18] {
        cases.extend([[limb, 0, 0, 0, 0], [limb, LIMB_MASK, LIMB_MASK, LIMB_MASK, LIMB_MASK]]);
    }
    for index in 0..5 {
        let alone = |limb, others| core::array::from_fn(|at| if at == index { limb } else { others });
        cases.extend([alone(limb_max, 0), alone(0, limb_max), alone(limb_max, LIMB_MASK), alone(1, limb_max)]);
    }
    // 2p - 1, 2p and 2p + 1, where the limbs have room for them.
    let around = [TWICE_P[0] - 1, TWICE_P[0], TWICE_P[0] + 1];
    cases.extend(around.map(|limb| [limb, TWICE_P[1], TWICE_P[2], TWICE_P[3], TWICE_P[4]]));
    cases.retain(|limbs| limbs.iter().all(|limb| *limb <= limb_max));
    let mut numbers = Numbers(limb_max);
    let random_count = 40 - cases.len() % 8;
    cases.extend((0..random_count).map(|_| numbers.limbs(limb_max)));
    assert_eq!(cases.len() % 8, 0);
    cases
}

/// Calls `check` with every pair of cases: in call n, lane i holds `xs[i]` of an octet and `ys` is turned by n.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn for_pairs(xs: &[[u64; 5]], ys: &[[u64; 5]], check: impl Fn(&[[u64; 5]; 8], &[[u64; 5]; 8])) {
    for x in xs.as_chunks().0 {
        for first in 0..ys.len() {
            check(x, &core::array::from_fn(|lane| ys[(first + lane) % ys.len()]));
        }
    }
}

/// Each lane of `result` is reduced, and is what `expected` says of the same lane of x and y.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn assert_lanes(
    what: &str,
    result: &Field8,
    [x, y]: [&[[u64; 5]; 8]; 2],
    expected: impl Fn(Residue, Residue) -> Residue,
) {
    for (lane, limbs) in result.to_lanes().iter().enumerate() {
        assert!(limbs.iter().all(|limb| *limb <= REDUCED_LIMB_MAX), "{what}: {limbs:x?} are reduced");
        let wanted = expected(Residue::from_limbs(&x[lane]), Residue::from_limbs(&y[lane]));
        assert_eq!(Residue::from_limbs(limbs), wanted, "{what}, lane {lane}: {:x?} and {:x?}", x[lane], y[lane]);
    }
}

#[test]
fn reduced_arithmetic_agrees_with_integers_at_every_bound() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let cases = cases(REDUCED_LIMB_MAX);
        for_pairs(&cases, &cases, |x_limbs, y_limbs| {
            let (x, y) = (Field8::from_lanes(x_limbs), Field8::from_lanes(y_limbs));
            let both = [x_limbs, y_limbs];
            assert_lanes("add", &x.add(&y), both, |x, y| x.plus(y));
            assert_lanes("sub", &x.sub(&y), both, |x, y| x.plus(y.negated()));
            assert_lanes("mul", &x.mul(&y), both, |x, y| x.times(y));
        });
        for x_limbs in cases.as_chunks().0 {
            let x = Field8::from_lanes(x_limbs);
            let both = [x_limbs, x_limbs];
            assert_lanes("neg", &x.neg(), both, |x, _| x.negated());
            assert_lanes("square", &x.square(), both, |x, _| x.times(x));
            assert_lanes("2 x y", &x.product(&x).doubled::<1>().reduced(), both, |x, _| x.times(x).plus(x.times(x)));
            let four_times = |x: Residue, _| x.times(x).times(Residue::from_limbs(&[4, 0, 0, 0, 0]));
            assert_lanes("4 x^2", &x.squared().doubled::<2>().reduced(), both, four_times);
        }
    }
    on_vectors(check);
}

#[test]
fn loose_factors_are_multiplied_whole_up_to_their_bound() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        for_pairs(&cases(REDUCED_LIMB_MAX), &cases(FACTOR_LIMB_MAX), |x_limbs, y_limbs| {
            let y = Loose8::from_limbs(limbs_of_lanes(y_limbs));
            let x = Field8::from_lanes(x_limbs);
            assert_lanes("mul", &x.mul(&y), [x_limbs, y_limbs], |x, y| x.times(y));
            let twice = x.product(&y).doubled::<1>().reduced();
            assert_lanes("2 x y", &twice, [x_limbs, y_limbs], |x, y| x.times(y).plus(x.times(y)));
        });
    }
    on_vectors(check);
}

#[test]
fn wide_sums_and_differences_are_carried_right_up_to_their_bound() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let cases = cases(WIDE_LIMB_MAX);
        for_pairs(&cases, &cases, |x_limbs, y_limbs| {
            let (x, y) = (Wide8(limbs_of_lanes(x_limbs)), Wide8(limbs_of_lanes(y_limbs)));
            assert_lanes("plus", &x.plus(&y), [x_limbs, y_limbs], |x, y| x.plus(y));
            assert_lanes("minus", &x.minus(&y), [x_limbs, y_limbs], |x, y| x.plus(y.negated()));
            assert_lanes("reduced", &x.reduced(), [x_limbs, y_limbs], |x, _| x);
        });
    }
    on_vectors(check);
}

/// The bounds are the least that hold: the inputs that they were derived from reach them.
#[test]
fn the_reduced_bound_is_reached() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        // The lowest limb ends in 51 set bits, the highest has the largest carry.
        let low = CARRIED_LIMB_MAX >> LIMB_BITS << LIMB_BITS;
        let limbs = carry([splat(low - 1), splat(0), splat(0), splat(0), splat(CARRIED_LIMB_MAX)]);
        assert_eq!(limbs.to_lanes()[0][0], REDUCED_LIMB_MAX);
    }
    on_vectors(check);
}

/// A bound twice as loose would be of no use: the largest factors come close to what is derived for them.
#[test]
fn the_product_bound_is_nearly_reached() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let mut numbers = Numbers(7);
        let mut largest = 0;
        let bound = product_limb_max(REDUCED_LIMB_MAX, FACTOR_LIMB_MAX);
        for _ in 0..1000 {
            let near =
                |limb_max: u64, numbers: &mut Numbers| core::array::from_fn(|_| limb_max - (numbers.word() & 0xfff));
            let x = Field8::from_lanes(&[near(REDUCED_LIMB_MAX, &mut numbers); 8]);
            let y = Loose8::from_limbs(limbs_of_lanes(&[near(FACTOR_LIMB_MAX, &mut numbers); 8]));
            let limbs = x.product(&y).0.map(|limb| store_words(limb)[0]);
            largest = limbs.into_iter().fold(largest, u64::max);
        }
        assert!(largest <= bound, "{largest:#x} <= {bound:#x}");
        assert!(largest > bound / 4 * 3, "{largest:#x} of {bound:#x}");
    }
    on_vectors(check);
}

#[test]
fn negated_lanes_are_negative_and_the_others_as_they_were() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        for (mask, x_limbs) in (0..=LaneMask::MAX).zip(cases(REDUCED_LIMB_MAX).as_chunks().0.iter().cycle()) {
            let x = Field8::from_lanes(x_limbs);
            let signed = residues(&Field8::one().mul(&x.signed(mask)));
            let selected = residues(&Field8::select(mask, &x, &x.neg()));
            for lane in 0..8 {
                let value = Residue::from_limbs(&x_limbs[lane]);
                let expected = if mask >> lane & 1 == 1 { value.negated() } else { value };
                assert_eq!([signed[lane], selected[lane]], [expected; 2], "mask {mask:08b}, lane {lane}");
            }
        }
    }
    on_vectors(check);
}

#[test]
fn canonical_values_are_unique_and_the_masks_read_them() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let mut zero_count = 0;
        for limbs in cases(REDUCED_LIMB_MAX).as_chunks().0 {
            let x = Field8::from_lanes(limbs);
            let values = limbs.each_ref().map(Residue::from_limbs);
            let mask = |holds: fn(Residue) -> bool| {
                (0..8).fold(0, |mask, lane| mask | LaneMask::from(holds(values[lane])) << lane)
            };
            assert_eq!(x.to_octets(), values.map(Residue::octets), "{limbs:x?}");
            assert_eq!(x.is_odd(), mask(Residue::is_odd), "{limbs:x?}");
            assert_eq!(x.is_zero(), mask(|value| value == Residue::ZERO), "{limbs:x?}");
            assert_eq!(x.equals(&x.canonical()), LaneMask::MAX, "{limbs:x?}");
            assert_eq!(x.equals(&x.add(&Field8::one())), 0, "{limbs:x?}");
            zero_count += x.is_zero().count_ones();
            for limbs in x.canonical().to_lanes() {
                assert!(limbs.iter().all(|limb| *limb <= LIMB_MASK));
            }
        }
        assert!(zero_count >= 2, "0 and p were among the cases");
    }
    on_vectors(check);
}

#[test]
fn octets_are_read_as_they_are_and_what_is_beyond_p_is_seen() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let mut numbers = Numbers(11);
        for offset in 0..40_u8 {
            // p - 20 + offset in lane 3, up to 2^255 - 1 and then around again; numbers in the others.
            let mut octets: [[u8; 32]; 8] = core::array::from_fn(|_| numbers.octets());
            octets[3] = [0xff; 32];
            octets[3][0] = 0xed_u8.wrapping_sub(20).saturating_add(offset);
            let x = Field8::from_words(load_octets(octets.each_ref()));
            for (lane, value) in residues(&x).iter().enumerate() {
                let mut words = octets_to_words(&octets[lane]);
                words[3] &= u64::MAX >> 1;
                assert_eq!(*value, Residue::new(words), "lane {lane}");
            }
            let beyond = octets[3][0] >= 0xed;
            assert_eq!(x.is_beyond_p() >> 3 & 1 == 1, beyond, "{offset}");
            assert_eq!(x.is_beyond_p() & !8, 0);
        }
    }
    on_vectors(check);
}

#[test]
fn a_lane_does_not_notice_its_neighbours() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let compute = |x: &[[u64; 5]; 8], y: &[[u64; 5]; 8]| {
            let (x, y) = (Field8::from_lanes(x), Field8::from_lanes(y));
            let results =
                [x.add(&y), x.sub(&y), x.mul(&y), x.square(), x.neg(), x.canonical(), invert(&x), power_p58(&[y])[0]];
            results.map(|result| result.to_lanes())
        };
        let mut numbers = Numbers(13);
        let x = [numbers.limbs(REDUCED_LIMB_MAX); 8];
        let y = [numbers.limbs(REDUCED_LIMB_MAX); 8];
        let alike = compute(&x, &y);
        for lane in 0..8 {
            let (mut other_x, mut other_y) = (x, y);
            other_x[lane] = [REDUCED_LIMB_MAX; 5];
            other_y[lane] = numbers.limbs(REDUCED_LIMB_MAX);
            for (before, after) in alike.iter().zip(compute(&other_x, &other_y)) {
                for other in (0..8).filter(|other| *other != lane) {
                    assert_eq!(before[other], after[other], "lane {other} beside {lane}");
                }
                assert_ne!(before[lane], after[lane], "lane {lane}");
            }
        }
    }
    on_vectors(check);
}

#[test]
fn powers_and_inverses_agree_with_integers() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        // 2^252 - 3 and p - 2.
        let p58 = [u64::MAX - 2, u64::MAX, u64::MAX, u64::MAX >> 4];
        let minus_two = [0xffff_ffff_ffff_ffeb, u64::MAX, u64::MAX, u64::MAX >> 1];
        let cases = cases(REDUCED_LIMB_MAX);
        for pair in cases.as_chunks::<8>().0.windows(2) {
            let both = [Field8::from_lanes(&pair[0]), Field8::from_lanes(&pair[1])];
            let powers = power_p58(&both);
            let inverses = both.map(|x| invert(&x));
            for (limbs, (power, inverse)) in pair.iter().zip(powers.iter().zip(&inverses)) {
                let values = limbs.each_ref().map(Residue::from_limbs);
                assert_eq!(residues(power), values.map(|value| value.power(p58)));
                assert_eq!(residues(inverse), values.map(|value| value.power(minus_two)));
            }
        }
        assert_eq!(invert(&Field8::zero()).is_zero(), LaneMask::MAX);
    }
    on_vectors(check);
}

#[test]
fn many_inverses_are_the_inverses_of_each() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let mut numbers = Numbers(17);
        for count in [0, 1, 2, 7, 16] {
            let elements: Vec<_> =
                (0..count).map(|_| Field8::from_lanes(&[(); 8].map(|()| numbers.limbs(REDUCED_LIMB_MAX)))).collect();
            let mut inverses = elements.clone();
            invert_all(&mut inverses, &mut vec![Field8::zero(); count]);
            for (element, inverse) in elements.iter().zip(&inverses) {
                assert_eq!(element.mul(inverse).equals(&Field8::one()), LaneMask::MAX);
            }
        }
    }
    on_vectors(check);
}

/// The x-only doubling of Montgomery ("Speeding the Pollard and elliptic curve methods of factorization", 1987, section
/// 10.3.1) takes any number for u, and dalek computes it for any octets: the field against another one, at the values 0, 1,
/// p - 1, p, p + 1 and 2^255 - 1 as they are read, and at the largest limbs.
#[test]
fn doubling_by_u_alone_is_dalek_s_at_every_edge() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn doubled(u: &Field8) -> Field8 {
        let (one, a) = (Field8::one(), Field8::splat([486_662, 0, 0, 0, 0]));
        let square = u.square();
        let denominator = u.mul(&square.add(&u.mul(&a)).add(&one));
        let twice = denominator.add(&denominator);
        square.sub(&one).square().mul(&invert(&twice.add(&twice)))
    }
    fn by_dalek(octets: [u8; 32]) -> [u8; 32] {
        (MontgomeryPoint(octets) * Scalar::from(2_u64)).to_bytes()
    }
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        for limbs in cases(REDUCED_LIMB_MAX).as_chunks().0 {
            let expected = limbs.each_ref().map(|limbs| by_dalek(Residue::from_limbs(limbs).octets()));
            assert_eq!(doubled(&Field8::from_lanes(limbs)).to_octets(), expected, "{limbs:x?}");
        }
        // Read from octets that are no canonical encoding, by both.
        let high =
            |low| core::array::from_fn(|index| [low, 0xff, 0x7f][usize::from(index > 0) + usize::from(index == 31)]);
        let low = |low| core::array::from_fn(|index| if index == 0 { low } else { 0 });
        let octets = [low(0), low(1), high(0xec), high(0xed), high(0xee), high(0xff), high(0xfe), low(19)];
        let u = Field8::from_words(load_octets(octets.each_ref()));
        assert_eq!(doubled(&u).to_octets(), octets.map(by_dalek));
    }
    on_vectors(check);
}

/// Results of operations as operands of others, in any order, with elements at the bounds thrown in all the time.
#[test]
fn chains_of_any_operations_agree_with_integers() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let mut numbers = Numbers(19);
        let cases = cases(REDUCED_LIMB_MAX);
        let mut x_limbs = [[REDUCED_LIMB_MAX; 5]; 8];
        for step in 0..3000 {
            let mut y_limbs = [[REDUCED_LIMB_MAX; 5]; 8];
            for (lane, limbs) in y_limbs.iter_mut().enumerate().filter(|(lane, _)| (step >> lane) % 2 == 1) {
                *limbs = cases[usize::from(numbers.octets()[0]) % cases.len()];
                x_limbs[lane] = if step % 64 == 0 { *limbs } else { x_limbs[lane] };
            }
            let (x, y) = (Field8::from_lanes(&x_limbs), Field8::from_lanes(&y_limbs));
            let mask = numbers.octets()[1];
            let (product, square) = (x.product(&y.signed(mask)), y.squared());
            let sign = |lane: usize, value: Residue| if mask >> lane & 1 == 1 { value.negated() } else { value };
            let kind = step % 9;
            let result = match kind {
                0 => x.add(&y),
                1 => x.sub(&y),
                2 => product.reduced(),
                3 => x.square(),
                4 => x.neg(),
                5 => product.doubled::<1>().plus(&square),
                6 => square.doubled::<2>().minus(&product.doubled::<1>()),
                7 => y.widened().doubled::<1>().minus(&product),
                _ => product.plus(&square.doubled::<2>()),
            };
            let results = residues(&result);
            for lane in 0..8 {
                let (x, y) = (Residue::from_limbs(&x_limbs[lane]), Residue::from_limbs(&y_limbs[lane]));
                let (product, square, twice) = (sign(lane, x.times(y)), y.times(y), |value: Residue| value.plus(value));
                let expected = match kind {
                    0 => x.plus(y),
                    1 => x.plus(y.negated()),
                    2 => product,
                    3 => x.times(x),
                    4 => x.negated(),
                    5 => twice(product).plus(square),
                    6 => twice(twice(square)).plus(twice(product).negated()),
                    7 => twice(y).plus(product.negated()),
                    _ => product.plus(twice(twice(square))),
                };
                assert_eq!(results[lane], expected, "step {step}, lane {lane}: {x_limbs:x?} and {y_limbs:x?}");
            }
            x_limbs = result.to_lanes();
        }
    }
    on_vectors(check);
}

/// What the types keep apart: a factor of 53 bits would lose its highest one. Only debug builds look. Each operation that has
/// a bound is given, past the constructors, a limb that is too large by one in one lane.
#[cfg(debug_assertions)]
#[test]
fn a_limb_beyond_its_bound_is_caught_in_debug_builds() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
        fn caught(limbs: [u64; 5], attempt: impl Fn([Lanes; 5])) -> bool {
            let lanes = limbs_of_lanes(&core::array::from_fn(|lane| if lane == 5 { limbs } else { [0; 5] }));
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attempt(lanes))).is_err()
        }
        let one = Field8::one();
        for (index, twice_p) in TWICE_P.into_iter().enumerate() {
            let at = |limb: u64| core::array::from_fn(|at| if at == index { limb } else { 0 });
            // Each bound: one beyond it is caught, and itself is not.
            let bites = |limb_max: u64, attempt: &dyn Fn([Lanes; 5])| {
                caught(at(limb_max + 1), attempt) && !caught(at(limb_max), attempt)
            };
            assert!(bites(REDUCED_LIMB_MAX, &|limbs| _ = Field8::from_limbs(limbs)));
            assert!(bites(FACTOR_LIMB_MAX, &|limbs| _ = Loose8::from_limbs(limbs)));
            assert!(bites(CARRIED_LIMB_MAX, &|limbs| _ = carry(limbs)));
            assert!(bites(CARRIED_LIMB_MAX, &|limbs| _ = Wide8(limbs).reduced()));
            assert!(bites(CARRIED_LIMB_MAX, &|limbs| _ = Wide8(limbs).plus(&Field8::zero().widened())));
            assert!(bites(WIDE_LIMB_MAX / 2, &|limbs| _ = Wide8(limbs).doubled::<1>()));
            assert!(bites(WIDE_LIMB_MAX / 4, &|limbs| _ = Wide8(limbs).doubled::<2>()));
            assert!(bites(REDUCED_LIMB_MAX, &|limbs| _ = Field8(limbs).product(&one)));
            assert!(bites(FACTOR_LIMB_MAX, &|limbs| _ = one.product(&Loose8(limbs))));
            assert!(bites(REDUCED_LIMB_MAX, &|limbs| _ = Field8(limbs).squared()));
            assert!(bites(REDUCED_LIMB_MAX, &|limbs| _ = Field8(limbs).canonical()));
            assert!(bites(LIMB_MASK, &|limbs| _ = Field8(limbs).is_beyond_p()));
            // What is subtracted: at most the bias's lowest limb.
            assert!(bites(TWICE_P[0], &|limbs| _ = Field8(limbs).neg()));
            assert!(bites(TWICE_P[0], &|limbs| _ = one.sub(&Field8(limbs))));
            assert!(bites(twice_p, &|limbs| _ = Field8(limbs).signed(LaneMask::MAX)));
            assert!(bites(FACTOR_LIMB_MAX, &|limbs| _ = Field8(limbs).signed(0)));
            assert!(bites(WIDE_BIAS[0], &|limbs| _ = Wide8([splat(0); 5]).minus(&Wide8(limbs))));
            let columns = |limbs: [Lanes; 5]| {
                let mut columns = Columns::zero();
                columns.once[..5].copy_from_slice(&limbs);
                columns.folded()
            };
            assert!(bites(WIDE_LIMB_MAX / 2, &|limbs| _ = columns(limbs)));
        }
    }
    on_vectors(check);
}

/// One element that is 0 would make its lane's inverses 0.
#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "0 has no inverse")]
fn zero_among_many_to_be_inverted_is_caught_in_debug_builds() {
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn check() {
        let mut lanes = [[1, 0, 0, 0, 0]; 8];
        lanes[6] = P; // 0, written as p
        let mut elements = [Field8::one(), Field8::from_lanes(&lanes)];
        invert_all(&mut elements, &mut [Field8::zero(); 2]);
    }
    on_vectors(check);
    assert!(crate::backend::ifma::is_supported(), "0 has no inverse, but nobody can say so here");
}

#[test]
fn the_constants_are_what_their_names_say() {
    let d = Residue::from_limbs(&crate::backend::ifma::decompress::D);
    let number = |limb| Residue::from_limbs(&[limb, 0, 0, 0, 0]);
    assert_eq!(d.times(number(121_666)), number(121_665).negated());
    assert_eq!(Residue::from_limbs(&crate::backend::ifma::point::TWICE_D), d.plus(d));
    let root = Residue::from_limbs(&crate::backend::ifma::decompress::ROOT_OF_MINUS_ONE);
    assert_eq!(root.times(root), Residue::ONE.negated());
    for multiple in [P, TWICE_P, WIDE_BIAS] {
        assert_eq!(Residue::from_limbs(&multiple), Residue::ZERO);
    }
}
