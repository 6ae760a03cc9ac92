//! A whole committee in one thread, without clock, socket or file: seed after seed of it, with everything going wrong that may.
//!
//! Honest authorities are the engine's own shards, keepers and reading back, as the authority's process has them; honest payers
//! have the wallet's own client and book, as its command has them. Around them everything is simulated, and one seed decides all of it ([`swarm`]): which faults there are, and how often. The models are
//! TigerBeetle's simulator and FoundationDB's.
//!
//! # What there is
//! - **Committees** of 4 and 7, f of whose members lie ([`liar`]): they vote for anything, stay silent, send old datagrams
//!   again, vote for two orders, or forge whatever a wallet may ask for (`forger.rs`).
//! - **Authorities** with one to three shards each ([`authority`]), not all the same number, some of them in two processes
//!   ([`process`]) with disks and crashes of their own; small journals, so that rings turn and snapshots are needed; small tables.
//! - **Payers** ([`payer`]) with wallets ([`wallet`]): each a disk, which a kill or a power cut leaves synced, written, torn or
//!   holed, and now and then lost with all that it held, so that the wallet is rebuilt from its key. They pay with what they
//!   were handed just now, hand certificates on, some of them changed on the way, try to pay while an order is pending, and stop
//!   waiting. Some owners have two wallets with one key.
//! - **Thieves** ([`thief`]), who make two orders of one sequence number on purpose, spend what they do not have, sign for others,
//!   make certificates of too few votes, and noise.
//! - **A network** ([`network`]) that loses, repeats, reorders and cuts off; links between shards that do so, too; and between two
//!   processes of an authority the engine's sessions, over a wire (`wire.rs`) that is late, breaks at any byte and changes some.
//! - **Histories**: entries gathered, written and synced as the authority's thread does it, on the first disk; and a
//!   reader ([`reader`]) of anybody's, page by page, and ask for certificates.
//! - **Disks** ([`disk`]), two for each authority: they tear, lose and reorder what was not synced, fail in a sync, and damage
//!   what they had kept, in one copy at a time.
//! - Processes that are killed, machines that lose their power, in recoveries, too; threads that stand still; clocks that jump.
//!
//! Signatures are an oracle's ([`signatures`]), which only their owners can have from it; with `--real-signatures` they are
//! Ed25519's, checked by the real verifier.
//!
//! # What must hold
//! Whatever leaves an authority is held, at that moment, against a model of what its disks have for certain ([`ledger`]), which
//! follows the disks' own syncs and knows nothing of what the authority believes, and against all that it let go before
//! ([`book`]):
//! 1. No honest authority ever votes for two orders of one sequence number; there are never two certificates, and no two orders
//!    are applied. It votes for nothing that the owner did not sign, and applies nothing without a quorum.
//! 2. Votes, receipts, answers, credits and their acknowledgements rest on records that both disks have.
//! 3. After every recovery, and now and then as if the power went at this moment: nothing that was told is forgotten, all that
//!    was durable is there, and the state is that of the records that lasted, replayed one by one by a shard without history.
//!    A process that had lost its disks would be found out by the other, as soon as that has had to do with it.
//!    Histories leave no payment out: from its newest end every chain goes back to the account's first payment, and comes to
//!    its balance. What was synced with votes has them; only what was not may have lost them.
//! 4. In each authority balances, credits under way and what was paid out add up to the supply. Outboxes keep their bounds, no
//!    reply is dropped.
//! 5. A certificate out of a history proves its payment. No page leaves one out, or tells of one that is not durable; nothing
//!    is refused that is there.
//! 6. No datagram leaves a wallet before the record on which it depends is synced; no two orders of one number leave, whatever
//!    crashed in between; a pending order is refused a second one beside it. What a wallet keeps as a certificate is one. What it
//!    calls final so many honest authorities have applied. It takes no honest authority for a liar, and finds another order in
//!    its way only where its owner signed one. What ends, ends with a word.
//! 7. At the end, when nothing goes wrong any more: every honest payer's payment settles, or is overtaken by another one of the
//!    same key, or is split with it for ever; once every certificate has come
//!    everywhere, all honest authorities hold what the certificates say, to the unit; no balance is negative; nothing is owed.
//!    Then every wallet reads its histories: its book must hold every payment, or say which nobody can prove, and come to the
//!    balance that the authorities hold.
//!
//! A panic is a violation like any other.
//!
//! # A seed is a run
//! There is one source of chance ([`chance`]), no clock, no thread, and nothing is kept in an order that differs from run to run.
//! So a seed gives the same run again, byte for byte: [`trace`] is a running BLAKE3 of every event, every datagram and every
//! block's header, and tests run seeds twice. A step is one event: a datagram arrives, verdicts come back, a block is made, one
//! write or sync is done, replies are signed, a credit moves, a piece of a snapshot is copied.
//!
//! # Does it find anything?
//! [`mutants`] plants the engine's and the wallet's own lists of bugs, one after the other, and counts the seeds until each is found: all are,
//! within six seeds, and most by the first.
//!
//! # How fast
//! On one core of an AMD EPYC virtual machine, beside other work: 56,046,306 steps in 218 s, so 257,000 a second
//! (`sim --seeds 0..900 --steps 60000`), and no violation.
//! Worlds are short-lived, so a shard's tables are small here ([`Tables`](quittance_engine::limits::Tables)).
//!
//! What it does not have: journals and snapshots too large for one chunk, account tables that are full, two faults in one
//! place at once (both copies of a block damaged), histories of more than a segment, an authority in more than two processes,
//! committees that change.
//!
//! | files | what they hold |
//! |---|---|
//! | `world.rs`, `around.rs`, `ground.rs` | a world, what its steps touch, what stays the same |
//! | `swarm.rs`, `chance.rs`, `faults.rs`, `trace.rs` | what goes wrong, by chance, counted, traced |
//! | `authority.rs`, `process/`, `wire.rs`, `liar.rs`, `forger.rs` | authorities, their processes, and what is between them |
//! | `payer.rs`, `wallet.rs` | payers, and what holds for their wallets |
//! | `thief.rs`, `ballot.rs`, `reader.rs`, `inquiry.rs` | thieves, the votes that they gather, histories that are read |
//! | `network.rs`, `disk.rs`, `signatures.rs` | what connects them |
//! | `ledger.rs`, `book.rs` | what must hold |
//! | `options.rs`, `report.rs`, `mutants.rs` | what is asked for, and what was found |

