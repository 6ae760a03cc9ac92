//! The checks that need an item alone, sixteen items at a time: its bytes, R's point, and the challenge.

use super::decompress::{Decoded8, check_hint, decompress};
use super::lanes::LANE_COUNT;
use super::msm::Terms;
use super::point::Niels8;
use super::sha512::{self, Pieces};
use crate::backend::Item;
use crate::rule;
use crate::weights::Weights;

/// Items at once: two vectors of square roots keep the multipliers busy, where one would wait for itself.
const CHUNK_ITEMS: usize = 2 * LANE_COUNT;

/// An item whose S, R and hint are in order, ready for the equation. Its -R is a row beside it, with its weight.
pub(super) struct Admitted {
    /// Its place among the items of the batch.
    pub(super) item_index: usize,
    /// SHA-512(R || A || M) as little-endian words, not yet reduced mod L.
    pub(super) k: [u64; 8],
}

/// Appends to `admitted` every item whose bytes are not refused (rules 1 and 2; the hint), and to `terms` its -R times a
/// fresh weight.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn admit_all(items: &[Item<'_>], weights: &mut Weights, admitted: &mut Vec<Admitted>, terms: &mut Terms) {
    // A chunk holds items of one kind: with a hint, or without.
    for hinted in [false, true] {
        let mut indexes = [0; CHUNK_ITEMS];
        let mut count = 0;
        for (index, item) in items.iter().enumerate() {
            if item.hint.is_some() == hinted {
                indexes[count] = index;
                count += 1;
            }
            if count == CHUNK_ITEMS || (count > 0 && index + 1 == items.len()) {
                admit_chunk(items, &indexes[..count], hinted, weights, admitted, terms);
                count = 0;
            }
        }
    }
}

/// Admits up to sixteen items.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn admit_chunk(
    items: &[Item<'_>],
    indexes: &[usize],
    hinted: bool,
    weights: &mut Weights,
    admitted: &mut Vec<Admitted>,
    terms: &mut Terms,
) {
    // Lanes without an item repeat the last one; nobody reads them.
    let lane_item = |lane: usize| &items[indexes[lane.min(indexes.len() - 1)]];
    let r = |lane: usize| rule::halves(lane_item(lane).signature).0;
    let decoded = if hinted {
        let half = |first: usize| {
            let hint = |lane: usize| lane_item(first + lane).hint.expect("a chunk with hints holds no item without");
            check_hint(core::array::from_fn(|lane| r(first + lane)), core::array::from_fn(hint))
        };
        [half(0), half(LANE_COUNT)]
    } else {
        let half = |first: usize| core::array::from_fn(|lane| r(first + lane));
        decompress(&[half(0), half(LANE_COUNT)])
    };
    for (indexes, decoded) in indexes.chunks(LANE_COUNT).zip(&decoded) {
        admit_eight(items, indexes, decoded, weights, admitted, terms);
    }
}

/// Admits those of up to eight items whose R was decoded and whose S is canonical.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn admit_eight(
    items: &[Item<'_>],
    indexes: &[usize],
    decoded: &Decoded8,
    weights: &mut Weights,
    admitted: &mut Vec<Admitted>,
    terms: &mut Terms,
) {
    let hashes = sha512::digests(&core::array::from_fn(|lane| {
        let item = &items[indexes[lane.min(indexes.len() - 1)]];
        let (first, _) = rule::halves(item.signature);
        Pieces { first, second: Some(item.key.as_bytes()), message: item.message }
    }));
    let rows = Niels8::from_affine(&decoded.x.neg(), &decoded.y).to_rows();
    for (lane, item_index) in indexes.iter().enumerate() {
        let (_, s) = rule::halves(items[*item_index].signature);
        if decoded.valid >> lane & 1 == 1 && rule::scalar_is_canonical(s) {
            admitted.push(Admitted { item_index: *item_index, k: hashes[lane] });
            terms.push(&rows[lane], weights.half_weight());
        }
    }
}
