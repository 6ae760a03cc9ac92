//! Servers that do not keep the protocol, or a wire that does not: the bench must end in bounded time, settle nothing that
//! was not settled, and say so.
//!
//! The hostile server is this test executable again, started by the bench through a small script: see
//! [`hostile_authority`] and `server.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

#[path = "../common/mod.rs"]
mod common;
mod server;

use common::{bench, bench_json};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Written into the folder, and started by the bench as its authority.
fn script(folder: &TempDir, mode: &str) -> PathBuf {
    let path = folder.path().join("hostile-authority.sh");
    let executable = std::env::current_exe().unwrap();
    // The bench calls it with: run --authority FILE --committee FILE --genesis FILE ...
    let text = format!(
        "#!/bin/sh\nHOSTILE_MODE={mode} HOSTILE_FILE=\"$3\" HOSTILE_COMMITTEE=\"$5\" HOSTILE_GENESIS=\"$7\" \\\n  \
         HOSTILE_ID='{}' exec '{}' hostile_authority --exact --ignored --nocapture\n",
        folder.path().join("id").display(),
        executable.display()
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Runs the bench against a server of this mode, with little patience.
fn against(mode: &str) -> (i32, serde_json::Value, String) {
    with_tries(mode, "5")
}

fn with_tries(mode: &str, tries: &str) -> (i32, serde_json::Value, String) {
    with(mode, &["--timeout-ms", "40", "--tries", tries])
}

fn with(mode: &str, patience: &[&str]) -> (i32, serde_json::Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let script = script(&folder, mode);
    let few = ["--volatile", "--accounts", "60", "--payments", "150"];
    let arguments = [&few[..], patience, &["--authority-binary"]].concat();
    bench_json(arguments.iter().map(|text| text.to_string()).chain([script.to_str().unwrap().to_owned()]))
}

#[test]
fn a_silent_server_ends_the_run_with_everything_lost() {
    let (code, json, stderr) = against("silent");
    assert_eq!(code, 1, "{stderr}");
    assert_eq!((&json["lost"], &json["settled_per_s"]), (&150.into(), &0.0.into()));
    assert_eq!(json["payments"], 150);
    assert_eq!(json["audit"]["ok"], false);
    assert_eq!(json["audit"]["unanswered"], 60);
    assert!(stderr.contains("150 of 150 payments were lost") && stderr.contains("the audit failed"), "{stderr}");
}

#[test]
fn garbage_settles_nothing_and_is_counted() {
    let (code, json, stderr) = against("garbage");
    assert_eq!(code, 1, "{stderr}");
    assert_eq!((&json["lost"], &json["settled_per_s"]), (&150.into(), &0.0.into()));
    assert!(json["invalid_replies_by_fault"]["malformed"].as_u64().unwrap() > 0, "{json}");
    assert!(json["invalid_replies_by_fault"]["kind"].as_u64().unwrap() > 0, "{json}");
}

#[test]
fn forged_votes_settle_nothing_and_are_counted() {
    let (code, json, stderr) = against("forged");
    assert_eq!(code, 1, "{stderr}");
    assert_eq!((&json["lost"], &json["settled_per_s"]), (&150.into(), &0.0.into()));
    assert!(json["invalid_replies_by_fault"]["signature"].as_u64().unwrap() > 0, "{json}");
    assert_eq!(json["invalid_replies"], json["invalid_replies_by_fault"]["signature"]);
}

#[test]
fn balances_that_are_made_up_fail_the_audit() {
    let (code, json, stderr) = against("rich");
    assert_eq!(code, 1, "{stderr}");
    assert_eq!((&json["audit"]["ok"], &json["audit"]["mismatches"]), (&false.into(), &60.into()));
    assert_ne!(json["audit"]["total"], json["audit"]["expected_total"]);
}

/// The server is honest; of what it gets it drops every fifth datagram, and of what it sends every seventh.
#[test]
fn a_lossy_wire_costs_repetitions_and_no_payment() {
    let (code, json, stderr) = with_tries("lossy", "100");
    assert_eq!(code, 0, "{stderr}{json}");
    assert_eq!((&json["settled"], &json["lost"]), (&150.into(), &0.into()));
    assert_eq!((&json["audit"]["ok"], &json["invalid_replies"]), (&true.into(), &0.into()));
    assert!(json["retries"].as_u64().unwrap() > 30, "{json}");
}

/// Long enough that nothing is repeated that was not dropped, however busy the machine is.
const PATIENT: [&str; 4] = ["--timeout-ms", "1000", "--tries", "20"];

#[test]
fn silence_is_accounted_for_on_both_sides() {
    let (code, json, stderr) = against("silent");
    assert_eq!(code, 1, "{stderr}");
    let (payments, requests) = (&json["accounting"]["payments"], &json["accounting"]["requests"]);
    assert_eq!(
        (&payments["scheduled"], &payments["settled"], &payments["remainder"]),
        (&150.into(), &0.into(), &0.into())
    );
    let count = |value: &serde_json::Value| value.as_u64().unwrap();
    let timed_out = count(&payments["timed_out"]["awaiting_votes"]);
    let never_sent = count(&payments["never_sent"]["blocked"]) + count(&payments["never_sent"]["unsent"]);
    assert_eq!((timed_out + never_sent, &payments["timed_out"]["awaiting_receipts"]), (150, &0.into()), "{json}");
    assert_eq!(
        (&requests["received"], &requests["replies_dropped"]),
        (&requests["pushed"], &requests["pushed"]),
        "{json}"
    );
    assert_eq!((&requests["remainder_on_the_way"], &requests["remainder"]), (&0.into(), &0.into()), "{json}");
    assert!(!stderr.contains("accounting"), "{stderr}");
}

/// Every account's first order is refused. So its others are never sent, and nothing settles, so there is no open loop.
#[test]
fn nothing_but_errors_is_accounted_for_to_the_last_payment() {
    let (code, json, stderr) = with("errors", &PATIENT);
    assert_eq!(code, 1, "{stderr}");
    let accounting = &json["accounting"];
    assert_eq!(accounting["payments"]["rejected_by_code"], serde_json::json!({"expired": 60}));
    assert_eq!(accounting["payments"]["never_sent"], serde_json::json!({"blocked": 40, "unsent": 50}), "{json}");
    // An order and a question for each account.
    assert_eq!((&accounting["requests"]["pushed"], &accounting["requests"]["replied"]), (&120.into(), &120.into()));
    assert_eq!((&accounting["replies"]["used"], &accounting["replies"]["audit"]), (&60.into(), &60.into()), "{json}");
    assert!(stderr.contains("60 payments were rejected") && !stderr.contains("accounting"), "{stderr}");
}

/// 360 requests must be answered: two for each payment, and a question for each account. So 363 are sent.
#[test]
fn one_in_a_hundred_that_is_dropped_is_accounted_for() {
    let (code, json, stderr) = with("hundredth", &PATIENT);
    assert_eq!(code, 0, "{stderr}{json}");
    let accounting = &json["accounting"];
    let (requests, replies) = (&accounting["requests"], &accounting["replies"]);
    assert_eq!(
        (&requests["pushed"], &requests["replies_dropped"], &requests["replied"]),
        (&363.into(), &3.into(), &360.into())
    );
    assert_eq!((&replies["used"], &replies["audit"], &json["retries"]), (&300.into(), &60.into(), &3.into()), "{json}");
    assert_eq!(accounting["datagrams_lost_by_place"]["reply_queue"], 3);
    assert_eq!((&requests["remainder"], &replies["remainder"]), (&0.into(), &0.into()));
}

/// A server that drops one request and does not count it.
#[test]
fn an_authority_that_loses_requests_without_counting_them_is_found_out() {
    let (code, json, stderr) = with("forgetful", &PATIENT);
    assert_eq!((code, &json["lost"]), (1, &0.into()), "{stderr}{json}");
    assert_eq!(json["accounting"]["requests"]["remainder"], 1);
    assert!(stderr.contains("requests at the authorities 1"), "{stderr}");
}

/// Payments settle once, and every second answer is counted as late; but nobody asked for it.
#[test]
fn an_authority_that_answers_twice_is_accounted_for_and_found_out() {
    let (code, json, stderr) = with("twice", &PATIENT);
    assert_eq!(code, 1, "{stderr}");
    let accounting = &json["accounting"];
    assert_eq!((&json["settled"], &accounting["payments"]["remainder"]), (&150.into(), &0.into()));
    assert_eq!(accounting["replies"]["used"], 300);
    // The second answer to a phase's last certificate may come when the audit asks already.
    let [late, audit] = ["late", "audit"].map(|name| accounting["replies"][name].as_u64().unwrap());
    assert!(late + audit == 300 + 120 && (298..=300).contains(&late), "{json}");
    assert_eq!((&accounting["requests"]["received"], &accounting["requests"]["replied"]), (&360.into(), &720.into()));
    assert_eq!(
        (&accounting["requests"]["remainder"], &accounting["replies"]["remainder"]),
        ((&(-360).into()), &0.into())
    );
    assert!(stderr.contains("requests at the authorities -360"), "{stderr}");
}

/// It votes, and drops every certificate: money may have moved, and the report must not say that it has.
#[test]
fn certificates_without_receipts_are_lost_and_not_settled() {
    let (code, json, stderr) = against("no_receipts");
    assert_eq!(code, 1, "{stderr}");
    assert_eq!((&json["settled"], &json["lost"]), (&0.into(), &150.into()));
    let lost = |place: &str| json["lost_by_place"][place].as_u64().unwrap();
    // Orders that were on their way when the run gave up are lost as such; how many depends on the moment.
    assert!(lost("certificate") > 0 && lost("certificate") >= lost("order"), "{json}");
}

#[test]
fn a_server_that_dies_is_reported_with_its_own_exit_code() {
    let (code, _, stderr) = against("dying");
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("authority 0 died during the run"), "{stderr}");
}

#[test]
fn a_server_that_never_gets_ready_is_reported_with_its_own_exit_code() {
    let (code, _, stderr) = against("stillborn");
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("authority 0 did not start"), "{stderr}");
}

