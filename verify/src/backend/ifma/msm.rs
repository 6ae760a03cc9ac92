//! Sums of many points times scalars: the bucket method (Pippenger, "On the evaluation of powers and related problems",
//! 1976), with a window in each lane.
//!
//! A scalar is cut into signed digits of w bits. Lane l of group g owns the window of weight 2^(w (8 g + l)), and a bucket
//! for each absolute value that its digit may take. A point is broadcast to all lanes, and each lane adds it to the bucket
//! that its own digit names: eight windows are served by one vector addition. In the end each lane adds up its buckets,
//! bucket b counted b times, and doublings bring the windows together.
//!
//! Scalars come as halves of up to 126 bits. A term whose upper half has no row of its own (2^126 times the point) is added
//! once more for the upper half, into other buckets, and doublings pay for the distance.

use core::arch::x86_64::{
    _mm_abs_epi8, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_movepi8_mask, _mm_set1_epi8, _mm_sub_epi8,
};

use super::lanes::{LANE_COUNT, LaneMask};
use super::point::{Niels8, NielsRow, Point8, PointRow};
use super::scalar::{HALF_BITS, Width};

/// Buckets of a lane: one for every absolute value of the widest digit, and one for zero that is never read.
const BUCKETS_PER_LANE_MAX: usize = buckets_per_lane(Width::EIGHT);

/// What a step of adding up the buckets costs, in additions of an affine point to eight buckets: two additions of 9 products
/// each for one of 7, less what the random access costs that one.
///
/// With it the width is the best of the three, or within 1 % of it. Microseconds per signature with widths of 4, 6 and 8
/// bits, distinct keys (AMD EPYC with IFMA): 2.00, 2.11, 2.82 at 64; 1.75, 1.67, 1.89 at 128; 1.65, 1.44, 1.41 at 256;
/// 1.55, 1.27, 1.07 at 1,024.
const BUCKET_STEP_COST: usize = 2;

/// Points and the halves of scalars that they are multiplied by.
pub(super) struct Terms {
    rows: Vec<NielsRow>,
    halves: Vec<u128>,
}

impl Terms {
    /// Room for `term_count_max` terms. Allocates here and nowhere else.
    pub(super) fn with_capacity(term_count_max: usize) -> Self {
        Self { rows: Vec::with_capacity(term_count_max), halves: Vec::with_capacity(term_count_max) }
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.halves.clear();
    }

    /// Adds the term `half` times the row's point. `half` is at most [`HALF_MAX`](super::scalar::HALF_MAX).
    pub(super) fn push(&mut self, row: &NielsRow, half: u128) {
        assert!(self.rows.len() < self.rows.capacity(), "more terms than there is room for");
        self.rows.push(*row);
        self.halves.push(half);
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn row(&self, index: usize) -> &NielsRow {
        &self.rows[index]
    }

    pub(super) fn half(&self, index: usize) -> u128 {
        self.halves[index]
    }
}

/// The width for a sum of `low_count` terms in the lower half and `high_count` in the upper: the cheapest of three, in
/// additions of a point to eight buckets.
pub(super) fn width_for(low_count: usize, high_count: usize) -> Width {
    let cost = |width: &Width| {
        let halves = 1 + usize::from(high_count > 0);
        width.group_count * (low_count + high_count + halves * BUCKET_STEP_COST * width.bucket_count())
    };
    let widths = [Width::EIGHT, Width::SIX, Width::FOUR];
    widths.into_iter().min_by_key(cost).unwrap_or(Width::EIGHT)
}

/// The scratch memory of a sum: about 165 KB.
pub(super) struct Buckets {
    rows: Vec<PointRow>,
}

impl Buckets {
    pub(super) fn new() -> Self {
        Self { rows: vec![PointRow::IDENTITY; LANE_COUNT * BUCKETS_PER_LANE_MAX] }
    }

