//! What shells and readers of manuals want.

use std::process::Command;

/// The manual pages that the bench writes.
const PAGES: [&str; 16] = [
    "",
    "-ab",
    "-attach",
    "-compare",
    "-completions",
    "-crash",
    "-man",
    "-merge",
    "-pay",
    "-report",
    "-restart",
    "-run",
    "-sim",
    "-sink",
    "-sweep",
    "-verify",
];

#[test]
fn completions_and_manual_pages_name_every_subcommand() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_quittance-bench")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]);
        assert!(["attach", "crash", "passphrase-file"].iter().all(|word| script.contains(word)), "{shell}: {script}");
    }
    assert!(run(&["man"]).contains("quittance\\-bench"));
    let folder = tempfile::tempdir().unwrap();
    run(&["man", "--out", folder.path().to_str().unwrap()]);
    for name in PAGES {
        assert!(folder.path().join(format!("quittance-bench{name}.1")).is_file(), "{name}");
    }
}
