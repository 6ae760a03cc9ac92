//! The wallet's command as a person or a script uses it: real processes, real authorities on loopback, real files.
//!
//! | file | what it tries |
//! |---|---|
//! | `harness/` | committees of authority processes, wallets, and what a command said |
//! | `offline.rs` | keys, passphrases, files and the command line: no authority runs |
//! | `payments.rs` | paying, receiving, redeeming, histories, a book got back |
//! | `trouble.rs` | authorities that are silent, empty or lying, two wallets with one key, funds that are not there |
//! | `kills.rs` | a wallet killed at any moment |
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod harness;
mod kills;
mod offline;
mod payments;
mod trouble;
