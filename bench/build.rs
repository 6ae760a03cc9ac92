//! Tells the program which commit it was built from: results say what they measured. Never fails: without git or a
//! repository the commit is `unknown`.

use std::path::Path;
use std::process::Command;

/// What the load generator is made of, from its own folder.
const SOURCES: [&str; 8] =
    ["../Cargo.toml", "../Cargo.lock", "../bench", "../engine", "../net", "../tuning", "../verify", "../wallet"];

fn main() {
    // The log grows with every commit, and with every change of branch.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"]);
    let watched = SOURCES.into_iter().map(str::to_owned).chain(log);
    watched.filter(|path| Path::new(path).exists()).for_each(|path| println!("cargo::rerun-if-changed={path}"));
    let commit = git(&["rev-parse", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let is_dirty = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    println!("cargo::rustc-env=QUITTANCE_COMMIT={commit}");
    println!("cargo::rustc-env=QUITTANCE_COMMIT_IS_DIRTY={is_dirty}");
}

/// What git prints, if it does its work.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
