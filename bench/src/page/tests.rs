//! The page of real folders.

use super::plots::{ALARM, GRID, INK, PALETTE};
use super::*;
use crate::output::sweep_file::{Knee, SWEEP_SCHEMA, SweepLatency, SweepPoint};
use crate::output::tests::{record, samples, written};
use crate::recording::Recording;
use std::fs;

fn page(folder: &Path) -> String {
    fs::read_to_string(write(folder).unwrap()).unwrap()
}

/// Neither tags nor references that would fetch or run anything.
fn assert_offline(page: &str) {
    for forbidden in ["<script", "<link", "<img", "<iframe", "src=", "@import", "url(", "<b>", "onload"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let elsewhere = page.match_indices("http").filter(|(at, _)| !page[*at..].starts_with("http://www.w3.org/2000/svg"));
    assert_eq!(elsewhere.count(), 0, "the name of SVG's own format is no reference, and there is no other");
}

#[test]
fn a_runs_page_has_every_part_and_needs_nothing_from_elsewhere() {
    let folder = written(&record(&samples(5_000)));
    let page = page(folder.path());
    assert_offline(&page);
    for part in [
        "Failed",
        "2 of 5,000 payments lost",
        "&#60;b&#62;busy&#60;/b&#62; &#38; late",
        "81,235/s",
        "8.12 µs",
        "99.9 %",
        "a, &#60;ramp&#62;",
        "kill authority 2",
        "lost: order",
        "quittance-bench run --out",
        "clock source",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<svg").count(), 3, "percentiles, payments per second, latency over time");
}

#[test]
fn a_folder_without_a_recording_has_a_page_that_says_so() {
    let page = page(written(&Recording::default()).path());
    assert!(page.contains("Nothing was recorded") && page.contains("There is no timeline"));
    assert!(!page.contains("<svg"));
}

#[test]
fn every_colour_of_the_plots_has_a_rule_for_the_dark() {
    let page = page(written(&record(&samples(500))).path());
    for colour in PALETTE.into_iter().chain([INK, GRID, ALARM]) {
        let plotters::style::RGBColor(red, green, blue) = colour;
        assert!(page.contains(&format!("svg [stroke=\"#{red:02X}{green:02X}{blue:02X}\"]")), "{colour:?}");
    }
}

#[test]
fn a_search_has_a_page_with_its_knee_and_links_to_its_runs() {
    let folder = tempfile::tempdir().unwrap();
    sweep(Some(Knee {
        rate_per_s: 52_000.0,
        low_per_s: 50_000.0,
        high_per_s: 55_000.0,
        confidence: 0.9375,
        found: vec![50_000, 52_000, 55_000],
    }))
    .write(folder.path())
    .unwrap();
    let page = page(folder.path());
    assert_offline(&page);
    for part in
        ["52,000 payments per second meet", "knee: 52,000/s", "p99&#60;2ms", "20000/report.html", "invalid", "missed"]
    {
        assert!(page.contains(part), "{part}");
    }
    let none = tempfile::tempdir().unwrap();
    sweep(None).write(none.path()).unwrap();
    assert!(self::page(none.path()).contains("No rate met the objective"));
}

#[test]
fn a_search_read_back_is_the_one_that_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = sweep(None);
    sweep.write(folder.path()).unwrap();
    assert_eq!(Sweep::read(folder.path()).unwrap(), sweep);
    let path = folder.path().join(SWEEP_FILE);
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("\"schema\": 1", "\"schema\": 7")).unwrap();
    assert!(matches!(Sweep::read(folder.path()), Err(OutputError::Schema { .. })));
}

fn sweep(knee: Option<Knee>) -> Sweep {
    let point = |rate_per_s: u64, p99: f64, valid, met| SweepPoint {
        rate_per_s,
        valid,
        met,
        settled_per_s: 19_999.5,
        order_receipt: SweepLatency { p50: p99 / 4.0, p99, p99_9: p99 * 2.0, max: p99 * 3.0 },
        folder: Some(rate_per_s.to_string()),
        ..SweepPoint::default()
    };
    let points = vec![
        point(20_000, 210.0, true, true),
        point(40_000, 300.0, true, true),
        point(50_000, 700.0, true, true),
        point(60_000, 9_000.0, true, false),
        point(80_000, 99_000.0, false, false),
    ];
    let (command, version, objective) = ("sweep".to_owned(), "0.1.0".to_owned(), "order_receipt.p99<2ms".to_owned());
    Sweep { schema: SWEEP_SCHEMA, command, version, objective, generator_limited: false, knee, points }
}
