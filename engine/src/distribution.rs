//! Sizes and times, counted by range. The bounds are fixed, so that what several threads, runs and machines counted can be
//! added up, which percentiles cannot.

/// Bounds of one distribution at most.
pub const BOUNDS_MAX: usize = 16;

/// For sizes of batches: powers of two. What is above the last is counted, too.
pub const SIZE_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048];

/// How many values there were up to each bound, and their sum. Takes no memory but its own, whatever is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    bounds: &'static [u64],
    /// By bound; the last in use is for what is above all of them.
    counts: [u64; BOUNDS_MAX + 1],
    sum: u64,
}

impl Distribution {
    /// No values. `bounds` count up, and each is the largest value of its range.
    ///
    /// # Panics
    /// If there are more than [`BOUNDS_MAX`].
    pub const fn new(bounds: &'static [u64]) -> Self {
        assert!(bounds.len() <= BOUNDS_MAX, "bounds are constants that fit");
        Self { bounds, counts: [0; BOUNDS_MAX + 1], sum: 0 }
    }

    /// No sizes.
    pub const fn of_sizes() -> Self {
        Self::new(SIZE_BOUNDS)
    }

    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        let range = self.bounds.partition_point(|bound| *bound < value);
        self.counts[range] += 1;
        // A figure for people: it may wrap after centuries, and must not end a process.
        self.sum = self.sum.wrapping_add(value);
    }

    /// Each bound with the number of values that are not above it.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let sums = self.counts.iter().scan(0, |sum: &mut u64, count| {
            *sum += count;
            Some(*sum)
        });
        self.bounds.iter().copied().zip(sums)
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All values together.
    pub fn sum(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_up_to_its_own_bound_and_above() {
        let mut distribution = Distribution::new(&[1, 4, 10]);
        for value in [0, 1, 2, 4, 5, 10, 11, 1_000] {
            distribution.record(value);
        }
        assert_eq!(distribution.cumulative().collect::<Vec<_>>(), [(1, 2), (4, 4), (10, 6)]);
        assert_eq!((distribution.count(), distribution.sum()), (8, 1_033));
    }

    #[test]
    fn sizes_have_bounds_that_count_up() {
        assert!(SIZE_BOUNDS.is_sorted_by(|low, high| low < high));
        assert_eq!(Distribution::of_sizes().count(), 0);
    }
}
