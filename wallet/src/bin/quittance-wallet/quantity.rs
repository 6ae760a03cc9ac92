//! Quantities that people type: amounts, spans of time, memos, addresses.

use quittance_engine::address;
use quittance_engine::types::{Address, Amount};
use serde::Serializer;
use std::time::Duration;

/// Most units that any account can hold: see `quittance_engine::genesis`.
const AMOUNT_MAX: u64 = quittance_engine::genesis::SUPPLY_MAX;
/// The longest span that an order may be given to expire: a hundred years.
const SPAN_S_MAX: u64 = 100 * 365 * 24 * 3600;
/// Bytes of a memo: an order's user data.
const MEMO_BYTES: usize = 32;

/// Who is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payee {
    /// An account of this network.
    Account(Address),
    /// An address on the primary ledger: a redemption.
    Primary([u8; 32]),
}

/// An amount above zero.
pub(crate) fn amount(text: &str) -> Result<Amount, String> {
    match funding(text)? {
        Amount(0) => Err("an amount of zero pays nothing; give at least 1".to_owned()),
        amount => Ok(amount),
    }
}

/// An amount that may be zero.
pub(crate) fn funding(text: &str) -> Result<Amount, String> {
    let digits = digits(text)?;
    let too_large = || format!("more than {AMOUNT_MAX}, the most that a whole network can hold");
    match digits.parse::<u64>() {
        Ok(amount) if amount <= AMOUNT_MAX => Ok(Amount(amount)),
        Ok(_) | Err(_) => Err(too_large()),
    }
}

/// The digits without separators.
fn digits(text: &str) -> Result<String, String> {
    let wrong = |words: &str| Err(words.to_owned());
    if text.is_empty() {
        return wrong("an amount is a whole number of units, such as 250 or 1_000_000");
    }
    if text.starts_with(['-', '+', '\u{2212}']) {
        return wrong("an amount has no sign; money goes from --from to --to");
    }
    if text.contains(['.', ',', '\'', ' ']) {
        return wrong(
            "an amount is a whole number of units: no decimal point or comma; digits may be separated by _, as in 1_000_000",
        );
    }
    if let Some(character) = text.chars().find(|character| !character.is_ascii_digit() && *character != '_') {
        return Err(format!(
            "{character:?} is no digit; an amount is a whole number of units, such as 250 or 1_000_000"
        ));
    }
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return wrong("a separator _ goes between two digits, as in 1_000_000");
    }
    Ok(text.replace('_', ""))
}

/// A span: a number and a unit, such as `90s`, `10m`, `24h`, `7d`, `500ms`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "a span is a number and a unit: 500ms, 90s, 10m, 24h or 7d".to_owned();
    let end = text.find(|character: char| !character.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        "d" => 24 * 3600 * 1000,
        _ => return Err(wrong()),
    };
    match number.checked_mul(unit_ms) {
        Some(0) => Err("a span of no time is over before anything is sent".to_owned()),
        Some(ms) if ms <= SPAN_S_MAX * 1000 => Ok(Duration::from_millis(ms)),
        _ => Err("longer than a hundred years; leave it out for no end".to_owned()),
    }
}

/// A memo's bytes, filled up with zeros.
pub(crate) fn memo(text: &str) -> Result<[u8; MEMO_BYTES], String> {
    if text.chars().any(char::is_control) {
        return Err("a memo is one line of text, without control characters".to_owned());
    }
    let mut bytes = [0; MEMO_BYTES];
    match bytes.get_mut(..text.len()) {
        Some(place) => place.copy_from_slice(text.as_bytes()),
        None => return Err(format!("{} bytes, and an order has room for {MEMO_BYTES}; shorten it", text.len())),
    }
    Ok(bytes)
}

/// A memo as text: somebody else may have written it, so nothing in it may act on a terminal. `None` if there is none.
pub(crate) fn shown_memo(bytes: &[u8; MEMO_BYTES]) -> Option<String> {
    let length = bytes.iter().rposition(|byte| *byte != 0)? + 1;
    let text = str::from_utf8(&bytes[..length]).ok();
    let text = text.filter(|text| !text.chars().any(is_unfit));
    Some(text.map_or_else(|| format!("0x{}", hex::encode(&bytes[..length])), ToOwned::to_owned))
}

