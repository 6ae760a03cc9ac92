//! The accounts' secrets: in memory as briefly as can be, and as the bytes of a keys file.
//!
//! Random bytes and passphrases are arguments: this draws nothing and asks nobody.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod.rs` | the secrets of a wallet, by account; who signs with them |
//! | `file.rs` | the file's layout, plain or sealed |
//! | `seal.rs` | a passphrase's key, and what is sealed with it |
//! | `passphrase.rs` | a passphrase, and the file that holds one |

mod file;
mod passphrase;
mod seal;

pub use file::{FILE_BYTES_MAX, KeysFault, KeysFile};
pub use passphrase::{PASSPHRASE_FILE_BYTES_MAX, Passphrase, PassphraseFault};
pub use seal::Salt;

use crate::limits::KEYS_COUNT_MAX;
use core::fmt;
use quittance_engine::types::Address;
use quittance_verify::SecretKey;
use zeroize::Zeroizing;

/// An account's secret, and the address that it signs for.
#[derive(Clone)]
pub struct Secret {
    seed: Zeroizing<[u8; 32]>,
    address: Address,
}

impl Secret {
    /// The secret of this seed.
    pub fn from_seed(seed: Zeroizing<[u8; 32]>) -> Self {
        let address = SecretKey::from_seed(&seed).public_key_bytes();
        Self { seed, address }
    }

    /// The account that it signs for.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The key that signs, or `None` if the two halves do not belong together.
    pub fn key(&self) -> Option<SecretKey> {
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
pub struct Secrets(Vec<Secret>);

impl Secrets {
    /// From secrets that are already where they shall stay.
    pub fn new(secrets: Vec<Secret>) -> Self {
        Self(secrets)
    }

    /// All of them.
    pub fn all(&self) -> &[Secret] {
        &self.0
    }

    /// The secret of this account.
    pub fn of(&self, address: &Address) -> Option<&Secret> {
        self.0.iter().find(|secret| secret.address == *address)
    }

    /// These and more.
    #[must_use]
    pub fn with(&self, more: &[Secret]) -> Self {
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