#[test]
fn an_interrupt_stops_the_run_and_its_authority() {
    let folder = tempfile::tempdir().unwrap();
    let script = script(&folder, "silent");
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance-bench"));
    let few = ["--volatile", "--accounts", "60", "--payments", "90", "--timeout-ms", "60000", "--authority-binary"];
    command.args(few).arg(script);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let id_file = folder.path().join("id");
    let authority = loop {
        match std::fs::read_to_string(&id_file) {
            Ok(id) if !id.is_empty() => break id,
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let id = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!Path::new("/proc").join(authority).exists(), "the authority was left behind");
}

#[test]
fn an_executable_that_is_not_there_is_an_error_with_a_remedy() {
    let output = bench(["--authority-binary", "/nowhere/quittance-authority"].map(String::from));
    assert_eq!(output.status.code(), Some(3));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("cargo build --release"), "{stderr}");
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    for arguments in [["--accounts", "1"], ["--transport", "pigeon"], ["--committee", "28"], ["--data", "a,b,c"]] {
        let output =
            bench(arguments.map(String::from).into_iter().chain(["--authority-binary".into(), "/bin/sh".into()]));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
#[ignore = "the hostile server itself: the bench starts it for the tests above"]
fn hostile_authority() {
    if let Ok(mode) = std::env::var("HOSTILE_MODE") {
        server::serve(&mode);
    }
}
