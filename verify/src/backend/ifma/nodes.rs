//! BLAKE3 of sixteen pairs of hashes side by side: the nodes of reply trees.
//!
//! One compression waits for itself most of the time: alone it takes about 105 ns, sixteen in lanes 120 (AMD EPYC). A vote's
//! path is a chain of compressions, but the votes of a certificate are chains of their own, and so are the pairs of one
//! level while a tree is built. Here a lane is such a chain. The `blake3` crate vectorises over the chunks of one long
//! input, which a pair of hashes is not.
//!
//! Source: O'Connor, Aumasson, Neves, Wilcox-O'Hearn, "BLAKE3: one function, fast everywhere" (2020), sections 2.1-2.4.

use core::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_loadu_si512, _mm512_mask_blend_epi32, _mm512_ror_epi32, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_shuffle_i32x4, _mm512_storeu_si512, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use super::Features;
use crate::tree::{Hash, Path};

/// Pairs that are hashed at once.
pub(crate) const NODE_LANES: usize = 16;

/// The initial chaining value of BLAKE3; its first half enters every compression.
const IV: [u32; 4] = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a];

/// `KEYED_HASH`, `CHUNK_START`, `CHUNK_END` and `ROOT`: a block that is the whole input.
const FLAGS: u32 = 16 | 1 | 2 | 8;

/// Two hashes fill a block.
const BLOCK_BYTES: u32 = 64;

const ROUND_COUNT: usize = 7;

/// Which message word a round takes at which place: the permutation of section 2.2, once more for each round.
const SCHEDULE: [[usize; 16]; ROUND_COUNT] = {
    const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
    let mut schedule = [[0; 16]; ROUND_COUNT];
    let mut round = 0;
    while round < ROUND_COUNT {
        let mut place = 0;
        while place < 16 {
            schedule[round][place] = if round == 0 { place } else { schedule[round - 1][PERMUTATION[place]] };
            place += 1;
        }
        round += 1;
    }
    schedule
};

/// A word of each lane.
type Words = __m512i;

/// Writes the parent of each pair of `children` under `key`: `parents[i]` of `children[2 i]` and `children[2 i + 1]`.
pub(crate) fn parents(_features: Features, key: &Hash, children: &[Hash], parents: &mut [Hash]) {
    assert_eq!(children.len(), 2 * parents.len(), "two children each");
    for (children, parents) in children.chunks(2 * NODE_LANES).zip(parents.chunks_mut(NODE_LANES)) {
        // SAFETY: a `Features` says that the machine has the instructions.
        unsafe { sixteen_parents(key, children, parents) };
    }
}

/// Writes the root to which each path leads from `leaf`, with nodes under `key`.
pub(crate) fn roots(_features: Features, key: &Hash, leaf: &Hash, paths: &[Path<'_>], roots: &mut [Hash]) {
    assert_eq!(paths.len(), roots.len(), "a root for each path");
    for (paths, roots) in paths.chunks(NODE_LANES).zip(roots.chunks_mut(NODE_LANES)) {
        // SAFETY: a `Features` says that the machine has the instructions.
        unsafe { sixteen_roots(key, leaf, paths, roots) };
    }
}

#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn sixteen_parents(key: &Hash, children: &[Hash], parents: &mut [Hash]) {
    let mut rows = [_mm512_setzero_si512(); NODE_LANES];
    for (row, pair) in rows.iter_mut().zip(children.as_chunks::<2>().0) {
        *row = load(pair);
    }
    store_hashes(compress(&splat(key), &transposed(&rows)), parents);
}

#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn sixteen_roots(key: &Hash, leaf: &Hash, paths: &[Path<'_>], roots: &mut [Hash]) {
    let key = splat(key);
    let mut below = splat(leaf);
    let level_count = paths.iter().map(|path| path.siblings.len()).max().unwrap_or(0);
    for level in 0..level_count {
        let (mut climbing, mut from_right) = (0_u16, 0_u16);
        let mut rows = [_mm512_setzero_si512(); NODE_LANES];
        for (lane, path) in paths.iter().enumerate() {
            if let Some(sibling) = path.siblings.get(level) {
                rows[lane] = load(&[*sibling, [0; 32]]);
                climbing |= 1 << lane;
                from_right |= (path.leaf_index >> level & 1) << lane;
            }
        }
        let siblings = transposed(&rows);
        let block = core::array::from_fn(|place| {
            let swapped = if place < 8 { from_right } else { !from_right };
            _mm512_mask_blend_epi32(swapped, below[place % 8], siblings[place % 8])
        });
        let parents = compress(&key, &block);
        for (below, parent) in below.iter_mut().zip(parents) {
            *below = _mm512_mask_blend_epi32(climbing, *below, parent);
        }
    }
    store_hashes(below, roots);
}

