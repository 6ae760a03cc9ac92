//! The table that a person reads.

use super::{Counts, GeneratorReport, PhaseReport, Report, durability};
use crate::audit::Audit;
use crate::latency::{LatencySummary, SpanSummaries};
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use std::collections::BTreeMap;

/// A line below the header, and no other.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The report as text: what was run, what it reached, how long it took, what went missing, what it cost.
pub fn table(report: &Report) -> String {
    let mut parts = vec![settings(report), throughput(&report.phase_list)];
    parts.extend(report.phase_list.iter().filter(|phase| phase.measured).rev().flat_map(latencies_of));
    parts.extend(report.journal.as_ref().map(|journal| durability::table(journal, report.price.as_ref())));
    parts.push(outcome(&report.counts, &report.audit, &report.generator));
    parts.extend(crate::workload::table::table(&report.workload));
    let mut text = String::new();
    for reason in &report.invalid_because {
        text += &format!("INVALID, for these are the generator's figures and not the authority's: {reason}\n");
    }
    text += &parts.iter().map(|part| format!("{part}\n\n")).collect::<String>();
    text += &format!("accounting: {}\n", report.accounting.line());
    for line in notes(report) {
        text.push_str(&line);
        text.push('\n');
    }
    text.push_str(&format!("repeat with: {}", report.command));
    text
}

pub(crate) fn grid(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(header.to_vec());
    table
}

pub(crate) fn right_aligned(mut table: Table) -> Table {
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn settings(report: &Report) -> Table {
    let settings = &report.settings;
    let mut table = grid(&["run", ""]);
    let voters = if settings.live {
        "all live".to_owned()
    } else {
        format!("1 live, {} simulated in batches of {}", settings.simulated_voters, settings.simulated_batch)
    };
    let rows = [
        ("committee", format!("{} members, quorum {}: {voters}", settings.committee, settings.quorum)),
        ("mode", settings.mode.clone()),
        (
            "accounts, payments",
            format!("{}, {}", grouped(u64::from(settings.accounts)), grouped(report.counts.payments)),
        ),
        (
            "authority",
            format!(
                "{} shards, {} verifiers, {}, {}",
                settings.shards, settings.verifiers, settings.transport, settings.backend
            ),
        ),
        (
            "generator",
            format!(
                "{} sockets, {}, segmentation {}, window {}",
                settings.sockets,
                report.generator.transport,
                if settings.gso { "on" } else { "off" },
                settings.window
            ),
        ),
        (
            "cores",
            format!(
                "authority {:?}, generator {}, of {}",
                settings.cores.authority,
                settings.cores.generator,
                settings.cores.available.len()
            ),
        ),
    ];
    rows.into_iter().for_each(|(name, value)| _ = table.add_row(vec![name.to_owned(), value]));
    table
}

pub(crate) fn throughput(phases: &[PhaseReport]) -> Table {
    let mut table = grid(&[
        "phase",
        "payments",
        "settled",
        "seconds",
        "settled/s",
        "authority us/payment",
        "cores",
        "generator busy",
    ]);
    for phase in phases {
        table.add_row(vec![
            titled(phase),
            grouped(phase.payments),
            grouped(phase.settled),
            format!("{:.2}", phase.seconds),
            format!("{:.0}", phase.settled_per_s),
            phase.authority_cpu_ns_per_payment.map_or("-".to_owned(), |ns| format!("{:.2}", ns / 1_000.0)),
            phase.authority_cores.map_or("-".to_owned(), |cores| format!("{cores:.2}")),
            format!("{:.1} %", phase.generator_busy_share * 100.0),
        ]);
    }
    right_aligned(table)
}

/// `open loop at 15,000/s`
fn titled(phase: &PhaseReport) -> String {
    let name = phase.name.replace('_', " ");
    let not_measured = if phase.measured { "" } else { ", not measured" };
    let end = phase.rate_end_per_s.map_or(String::new(), |rate| format!(" to {}/s", grouped(rate)));
    let rate = phase.rate_per_s.map_or(String::new(), |rate| format!(" at {}/s", grouped(rate)));
    format!("{name}{rate}{end}{not_measured}")
}

/// One table for a window, where both latencies are the same, two for a schedule.
pub(crate) fn latencies_of(phase: &PhaseReport) -> Vec<Table> {
    let when = phase.when();
    if !phase.is_open() {
        return vec![latencies(&format!("latency {when} (us)"), &phase.latency_us)];
    }
    vec![
        latencies(&format!("latency {when}, from the schedule (us)"), &phase.latency_us),
        latencies(&format!("latency {when}, from the send (us)"), &phase.latency_from_send_us),
    ]
}

fn latencies(title: &str, spans: &SpanSummaries) -> Table {
    let mut table = grid(&[title, "p50", "p90", "p99", "p99.9", "max"]);
    let rows = [
        ("order to vote", &spans.order_vote),
        ("certificate to receipt", &spans.certificate_receipt),
        ("order to receipt", &spans.order_receipt),
    ];
    for (name, LatencySummary { p50, p90, p99, p99_9, max, .. }) in rows {
        let values = [p50, p90, p99, p99_9, max].map(|us| format!("{us:.1}"));
        table.add_row(std::iter::once(name.to_owned()).chain(values));
    }
    right_aligned(table)
}

pub(crate) fn outcome(counts: &Counts, audit: &Audit, generator: &GeneratorReport) -> Table {
    let mut table = grid(&["outcome", ""]);
    let lost = &counts.lost_by_place;
    let rows = [
        (
            "lost",
            format!(
                "{} (orders {}, certificates {}, blocked {}, unsent {})",
                counts.lost, lost.order, lost.certificate, lost.blocked, lost.unsent
            ),
        ),
        ("rejected", format!("{}{}", counts.rejected, listed(&counts.rejected_by_code))),
        ("sent again", counts.retries.to_string()),
        ("invalid replies", format!("{}{}", counts.invalid_replies, listed(&counts.invalid_replies_by_fault))),
        (
            "audit",
            format!(
                "{} (round {}): {} accounts, {} mismatches, {} unanswered, total {} of {}",
                if audit.ok { "ok" } else { "FAILED" },
                audit.rounds,
                grouped(audit.accounts),
                audit.mismatches,
                audit.unanswered,
                audit.total,
                audit.expected_total
            ),
        ),
        ("generator lag p99.9", format!("{:.1} us", generator.lag_us.p99_9)),
        ("generator limited", if generator.limited { "yes" } else { "no" }.to_owned()),
    ];
    rows.into_iter().for_each(|(name, value)| _ = table.add_row(vec![name.to_owned(), value]));
    table
}

fn notes(report: &Report) -> Vec<String> {
    let limits = report.generator.limited_because.iter().map(|reason| format!("the generator may limit: {reason}"));
    let findings = report.generator.findings.iter().map(|finding| format!("client sockets: {finding}"));
    let authority = report.authority.findings.iter().map(|finding| {
        let text = |field: &str| finding[field].as_str().unwrap_or("?").to_owned();
        format!("authority: {}: {}: {}; {}", text("severity"), text("what"), text("why"), text("remedy"))
    });
    limits.chain(report.disturbances.iter().cloned()).chain(findings).chain(authority).collect()
}

/// ` (busy 3, conflict 1)`, or nothing.
fn listed(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    format!(" ({})", parts.join(", "))
}

/// 1234567 as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
