//! A search as text.

use crate::output::sweep_file::{Sweep, SweepPoint};
use crate::report::{grid, grouped, right_aligned};

/// The report as text.
pub fn table(sweep: &Sweep) -> String {
    let mut table = grid(&["payments/s", "settled/s", "p50 us", "p99 us", "p99.9 us", "lost", "cpu us", "verdict"]);
    let mut points: Vec<&SweepPoint> = sweep.points.iter().collect();
    points.sort_by_key(|point| (point.rate_per_s, point.repeat_index));
    for point in points {
        let latency = &point.order_receipt;
        table.add_row(vec![
            grouped(point.rate_per_s),
            format!("{:.0}", point.settled_per_s),
            format!("{:.0}", latency.p50),
            format!("{:.0}", latency.p99),
            format!("{:.0}", latency.p99_9),
            grouped(point.lost),
            point.authority_cpu_ns_per_payment.map_or_else(|| "-".to_owned(), |ns| format!("{:.1}", ns / 1_000.0)),
            verdict(point).to_owned(),
        ]);
    }
    format!("{}\n\n{}\nrepeat with: {}", right_aligned(table), conclusion(sweep), sweep.command)
}

/// A trial, in a line.
pub(super) fn line(point: &SweepPoint) -> String {
    let latency = &point.order_receipt;
    format!(
        "  {}: settled {:.0} per second, order to receipt p50 {:.0} us, p99 {:.0} us, p99.9 {:.0} us, lost {}",
        verdict(point),
        point.settled_per_s,
        latency.p50,
        latency.p99,
        latency.p99_9,
        point.lost
    )
}

fn verdict(point: &SweepPoint) -> &'static str {
    match (point.met, point.valid) {
        (true, _) => "met",
        (false, true) => "missed",
        (false, false) => "missed, and the generator was late",
    }
}

fn conclusion(sweep: &Sweep) -> String {
    let limited = if sweep.generator_limited {
        "\nThe generator was late before the authority was: this is the generator's limit, or of what else runs here."
    } else {
        ""
    };
    match &sweep.knee {
        Some(knee) => format!(
            "{} is met up to {:.0} payments per second; {} searches found {:.0} to {:.0} ({:.1} % confidence for their median){limited}",
            sweep.objective,
            knee.rate_per_s,
            knee.found.len(),
            knee.low_per_s,
            knee.high_per_s,
            knee.confidence * 100.0
        ),
        None => format!("{} is met at no rate{limited}", sweep.objective),
    }
}
