//! What the generator could offer.

use super::{Arrived, Part, SinkOptions};
use crate::client::{Client, ClientCounters};
use crate::cores::Cores;
use crate::drive::Tally;
use crate::latency::LatencySummary;
use crate::limits::{LAG_US_MAX, MERGED_DATAGRAMS_MAX};
use crate::report::{grid, grouped, ratio};
use serde::Serialize;

/// The rate asked for is offered if this share of it left in time. 0 to 1.
const OFFERED_SHARE_MIN: f64 = 0.99;

/// What was found. Its JSON form is this structure, field by field.
#[derive(Debug, Serialize)]
pub struct SinkReport {
    /// The command that repeats it.
    pub command: String,
    /// This program's version.
    pub version: &'static str,
    /// Who ran where; the sink on the first of the authorities' cores.
    pub cores: Cores,
    /// The transport of both sides.
    pub transport: String,
    /// Whether segmented sends and merged receives were allowed.
    pub gso: bool,
    /// Client sockets.
    pub sockets: usize,
    /// Orders of each part.
    pub orders: u32,
    /// Orders per second when the loop went as fast as it could, on one core.
    pub fastest_per_s: f64,
    /// Processor time of that core for one order then, the kernel's send path in it; nanoseconds.
    pub fastest_cpu_ns_per_order: f64,
    /// Orders per second that the schedule asked for.
    pub rate_per_s: u64,
    /// Orders per second that left on the schedule.
    pub offered_per_s: f64,
    /// How late they left; microseconds.
    pub lag_us: LatencySummary,
    /// Orders that waited for a free slot.
    pub waited_for_room: u64,
    /// Share of the time on the schedule in which the loop had something to do.
    pub busy_share: f64,
    /// Whether the rate was kept, and no order in 1,000 was more than a millisecond late.
    pub kept: bool,
    /// Orders in both parts that our kernel refused.
    pub refused_by_socket: u64,
    /// Orders that the sink counted.
    pub arrived: u64,
    /// Orders dropped because the sink was too slow.
    pub dropped_by_kernel: u64,
    /// Orders that are nowhere; there must be none.
    pub remainder: i64,
    /// What our sockets did.
    pub generator: ClientCounters,
}

impl SinkReport {
    pub(super) fn new(
        command: String,
        options: &SinkOptions,
        cores: Cores,
        client: &Client,
        [fastest, scheduled]: [&Part; 2],
        arrived: Arrived,
    ) -> Self {
        let generator = client.counters();
        let Arrived { datagrams: arrived, socket } = arrived;
        let gap = client.pushed().saturating_sub(generator.datagrams_unsent + arrived);
        let packets = socket.packets_dropped;
        // A packet that was dropped holds one datagram, or as many as travelled together.
        let dropped = gap.clamp(packets, packets.saturating_mul(MERGED_DATAGRAMS_MAX));
        let remainder = i128::from(client.pushed()) - i128::from(generator.datagrams_unsent + arrived + dropped);
        let per_s = |tally: &Tally| ratio(tally.sent, tally.busy_ns + tally.idle_ns) * 1e9;
        let offered_per_s = per_s(&scheduled.tally);
        let lag_us = scheduled.tally.lag.summary();
        let asked = ratio(options.rate, 1);
        Self {
            command,
            version: env!("CARGO_PKG_VERSION"),
            cores,
            transport: client.kind().to_string(),
            gso: !options.no_gso,
            sockets: options.sockets,
            orders: options.orders,
            fastest_per_s: per_s(&fastest.tally),
            fastest_cpu_ns_per_order: ratio(fastest.generator.cpu_ns, fastest.tally.sent),
            rate_per_s: options.rate,
            offered_per_s,
            lag_us,
            waited_for_room: scheduled.tally.waited_for_room,
            busy_share: ratio(scheduled.tally.busy_ns, scheduled.tally.busy_ns + scheduled.tally.idle_ns),
            kept: offered_per_s >= OFFERED_SHARE_MIN * asked && lag_us.p99_9 <= LAG_US_MAX,
            refused_by_socket: generator.datagrams_unsent,
            arrived,
            dropped_by_kernel: dropped,
            remainder: i64::try_from(remainder).expect("counts stay far below 2^62"),
            generator,
        }
    }

    /// What went wrong, one sentence each.
    pub fn failures(&self) -> Vec<String> {
        let remainder = self.remainder;
        let lost = (remainder != 0).then(|| format!("{remainder} orders are nowhere: the accounting does not add up"));
        lost.into_iter().collect()
    }
}

/// The report as text.
pub fn table(report: &SinkReport) -> String {
    let mut table = grid(&["sink", ""]);
    let rows = [
        ("as fast as it goes", format!("{:.0} orders/s", report.fastest_per_s)),
        ("processor time", format!("{:.0} ns an order", report.fastest_cpu_ns_per_order)),
        ("asked for", format!("{} orders/s", grouped(report.rate_per_s))),
        ("offered", format!("{:.0} orders/s, {}", report.offered_per_s, if report.kept { "kept" } else { "NOT KEPT" })),
        ("lag", format!("p50 {:.1} us, p99.9 {:.1} us", report.lag_us.p50, report.lag_us.p99_9)),
        ("loop busy", format!("{:.1} %", report.busy_share * 100.0)),
        (
            "orders",
            format!(
                "{} arrived, {} dropped before the sink, {} refused here, remainder {}",
                grouped(report.arrived),
                grouped(report.dropped_by_kernel),
                grouped(report.refused_by_socket),
                report.remainder
            ),
        ),
        ("transport", format!("{}, segmentation {}", report.transport, if report.gso { "on" } else { "off" })),
    ];
    rows.into_iter().for_each(|(name, value)| _ = table.add_row(vec![name.to_owned(), value]));
    format!("{table}\n\nrepeat with: {}", report.command)
}
