//! Latencies over percentiles, where each further nine takes the same room.

use super::chart::{Axis, Chart, Kind, Line, PALETTE, latency_axis};
use super::{Legend, Plot};
use crate::latency::Latency;
use crate::output::series;
use crate::recording::{PhaseRecording, Recording};

/// Points in each halving of the distance to 100 %.
const TICKS_PER_HALF_DISTANCE: u32 = 10;
/// The most nines of the axis: 99.9999 %.
const NINES_MAX: f64 = 6.0;

/// Order to receipt of each measured phase, from the schedule and from the send; none if nothing was counted.
pub(in crate::page) fn percentiles(recording: &Recording) -> Option<Plot> {
    let counted =
        |phase: &&PhaseRecording| phase.is_measured && !phase.from_schedule.order_receipt.histogram().is_empty();
    let phases: Vec<&PhaseRecording> = recording.phases.iter().filter(counted).take(PALETTE.len()).collect();
    let count_max = phases.iter().map(|phase| phase.from_schedule.order_receipt.histogram().len()).max()?;
    #[expect(clippy::cast_precision_loss, reason = "payments are fewer than 2^53")]
    let nines_max = (count_max as f64).log10().clamp(1.0, NINES_MAX);
    let mut lines = Vec::new();
    let mut legend = Vec::new();
    for (colour, phase) in phases.iter().enumerate() {
        let (due, sent) = ((series::ORDER_RECEIPT.of)(phase), (series::ORDER_RECEIPT_FROM_SEND.of)(phase));
        legend.push(Legend::solid(colour, format!("{}, from schedule", phase.name)));
        if sent != due {
            lines.push(Line { points: curve(sent, nines_max), colour, kind: Kind::Dashed });
            legend.push(Legend { is_dashed: true, ..Legend::solid(colour, format!("{}, from send", phase.name)) });
        }
        lines.push(Line { points: curve(due, nines_max), colour, kind: Kind::Solid });
    }
    let values = lines.iter().flat_map(|line| &line.points).map(|(_, at)| 10_f64.powf(*at));
    let y = latency_axis("order to receipt", values);
    let (bands, marks) = (Vec::new(), Vec::new());
    Some(Plot { svg: Chart { height: 380, x: nines_axis(nines_max), y, bands, lines, marks }.svg(), legend })
}

/// Position of the quantile and of its latency.
fn curve(latency: &Latency, nines_max: f64) -> Vec<(f64, f64)> {
    let steps = latency.histogram().iter_quantiles(TICKS_PER_HALF_DISTANCE);
    #[expect(clippy::cast_precision_loss, reason = "a minute in nanoseconds has 36 bits")]
    let us = |ns: u64| (ns.max(1) as f64 / 1e3).log10();
    let nines = |quantile: f64| if quantile < 1.0 { -(1.0 - quantile).log10() } else { nines_max };
    steps.map(|step| (nines(step.quantile_iterated_to()).min(nines_max), us(step.value_iterated_to()))).collect()
}

fn nines_axis(nines_max: f64) -> Axis {
    let whole = (1..7).map(f64::from).filter(|nines| *nines <= nines_max);
    let ticks = std::iter::once(2_f64.log10()).chain(whole).collect();
    Axis { title: "percentile", range: (0.0, nines_max), ticks, label: nines_label }
}

/// 1 as `90 %`, 3 as `99.9 %`.
fn nines_label(nines: f64) -> String {
    let share = 100.0 * (1.0 - 10_f64.powf(-nines));
    let text = format!("{share:.4}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nines_are_labelled() {
        assert_eq!(
            [2_f64.log10(), 1.0, 2.0, 3.0, 6.0].map(nines_label),
            ["50 %", "90 %", "99 %", "99.9 %", "99.9999 %"]
        );
    }

    #[test]
    fn a_curve_ends_at_the_longest_latency() {
        let mut latency = Latency::new();
        (1..=1_000).for_each(|number| latency.record(number * 1_000));
        let curve = curve(&latency, 3.0);
        let (nines, us) = *curve.last().unwrap();
        assert!(nines == 3.0 && (us - 3.0).abs() < 0.001, "{curve:?}");
        assert!(curve.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1), "{curve:?}");
        let at_90 = curve.iter().find(|(nines, _)| *nines >= 1.0).unwrap();
        assert!((10_f64.powf(at_90.1) - 900.0).abs() < 15.0, "{at_90:?}");
    }
}
