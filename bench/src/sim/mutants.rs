//! Bugs that are planted one after the other, and how many seeds it takes to find each.
//!
//! Of seeds 0 to 19, with 60,000 steps each, the first one that found a bug, counted from 1, and how many did. All together
//! take a minute on one core:
//!
//! ```sh
//! cargo run --release -p quittance-bench --features mutants --bin quittance-bench -- \
//!     sim --mutants --seeds 0..20 --steps 60000
//! ```
//!
//! | bug | first | of 20 | what is found |
//! |---|---:|---:|---|
//! | `vote-before-durable` | 1 | 20 | it leaves before both disks have its record |
//! | `repeated-vote-leaks` | 1 | 20 | the same |
//! | `receipt-before-durable` | 1 | 20 | the same |
//! | `answer-before-durable` | 1 | 20 | the same |
//! | `no-conflict-check` | 1 | 17 | two votes for one sequence number |
//! | `no-funds-check` | 3 | 9 | a negative balance when all is settled |
//! | `order-signature-ignored` | 1 | 16 | a vote for what nobody signed |
//! | `held-order-skips-checks` | 5 | 7 | a vote for what nobody signed |
//! | `held-order-kept` | 1 | 12 | no rest at the end |
//! | `vote-signature-ignored` | 1 | 16 | a payment applied that no quorum voted for |
//! | `quorum-of-2f` | 1 | 16 | the same |
//! | `credit-applied-twice` | 1 | 16 | more money than there is |
//! | `credit-gap-accepted` | 3 | 4 | credits acknowledged that no record holds; less money than there is |
//! | `credit-before-durable` | 1 | 17 | it leaves before both disks have its record |
//! | `ack-on-receipt` | 1 | 17 | the same |
//! | `no-resend` | 2 | 14 | a credit is skipped; no rest at the end |
//! | `full-outbox-ignored` | 6 | 2 | an assertion of the outbox; no rest at the end |
//! | `two-blocks-under-way` | 2 | 6 | a refusal to start: the later one seems to prove the earlier one |
//! | `snapshot-before-journal` | 6 | 2 | a refusal to start: the snapshot has more than the journal |
//! | `snapshot-without-pending` | 1 | 20 | a vote is forgotten |
//! | `tail-replayed-twice` | 2 | 17 | a refusal to start, or another state |
//! | `torn-block-accepted` | 4 | 2 | a refusal to start, or another state |
//! | `stale-block-accepted` | 2 | 15 | a refusal to start: old records contradict new ones |
//! | `history-links-exchanged` | 1 | 20 | histories that come to other balances; synced votes that recovery takes for lost |
//! | `durable-before-sync` | 1 | 20 | votes leave before both disks have their record |
//! | `one-copy-synced` | 1 | 20 | the same |
//! | `completion-out-of-order` | 1 | 20 | the same |
//! | `sync-error-ignored` | 2 | 13 | the same |
//! | `release-before-snapshot-sync` | 1 | 16 | a refusal to start: what the lost snapshot replaced is written over |
//! | `snapshot-before-history` | 1 | 18 | a link that is missing |
//! | `marks-not-checked` | 1 | 12 | a process that lost its disks and is not found out |
//! | `link-without-resend` | 5 | 5 | no rest at the end |
//! | `no-sync-before-read` | 1 | 19 | after recovery, something leaves that one disk may lose |
//! | `repairs-not-synced` | 1 | 19 | the same |
//! | `sent-before-recorded` | 1 | 20 | an order leaves before it is synced |
//! | `quorum-one-short` | 1 | 20 | a certificate that proves nothing |
//! | `receipt-counted-twice` | 1 | 20 | a payment called final that too few applied |
//! | `pending-replaced` | 1 | 20 | the book's own check |
//! | `vote-unchecked` | 1 | 4 | a certificate that proves nothing |
//! | `book-not-synced-before-read` | 1 | 10 | a certificate leaves before it is synced |
//!
//! Bugs between shards cannot show where authorities have one shard, thefts where there is no thief, and what tears a block
//! only where the power goes: hence the zeros of [`swarm`](super::swarm) are in these figures.