/// BLAKE3's compression of one block that is a whole input, keyed, in every lane (section 2.2).
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn compress(key: &[Words; 8], block: &[Words; 16]) -> [Words; 8] {
    let mut state = [_mm512_setzero_si512(); 16];
    state[..8].copy_from_slice(key);
    for (word, iv) in state[8..12].iter_mut().zip(IV) {
        *word = splat_word(iv);
    }
    // 12 and 13 are the block's number, zero.
    state[14] = splat_word(BLOCK_BYTES);
    state[15] = splat_word(FLAGS);
    for order in &SCHEDULE {
        let message = |place: usize| block[order[place]];
        for column in 0..4 {
            let words = [column, column + 4, column + 8, column + 12];
            mix(&mut state, words, message(2 * column), message(2 * column + 1));
        }
        for diagonal in 0..4 {
            let words = [diagonal, (diagonal + 1) % 4 + 4, (diagonal + 2) % 4 + 8, (diagonal + 3) % 4 + 12];
            mix(&mut state, words, message(8 + 2 * diagonal), message(9 + 2 * diagonal));
        }
    }
    core::array::from_fn(|word| _mm512_xor_si512(state[word], state[word + 8]))
}

/// The quarter round.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn mix(state: &mut [Words; 16], [a, b, c, d]: [usize; 4], first: Words, second: Words) {
    state[a] = _mm512_add_epi32(_mm512_add_epi32(state[a], state[b]), first);
    state[d] = _mm512_ror_epi32::<16>(_mm512_xor_si512(state[d], state[a]));
    state[c] = _mm512_add_epi32(state[c], state[d]);
    state[b] = _mm512_ror_epi32::<12>(_mm512_xor_si512(state[b], state[c]));
    state[a] = _mm512_add_epi32(_mm512_add_epi32(state[a], state[b]), second);
    state[d] = _mm512_ror_epi32::<8>(_mm512_xor_si512(state[d], state[a]));
    state[c] = _mm512_add_epi32(state[c], state[d]);
    state[b] = _mm512_ror_epi32::<7>(_mm512_xor_si512(state[b], state[c]));
}

#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn splat_word(word: u32) -> Words {
    _mm512_set1_epi32(word.cast_signed())
}

/// The same hash in every lane.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn splat(hash: &Hash) -> [Words; 8] {
    let (words, _) = hash.as_chunks();
    core::array::from_fn(|word| splat_word(u32::from_le_bytes(words[word])))
}

/// Row by row, one lane's sixteen words.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn load(pair: &[Hash; 2]) -> Words {
    // SAFETY: two hashes are 64 readable bytes; the instruction asks for no alignment.
    unsafe { _mm512_loadu_si512(core::ptr::from_ref(pair).cast()) }
}

/// Turns words of lanes back into rows and keeps the first ones.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn store_hashes(words: [Words; 8], hashes: &mut [Hash]) {
    let mut columns = [_mm512_setzero_si512(); 16];
    columns[..8].copy_from_slice(&words);
    for (hash, row) in hashes.iter_mut().zip(transposed(&columns)) {
        let mut pair = [[0; 32]; 2];
        // SAFETY: two hashes are 64 writable bytes; the instruction asks for no alignment.
        unsafe { _mm512_storeu_si512(core::ptr::from_mut(&mut pair).cast(), row) };
        *hash = pair[0];
    }
}

