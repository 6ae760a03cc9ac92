//! The executables that tests start; for tests of the packages above this one, too.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::SystemTime;

/// Where our executables lie: those of these packages are built, with the profile of this test. A test of the whole workspace
/// has built them already; then cargo is not asked, since for these packages alone it would choose other features and build all
/// again.
pub(crate) fn binaries(packages: &[&str]) -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let own = std::env::current_exe().unwrap();
        let folder = own.parent().and_then(Path::parent).unwrap().to_owned();
        if are_fresh(&folder) {
            return folder;
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
        command.args(["build", "--bins", "--target-dir"]).arg(folder.parent().unwrap());
        packages.iter().for_each(|package| _ = command.args(["-p", package]));
        if let Some(profile) = folder.file_name().and_then(|name| name.to_str()).filter(|name| *name != "debug") {
            command.args(["--profile", profile]);
        }
        let built = command.stdin(Stdio::null()).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        folder
    })
}

/// Whether the executables are newer than every source of the workspace.
fn are_fresh(folder: &Path) -> bool {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let packages = ["verify", "net", "tuning", "engine", "wallet"].map(|package| workspace.join(package));
    let newest = packages.iter().map(|package| newest(package)).max().expect("there are packages");
    let built = ["quittance-authority", "quittance-wallet"].map(|name| changed(&folder.join(name)));
    built.into_iter().all(|built| built.is_some_and(|built| built > newest))
}

/// When anything below a folder was changed last.
fn newest(path: &Path) -> SystemTime {
    let own = changed(path).unwrap_or(SystemTime::UNIX_EPOCH);
    let entries = std::fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.map(|entry| newest(&entry)).fold(own, SystemTime::max)
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
