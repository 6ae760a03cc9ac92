//! From an order's digest to its payment: an open-addressing table, filled once.

use quittance_engine::types::Digest;

const EMPTY: u32 = u32::MAX;

/// Payment indices by the first eight bytes of their digests, at most half full, with linear probing. The caller compares
/// whole digests. The digests are our own, so nobody can choose them to meet.
#[derive(Debug)]
pub struct DigestTable {
    places: Vec<u32>,
    mask: usize,
}

impl DigestTable {
    /// A table of all digests, by payment index.
    pub fn new(digests: &[Digest]) -> Self {
        let place_count = (2 * digests.len()).next_power_of_two().max(2);
        let mut table = Self { places: vec![EMPTY; place_count], mask: place_count - 1 };
        for (payment, digest) in (0..).zip(digests) {
            let mut place = table.home(digest);
            while table.places[place] != EMPTY {
                place = (place + 1) & table.mask;
            }
            table.places[place] = payment;
        }
        table
    }

    /// The payment with this digest, if it is one of ours. `digests` are those that the table was made of.
    pub fn find(&self, digest: &Digest, digests: &[Digest]) -> Option<u32> {
        let mut place = self.home(digest);
        // At least half of the places are empty, so the walk ends.
        loop {
            match self.places[place] {
                EMPTY => return None,
                payment if digests[payment as usize] == *digest => return Some(payment),
                _ => place = (place + 1) & self.mask,
            }
        }
    }

    fn home(&self, digest: &Digest) -> usize {
        let first: &[u8; 8] = digest.first_chunk().expect("32 bytes hold 8");
        #[expect(clippy::cast_possible_truncation, reason = "the mask keeps fewer bits than any usize has")]
        let home = u64::from_le_bytes(*first) as usize;
        home & self.mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digest_is_found_and_no_other() {
        let digest = |number: u32| *blake3::hash(&number.to_le_bytes()).as_bytes();
        let digests: Vec<Digest> = (0..1_000).map(digest).collect();
        let table = DigestTable::new(&digests);
        for payment in 0..1_000 {
            assert_eq!(table.find(&digest(payment), &digests), Some(payment));
        }
        assert!((1_000..3_000).all(|stranger| table.find(&digest(stranger), &digests).is_none()));
    }

    #[test]
    fn digests_that_start_alike_are_told_apart() {
        let digests: Vec<Digest> =
            (0..8).map(|last| [[7; 31].as_slice(), &[last]].concat().try_into().unwrap()).collect();
        let table = DigestTable::new(&digests);
        for (payment, digest) in (0..).zip(&digests) {
            assert_eq!(table.find(digest, &digests), Some(payment));
        }
        assert_eq!(table.find(&[7; 32], &digests), Some(7));
        assert_eq!(table.find(&[[7; 31].as_slice(), &[9]].concat().try_into().unwrap(), &digests), None);
    }

    #[test]
    fn an_empty_table_finds_nothing() {
        assert_eq!(DigestTable::new(&[]).find(&[0; 32], &[]), None);
    }
}
