//! The accounts' secrets where the library has no reach: files, terminals, random bytes.
//!
//! | file | what it holds |
//! |---|---|
//! | `passphrase.rs` | where a passphrase comes from |
//! | `vault.rs` | the wallet's own file: opened, added to, sealed anew |

mod passphrase;
mod vault;

pub(crate) use passphrase::PassphraseSource;
pub(crate) use quittance_wallet::keys::{KeysFault, KeysFile, Passphrase, Secret, Secrets};
pub(crate) use quittance_wallet::limits::KEYS_COUNT_MAX as ACCOUNTS_MAX;
pub(crate) use vault::{Vault, read, write_file};
