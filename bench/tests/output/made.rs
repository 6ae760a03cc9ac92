//! A recording made by hand: the same each time, so that files made of it elsewhere can be compared.

use quittance_bench::fingerprint::Fingerprint;
use quittance_bench::latency::Latency;
use quittance_bench::output;
use quittance_bench::recording::{Event, INTERVAL_NS, Interval, PhaseRecording, Recording};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Payments of the phase: a multiple of 1,000, so that all libraries mean the same payment by 99.9 %.
pub(crate) const PAYMENT_COUNT: u64 = 20_000;
/// Intervals of its timeline.
const INTERVAL_COUNT: u64 = 25;

/// The latency of a payment, nanoseconds: most are some tens of microseconds, every 16th is up to 256 times as long.
pub(crate) fn latency_ns(index: u64) -> u64 {
    let spread = index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    let tail = if index.is_multiple_of(16) { 1 << (index / 16 % 9) } else { 1 };
    (20_000 + spread) * tail
}

/// One measured phase, on a schedule, with an authority killed and ready again.
pub(crate) fn recording() -> Recording {
    let mut phase = PhaseRecording {
        name: "open_loop".to_owned(),
        is_measured: true,
        rate_per_s: Some((8_000, 8_000)),
        elapsed_ns: INTERVAL_COUNT * INTERVAL_NS,
        ..PhaseRecording::default()
    };
    let mut counts = vec![BTreeMap::new(); usize::try_from(INTERVAL_COUNT).unwrap()];
    for index in 0..PAYMENT_COUNT {
        let ns = latency_ns(index);
        record(&mut phase, ns);
        let interval = usize::try_from(index * INTERVAL_COUNT / PAYMENT_COUNT).unwrap();
        *counts[interval].entry(Latency::new().histogram().highest_equivalent(ns)).or_insert(0) += 1;
    }
    phase.timeline = counts.into_iter().map(interval).collect();
    let event = |at_ns, what: &str| Event { at_ns, authority: 3, what: what.to_owned() };
    let events = vec![event(1_100_000_000, "kill"), event(1_900_000_000, "ready")];
    Recording { begun_unix_us: 1_790_000_000_000_000, phases: vec![phase], events }
}

fn record(phase: &mut PhaseRecording, ns: u64) {
    for (spans, ns) in [(&mut phase.from_schedule, ns), (&mut phase.from_send, ns - 5_000)] {
        spans.order_receipt.record(ns);
        spans.order_vote.record(ns / 2);
        spans.certificate_receipt.record(ns - ns / 2);
    }
    phase.lag.record(5_000);
}

fn interval(counts: BTreeMap<u64, u64>) -> Interval {
    let settled = counts.values().sum();
    Interval { sent: settled, settled, order_receipt: counts.into_iter().collect(), ..Interval::default() }
}

/// What a report of it may be.
pub(crate) fn report() -> Value {
    let recording = recording();
    let spans = json!(recording.phases[0].from_schedule.summary());
    json!({
        "command": "quittance-bench run --out DIR", "version": "0.1.0", "network_id": "00", "mode": "volatile",
        "committee": 4, "settled_per_s": 8_000.0, "payments": PAYMENT_COUNT, "settled": PAYMENT_COUNT, "lost": 0,
        "rejected": 0, "lost_by_place": {"order": 0}, "rejected_by_code": {}, "latency_us": spans,
        "phases": {"open_loop": {
            "payments": PAYMENT_COUNT, "settled": PAYMENT_COUNT, "lost": 0, "rejected": 0, "rate_per_s": 8_000,
            "seconds": 2.5, "settled_per_s": 8_000.0, "latency_us": spans,
        }},
        "generator": {"limited": false, "limited_because": []},
        "audit": {"ok": true, "accounts": 100, "mismatches": 0, "unanswered": 0},
    })
}

/// The folder of it.
pub(crate) fn write(folder: &Path, report: &Value) {
    let fingerprint = Fingerprint::read(Path::new("/"), "quittance-bench run".to_owned(), UNIX_EPOCH).unwrap();
    output::claim(folder).unwrap();
    output::write(folder, report, &recording(), &fingerprint).unwrap();
}