/// Acts on a terminal, or changes how its neighbours are read.
fn is_unfit(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A balance for programs: a number, or a text of its digits where a number of 64 bits cannot hold it.
pub(crate) fn serialize_balance<S: Serializer>(balance: &Option<i128>, serializer: S) -> Result<S::Ok, S::Error> {
    match balance.map(|balance| i64::try_from(balance).map_err(|_| balance.to_string())) {
        None => serializer.serialize_none(),
        Some(Ok(balance)) => serializer.serialize_i64(balance),
        Some(Err(digits)) => serializer.serialize_str(&digits),
    }
}

/// Who is paid: an address, or `primary:` and 64 hexadecimal digits.
pub(crate) fn payee(text: &str) -> Result<Payee, String> {
    let Some(digits) = text.strip_prefix("primary:") else {
        return address::decode(text).map(Payee::Account).map_err(|fault| fault.to_string());
    };
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes)
        .map_err(|_| "after `primary:`, an address on the primary ledger has 64 hexadecimal digits".to_owned())?;
    Ok(Payee::Primary(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_numbers_with_separators_between_digits() {
        for (text, value) in [("1", 1), ("250", 250), ("1_000_000", 1_000_000), ("9223372036854775807", AMOUNT_MAX)] {
            assert_eq!(amount(text), Ok(Amount(value)));
        }
        assert_eq!(funding("0"), Ok(Amount(0)));
    }

    #[test]
    fn each_wrong_amount_is_refused_in_words_of_its_own() {
        for (text, words) in [
            ("0", "zero"),
            ("000", "zero"),
            ("", "whole number"),
            ("-5", "no sign"),
            ("+5", "no sign"),
            ("1.5", "decimal point"),
            ("1,000", "comma"),
            ("1 000", "separated by _"),
            ("1e6", "'e' is no digit"),
            ("0x10", "'x' is no digit"),
            ("_1", "between two digits"),
            ("1_", "between two digits"),
            ("1__0", "between two digits"),
            ("9223372036854775808", "more than 9223372036854775807"),
            ("99999999999999999999999", "more than 9223372036854775807"),
            ("٣", "no digit"),
        ] {
            let fault = amount(text).unwrap_err();
            assert!(fault.contains(words), "{text}: {fault}");
        }
    }

    #[test]
    fn spans_have_a_unit_and_an_end() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)));
        }
        assert_eq!(span("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "5", "s", "5 s", "-5s", "5w", "0s", "36501d", "18446744073709551615d", "5s5"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn memos_of_others_cannot_act_on_a_terminal() {
        assert_eq!(shown_memo(&memo("rent, March").unwrap()), Some("rent, March".to_owned()));
        assert_eq!(shown_memo(&[0; 32]), None);
        for unfit in ["\u{1b}[2J", "a\nb", "\u{202e}evil", "a\0b"] {
            let mut bytes = [0; 32];
            bytes[..unfit.len()].copy_from_slice(unfit.as_bytes());
            assert_eq!(shown_memo(&bytes), Some(format!("0x{}", hex::encode(unfit))));
        }
        assert_eq!(shown_memo(&[0xff; 32]), Some(format!("0x{}", "ff".repeat(32))));
        assert!(memo("a\tb").is_err() && memo(&"x".repeat(33)).unwrap_err().contains("33 bytes"));
        assert_eq!(memo(&"ä".repeat(16)).unwrap()[31], 0xa4);
    }

    #[test]
    fn a_payee_is_an_account_or_an_address_on_the_primary_ledger() {
        let text = address::encode(&[7; 32]);
        assert_eq!(payee(&text), Ok(Payee::Account([7; 32])));
        assert_eq!(payee(&format!("primary:{}", "0a".repeat(32))), Ok(Payee::Primary([10; 32])));
        assert!(payee("primary:0a").unwrap_err().contains("64 hexadecimal"));
        assert!(payee(&text[..61]).is_err());
    }
}
