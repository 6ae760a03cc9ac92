//! Finding the authority's executable, or building it.

use crate::error::BenchError;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const NAME: &str = "quittance-authority";

/// The authority's executable: the one named; else the one beside our own executable.
///
/// Under `cargo run` and `cargo test`, with the sources at hand, cargo builds it first, with the profile and into the target
/// folder of our own executable: so that one command is enough on a fresh clone, and what is measured is what was built.
///
/// # Errors
/// [`BenchError::NoAuthority`], [`BenchError::Build`], [`BenchError::Machine`].
pub fn authority(named: Option<&Path>) -> Result<PathBuf, BenchError> {
    if let Some(path) = named {
        return existing(path.to_owned());
    }
    let own = std::env::current_exe().map_err(|error| BenchError::machine("finding our own executable", error, ""))?;
    let folder = own.parent().expect("an executable lies in a folder");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if let Some(cargo) = std::env::var_os("CARGO").filter(|_| workspace.join("Cargo.toml").is_file()) {
        build(Path::new(&cargo), &workspace, folder)?;
    }
    existing(folder.join(NAME))
}

fn existing(path: PathBuf) -> Result<PathBuf, BenchError> {
    if path.is_file() { Ok(path) } else { Err(BenchError::NoAuthority { path }) }
}

fn build(cargo: &Path, workspace: &Path, folder: &Path) -> Result<(), BenchError> {
    let mut command = Command::new(cargo);
    command.current_dir(workspace).args(["build", "-p", "quittance-engine", "--bin", NAME]);
    command.args(profile(folder)).arg("--target-dir").arg(folder.parent().unwrap_or(folder));
    let shown = shown(&command);
    eprintln!("building the authority: {shown}");
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
