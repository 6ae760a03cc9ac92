//! The page of a search for the highest rate.

use super::plots::{self, Plot};
use super::units;
use super::verdict::Mark;
use crate::output::PAGE_FILE;
use crate::output::sweep_file::{Sweep, SweepPoint};
use crate::report::grouped;
use askama::Template;

/// What the template shows.
#[derive(Template)]
#[template(path = "sweep.html")]
pub(super) struct SweepPage {
    objective: String,
    mark: Mark,
    headline: String,
    load: Option<Plot>,
    points: Vec<Row>,
    command: String,
    version: String,
}

struct Row {
    mark: Mark,
    verdict: &'static str,
    cells: Vec<String>,
    page: Option<String>,
}

impl SweepPage {
    pub(super) fn of(sweep: &Sweep) -> Self {
        let found = sweep.knee.as_ref().map(|knee| {
            let [at, low, high] = [knee.rate_per_s, knee.low_per_s, knee.high_per_s].map(units::whole);
            format!("{at} payments per second meet the objective ({low} to {high})")
        });
        Self {
            objective: sweep.objective.clone(),
            mark: if found.is_some() { Mark::Good } else { Mark::Bad },
            headline: found.unwrap_or_else(|| "No rate met the objective".to_owned()),
            load: plots::load(sweep),
            points: sweep.points.iter().map(Row::of).collect(),
            command: sweep.command.clone(),
            version: sweep.version.clone(),
        }
    }
}

impl Row {
    fn of(point: &SweepPoint) -> Self {
        let (mark, verdict) = match (point.valid, point.met) {
            (false, _) => (Mark::Doubt, "invalid"),
            (true, true) => (Mark::Good, "met"),
            (true, false) => (Mark::Bad, "missed"),
        };
        let latency = &point.order_receipt;
        let durations = [latency.p50, latency.p99, latency.p99_9, latency.max].map(units::duration);
        let cpu = point.authority_cpu_ns_per_payment.map_or("–".to_owned(), |ns| units::duration(ns / 1e3));
        let rates = [format!("{}/s", grouped(point.rate_per_s)), units::rate(point.settled_per_s), grouped(point.lost)];
        let page = point.folder.as_ref().map(|folder| format!("{folder}/{PAGE_FILE}"));
        Self { mark, verdict, cells: rates.into_iter().chain(durations).chain([cpu]).collect(), page }
    }
}
