//! Disks that fail: what the authority says as it ends, that it says nothing else, and that it goes on afterwards.

use crate::device::{Act, Operation, Rule};
use crate::disk::Fate;
use crate::harness::Ended;
use crate::machine::{FOLDERS, Machine, can_mount};
use crate::payments::Payments;
use rustix::io::Errno;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The exit code of the machine's fault, and of what was durable and is lost.
const FAULT: Option<i32> = Some(1);
const LOST: Option<i32> = Some(4);

const PAYER_COUNT: u32 = 8;

/// How long nothing has come when everything has: replies that are due come in a few milliseconds.
const QUIET: Duration = Duration::from_millis(200);

/// How long a snapshot may take before it counts as never. Nothing is asserted about speed.
const SNAPSHOT: Duration = Duration::from_secs(300);

const POLL: Duration = Duration::from_millis(10);

const PAGE_BYTES: u64 = 4_096;

/// An authority that serves, and payers who have paid and to whom nothing is due.
fn serving() -> (Machine, Payments) {
    let mut machine = Machine::new(1, PAYER_COUNT);
    let mut payments = Payments::new(&machine.files, PAYER_COUNT, 1);
    machine.start().unwrap();
    pay_some(&mut payments);
    (machine, payments)
}

fn pay_some(payments: &mut Payments) {
    let before = payments.tally.receipts;
    payments.pay(|tally| tally.receipts > before + 30).unwrap();
    payments.take_what_is_due().unwrap();
}

#[track_caller]
fn assert_says(ended: &Ended, code: Option<i32>, words: &[&str]) {
    assert_eq!(ended.code, code, "{ended:?}");
    for word in words {
        assert!(ended.errors.contains(word), "{word:?} is missing: {ended:?}");
    }
}

/// The fault is gone, and all that was not synced with it. The authority goes on from what it said.
#[track_caller]
fn assert_goes_on(mut machine: Machine, mut payments: Payments) {
    machine.device.repair();
    machine.cycle_power(&mut Fate::AllLost);
    machine.start().unwrap();
    payments.hold_to_account().unwrap();
    pay_some(&mut payments);
    payments.hold_to_account().unwrap();
    // One that was left is removed. The next one may be under way.
    let deadline = Instant::now() + SNAPSHOT;
    let is_unfinished = |folder| machine.device.files(folder).iter().any(|name| name.ends_with(".new"));
    while FOLDERS.into_iter().any(is_unfinished) {
        assert!(Instant::now() < deadline, "an unfinished snapshot stays");
        std::thread::sleep(POLL);
    }
    payments.await_supply().unwrap();
    assert_eq!(machine.stop().code, Some(0));
    assert_eq!(machine.verify_journal().code, Some(0));
}

/// Holds if the next block ends the process, and none of the payers hears from it again.
#[track_caller]
fn assert_no_reply_leaves(operation: Operation, path: &'static str, act: Act, words: &[&str]) {
    let (mut machine, mut payments) = serving();
    // What is sent has replies, as long as nothing fails.
    let before = payments.tally;
    payments.send_all();
    payments.take_what_is_due().unwrap();
    let answers = payments.tally.votes + payments.tally.receipts - before.votes - before.receipts;
    assert_eq!(answers, u64::from(PAYER_COUNT));
    machine.breaks(operation, path, act);
    payments.send_all();
    let ended = machine.end();
    assert_says(&ended, FAULT, words);
    assert!(ended.errors.contains("see to the device, then start the authority again"), "{ended:?}");
    assert_eq!(payments.take_what_came(QUIET).unwrap(), 0, "votes and receipts after the fault");
    assert!(machine.device.fault_count() > 0);
    assert_goes_on(machine, payments);
}

#[test]
fn a_journal_that_cannot_be_written_ends_the_process_and_no_reply_leaves() {
    if !can_mount() {
        return;
    }
    let fail = Act::Fail(Errno::IO);
    for path in ["first/journal", "second/journal"] {
        assert_no_reply_leaves(Operation::Write, path, fail, &[path, "cannot be written", "os error 5"]);
    }
}

#[test]
fn a_journal_that_cannot_be_synced_ends_the_process_and_no_reply_leaves() {
    if !can_mount() {
        return;
    }
    let fail = Act::Fail(Errno::IO);
    for path in ["first/journal", "second/journal"] {
        assert_no_reply_leaves(Operation::Sync, path, fail, &[path, "cannot be synced", "os error 5"]);
    }
}

#[test]
fn a_short_write_ends_the_process_and_no_reply_leaves() {
    if !can_mount() {
        return;
    }
    let words = ["second/journal", "only 512 of ", "bytes were written"];
    assert_no_reply_leaves(Operation::Write, "second/journal", Act::Short(512), &words);
}

