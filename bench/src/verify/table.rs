//! The table that a person reads.

use super::heat::BATCH_SIZES;
use super::report::{KeySet, VerifyReport};
use crate::report::{grid, grouped, right_aligned};
use comfy_table::Table;

/// The report as text: what is compared, a block for each set of keys, how to read it.
pub fn table(report: &VerifyReport) -> String {
    let mut text = compared(report);
    for set in KeySet::ALL {
        text.push_str(&format!("\n\n{}", block(report, set)));
    }
    text.push_str(&format!("\n\n{}", reading(report)));
    if cfg!(debug_assertions) {
        text.push_str("\nbuilt without optimization: these figures say nothing; build with --release");
    }
    text.push_str(&format!("\nrepeat with: {}", report.command));
    text
}

fn compared(report: &VerifyReport) -> String {
    let dalek = report.dalek_backend.map_or(String::new(), |backend| format!(" on {backend}"));
    let native = if report.target_features_native { "with" } else { "without" };
    format!(
        "signature checks: ifma and portable of quittance-verify beside ed25519-dalek 3{dalek}\n\
         core {} of {}; compiled {native} AVX-512 IFMA for all code",
        report.core,
        report.cpu.as_deref().unwrap_or("a processor without a name"),
    )
}

fn block(report: &VerifyReport, set: KeySet) -> Table {
    let best = report.backend;
    let title = match set {
        KeySet::Accounts => format!("{} keys in turn: n", grouped(report.keys.accounts as u64)),
        KeySet::AccountsHinted => "the same, with R's x: n".to_owned(),
        KeySet::Committee => format!("{} keys in turn: n", report.keys.committee),
    };
    let (rate, ratio) = (format!("{best}/s"), format!("dalek/{best}"));
    let mut table = grid(&[&title, "ifma us", "portable us", "dalek us", &rate, &ratio]);
    for batch_items in BATCH_SIZES {
        table.add_row(row(report, set, batch_items));
    }
    right_aligned(table)
}

fn row(report: &VerifyReport, set: KeySet, batch_items: usize) -> Vec<String> {
    let name = set.cell(batch_items);
    let (us, per_s) = (report.us[&name], report.per_s[&name]);
    let figure = |figure: Option<f64>| figure.map_or("-".to_owned(), |figure| format!("{figure:.2}"));
    let ratio = match (set, batch_items) {
        (KeySet::Accounts, 1) => report.ratios.get("single"),
        _ => report.ratios.get(&name),
    };
    vec![
        grouped(batch_items as u64),
        figure(us.ifma),
        figure(Some(us.portable)),
        figure(us.dalek),
        whole(per_s.best()),
        figure(ratio.copied()),
    ]
}

/// Rounded, with its thousands grouped.
fn whole(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    digits.parse().map_or(digits, grouped)
}

fn reading(report: &VerifyReport) -> String {
    format!(
        "n signatures per call; us: processor time per signature, median of {} rounds, in each of which all take turns\n\
         dalek/{}: median of the rounds' ratios, above 1 where {} is faster; with R's x against dalek without\n\
         messages of {} bytes; {} orders are walked through, keys decompressed ahead; every verdict was checked",
        report.rounds,
        report.backend,
        report.backend,
        report.message_bytes,
        grouped(report.pool as u64)
    )
}
