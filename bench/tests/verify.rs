//! Signature checks measured by the real executable: what it prints, not how fast it is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod common;

use common::{bench, bench_json};
use quittance_verify::BackendKind;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

const SIZES: [u32; 6] = [1, 8, 16, 64, 256, 1024];

fn positive(json: &Value) -> f64 {
    let figure = json.as_f64().unwrap_or_else(|| panic!("{json} is no figure"));
    assert!(figure > 0.0 && figure.is_finite(), "{figure}");
    figure
}

/// Medians of ratios and ratios of medians differ, more so on a busy machine; swapped or mixed up they would differ more.
fn nearly(found: f64, implied: f64) {
    assert!(found < 2.0 * implied && implied < 2.0 * found, "{found} where the cells imply {implied}");
}

#[test]
fn every_cell_is_there_and_ratios_are_what_the_cells_imply() {
    let (code, json, stderr) = bench_json(["verify", "--quick"].map(String::from));
    assert_eq!(code, 0, "{stderr}");
    let best = BackendKind::best().name();
    assert_eq!(json["backend"], best);
    let mut cell_count = 0;
    for set in ["accounts", "accounts_hinted", "committee"] {
        for size in SIZES {
            let name = format!("{set}_{size}");
            let mut contenders = vec!["ifma", "portable", "dalek"];
            contenders.retain(|contender| *contender != "ifma" || BackendKind::Ifma.available());
            contenders.retain(|contender| *contender != "dalek" || set != "accounts_hinted");
            assert_eq!(json["us"][&name].as_object().unwrap().len(), contenders.len(), "{name}: {}", json["us"][&name]);
            for contender in contenders {
                let us = positive(&json["us"][&name][contender]);
                let per_s = positive(&json["per_s"][&name][contender]);
                assert!((us * per_s / 1_000_000.0 - 1.0).abs() < 1e-9, "{us} us, {per_s}/s");
            }
            let same_orders = name.replace("_hinted", "");
            let implied = positive(&json["us"][same_orders]["dalek"]) / positive(&json["us"][&name][best]);
            match (set, size) {
                ("accounts", 1) => nearly(positive(&json["ratios"]["single"]), implied),
                (_, 1) => assert!(json["ratios"][&name].is_null()),
                _ => nearly(positive(&json["ratios"][&name]), implied),
            }
            cell_count += 1;
        }
    }
    assert_eq!(json["us"].as_object().unwrap().len(), cell_count);
    assert_eq!(json["per_s"].as_object().unwrap().len(), cell_count);
    assert_eq!(json["ratios"].as_object().unwrap().len(), cell_count - 2, "of three cells for single calls one counts");
    assert_eq!(json["message_bytes"], quittance_engine::message::ORDER_MESSAGE_BYTES);
    assert_eq!((&json["pool"], &json["keys"]["committee"]), (&4_096.into(), &4.into()));
    assert_eq!(json["command"], "quittance-bench verify --quick --json");
}

#[test]
fn without_json_a_table_is_printed_and_the_command_to_repeat_it() {
    let output = bench(["verify", "--quick", "--rounds", "2"].map(String::from));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    for part in ["4,096 keys in turn", "with R's x", "4 keys in turn", "2 rounds", "portable us", "dalek us"] {
        assert!(stdout.contains(part), "{part} in\n{stdout}");
    }
    assert!(stdout.contains("repeat with: quittance-bench verify --quick --rounds 2"), "{stdout}");
}

#[test]
fn a_core_that_does_not_exist_is_wrong_usage() {
    let output = bench(["verify", "--core", "1000000"].map(String::from));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("may use the cores"), "{output:?}");
}

#[test]
fn an_interrupt_ends_the_measurement_with_130_and_no_report() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_quittance-bench"))
        .args(["verify", "--rounds", "100000", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.starts_with("signing orders: 8192"), "{line}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert_eq!((child.wait().unwrap().code(), stdout.as_str()), (Some(130), ""));
}
