//! The reply tree: many replies, one signature.
//!
//! ```text
//!   level 2           root = node(n0, n1)
//!                    /                   \
//!   level 1   n0 = node(l0, l1)    n1 = node(l2, EMPTY)
//!                /       \              /
//!   level 0    l0         l1          l2                  l = leaf(content)
//! ```
//!
//! Every leaf has a path of the same length, ceil(log2 of the leaf count), written bottom up. A leaf alone is its own root
//! and has an empty path. The root is signed elsewhere, under a message that says what it is.
//!
//! Leaves and nodes are hashed by BLAKE3 under different keys, so that an inner node cannot be passed off as the hash of
//! some leaf's content, nor a leaf as a node. This holds for a verifier that computes the leaf's hash from its content, as
//! every verifier must.
//!
//! The last hash of a level with an odd count is paired with a constant, `EMPTY`. That is safe because the constant is the
//! BLAKE3 digest of a sentence in a third domain: nobody knows contents whose leaf hash, or hashes whose node, equals it,
//! and finding some is a second-preimage attack. So nothing can be proven at a place the tree does not have. (Pairing
//! the odd hash with itself instead would give two leaf lists one root.)

mod hashing;

/// A BLAKE3 digest, 32 bytes.
pub type Hash = [u8; 32];

/// The most levels a tree may have: a leaf index has 16 bits.
pub const LEVELS_MAX: usize = 16;

/// BLAKE3 in `derive_key` mode, context "quittance v1 reply tree leaf", no key material.
const LEAF_KEY: [u8; 32] = [
    0x77, 0xcf, 0x5f, 0x9a, 0x08, 0xcd, 0xed, 0x4f, 0x80, 0x85, 0xc2, 0x6d, 0xdf, 0x5d, 0xe8, 0x31, 0xda, 0x99, 0x70,
    0x61, 0x9b, 0x16, 0xb8, 0x98, 0xb1, 0x8a, 0xe6, 0x37, 0x83, 0xcd, 0xf7, 0x46,
];

/// The same with the context "quittance v1 reply tree node".
const NODE_KEY: [u8; 32] = [
    0x07, 0x81, 0xcf, 0xb1, 0x4d, 0x51, 0xe6, 0xef, 0x35, 0xbe, 0x23, 0x33, 0xce, 0x3a, 0x0a, 0xec, 0x5b, 0x75, 0x72,
    0x1a, 0x29, 0x71, 0x6b, 0x8e, 0xef, 0x7a, 0x95, 0x8b, 0x52, 0x9b, 0x5a, 0xa8,
];

/// The same with the context "quittance v1 reply tree empty place". It stands where a hash has no right neighbour.
const EMPTY: Hash = [
    0x05, 0x5c, 0x70, 0x0b, 0x3d, 0x81, 0xdc, 0x72, 0xa6, 0x68, 0x08, 0x1f, 0xa1, 0x3f, 0x9a, 0x5a, 0x00, 0x29, 0x63,
    0xee, 0x3e, 0x42, 0x9d, 0x31, 0x88, 0x8b, 0xff, 0xb7, 0x94, 0xdb, 0xf6, 0xed,
];

/// The hash of a leaf's content. Up to 64 bytes cost one compression.
#[must_use]
pub fn leaf(content: &[u8]) -> Hash {
    *blake3::keyed_hash(&LEAF_KEY, content).as_bytes()
}

/// The hash of two neighbours: one compression.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    hashing::node(&NODE_KEY, left, right)
}

/// The length of every path in a tree of `leaf_count` leaves: ceil(log2), and 0 for one leaf or none.
#[must_use]
pub const fn levels(leaf_count: usize) -> usize {
    if leaf_count < 2 {
        return 0;
    }
    ((leaf_count - 1).ilog2() + 1) as usize
}

/// A tree over one batch of leaves, rebuilt for each batch in the same memory.
#[derive(Debug)]
pub struct Tree {
    leaf_count_max: usize,
    /// All levels, one after the other, leaves first, the root last.
    hashes: Vec<Hash>,
    /// Where each level starts in `hashes`.
    level_starts: [usize; LEVELS_MAX + 1],
    levels: usize,
}

