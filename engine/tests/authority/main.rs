//! The authority as its peers and its operator meet it: a process on loopback, spoken to over UDP, signals and files.
//!
//! `harness` starts and stops processes and checks every reply; `make` makes what peers send. What peers may do wrong:
//! `bad_frames`, `bad_orders`, `bad_certificates`, `random`. What holds for all: `reply_lengths`, `repeats`. What payments
//! do: `accounts`, `chained`, `settings`, `committees`. What is kept of them: `durable`, `history`. An authority of several
//! processes: `processes`, `processes_refused`. What operators do: `command_line`, `new_authority`, `operator`, `local`,
//! `metrics` with `exposition`, which reads them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod accounts;
mod bad_certificates;
mod bad_frames;
mod bad_orders;
mod chained;
mod command_line;
mod committees;
mod durable;
mod exposition;
mod harness;
mod history;
mod journal_offline;
mod local;
mod make;
mod metrics;
mod new_authority;
mod operator;
mod processes;
mod processes_refused;
mod random;
mod repeats;
mod reply_lengths;
mod settings;
