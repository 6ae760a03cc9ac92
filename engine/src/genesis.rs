//! The genesis file: the accounts that a network starts with.
//!
//! Text. The first line is [`FIRST_LINE`]; each further line holds an address, in the form that [`crate::address`] has for
//! people, a space and an amount. Lines that are empty or start with `#` are skipped. The digest of the file's bytes is the
//! network's id, so every authority and payer must have the same bytes.

use crate::address::{self, AddressError};
use crate::types::{Address, Amount};

/// How a genesis file starts.
pub const FIRST_LINE: &str = "quittance-genesis 1";

/// Most units that all accounts may hold together: amounts stay below 2^63.
pub const SUPPLY_MAX: u64 = i64::MAX as u64;

/// What is wrong with a genesis file, and in which line (from 1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct GenesisError {
    /// The line, from 1.
    pub line: usize,
    /// The fault.
    pub fault: GenesisFault,
}

/// A fault of one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisFault {
    /// The first line is another.
    #[error("the file must start with `{FIRST_LINE}`")]
    FirstLine,
    /// Not two words with one space between them.
    #[error("expected an address, one space and an amount")]
    Form,
    /// The first word is no address.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// The second word is no amount.
    #[error("the amount must be a whole number of units from 0 to {SUPPLY_MAX}, in digits alone")]
    Amount,
    /// The supply exceeds [`SUPPLY_MAX`].
    #[error("the balances add up to more than {SUPPLY_MAX} units; lower them")]
    Supply,
    /// The bytes are not UTF-8.
    #[error("not UTF-8 text")]
    Text,
}

/// Reads a genesis file, calling `fund` for each account in order. Returns the supply.
///
/// An address that occurs twice is for `fund` to see; it can stop the reading with an error of its own, given the line.
///
/// # Errors
/// [`GenesisError`], or what `fund` returns.
pub fn read<E: From<GenesisError>>(
    file: &[u8],
    mut fund: impl FnMut(usize, Address, Amount) -> Result<(), E>,
) -> Result<Amount, E> {
    let fail = |line: usize, fault: GenesisFault| E::from(GenesisError { line, fault });
    let text = str::from_utf8(file).map_err(|error| {
        let line = file[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        fail(line, GenesisFault::Text)
    })?;
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    if lines.next().is_none_or(|(_, line)| line != FIRST_LINE) {
        return Err(fail(1, GenesisFault::FirstLine));
    }
    let mut supply = 0_u64;
    for (number, line) in lines {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (address, amount) = entry(line).map_err(|fault| fail(number, fault))?;
        supply = supply
            .checked_add(amount.0)
            .filter(|sum| *sum <= SUPPLY_MAX)
            .ok_or_else(|| fail(number, GenesisFault::Supply))?;
        fund(number, address, amount)?;
    }
    Ok(Amount(supply))
}

/// One account as a line of the file, without its line end.
pub fn line(address: &Address, amount: Amount) -> String {
    format!("{} {amount}", address::encode(address))
}

fn entry(line: &str) -> Result<(Address, Amount), GenesisFault> {
    let (address, amount) = line.split_once(' ').ok_or(GenesisFault::Form)?;
    let address = address::decode(address)?;
    // `parse` would also take a sign.
    if !amount.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(GenesisFault::Amount);
    }
    Ok((address, Amount(amount.parse().map_err(|_| GenesisFault::Amount)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(file: &str) -> Result<(Vec<(usize, u64)>, u64), GenesisError> {
        let mut accounts = Vec::new();
        let supply = read(file.as_bytes(), |line, _, amount| {
            accounts.push((line, amount.0));
            Ok::<(), GenesisError>(())
        })?;
        Ok((accounts, supply.0))
    }

    fn file(lines: &[&str]) -> String {
        format!("{FIRST_LINE}\n{}\n", lines.join("\n"))
    }

    #[test]
    fn lines_become_accounts_and_add_up() {
        let (one, two) = (line(&[1; 32], Amount(5)), line(&[2; 32], Amount(7)));
        assert_eq!(accounts(&file(&["# two accounts", &one, "", &two])), Ok((vec![(3, 5), (5, 7)], 12)));
    }

    #[test]
    fn faults_name_their_line() {
        let good = line(&[1; 32], Amount(1));
        let fault = |line: &str| accounts(&file(&[&good, line])).unwrap_err();
        let address = address::encode(&[0; 32]);
        for line in [address.as_str(), "0"] {
            assert_eq!(fault(line), GenesisError { line: 3, fault: GenesisFault::Form }, "{line}");
        }
        for amount in ["", "-1", "+1", " 1", "1 ", "1.5", "1_000", "0x1", "18446744073709551616"] {
            let error = fault(&format!("{address} {amount}"));
            assert_eq!(error, GenesisError { line: 3, fault: GenesisFault::Amount }, "{amount}");
        }
        let cut = &address[..address.len() - 1];
        let hexadecimal = hex::encode([0; 32]);
        for (address, cause) in [
            (cut, AddressError::Length { count: cut.len() }),
            (&format!("{cut}q"), AddressError::Checksum),
            (&hexadecimal, AddressError::Prefix),
            ("", AddressError::Prefix),
        ] {
            let error = fault(&format!("{address} 1"));
            assert_eq!(error, GenesisError { line: 3, fault: GenesisFault::Address(cause) }, "{address}");
        }
        assert_eq!(accounts("").unwrap_err().fault, GenesisFault::FirstLine);
        assert_eq!(accounts("quittance-genesis 2\n").unwrap_err().fault, GenesisFault::FirstLine);
    }

    #[test]
    fn the_supply_stays_below_two_to_the_63() {
        let most = line(&[1; 32], Amount(SUPPLY_MAX));
        assert_eq!(accounts(&file(&[&most])).unwrap().1, SUPPLY_MAX);
        let error = accounts(&file(&[&most, &line(&[2; 32], Amount(1))])).unwrap_err();
        assert_eq!(error, GenesisError { line: 3, fault: GenesisFault::Supply });
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_with_their_line() {
        let mut bytes = file(&[&line(&[1; 32], Amount(1))]).into_bytes();
        bytes.extend([0xff, b'\n']);
        let error = read(&bytes, |_, _, _| Ok::<(), GenesisError>(())).unwrap_err();
        assert_eq!(error, GenesisError { line: 3, fault: GenesisFault::Text });
    }
}
