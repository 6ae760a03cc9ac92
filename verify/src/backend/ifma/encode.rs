//! From points to encodings.

use core::arch::x86_64::_mm512_mask_or_epi64;

use super::field::Field8;
use super::lanes::{LANE_COUNT, splat, store_octets};
use super::point::Point8;
use super::power::invert_all;

/// Vectors of points that one inversion serves. At 16, its share of a point is below 1 % of what a signature costs.
pub(super) const VECTOR_COUNT_MAX: usize = 16;

/// Encodes the points (RFC 8032, section 5.1.2): `encodings[i][lane]` takes lane `lane` of `points[i]`.
///
/// Takes the same time for all points. At most [`VECTOR_COUNT_MAX`] vectors, and as many encodings.
#[inline(never)]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn encode_all(points: &[Point8], encodings: &mut [[[u8; 32]; LANE_COUNT]]) {
    assert_eq!(points.len(), encodings.len(), "each point has a place");
    let mut inverses = [Field8::one(); VECTOR_COUNT_MAX];
    let mut scratch = inverses;
    let inverses = &mut inverses[..points.len()];
    for (inverse, point) in inverses.iter_mut().zip(points) {
        *inverse = point.twice_z();
    }
    invert_all(inverses, &mut scratch);
    for ((point, inverse), encodings) in points.iter().zip(inverses).zip(encodings) {
        let x_is_odd = point.twice_x().mul(inverse).is_odd();
        let mut words = point.twice_y().mul(inverse).to_words();
        words[3] = _mm512_mask_or_epi64(words[3], x_is_odd, words[3], splat(1 << 63));
        *encodings = store_octets(words);
    }
}
