//! A workload in the table that a person reads: nothing where there is nothing to say but payments.

use super::report::{BankShape, WorkloadReport, ZipfShape};
use crate::intruder::HostilityReport;
use crate::report::{grid, grouped};
use comfy_table::Table;

/// What the workload was, and what came of it besides payments; `None` for the ordinary one without company.
pub fn table(report: &WorkloadReport) -> Option<Table> {
    let WorkloadReport { shape, queries, hostile, .. } = report;
    let mut rows: Vec<(String, String)> = Vec::new();
    rows.extend(shape.zipf.as_ref().map(|zipf| ("zipf".to_owned(), hot(zipf))));
    rows.extend(shape.chain_length.map(|length| ("chained".to_owned(), format!("{length} payments a chain"))));
    rows.extend(shape.smallbank.iter().flat_map(bank));
    rows.extend(queries.map(|queries| {
        let [sent, unanswered] = [queries.sent, queries.unanswered].map(grouped);
        let (p50, p99) = (queries.latency_us.p50, queries.latency_us.p99);
        ("queries".to_owned(), format!("{sent}, {unanswered} unanswered, p50 {p50:.1} us, p99 {p99:.1} us"))
    }));
    rows.extend(hostile.iter().flat_map(strangers));
    if rows.is_empty() {
        return None;
    }
    let mut table = grid(&["workload", ""]);
    rows.into_iter().for_each(|(name, value)| _ = table.add_row(vec![name, value]));
    Some(table)
}

fn hot(zipf: &ZipfShape) -> String {
    let [sent, received] = [zipf.sender_payments_max, zipf.recipient_payments_max].map(grouped);
    format!("exponent {}: one account pays {sent} times, one is paid {received} times", zipf.exponent)
}

fn bank(bank: &BankShape) -> [(String, String); 2] {
    let [customers, operations] = [bank.customers, bank.operations].map(grouped);
    let planned = bank.cross_shard_percent_planned;
    let kinds = bank.operations_by_kind.iter().map(|(kind, count)| format!("{} {}", kind.name(), grouped(*count)));
    [
        (
            "smallbank".to_owned(),
            format!("{customers} customers, {operations} operations, {planned:.1} % between shards"),
        ),
        ("operations".to_owned(), kinds.collect::<Vec<_>>().join(", ")),
    ]
}

fn strangers(report: &HostilityReport) -> Vec<(String, String)> {
    let goodput = &report.goodput;
    let mut rows = vec![(
        "goodput".to_owned(),
        format!("{:.0} payments/s, {:.2} MB/s", goodput.settled_per_s, goodput.bytes_per_s / 1e6),
    )];
    rows.extend(report.tricks.iter().map(|(name, trick)| {
        let answers = trick.answers.iter().map(|(answer, count)| format!("{answer} {}", grouped(*count)));
        let answers = answers.collect::<Vec<_>>().join(", ");
        let answers = if answers.is_empty() { "no answer".to_owned() } else { answers };
        ((*name).to_owned(), format!("{} sent ({} %): {answers}", grouped(trick.sent), trick.percent))
    }));
    rows
}
