//! Remembers which signed roots were already checked, so that a second vote from one batch costs only hashing.
//!
//! What is remembered is the root with the very signature that was checked. Another signature beside a known root may be
//! anything, and whoever passes the two on would pass on what nobody can check.

use crate::tree::Hash;

/// Roots that share a set. More would find a place for more, and compare more on each look.
const WAYS: usize = 4;

/// The most roots a cache may be asked to hold in all: 2^22 roots take 400 MiB. A larger figure is a slip of the operator.
const ROOT_COUNT_MAX: usize = 1 << 22;

/// Bound on sets that follows from the bound on roots.
const SET_COUNT_MAX: usize = ROOT_COUNT_MAX / WAYS;

/// For each signer, a bounded number of roots whose signature by that signer was good.
///
/// Set-associative: a root may lie in one of four places; a fifth that wants them takes the place of the oldest. Signers
/// never share a place, so one that signs floods of roots crowds out only its own. A root chosen to meet others in a set
/// gains nothing either: only its signer can have it inserted. A root that is missing costs a signature check, nothing
/// else.
#[derive(Debug)]
pub struct RootCache {
    sets: Vec<Set>,
    /// A power of two.
    sets_per_signer: usize,
}

/// Four places, filled in turn, round and round.
#[derive(Clone, Debug)]
struct Set {
    roots: [Hash; WAYS],
    /// By place: the signature that was checked.
    signatures: [[u8; 64]; WAYS],
    /// Places that hold a root. What the others hold, zeros, is not a root anyone signed.
    filled_count: usize,
    /// The place to fill next: the oldest once all are filled.
    next: usize,
}

impl RootCache {
    /// A cache for signers numbered from 0, with room for at least `roots_per_signer` each, rounded up to four times a power
    /// of two. Allocates here and nowhere else.
    ///
    /// # Panics
    /// If there are no signers, no roots, or more than 2^22 roots in all.
    #[must_use]
    pub fn new(signer_count: usize, roots_per_signer: usize) -> Self {
        assert!(signer_count > 0 && roots_per_signer > 0, "a cache holds something for someone");
        let sets_per_signer = roots_per_signer.div_ceil(WAYS).checked_next_power_of_two();
        let set_count = sets_per_signer.and_then(|sets| sets.checked_mul(signer_count));
        let (Some(sets_per_signer), Some(set_count @ ..=SET_COUNT_MAX)) = (sets_per_signer, set_count) else {
            panic!("{signer_count} signers with {roots_per_signer} roots each are more than {ROOT_COUNT_MAX} roots");
        };
        let empty = Set { roots: [[0; 32]; WAYS], signatures: [[0; 64]; WAYS], filled_count: 0, next: 0 };
        Self { sets: vec![empty; set_count], sets_per_signer }
    }

    /// True if `root` was inserted for this signer with this very signature and is still held.
    ///
    /// # Panics
    /// If there is no such signer.
    #[must_use]
    pub fn contains(&self, signer_index: usize, root: &Hash, signature: &[u8; 64]) -> bool {
        self.sets[self.set_index(signer_index, root)].contains(root, signature)
    }

    /// Remembers `root` with its signature. Call it only after this signature by the signer was accepted.
    ///
    /// # Panics
    /// If there is no such signer.
    pub fn insert(&mut self, signer_index: usize, root: &Hash, signature: &[u8; 64]) {
        let set_index = self.set_index(signer_index, root);
        let set = &mut self.sets[set_index];
        if !set.contains(root, signature) {
            set.push(root, signature);
        }
    }

    /// Roots are digests: their first bytes spread them evenly.
    fn set_index(&self, signer_index: usize, root: &Hash) -> usize {
        let [b0, b1, b2, b3, ..] = *root;
        let low = u32::from_le_bytes([b0, b1, b2, b3]) as usize & (self.sets_per_signer - 1);
        assert!(signer_index < self.sets.len() / self.sets_per_signer, "there is no signer {signer_index}");
        signer_index * self.sets_per_signer + low
    }
}

