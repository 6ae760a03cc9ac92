//! Committees, wallets, and what a command said.

mod committee;
mod liar;
mod locate;
mod relay;
mod wallet;

pub(crate) use committee::{Committee, Storage};
pub(crate) use liar::Liar;
pub(crate) use relay::Relay;
pub(crate) use wallet::{Said, Wallet, set_mode};

use std::time::Duration;

/// Longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
