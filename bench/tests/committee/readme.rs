//! The walk through the README, as it stands there: whoever types it gets what it says.

use crate::binaries::binaries;
use crate::network;
use std::path::Path;
use std::process::{Command, Stdio};

const HEADING: &str = "## A committee of your own, the long way";

/// The first block of shell under a heading.
fn block<'a>(readme: &'a str, heading: &str) -> &'a str {
    let (_, section) = readme.split_once(heading).unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    block.split_once("```\n").unwrap().0
}

/// The block without its first two lines: what they build and find is built and found already, with this test's profile. If
/// something goes wrong, what it started is stopped.
fn script(block: &str) -> String {
    let lines: Vec<&str> = block.lines().collect();
    assert_eq!(lines[..2], ["cargo build --release --bins", "PATH=\"$PWD/target/release:$PATH\""]);
    format!("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{}\n", lines[2..].join("\n"))
}

#[test]
fn the_long_way_ends_well_and_prints_the_balances_that_it_should() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = [binaries(&["quittance-engine", "quittance-wallet"]).to_str().unwrap(), &std::env::var("PATH").unwrap()]
        .join(":");
    let _turn = network::turn();
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &script(block(&readme, HEADING))]);
    command.current_dir(&folder).env("PATH", path).env("TMPDIR", folder.path());
    command.env_remove("QUITTANCE_WALLET").env_remove("QUITTANCE_PASSPHRASE_FILE");
    let ended = command.stdin(Stdio::null()).output().unwrap();
    let (out, err) = (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap());
    assert_eq!(ended.status.code(), Some(0), "{out}\n{err}");
    let balances: Vec<&str> = out.lines().filter(|line| line.parse::<u64>().is_ok()).collect();
    assert_eq!(balances, ["100", "100", "90", "110"], "{out}");
    assert!(out.contains("paid 10 from qtn1") && out.contains("payments made: 4"), "{out}");
    assert!(out.contains("audit") && out.contains("ok (round"), "{out}");
}
