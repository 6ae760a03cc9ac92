//! The report for people.

use super::blame::time;
use super::gaps::Bucket;
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
    text.extend(culprits.iter().map(|culprit| format!("  by  {}\n", culprit.words)));
    if culprits.is_empty() && gaps.count > 0 {
        text += "  by  nobody that the kernel counts\n";
    }
    text
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
