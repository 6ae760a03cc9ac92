//! An account's address as people read, type, print and scan it.
//!
//! `qtn1`, then 52 characters for the 32 bytes, then six of a checksum: bech32m (BIP-350), [`ADDRESS_CHARACTERS`] in all.
//!
//! Money sent to a mistyped address is gone: any 32 bytes may be somebody's key. So the form must catch mistakes:
//! - Up to four wrong characters are always found, and of what is worse all but one in 10^9. Hexadecimal digits have no
//!   checksum at all.
//! - `1` is in it once, where the prefix ends; `b`, `i` and `o` never are. Who writes it down confuses no `0` with an `O` and
//!   no `1` with an `l`.
//! - Lower and upper case mean the same, and are never mixed, so it can be read out. Base58check can neither be read out nor
//!   put into a QR code in its compact mode, which has capitals only.
//! - There is one spelling for an address, and [`encode`] writes it: in lower case. All of it in upper case is read, too, as
//!   QR codes have it.
//! - The prefix tells it from the addresses of other systems. The length is fixed, and with bech32m, other than with its
//!   predecessor, so is the checksum's strength where characters are left out or doubled before the end.

use crate::types::Address;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};

/// What every address starts with, its separator included.
pub const ADDRESS_PREFIX: &str = "qtn1";

/// How many characters an address has: prefix, 256 bits by five, checksum.
pub const ADDRESS_CHARACTERS: usize = ADDRESS_PREFIX.len() + usize::div_ceil(256, 5) + 6;

const HUMAN_READABLE_PART: Hrp = Hrp::parse_unchecked("qtn");

/// Why a text is no address. Each says what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It starts with something else.
    #[error(
        "an account's address starts with `{ADDRESS_PREFIX}`, and this does not; take care to copy all of an address"
    )]
    Prefix,
    /// It has lower and upper case.
    #[error("an address is all in lower or all in upper case; this one mixes them, so characters of it were changed")]
    MixedCase,
    /// A character that no address has.
    #[error("`{character}`, character {place}, is in no address after its prefix; compare it with the original")]
    Character {
        /// The character.
        character: char,
        /// Its place in the text, from 1.
        place: usize,
    },
    /// Characters are missing, or too many.
    #[error("an address has {ADDRESS_CHARACTERS} characters, and this has {count}; copy all of it and nothing else")]
    Length {
        /// The characters that are there.
        count: usize,
    },
    /// The checksum says that it was changed.
    #[error("a character of the address is wrong, or two are swapped; compare it with the original, better copy it")]
    Checksum,
    /// The checksum holds, and bits that say nothing are set: another spelling of an address.
    #[error("this address was not made by Quittance: its last bits are not zero; ask its owner for it again")]
    Padding,
}

/// The address in lower case.
pub fn encode(address: &Address) -> String {
    let mut text = String::with_capacity(ADDRESS_CHARACTERS);
    bech32::encode_lower_to_fmt::<Bech32m, _>(&mut text, HUMAN_READABLE_PART, address)
        .expect("a string takes any text, and 62 characters are fewer than the 1,023 that the code allows");
    text
}

/// The address that a text stands for, which is all in lower or all in upper case.
///
/// # Errors
/// [`AddressError`]: the first of its causes, in the order listed, that holds.
pub fn decode(text: &str) -> Result<Address, AddressError> {
    let parsed = CheckedHrpstring::new::<Bech32m>(text);
    let (true, Ok(parsed)) = (text.len() == ADDRESS_CHARACTERS, parsed) else { return Err(fault(text)) };
    if parsed.hrp() != HUMAN_READABLE_PART {
        return Err(AddressError::Prefix);
    }
    // Else four bits could be anything, and each address would have sixteen spellings.
    if parsed.validate_segwit_padding().is_err() {
        return Err(AddressError::Padding);
    }
    let mut address = [0; 32];
    let mut bytes = parsed.byte_iter();
    address.fill_with(|| bytes.next().expect("52 characters of five bits hold 32 bytes"));
    Ok(address)
}

