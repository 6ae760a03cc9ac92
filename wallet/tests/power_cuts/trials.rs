//! Power cuts while the wallet pays, recovers, makes accounts, and makes its book shorter.

use crate::disk::Fate;
use crate::machine::{Machine, can_mount};
use crate::make::Numbers;
use quittance_engine::types::{Balance, Sequence};
use quittance_wallet::book::{Book, KnownBalance, Record, encode_batch};
use std::fs::File;
use std::io::Write;

const FUNDING: u64 = 1_000_000;
/// More changes than a payment makes to the disk.
const PAY_CHANGES_MAX: usize = 12;
/// More than it takes to open a long book.
const COMPACT_CHANGES_MAX: usize = 16;
/// A book that long is made shorter, if that halves it.
const LONG_BYTES: usize = 1 << 20;
const BOOK_RECORD_COUNT: u64 = 16_000;

#[derive(Clone, Copy, Debug, Default)]
struct Summary {
    /// Cuts while a payment was under way; and while one was being recovered.
    cuts_in_payments: u32,
    cuts_in_recovery: u32,
    /// Orders that were found pending after a cut.
    pending: u64,
    paid: u64,
}

/// So many rounds with a cut in each: then what the wallet says that it paid, or what went wrong.
fn trial(seed: u64, round_count: u64, mut fate: Fate, prepare: impl FnOnce(&Machine)) -> Result<Summary, String> {
    let mut machine = Machine::with_accounts(FUNDING);
    let (mut numbers, mut summary) = (Numbers(seed), Summary::default());
    let [from, to] = &machine.accounts.clone()[..] else { panic!("there are two") };
    // The first command binds the wallet to its network.
    machine.wallet.pay(1, from, to, &[]);
    prepare(&machine);
    for round in 1..=round_count {
        let amount = (1 + round).to_string();
        let after = u32::try_from(numbers.below(PAY_CHANGES_MAX)).unwrap();
        let said = machine.run_and_cut_after(after, &["pay", &amount, "--from", from, "--to", to, "--no-check"]);
        match said.code {
            None => summary.cuts_in_payments += 1,
            Some(0) => {}
            // The disk fails a moment before the kill comes; anything else is the wallet's own.
            Some(3) if machine.device.is_dark() => summary.cuts_in_payments += 1,
            _ => return Err(format!("round {round}: {said:?}")),
        }
        machine.cycle_power(&mut fate);
        if numbers.below(3) == 0 {
            let after = u32::try_from(numbers.below(PAY_CHANGES_MAX)).unwrap();
            _ = machine.run_and_cut_after(after, &["recover"]);
            summary.cuts_in_recovery += u32::from(machine.device.is_dark());
            machine.cycle_power(&mut fate);
        }
        let (code, recovered) = machine.wallet.json(&["recover"]);
        if code != 0 {
            return Err(format!("round {round}: {recovered}"));
        }
        summary.pending += recovered["finished"].as_array().unwrap().len() as u64;
    }
    summary.paid = paid(&machine)?;
    Ok(summary)
}

/// Holds the wallet's history against what all authorities say. Returns how many payments there were.
fn paid(machine: &Machine) -> Result<u64, String> {
    let [from, to] = &machine.accounts[..] else { panic!("there are two") };
    let last = machine.wallet.run(&["pay", "500000", "--from", from, "--to", to]);
    if last.code != Some(0) {
        return Err(format!("the last payment: {last:?}"));
    }
    let (_, history) = machine.wallet.json(&["history", from]);
    let sent = history["sent"].as_array().unwrap();
    let amounts: Vec<u64> = sent.iter().map(|line| line["amount"].as_u64().unwrap()).collect();
    if !amounts.is_sorted_by(|one, next| one < next) {
        return Err(format!("a payment was made twice: {amounts:?}"));
    }
    let (sum, count) = (i64::try_from(amounts.iter().sum::<u64>()).unwrap(), amounts.len() as u64);
    let funding = i64::try_from(FUNDING).unwrap();
    machine.wallet.await_answers(from, funding - sum, count);
    machine.wallet.await_answers(to, funding + sum, 0);
    Ok(count)
}

#[test]
fn no_pending_order_is_ever_replaced_in_forty_power_cuts() {
    if !can_mount() {
        return;
    }
    let mut all = Summary::default();
    for (seed, round_count, fate) in [(1, 24, Fate::random(1)), (2, 8, Fate::AllLost), (3, 8, Fate::AllKept)] {
        let summary = trial(seed, round_count, fate, |_| {}).unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        eprintln!("seed {seed}: {summary:?}");
        all.cuts_in_payments += summary.cuts_in_payments;
        all.cuts_in_recovery += summary.cuts_in_recovery;
        all.pending += summary.pending;
    }
    assert!(all.cuts_in_payments > 10 && all.cuts_in_recovery > 0 && all.pending > 3, "{all:?}");
}

#[test]
fn where_the_disk_lies_about_syncs_of_the_book_the_trial_fails() {
    if !can_mount() {
        return;
    }
    let outcome = trial(4, 24, Fate::AllLost, |machine| machine.lie_about_syncs("book"));
    let fault = outcome.expect_err("a disk that forgets makes a wallet that forgets");
    eprintln!("as it must be: {fault}");
    assert!(fault.contains("conflict") || fault.contains("overtaken"), "{fault}");
}

