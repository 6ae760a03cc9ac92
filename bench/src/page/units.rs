//! Numbers as a person reads them.

use crate::report::grouped;
use quittance_tuning::format_bytes;
use serde_json::Value;

/// A duration in the unit that leaves it one to three digits before the point.
pub(crate) fn duration(us: f64) -> String {
    let (value, unit) = match us {
        us if us < 1e-9 => (0.0, "µs"),
        us if us < 1.0 => (us * 1e3, "ns"),
        us if us < 1e3 => (us, "µs"),
        us if us < 1e6 => (us / 1e3, "ms"),
        us => (us / 1e6, "s"),
    };
    format!("{} {unit}", three_digits(value))
}

/// 1.23, 12.3, 123, 1,234.
pub(super) fn three_digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => whole(value),
    }
}

/// To the nearest whole number, with thousands apart.
pub(super) fn whole(value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast saturates, and the sign is apart"
    )]
    let size = value.abs().round() as u64;
    format!("{}{}", if value <= -0.5 { "-" } else { "" }, grouped(size))
}

/// Payments per second.
pub(crate) fn rate(per_s: f64) -> String {
    format!("{}/s", whole(per_s))
}

/// 0.123 as `12.3 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A name of ours in words: `core_online_count` as `core online count`.
pub(super) fn words(name: &str) -> String {
    name.replace(['_', '.'], " ")
}

/// A value of JSON in a line. Names that end in `_bytes` have octets, those in `_ns` nanoseconds.
pub(super) fn value(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "not known".to_owned(),
        Value::Bool(is_so) => if *is_so { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_u64() {
            Some(bytes) if name.ends_with("_bytes") => format_bytes(bytes),
            Some(count) => grouped(count),
            None => number.as_f64().map_or_else(|| number.to_string(), three_digits),
        },
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(|item| self::value(name, item)).collect::<Vec<_>>().join(", "),
        Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_have_the_unit_that_fits() {
        let texts = [0.0, 0.25, 1.0, 9.999, 123.4, 1_500.0, 61_400.0, 2_000_000.0].map(duration);
        assert_eq!(texts, ["0 µs", "250 ns", "1.00 µs", "10.0 µs", "123 µs", "1.50 ms", "61.4 ms", "2.00 s"]);
    }

    #[test]
    fn values_have_units_and_thousands() {
        assert_eq!((rate(123_456.7), percent(0.0421)), ("123,457/s".to_owned(), "4.2 %".to_owned()));
        assert_eq!((whole(-2.0), whole(f64::INFINITY).is_empty()), ("-2".to_owned(), false));
        assert_eq!(value("size_bytes", &json!(2_097_152)), format_bytes(2_097_152));
        assert_eq!(value("lost", &json!(1_234_567)), "1,234,567");
        assert_eq!(value("x", &json!([null, true, "a"])), "not known, yes, a");
    }
}
