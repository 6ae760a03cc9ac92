//! Who signs for an authority.

use core::fmt;
use quittance_verify::{SIGNATURE_BYTES, SecretKey};

/// Makes an authority's signatures: its secret key; in a simulation, whoever stands in for it.
///
/// A shard asks for one signature per batch of replies.
pub trait Sign: fmt::Debug + Send + Sync {
    /// Signs `message`. The same message always gives the same signature.
    fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES];
}

impl Sign for SecretKey {
    fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        Self::sign(self, message)
    }
}
