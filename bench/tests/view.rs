//! What a person sees while a run goes on: the real executable, with and without a terminal.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

use serde_json::Value;
use std::process::{Command, Output, Stdio};

const BENCH: &str = env!("CARGO_BIN_EXE_quittance-bench");

/// A phase that is too short for a plain line, and one that is long enough for one. Few payments, so that runs at the same
/// time do not disturb each other.
const RUN: &str = "run --volatile --accounts 300 --tries 60 --json --phase short:200/200ms --phase long:200/2600ms";

/// Runs a line of shell to its end, without a terminal.
fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    // On a busy machine the generator may be late, and then the run says that it is invalid.
    assert!(matches!(output.status.code(), Some(0 | 97)), "{output:?}");
    output
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

/// Lines of the view about this phase.
fn about<'a>(stderr: &'a str, phase: &str) -> Vec<&'a str> {
    let start = format!("{phase}: ");
    stderr.lines().filter(|line| line.starts_with(&start) && line.contains("settled")).collect()
}

#[test]
fn a_pipe_gets_a_plain_line_every_two_seconds_and_none_of_a_short_phase() {
    let output = run(BENCH, &RUN.split(' ').collect::<Vec<_>>());
    let stderr = text(&output.stderr);
    let lines = about(&stderr, "long");
    let [line] = lines[..] else { panic!("one line in 2.6 s: {stderr}") };
    let elapsed = line.strip_prefix("long: ").unwrap().split_once(" of 2.5 s, settled ").unwrap().0;
    assert!((1.9..2.6).contains(&elapsed.parse::<f64>().unwrap()), "{line}");
    for word in [" %), ", "/s, in flight ", ", order to receipt p50 ", ", p99 ", ", refused 0, lost 0, repeated "] {
        assert!(line.contains(word), "{word}: {line}");
    }
    assert!(!line.contains("p50 -") && !line.contains("-/s"), "something settled in the last second: {line}");
    assert!(about(&stderr, "short").is_empty(), "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "{stderr}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["settled"], 560);
}

#[test]
fn a_terminal_is_drawn_on_again_and_again() {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no script(1), which makes a terminal; it is part of util-linux");
        return;
    }
    let shown = text(&run("script", &["-qec", &format!("{BENCH} {RUN}"), "/dev/null"]).stdout);
    let drawn: Vec<&str> = shown.split("long: ").skip(1).filter(|text| text.contains("order to receipt p50")).collect();
    assert!(drawn.len() >= 3, "{shown:?}");
    let mut settled: Vec<&str> = drawn.iter().map(|text| text.split(' ').nth(5).unwrap()).collect();
    settled.dedup();
    assert!(settled.len() >= 3, "the figures move: {settled:?}");
    assert!(shown.contains("\u{1b}["), "lines are drawn in place: {shown:?}");
}

#[test]
fn a_closed_standard_error_gets_nothing_and_the_run_goes_on() {
    let output = run("sh", &["-c", &format!("exec {BENCH} {RUN} 2>&-")]);
    assert_eq!(text(&output.stdout).lines().count(), 1, "one object and nothing else");
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["settled"], 560);
}