/// The matrix of 16 by 16 words with rows and columns exchanged: pairs of words, then of double words, then of quarters.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn transposed(rows: &[Words; 16]) -> [Words; 16] {
    let mut words = [_mm512_setzero_si512(); 16];
    for quad in 0..4 {
        let [a, b, c, d] = core::array::from_fn(|row| rows[4 * quad + row]);
        let (ab_low, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let (cd_low, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        // Of these four rows: words 0, 1, 2, 3 of each quarter.
        words[4 * quad] = _mm512_unpacklo_epi64(ab_low, cd_low);
        words[4 * quad + 1] = _mm512_unpackhi_epi64(ab_low, cd_low);
        words[4 * quad + 2] = _mm512_unpacklo_epi64(ab_high, cd_high);
        words[4 * quad + 3] = _mm512_unpackhi_epi64(ab_high, cd_high);
    }
    let mut columns = [_mm512_setzero_si512(); 16];
    for word in 0..4 {
        let [a, b, c, d] = core::array::from_fn(|quad| words[4 * quad + word]);
        // Quarters 0 and 2, then 1 and 3, of the rows' halves; then one quarter of all sixteen rows.
        let (ab_even, ab_odd) =
            (_mm512_shuffle_i32x4::<0b10_00_10_00>(a, b), _mm512_shuffle_i32x4::<0b11_01_11_01>(a, b));
        let (cd_even, cd_odd) =
            (_mm512_shuffle_i32x4::<0b10_00_10_00>(c, d), _mm512_shuffle_i32x4::<0b11_01_11_01>(c, d));
        columns[word] = _mm512_shuffle_i32x4::<0b10_00_10_00>(ab_even, cd_even);
        columns[8 + word] = _mm512_shuffle_i32x4::<0b11_01_11_01>(ab_even, cd_even);
        columns[4 + word] = _mm512_shuffle_i32x4::<0b10_00_10_00>(ab_odd, cd_odd);
        columns[12 + word] = _mm512_shuffle_i32x4::<0b11_01_11_01>(ab_odd, cd_odd);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the crate `blake3` makes of a pair.
    fn node(key: &Hash, left: &Hash, right: &Hash) -> Hash {
        *blake3::keyed_hash(key, &[*left, *right].concat()).as_bytes()
    }

    fn hashes(count: usize, seed: u8) -> Vec<Hash> {
        (0..count).map(|number| *blake3::hash(&[seed, u8::try_from(number).unwrap()]).as_bytes()).collect()
    }

    #[test]
    fn every_count_of_pairs_is_hashed_as_the_library_does() {
        let Some(features) = Features::detect() else { return };
        let (key, zeros, ones) = ([0x21; 32], [0; 32], [0xff; 32]);
        for pair_count in 0..=50 {
            let mut children = hashes(2 * pair_count, 1);
            children.iter_mut().step_by(7).for_each(|child| *child = zeros);
            children.iter_mut().skip(3).step_by(11).for_each(|child| *child = ones);
            let mut made = vec![zeros; pair_count];
            parents(features, &key, &children, &mut made);
            let expected: Vec<_> = children.chunks(2).map(|pair| node(&key, &pair[0], &pair[1])).collect();
            assert_eq!(made, expected, "{pair_count} pairs");
        }
    }

    #[test]
    fn paths_of_any_lengths_and_indices_climb_side_by_side() {
        let Some(features) = Features::detect() else { return };
        let (key, leaf) = ([0xd2; 32], [0x3c; 32]);
        let siblings: Vec<_> = (0..40).map(|lane| hashes(lane * 5 % 17, u8::try_from(lane).unwrap())).collect();
        let paths: Vec<_> = (0_u16..)
            .zip(&siblings)
            .map(|(lane, siblings)| Path { leaf_index: lane.wrapping_mul(0x2b5d), siblings })
            .collect();
        let mut found = vec![[0; 32]; paths.len()];
        for count in 0..=paths.len() {
            roots(features, &key, &leaf, &paths[..count], &mut found[..count]);
            for (path, root) in paths.iter().zip(&found[..count]) {
                let climb = |below: Hash, (level, sibling): (usize, &Hash)| match path.leaf_index >> level & 1 {
                    0 => node(&key, &below, sibling),
                    _ => node(&key, sibling, &below),
                };
                assert_eq!(*root, path.siblings.iter().enumerate().fold(leaf, climb), "{count} paths");
            }
        }
    }
}
