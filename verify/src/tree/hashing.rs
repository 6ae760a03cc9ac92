//! The tree's nodes, one or many at once: sixteen lanes where the machine has them, else one after the other.

use super::{Hash, Path};
#[cfg(target_arch = "x86_64")]
use crate::backend::{Features, nodes};

/// Fewer than this are hashed one by one. Two already gain: two paths of six levels take 0.67 us in lanes and 1.28 one by one,
/// sixteen 0.73 in lanes (AMD EPYC with AVX-512; `taskset -c 1 cargo bench -p quittance-verify --bench verify -- tree`).
#[cfg(target_arch = "x86_64")]
const LANES_MIN: usize = 2;

pub(super) fn node(key: &Hash, left: &Hash, right: &Hash) -> Hash {
    let mut pair = [0; 64];
    pair[..32].copy_from_slice(left);
    pair[32..].copy_from_slice(right);
    *blake3::keyed_hash(key, &pair).as_bytes()
}

/// The parent of each pair of children.
pub(super) fn parents(key: &Hash, children: &[Hash], parents: &mut [Hash]) {
    #[cfg(target_arch = "x86_64")]
    if parents.len() >= LANES_MIN
        && let Some(features) = Features::detect()
    {
        return nodes::parents(features, key, children, parents);
    }
    for (parent, [left, right]) in parents.iter_mut().zip(children.as_chunks().0) {
        *parent = node(key, left, right);
    }
}

/// Where one path leads.
pub(super) fn climb(key: &Hash, leaf: &Hash, path: Path<'_>) -> Hash {
    let climb = |below: Hash, (level, sibling): (usize, &Hash)| match path.leaf_index >> level & 1 {
        0 => node(key, &below, sibling),
        _ => node(key, sibling, &below),
    };
    path.siblings.iter().enumerate().fold(*leaf, climb)
}

/// Where each path leads.
pub(super) fn roots(key: &Hash, leaf: &Hash, paths: &[Path<'_>], roots: &mut [Hash]) {
    #[cfg(target_arch = "x86_64")]
    if paths.len() >= LANES_MIN
        && let Some(features) = Features::detect()
    {
        return nodes::roots(features, key, leaf, paths, roots);
    }
    assert_eq!(paths.len(), roots.len(), "a root for each path");
    for (path, root) in paths.iter().zip(roots) {
        *root = climb(key, leaf, *path);
    }
}