impl Set {
    fn contains(&self, root: &Hash, signature: &[u8; 64]) -> bool {
        let filled = self.roots[..self.filled_count].iter().zip(&self.signatures);
        filled.into_iter().any(|(held, checked)| held == root && checked == signature)
    }

    fn push(&mut self, root: &Hash, signature: &[u8; 64]) {
        self.roots[self.next] = *root;
        self.signatures[self.next] = *signature;
        self.next = (self.next + 1) % WAYS;
        self.filled_count = (self.filled_count + 1).min(WAYS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::leaf;

    const SIGNATURE: [u8; 64] = [5; 64];

    fn root(number: u32) -> Hash {
        leaf(&number.to_le_bytes())
    }

    #[test]
    fn a_fresh_cache_holds_nothing_not_even_zeros() {
        let cache = RootCache::new(2, 64);
        assert!(!cache.contains(0, &[0; 32], &SIGNATURE));
        assert!(!cache.contains(1, &root(7), &SIGNATURE));
    }

    #[test]
    fn another_signature_beside_a_known_root_is_not_known() {
        let mut cache = RootCache::new(1, WAYS);
        cache.insert(0, &root(7), &SIGNATURE);
        let mut other = SIGNATURE;
        other[63] ^= 1;
        assert!(!cache.contains(0, &root(7), &other));
        cache.insert(0, &root(7), &other);
        assert!(cache.contains(0, &root(7), &other) && cache.contains(0, &root(7), &SIGNATURE));
    }

    #[test]
    fn signers_are_kept_apart() {
        let mut cache = RootCache::new(3, 8);
        cache.insert(1, &root(7), &SIGNATURE);
        assert!(cache.contains(1, &root(7), &SIGNATURE));
        assert!(!cache.contains(0, &root(7), &SIGNATURE));
        assert!(!cache.contains(2, &root(7), &SIGNATURE));
        (0..10_000).for_each(|number| cache.insert(2, &root(number), &SIGNATURE));
        assert!(cache.contains(1, &root(7), &SIGNATURE), "another signer's flood crowds out nothing here");
    }

    #[test]
    fn the_oldest_root_of_a_full_set_goes_first() {
        let mut cache = RootCache::new(1, WAYS);
        (0..4).for_each(|number| cache.insert(0, &root(number), &SIGNATURE));
        assert!((0..4).all(|number| cache.contains(0, &root(number), &SIGNATURE)));
        cache.insert(0, &root(0), &SIGNATURE);
        assert!(
            (0..4).all(|number| cache.contains(0, &root(number), &SIGNATURE)),
            "a root that is held takes no second place"
        );
        cache.insert(0, &root(4), &SIGNATURE);
        assert!(!cache.contains(0, &root(0), &SIGNATURE));
        assert!((1..5).all(|number| cache.contains(0, &root(number), &SIGNATURE)));
        cache.insert(0, &root(5), &SIGNATURE);
        assert!(!cache.contains(0, &root(1), &SIGNATURE));
    }

    #[test]
    fn a_flood_is_bounded_and_the_latest_root_is_held() {
        let mut cache = RootCache::new(2, 100);
        for number in 0..10_000 {
            cache.insert(0, &root(number), &SIGNATURE);
            assert!(cache.contains(0, &root(number), &SIGNATURE));
        }
        let held: Vec<_> = (0..10_000).filter(|number| cache.contains(0, &root(*number), &SIGNATURE)).collect();
        assert_eq!(held.len(), 128, "100 rounded up, and every place is used");
        assert!(held[0] > 8_000, "old ones went: {}", held[0]);
    }

    #[test]
    #[should_panic(expected = "there is no signer 2")]
    fn a_signer_beyond_the_last_is_our_fault() {
        _ = RootCache::new(2, 100).contains(2, &root(0), &SIGNATURE);
    }

    #[test]
    #[should_panic(expected = "more than 4194304 roots")]
    fn a_cache_beyond_the_bound_is_refused() {
        _ = RootCache::new(1 << 12, (1 << 10) + 1);
    }
}
