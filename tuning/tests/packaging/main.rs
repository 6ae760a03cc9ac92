//! What is packaged fits the programs: units, the seccomp profile, the pod, the Debian package.
#![forbid(unsafe_code)]

mod container;
mod debian;
mod programs;
mod unit;
mod units;

use std::fs;
use std::path::PathBuf;

/// The folder `packaging`.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("packaging")
}

fn read(path: &str) -> String {
    let path = folder().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