/// What is wrong with a text that is no address, for whoever has it before him.
fn fault(text: &str) -> AddressError {
    let is_prefix = |start: &str| start.eq_ignore_ascii_case(ADDRESS_PREFIX);
    if !text.get(..ADDRESS_PREFIX.len()).is_some_and(is_prefix) {
        return AddressError::Prefix;
    }
    if text.chars().any(|character| character.is_ascii_lowercase())
        && text.chars().any(|character| character.is_ascii_uppercase())
    {
        return AddressError::MixedCase;
    }
    let is_foreign = |character: char| {
        !character.is_ascii_alphanumeric() || matches!(character.to_ascii_lowercase(), '1' | 'b' | 'i' | 'o')
    };
    let mut characters = (1..).zip(text.chars()).skip(ADDRESS_PREFIX.len());
    if let Some((place, character)) = characters.find(|(_, character)| is_foreign(*character)) {
        return AddressError::Character { character, place };
    }
    match text.chars().count() {
        ADDRESS_CHARACTERS => AddressError::Checksum,
        count => AddressError::Length { count },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8032's first test. Another implementation of BIP-350 must give the same.
    const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const TEXT: &str = "qtn16adfsqvzky9t042tlmfujeq88g8wzuhnm2nzxfd0qgdx3ac82ydqa0r85h";
    const CHARACTERS: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

    fn key() -> Address {
        let mut key = [0; 32];
        hex::decode_to_slice(KEY, &mut key).unwrap();
        key
    }

    /// A text with another character at a place, from 0.
    fn with(text: &str, place: usize, character: char) -> String {
        text.char_indices().map(|(at, old)| if at == place { character } else { old }).collect()
    }

    /// Numbers that look random, for places and characters.
    fn numbers() -> impl Iterator<Item = usize> {
        let step =
            |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        core::iter::successors(Some(7_u64), step).map(|state| usize::try_from(state >> 33).unwrap())
    }

    /// As BIP-350 writes it: the polynomial's remainder over prefix, zero and values, against the crate's.
    fn checksum(values: &[u32]) -> Vec<u32> {
        const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        let prefix = "qtn".bytes().map(u32::from);
        let expanded = prefix.clone().map(|byte| byte >> 5).chain([0]).chain(prefix.map(|byte| byte & 31));
        let mut remainder = 1_u32;
        for value in expanded.chain(values.iter().copied()).chain([0; 6]) {
            let top = remainder >> 25;
            remainder = (remainder & 0x01ff_ffff) << 5 ^ value;
            for (bit, term) in GENERATOR.iter().enumerate() {
                remainder ^= if top >> bit & 1 == 1 { *term } else { 0 };
            }
        }
        remainder ^= 0x2bc8_30a3;
        (0..6).map(|place| remainder >> (5 * (5 - place)) & 31).collect()
    }

    fn values(address: &Address) -> Vec<u32> {
        let bit = |bit: usize| address.get(bit / 8).map_or(0, |byte| u32::from(byte >> (7 - bit % 8) & 1));
        (0..52).map(|place| (0..5).fold(0, |value, at| value << 1 | bit(5 * place + at))).collect()
    }

    fn spelled(values: &[u32]) -> String {
        let characters: Vec<char> = CHARACTERS.chars().collect();
        let checksum = checksum(values);
        let text = values.iter().chain(&checksum).map(|value| characters[*value as usize]);
        ADDRESS_PREFIX.chars().chain(text).collect()
    }

    #[test]
    fn an_address_is_spelled_as_bip_350_says() {
        assert_eq!(encode(&key()), TEXT);
        assert_eq!((decode(TEXT), TEXT.len()), (Ok(key()), ADDRESS_CHARACTERS));
        for address in [key(), [0; 32], [255; 32], core::array::from_fn(|index| u8::try_from(index).unwrap())] {
            assert_eq!(encode(&address), spelled(&values(&address)));
            assert_eq!(decode(&encode(&address)), Ok(address));
        }
    }

    #[test]
    fn upper_case_is_read_and_mixed_case_is_not() {
        let upper = TEXT.to_ascii_uppercase();
        assert_eq!(decode(&upper), Ok(key()));
        for place in 0..TEXT.len() {
            let upper = TEXT.as_bytes()[place].to_ascii_uppercase() as char;
            let error = decode(&with(TEXT, place, upper));
            let is_letter = upper.is_ascii_uppercase();
            assert_eq!(error, if is_letter { Err(AddressError::MixedCase) } else { Ok(key()) }, "{place}");
        }
    }

    #[test]
    fn every_wrong_character_and_every_swap_of_neighbours_is_found() {
        for place in ADDRESS_PREFIX.len()..TEXT.len() {
            for character in CHARACTERS.chars().filter(|character| TEXT.chars().nth(place) != Some(*character)) {
                assert_eq!(
                    decode(&with(TEXT, place, character)),
                    Err(AddressError::Checksum),
                    "{character} at {place}"
                );
            }
            let mut swapped = TEXT.as_bytes().to_vec();
            swapped.swap(place - 1, place);
            let swapped = String::from_utf8(swapped).unwrap();
            assert!(swapped == TEXT || decode(&swapped).is_err(), "{swapped}");
        }
    }

    #[test]
    fn up_to_four_wrong_characters_are_found() {
        let (mut numbers, characters) = (numbers(), CHARACTERS.chars().collect::<Vec<_>>());
        for _ in 0..20_000 {
            let mut text = TEXT.to_owned();
            for _ in 0..4 {
                let place = numbers.next().unwrap() % (TEXT.len() - ADDRESS_PREFIX.len());
                text = with(&text, ADDRESS_PREFIX.len() + place, characters[numbers.next().unwrap() % 32]);
            }
            assert!(text == TEXT || decode(&text) == Err(AddressError::Checksum), "{text}");
        }
    }

    #[test]
    fn each_cause_is_told_from_the_others() {
        let bitcoin = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0";
        for text in ["", "qtn", "qtm1", KEY, bitcoin, "öqtn1", &TEXT[1..], &format!(" {TEXT}")] {
            assert_eq!(decode(text), Err(AddressError::Prefix), "{text}");
        }
        for (count, text) in
            [(61, &TEXT[..61]), (4, "qtn1"), (63, &format!("{TEXT}q")), (63, &format!("{}p{}", &TEXT[..9], &TEXT[9..]))]
        {
            assert_eq!(decode(text), Err(AddressError::Length { count }), "{text}");
        }
        for character in ['b', 'i', 'o', '1', ' ', '-', 'é', '\n'] {
            let error = decode(&with(TEXT, 20, character));
            assert_eq!(error, Err(AddressError::Character { character, place: 21 }));
        }
        // The older checksum, and a part that is longer by a character before the separator.
        let older = bech32::encode_lower_to_fmt::<bech32::Bech32, String>;
        let mut text = String::new();
        older(&mut text, HUMAN_READABLE_PART, &key()).unwrap();
        assert_eq!(decode(&text), Err(AddressError::Checksum));
        let mut text = String::new();
        bech32::encode_lower_to_fmt::<Bech32m, _>(&mut text, Hrp::parse_unchecked("qtm"), &key()).unwrap();
        assert_eq!(decode(&text), Err(AddressError::Prefix));
    }

    #[test]
    fn each_address_has_one_spelling() {
        let right = values(&key());
        assert_eq!(decode(&spelled(&right)), Ok(key()));
        for padding in 1..16 {
            let mut values = right.clone();
            *values.last_mut().unwrap() |= padding;
            assert_eq!(decode(&spelled(&values)), Err(AddressError::Padding), "{padding}");
        }
    }
}
