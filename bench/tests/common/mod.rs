//! Running the real executable.

#[path = "../../../wallet/tests/command/harness/locate.rs"]
pub(crate) mod binaries;

use binaries::binaries;
use std::process::{Command, Output};
use std::sync::Mutex;

/// Each run pins a spinning thread to the same core: two at a time would only disturb each other.
static TURN: Mutex<()> = Mutex::new(());

/// Runs the bench to its end. Without a word of cargo it takes what lies beside it, and asks for no build.
pub(crate) fn bench(arguments: impl IntoIterator<Item = String>) -> Output {
    let own = binaries(&["quittance-engine", "quittance-wallet"]).join("quittance-bench");
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Command::new(own).env_remove("CARGO").args(arguments).output().unwrap()
}

/// Runs the bench with `--json`: exit code, the object (null if none was printed), standard error.
pub(crate) fn bench_json(arguments: impl IntoIterator<Item = String>) -> (i32, serde_json::Value, String) {
    let output = bench(arguments.into_iter().chain(["--json".to_owned()]));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stdout.lines().count() <= 1, "one object and nothing else: {stdout}");
    let json = serde_json::from_str(&stdout).unwrap_or(serde_json::Value::Null);
    (output.status.code().expect("the bench ends by itself"), json, stderr)
}
