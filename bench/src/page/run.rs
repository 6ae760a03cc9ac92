//! A run's page.

use super::plots::{self, Plot};
use super::tables::{self, Bar, FactRow, LatencyTable, PhaseRow};
use super::units;
use super::verdict::{self, Answer, Mark};
use crate::latency::LatencySummary;
use crate::output::{Folder, recorded};
use crate::recording::{Event, PhaseRecording};
use askama::Template;
use serde_json::Value;

/// What the template shows.
#[derive(Template)]
#[template(path = "run.html")]
pub(super) struct RunPage {
    title: String,
    date: String,
    mark: Mark,
    headline: &'static str,
    answers: Vec<Answer>,
    tiles: Vec<Tile>,
    phases: Vec<PhaseRow>,
    latencies: Vec<LatencyTable>,
    percentiles: Option<Plot>,
    throughput: Option<Plot>,
    latency: Option<Plot>,
    events: Vec<EventRow>,
    losses: Vec<Bar>,
    cpu: Vec<Bar>,
    accounting: Vec<FactRow>,
    settings: Vec<FactRow>,
    fingerprint: Vec<FactRow>,
    command: String,
}

/// A figure that stands out.
struct Tile {
    name: String,
    figure: String,
}

struct EventRow {
    at: String,
    what: String,
}

/// Fields of the report that the page shows in tables of their own, or that are long and for programs only.
const SHOWN_ELSEWHERE: [&str; 21] = [
    "command",
    "version",
    "schema",
    recorded::KEY,
    "phases",
    "phase_list",
    "accounting",
    "audit",
    "objective",
    "latency_us",
    "latency_from_send_us",
    "lost_by_place",
    "rejected_by_code",
    "rejections_by_code",
    "invalid_replies_by_fault",
    "disturbances",
    "authority",
    "authorities",
    "valid",
    "invalid_because",
    "generator",
];

impl RunPage {
    pub(super) fn of(folder: &Folder) -> Self {
        let Folder { result, fingerprint, recording, .. } = folder;
        let answers = verdict::answers(result, fingerprint);
        let (mark, headline) = verdict::headline(&answers);
        Self {
            title: title(result),
            date: fingerprint["date"].as_str().unwrap_or("at an unknown time").to_owned(),
            mark,
            headline,
            answers,
            tiles: tiles(folder),
            phases: tables::phases(result),
            latencies: tables::latencies(folder),
            percentiles: plots::percentiles(recording),
            throughput: plots::throughput(recording),
            latency: plots::latency(recording),
            events: recording.events.iter().map(EventRow::of).collect(),
            losses: tables::losses(result),
            cpu: tables::cpu(result),
            accounting: tables::facts(&result["accounting"], &[]),
            settings: tables::facts(result, &SHOWN_ELSEWHERE),
            fingerprint: tables::facts(fingerprint, &["schema", "date", "command"]),
            command: result["command"].as_str().unwrap_or("not known").to_owned(),
        }
    }
}

impl EventRow {
    fn of(event: &Event) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a run's nanoseconds stay below 2^53")]
        let at = event.at_ns as f64 / 1e9;
        Self { at: format!("{at:.2} s"), what: format!("{} authority {}", event.what, event.authority) }
    }
}

/// `volatile, 4 members, io_uring, ifma`.
fn title(result: &Value) -> String {
    let text = |name: &str| result[name].as_str().map(str::to_owned);
    let members = result["committee"].as_u64().map(|count| format!("{count} members"));
    let parts: Vec<String> =
        [text("mode"), members, text("transport"), text("backend")].into_iter().flatten().collect();
    parts.join(", ")
}

/// The rate, its price, and the latencies of the last measured phase with a schedule, or without one if there is none.
fn tiles(folder: &Folder) -> Vec<Tile> {
    let result = &folder.result;
    let mut tiles = Vec::new();
    let mut tile = |name: String, figure: Option<String>| tiles.extend(figure.map(|figure| Tile { name, figure }));
    tile("settled".to_owned(), result["settled_per_s"].as_f64().map(units::rate));
    let cpu = result["authority_cpu_ns_per_payment"].as_f64().map(|ns| units::duration(ns / 1e3));
    tile("authority time per payment".to_owned(), cpu);
    if let Some(phase) = folder.recording.main_phase() {
        let LatencySummary { p50, p99, p99_9, .. } = phase.from_schedule.order_receipt.summary();
        for (quantile, us) in [("50 %", p50), ("99 %", p99), ("99.9 %", p99_9)] {
            tile(format!("order to receipt, {quantile}, {}", phase_name(phase)), Some(units::duration(us)));
        }
    }
    tiles
}

fn phase_name(phase: &PhaseRecording) -> String {
    let rate = |per_s: u64| units::value("", &per_s.into());
    match phase.rate_per_s {
        Some((from, to)) if from == to => format!("{} at {}/s", units::words(&phase.name), rate(from)),
        Some((from, to)) => format!("{} from {} to {}/s", units::words(&phase.name), rate(from), rate(to)),
        None => units::words(&phase.name),
    }
}
