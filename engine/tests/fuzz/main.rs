//! What the fuzzers look for, looked for in every run of the tests: the kept corpus and some thousands of seeded inputs, through
//! the fuzzers' own harnesses; and every harness with bugs planted, each of which it must find.
//!
//! `fuzz/README.md` says how to let the fuzzers themselves run. A failure names its input: run it again by that name, or put it
//! into the corpus.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

#[path = "../../fuzz/harness/mod.rs"]
mod harness;
mod properties;

use harness::common::{Bug, Random};
use harness::{ALL, Harness};
use quittance_engine::mutant::Mutant;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// Random inputs for each harness, and how long they may take: on a slow machine there are fewer.
const RANDOM_COUNT: u64 = 4_000;
const RANDOM_TIME_MAX: Duration = Duration::from_secs(5);

/// Of which so many are always tried, and so many are enough for every planted bug.
const RANDOM_COUNT_MIN: u64 = 300;
const HUNT_COUNT_MAX: u64 = 20_000;

fn corpus(harness: &Harness) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(harness.name);
    let file = |entry: fs::DirEntry| (entry.path().display().to_string(), fs::read(entry.path()).unwrap());
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| file(entry.unwrap())).collect();
    files.sort();
    files
}

/// Says which input it was if checking it panics.
struct Culprit<'a>(&'a str, &'a [u8]);

impl Drop for Culprit<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: {}", self.0, hex::encode(self.1));
        }
    }
}

fn run(name: &str) {
    let harness = ALL.iter().find(|harness| harness.name == name).unwrap();
    let files = corpus(harness);
    let bytes: usize = files.iter().map(|(_, input)| input.len()).sum();
    let is_small = (12..=200).contains(&files.len()) && bytes <= 1 << 20;
    assert!(is_small, "{} files, {bytes} bytes: a corpus is there, and small", files.len());
    for (name, input) in &files {
        let _culprit = Culprit(name, input);
        (harness.check)(input, None);
    }
    let start = Instant::now();
    for seed in 0..RANDOM_COUNT {
        if seed >= RANDOM_COUNT_MIN && start.elapsed() > RANDOM_TIME_MAX {
            break;
        }
        let (name, input) = (format!("{name}, seed {seed}"), (harness.random)(&mut Random(seed)));
        let _culprit = Culprit(&name, &input);
        (harness.check)(&input, None);
    }
}

/// How many inputs it takes to find each bug: the corpus first.
fn hunt(name: &str, bugs: &[Bug]) {
    let harness = ALL.iter().find(|harness| harness.name == name).unwrap();
    for bug in bugs {
        let corpus = corpus(harness).into_iter().map(|(_, input)| input);
        let random = (0..HUNT_COUNT_MAX).map(|seed| (harness.random)(&mut Random(seed)));
        let is_well = |input: &[u8], bug| catch_unwind(AssertUnwindSafe(|| (harness.check)(input, bug))).is_ok();
        // It must be the bug that is found, and nothing else.
        let finds = |input: Vec<u8>| !is_well(&input, Some(*bug)) && is_well(&input, None);
        let found = corpus.chain(random).position(finds);
        eprintln!("{name}: {bug:?} is found by input {found:?}");
        assert!(found.is_some(), "{name} never finds {bug:?}");
    }
}

fn engine(mutants: &[Mutant]) -> Vec<Bug> {
    mutants.iter().copied().map(Bug::Engine).collect()
}

#[test]
fn every_frame_has_one_encoding() {
    run("frame");
}

#[test]
fn a_reader_of_frames_that_overlooks_padding_is_found() {
    hunt("frame", &[Bug::PaddingOverlooked]);
}

#[test]
fn nothing_is_read_from_a_journal_that_was_not_written() {
    run("block");
}

#[test]
fn readers_of_torn_blocks_and_short_records_are_found() {
    hunt("block", &[Bug::ShortRecord, Bug::Engine(Mutant::TornBlockAccepted)]);
}

#[test]
fn a_damaged_journal_gives_back_what_was_durable_or_is_refused() {
    run("recovery");
}

#[test]
fn recoveries_that_take_what_they_should_not_are_found() {
    use Mutant::{SnapshotWithoutPending, StaleBlockAccepted, TailReplayedTwice, TornBlockAccepted};
    hunt("recovery", &engine(&[TornBlockAccepted, StaleBlockAccepted, SnapshotWithoutPending, TailReplayedTwice]));
}

#[test]
fn certificates_are_judged_as_by_a_slow_judge() {
    run("certificate");
}

#[test]
fn judges_of_certificates_that_are_too_kind_are_found() {
    hunt("certificate", &engine(&[Mutant::QuorumOf2f, Mutant::VoteSignatureIgnored]));
}

#[test]
fn two_shards_keep_their_promises_whatever_they_are_made_to_do() {
    run("shard");
}

#[test]
fn shards_that_break_their_promises_are_found() {
    use Mutant::*;
    let early = [VoteBeforeDurable, RepeatedVoteLeaks, ReceiptBeforeDurable, AnswerBeforeDurable, CreditBeforeDurable];
    hunt("shard", &engine(&early));
    hunt("shard", &engine(&[NoConflictCheck, OrderSignatureIgnored, VoteSignatureIgnored, QuorumOf2f]));
    hunt("shard", &engine(&[HeldOrderSkipsChecks, HeldOrderKept]));
    hunt("shard", &engine(&[CreditAppliedTwice, CreditGapAccepted, AckOnReceipt, NoResend, HistoryLinksExchanged]));
}

/// Not a test: writes the harnesses' own seeds into the corpus, by `cargo test --test fuzz -- --ignored`.
#[test]
#[ignore = "writes files of the sources"]
fn seeds_are_written_into_the_corpus() {
    for harness in ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(harness.name);
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in (harness.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), seed).unwrap();
        }
    }
}
