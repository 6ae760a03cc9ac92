//! Student's t distribution: NIST Digital Library of Mathematical Functions, sections 8.17 (incomplete beta function) and 5.11
//! (logarithm of the gamma function).

/// Steps of the continued fraction. It takes about the root of the degrees of freedom.
const FRACTION_STEPS_MAX: u32 = 10_000;
/// Halvings of a bracket: a double has 53 bits.
const HALVINGS: u32 = 100;
/// Doublings of a bracket's upper end. With one degree of freedom the quantile of 1 - p is near 1/(pi p): no `p` that a
/// double tells from zero takes more.
const DOUBLINGS_MAX: u32 = 64;

/// The probability that a t of so many degrees of freedom, which may be a fraction, is at most `t`.
///
/// # Panics
/// Unless `degrees` is above zero.
pub fn cumulative(t: f64, degrees: f64) -> f64 {
    assert!(degrees > 0.0, "t has at least some freedom");
    let square = t * t;
    let beyond = incomplete_beta(degrees / (degrees + square), square / (degrees + square), degrees / 2.0, 0.5) / 2.0;
    if t < 0.0 { beyond } else { 1.0 - beyond }
}

/// What a t of so many degrees of freedom does not exceed with this probability.
///
/// # Panics
/// Unless `probability` is between 0 and 1, and `degrees` above zero.
pub fn quantile(probability: f64, degrees: f64) -> f64 {
    assert!(probability > 0.0 && probability < 1.0, "a probability is between 0 and 1");
    if probability < 0.5 {
        return -quantile(1.0 - probability, degrees);
    }
    let mut high = 1.0;
    for _ in 0..DOUBLINGS_MAX {
        if cumulative(high, degrees) >= probability {
            break;
        }
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if cumulative(middle, degrees) < probability { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The regularized incomplete beta function `I_x(a, b)`. `rest` is 1 - x, which the caller knows better than a subtraction.
fn incomplete_beta(x: f64, rest: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || rest <= 0.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    let log_front = a * x.ln() + b * rest.ln() + log_gamma(a + b) - log_gamma(a) - log_gamma(b);
    let front = log_front.exp();
    // The fraction converges fast on this side of the mean; on the other side the function is one less its mirror image.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(rest, b, a) / b
    }
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), from the front, by Lentz's method.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    let away_from_zero = |value: f64| if value.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { value };
    let mut below = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let (mut above, mut value) = (1.0, below);
    for step in 1..=FRACTION_STEPS_MAX {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            below = 1.0 / away_from_zero(1.0 + coefficient * below);
            above = away_from_zero(1.0 + coefficient / above);
            change = above * below;
            value *= change;
        }
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

/// The logarithm of the gamma function, `x` above zero: Stirling's series (DLMF 5.11.1), after the argument was raised to where
/// five of its terms are enough.
fn log_gamma(x: f64) -> f64 {
    /// The first term left out is below 2e-15 here.
    const ENOUGH: f64 = 15.0;
    let (mut x, mut raised) = (x, 0.0);
    while x < ENOUGH {
        raised += x.ln();
        x += 1.0;
    }
    let square = x * x;
    let series = (1.0 / 12.0
        - (1.0 / 360.0 - (1.0 / 1_260.0 - (1.0 / 1_680.0 - 1.0 / 1_188.0 / square) / square) / square) / square)
        / x;
    (x - 0.5) * x.ln() - x + core::f64::consts::TAU.ln() / 2.0 + series - raised
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance * expected.abs().max(1.0), "{value} for {expected}");
    }

    #[test]
    fn quantiles_are_those_of_printed_tables() {
        let table = [
            (0.975, 1.0, 12.706_204_736),
            (0.975, 2.0, 4.302_652_730),
            (0.975, 4.0, 2.776_445_105),
            (0.975, 5.0, 2.570_581_836),
            (0.975, 9.0, 2.262_157_163),
            (0.975, 30.0, 2.042_272_456),
            (0.995, 4.0, 4.604_094_871),
            (0.95, 10.0, 1.812_461_123),
            (0.987_5, 5.0, 3.163_381_450),
        ];
        for (probability, degrees, expected) in table {
            close(quantile(probability, degrees), expected, 1e-8);
            close(quantile(1.0 - probability, degrees), -expected, 1e-8);
        }
        // Between four and five degrees, and with very many the normal distribution's.
        let between = quantile(0.975, 4.5);
        assert!(between < 2.776_445 && between > 2.570_582, "{between}");
        close(quantile(0.975, 1e6), 1.959_966_3, 1e-6);
    }

    #[test]
    fn one_degree_is_the_cauchy_distribution_and_two_have_a_closed_form() {
        for t in [-30.0, -2.0, -0.1, 0.0, 0.5, 1.0, 7.0, 1_000.0_f64] {
            close(cumulative(t, 1.0), 0.5 + t.atan() / core::f64::consts::PI, 1e-13);
            close(cumulative(t, 2.0), 0.5 + t / (2.0 * (2.0 + t * t).sqrt()), 1e-13);
        }
    }

    #[test]
    fn the_gamma_function_gives_factorials_and_the_root_of_pi() {
        let mut factorial = 1.0_f64;
        for n in 1..20 {
            close(log_gamma(f64::from(n)), factorial.ln(), 1e-14);
            factorial *= f64::from(n);
        }
        close(log_gamma(0.5), core::f64::consts::PI.sqrt().ln(), 1e-14);
    }
}