impl Tree {
    /// A tree for up to `leaf_count_max` leaves. Allocates here and nowhere else.
    ///
    /// # Panics
    /// If `leaf_count_max` is more than 2^16: an index could not name the leaves.
    #[must_use]
    pub fn with_capacity(leaf_count_max: usize) -> Self {
        assert!(levels(leaf_count_max) <= LEVELS_MAX, "a leaf index has {LEVELS_MAX} bits");
        // Each level has at most half of the level below, rounded up.
        let hash_count_max = 2 * leaf_count_max + LEVELS_MAX;
        Self {
            leaf_count_max,
            hashes: Vec::with_capacity(hash_count_max),
            level_starts: [0; LEVELS_MAX + 1],
            levels: 0,
        }
    }

    /// Builds the tree over `leaves` (hashes from [`leaf`]) and returns its root. Forgets the tree that was there.
    ///
    /// # Panics
    /// If there are no leaves, or more than the capacity.
    pub fn build(&mut self, leaves: &[Hash]) -> Hash {
        assert!(!leaves.is_empty(), "a tree without leaves has no root");
        assert!(leaves.len() <= self.leaf_count_max, "the tree was made for {} leaves", self.leaf_count_max);
        self.levels = levels(leaves.len());
        self.hashes.clear();
        self.hashes.extend_from_slice(leaves);
        self.level_starts[0] = 0;
        for level in 0..self.levels {
            let (start, end) = (self.level_starts[level], self.hashes.len());
            let pair_count = (end - start) / 2;
            self.level_starts[level + 1] = end;
            self.hashes.resize(end + pair_count, EMPTY);
            let (below, parents) = self.hashes.split_at_mut(end);
            hashing::parents(&NODE_KEY, &below[start..start + 2 * pair_count], parents);
            if (end - start) % 2 == 1 {
                let parent = node(&self.hashes[end - 1], &EMPTY);
                self.hashes.push(parent);
            }
        }
        assert_eq!(self.hashes.len(), self.level_starts[self.levels] + 1, "the top level is the root alone");
        self.hashes[self.level_starts[self.levels]]
    }

    /// The length of every path in the tree built last.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// Writes the path of a leaf, bottom up, into the first [`Tree::levels`] places of `path`.
    ///
    /// # Panics
    /// If the tree has no such leaf, or `path` is shorter than that.
    pub fn path(&self, leaf_index: usize, path: &mut [Hash]) {
        let mut index = leaf_index;
        for (level, place) in path[..self.levels].iter_mut().enumerate() {
            let hashes = &self.hashes[self.level_starts[level]..self.level_starts[level + 1]];
            assert!(index < hashes.len(), "the tree has no leaf {leaf_index}");
            *place = hashes.get(index ^ 1).copied().unwrap_or(EMPTY);
            index /= 2;
        }
        assert!(index == 0 && !self.hashes.is_empty(), "the tree has no leaf {leaf_index}");
    }
}

/// A leaf's place in a tree and the hashes beside its way up, bottom up. It may come from a peer.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    /// The leaf's place, from 0.
    pub leaf_index: u16,
    /// One hash per level.
    pub siblings: &'a [Hash],
}

impl Path<'_> {
    /// False if it is longer than [`LEVELS_MAX`], or if the index has bits beyond its length: no tree has such a path.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.siblings.len() <= LEVELS_MAX && u32::from(self.leaf_index) >> self.siblings.len() == 0
    }
}

/// The root to which a leaf and its path lead; `None` if the path is not possible.
///
/// `leaf` must have been computed from the leaf's content by [`leaf()`]: a hash that a peer supplies proves nothing.
#[must_use]
pub fn root_from_path(leaf: &Hash, path: Path<'_>) -> Option<Hash> {
    path.is_possible().then(|| hashing::climb(&NODE_KEY, leaf, path))
}

