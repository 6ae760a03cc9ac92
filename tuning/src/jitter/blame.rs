//! Who took the core.

use serde::Serialize;

use super::counters::Counters;
use super::gaps::{Gaps, Rhythm};

/// A gap of at least so long, nanoseconds (1.05 ms), is none that an interrupt makes: handlers take microseconds, and
/// what they put off is cut short by the kernel after 2 ms (`net.core.netdev_budget_usecs`).
const LONG_NS: u64 = 1 << 20;

/// So many kinds of interrupt are named, and of softirqs half as many.
const INTERRUPTS_NAMED_MAX: usize = 4;

/// What can take a core from a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The hypervisor, by its own account.
    Steal,
    /// Something beneath the kernel that nobody counts: a hypervisor, or the firmware.
    BeneathKernel,
    /// Other threads.
    OtherThreads,
    /// Interrupts of one kind.
    Interrupt,
    /// Work that interrupts put off, of one kind.
    Softirq,
}

/// One who took the core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Culprit {
    /// Of what kind.
    pub cause: Cause,
    /// How often, where that is counted.
    pub count: Option<u64>,
    /// For how long, nanoseconds, where that is known.
    pub lost_ns: Option<u64>,
    /// All of it in words.
    pub words: String,
}

/// Who explains these gaps: first those whose time is known, the longest first; then by how often they came. Without a
/// gap nobody is to blame.
pub(super) fn culprits(gaps: &Gaps, window_ns: u64, counted: &Counters) -> Vec<Culprit> {
    if gaps.count == 0 {
        return Vec::new();
    }
    let mut culprits: Vec<Culprit> =
        [steal(counted), other_threads(counted), beneath(gaps, counted)].into_iter().flatten().collect();
    culprits.sort_by_key(|culprit| std::cmp::Reverse(culprit.lost_ns));
    let interrupts = counted.interrupts.iter().map(|(name, count)| (name.clone(), *count));
    let softirqs = counted.softirqs.iter().map(|(name, count)| (format!("{name} softirqs"), *count));
    culprits.extend(most_often(Cause::Interrupt, interrupts.collect(), INTERRUPTS_NAMED_MAX, window_ns));
    culprits.extend(most_often(Cause::Softirq, softirqs.collect(), INTERRUPTS_NAMED_MAX / 2, window_ns));
    culprits
}

fn steal(counted: &Counters) -> Option<Culprit> {
    let steal_ns = counted.steal_ns.filter(|steal_ns| *steal_ns > 0)?;
    let words = format!("the hypervisor let others run here for {} (steal time)", time(steal_ns));
    Some(Culprit { cause: Cause::Steal, count: None, lost_ns: Some(steal_ns), words })
}

fn other_threads(counted: &Counters) -> Option<Culprit> {
    let count = counted.involuntary_switches.filter(|count| *count > 0)?;
    let waited = counted.run_delay_ns.map_or_else(String::new, |delay_ns| format!(", {} together", time(delay_ns)));
    let words = format!("other threads ran here: this one had to wait {count} times{waited}");
    Some(Culprit { cause: Cause::OtherThreads, count: Some(count), lost_ns: counted.run_delay_ns, words })
}

/// Long gaps beyond those for which the kernel knows another thread, and time beyond what it knows of.
fn beneath(gaps: &Gaps, counted: &Counters) -> Option<Culprit> {
    let (long_count, long_ns) = gaps.from(LONG_NS);
    // Every switch may have made one. Where switches are not counted, nothing is known.
    let count = long_count.checked_sub(counted.involuntary_switches?).filter(|count| *count > 0)?;
    let known_ns = counted.run_delay_ns.unwrap_or_default() + counted.steal_ns.unwrap_or_default();
    let lost_ns = long_ns.checked_sub(known_ns).filter(|lost_ns| *lost_ns >= LONG_NS)?;
    let rhythm = gaps.rhythm.map(rhythm_words).unwrap_or_default();
    let who = if counted.is_guest {
        "so the hypervisor stopped the core, and does not count that as steal time"
    } else {
        "so firmware stopped the core (system management interrupts), or the hardware did"
    };
    let words = format!(
        "{count} gaps of a millisecond and more{rhythm}, {} together, with no other thread to explain them: {who}",
        time(lost_ns)
    );
    Some(Culprit { cause: Cause::BeneathKernel, count: Some(count), lost_ns: Some(lost_ns), words })
}

fn rhythm_words(rhythm: Rhythm) -> String {
    format!(", about {} every {}", time(rhythm.gap_ns_p50), time(rhythm.distance_ns_p50))
}