use super::SimOptions;
use super::signatures::Keys;
use super::world::Terms;
use super::{no_mutants, run_seed};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::report::grouped;
use core::fmt::Write;
use quittance_engine::mutant as authority;
use quittance_wallet::mutant as wallet;
use serde::Serialize;
use std::rc::Rc;

/// A bug that honest authorities have, or honest wallets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The authorities.
    Authority(authority::Mutant),
    /// The wallets.
    Wallet(wallet::Mutant),
}

/// What bugs a world has: none, but where one was planted.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    /// In its authorities.
    pub authority: authority::Planted,
    /// In its wallets.
    pub wallet: wallet::Planted,
}

impl Bug {
    /// Every one.
    pub fn all() -> impl Iterator<Item = Self> {
        let authorities = authority::Mutant::ALL.iter().copied().map(Self::Authority);
        authorities.chain(wallet::Mutant::ALL.iter().copied().map(Self::Wallet))
    }

    /// By what it is called for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authority(mutant) => mutant.name(),
            Self::Wallet(mutant) => mutant.name(),
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|bug| bug.name() == name)
    }

    /// A world with it; `None` if this program was not built to have any.
    pub fn plant(self) -> Option<Planted> {
        match self {
            Self::Authority(mutant) => {
                authority::Planted::new(mutant).map(|authority| Planted { authority, ..Planted::NOTHING })
            }
            Self::Wallet(mutant) => wallet::Planted::new(mutant).map(|wallet| Planted { wallet, ..Planted::NOTHING }),
        }
    }
}

impl Planted {
    /// No bug.
    pub const NOTHING: Self = Self { authority: authority::Planted::NOTHING, wallet: wallet::Planted::NOTHING };
}

/// What became of a bug.
#[derive(Clone, Debug, Serialize)]
pub struct Hunt {
    /// Its name.
    pub mutant: &'static str,
    /// Seeds run with it.
    pub seeds: u64,
    /// Of these, those that found it.
    pub caught: u64,
    /// How many seeds it took to find it first; null if none did.
    pub first: Option<u64>,
    /// What was found.
    pub what: Option<String>,
}

/// Plants each bug in every seed asked for.
///
/// # Errors
/// [`BenchError::Usage`] if this program was not built for it; what interrupts.
pub fn hunt_all(options: &SimOptions) -> Result<Vec<Hunt>, BenchError> {
    let interrupt = Interrupt::catch()?;
    let keys = Rc::new(Keys::new());
    let hook = std::panic::take_hook();
    // What a planted bug makes of an assertion is in the table.
    std::panic::set_hook(Box::new(|_| {}));
    let hunts = Bug::all().map(|bug| {
        let planted = bug.plant().ok_or_else(no_mutants)?;
        let terms = Terms { steps: options.steps, real_signatures: options.real_signatures, planted };
        hunt(bug, options, &terms, &keys, &interrupt)
    });
    let hunts = hunts.collect();
    std::panic::set_hook(hook);
    hunts
}

fn hunt(
    bug: Bug,
    options: &SimOptions,
    terms: &Terms,
    keys: &Rc<Keys>,
    interrupt: &Interrupt,
) -> Result<Hunt, BenchError> {
    let mut hunt = Hunt { mutant: bug.name(), seeds: 0, caught: 0, first: None, what: None };
    for seed in options.seeds.clone() {
        interrupt.check()?;
        hunt.seeds += 1;
        if let Err(violation) = run_seed(seed, terms, keys) {
            hunt.caught += 1;
            hunt.first.get_or_insert(hunt.seeds);
            hunt.what.get_or_insert(violation.what);
        }
    }
    Ok(hunt)
}

/// The table for a person.
pub fn text(hunts: &[Hunt]) -> String {
    let mut text = format!("{:<28} {:>6} {:>7}  what was found first\n", "bug", "first", "caught");
    for hunt in hunts {
        let first = hunt.first.map_or("-".to_owned(), grouped);
        let share = format!("{}/{}", hunt.caught, hunt.seeds);
        let what: String = hunt.what.as_deref().unwrap_or("nothing").chars().take(90).collect();
        writeln!(text, "{:<28} {first:>6} {share:>7}  {what}", hunt.mutant).expect("a string takes all");
    }
    text
}