pub mod around;
pub mod authority;
pub mod ballot;
pub mod book;
pub mod chance;
pub mod disk;
pub mod faults;
mod forger;
pub mod ground;
pub mod inquiry;
pub mod ledger;
pub mod liar;
pub mod mutants;
pub mod network;
mod options;
pub mod payer;
pub mod process;
pub mod reader;
mod report;
pub mod signatures;
pub mod swarm;
pub mod thief;
pub mod trace;
pub mod wallet;
mod wire;
pub mod world;

pub use options::SimOptions;
pub use report::{FirstViolation, SimReport, text};

use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use core::ops::Range;
use faults::Faults;
use mutants::{Bug, Planted};
use signatures::Keys;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Instant;
use world::{Ended, Terms, Violation, World};

/// Runs the seeds asked for. `command` is the command line that repeats it.
///
/// # Errors
/// What ends a run before its report; violations are in the report.
pub fn sim(options: &SimOptions, command: String) -> Result<SimReport, BenchError> {
    let interrupt = Interrupt::catch()?;
    let terms = terms(options)?;
    let seeds = options.seeds.clone();
    let progress = Progress::start("simulated seeds", seeds.end - seeds.start);
    let begun = Instant::now();
    let found = run_seeds(seeds.clone(), &terms, |seed, violation| {
        if let Some(Violation { step, what }) = violation {
            eprintln!("quittance-bench: seed {seed}, step {step}: {what}");
        }
        progress.add(1);
        interrupt.check()
    })?;
    progress.finish();
    Ok(SimReport::new(command, options, found, begun.elapsed()))
}

/// The terms that the options set.
///
/// # Errors
/// [`BenchError::Usage`] for a bug that there is not, or that this program cannot have.
pub fn terms(options: &SimOptions) -> Result<Terms, BenchError> {
    let planted = match &options.mutant {
        None => Planted::NOTHING,
        Some(name) => plant(name)?,
    };
    Ok(Terms { steps: options.steps, real_signatures: options.real_signatures, planted })
}

fn plant(name: &str) -> Result<Planted, BenchError> {
    let bug = Bug::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Bug::all().map(Bug::name).collect();
        BenchError::Usage(format!("there is no bug named `{name}` to plant; there are {}", names.join(", ")))
    })?;
    bug.plant().ok_or_else(no_mutants)
}

fn no_mutants() -> BenchError {
    BenchError::Usage("this program can plant no bugs; build it with `--features mutants`".to_owned())
}

/// What came of some seeds.
#[derive(Debug, Default)]
pub struct Found {
    /// Seeds run.
    pub seeds: u64,
    /// Steps taken.
    pub steps: u64,
    /// Payments with a certificate.
    pub payments: u64,
    /// What went wrong on purpose.
    pub faults: Faults,
    /// Seeds in which something was that must never be.
    pub violations: u64,
    /// The first of them.
    pub first: Option<(u64, Violation)>,
    /// BLAKE3 of all traces.
    pub trace: blake3::Hasher,
}

/// Runs seeds one after the other; `each` is told when one has ended, and with what, and may end it all.
///
/// # Errors
/// What `each` returns.
pub fn run_seeds<E>(
    seeds: Range<u64>,
    terms: &Terms,
    mut each: impl FnMut(u64, Option<&Violation>) -> Result<(), E>,
) -> Result<Found, E> {
    let keys = Rc::new(Keys::new());
    let mut found = Found::default();
    for seed in seeds {
        found.seeds += 1;
        let outcome = run_seed(seed, terms, &keys);
        each(seed, outcome.as_ref().err())?;
        match outcome {
            Ok(ended) => {
                found.steps += ended.steps;
                found.payments += ended.payments;
                found.faults.add(&ended.faults);
                found.trace.update(&ended.trace);
            }
            Err(violation) => {
                found.steps += violation.step;
                found.violations += 1;
                found.trace.update(violation.what.as_bytes());
                found.first.get_or_insert((seed, violation));
            }
        }
    }
    Ok(found)
}

/// Runs a seed.
///
/// # Errors
/// What must never be; a panic of the engine's included.
pub fn run_seed(seed: u64, terms: &Terms, keys: &Rc<Keys>) -> Result<Ended, Violation> {
    let mut world = World::new(seed, terms, keys);
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run(terms)));
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
        Err(Violation { step: world.step(), what: format!("a panic: {text}") })
    })
}