fn most_often(cause: Cause, mut counts: Vec<(String, u64)>, named_max: usize, window_ns: u64) -> Vec<Culprit> {
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let named = counts.into_iter().take(named_max);
    let culprit = |(name, count): (String, u64)| {
        let rate = u128::from(count) * 1_000_000_000 / u128::from(window_ns.max(1));
        Culprit { cause, count: Some(count), lost_ns: None, words: format!("{name}: {count}, {rate} a second") }
    };
    named.map(culprit).collect()
}

/// A time in the unit that suits it, to three figures or so.
pub(super) fn time(time_ns: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];
    match UNITS.iter().find(|(_, unit_ns)| time_ns >= *unit_ns) {
        None => format!("{time_ns} ns"),
        Some((unit, unit_ns)) => {
            let tenths = time_ns / (unit_ns / 10);
            if tenths < 1_000 {
                format!("{}.{} {unit}", tenths / 10, tenths % 10)
            } else {
                format!("{} {unit}", tenths / 10)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn gaps(recorded: &[(u64, u64)]) -> Gaps {
        let mut gaps = Gaps::new();
        for (start_ns, gap_ns) in recorded {
            gaps.record(*start_ns, *gap_ns);
        }
        gaps.finish();
        gaps
    }

    fn causes(gaps: &Gaps, counted: &Counters) -> Vec<Cause> {
        culprits(gaps, 1_000 * MS, counted).iter().map(|culprit| culprit.cause).collect()
    }

    fn still(is_guest: bool) -> Counters {
        Counters {
            involuntary_switches: Some(0),
            run_delay_ns: Some(0),
            steal_ns: Some(0),
            is_guest,
            ..Counters::default()
        }
    }

    fn stopped() -> Gaps {
        gaps(&(0..10).map(|turn| (turn * 100 * MS, 5 * MS)).collect::<Vec<_>>())
    }

    #[test]
    fn long_gaps_that_no_counter_explains_are_blamed_on_what_is_beneath() {
        let found = culprits(&stopped(), 1_000 * MS, &still(true));
        assert_eq!((found[0].cause, found[0].count, found[0].lost_ns), (Cause::BeneathKernel, Some(10), Some(50 * MS)));
        assert!(found[0].words.contains("about 5.0 ms every 100 ms"), "{}", found[0].words);
        assert!(found[0].words.contains("hypervisor stopped the core"), "{}", found[0].words);
        assert!(culprits(&stopped(), 1, &still(false))[0].words.contains("firmware"));
    }

    #[test]
    fn gaps_that_other_threads_explain_are_theirs() {
        let counted = Counters { involuntary_switches: Some(10), run_delay_ns: Some(50 * MS), ..still(true) };
        assert_eq!(causes(&stopped(), &counted), [Cause::OtherThreads]);
        let half = Counters { involuntary_switches: Some(5), run_delay_ns: Some(20 * MS), ..still(true) };
        assert_eq!(causes(&stopped(), &half), [Cause::BeneathKernel, Cause::OtherThreads], "30 ms beside 20");
    }

    #[test]
    fn time_that_the_hypervisor_accounts_for_is_steal() {
        let counted = Counters { steal_ns: Some(50 * MS), ..still(true) };
        assert_eq!(causes(&stopped(), &counted), [Cause::Steal]);
    }

    #[test]
    fn where_switches_are_not_counted_nothing_beneath_is_accused() {
        assert_eq!(causes(&stopped(), &Counters { involuntary_switches: None, ..still(true) }), []);
    }

    #[test]
    fn short_gaps_accuse_only_those_who_came() {
        let short = gaps(&[(0, 3_000), (4 * MS, 3_000)]);
        let counts = |names: &[(&str, u64)]| names.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let interrupts = counts(&[("a", 1), ("b", 250), ("c", 3), ("d", 2), ("e", 9)]);
        let counted = Counters { interrupts, softirqs: counts(&[("TIMER", 7)]), ..still(true) };
        let found = culprits(&short, 500 * MS, &counted);
        let words: Vec<&str> = found.iter().map(|culprit| culprit.words.as_str()).collect();
        let expected = [
            "b: 250, 500 a second",
            "e: 9, 18 a second",
            "c: 3, 6 a second",
            "d: 2, 4 a second",
            "TIMER softirqs: 7, 14 a second",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn without_a_gap_nobody_is_to_blame() {
        assert_eq!(causes(&gaps(&[]), &Counters { steal_ns: Some(MS), ..still(true) }), []);
    }

    #[test]
    fn times_are_told_in_the_unit_that_suits_them() {
        let told = [999, 1_000, 23_456, 999_999, 5_260_000, 123_456_789, 61_000_000_000].map(time);
        assert_eq!(told, ["999 ns", "1.0 us", "23.4 us", "999 us", "5.2 ms", "123 ms", "61.0 s"]);
    }
}