#[test]
fn a_fault_in_the_midst_of_payments_takes_nothing_that_was_said() {
    if !can_mount() {
        return;
    }
    let fail = Act::Fail(Errno::IO);
    for (operation, skip) in
        [(Operation::Write, 1), (Operation::Write, 50), (Operation::Sync, 7), (Operation::Sync, 30)]
    {
        let (mut machine, mut payments) = serving();
        machine.device.add(Rule { operation, path: "journal", skip, act: fail });
        payments.pay(|_| machine.device.fault_count() > 0).unwrap();
        assert_says(&machine.end(), FAULT, &["journal", "see to the device"]);
        payments.take_what_came(QUIET).unwrap();
        assert_goes_on(machine, payments);
    }
}

/// Holds if a snapshot that meets this ends the process, which then goes on without it.
#[track_caller]
fn assert_snapshot_fails(operation: Operation, path: &'static str, errno: Errno, words: &[&str]) {
    let (mut machine, mut payments) = serving();
    machine.breaks(operation, path, Act::Fail(errno));
    let deadline = Instant::now() + SNAPSHOT;
    payments.pay(|_| machine.device.fault_count() > 0 || Instant::now() > deadline).unwrap();
    assert_says(&machine.end(), FAULT, words);
    payments.take_what_came(QUIET).unwrap();
    assert_goes_on(machine, payments);
}

#[test]
fn a_snapshot_that_finds_no_room_ends_the_process_and_says_so() {
    if !can_mount() {
        return;
    }
    let words = ["second/snapshot-0-1.new", "No space left", "make room"];
    for operation in [Operation::Create, Operation::Write] {
        assert_snapshot_fails(operation, "second/snapshot-", Errno::NOSPC, &words);
    }
}

#[test]
fn a_snapshot_that_cannot_be_made_durable_ends_the_process_and_says_so() {
    if !can_mount() {
        return;
    }
    let words = ["first/snapshot-0-1.new", "os error 5", "see to the device"];
    for operation in [Operation::Write, Operation::Sync, Operation::Rename] {
        assert_snapshot_fails(operation, "first/snapshot-", Errno::IO, &words);
    }
    assert_snapshot_fails(
        Operation::SyncFolder,
        "second",
        Errno::IO,
        &["second", "cannot be synced", "see to the device"],
    );
}

#[test]
fn a_journal_for_which_there_is_no_room_is_not_begun() {
    if !can_mount() {
        return;
    }
    let no_room = Act::Fail(Errno::NOSPC);
    let rule = |operation, skip, act| Rule { operation, path: "second/journal", skip, act };
    let rules = [
        None,
        Some(rule(Operation::Allocate, 0, no_room)),
        Some(rule(Operation::Write, 0, no_room)),
        Some(rule(Operation::Write, 5, no_room)),
    ];
    for rule in rules {
        let mut machine = Machine::new(1, PAYER_COUNT);
        match rule {
            Some(rule) => machine.device.add(rule),
            // One copy fits.
            None => machine.device.set_capacity(12 << 20),
        }
        let ended = machine.start().unwrap_err();
        assert_says(&ended, FAULT, &["second/journal", "no room for a file of", "free so many", "smaller journal"]);
        for folder in FOLDERS {
            assert_eq!(machine.device.files(folder), ["lock"], "{rule:?}");
        }
        machine.device.repair();
        let ready = machine.start().unwrap().pop().unwrap();
        assert_eq!(ready["journal_is_new"], true);
    }
}

#[test]
fn a_journal_that_cannot_be_filled_is_not_begun() {
    if !can_mount() {
        return;
    }
    for (operation, skip) in [(Operation::Write, 3), (Operation::Sync, 0)] {
        let mut machine = Machine::new(1, PAYER_COUNT);
        machine.device.add(Rule { operation, path: "second/journal", skip, act: Act::Fail(Errno::IO) });
        assert_says(&machine.start().unwrap_err(), FAULT, &["second/journal", "os error 5", "see to the device"]);
        for folder in FOLDERS {
            assert_eq!(machine.device.files(folder), ["lock"]);
        }
    }
}

/// What was said at a start about what was found.
fn findings(events: &[Value]) -> Vec<String> {
    let findings = events.iter().filter(|event| event["event"] == "finding");
    findings.map(|finding| finding["what"].as_str().unwrap().to_owned()).collect()
}

fn repaired_blocks(events: &[Value]) -> u64 {
    events[events.len() - 1]["recovered"][0]["repaired_blocks"].as_u64().unwrap()
}

/// Payers who have paid in several blocks, and an authority that was stopped.
fn stopped() -> (Machine, Payments) {
    let (mut machine, payments) = serving();
    machine.stop();
    (machine, payments)
}

