//! What the journal did, and what durability costs.

use super::table::{grid, right_aligned};
use super::{PhaseReport, grouped};
use crate::latency::LatencySummary;
use comfy_table::Table;
use serde::Serialize;
use serde_json::{Map, Value};

/// A disk as it was before the run.
#[derive(Clone, Copy, Debug)]
pub struct DiskMeasure {
    /// See [`crate::journals::Journals::disk_flush_us`].
    pub flush_us: LatencySummary,
    /// Whether files there lie in memory.
    pub in_memory: bool,
}

/// A journal during the run, and its disk before.
#[derive(Clone, Debug, Serialize)]
pub struct JournalReport {
    /// What the authority counted, as it printed it at its end: `commits`, `blocks`, `bytes`, `copies`, `direct`, `write_us`
    /// and `flush_us` (`p50`, `p99`, `max`). Empty if it printed nothing.
    #[serde(flatten)]
    pub authority: Map<String, Value>,
    /// One flush of 4 KiB in the same directory before the run, without the authority; microseconds.
    pub disk_flush_us: LatencySummary,
    /// Whether the directory lies in memory: then nothing was flushed, and no figure means anything.
    pub in_memory: bool,
}

impl JournalReport {
    /// From the disk, and from the authority's counters.
    pub fn new(disk: DiskMeasure, counters: &Value) -> Self {
        let authority = counters["journal"].as_object().cloned().unwrap_or_default();
        Self { authority, disk_flush_us: disk.flush_us, in_memory: disk.in_memory }
    }

    /// A count of the authority's.
    fn count(&self, name: &str) -> u64 {
        self.authority.get(name).and_then(Value::as_u64).unwrap_or(0)
    }

    /// A quantile of the authority's, microseconds.
    fn us(&self, name: &str, quantile: &str) -> String {
        let value = self.authority.get(name).map(|quantiles| &quantiles[quantile]);
        value.and_then(Value::as_u64).map_or("-".to_owned(), grouped)
    }
}

/// A durable run beside a volatile one: the same orders, the same window, at saturation.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Price {
    /// Settled payments per second without a journal.
    pub volatile_settled_per_s: f64,
    /// The durable rate over that: 1 would be free.
    pub rate_share: f64,
    /// Time of the authority processes over settled payments without a journal; nanoseconds.
    pub volatile_authority_cpu_ns_per_payment: f64,
    /// What the journal adds to that; nanoseconds.
    pub cpu_ns_added: f64,
    /// Payments that did not settle without a journal: there must be none.
    pub volatile_unsettled: u64,
}

impl Price {
    /// The price of what `durable` has over `volatile`.
    pub fn new(volatile: &PhaseReport, durable: &PhaseReport) -> Self {
        let spent = |phase: &PhaseReport| phase.authority_cpu_ns_per_payment.unwrap_or_default();
        let (before, after) = (spent(volatile), spent(durable));
        let rate = volatile.settled_per_s;
        Self {
            volatile_settled_per_s: rate,
            rate_share: if rate > 0.0 { durable.settled_per_s / rate } else { 0.0 },
            volatile_authority_cpu_ns_per_payment: before,
            cpu_ns_added: after - before,
            volatile_unsettled: volatile.payments - volatile.settled,
        }
    }
}

/// Both, for a person to read.
pub(super) fn table(journal: &JournalReport, price: Option<&Price>) -> Table {
    let disk = &journal.disk_flush_us;
    let [write, flush] = ["write_us", "flush_us"].map(|name| {
        let [p50, p99, max] = ["p50", "p99", "max"].map(|quantile| journal.us(name, quantile));
        format!("p50 {p50}, p99 {p99}, max {max}")
    });
    let blocks = format!(
        "{} commits, {} blocks, {} KiB a block",
        grouped(journal.count("commits")),
        grouped(journal.count("blocks")),
        journal.count("bytes") / journal.count("blocks").max(1) / 1_024,
    );
    let mut rows = vec![
        ("journal", blocks),
        ("write (us a commit)", write),
        ("flush (us a commit)", flush),
        ("the disk's own flush (us)", format!("p50 {:.0}, p99 {:.0}, max {:.0}", disk.p50, disk.p99, disk.max)),
    ];
    if let Some(price) = price {
        rows.push(("rate without a journal", format!("{:.0}/s", price.volatile_settled_per_s)));
        rows.push(("of that, durable", format!("{:.1} %", price.rate_share * 100.0)));
        rows.push(("authority time added", format!("{:.2} us/payment", price.cpu_ns_added / 1_000.0)));
    }
    let mut table = grid(&["durability", ""]);
    rows.into_iter().for_each(|(name, value)| _ = table.add_row(vec![name.to_owned(), value]));
    right_aligned(table)
}
