//! Options of `merge`.

use clap::Args;
use std::path::PathBuf;

/// Options of `merge`.
#[derive(Clone, Debug, Args)]
pub struct MergeOptions {
    /// The folders that `attach --out` wrote on each load machine, in any order.
    #[arg(value_name = "DIR", required = true, num_args = 1..)]
    pub folders: Vec<PathBuf>,
    /// The new folder: it is made, or is there and empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}
