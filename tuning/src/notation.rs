//! How a value is written in its file, and when two writings mean the same.

use serde::{Deserialize, Serialize};

use crate::cpu_list::CpuList;

/// How the kernel writes a value. People and JSON see the decoded form; files get the encoded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notation {
    /// A word or a line.
    Word,
    /// A whole number, in decimal.
    Number,
    /// One of several, the chosen one in brackets: `always [madvise] never`. Written as the bare word.
    Choice,
    /// A set of cores, `0-3,8`.
    List,
    /// A set of cores, in hexadecimal groups of 32 bits: `00000000,0000010f`. Decoded to a list.
    Mask,
}

impl Notation {
    /// The value that a file's text states, in the form that people read.
    #[must_use]
    pub fn decode(self, text: &str) -> String {
        let text = text.trim();
        match self {
            Self::Word => text.to_owned(),
            Self::Number => text.parse::<i64>().map_or_else(|_| text.to_owned(), |number| number.to_string()),
            Self::Choice => chosen(text).unwrap_or(text).to_owned(),
            Self::List => text.parse::<CpuList>().map_or_else(|_| text.to_owned(), |list| list.to_string()),
            Self::Mask => cores_of_mask(text).map_or_else(|| text.to_owned(), |list| list.to_string()),
        }
    }

    /// The text to write for a decoded value.
    #[must_use]
    pub fn encode(self, value: &str) -> String {
        match (self, value) {
            (Self::List, "none") => String::new(),
            (Self::Mask, "none") => "0".to_owned(),
            (Self::Mask, list) => list.parse().map_or_else(|_| list.to_owned(), |list| mask_of_cores(&list)),
            _ => value.to_owned(),
        }
    }

    /// Whether both texts state the same value.
    #[must_use]
    pub fn same(self, left: &str, right: &str) -> bool {
        self.decode(left) == self.decode(right)
    }

    /// What the text offers to choose from; `None` where it is no choice.
    pub(crate) fn choices(self, text: &str) -> Option<Vec<&str>> {
        let offered = || text.split_whitespace().map(|word| word.trim_matches(['[', ']'])).collect();
        (self == Self::Choice && chosen(text).is_some()).then(offered)
    }
}

/// The word in brackets.
fn chosen(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0)
}

/// The cores whose bits are set; the last group holds the lowest.
fn cores_of_mask(text: &str) -> Option<CpuList> {
    let mut cores = Vec::new();
    for (group_index, group) in text.rsplit(',').enumerate() {
        // A mask of one group may be wider than 32 bits in no kernel, but a short one is common.
        let bits = u32::from_str_radix(group.trim(), 16).ok()?;
        cores.extend((0..32).filter(|bit| bits >> bit & 1 == 1).map(|bit| group_index * 32 + bit));
    }
    Some(cores.into_iter().collect())
}

fn mask_of_cores(cores: &CpuList) -> String {
    let group_count = cores.as_slice().last().map_or(1, |highest| highest / 32 + 1);
    let mut groups = vec![0_u32; group_count];
    for core in cores.iter() {
        groups[core / 32] |= 1 << (core % 32);
    }
    let mut words: Vec<String> = groups.iter().rev().map(|bits| format!("{bits:08x}")).collect();
    words[0] = format!("{:x}", groups[group_count - 1]);
    words.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_and_lists_of_the_same_cores_are_told_the_same() {
        assert_eq!(Notation::Mask.decode("00000001,8000000f"), "0-3,31-32");
        assert_eq!(Notation::Mask.encode("0-3,31-32"), "1,8000000f");
        assert_eq!(Notation::Mask.decode(&Notation::Mask.encode("64")), "64");
        assert_eq!(Notation::Mask.encode("none"), "0");
        assert!(Notation::Mask.same("00000000,000000ff", "ff") && !Notation::Mask.same("1", "2"));
    }

    #[test]
    fn the_chosen_word_is_the_value_of_a_choice() {
        let text = "always [madvise] never";
        assert_eq!(Notation::Choice.decode(text), "madvise");
        assert_eq!(Notation::Choice.choices(text), Some(vec!["always", "madvise", "never"]));
        assert!(Notation::Choice.same(text, "madvise"));
        assert_eq!(Notation::Choice.choices("none"), None);
    }

    #[test]
    fn text_that_does_not_parse_is_its_own_value() {
        for notation in [Notation::Number, Notation::List, Notation::Mask] {
            assert_eq!(notation.decode("odd, text"), "odd, text");
        }
    }
}