#[test]
fn accounts_that_were_printed_are_there_after_a_power_cut() {
    if !can_mount() {
        return;
    }
    let mut machine = Machine::new();
    for count in 1..=4_u64 {
        let line = machine.wallet.run(&["create-accounts", "1"]).ok();
        machine.cycle_power(&mut Fate::AllLost);
        let account = line.split(' ').next().unwrap();
        assert!(machine.wallet.run(&["status"]).ok().contains(account));
        assert_eq!(machine.wallet.secrets().len() as u64, count);
    }
    // Cut anywhere in it, it leaves the keys of before or the new ones, and goes on.
    let mut numbers = Numbers(5);
    for round in 0..12 {
        let before = machine.wallet.secrets();
        let after = u32::try_from(numbers.below(PAY_CHANGES_MAX)).unwrap();
        let said = machine.run_and_cut_after(after, &["create-accounts", "1"]);
        machine.cycle_power(&mut Fate::random(round));
        let secrets = machine.wallet.secrets();
        assert!(secrets.starts_with(&before) && secrets.len() <= before.len() + 1, "round {round}");
        assert!(said.code != Some(0) || secrets.len() == before.len() + 1, "round {round}: {said:?}");
        machine.wallet.run(&["create-accounts", "1"]).ok();
    }
}

#[test]
fn an_order_in_a_book_that_was_made_anew_is_there_after_a_power_cut() {
    if !can_mount() {
        return;
    }
    let mut machine = Machine::with_accounts(FUNDING);
    let [from, to] = &machine.accounts.clone()[..] else { panic!("there are two") };
    std::fs::remove_file(machine.wallet.path().join("book")).unwrap();
    File::open(machine.wallet.path()).unwrap().sync_all().unwrap();
    // These authorities keep no histories, so it is not sure to have everything; the account can pay.
    machine.wallet.run(&["recover", "--rebuild"]).fails(4);
    machine.wallet.run(&["pay", "5", "--from", from, "--to", to, "--certify-only", "--no-check"]).ok();
    machine.cycle_power(&mut Fate::AllLost);
    let error = machine.wallet.run(&["pay", "6", "--from", from, "--to", to, "--no-check"]).fails(4);
    assert!(error.contains("payment 0 of 5 units"), "{error}");
    machine.wallet.run(&["recover"]).ok();
    machine.wallet.await_answers(to, i64::try_from(FUNDING).unwrap() + 5, 0);
}

#[test]
fn a_long_book_that_is_made_shorter_says_the_same_after_a_cut_at_any_moment() {
    if !can_mount() {
        return;
    }
    let mut machine = Machine::with_accounts(FUNDING);
    let [from, to] = &machine.accounts.clone()[..] else { panic!("there are two") };
    (1..=3).for_each(|amount| _ = machine.wallet.pay(amount, from, to, &[]));
    // One order stays pending, certified.
    let certify = ["pay", "4", "--from", from, "--to", to, "--certify-only"];
    machine.wallet.run(&certify).ok();
    let path = machine.wallet.path().join("book");
    let long = lengthened(&std::fs::read(&path).unwrap());
    let expected = Book::replay(&long).unwrap().book;
    let (mut numbers, mut cut_count, mut short_count) = (Numbers(6), 0, 0);
    for round in 0..24 {
        let mut file = File::create(&path).unwrap();
        file.write_all(&long).and_then(|()| file.sync_all()).unwrap();
        drop(file);
        let after = u32::try_from(numbers.below(COMPACT_CHANGES_MAX)).unwrap();
        // Any command that opens the wallet will do: this one writes nothing of its own.
        let said = machine.run_and_cut_after(after, &["import-key", path.with_file_name("keys").to_str().unwrap()]);
        cut_count += u32::from(machine.device.is_dark());
        assert!(machine.device.is_dark() || said.code == Some(0), "round {round}: {said:?}");
        let mut fate = if round % 3 == 0 { Fate::AllLost } else { Fate::random(round) };
        machine.cycle_power(&mut fate);
        let bytes = std::fs::read(&path).unwrap();
        let replay = Book::replay(&bytes).unwrap_or_else(|fault| panic!("round {round}: {fault}"));
        assert!(replay.book == expected && replay.torn_bytes == 0, "round {round}: {} bytes", bytes.len());
        short_count += u32::from(bytes.len() < long.len());
    }
    assert!(cut_count > 6 && short_count > 3 && short_count < 24, "{cut_count} cuts, {short_count} times shorter");
    machine.wallet.run(&["recover"]).ok();
    machine.wallet.pay(5, from, to, &[]);
    machine.wallet.await_answers(from, i64::try_from(FUNDING).unwrap() - 15, 5);
}

/// The book, with so many more records that say the same things again and again.
fn lengthened(bytes: &[u8]) -> Vec<u8> {
    let (mut long, book) = (bytes.to_vec(), Book::replay(bytes).unwrap().book);
    let (account, _) = book.accounts().next().unwrap();
    for turn in 0..BOOK_RECORD_COUNT / 100 {
        let known = |number| {
            let balance = Balance(i128::from(turn) * 100 + number);
            KnownBalance { balance, next_sequence: Sequence(0) }
        };
        let records: Vec<Record> =
            (0..100).map(|number| Record::Balance { account: *account, known: known(number) }).collect();
        encode_batch(&records, long.len() as u64, &mut long);
    }
    assert!(long.len() > LONG_BYTES);
    long
}
