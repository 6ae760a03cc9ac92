//! Processes under test, and those who talk to them.
//!
//! `files.rs` what an authority is started with; `parts.rs` one that runs as several processes; `process.rs` a child that never outlives its test; `authority.rs` one that
//! runs, with its books; `client.rs` a socket that checks every reply; `reply.rs` replies; `counts.rs` counters.
//! `tests/faulty_disk` uses files and processes, too.

mod authority;
mod client;
mod counts;
mod files;
mod parts;
mod process;
mod reply;

pub(crate) use authority::{Authority, Setup};
pub(crate) use client::Client;
pub(crate) use counts::Counts;
pub(crate) use files::{Files, free_ports};
pub(crate) use parts::Parts;
pub(crate) use process::{Ended, Process, run_to_end};
pub(crate) use reply::{Account, Content, Reply, conflict_with};

use std::time::Duration;

/// How long anything may take before it counts as never. Nothing is asserted about speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What every payer of a genesis file starts with.
pub(crate) const FUNDS: u64 = 1_000;

/// The place of the authority under test in its committee.
pub(crate) const OWN_INDEX: u8 = 0;
