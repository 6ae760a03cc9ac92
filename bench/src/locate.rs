//! Finding the executables that a run needs, or building them.

use crate::error::BenchError;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An executable of this workspace.
struct Part {
    package: &'static str,
    name: &'static str,
    option: &'static str,
}

const AUTHORITY: Part = Part { package: "quittance-engine", name: "quittance-authority", option: "--authority-binary" };
const WALLET: Part = Part { package: "quittance-wallet", name: "quittance-wallet", option: "--wallet-binary" };

/// The authority's executable: the one named; else the one beside our own executable.
///
/// Under `cargo run` and `cargo test`, with the sources at hand, cargo builds it first, with the profile and into the target
/// folder of our own executable: so that one command is enough on a fresh clone, and what is measured is what was built.
///
/// # Errors
/// [`BenchError::Missing`], [`BenchError::Build`], [`BenchError::Machine`].
pub fn authority(named: Option<&Path>) -> Result<PathBuf, BenchError> {
    find(&AUTHORITY, named)
}

/// The wallet's executable: as [`authority`].
///
/// # Errors
/// As [`authority`].
pub fn wallet(named: Option<&Path>) -> Result<PathBuf, BenchError> {
    find(&WALLET, named)
}

fn find(part: &Part, named: Option<&Path>) -> Result<PathBuf, BenchError> {
    if let Some(path) = named {
        return existing(part, path.to_owned());
    }
    let own = std::env::current_exe().map_err(|error| BenchError::machine("finding our own executable", error, ""))?;
    let folder = own.parent().expect("an executable lies in a folder");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if let Some(cargo) = std::env::var_os("CARGO").filter(|_| workspace.join("Cargo.toml").is_file()) {
        build(part, Path::new(&cargo), &workspace, folder)?;
    }
    existing(part, folder.join(part.name))
}

fn existing(part: &Part, path: PathBuf) -> Result<PathBuf, BenchError> {
    let Part { package, name, option } = *part;
    if path.is_file() { Ok(path) } else { Err(BenchError::Missing { path, package, name, option }) }
}

fn build(part: &Part, cargo: &Path, workspace: &Path, folder: &Path) -> Result<(), BenchError> {
    let mut command = Command::new(cargo);
    command.current_dir(workspace).args(["build", "-p", part.package, "--bin", part.name]);
    command.args(profile(folder)).arg("--target-dir").arg(folder.parent().unwrap_or(folder));
    let shown = shown(&command);
    eprintln!("building: {shown}");
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = status.map_err(|error| BenchError::machine(format!("running {shown}"), error, ""))?;
    if status.success() { Ok(()) } else { Err(BenchError::Build { command: shown, status: status.to_string() }) }
}

/// The arguments for the profile whose executables lie in this folder: cargo names the folder after the profile, except
/// that `dev` builds into `debug`.
fn profile(folder: &Path) -> Vec<String> {
    match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => Vec::new(),
        Some(name) => vec!["--profile".to_owned(), name.to_owned()],
    }
}

fn shown(command: &Command) -> String {
    let parts = std::iter::once(command.get_program()).chain(command.get_args());
    parts.map(|part| part.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_follows_from_the_folder() {
        assert_eq!(profile(Path::new("/target/debug")), Vec::<String>::new());
        assert_eq!(profile(Path::new("/target/release")), ["--profile", "release"]);
        assert_eq!(profile(Path::new("/target/x86_64-unknown-linux-gnu/bench")), ["--profile", "bench"]);
    }

    #[test]
    fn a_named_executable_that_is_not_there_is_reported_with_the_remedy() {
        let error = authority(Some(Path::new("/nowhere/quittance-authority"))).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("/nowhere/quittance-authority") && text.contains("--authority-binary"), "{text}");
        assert_eq!(error.exit_code(), 3);
    }
}
