//! Simulated committees: the seeds of the gate, the same seed twice, real signatures, and every bug there is to plant.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod common;

use common::bench_json;
use core::convert::Infallible;
use core::ops::Range;
use quittance_bench::sim::mutants::{Bug, Planted};
use quittance_bench::sim::signatures::Keys;
use quittance_bench::sim::world::Terms;
use quittance_bench::sim::{Found, run_seed, run_seeds};
use quittance_engine::mutant::Mutant;
use std::rc::Rc;

const SOUND: Terms = Terms { steps: 10_000, real_signatures: false, planted: Planted::NOTHING };

fn run(seeds: Range<u64>, terms: &Terms) -> Found {
    let found = run_seeds(seeds, terms, |_, _| Ok::<(), Infallible>(())).unwrap();
    if let Some((seed, violation)) = &found.first {
        panic!("seed {seed}, {} steps, step {}: {}", terms.steps, violation.step, violation.what);
    }
    found
}

#[test]
fn no_seed_shows_what_must_never_be_and_every_fault_happens() {
    let mut faults = run(0..300, &SOUND).faults;
    // Long enough for rings to turn.
    faults.add(&run(1_000..1_060, &Terms { steps: 60_000, ..SOUND }).faults);
    let missing: Vec<_> = faults.all().into_iter().filter(|(_, count)| *count == 0).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_seed_is_the_same_run_every_time_to_the_last_byte() {
    for terms in [SOUND, Terms { steps: 1_000, real_signatures: true, ..SOUND }] {
        let [first, second] = [0, 1].map(|_| run(7..27, &terms));
        assert_eq!(first.trace.finalize(), second.trace.finalize());
        assert_eq!((first.steps, first.faults), (second.steps, second.faults));
        assert_ne!(first.trace.finalize(), run(8..28, &terms).trace.finalize());
    }
}

#[test]
fn with_real_signatures_the_same_worlds_settle() {
    let found = run(0..40, &Terms { steps: 2_000, real_signatures: true, ..SOUND });
    assert!(found.payments > 100 && found.faults.forged_orders > 100, "{found:?}");
}

/// Seeds, of 60,000 steps each, within which each bug must be found: those measured, and some more.
fn seeds_allowed(bug: Bug) -> u64 {
    match bug {
        Bug::Authority(
            Mutant::FullOutboxIgnored
            | Mutant::HeldOrderSkipsChecks
            | Mutant::TwoBlocksUnderWay
            | Mutant::SnapshotBeforeJournal
            | Mutant::TornBlockAccepted,
        ) => 60,
        Bug::Authority(Mutant::NoFundsCheck | Mutant::HeldOrderKept) => 16,
        _ => 8,
    }
}

#[test]
fn every_planted_bug_is_found_within_so_many_seeds() {
    std::panic::set_hook(Box::new(|_| {}));
    let keys = Rc::new(Keys::new());
    let is_missed = |bug: &Bug| {
        let planted = bug.plant().expect("tests are built for it");
        let terms = Terms { steps: 60_000, planted, ..SOUND };
        (0..seeds_allowed(*bug)).all(|seed| run_seed(seed, &terms, &keys).is_ok())
    };
    let missed: Vec<_> = Bug::all().filter(is_missed).collect();
    _ = std::panic::take_hook();
    assert!(missed.is_empty(), "{missed:?}");
}

fn command(arguments: &str) -> (i32, serde_json::Value, String) {
    let arguments = format!("sim --seeds 0..2 --steps 3000 {arguments}");
    bench_json(arguments.split_whitespace().map(str::to_owned))
}

#[test]
fn the_command_reports_what_it_did() {
    let (code, json, stderr) = command("");
    assert_eq!((code, &json["seeds"], &json["violations"]), (0, &2.into(), &0.into()), "{stderr}\n{json}");
    assert!(json["steps"].as_u64().unwrap() >= 6_000 && json["steps_per_s"].as_f64().unwrap() > 0.0, "{json}");
    assert!(json["faults"]["datagrams_overtook"].is_u64() && json.get("first_violation").is_none(), "{json}");
    assert_eq!((json["trace"].as_str().unwrap().len(), &json["signatures"]), (64, &"oracle".into()), "{json}");
    assert_eq!(command("").1["trace"], json["trace"]);
}

/// The canary: if this run did not fail, no other would.
#[test]
fn a_violation_is_told_with_the_command_that_shows_it_again() {
    let (code, json, stderr) = command("--mutant vote-before-durable");
    assert_eq!((code, &json["violations"]), (1, &2.into()), "{stderr}\n{json}");
    let first = &json["first_violation"];
    let repeat = "quittance-bench sim --seeds 0..1 --steps 3000 --mutant vote-before-durable";
    assert_eq!((&first["seed"], &first["command"]), (&0.into(), &repeat.into()), "{json}");
    assert!(first["what"].as_str().unwrap().contains("too early") && stderr.contains(repeat), "{stderr}\n{json}");
}

#[test]
fn seeds_that_are_none_and_bugs_that_are_unknown_are_refused() {
    for arguments in ["--seeds 5..5", "--seeds 7", "--mutant nonsense", "--mutants --mutant no-resend"] {
        let arguments = format!("sim {arguments}");
        let arguments = arguments.split_whitespace().map(str::to_owned);
        let output =
            std::process::Command::new(env!("CARGO_BIN_EXE_quittance-bench")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