#[test]
fn a_page_that_one_copy_cannot_read_is_taken_from_the_other_and_written_again() {
    if !can_mount() {
        return;
    }
    // The first page, and those of blocks.
    for page in [0, 1, 3] {
        let (mut machine, mut payments) = stopped();
        machine.device.spoil("first/journal", page * PAGE_BYTES, PAGE_BYTES);
        let events = machine.start().unwrap();
        let said = findings(&events);
        let words = if page == 0 { "is mended" } else { "cannot be read" };
        assert!(said.iter().any(|what| what.contains("first") && what.contains(words)), "{page}: {said:?}");
        assert_eq!(repaired_blocks(&events), u64::from(page != 0));
        payments.hold_to_account().unwrap();
        machine.cycle_power(&mut Fate::AllLost);
        let events = machine.start().unwrap();
        let said = findings(&events);
        assert!(!said.iter().any(|what| what.contains("first/journal")), "{said:?}");
        assert_eq!(repaired_blocks(&events), 0);
        payments.hold_to_account().unwrap();
    }
}

#[test]
fn a_start_that_cannot_mend_ends_and_the_next_one_mends() {
    if !can_mount() {
        return;
    }
    let (mut machine, mut payments) = stopped();
    machine.device.spoil("first/journal", 3 * PAGE_BYTES, PAGE_BYTES);
    for operation in [Operation::Write, Operation::Sync] {
        machine.breaks(operation, "first/journal", Act::Fail(Errno::IO));
        assert_says(&machine.start().unwrap_err(), FAULT, &["first/journal", "os error 5", "see to the device"]);
        machine.device.repair();
        machine.cycle_power(&mut Fate::AllLost);
    }
    assert_eq!(repaired_blocks(&machine.start().unwrap()), 1);
    payments.hold_to_account().unwrap();
}

#[test]
fn a_device_that_gives_nothing_back_is_done_without_as_long_as_it_takes_writes() {
    if !can_mount() {
        return;
    }
    let (mut machine, mut payments) = stopped();
    machine.breaks(Operation::Read, "first/journal", Act::Fail(Errno::IO));
    let said = findings(&machine.start().unwrap());
    eprintln!("{said:#?}");
    assert!(said.iter().any(|what| what.contains("first/journal") && what.contains("cannot be read")), "{said:?}");
    payments.hold_to_account().unwrap();
    pay_some(&mut payments);
    machine.device.repair();
    machine.cycle_power(&mut Fate::AllLost);
    machine.start().unwrap();
    payments.hold_to_account().unwrap();
}

#[test]
fn a_durable_block_that_no_copy_can_read_keeps_the_authority_from_starting() {
    if !can_mount() {
        return;
    }
    let (mut machine, _) = stopped();
    for path in ["first/journal", "second/journal"] {
        machine.device.spoil(path, 3 * PAGE_BYTES, PAGE_BYTES);
    }
    assert_says(&machine.start().unwrap_err(), LOST, &["first/journal", "block 3", "durable"]);
    assert_eq!(machine.verify_journal().code, LOST);
}

#[test]
fn a_snapshot_that_one_copy_cannot_read_is_taken_from_the_other() {
    if !can_mount() {
        return;
    }
    let (mut machine, mut payments) = serving();
    let name = "snapshot-0-1".to_owned();
    let deadline = Instant::now() + SNAPSHOT;
    let is_there = |folder| machine.device.files(folder).contains(&name);
    payments.pay(|_| FOLDERS.into_iter().all(is_there) || Instant::now() > deadline).unwrap();
    machine.stop();
    payments.take_what_came(QUIET).unwrap();
    machine.device.spoil("first/snapshot-0-1", 0, PAGE_BYTES);
    for repaired in [1, 0] {
        let events = machine.start().unwrap();
        assert_eq!(repaired_blocks(&events), repaired, "{events:?}");
        assert!(events[events.len() - 1]["recovered"][0]["snapshot"].as_u64().unwrap() > 0);
        payments.hold_to_account().unwrap();
        machine.stop();
    }
}

#[test]
fn a_disk_without_direct_writes_serves_through_the_page_cache_and_the_authority_says_so() {
    if !can_mount() {
        return;
    }
    for is_refused in [false, true] {
        let mut machine = Machine::new(1, PAYER_COUNT);
        if is_refused {
            machine.device.refuse_direct();
        }
        let mut payments = Payments::new(&machine.files, PAYER_COUNT, 8);
        for _ in 0..3 {
            let events = machine.start().unwrap();
            let said = findings(&events).iter().any(|what| what.contains("through the page cache"));
            assert_eq!((said, &events[events.len() - 1]["direct"]), (is_refused, &(!is_refused).into()));
            payments.hold_to_account().unwrap();
            pay_some(&mut payments);
            machine.cycle_power(&mut Fate::random(8));
        }
    }
}
