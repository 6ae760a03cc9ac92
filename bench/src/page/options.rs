//! Options of `report`.

use clap::Args;
use std::path::PathBuf;

/// Options of `report`.
#[derive(Clone, Debug, Args)]
pub struct ReportOptions {
    /// A folder that `run --out` or `merge --out` wrote, or one with a `sweep.json`.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}
