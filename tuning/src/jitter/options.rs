//! The command's options.

use std::path::Path;

use clap::Args;

use super::{JitterError, Report, measure, text};
use crate::cpu_list::CpuList;
use crate::topology::Topology;

/// Options of `jitter`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The cores to watch [default: all that this process may use].
    #[arg(long, value_name = "LIST")]
    cores: Option<CpuList>,
    /// How long to watch each core.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// The shortest gap that counts, in nanoseconds. A reading of the clock takes some twenty.
    #[arg(long, value_name = "NS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..))]
    threshold_ns: u64,
    /// Keep all cores busy at once instead of one after the other: what a hypervisor lets one core do, it may not let
    /// all of them.
    #[arg(long)]
    together: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Watches the cores, and returns what is to be printed.
    ///
    /// # Errors
    /// [`JitterError`]: the machine's fault.
    pub fn run(&self) -> Result<String, JitterError> {
        let cores = self.cores.clone().unwrap_or_else(usable);
        let report = measure(&cores, u64::from(self.seconds) * 1_000_000_000, self.threshold_ns, self.together)?;
        Ok(if self.json { json(&report) } else { text(&report) })
    }
}

fn usable() -> CpuList {
    Topology::read(Path::new("/")).indices(|core| core.is_usable())
}

fn json(report: &Report) -> String {
    let object = serde_json::to_string_pretty(report);
    object.expect("the report has only text keys, and its fractions are finite") + "\n"
}
