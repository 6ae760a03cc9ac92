//! Finds the keys that repeat in a batch, so that each key costs one term of the sum.

use crate::key::PUBLIC_KEY_BYTES;
use crate::weights::Weights;

/// 32-bit words in a key's encoding.
const KEY_WORDS: usize = PUBLIC_KEY_BYTES / 4;

/// Marks a free slot. Never a term: see the assertion in [`KeyTerms::with_capacity`].
const FREE: u16 = u16::MAX;

/// The distinct keys of one batch, numbered in order of first appearance.
///
/// An open-addressing table, at most half full, with linear probing. Its hash is MULTILINEAR (Lemire and Kaser, "Strongly
/// universal string hashing is fast", 2014): for keys chosen without knowledge of the multipliers, any two
/// meet in a slot with the probability of chance. The multipliers are secret and last one batch, so nobody can choose
/// accounts that pile up in one slot, nor learn from timing which would.
pub(crate) struct KeyTerms {
    multipliers: [u64; KEY_WORDS + 1],
    slots: Vec<u16>,
    /// Slots in use for this batch are the first `mask + 1`: a small batch clears and touches few.
    mask: usize,
    encodings: Vec<[u8; PUBLIC_KEY_BYTES]>,
}

impl KeyTerms {
    /// A table for batches of up to `key_count_max` keys. Allocates here and nowhere else.
    pub(crate) fn with_capacity(key_count_max: usize) -> Self {
        assert!(key_count_max < usize::from(FREE), "terms are numbered in 16 bits");
        Self {
            multipliers: [0; KEY_WORDS + 1],
            slots: vec![FREE; slot_count(key_count_max)],
            mask: 0,
            encodings: Vec::with_capacity(key_count_max),
        }
    }

    /// Forgets all keys and draws a new hash, for a batch of up to `key_count_max` keys.
    pub(crate) fn restart(&mut self, key_count_max: usize, weights: &mut Weights) {
        let slot_count = slot_count(key_count_max);
        self.slots[..slot_count].fill(FREE);
        self.mask = slot_count - 1;
        self.encodings.clear();
        for multiplier in &mut self.multipliers {
            *multiplier = weights.word();
        }
    }

    /// The number of the key's term, and whether this is its first appearance.
    pub(crate) fn term(&mut self, encoding: &[u8; PUBLIC_KEY_BYTES]) -> (usize, bool) {
        let mut slot = self.hash(encoding) & self.mask;
        // At least half of the slots are free, so the walk ends.
        loop {
            let held = self.slots[slot];
            if held == FREE {
                let term_index = self.encodings.len();
                assert!(2 * (term_index + 1) <= self.mask + 1, "more keys than the batch was said to hold");
                self.slots[slot] = u16::try_from(term_index).expect("with_capacity bounds the number of terms");
                self.encodings.push(*encoding);
                return (term_index, true);
            }
            if self.encodings[usize::from(held)] == *encoding {
                return (usize::from(held), false);
            }
            slot = (slot + 1) & self.mask;
        }
    }

    /// The upper half of a 64-bit sum: the lower bits of such a sum are not universal.
    fn hash(&self, encoding: &[u8; PUBLIC_KEY_BYTES]) -> usize {
        let (words, _) = encoding.as_chunks::<4>();
        let sum = words.iter().zip(&self.multipliers[1..]).fold(self.multipliers[0], |sum, (word, multiplier)| {
            sum.wrapping_add(multiplier.wrapping_mul(u64::from(u32::from_le_bytes(*word))))
        });
        usize::try_from(sum >> 32).expect("a 32-bit value fits every target that has a heap this large")
    }
}

/// The least power of two that is at least twice the number of keys.
fn slot_count(key_count_max: usize) -> usize {
    (2 * key_count_max.max(1)).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(number: u16) -> [u8; PUBLIC_KEY_BYTES] {
        let mut encoding = [0; PUBLIC_KEY_BYTES];
        encoding[7..9].copy_from_slice(&number.to_le_bytes());
        encoding
    }

    #[test]
    fn equal_keys_share_a_term_and_others_do_not_when_the_table_is_full() {
        let mut weights = Weights::new([3; 32]);
        let mut terms = KeyTerms::with_capacity(512);
        for key_count in [1_u16, 2, 3, 100, 512] {
            terms.restart(usize::from(key_count), &mut weights);
            for number in 0..key_count {
                assert_eq!(terms.term(&encoding(number)), (usize::from(number), true));
            }
            for number in (0..key_count).rev() {
                assert_eq!(terms.term(&encoding(number)), (usize::from(number), false));
            }
        }
    }

    #[test]
    fn keys_of_the_last_batch_are_forgotten() {
        let mut weights = Weights::new([3; 32]);
        let mut terms = KeyTerms::with_capacity(8);
        terms.restart(8, &mut weights);
        terms.term(&encoding(1));
        terms.term(&encoding(2));
        terms.restart(8, &mut weights);
        assert_eq!(terms.term(&encoding(2)), (0, true));
    }

    #[test]
    fn keys_that_meet_in_one_batch_part_in_the_next() {
        let mut weights = Weights::new([3; 32]);
        let mut terms = KeyTerms::with_capacity(512);
        terms.restart(512, &mut weights);
        let slot = terms.hash(&encoding(0)) & terms.mask;
        let meeting: Vec<_> = (0..u16::MAX).map(encoding).filter(|key| terms.hash(key) & terms.mask == slot).collect();
        assert!(meeting.len() > 32, "65,535 keys over 1,024 slots");
        terms.restart(512, &mut weights);
        let slots: std::collections::BTreeSet<_> = meeting.iter().map(|key| terms.hash(key) & terms.mask).collect();
        assert!(slots.len() > meeting.len() / 4, "{} slots for {} keys", slots.len(), meeting.len());
    }

    #[test]
    #[should_panic(expected = "more keys than the batch was said to hold")]
    fn a_batch_larger_than_announced_is_our_fault() {
        let mut terms = KeyTerms::with_capacity(8);
        terms.restart(2, &mut Weights::new([3; 32]));
        (0..3).for_each(|number| _ = terms.term(&encoding(number)));
    }
}
