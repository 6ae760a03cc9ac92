//! The accounts' secrets: in memory as briefly as can be, on disk in one file.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod.rs` | the secrets of a wallet, by account; who signs with them |
//! | `file.rs` | the file's layout, plain or sealed |
//! | `seal.rs` | a passphrase's key, and what is sealed with it |
//! | `passphrase.rs` | where a passphrase comes from |
//! | `vault.rs` | the wallet's own file: opened, added to, sealed anew |

mod file;
mod passphrase;
mod seal;
mod vault;

pub(crate) use file::{KeysFault, KeysFile};
pub(crate) use passphrase::{Passphrase, PassphraseSource};
pub(crate) use vault::{Vault, read};

use core::fmt;
use quittance_engine::types::Address;
use quittance_verify::SecretKey;
use zeroize::Zeroizing;

/// Most accounts that one wallet has: 128 MB of file, read by every command that signs.
pub(crate) const ACCOUNTS_MAX: usize = 1_000_000;

/// An account's secret, and the address that it signs for.
#[derive(Clone)]
pub(crate) struct Secret {
    seed: Zeroizing<[u8; 32]>,
    address: Address,
}

impl Secret {
    /// The secret of this seed.
    pub(crate) fn from_seed(seed: Zeroizing<[u8; 32]>) -> Self {
        let address = SecretKey::from_seed(&seed).public_key_bytes();
        Self { seed, address }
    }

    /// The account that it signs for.
    pub(crate) fn address(&self) -> Address {
        self.address
    }

    /// The key that signs, or `None` if the two halves do not belong together.
    pub(crate) fn key(&self) -> Option<SecretKey> {
        let key = SecretKey::from_seed(&self.seed);
        (key.public_key_bytes() == self.address).then_some(key)
    }
}

/// Never shows the secret, whoever prints it.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret(redacted, {})", quittance_engine::address::encode(&self.address))
    }
}

/// The secrets of several accounts, in the order in which they were made.
///
/// It never grows in place: a vector that does leaves the secrets behind in memory that nobody wipes.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Vec<Secret>);

impl Secrets {
    /// From secrets that are already where they shall stay.
    pub(crate) fn new(secrets: Vec<Secret>) -> Self {
        Self(secrets)
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Secret] {
        &self.0
    }

    /// The secret of this account.
    pub(crate) fn of(&self, address: &Address) -> Option<&Secret> {
        self.0.iter().find(|secret| secret.address == *address)
    }

    /// These and more.
    #[must_use]
    pub(crate) fn with(&self, more: &[Secret]) -> Self {
        let mut all = Vec::with_capacity(self.0.len() + more.len());
        all.extend(self.0.iter().chain(more).cloned());
        Self(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let seed = [0xa7; 32];
        let secret = Secret::from_seed(Zeroizing::new(seed));
        let shown = format!("{secret:?} {secret:#?} {:?}", Secrets::new(vec![secret.clone()]));
        assert!(shown.contains("redacted"), "{shown}");
        for form in [hex::encode(seed), "167, 167".to_owned(), "a7a7".to_owned(), "A7A7".to_owned()] {
            assert!(!shown.contains(&form), "{shown}");
        }
    }

    #[test]
    fn a_secret_with_another_accounts_address_signs_nothing() {
        let good = Secret::from_seed(Zeroizing::new([1; 32]));
        assert_eq!(good.key().unwrap().public_key_bytes(), good.address());
        assert!(Secret { address: [2; 32], ..good }.key().is_none());
    }
}
