//! The power goes, again and again; and disks that lie, to show that these trials can fail.

use crate::device::{Act, Operation};
use crate::disk::Fate;
use crate::machine::{Machine, can_mount};
use crate::payments::{Payments, Violation};
use crate::trial::{Summary, Trial};
use std::time::{Duration, Instant};

/// Receipts by which every shard's ring has turned more than once: see `snapshot` in what the trials print.
const RECEIPTS_OF_A_TURN: u64 = 20_000;

/// How long that may take before it counts as never. Nothing is asserted about speed.
const TURN: Duration = Duration::from_secs(300);

/// How long nothing has come when everything has: replies that are due come in a few milliseconds.
const QUIET: Duration = Duration::from_millis(200);

/// Exit code of an authority that misses something which was durable.
const LOST: &str = "exit code Some(4)";

#[track_caller]
fn hold(trial: Trial, prepare: impl FnOnce(&Machine)) -> Summary {
    let (seed, cut_count) = (trial.seed, trial.cut_count);
    let summary = trial.run(prepare).unwrap_or_else(|violation| panic!("seed {seed}: {violation:?}"));
    eprintln!("seed {seed}: {summary:?}");
    assert_eq!(summary.cuts, cut_count);
    summary
}

#[test]
fn no_vote_and_no_receipt_is_forgotten_in_thirty_power_cuts() {
    if !can_mount() {
        return;
    }
    let summary = hold(Trial { seed: 1, cut_count: 30, fate: Fate::random(1) }, |_| {});
    assert!(summary.cuts_in_start > 0 && summary.cuts_in_snapshot > 0 && summary.snapshot > 1, "{summary:?}");
    assert!(summary.repaired_blocks > 0 && summary.tally.conflicts > 0, "{summary:?}");
}

#[test]
#[ignore = "takes over a minute: see the figures in main.rs"]
fn no_vote_and_no_receipt_is_forgotten_in_two_hundred_power_cuts() {
    if !can_mount() {
        return;
    }
    for seed in 100..104 {
        hold(Trial { seed, cut_count: 50, fate: Fate::random(seed) }, |_| {});
    }
}

#[test]
fn cuts_that_keep_everything_and_cuts_that_lose_all_that_was_not_synced_are_outlived() {
    if !can_mount() {
        return;
    }
    for (seed, fate) in [(2, Fate::AllKept), (3, Fate::AllLost)] {
        hold(Trial { seed, cut_count: 5, fate }, |_| {});
    }
}

#[test]
fn a_cut_after_the_first_votes_of_a_new_authority_takes_nothing() {
    if !can_mount() {
        return;
    }
    let mut machine = Machine::new(1, 4);
    let mut payments = Payments::new(&machine.files, 4, 4);
    machine.start().unwrap();
    payments.pay(|tally| tally.votes > 0).unwrap();
    machine.cycle_power(&mut Fate::AllLost);
    payments.take_what_came(Duration::ZERO).unwrap();
    let ready = machine.start().unwrap().pop().unwrap();
    assert_eq!(ready["journal_is_new"], false);
    payments.hold_to_account().unwrap();
}

#[test]
fn what_a_killed_process_left_unsynced_is_synced_before_the_next_one_reveals_it() {
    if !can_mount() {
        return;
    }
    let mut machine = Machine::new(1, 4);
    let mut payments = Payments::new(&machine.files, 4, 8);
    machine.start().unwrap();
    // Both copies of the block are written, and neither is synced.
    machine.kill_after(2, "journal");
    payments.send(0);
    machine.end();
    assert!(!machine.device.is_waiting() && !machine.device.is_dark());
    assert_eq!(payments.take_what_came(QUIET).unwrap(), 0);
    let ready = machine.start().unwrap().pop().unwrap();
    assert_eq!(ready["recovered"][0]["records"], 1);
    // The vote is repeated, and needs no record of its own.
    payments.send(0);
    payments.take_what_is_due().unwrap();
    assert_eq!(payments.tally.votes, 1);
    machine.cycle_power(&mut Fate::AllLost);
    machine.start().unwrap();
    payments.hold_to_account().unwrap();
    assert_eq!(payments.tally.conflicts, 1);
}

/// A sync that says yes and does nothing.
fn lie(machine: &Machine, operation: Operation, path: &'static str) {
    machine.breaks(operation, path, Act::Lie);
}

#[test]
fn where_both_disks_lie_about_syncs_the_trial_fails() {
    if !can_mount() {
        return;
    }
    for fate in [Fate::AllLost, Fate::random(5)] {
        let outcome = Trial { seed: 5, cut_count: 10, fate }.run(|machine| lie(machine, Operation::Sync, "journal"));
        let Violation(what) = outcome.expect_err("a disk that forgets makes an authority that forgets");
        eprintln!("as it must be: {what}");
        let is_what_a_liar_causes = [LOST, "are known", "is not pending", "a second order has a vote"];
        assert!(is_what_a_liar_causes.iter().any(|words| what.contains(words)), "{what}");
    }
}

#[test]
fn where_one_disk_lies_the_other_copy_serves() {
    if !can_mount() {
        return;
    }
    let summary = hold(Trial { seed: 6, cut_count: 6, fate: Fate::random(6) }, |machine| {
        lie(machine, Operation::Sync, "first/journal");
    });
    assert!(summary.repaired_blocks > u64::from(summary.cuts), "{summary:?}");
}

#[test]
fn where_both_disks_lie_about_snapshots_the_authority_refuses_to_start() {
    if !can_mount() {
        return;
    }
    // About their names, and about what is in them.
    for (operation, path) in [(Operation::SyncFolder, ""), (Operation::Sync, "snapshot-")] {
        let mut machine = Machine::new(1, 24);
        let mut payments = Payments::new(&machine.files, 24, 7);
        machine.start().unwrap();
        lie(&machine, operation, path);
        let deadline = Instant::now() + TURN;
        payments.pay(|tally| tally.receipts > RECEIPTS_OF_A_TURN || Instant::now() > deadline).unwrap();
        assert!(payments.tally.receipts > RECEIPTS_OF_A_TURN, "{:?}", payments.tally);
        machine.cycle_power(&mut Fate::AllLost);
        let ended = machine.start().expect_err("the snapshots are gone, and the journal before them is written over");
        assert_eq!(ended.code, Some(4), "{ended:?}");
    }
}
