//! The secret generator: weights for batches, keys for the table of repeated keys.

use curve25519_dalek::scalar::Scalar;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Draws what nobody outside may predict. Seeded once, from outside; never from messages or signatures.
///
/// A weight is uniform in [0, 2^128), for the vector backend in [0, 2^126). A batch that holds an item which the rule refuses sums to the identity for at most
/// one value of that item's weight, so it passes with a probability of at most 2^-128 (2^-126), whoever made the items.
pub(crate) struct Weights {
    generator: ChaCha20Rng,
    /// A planted bug: every weight is one, so that errors may cancel. The tests must notice.
    #[cfg(test)]
    all_one: bool,
}

impl Weights {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            generator: ChaCha20Rng::from_seed(seed),
            #[cfg(test)]
            all_one: false,
        }
    }

    /// The next weight.
    pub(crate) fn weight(&mut self) -> Scalar {
        #[cfg(test)]
        if self.all_one {
            return Scalar::ONE;
        }
        let mut bytes = [0; 32];
        self.generator.fill_bytes(&mut bytes[..16]);
        Scalar::from_bytes_mod_order(bytes)
    }

    /// The next weight of 126 bits, for the vector backend: its module `scalar` says why these are enough.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "the vector backend is for x86-64"))]
    pub(crate) fn half_weight(&mut self) -> u128 {
        #[cfg(test)]
        if self.all_one {
            return 1;
        }
        let mut bytes = [0; 16];
        self.generator.fill_bytes(&mut bytes);
        u128::from_le_bytes(bytes) >> 2
    }

    /// The next secret word.
    pub(crate) fn word(&mut self) -> u64 {
        self.generator.next_u64()
    }

    #[cfg(test)]
    pub(crate) fn mutant_all_one() -> Self {
        Self { all_one: true, ..Self::new([0; 32]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_128_bits_and_do_not_repeat() {
        let mut weights = Weights::new([1; 32]);
        let drawn: Vec<[u8; 32]> = (0..64).map(|_| weights.weight().to_bytes()).collect();
        for (index, weight) in drawn.iter().enumerate() {
            assert_eq!(weight[16..], [0; 16]);
            assert!(!drawn[..index].contains(weight));
        }
        // Each of the 128 bits is set somewhere and clear somewhere: none is stuck.
        for bit in 0..128 {
            let ones = drawn.iter().filter(|weight| weight[bit / 8] >> (bit % 8) & 1 == 1).count();
            assert!(ones > 0 && ones < drawn.len(), "bit {bit}");
        }
    }

    #[test]
    fn half_weights_have_126_bits() {
        let mut weights = Weights::new([1; 32]);
        let drawn: Vec<_> = (0..64).map(|_| weights.half_weight()).collect();
        let ones = drawn.iter().fold(0, |ones, weight| ones | weight);
        let stuck_ones = drawn.iter().fold(u128::MAX, |ones, weight| ones & weight);
        assert_eq!((ones, stuck_ones), ((1 << 126) - 1, 0));
    }

    #[test]
    fn another_seed_gives_other_weights() {
        assert_ne!(Weights::new([1; 32]).weight(), Weights::new([2; 32]).weight());
    }
}
