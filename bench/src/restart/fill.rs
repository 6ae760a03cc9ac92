//! How full the journal is, and when it is full enough.

use super::number;
use serde_json::Value;

/// A fall by so much is a snapshot that let the ring turn: percent of the ring.
const FALL: u64 = 15;
/// So much below the fullest moment of the first turn the second one counts as full: percent of the ring.
const MARGIN: u64 = 3;

/// How full the authority's journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fullness {
    /// Share of its rings in use, the mean of all shards, percent.
    pub(super) used_percent: u64,
    /// Snapshots begun by all shards together.
    pub(super) snapshots: u64,
}

impl Fullness {
    /// From the counters of a durable authority.
    pub(super) fn of_counters(counters: &Value) -> Option<Self> {
        let shards = counters["shards"].as_array()?;
        let sum = |name| shards.iter().map(|shard| number(&shard["journal"], name)).sum::<u64>();
        let count = u64::try_from(shards.len()).ok().filter(|count| *count > 0)?;
        Some(Self { used_percent: sum("used_percent") / count, snapshots: sum("snapshots") })
    }
}

/// Watches a journal fill up, turn, and fill up again.
#[derive(Debug)]
pub(super) struct Fill {
    full_percent: u64,
    last: Option<Fullness>,
    /// The fullest moment so far.
    peak_percent: u64,
    /// Whether a snapshot is complete.
    has_turned: bool,
}

impl Fill {
    pub(super) fn new(full_percent: u64) -> Self {
        Self { full_percent, last: None, peak_percent: 0, has_turned: false }
    }

    /// Takes a look at the journal; gives it back if it is full enough, with a complete snapshot before it.
    pub(super) fn see(&mut self, now: Fullness) -> Option<Fullness> {
        let before = self.last.replace(now).map_or(0, |last| last.used_percent);
        self.has_turned |= now.used_percent + FALL < before;
        self.peak_percent = self.peak_percent.max(now.used_percent);
        let enough = self.full_percent.min(self.peak_percent.saturating_sub(MARGIN));
        (self.has_turned && now.used_percent >= enough).then_some(now)
    }

    /// For a person to read.
    pub(super) fn described(&self) -> String {
        match self.last {
            Some(last) => format!(
                "{} % of the ring in use, {} % at most, {} snapshots begun",
                last.used_percent, self.peak_percent, last.snapshots
            ),
            None => "the authority never said how full it is".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn when(full_percent: u64, looks: &[u64]) -> Option<usize> {
        let mut fill = Fill::new(full_percent);
        looks.iter().position(|used| fill.see(Fullness { used_percent: *used, snapshots: 1 }).is_some())
    }

    #[test]
    fn the_second_turn_counts_and_is_as_full_as_the_first_was() {
        assert_eq!(when(90, &[10, 40, 60, 66, 5, 30, 60, 63, 65]), Some(7));
        assert_eq!(when(50, &[10, 40, 60, 66, 5, 30, 60]), Some(6));
        assert_eq!(when(90, &[10, 40, 41, 2, 37, 38]), Some(5), "small snapshots are done at once");
    }

    #[test]
    fn without_a_snapshot_it_is_never_full_enough() {
        assert_eq!(when(50, &[10, 40, 60, 90, 95, 94]), None);
    }

    #[test]
    fn counters_tell_the_mean_of_all_shards() {
        let shard = |used, snapshots| json!({"journal": {"used_percent": used, "snapshots": snapshots}});
        let counters = json!({"shards": [shard(40, 1), shard(60, 2)]});
        assert_eq!(Fullness::of_counters(&counters), Some(Fullness { used_percent: 50, snapshots: 3 }));
        assert_eq!(Fullness::of_counters(&json!({"shards": []})), None);
    }
}
