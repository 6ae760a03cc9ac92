//! `sweep.json`: what a search for the highest rate found. Each of its points may have a folder of results beside the file.

use super::{OutputError, folder, pretty, put};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file's name in the search's folder.
pub const SWEEP_FILE: &str = "sweep.json";
/// The version of its shape.
pub const SWEEP_SCHEMA: u64 = 1;

/// A search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// [`SWEEP_SCHEMA`].
    pub schema: u64,
    /// The command that repeats it.
    pub command: String,
    /// The program's version.
    pub version: String,
    /// What a rate must meet to count.
    pub objective: String,
    /// Whether it was the generator that was late first, and not the authority.
    #[serde(default)]
    pub generator_limited: bool,
    /// The highest rate that met it; absent if none did.
    #[serde(default)]
    pub knee: Option<Knee>,
    /// Every run, in the order in which they were made.
    pub points: Vec<SweepPoint>,
}

/// The highest rate that met the objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Knee {
    /// Payments per second.
    pub rate_per_s: f64,
    /// The interval in which it lies, lower end.
    pub low_per_s: f64,
    /// Upper end.
    pub high_per_s: f64,
    /// The probability that the interval holds the median of all searches that could be made.
    #[serde(default)]
    pub confidence: f64,
    /// What each search found.
    #[serde(default)]
    pub found: Vec<u64>,
}

impl Knee {
    /// From what the searches found.
    pub fn of(knee: &crate::sweep::search::Knee) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "rates are below 2^53")]
        let rate = |rate: u64| rate as f64;
        Self {
            rate_per_s: rate(knee.median),
            low_per_s: rate(knee.interval.0),
            high_per_s: rate(knee.interval.1),
            confidence: knee.confidence,
            found: knee.found.clone(),
        }
    }
}

/// One run of a search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// Payments per second that the schedule asked for.
    pub rate_per_s: u64,
    /// Which of the runs at this rate, from 0.
    #[serde(default)]
    pub repeat_index: u32,
    /// Whether the generator kept to its schedule.
    pub valid: bool,
    /// Whether the objective was met.
    pub met: bool,
    /// Settled payments per second.
    pub settled_per_s: f64,
    /// Payments lost.
    pub lost: u64,
    /// Order to receipt, from the schedule.
    pub order_receipt: SweepLatency,
    /// Time of all authority processes over settled payments; nanoseconds.
    #[serde(default)]
    pub authority_cpu_ns_per_payment: Option<f64>,
    /// The run's folder, below the search's.
    #[serde(default)]
    pub folder: Option<String>,
}

/// Percentiles; microseconds. Names as in `latency_us` of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SweepLatency {
    /// Median.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    pub p99_9: f64,
    /// The longest.
    pub max: f64,
}

impl Sweep {
    /// Writes it into its folder.
    ///
    /// # Errors
    /// [`OutputError::File`].
    pub fn write(&self, folder: &Path) -> Result<PathBuf, OutputError> {
        put(folder, SWEEP_FILE, pretty(self))
    }

    /// Reads it from its folder.
    ///
    /// # Errors
    /// [`OutputError::File`]; [`OutputError::Schema`]; [`OutputError::Damaged`].
    pub fn read(folder: &Path) -> Result<Self, OutputError> {
        let path = folder.join(SWEEP_FILE);
        let sweep = folder::json(&path)?;
        if sweep["schema"] != SWEEP_SCHEMA {
            return Err(OutputError::Schema { path, found: sweep["schema"].to_string(), expected: SWEEP_SCHEMA });
        }
        serde_json::from_value(sweep).map_err(|error| OutputError::damaged(&path, error.to_string()))
    }
}
