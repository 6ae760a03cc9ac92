//! Powers of field elements: the one behind square roots, and inverses.

use super::field::Field8;

/// x^(2^252 - 3) = x^((p - 5) / 8) for `K` times eight elements, step by step side by side.
///
/// A squaring must wait for the one before it, and one chain leaves the multipliers idle half of the time: two chains at
/// once cost little more than one. 252 squarings and 11 products; the exponents in the comments lead from 1 to 2^252 - 3.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn power_p58<const K: usize>(x: &[Field8; K]) -> [Field8; K] {
    let (_, x_2_250_minus_1) = chain(x);
    multiplied(&squared_times(&x_2_250_minus_1, 2), x) // 2^252 - 3
}

/// 1 / x = x^(p - 2), and 0 for 0.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn invert(x: &Field8) -> Field8 {
    let ([x_11], x_2_250_minus_1) = chain(&[*x]);
    let [high] = squared_times(&x_2_250_minus_1, 5); // 2^255 - 32
    high.mul(&x_11) // 2^255 - 21
}

/// Replaces every element by its inverse, with one inversion in all (Montgomery, "Speeding the Pollard and elliptic curve
/// methods of factorization", 1987, section 10.3.1).
///
/// No element may be 0: each would make all others of its lane 0. Debug builds check it. `prefixes` is scratch memory
/// of at least as many elements.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn invert_all(elements: &mut [Field8], prefixes: &mut [Field8]) {
    let mut product = Field8::one();
    for (element, prefix) in elements.iter().zip(prefixes.iter_mut()) {
        debug_assert_eq!(element.is_zero(), 0, "0 has no inverse");
        *prefix = product;
        product = product.mul(element);
    }
    let mut inverse = invert(&product);
    for (element, prefix) in elements.iter_mut().zip(prefixes).rev() {
        let product = inverse;
        inverse = inverse.mul(element);
        *element = product.mul(prefix);
    }
}

/// x^11 and x^(2^250 - 1).
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn chain<const K: usize>(x: &[Field8; K]) -> ([Field8; K], [Field8; K]) {
    let x_2 = squared_times(x, 1);
    let x_9 = multiplied(&squared_times(&x_2, 2), x);
    let x_11 = multiplied(&x_9, &x_2);
    let ones_5 = multiplied(&squared_times(&x_11, 1), &x_9); // 31 = 2^5 - 1
    let ones_10 = multiplied(&squared_times(&ones_5, 5), &ones_5);
    let ones_20 = multiplied(&squared_times(&ones_10, 10), &ones_10);
    let ones_40 = multiplied(&squared_times(&ones_20, 20), &ones_20);
    let ones_50 = multiplied(&squared_times(&ones_40, 10), &ones_10);
    let ones_100 = multiplied(&squared_times(&ones_50, 50), &ones_50);
    let ones_200 = multiplied(&squared_times(&ones_100, 100), &ones_100);
    let ones_250 = multiplied(&squared_times(&ones_200, 50), &ones_50);
    (x_11, ones_250)
}

/// x^(2^count). Its own function, so that the squaring's code exists once.
#[inline(never)]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn squared_times<const K: usize>(x: &[Field8; K], count: usize) -> [Field8; K] {
    let mut power = *x;
    for _ in 0..count {
        for element in &mut power {
            *element = element.square();
        }
    }
    power
}

#[inline(never)]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn multiplied<const K: usize>(x: &[Field8; K], y: &[Field8; K]) -> [Field8; K] {
    let mut product = *x;
    for (element, factor) in product.iter_mut().zip(y) {
        *element = element.mul(factor);
    }
    product
}
