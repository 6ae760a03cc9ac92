//! The command, run for real.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::tree::isolated_and_offline;

fn tune(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quittance-tune")).args(arguments).output().expect("the command can be started")
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("reports are UTF-8")
}

#[test]
fn show_prints_every_section_of_this_machine() {
    let text = stdout(&tune(&["show"]));
    for title in ["MACHINE", "CORES", "CACHES", "MEMORY NODES", "LIMITS", "IO_URING", "NETWORK", "FINDINGS"] {
        assert!(text.lines().any(|line| line.split_whitespace().next() == title.split(' ').next()), "{title}:\n{text}");
    }
    assert!(!text.contains("not tried"), "{text}");
}

/// Another way to count: the `processor` paragraphs of `/proc/cpuinfo` are the cores that are online.
#[test]
fn show_json_counts_the_cores_that_the_system_counts() {
    let report: Value = serde_json::from_str(&stdout(&tune(&["show", "--json"]))).unwrap();
    assert_eq!(report["format_version"], 1);
    let cores = report["topology"]["cores"].as_array().unwrap();
    let online_count = cores.iter().filter(|core| core["online"] == true).count();
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap();
    assert_eq!(online_count, cpuinfo.lines().filter(|line| line.starts_with("processor")).count());
    let mask = rustix::thread::sched_getaffinity(None).unwrap();
    let allowed_count = cores.iter().filter(|core| core["allowed"] == true).count();
    assert_eq!(allowed_count, usize::try_from(mask.count()).unwrap());
}

#[test]
fn show_reads_another_tree_when_told() {
    let tree = isolated_and_offline();
    let report = stdout(&tune(&["show", "--json", "--sysroot", tree.root().to_str().unwrap()]));
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["topology"]["cores"].as_array().unwrap().len(), 6);
    assert_eq!(report["io_uring"]["plain"]["state"], "not_tried");
}

#[test]
fn a_wrong_sysroot_is_told_with_its_remedy_and_code_2() {
    let empty = tempfile::TempDir::new().unwrap();
    let empty = empty.path().to_str().unwrap();
    for (path, complaint) in [("/nonexistent/tree", "No such file or directory"), (empty, "holds neither proc nor sys")]
    {
        let output = tune(&["show", "--sysroot", path]);
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{complaints}");
        assert!(complaints.starts_with("quittance-tune: ") && complaints.contains(path), "{complaints}");
        assert!(complaints.contains(complaint) && complaints.contains("--sysroot takes"), "{complaints}");
    }
}

#[test]
fn a_wrong_command_line_has_code_2() {
    assert_eq!(tune(&["show", "--jason"]).status.code(), Some(2));
    assert_eq!(tune(&[]).status.code(), Some(2));
}

#[test]
fn a_report_that_cannot_be_written_has_code_1() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_quittance-tune")).arg("show").stdout(full).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn help_documents_the_exit_codes() {
    for arguments in [&["--help"][..], &["show", "--help"]] {
        let help = stdout(&tune(arguments));
        assert!(help.contains("Exit codes:") && help.contains("2  the command line is wrong"), "{help}");
    }
}

#[test]
fn completions_and_manual_pages_name_every_subcommand() {
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&tune(&["completions", shell]));
        assert!(["show", "sysroot", "completions"].iter().all(|word| script.contains(word)), "{shell}: {script}");
    }
    assert!(stdout(&tune(&["man"])).contains("quittance\\-tune"));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man");
    assert!(tune(&["man", "--out", out.to_str().unwrap()]).status.success());
    let mut pages: Vec<String> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    pages.sort();
    let names = [
        "-apply",
        "-check",
        "-completions",
        "-confirm",
        "-explain",
        "-export",
        "-fingerprint",
        "-history",
        "-jitter",
        "-man",
        "-plan",
        "-rollback",
        "-show",
        "",
    ];
    let expected = names.map(|name| format!("quittance-tune{name}.1"));
    assert_eq!(pages, expected);
    let taken = tune(&["man", "--out", out.join("quittance-tune.1").to_str().unwrap()]);
    assert_eq!(taken.status.code(), Some(1), "a file is no folder");
    assert!(String::from_utf8_lossy(&taken.stderr).contains("quittance-tune.1: "), "{taken:?}");
}
