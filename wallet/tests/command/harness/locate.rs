//! The authority's executable, built into the folder of our own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Builds the authority, once per test process, with the profile of this test.
pub(crate) fn authority() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let own = std::env::current_exe().unwrap();
        let folder = own.parent().and_then(Path::parent).unwrap();
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(workspace).args(["build", "-p", "quittance-engine", "--bin", "quittance-authority"]);
        command.arg("--target-dir").arg(folder.parent().unwrap());
        if let Some(profile) = folder.file_name().and_then(|name| name.to_str()).filter(|name| *name != "debug") {
            command.args(["--profile", profile]);
        }
        let built = command.stdin(Stdio::null()).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        folder.join("quittance-authority")
    })
}
