//! What a public key keeps for this room: the row of -A.

use super::Features;
use super::decompress::decompress;
use super::lanes::LANE_COUNT;
use super::point::{Niels8, NielsRow};

/// -A in affine coordinates, in the form in which it is added. Plain words without alignment: a key lies in other tables.
///
/// All zero, which is no point, if the machine cannot run this backend or if the encoding was none of a point.
///
/// There is no second row, of 2^126 A, although it would save doublings and bucket sums: 0.25 us of 1.45 per signature in a
/// batch of 256, 0.3 of 2.0 in one of 64. To make it takes 11.5 us where keys come one by one (AMD EPYC with IFMA), so that
/// it pays from the fortieth signature on, and an account may pay only twice. Keys that repeat within a batch get it on the
/// way (see `upper`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyRow([[u64; 4]; 4]);

/// In place of a row that could not be made.
const NO_ROW: [[u64; 4]; 4] = [[0; 4]; 4];

impl KeyRow {
    /// The rows of eight keys. The first of eight equal ones takes as long.
    pub(crate) fn of_eight(encodings: [&[u8; 32]; LANE_COUNT]) -> [Self; LANE_COUNT] {
        let Some(_features) = Features::detect() else {
            return [Self(NO_ROW); LANE_COUNT];
        };
        // SAFETY: a `Features` says that the machine has the instructions.
        unsafe { minus_rows(encodings) }
    }

    /// False if the encoding was none of a point.
    pub(crate) fn is_point(&self) -> bool {
        self.0 != NO_ROW
    }

    pub(super) fn niels(&self) -> NielsRow {
        // All zero would not be refused but pass for anything: sums with it are (0, 0, 0, 0).
        assert!(self.is_point(), "whoever runs this backend made the key on a machine that can");
        NielsRow::from_quads(&self.0)
    }
}

#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn minus_rows(encodings: [&[u8; 32]; LANE_COUNT]) -> [KeyRow; LANE_COUNT] {
    let [decoded] = decompress(&[encodings]);
    let rows = Niels8::from_affine(&decoded.x.neg(), &decoded.y).to_rows();
    let mut kept = [KeyRow(NO_ROW); LANE_COUNT];
    for (lane, (kept, row)) in kept.iter_mut().zip(&rows).enumerate() {
        if decoded.valid >> lane & 1 == 1 {
            *kept = KeyRow(*row.quads());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::ifma::is_supported;

    #[test]
    fn rows_are_made_for_points_alone_and_only_where_there_is_a_use_for_them() {
        // y = 2 is no point's; y = 3 is.
        let encodings = [2, 3].map(|y| core::array::from_fn(|index| if index == 0 { y } else { 0 }));
        let on_curve =
            encodings.map(|encoding| curve25519_dalek::edwards::CompressedEdwardsY(encoding).decompress().is_some());
        let lanes = core::array::from_fn(|lane| &encodings[lane % 2]);
        for (lane, row) in KeyRow::of_eight(lanes).iter().enumerate() {
            assert_eq!(row.is_point(), is_supported() && on_curve[lane % 2], "lane {lane}");
        }
        assert_ne!(on_curve[0], on_curve[1]);
    }

    #[test]
    #[should_panic(expected = "whoever runs this backend")]
    fn a_missing_row_is_never_added() {
        KeyRow(NO_ROW).niels();
    }
}
