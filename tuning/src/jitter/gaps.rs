//! What is kept of the gaps.

use serde::Serialize;

/// Buckets double in width from this many nanoseconds on; shorter gaps go into the first.
const FIRST_BUCKET_NS: u64 = 256;

/// The last bucket starts at 2^30 of these: over four minutes.
const BUCKET_COUNT: usize = 31;

/// So many gaps are kept with their moment; the histogram counts on. At a thousand timer interrupts a second this is a
/// minute, and 1 MiB.
const KEPT_COUNT_MAX: usize = 65_536;

/// A rhythm wants at least so many gaps.
const RHYTHM_COUNT_MIN: usize = 5;

/// A rhythm wants this share of its distances within a tenth of their median.
const RHYTHM_SHARE_MIN: f64 = 0.6;

/// The gaps of one window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gaps {
    /// How many there were.
    pub count: u64,
    /// Their sum, nanoseconds.
    pub lost_ns: u64,
    /// The longest, nanoseconds; 0 where there was none.
    pub longest_ns: u64,
    /// How many of each length; empty ones are left out.
    pub histogram: Vec<Bucket>,
    /// Whether the long ones come at a fixed distance. `None`: they do not, or there are too few.
    pub rhythm: Option<Rhythm>,
    /// Beginning and length of the first ones.
    #[serde(skip)]
    kept: Vec<(u64, u64)>,
    /// How many of each bucket, and their sum.
    #[serde(skip)]
    buckets: [(u64, u64); BUCKET_COUNT],
}

/// The gaps between two lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// They are at least so long, nanoseconds.
    pub from_ns: u64,
    /// And shorter than this, nanoseconds; `None` in the last.
    pub below_ns: Option<u64>,
    /// How many there were.
    pub count: u64,
}

/// Long gaps at a fixed distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rhythm {
    /// Gaps at least so long make it, nanoseconds: half of the longest.
    pub gap_ns_min: u64,
    /// How many they are.
    pub count: usize,
    /// Their median length, nanoseconds.
    pub gap_ns_p50: u64,
    /// The median from the start of one to the start of the next, nanoseconds.
    pub distance_ns_p50: u64,
}

impl Gaps {
    pub(super) fn new() -> Self {
        Self {
            count: 0,
            lost_ns: 0,
            longest_ns: 0,
            histogram: Vec::new(),
            rhythm: None,
            kept: Vec::with_capacity(KEPT_COUNT_MAX),
            buckets: [(0, 0); BUCKET_COUNT],
        }
    }

    pub(super) fn record(&mut self, start_ns: u64, gap_ns: u64) {
        self.count += 1;
        self.lost_ns += gap_ns;
        self.longest_ns = self.longest_ns.max(gap_ns);
        let (count, sum_ns) = &mut self.buckets[bucket_index(gap_ns)];
        *count += 1;
        *sum_ns += gap_ns;
        if self.kept.len() < KEPT_COUNT_MAX {
            self.kept.push((start_ns, gap_ns));
        }
    }

    /// Makes the histogram and looks for a rhythm.
    pub(super) fn finish(&mut self) {
        let filled = self.buckets.iter().enumerate().filter(|(_, (count, _))| *count > 0);
        self.histogram = filled.map(|(index, (count, _))| bucket(index, *count)).collect();
        self.rhythm = rhythm(&self.kept, self.longest_ns);
        self.kept.shrink_to_fit();
    }

    /// How many were at least so long, and their sum. The length is rounded up to a power of two.
    pub(super) fn from(&self, gap_ns: u64) -> (u64, u64) {
        let longer = &self.buckets[bucket_index(gap_ns.next_power_of_two())..];
        longer.iter().fold((0, 0), |(count, sum_ns), bucket| (count + bucket.0, sum_ns + bucket.1))
    }
}

fn bucket_index(gap_ns: u64) -> usize {
    let doublings = (gap_ns / FIRST_BUCKET_NS).checked_ilog2().unwrap_or(0);
    usize::try_from(doublings).expect("at most 56").min(BUCKET_COUNT - 1)
}

