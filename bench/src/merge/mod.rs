//! What several load machines found, as one result: histograms are added bucket by bucket, counters added, timelines laid
//! over each other by the time of day. Nothing is averaged: a percentile of percentiles is none.
//!
//! Each machine offers its share of the load: shard `index` of `count`, as `load_shard` of its `result.json` says. Shares that
//! do not belong together, or of which one is missing, are refused: the sum would look like a measurement and be none.
//!
//! What cannot be added is left out: an objective (the sum has to meet it, not the shares), and processor time of authorities,
//! which every machine may have seen or none.
//!
//! | source | what it holds |
//! |---|---|
//! | `shards.rs` | whether folders belong together |
//! | `recordings.rs`, `result.rs` | histograms and timelines; counters |
//! | `error.rs`, `options.rs` | refusals; the subcommand's options |

mod error;
mod options;
mod recordings;
mod result;
mod shards;
#[cfg(test)]
mod tests;

pub use error::MergeError;
pub use options::MergeOptions;
pub use recordings::recordings;

use crate::output::{self, Folder, PAGE_FILE};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Merges folders into a new one. Returns its page. `command` is the command line that repeats it.
///
/// # Errors
/// [`MergeError`].
pub fn merge(options: &MergeOptions, command: &str) -> Result<PathBuf, MergeError> {
    let mut folders = Vec::new();
    for path in &options.folders {
        folders.push(Folder::read(path)?);
    }
    let folders = shards::in_order(folders)?;
    output::claim(&options.out)?;
    let all: Vec<_> = folders.iter().map(|folder| &folder.recording).collect();
    let recording = recordings(&all);
    let result = result::result(&folders, &recording, command);
    output::write_values(&options.out, &result, &recording, &fingerprint(&folders, command))?;
    Ok(options.out.join(PAGE_FILE))
}

/// The fingerprints of all load machines under one date.
fn fingerprint(folders: &[Folder], command: &str) -> Value {
    let machines: Vec<&Value> = folders.iter().map(|folder| &folder.fingerprint).collect();
    let first = machines.first().expect("the command asks for one at least");
    json!({
        "schema": first["schema"], "date": first["date"], "command": command, "program": first["program"],
        "load_machines": machines,
    })
}
