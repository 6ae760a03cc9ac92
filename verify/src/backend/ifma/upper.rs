//! The points 2^126 A of keys that come again and again, kept: with both rows, a whole scalar is two halves and no
//! doublings.

use super::lanes::LANE_COUNT;
use super::point::{Niels8, NielsRow, Point8};
use super::power::invert;
use super::scalar::HALF_BITS;
use crate::key::PUBLIC_KEY_BYTES;

/// Keys that are remembered: a committee of any size that a certificate has room for, several times.
pub(super) const KEY_COUNT_MAX: usize = 128;

/// The rows of 2^126 times each of eight points. About 12 us, whether one lane is of use or all.
#[inline(never)]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn raised(rows: [&NielsRow; LANE_COUNT]) -> [NielsRow; LANE_COUNT] {
    let points = Point8::identity().add_niels(&Niels8::load(rows)).double_times(HALF_BITS);
    let inverse = invert(&points.twice_z());
    Niels8::from_affine(&points.twice_x().mul(&inverse), &points.twice_y().mul(&inverse)).to_rows()
}

/// A bounded memory of raised rows. When it is full, the one that was inserted first makes room.
///
/// Only keys that repeat within a batch are looked up or inserted, so the walk over all of them is rare. Whoever sends many
/// items by one key can push another's row out, one vector of keys per batch: then that row is made once more.
pub(super) struct UpperRows {
    /// The first eight bytes of each key, side by side: the walk looks at these.
    heads: Vec<[u8; 8]>,
    entries: Vec<([u8; PUBLIC_KEY_BYTES], NielsRow)>,
    /// The place to fill next, once all are filled.
    next: usize,
}

impl UpperRows {
    /// Allocates here and nowhere else.
    pub(super) fn new() -> Self {
        Self { heads: Vec::with_capacity(KEY_COUNT_MAX), entries: Vec::with_capacity(KEY_COUNT_MAX), next: 0 }
    }

    pub(super) fn get(&self, encoding: &[u8; PUBLIC_KEY_BYTES]) -> Option<&NielsRow> {
        let head = head(encoding);
        let mut entries = self.heads.iter().zip(&self.entries).filter(|(kept, _)| **kept == head);
        entries.find(|(_, (kept, _))| kept == encoding).map(|(_, (_, row))| row)
    }

    /// Remembers the row of 2^126 times the key's point. The key must not be in it yet.
    pub(super) fn insert(&mut self, encoding: &[u8; PUBLIC_KEY_BYTES], row: &NielsRow) {
        debug_assert!(self.get(encoding).is_none(), "a key has one place");
        if self.entries.len() < KEY_COUNT_MAX {
            self.heads.push(head(encoding));
            self.entries.push((*encoding, *row));
            return;
        }
        self.heads[self.next] = head(encoding);
        self.entries[self.next] = (*encoding, *row);
        self.next = (self.next + 1) % KEY_COUNT_MAX;
    }
}

fn head(encoding: &[u8; PUBLIC_KEY_BYTES]) -> [u8; 8] {
    *encoding.first_chunk().expect("32 bytes have a first eight")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(number: usize) -> [u8; PUBLIC_KEY_BYTES] {
        // Equal heads, four at a time: the rest must decide.
        let mut encoding = [0; PUBLIC_KEY_BYTES];
        encoding[..8].copy_from_slice(&(number / 4).to_le_bytes());
        encoding[31] = (number % 4).to_le_bytes()[0];
        encoding
    }

    #[cfg(debug_assertions)]
    #[test]
    #[should_panic(expected = "a key has one place")]
    fn a_second_row_of_a_key_is_caught_in_debug_builds() {
        let mut upper = UpperRows::new();
        upper.insert(&encoding(1), &NielsRow::IDENTITY);
        upper.insert(&encoding(1), &NielsRow::IDENTITY);
    }

    #[test]
    fn the_oldest_of_too_many_keys_is_forgotten() {
        let mut upper = UpperRows::new();
        for number in 0..KEY_COUNT_MAX + 3 {
            assert!(upper.get(&encoding(number)).is_none());
            upper.insert(&encoding(number), &NielsRow::IDENTITY);
            assert!(upper.get(&encoding(number)).is_some());
        }
        for number in 0..KEY_COUNT_MAX + 3 {
            assert_eq!(upper.get(&encoding(number)).is_some(), number >= 3, "{number}");
        }
    }
}
