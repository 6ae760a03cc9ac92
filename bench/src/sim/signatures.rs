//! Who signed what, fast: an oracle in place of Ed25519, or the real thing.
//!
//! The oracle's signature is a keyed BLAKE3 of the public key and the message, under a secret that only the world has. So
//! inside the world a signature can be had only from its owner, as with Ed25519, and costs a hash. Keys are real points in
//! both cases: a committee takes nothing else.

use quittance_engine::sign::Sign;
use quittance_engine::verify_batch::VerifyBatch;
use quittance_verify::{BackendKind, Item, PublicKey, SecretKey, Verifier};
use std::sync::Arc;

/// Seats and accounts that any world can have.
pub const KEY_COUNT: usize = 64;

/// Keys, made once for all worlds.
#[derive(Debug)]
pub struct Keys(Vec<Arc<SecretKey>>);

impl Keys {
    /// The same keys every time: they guard nothing.
    pub fn new() -> Self {
        let seed = |index: usize| *blake3::hash(&index.to_le_bytes()).as_bytes();
        Self((0..KEY_COUNT).map(|index| Arc::new(SecretKey::from_seed(&seed(index)))).collect())
    }

    /// The public half.
    pub fn public(&self, key: usize) -> PublicKey {
        self.0[key].public_key()
    }

    /// Its encoding.
    pub fn address(&self, key: usize) -> [u8; 32] {
        self.0[key].public_key_bytes()
    }

    /// The seed, which also keys a journal.
    pub fn seed(&self, key: usize) -> &[u8; 32] {
        self.0[key].seed()
    }

    fn secret(&self, key: usize) -> Arc<SecretKey> {
        self.0[key].clone()
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes signatures and judges them.
pub struct Notary {
    secret: [u8; 32],
    verifier: Option<Verifier>,
}

/// An owner's way to the oracle.
#[derive(Debug)]
struct OracleKey {
    secret: [u8; 32],
    address: [u8; 32],
}

impl Sign for OracleKey {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        oracle_signature(&self.secret, &self.address, message)
    }
}

impl Notary {
    /// The world's own. `is_real`: Ed25519.
    pub fn new(seed: u64, is_real: bool) -> Self {
        let secret = blake3::derive_key("quittance-bench 2026 simulated signatures", &seed.to_le_bytes());
        Self { secret, verifier: is_real.then(|| Verifier::new(BackendKind::best(), secret)) }
    }

    /// What signs for the owner of a key.
    pub fn signer(&self, keys: &Keys, key: usize) -> Arc<dyn Sign> {
        if self.verifier.is_some() {
            return keys.secret(key);
        }
        Arc::new(OracleKey { secret: self.secret, address: keys.address(key) })
    }

    /// The owner of a key signs.
    pub fn sign(&self, keys: &Keys, key: usize, message: &[u8]) -> [u8; 64] {
        if self.verifier.is_some() {
            return keys.secret(key).sign(message);
        }
        oracle_signature(&self.secret, &keys.address(key), message)
    }

    /// Whether the owner of a key signed this.
    pub fn is_signed(&mut self, keys: &Keys, key: usize, message: &[u8], signature: &[u8; 64]) -> bool {
        match &mut self.verifier {
            Some(verifier) => verifier.verify(Item { key: &keys.public(key), message, signature, hint: None }),
            None => oracle_signature(&self.secret, &keys.address(key), message) == *signature,
        }
    }

    /// Judges a batch.
    pub fn judge(&mut self, batch: &mut VerifyBatch) {
        match &mut self.verifier {
            Some(verifier) => batch.check(verifier),
            None => batch.decide(|job| {
                let is_good = |claim: quittance_engine::verify_batch::Claim<'_>| {
                    oracle_signature(&self.secret, claim.signer, claim.message) == *claim.signature
                };
                job.claim().is_some_and(is_good)
            }),
        }
    }
}

fn oracle_signature(secret: &[u8; 32], address: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let mut signed = [0; 256];
    let length = address.len() + message.len();
    signed[..32].copy_from_slice(address);
    signed[32..length].copy_from_slice(message);
    let tag = blake3::keyed_hash(secret, &signed[..length]);
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(tag.as_bytes());
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_has_a_signature_by_either_means() {
        let keys = Keys::new();
        for is_real in [false, true] {
            let mut notary = Notary::new(1, is_real);
            let signature = notary.signer(&keys, 3).sign(b"an order");
            assert_eq!(signature, notary.sign(&keys, 3, b"an order"));
            assert!(notary.is_signed(&keys, 3, b"an order", &signature));
            assert!(!notary.is_signed(&keys, 4, b"an order", &signature), "another owner");
            assert!(!notary.is_signed(&keys, 3, b"an 0rder", &signature), "another order");
            assert!(!Notary::new(2, is_real).is_signed(&keys, 3, b"an order", &[7; 64]));
        }
    }
}