    /// The sum of all terms in `low`, plus 2^126 times the sum of all terms in `high`, in lane 0. The other lanes hold remains.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn sum(&mut self, width: Width, low: &Terms, high: &Terms) -> Point8 {
        let mut sum = Point8::identity();
        if high.len() > 0 {
            sum = self.half_sum(width, high, sum);
            // From the lowest group of the upper half to the highest group of the lower half.
            sum = sum.double_times(HALF_BITS - width.group_bits() * (width.group_count - 1));
        }
        let sum = self.half_sum(width, low, sum);
        // Lane l is worth 2^(w l). The upper four lanes join the lower four, then two and two, then one and one.
        let bits = width.bits;
        let sum = sum.add(&sum.rotated::<4>().double_times(4 * bits));
        let sum = sum.add(&sum.rotated::<2>().double_times(2 * bits));
        sum.add(&sum.rotated::<1>().double_times(bits))
    }

    /// `above` and the windows of all groups, brought to the weight of group 0: Horner's rule, lane by lane.
    ///
    /// `above` has the weight of the highest group.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn half_sum(&mut self, width: Width, terms: &Terms, above: Point8) -> Point8 {
        let mut sum = above;
        for group in (0..width.group_count).rev() {
            if group + 1 < width.group_count {
                sum = sum.double_times(width.group_bits());
            }
            self.clear(width);
            self.add_terms(width, group, terms);
            sum = sum.add(&self.weighted_sum(width));
        }
        sum
    }

    fn clear(&mut self, width: Width) {
        self.rows[..LANE_COUNT * buckets_per_lane(width)].fill(PointRow::IDENTITY);
    }

    /// Adds every term to the bucket that its digit names, in each lane.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn add_terms(&mut self, width: Width, group: usize, terms: &Terms) {
        for (row, half) in terms.rows.iter().zip(&terms.halves) {
            let (buckets, negative) = places(width, width.digits(*half, group));
            let point = Point8::gather(&self.rows, buckets);
            point.add_niels(&Niels8::broadcast(row, negative)).scatter(&mut self.rows, buckets);
        }
    }

    /// In each lane, the sum of its buckets, the bucket of digit b counted b times.
    ///
    /// From the highest bucket down, `running` is the sum of all buckets so far, and adding it at every step counts each
    /// bucket once for itself and once for every bucket below it but the one for zero.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn weighted_sum(&self, width: Width) -> Point8 {
        let place = |digit: usize| core::array::from_fn(|lane| lane * buckets_per_lane(width) + digit);
        let mut running = Point8::gather(&self.rows, place(width.bucket_count()));
        let mut sum = running;
        for digit in (1..width.bucket_count()).rev() {
            running = running.add(&Point8::gather(&self.rows, place(digit)));
            sum = sum.add(&running);
        }
        sum
    }
}

/// Buckets that a lane uses, the one for zero included.
const fn buckets_per_lane(width: Width) -> usize {
    width.bucket_count() + 1
}

/// Each lane's bucket for its digit, and the lanes where the digit is negative.
#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn places(width: Width, digits: u64) -> ([usize; LANE_COUNT], LaneMask) {
    let digits = _mm_sub_epi8(_mm_cvtsi64_si128(digits.cast_signed()), _mm_set1_epi8(width.bias()));
    // The upper eight bytes of the vector have no lane.
    let negative = _mm_movepi8_mask(digits).to_le_bytes()[0];
    // -128 has the absolute value 128 as an unsigned byte.
    let magnitudes = _mm_cvtsi128_si64(_mm_abs_epi8(digits)).to_le_bytes();
    let mut places = [0; LANE_COUNT];
    for (lane, (place, magnitude)) in places.iter_mut().zip(magnitudes).enumerate() {
        *place = lane * buckets_per_lane(width) + usize::from(magnitude);
    }
    (places, negative)
}

#[cfg(test)]
#[path = "msm_tests.rs"]
mod tests;