fn bucket(index: usize, count: u64) -> Bucket {
    let below_ns = (index + 1 < BUCKET_COUNT).then(|| FIRST_BUCKET_NS << (index + 1));
    Bucket { from_ns: if index == 0 { 0 } else { FIRST_BUCKET_NS << index }, below_ns, count }
}

fn rhythm(kept: &[(u64, u64)], longest_ns: u64) -> Option<Rhythm> {
    let gap_ns_min = longest_ns.div_ceil(2);
    let (starts, lengths): (Vec<u64>, Vec<u64>) =
        kept.iter().filter(|(_, gap_ns)| *gap_ns >= gap_ns_min).copied().unzip();
    if starts.len() < RHYTHM_COUNT_MIN {
        return None;
    }
    let distances: Vec<u64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let distance_ns_p50 = median(distances.clone());
    let near = distances.iter().filter(|distance| distance.abs_diff(distance_ns_p50) <= distance_ns_p50 / 10).count();
    let is_regular = super::ratio(near.try_into().ok()?, distances.len().try_into().ok()?) >= RHYTHM_SHARE_MIN;
    is_regular.then(|| Rhythm { gap_ns_min, count: starts.len(), gap_ns_p50: median(lengths), distance_ns_p50 })
}

/// The upper median; 0 of nothing.
fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(recorded: &[(u64, u64)]) -> Gaps {
        let mut gaps = Gaps::new();
        for (start_ns, gap_ns) in recorded {
            gaps.record(*start_ns, *gap_ns);
        }
        gaps.finish();
        gaps
    }

    #[test]
    fn the_histogram_counts_every_gap_in_the_bucket_it_belongs_to() {
        let gaps = gaps(&[(0, 100), (0, 511), (0, 512), (0, 1023), (0, 1024), (0, u64::from(u32::MAX)), (0, 1 << 50)]);
        let counted: Vec<_> = gaps.histogram.iter().map(|bucket| (bucket.from_ns, bucket.count)).collect();
        assert_eq!(counted, [(0, 2), (512, 2), (1024, 1), (1 << 31, 1), (1 << 38, 1)]);
        assert_eq!(gaps.histogram.last().unwrap().below_ns, None);
        assert_eq!(gaps.histogram[0].below_ns, Some(512));
        assert_eq!((gaps.count, gaps.from(1024).0, gaps.from(1000).0), (7, 3, 3));
        assert_eq!(gaps.from(1 << 31), (2, u64::from(u32::MAX) + (1 << 50)));
    }

    #[test]
    fn long_gaps_at_a_fixed_distance_are_a_rhythm_whatever_is_between() {
        let ms = 1_000_000;
        let recorded: Vec<(u64, u64)> =
            (0..10).flat_map(|turn| [(turn * 100 * ms, 5 * ms), (turn * 100 * ms + 33, 2_000)]).collect();
        let rhythm = gaps(&recorded).rhythm.expect("ten gaps, each a tenth of a second after the last");
        assert_eq!((rhythm.count, rhythm.distance_ns_p50, rhythm.gap_ns_p50), (10, 100 * ms, 5 * ms));
    }

    #[test]
    fn gaps_at_random_distances_and_few_gaps_are_no_rhythm() {
        let recorded: Vec<(u64, u64)> = [0, 10, 300, 320, 900, 1400, 1410, 2900].map(|start_ns| (start_ns, 8)).to_vec();
        assert_eq!(gaps(&recorded).rhythm, None);
        assert_eq!(gaps(&[(0, 5), (100, 5), (200, 5), (300, 5)]).rhythm, None);
        assert_eq!(gaps(&[]).rhythm, None);
    }

    #[test]
    fn more_gaps_than_are_kept_are_still_counted() {
        let mut gaps = Gaps::new();
        for start_ns in 0..70_000 {
            gaps.record(start_ns, 300);
        }
        assert_eq!((gaps.count, gaps.kept.len(), gaps.kept.capacity()), (70_000, KEPT_COUNT_MAX, KEPT_COUNT_MAX));
    }
}
