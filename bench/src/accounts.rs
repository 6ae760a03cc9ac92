//! The accounts of a run: addresses for all, and secret keys only for the moment in which they sign.

use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::parallel;
use crate::progress::Progress;
use crate::random::{Purpose, key_seed};
use quittance_engine::types::Address;
use quittance_verify::SecretKey;
use quittance_wallet::keys::Secret;

/// The addresses of all accounts, 32 bytes each. Secret keys are expanded when they are needed, which is once: two million of
/// them would take half a gigabyte.
#[derive(Debug)]
pub struct Accounts {
    keys: Keys,
    addresses: Vec<Address>,
}

/// Where secret keys come from.
#[derive(Debug)]
enum Keys {
    /// They follow from the run's seed.
    OfRun(u64),
    /// They are a wallet's, by account index.
    OfWallet(Vec<Secret>),
}

impl Accounts {
    /// Derives `count` key pairs on all cores and keeps their public halves.
    ///
    /// # Errors
    /// [`BenchError::Interrupted`].
    pub fn derive(run_seed: u64, count: u32, progress: &Progress, interrupt: &Interrupt) -> Result<Self, BenchError> {
        let mut addresses = vec![[0; 32]; count as usize];
        parallel::fill(&mut addresses, progress, interrupt, |index, address| {
            *address = secret_key(run_seed, index).public_key_bytes();
        })?;
        Ok(Self { keys: Keys::OfRun(run_seed), addresses })
    }

    /// A wallet's accounts, whose secrets are known to be their own.
    pub fn of_wallet(secrets: Vec<Secret>) -> Self {
        let addresses = secrets.iter().map(Secret::address).collect();
        Self { keys: Keys::OfWallet(secrets), addresses }
    }

    /// Every address, by account index.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// How many accounts there are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.addresses.len()).expect("made from a 32-bit count")
    }

    /// An account's address.
    pub fn address(&self, index: u32) -> &Address {
        &self.addresses[index as usize]
    }

    /// An account's key pair, derived anew.
    pub fn secret_key(&self, index: u32) -> SecretKey {
        match &self.keys {
            Keys::OfRun(run_seed) => secret_key(*run_seed, index),
            Keys::OfWallet(secrets) => secrets[index as usize].key().expect("looked at when the wallet was opened"),
        }
    }
}

fn secret_key(run_seed: u64, index: u32) -> SecretKey {
    SecretKey::from_seed(&key_seed(run_seed, Purpose::Account, index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_fixes_every_account_and_no_two_share_a_key() {
        let derive = |seed| Accounts::derive(seed, 300, &Progress::hidden(), &Interrupt::default()).unwrap();
        let (one, again, other) = (derive(1), derive(1), derive(2));
        assert_eq!(one.addresses(), again.addresses());
        let mut all: Vec<_> = one.addresses().iter().chain(other.addresses()).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 600);
        assert_eq!(&one.secret_key(7).public_key_bytes(), one.address(7));
    }

    #[test]
    fn a_raised_interrupt_stops_derivation() {
        let interrupt = Interrupt::default();
        interrupt.raise();
        let result = Accounts::derive(1, 300, &Progress::hidden(), &interrupt);
        assert!(matches!(result, Err(BenchError::Interrupted)));
    }
}
