//! The wallet's command: pays, is paid, and remembers.
//!
//! The shell around the library's client. It gives the client what it must not have by itself: the time, sockets, files,
//! randomness; and people something to read.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs`, `quantity.rs` | the command line; amounts, spans and memos as people type them |
//! | `fault.rs` | what ends a command, and with which exit code |
//! | `console.rs` | what it says: text or JSON, progress, notices |
//! | `commands/` | one file for each command, with all that it says |
//! | `wallet.rs` | the wallet's folder, opened; which of its accounts is meant |
//! | `keys/` | the keys file, and where passphrases come from; `keys/mod.rs` has a map of its own |
//! | `store.rs`, `lock.rs`, `files.rs` | the book's file; one command at a time; files that last and are private |
//! | `network_files.rs`, `certificates.rs` | the committee's and the network's files; certificates in files |
//! | `driver.rs`, `sockets.rs`, `interrupt.rs` | the client at work: records before datagrams, time, UDP, Ctrl-C |
//! | `carrying.rs`, `inquiry.rs` | what most commands do with it: carry payments to their end, ask what accounts have |
//!
//! # Dependencies
//! Of the command alone, beside the library's:
//! - `clap`: the command line. `clap_complete`, `clap_mangen`: shells' completions and manual pages, made from it.
//! - `getrandom`: keys, salts, nonces, the verifier's weights.
//! - `indicatif`: what moves on a terminal. `rpassword`: a passphrase typed unseen.
//! - `rustix`: locks on files, and waiting for two sockets at once. `signal-hook`: Ctrl-C.
//! - `serde`, `serde_json`: what `--json` prints.
//!
//! For tests only: `tempfile`, wallets and committees that go away; `rustix`, signals to them; `fuser`, a disk that loses power.
#![forbid(unsafe_code)]

mod carrying;
mod certificates;
mod commands;
mod console;
mod driver;
mod fault;
mod files;
mod inquiry;
mod interrupt;
mod keys;
mod lock;
mod network_files;
mod options;
mod quantity;
mod sockets;
mod store;
mod wallet;

use clap::Parser;
use console::Console;
use fault::Fault;
use options::CommandLine;
use std::process::ExitCode;

fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => return misread(&error),
    };
    let console = Console::new(line.common.json);
    match commands::run(&line, &console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => ExitCode::from(console.fail(&fault)),
    }
}

/// Help and versions are what was asked for; all else is a fault, told to programs as they asked for it.
fn misread(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.to_string();
        let fault = Fault::Usage(text.trim().trim_start_matches("error: ").to_owned());
        return ExitCode::from(Console::new(true).fail(&fault));
    }
    error.exit()
}
