//! Changes that undo themselves unless they are confirmed.

use std::process::{Command, Output};
use std::thread::sleep;
use std::time::Duration;

use crate::shapes::small_guest;
use crate::tree::{Tree, temporary};

/// A hundred times the second that is waited for.
const LOOK_COUNT_MAX: usize = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(100);

fn tune(tree: &Tree, state: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance-tune"));
    command.args(arguments).args(["--state-dir", state]);
    if arguments[0] != "confirm" && arguments[0] != "history" {
        command.args(["--sysroot", tree.arg()]);
    }
    command.output().expect("the command can be started")
}

fn history(tree: &Tree, state: &str) -> String {
    String::from_utf8(tune(tree, state, &["history"]).stdout).expect("reports are UTF-8")
}

/// Waits until the history tells of so many ended runs.
fn ended(tree: &Tree, state: &str, run_count: usize) -> bool {
    (0..LOOK_COUNT_MAX).any(|_| {
        sleep(LOOK_EVERY);
        history(tree, state).matches(" ended").count() >= run_count
    })
}

#[test]
fn what_nobody_confirms_is_undone_by_a_process_that_survives() {
    let (tree, state) = (small_guest(), temporary());
    let (before, state) = (tree.content(), state.path().to_str().unwrap());
    let output = tune(&tree, state, &["apply", "--yes", "--confirm-within", "1s"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(tree.content() != before || ended(&tree, state, 2), "it was applied, or is undone already");
    assert!(ended(&tree, state, 2), "{}", history(&tree, state));
    assert!(tree.content() == before);
    assert_eq!(tune(&tree, state, &["confirm"]).status.code(), Some(1), "too late");
}

#[test]
fn what_is_confirmed_stays_and_until_then_no_other_apply_begins() {
    let (tree, state) = (small_guest(), temporary());
    let state = state.path().to_str().unwrap();
    assert_eq!(tune(&tree, state, &["apply", "--yes", "--confirm-within", "5m"]).status.code(), Some(0));
    let other = tune(&tree, state, &["apply", "--yes", "--profile", "latency"]);
    assert_eq!(other.status.code(), Some(5), "{other:?}");
    assert_eq!(tune(&tree, state, &["confirm"]).status.code(), Some(0));
    assert_eq!(tune(&tree, state, &["apply", "--yes", "--profile", "latency"]).status.code(), Some(0));
    assert_eq!(tune(&tree, state, &["rollback"]).status.code(), Some(0));
}
