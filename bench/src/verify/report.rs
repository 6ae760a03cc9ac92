//! What was found: medians over rounds, and ratios within rounds.

use super::contenders::Name;
use super::heat::BATCH_SIZES;
use super::machine;
use super::pool::{COMMITTEE_KEYS, POOL_ITEMS};
use core::fmt;
use quittance_engine::message::ORDER_MESSAGE_BYTES;
use quittance_verify::BackendKind;
use serde::Serialize;
use std::collections::BTreeMap;

/// Whose signatures are checked, and what comes with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySet {
    /// Each by another account.
    Accounts,
    /// The same, with R's x.
    AccountsHinted,
    /// By few keys in turn.
    Committee,
}

impl KeySet {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Accounts, Self::AccountsHinted, Self::Committee];

    /// Whether R's x comes along.
    pub const fn is_hinted(self) -> bool {
        matches!(self, Self::AccountsHinted)
    }

    /// The key of its cell in the report for so many signatures per call.
    pub fn cell(self, batch_items: usize) -> String {
        format!("{self}_{batch_items}")
    }

    /// The set whose times by ed25519-dalek are compared with: the same orders.
    const fn without_hints(self) -> Self {
        match self {
            Self::AccountsHinted => Self::Accounts,
            other => other,
        }
    }
}

/// As it stands in the report's keys.
impl fmt::Display for KeySet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Accounts => "accounts",
            Self::AccountsHinted => "accounts_hinted",
            Self::Committee => "committee",
        })
    }
}

/// One contender's times for one set and one number of signatures per call.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What was checked.
    pub set: KeySet,
    /// Signatures per call.
    pub batch_items: usize,
    /// By whom.
    pub name: Name,
    /// Microseconds per signature in each round.
    pub us_by_round: Vec<f64>,
}

/// The measurement's results. Its JSON form is this structure, field by field.
#[derive(Debug, Serialize)]
pub struct VerifyReport {
    /// The command that repeats the run.
    pub command: String,
    /// This program's version.
    pub version: &'static str,
    /// The backend that ratios are about: the best that this machine can run.
    pub backend: &'static str,
    /// The processor's name, if the machine tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// The core on which everything ran.
    pub core: usize,
    /// Whether the compiler might use AVX-512 IFMA everywhere.
    pub target_features_native: bool,
    /// What ed25519-dalek computes with: `avx512ifma`, `avx2` or `serial`, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dalek_backend: Option<&'static str>,
    /// Rounds behind each median.
    pub rounds: usize,
    /// Length of each signed message.
    pub message_bytes: usize,
    /// Signed orders of each pool, walked through batch by batch.
    pub pool: usize,
    /// Keys of `accounts` and of `committee`.
    pub keys: KeyCounts,
    /// Processor time per signature in microseconds, by `accounts_N`, `accounts_hinted_N`, `committee_N`: median of rounds.
    pub us: BTreeMap<String, Cell>,
    /// The same as signatures per second and core.
    pub per_s: BTreeMap<String, Cell>,
    /// ed25519-dalek's time over that of `backend`: above 1 `backend` is faster. Median of the rounds' ratios; `single` is
    /// for one signature per call, `accounts`; with hints, against ed25519-dalek without.
    pub ratios: BTreeMap<String, f64>,
}

/// How many keys take turns.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct KeyCounts {
    /// In `accounts`.
    pub accounts: usize,
    /// In `committee`.
    pub committee: usize,
}

/// A figure for each contender.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// Our vector backend, where the machine can run it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ifma: Option<f64>,
    /// Our portable backend.
    pub portable: f64,
    /// ed25519-dalek; it takes no hints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dalek: Option<f64>,
}

impl Cell {
    fn map(self, figure: impl Fn(f64) -> f64) -> Self {
        Self { ifma: self.ifma.map(&figure), portable: figure(self.portable), dalek: self.dalek.map(&figure) }
    }

    /// The figure of the best backend: vector where there is one.
    pub fn best(self) -> f64 {
        self.ifma.unwrap_or(self.portable)
    }
}

impl VerifyReport {
    /// Sums up: `series` holds every contender's for every set and size, with `rounds` rounds each, aligned.
    pub fn new(command: String, core: usize, rounds: usize, series: &[Series]) -> Self {
        let us: BTreeMap<_, _> = cells().map(|(set, size)| (set.cell(size), cell(series, set, size))).collect();
        let of_batches = cells().filter(|(_, size)| *size > 1).map(|(set, size)| (set.cell(size), set, size));
        let ratios = of_batches.chain([("single".to_owned(), KeySet::Accounts, 1)]);
        Self {
            command,
            version: env!("CARGO_PKG_VERSION"),
            backend: best_of(series).name(),
            cpu: machine::cpu_model(),
            core,
            target_features_native: machine::target_features_native(),
            dalek_backend: machine::dalek_backend(),
            rounds,
            message_bytes: ORDER_MESSAGE_BYTES,
            pool: POOL_ITEMS,
            keys: KeyCounts { accounts: POOL_ITEMS, committee: COMMITTEE_KEYS },
            per_s: us.iter().map(|(name, cell)| (name.clone(), cell.map(|us| 1_000_000.0 / us))).collect(),
            us,
            ratios: ratios.map(|(name, set, size)| (name, ratio(series, set, size))).collect(),
        }
    }
}

/// Every set with every number of signatures per call.
fn cells() -> impl Iterator<Item = (KeySet, usize)> {
    KeySet::ALL.into_iter().flat_map(|set| BATCH_SIZES.map(|size| (set, size)))
}

fn find(series: &[Series], set: KeySet, batch_items: usize, name: Name) -> Option<&[f64]> {
    let wanted = |one: &&Series| (one.set, one.batch_items, one.name) == (set, batch_items, name);
    series.iter().find(wanted).map(|one| &one.us_by_round[..])
}

fn cell(series: &[Series], set: KeySet, batch_items: usize) -> Cell {
    let median_of = |name| find(series, set, batch_items, name).map(|us| median(us.to_vec()));
    Cell {
        ifma: median_of(Name::Ours(BackendKind::Ifma)),
        portable: median_of(Name::Ours(BackendKind::Portable)).expect("the portable backend runs everywhere"),
        dalek: median_of(Name::Dalek),
    }
}

/// The vector backend if it was measured.
fn best_of(series: &[Series]) -> BackendKind {
    let measured = |kind: &BackendKind| series.iter().any(|one| one.name == Name::Ours(*kind));
    BackendKind::ALL.iter().copied().find(measured).expect("the portable backend runs everywhere")
}

/// The machine's speed wanders, so that times of different rounds are not compared.
fn ratio(series: &[Series], set: KeySet, batch_items: usize) -> f64 {
    let ours = find(series, set, batch_items, Name::Ours(best_of(series))).expect("our backends run in every cell");
    let dalek =
        find(series, set.without_hints(), batch_items, Name::Dalek).expect("it runs wherever there are no hints");
    assert_eq!(ours.len(), dalek.len(), "every round gives everyone a turn");
    median(dalek.iter().zip(ours).map(|(dalek, ours)| dalek / ours).collect())
}

/// The middle one, or the mean of the two in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    assert!(!figures.is_empty(), "there is at least one round");
    figures.sort_by(f64::total_cmp);
    let upper = figures.len() / 2;
    let lower = (figures.len() - 1) / 2;
    f64::midpoint(figures[lower], figures[upper])
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
