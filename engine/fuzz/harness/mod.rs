//! What fuzzers and tests hold the engine to: one function per target, from bytes to a panic or none.
//!
//! Each file has `check`, which takes an input and panics if something is as it must never be; `seeds`, inputs to begin with;
//! and `random`, which makes more. The programs in `fuzz_targets/` call `check` from libFuzzer; the engine's tests
//! (`tests/fuzz`) from seeded chance and from the corpus, with and without a planted bug.
//!
//! | file | what it holds |
//! |---|---|
//! | `frame.rs` | datagrams: one encoding per value |
//! | `block.rs` | a journal's blocks, records and snapshots: nothing is read that was not written |
//! | `recovery.rs` | whole journals, damaged: a state that was durable, or a refusal |
//! | `certificate.rs` | certificates, against a slow judge that shares no code with the engine |
//! | `shard.rs` | a shard's steps: one vote per sequence number, no unit lost, nothing leaves early |
//! | `common.rs` | who there is and who signs |
#![allow(dead_code)] // Each target uses one harness, and the tests use all.

pub(crate) mod block;
pub(crate) mod certificate;
pub(crate) mod common;
pub(crate) mod frame;
pub(crate) mod recovery;
pub(crate) mod shard;

use common::{Bug, Random};
use std::sync::OnceLock;

/// A harness, by its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Harness {
    /// As its target and its corpus are called.
    pub(crate) name: &'static str,
    /// Panics if something is wrong.
    pub(crate) check: fn(&[u8], Option<Bug>),
    /// To begin with.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    /// More.
    pub(crate) random: fn(&mut Random) -> Vec<u8>,
}

/// Every harness.
pub(crate) const ALL: [Harness; 5] = [
    Harness { name: "frame", check: frame::check, seeds: frame::seeds, random: frame::random },
    Harness { name: "block", check: block::check, seeds: block::seeds, random: block::random },
    Harness { name: "recovery", check: recovery::check, seeds: recovery::seeds, random: recovery::random },
    Harness { name: "certificate", check: certificate::check, seeds: certificate::seeds, random: certificate::random },
    Harness { name: "shard", check: shard::check, seeds: shard::seeds, random: shard::random },
];

/// The place of a harness in [`ALL`].
pub(crate) const FRAME: usize = 0;
/// The place of a harness in [`ALL`].
pub(crate) const BLOCK: usize = 1;
/// The place of a harness in [`ALL`].
pub(crate) const RECOVERY: usize = 2;
/// The place of a harness in [`ALL`].
pub(crate) const CERTIFICATE: usize = 3;
/// The place of a harness in [`ALL`].
pub(crate) const SHARD: usize = 4;

/// A harness's seeds, made once.
pub(crate) fn cached_seeds(harness: usize) -> &'static [Vec<u8>] {
    static SEEDS: [OnceLock<Vec<Vec<u8>>>; ALL.len()] = [const { OnceLock::new() }; ALL.len()];
    SEEDS[harness].get_or_init(ALL[harness].seeds)
}
