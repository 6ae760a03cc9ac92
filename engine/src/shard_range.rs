//! Consecutive shards of one authority: those that one process runs.

use crate::types::ShardIndex;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// Consecutive shards, at least one. Written `0-1`, or `2` where it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShardRange {
    first: u16,
    last: u16,
}

/// Text that names no shards.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no shards; write the first and the last, as in 0-1, or one, as in 2")]
pub struct NoShardRange(String);

impl ShardRange {
    /// `count` shards from `first` on; `None` if there are none, or if their numbers have more than 16 bits.
    pub fn new(first: ShardIndex, count: u16) -> Option<Self> {
        let last = first.0.checked_add(count.checked_sub(1)?)?;
        Some(Self { first: first.0, last })
    }

    /// All shards of an authority that has so many.
    ///
    /// # Panics
    /// If that is none.
    pub fn all(shard_count: u16) -> Self {
        Self::new(ShardIndex(0), shard_count).expect("an authority has a shard")
    }

    /// The first of them.
    pub fn first(&self) -> ShardIndex {
        ShardIndex(self.first)
    }

    /// The last of them.
    pub fn last(&self) -> ShardIndex {
        ShardIndex(self.last)
    }

    /// How many.
    pub fn count(&self) -> u16 {
        self.last - self.first + 1
    }

    /// Whether this shard is one of them.
    pub fn contains(&self, shard: ShardIndex) -> bool {
        (self.first..=self.last).contains(&shard.0)
    }

    /// The shard's place among them, from 0: the subscript of whatever a process has for each of its shards.
    ///
    /// # Panics
    /// If it is none of them.
    pub fn local(&self, shard: ShardIndex) -> usize {
        assert!(self.contains(shard), "shard {} is not one of {self}", shard.0);
        usize::from(shard.0 - self.first)
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = ShardIndex> + Clone + use<> {
        (self.first..=self.last).map(ShardIndex)
    }

    /// The first shard, of so many, that is in none of these ranges or in more than one; `None` if they divide all shards
    /// among them, each in the order of its number. A range that goes on behind the last shard is wrong there.
    pub fn undivided(ranges: impl IntoIterator<Item = Self>, shard_count: u16) -> Option<ShardIndex> {
        let mut ranges: Vec<Self> = ranges.into_iter().collect();
        ranges.sort_unstable();
        let mut next = 0_u16;
        for range in ranges {
            if range.first != next || range.last >= shard_count {
                return Some(ShardIndex(range.first.min(next)));
            }
            next = range.last + 1;
        }
        (next < shard_count).then_some(ShardIndex(next))
    }
}

impl fmt::Display for ShardRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return f.pad(&self.first.to_string());
        }
        f.pad(&format!("{}-{}", self.first, self.last))
    }
}

impl FromStr for ShardRange {
    type Err = NoShardRange;

    fn from_str(text: &str) -> Result<Self, NoShardRange> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last && last < u16::MAX => Ok(Self { first, last }),
            _ => Err(NoShardRange(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ShardRange {
    type Error = NoShardRange;

    fn try_from(text: String) -> Result<Self, NoShardRange> {
        text.parse()
    }
}

impl From<ShardRange> for String {
    fn from(range: ShardRange) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> ShardRange {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_reads_back_as_it_was_written_and_nothing_else_is_one() {
        for text in ["0", "7", "0-1", "2-3", "10-255"] {
            assert_eq!(range(text).to_string(), text);
        }
        assert_eq!(range("3-3"), range("3"));
        for text in ["", "-", "1-", "-1", "2-1", "a", "0-1-2", "+1", " 1", "65535", "65536"] {
            assert!(text.parse::<ShardRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn shards_have_places_from_0_and_others_have_none() {
        let shards = range("2-4");
        assert_eq!((shards.first(), shards.last(), shards.count()), (ShardIndex(2), ShardIndex(4), 3));
        assert_eq!(shards.iter().map(|shard| shards.local(shard)).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(!shards.contains(ShardIndex(1)) && !shards.contains(ShardIndex(5)));
        assert_eq!(ShardRange::all(3), range("0-2"));
        assert_eq!(ShardRange::new(ShardIndex(1), 0), None);
        assert_eq!(ShardRange::new(ShardIndex(65_535), 2), None);
    }

    #[test]
    #[should_panic(expected = "is not one of 2-4")]
    fn a_shard_of_another_process_has_no_place() {
        range("2-4").local(ShardIndex(1));
    }

    #[test]
    fn what_is_missing_twice_or_too_much_is_found() {
        let undivided =
            |texts: &[&str], count| ShardRange::undivided(texts.iter().map(|text| range(text)), count).map(|at| at.0);
        assert_eq!(undivided(&["0-1", "2-3"], 4), None);
        assert_eq!(undivided(&["3", "0-2"], 4), None, "the order is free");
        assert_eq!(undivided(&["0-1"], 4), Some(2));
        assert_eq!(undivided(&["1-3"], 4), Some(0));
        assert_eq!(undivided(&["0-2", "2-3"], 4), Some(2));
        assert_eq!(undivided(&["0-1", "2-4"], 4), Some(2));
        assert_eq!(undivided(&[], 1), Some(0));
    }
}
