//! The wallet's command as a person or a script uses it: real processes, real authorities on loopback, real files.
//!
//! | file | what it tries |
//! |---|---|
//! | `harness/` | committees of authority processes, wallets, what a command said; an authority that lies; a network that loses |
//! | `offline.rs` | keys, passphrases, files and the command line: no authority runs |
//! | `payments.rs` | paying, receiving, redeeming, histories, a book got back |
//! | `chains.rs` | payments spent on before any authority was given their certificates; certificates that prove nothing |
//! | `committees.rs` | committees of one, of twenty-five, and with weights |
//! | `faults.rs` | each authority in its turn empty, silent and lying; each two of them silent |
//! | `trouble.rs` | what a wallet says then; two wallets with one key |
//! | `kills.rs` | a wallet killed at any moment, also over a bad network |
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod chains;
mod committees;
mod faults;
mod harness;
mod kills;
mod offline;
mod payments;
mod trouble;
