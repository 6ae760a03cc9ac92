//! The command, its exit codes and its words.

use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use crate::shapes::{desktop, small_guest};
use crate::tree::{Tree, temporary};

fn command(tree: &Tree, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance-tune"));
    command.args(arguments).args(["--sysroot", tree.arg()]).stdin(Stdio::null());
    command
}

fn tune(tree: &Tree, arguments: &[&str]) -> Output {
    command(tree, arguments).output().expect("the command can be started")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn check_ends_with_3_until_it_is_applied_and_again_after_rollback() {
    let (tree, state) = (small_guest(), temporary());
    let state = ["--state-dir", state.path().to_str().unwrap()];
    let before = tree.content();
    assert_eq!(tune(&tree, &["check"]).status.code(), Some(3));
    let applied = tune(&tree, &["apply", "--yes", state[0], state[1]]);
    assert_eq!(applied.status.code(), Some(0), "{}", text(&applied));
    assert!(
        text(&applied).contains("net.core.rmem_max            host: 4194304 -> 8388608: changed"),
        "{}",
        text(&applied)
    );
    assert_eq!(tune(&tree, &["check"]).status.code(), Some(0));
    let again = tune(&tree, &["apply", "--yes", state[0], state[1]]);
    assert!(again.status.success() && text(&again).starts_with("nothing to change"), "{}", text(&again));
    let undone = tune(&tree, &["rollback", "--json", state[0], state[1]]);
    let object: Value = serde_json::from_slice(&undone.stdout).unwrap();
    assert!(object["changes"].as_array().unwrap().iter().all(|change| change["outcome"] == "restored"), "{object}");
    assert!(tree.content() == before);
    let idle = tune(&tree, &["rollback", state[0], state[1]]);
    assert!(idle.status.success() && text(&idle).starts_with("nothing to undo"));
}

#[test]
fn apply_without_a_terminal_wants_to_be_told_yes() {
    let (tree, state) = (small_guest(), temporary());
    let folder = state.path().join("inner");
    let before = tree.content();
    for (arguments, code) in [(&["apply"][..], 2), (&["apply", "--dry-run"], 0)] {
        let output = command(&tree, arguments).arg("--state-dir").arg(&folder).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        assert!(tree.content() == before && !folder.exists());
    }
}

#[test]
fn only_and_skip_choose_and_a_name_that_is_none_is_refused() {
    let (tree, state) = (small_guest(), temporary());
    let folder = state.path().to_str().unwrap();
    let chosen = ["apply", "--yes", "--only", "net.core.*", "--skip", "*wmem*", "--state-dir", folder, "--json"];
    let object: Value = serde_json::from_slice(&tune(&tree, &chosen).stdout).unwrap();
    let knobs: Vec<&str> =
        object["changes"].as_array().unwrap().iter().map(|change| change["knob"].as_str().unwrap()).collect();
    assert_eq!(knobs, ["net.core.rmem_max", "net.core.netdev_max_backlog"]);
    for wrong in [&["check", "--only", "net.core.rmem_min"][..], &["check", "--nic", "eth7"]] {
        let output = tune(&tree, wrong);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output).contains(" lists them"), "{}", text(&output));
    }
}

#[test]
fn another_runs_lock_is_5_and_others_values_are_6() {
    let (tree, state) = (small_guest(), temporary());
    let folder = ["--state-dir", state.path().to_str().unwrap()];
    let lock = std::fs::File::create(state.path().join("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let output = tune(&tree, &["apply", "--yes", folder[0], folder[1]]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    drop(lock);
    assert!(tune(&tree, &["apply", "--yes", folder[0], folder[1]]).status.success());
    tree.write("proc/sys/net/core/rmem_max", "33333333");
    let output = tune(&tree, &["rollback", folder[0], folder[1]]);
    assert_eq!(output.status.code(), Some(6), "{}", text(&output));
    assert!(text(&output).contains("LEFT: another has set it to 33333333 since"), "{}", text(&output));
    assert_eq!(tree.read("proc/sys/net/core/rmem_max"), "33333333");
    let history = Command::new(env!("CARGO_BIN_EXE_quittance-tune")).arg("history").args(folder).output().unwrap();
    assert!(text(&history).contains("leaves net.core.rmem_max of host"), "{}", text(&history));
}

/// As somebody who may read the tree and not write it, though its files have a bit for someone who may.
#[test]
fn a_missing_right_is_4() {
    let (tree, state) = (small_guest(), temporary());
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    open(state.path(), 0o777);
    open(tree.root(), 0o755);
    for path in tree.content().keys() {
        open(&tree.root().join(path), 0o446);
    }
    let mut command = command(&tree, &["apply", "--yes", "--state-dir", state.path().to_str().unwrap()]);
    if rustix::process::geteuid().is_root() {
        command.uid(65_534);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: the program is where nobody else may start it: {error}");
            return;
        }
    };
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(text(&output).contains("NOT PERMITTED: Permission denied"), "{}", text(&output));
}

#[test]
fn a_damaged_journal_is_told_and_nothing_is_changed() {
    let (tree, state) = (small_guest(), temporary());
    let before = tree.content();
    std::fs::write(state.path().join("changes.jsonl"), "{\"sum\":\"00000000\"}\n{}\n").unwrap();
    for verb in [&["apply", "--yes"][..], &["rollback"]] {
        let output = command(&tree, verb).arg("--state-dir").arg(state.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(text(&output).contains("line 1 is damaged"), "{}", text(&output));
    }
    assert!(tree.content() == before);
}

#[test]
fn explain_tells_all_there_is_of_a_knob() {
    let explain = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_quittance-tune")).arg("explain").args(arguments).output().unwrap()
    };
    let told = text(&explain(&["nic.gro"]));
    for word in ["what:", "why:", "risk:", "source:", "kernel:", "others:", "kept in: ethtool {nic} feature.rx-gro"] {
        assert!(told.contains(word), "{told}");
    }
    let all: Value = serde_json::from_slice(&explain(&["--json"]).stdout).unwrap();
    assert!(all.as_array().unwrap().len() > 50);
    assert_eq!(explain(&["nic.grow"]).status.code(), Some(2));
}

/// The script, run for real by `sh`, does to a tree what `apply` does; its paths are led below the root.
#[test]
fn the_exported_script_sets_what_apply_sets() {
    let (by_script, by_apply) = (desktop(), desktop());
    let exported = tune(&by_script, &["export", "script", "--skip", "nic.*", "--skip", "mm.*", "--skip", "disk.*"]);
    let script = text(&exported).replace(" '/", &format!(" '{}/", by_script.arg()));
    let output = Command::new("sh").arg("-c").arg(&script).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let state = temporary();
    let folder = state.path().to_str().unwrap();
    let arguments = ["apply", "--yes", "--skip", "nic.*", "--skip", "mm.*", "--skip", "disk.*", "--state-dir", folder];
    let applied = tune(&by_apply, &arguments);
    assert!(applied.status.success(), "{}", text(&applied));
    assert!(by_script.content() == by_apply.content());
}

#[test]
fn a_namespace_that_is_not_there_is_a_wrong_command_line() {
    for name in ["no-such-namespace", "../proc/self/ns/net", ""] {
        let arguments = ["check", "--netns", name];
        let output = Command::new(env!("CARGO_BIN_EXE_quittance-tune")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
