//! Figures as text.

use super::Shown;
use super::cell::{LastSecond, Standing};
use crate::page::units::{duration, percent, rate};
use crate::report::{grouped, ratio};

/// How a phase stands, in two lines: what it has done, and how it goes.
pub(super) fn lines(shown: &Shown, standing: &Standing) -> [String; 2] {
    let Standing { elapsed_ns, settled, in_flight, rejected, lost, repeated, last_second } = standing;
    let Shown { name, payment_count, planned_ns } = shown;
    let elapsed = match planned_ns {
        Some(planned_ns) => format!("{} of {} s", seconds(*elapsed_ns), seconds(*planned_ns)),
        None => format!("{} s", seconds(*elapsed_ns)),
    };
    let share = percent(ratio(*settled, *payment_count));
    let LastSecond { settled_per_s, order_receipt_us } = last_second.unwrap_or_default();
    let per_s = if last_second.is_some() { rate(settled_per_s) } else { "-/s".to_owned() };
    let [p50, p99] = match order_receipt_us {
        Some((p50, p99)) => [duration(p50), duration(p99)],
        None => ["-".to_owned(), "-".to_owned()],
    };
    let [settled, rejected, lost, repeated] = [settled, rejected, lost, repeated].map(|count| grouped(*count));
    [
        format!("{name}: {elapsed}, settled {settled} ({share}), {per_s}, in flight {}", grouped(*in_flight as u64)),
        format!("order to receipt p50 {p50}, p99 {p99}, refused {rejected}, lost {lost}, repeated {repeated}"),
    ]
}

/// With tenths, rounded down: a schedule is over when it is over.
fn seconds(ns: u64) -> String {
    format!("{}.{}", ns / 1_000_000_000, ns / 100_000_000 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing() -> Standing {
        Standing {
            elapsed_ns: 12_390_000_000,
            settled: 123_456,
            in_flight: 16_384,
            rejected: 1,
            lost: 20,
            repeated: 3_000,
            last_second: Some(LastSecond { settled_per_s: 41_234.4, order_receipt_us: Some((812.0, 1_904.0)) }),
        }
    }

    #[test]
    fn every_figure_has_its_place_and_its_unit() {
        let shown = Shown { name: "open_loop".to_owned(), payment_count: 500_000, planned_ns: Some(30_000_000_000) };
        assert_eq!(
            lines(&shown, &standing()),
            [
                "open_loop: 12.3 of 30.0 s, settled 123,456 (24.7 %), 41,234/s, in flight 16,384",
                "order to receipt p50 812 µs, p99 1.90 ms, refused 1, lost 20, repeated 3,000",
            ]
        );
        let shown = Shown { planned_ns: None, ..shown };
        assert!(lines(&shown, &standing())[0].starts_with("open_loop: 12.3 s, settled"));
    }

    #[test]
    fn what_is_not_known_yet_is_no_zero() {
        let shown = Shown { name: "saturated".to_owned(), payment_count: 0, planned_ns: None };
        let [done, going] = lines(&shown, &Standing { last_second: None, ..standing() });
        assert!(done.contains("(0.0 %), -/s, in flight"), "{done}");
        assert!(going.starts_with("order to receipt p50 -, p99 -, refused"), "{going}");
        let nothing_settled = Some(LastSecond { settled_per_s: 0.0, order_receipt_us: None });
        let [done, going] = lines(&shown, &Standing { last_second: nothing_settled, ..standing() });
        assert!(done.contains(", 0/s,") && going.contains("p50 -, p99 -"), "{done} {going}");
    }
}