/// The roots to which one leaf leads by several paths, which cost little more than the longest of them alone where the
/// machine has the lanes. For the votes of a certificate: one leaf, and a tree per voter.
///
/// # Panics
/// If a path is not possible (ask [`Path::is_possible`] first), or if there are more or fewer `roots` than paths.
pub fn roots_from_paths(leaf: &Hash, paths: &[Path<'_>], roots: &mut [Hash]) {
    assert!(paths.iter().all(Path::is_possible), "the caller refuses paths that no tree has");
    hashing::roots(&NODE_KEY, leaf, paths, roots);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u32) -> Vec<Hash> {
        (0..count).map(|number| leaf(&number.to_le_bytes())).collect()
    }

    fn at(leaf_index: u16, siblings: &[Hash]) -> Path<'_> {
        Path { leaf_index, siblings }
    }

    fn path_of(tree: &Tree, leaf_index: usize) -> Vec<Hash> {
        let mut path = vec![[0; 32]; tree.levels()];
        tree.path(leaf_index, &mut path);
        path
    }

    /// The definition, by recursion on a list filled up to a power of two with empty places.
    ///
    /// A subtree of nothing but empty places is one empty place, so `None` stands for it.
    fn root_by_definition(leaves: &[Option<Hash>]) -> Option<Hash> {
        if let [only] = leaves {
            return *only;
        }
        let (left, right) = leaves.split_at(leaves.len() / 2);
        let left = root_by_definition(left)?;
        Some(node(&left, &root_by_definition(right).unwrap_or(EMPTY)))
    }

    #[test]
    fn keys_and_the_empty_place_are_derived_from_their_contexts() {
        assert_eq!(LEAF_KEY, blake3::derive_key("quittance v1 reply tree leaf", b""));
        assert_eq!(NODE_KEY, blake3::derive_key("quittance v1 reply tree node", b""));
        assert_eq!(EMPTY, blake3::derive_key("quittance v1 reply tree empty place", b""));
    }

    #[test]
    fn levels_are_the_logarithm_rounded_up() {
        let expected = [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (64, 6), (65, 7), (1 << 16, 16)];
        for (leaf_count, level_count) in expected {
            assert_eq!(levels(leaf_count), level_count, "{leaf_count} leaves");
        }
    }

    #[test]
    fn every_path_of_every_size_leads_to_the_root_and_no_other_does() {
        let mut tree = Tree::with_capacity(130);
        for leaf_count in 1..=130_u16 {
            let leaves = leaves(u32::from(leaf_count));
            let root = tree.build(&leaves);
            let filled: Vec<_> = leaves.iter().copied().map(Some).collect();
            let places = (0..1_usize << tree.levels()).map(|place| filled.get(place).copied().flatten());
            assert_eq!(root_by_definition(&places.collect::<Vec<_>>()), Some(root), "{leaf_count} leaves");
            for leaf_index in 0..leaf_count {
                let leaf = &leaves[usize::from(leaf_index)];
                let path = path_of(&tree, usize::from(leaf_index));
                assert_eq!(root_from_path(leaf, Path { leaf_index, siblings: &path }), Some(root));
                for bit in 0..tree.levels() {
                    assert_ne!(
                        root_from_path(leaf, Path { leaf_index: leaf_index ^ 1 << bit, siblings: &path }),
                        Some(root)
                    );
                    let mut wrong = path.clone();
                    wrong[bit][usize::from(leaf_index) % 32] ^= 1;
                    assert_ne!(root_from_path(leaf, Path { leaf_index, siblings: &wrong }), Some(root));
                }
                let other = &leaves[usize::from((leaf_index + 1) % leaf_count)];
                assert_eq!(root_from_path(other, Path { leaf_index, siblings: &path }) == Some(root), leaf_count == 1);
            }
        }
    }

    #[test]
    fn one_leaf_climbs_many_paths_as_it_climbs_each() {
        let leaves = leaves(9);
        let leaf = &leaves[8];
        let paths: Vec<_> = (0..40_u16).map(|number| at(number % 4, &leaves[..2 + usize::from(number) % 7])).collect();
        for count in 0..paths.len() {
            let mut roots = vec![[0; 32]; count];
            roots_from_paths(leaf, &paths[..count], &mut roots);
            let each: Vec<_> = paths[..count].iter().map(|path| root_from_path(leaf, *path).unwrap()).collect();
            assert_eq!(roots, each);
        }
    }

    #[test]
    #[should_panic(expected = "refuses paths that no tree has")]
    fn an_impossible_path_among_many_is_our_fault() {
        roots_from_paths(&leaf(b""), &[at(0, &[]), at(1, &[])], &mut [[0; 32]; 2]);
    }

    #[test]
    fn a_leaf_alone_is_the_root() {
        let only = leaf(b"reply");
        let mut tree = Tree::with_capacity(1);
        assert_eq!(tree.build(&[only]), only);
        assert_eq!(tree.levels(), 0);
        tree.path(0, &mut []);
        assert_eq!(root_from_path(&only, at(0, &[])), Some(only));
        assert_eq!(root_from_path(&only, at(1, &[])), None);
    }

    #[test]
    fn an_index_beyond_the_path_and_a_path_beyond_the_bound_are_refused() {
        let hash = leaf(b"");
        for length in 0..LEVELS_MAX {
            let path = vec![hash; length];
            let beyond = u16::try_from(1_usize << length).unwrap();
            assert!(root_from_path(&hash, at(beyond - 1, &path)).is_some());
            assert_eq!(root_from_path(&hash, at(beyond, &path)), None);
        }
        assert!(root_from_path(&hash, at(u16::MAX, &[hash; LEVELS_MAX])).is_some());
        assert_eq!(root_from_path(&hash, at(0, &[hash; LEVELS_MAX + 1])), None);
    }

    #[test]
    fn a_node_cannot_pass_as_a_leaf() {
        let leaves = leaves(4);
        let mut tree = Tree::with_capacity(4);
        let root = tree.build(&leaves);
        // The content whose plain hash would be the node: both children. As a leaf it hashes to something else.
        let forged = leaf(&[leaves[0], leaves[1]].concat());
        assert_ne!(forged, node(&leaves[0], &leaves[1]));
        let shortened = &path_of(&tree, 0)[1..];
        assert_eq!(root_from_path(&node(&leaves[0], &leaves[1]), at(0, shortened)), Some(root), "the shape fits");
        assert_ne!(root_from_path(&forged, at(0, shortened)), Some(root));
    }

    #[test]
    fn the_order_of_leaves_and_their_number_change_the_root() {
        let leaves = leaves(3);
        let mut tree = Tree::with_capacity(8);
        let root = tree.build(&leaves);
        assert_ne!(tree.build(&[leaves[1], leaves[0], leaves[2]]), root);
        assert_ne!(tree.build(&[leaves[0], leaves[1], leaves[2], leaves[2]]), root);
        assert_ne!(tree.build(&leaves[..2]), root);
        assert_eq!(tree.build(&leaves), root, "nothing is left of the trees before");
    }

    /// These bytes are on the wire and in journals: a change here is a change of protocol.
    #[test]
    fn the_root_of_three_fixed_leaves_is_golden() {
        let root = Tree::with_capacity(3).build(&[leaf(b"order"), leaf(b"vote"), leaf(&[0x5a; 64])]);
        assert_eq!(
            blake3::Hash::from_bytes(root).to_hex().as_str(),
            "384abf65fa9bcd6fc784fecab6bda52ef855f5b464559bc0230a3d3a60c13198"
        );
    }

    #[test]
    #[should_panic(expected = "the tree has no leaf 3")]
    fn a_path_for_a_leaf_that_is_not_there_is_our_fault() {
        let mut tree = Tree::with_capacity(4);
        tree.build(&leaves(3));
        tree.path(3, &mut [[0; 32]; 2]);
    }
}
