//! The authority's command: makes keys, and runs an authority.
//!
//! The shell around the library's step machine. It gives shards what they must not have by themselves: sockets, threads
//! on pinned cores, the time, randomness, files.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs` | the command line |
//! | `fault.rs` | what ends the process, and with which exit code |
//! | `generate.rs`, `private_file.rs` | a new authority's keys, and the file that holds them |
//! | `local/` | a whole committee on this machine, each authority a child |
//! | `run/mod.rs` | a running authority from start to stop |
//! | `run/network_files.rs`, `run/placement.rs` | what it is told: committee, genesis; cores |
//! | `run/threads.rs`, `run/shard_thread.rs`, `run/verifier_thread.rs` | its threads |
//! | `run/links.rs`, `run/verifier_pool.rs` | the lock-free queues between them |
//! | `sync/` | what threads meet at; for tests, how they are made to meet in many orders |
//! | `run/hosted.rs`, `run/peers/` | which shards this process runs; its links to those that run the others |
//! | `run/durability.rs` | the journal of a running authority, and each shard's share |
//! | `run/idle.rs`, `run/slice.rs` | when a thread spins or sleeps; how long it keeps a core that others need |
//! | `run/outbox.rs` | where replies go |
//! | `run/samples.rs`, `run/metrics/` | what threads tell of themselves, served to Prometheus |
//! | `signals.rs`, `run/announce.rs` | what the operator says to it, and it to him |
//! | `storage/` | what it must not forget, on disk; `storage/mod.rs` has a map of its own |
//! | `verify_journal.rs` | that, checked while the authority is stopped |
#![deny(unsafe_code)]

mod fault;
mod generate;
mod local;
mod options;
mod private_file;
mod run;
mod signals;
mod storage;
mod sync;
mod verify_journal;

use clap::{CommandFactory, Parser};
use fault::Fault;
use options::{Act, Command};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let done = match Command::parse().act {
        Act::Generate(options) => generate::generate(&options).map(|()| ExitCode::SUCCESS),
        Act::Run(options) => run::run(&options).map(|()| ExitCode::SUCCESS),
        Act::Local(options) => local::local(&options).map(|()| ExitCode::SUCCESS),
        Act::VerifyJournal(options) => verify_journal::verify_journal(&options),
        Act::Pages(pages) => pages.print(Command::command()).map(|()| ExitCode::SUCCESS).map_err(Fault::from),
    };
    match done {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("quittance-authority: {fault}");
            ExitCode::from(fault.exit_code())
        }
    }
}
