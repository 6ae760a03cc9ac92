//! Several recordings as one recorder would have made them that saw everything.

use crate::output::series;
use crate::recording::{INTERVAL_NS, Interval, PhaseRecording, Recording};
use std::collections::BTreeMap;

/// Adds recordings of the same phases. Times count from the earliest beginning by the machines' clocks; an interval of a
/// machine that began later is added to the nearest one of the sum, so that the timeline may be half an interval off.
///
/// # Panics
/// If there are none, or if they have different numbers of phases.
pub fn recordings(all: &[&Recording]) -> Recording {
    let begun_unix_us = all.iter().map(|recording| recording.begun_unix_us).min().expect("there are recordings");
    let phase_count = all[0].phases.len();
    assert!(all.iter().all(|recording| recording.phases.len() == phase_count), "they have the same phases");
    let late_ns = |recording: &Recording| (recording.begun_unix_us - begun_unix_us).saturating_mul(1_000);
    let phase = |index: usize| {
        let of_all = all.iter().map(|recording| (late_ns(recording), &recording.phases[index]));
        merged_phase(&of_all.collect::<Vec<_>>())
    };
    let mut events = Vec::new();
    for recording in all {
        let shifted = recording.events.iter().cloned().map(|mut event| {
            event.at_ns = event.at_ns.saturating_add(late_ns(recording));
            event
        });
        events.extend(shifted);
    }
    events
        .sort_by(|one, other| (one.at_ns, one.authority, &one.what).cmp(&(other.at_ns, other.authority, &other.what)));
    events.dedup();
    Recording { begun_unix_us, phases: (0..phase_count).map(phase).collect(), events }
}

/// One phase of all machines, each with how late its first phase began.
fn merged_phase(all: &[(u64, &PhaseRecording)]) -> PhaseRecording {
    let begun_ns = |(late_ns, phase): &(u64, &PhaseRecording)| phase.begun_ns.saturating_add(*late_ns);
    let first_ns = all.iter().map(begun_ns).min().expect("there are recordings");
    let end_ns = all.iter().map(|one| begun_ns(one).saturating_add(one.1.elapsed_ns)).max();
    let rates: Option<Vec<(u64, u64)>> = all.iter().map(|(_, phase)| phase.rate_per_s).collect();
    let sum = |(from, to): (u64, u64), (more_from, more_to): &(u64, u64)| {
        (from.saturating_add(*more_from), to.saturating_add(*more_to))
    };
    let mut merged = PhaseRecording {
        name: all[0].1.name.clone(),
        is_measured: all[0].1.is_measured,
        rate_per_s: rates.map(|rates| rates.iter().fold((0, 0), sum)),
        begun_ns: first_ns,
        elapsed_ns: end_ns.expect("there are recordings") - first_ns,
        ..PhaseRecording::default()
    };
    let mut sums: Vec<Sum> = Vec::new();
    for one in all {
        series::ALL.iter().for_each(|series| (series.of_mut)(&mut merged).add((series.of)(one.1)));
        let offset = (begun_ns(one) - first_ns + INTERVAL_NS / 2) / INTERVAL_NS;
        let offset = usize::try_from(offset).expect("shares begin within a second of each other");
        sums.resize_with(sums.len().max(offset + one.1.timeline.len()), Sum::default);
        sums[offset..].iter_mut().zip(&one.1.timeline).for_each(|(sum, interval)| sum.add(interval));
    }
    merged.timeline = sums.into_iter().map(Sum::into_interval).collect();
    merged
}

/// An interval of several machines.
#[derive(Default)]
struct Sum {
    counts: Interval,
    order_receipt: BTreeMap<u64, u64>,
}

impl Sum {
    fn add(&mut self, interval: &Interval) {
        let counts = &mut self.counts;
        for (sum, count) in [
            (&mut counts.sent, interval.sent),
            (&mut counts.settled, interval.settled),
            (&mut counts.rejected, interval.rejected),
            (&mut counts.timed_out, interval.timed_out),
            (&mut counts.repeated, interval.repeated),
            (&mut counts.in_flight, interval.in_flight),
        ] {
            *sum += count;
        }
        interval.order_receipt.iter().for_each(|(ns, count)| *self.order_receipt.entry(*ns).or_insert(0) += count);
    }

    fn into_interval(self) -> Interval {
        Interval { order_receipt: self.order_receipt.into_iter().collect(), ..self.counts }
    }
}
