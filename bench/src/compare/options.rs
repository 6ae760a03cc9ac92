//! The command line of `compare`.

use super::METRICS;
use crate::objective::Metric;
use crate::options::RunOptions;
use clap::Args;
use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

/// Options of `compare`.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("payments", |arg| arg.default_value(PAYMENTS)), mut_arg("accounts", |arg| arg.default_value(ACCOUNTS)))]
#[command(mut_arg("no_price", |arg| arg.hide(true)), mut_arg("slo", |arg| arg.hide(true)))]
#[command(mut_arg("phases", |arg| arg.hide(true)), mut_arg("faults", |arg| arg.hide(true)), mut_arg("out", |arg| arg.hide(true)))]
#[command(mut_arg("authority_binary", |arg| arg.hide(true)))]
pub struct CompareOptions {
    /// What is compared with: an authority's executable (or a script that becomes one), or results: files with what
    /// `run --json` printed, or folders of runs, divided by commas.
    #[arg(value_name = "A")]
    pub a: Paths,
    /// What is new: of the same kind.
    #[arg(value_name = "B")]
    pub b: Paths,
    /// Runs of each executable.
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=PAIR_COUNT_MAX))]
    pub pairs: u16,
    /// The smallest change that matters, in per cent: smaller ones are neither better nor worse.
    #[arg(long, default_value = "3%", value_name = "PERCENT", value_parser = threshold)]
    pub threshold: Threshold,
    /// Metrics of which a change for the worse is a regression, as in --slo.
    #[arg(long, default_value = "settled_per_s,cpu", value_name = "METRIC[,METRIC]", value_delimiter = ',', num_args = 1, value_parser = gate)]
    pub gate: Vec<Metric>,
    /// Of every run of executables; results are taken as they are.
    #[command(flatten)]
    pub run: RunOptions,
}

/// Payments of a run that is one of many.
pub(crate) const PAYMENTS: &str = "120000";
/// Accounts of a run that is one of many.
pub(crate) const ACCOUNTS: &str = "20000";
/// A hundred pairs take a quarter of an hour or more.
const PAIR_COUNT_MAX: i64 = 100;

impl CompareOptions {
    /// The gates, each once.
    pub fn gates(&self) -> Vec<Metric> {
        let mut gates = Vec::new();
        for metric in &self.gate {
            if !gates.contains(metric) {
                gates.push(*metric);
            }
        }
        gates
    }
}

/// Paths, divided by commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths(Vec<PathBuf>);

impl Paths {
    /// One at least.
    pub fn as_slice(&self) -> &[PathBuf] {
        &self.0
    }
}

impl From<Vec<PathBuf>> for Paths {
    fn from(paths: Vec<PathBuf>) -> Self {
        Self(paths)
    }
}

impl FromStr for Paths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let paths: Vec<_> = text.split(',').map(PathBuf::from).collect();
        if paths.iter().any(|path| path.as_os_str().is_empty()) {
            return Err("there is nothing between two commas, or nothing at all".to_owned());
        }
        Ok(Self(paths))
    }
}

impl fmt::Display for Paths {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.0.iter().map(|path| path.display().to_string()).collect();
        out.write_str(&shown.join(","))
    }
}

/// The smallest change that matters, as a share: 0 to below 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold(pub f64);

/// In per cent, with or without the sign.
///
/// # Errors
/// What is wrong with it.
pub fn threshold(text: &str) -> Result<Threshold, String> {
    let number = text.trim().trim_end_matches('%').trim_end().parse::<f64>();
    let percent = number.ok().filter(|percent| (0.0..100.0).contains(percent));
    percent
        .map(|percent| Threshold(percent / 100.0))
        .ok_or_else(|| "per cent from 0 to below 100, such as 3%".to_owned())
}

fn gate(text: &str) -> Result<Metric, String> {
    let metric = text.parse::<Metric>().map_err(|error| error.to_string())?;
    if metric.has_ratio() {
        return Ok(metric);
    }
    let known: Vec<_> = METRICS.iter().map(ToString::to_string).collect();
    Err(format!(
        "runs in which payments are lost or rejected are not compared at all; gates are {} and the like",
        known.join(", ")
    ))
}
