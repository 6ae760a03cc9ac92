//! The report for people.

use super::blame::time;
use super::gaps::{Bucket, Rhythm};
use super::{CoreJitter, Report};

/// Columns of the longest bar.
const BAR_LENGTH: u64 = 40;

/// The report as text: for each core a summary, the histogram, and who is to blame.
pub fn text(report: &Report) -> String {
    let how = if report.together { "all cores at once" } else { "one core after the other" };
    let cores: String = report.cores.iter().map(core).collect();
    format!("JITTER  gaps of {} and more, {how}\n{cores}", time(report.threshold_ns))
}

fn core(seen: &CoreJitter) -> String {
    let CoreJitter { core_index, window_ns, reading_ns_mean, gaps, lost_ppm, culprits, .. } = seen;
    let mut text = format!(
        "\ncore {core_index}  {lost_ppm:.0} ppm lost: {} of {}, in {} gaps, the longest {}; a reading takes {reading_ns_mean:.0} ns\n",
        time(gaps.lost_ns),
        time(*window_ns),
        gaps.count,
        time(gaps.longest_ns),
    );
    let largest = gaps.histogram.iter().map(|bucket| bucket.count).max().unwrap_or(1);
    text.extend(gaps.histogram.iter().map(|bucket| bar(*bucket, largest)));
    text.extend(gaps.rhythm.map(rhythm_line));
    text.extend(culprits.iter().map(|culprit| format!("  by  {}\n", culprit.words)));
    if culprits.is_empty() && gaps.count > 0 {
        text += "  by  nobody that the kernel counts\n";
    }
    text
}

fn rhythm_line(rhythm: Rhythm) -> String {
    let Rhythm { count, gap_ns_p50, distance_ns_p50, .. } = rhythm;
    format!("  rhythm  {count} gaps of about {}, every {}\n", time(gap_ns_p50), time(distance_ns_p50))
}

/// One bucket; the bar shows the order of magnitude, so that a single long gap is seen beside thousands of short ones.
fn bar(bucket: Bucket, largest: u64) -> String {
    let Bucket { from_ns, below_ns, count } = bucket;
    let range = match below_ns {
        Some(below_ns) => format!("{} to {}", time(from_ns), time(below_ns)),
        None => format!("{} and more", time(from_ns)),
    };
    let magnitude = |count: u64| u64::from(count.max(1).ilog2()) + 1;
    let length = usize::try_from(magnitude(count) * BAR_LENGTH / magnitude(largest)).unwrap_or_default();
    format!("  {range:>20} {count:>9}  {}\n", "#".repeat(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jitter::counters::Counters;
    use crate::jitter::gaps::Gaps;
    use crate::jitter::judged;
    use crate::jitter::spin::Spun;

    /// A second with these gaps, of which the kernel says nothing.
    fn told(recorded: &[(u64, u64)]) -> String {
        let mut gaps = Gaps::new();
        for (start_ns, gap_ns) in recorded {
            gaps.record(*start_ns, *gap_ns);
        }
        gaps.finish();
        let spun = Spun { window_ns: 1_000_000_000, reading_count: 40_000_000, gaps };
        let cores = vec![judged(3, spun, &Counters::default())];
        text(&Report { format_version: 1, threshold_ns: 1_000, together: true, cores })
    }

    #[test]
    fn a_core_is_told_with_its_loss_its_gaps_and_their_rhythm() {
        let recorded: Vec<(u64, u64)> = (0..10).map(|turn| (turn * 100_000_000, 5_000_000)).collect();
        let text = told(&recorded);
        let lines = [
            "JITTER  gaps of 1.0 us and more, all cores at once",
            "core 3  50000 ppm lost: 50.0 ms of 1.0 s, in 10 gaps, the longest 5.0 ms; a reading takes 24 ns",
            "  rhythm  10 gaps of about 5.0 ms, every 100 ms",
            "  by  nobody that the kernel counts",
        ];
        assert!(lines.iter().all(|line| text.lines().any(|told| told == *line)), "{text}");
    }

    #[test]
    fn a_core_without_a_gap_blames_nobody() {
        let text = told(&[]);
        assert!(text.contains("core 3  0 ppm lost") && !text.contains("  by  ") && !text.contains("rhythm"), "{text}");
    }

    #[test]
    fn a_single_gap_has_a_bar_beside_thousands() {
        let mut recorded = vec![(0, 2_000_000)];
        recorded.extend((0..5_000).map(|turn| (turn, 2_500)));
        let text = told(&recorded);
        assert!(text.lines().filter(|line| line.contains("  #")).count() == 2, "{text}");
    }
}
