//! Signatures, made and checked by whoever drives the client.
//!
//! The client knows what must be signed and what must hold; keys and verifiers are arguments, so a simulation can put an
//! oracle in their place.

use crate::terms::Terms;
use core::fmt;
use quittance_engine::message::{ORDER_MESSAGE_BYTES, ROOT_MESSAGE_BYTES};
use quittance_verify::{BackendKind, Item, SecretKey, Verifier, hint};

/// Says whether an authority signed a root.
pub trait CheckRoots {
    /// Whether `signature` is that of this member of the committee under this root's message. `authority` is below the
    /// number of members.
    fn check(&mut self, authority: u8, message: &[u8; ROOT_MESSAGE_BYTES], signature: &[u8; 64]) -> bool;
}

/// Makes an account's signatures.
pub trait SignOrder {
    /// Signs an order's message. The same message always gives the same signature.
    fn sign(&self, message: &[u8; ORDER_MESSAGE_BYTES]) -> [u8; 64];

    /// The x coordinate of the signature's R, which makes the check cheaper for authorities; zero if it is not to be sent.
    fn hint(&self, signature: &[u8; 64]) -> [u8; 32] {
        let _ = signature;
        [0; 32]
    }
}

impl SignOrder for SecretKey {
    fn sign(&self, message: &[u8; ORDER_MESSAGE_BYTES]) -> [u8; 64] {
        Self::sign(self, message)
    }

    fn hint(&self, signature: &[u8; 64]) -> [u8; 32] {
        hint(signature).unwrap_or_default()
    }
}

/// Checks roots with the committee's keys.
pub struct RootVerifier {
    keys: Vec<quittance_verify::PublicKey>,
    verifier: Verifier,
}

impl RootVerifier {
    /// A verifier for these terms. The seed is for the verifier's weights: secret and fresh.
    pub fn new(terms: &Terms, seed: [u8; 32]) -> Self {
        let keys = terms.committee().members().iter().map(|member| member.key).collect();
        Self { keys, verifier: Verifier::new(BackendKind::best(), seed) }
    }
}

impl CheckRoots for RootVerifier {
    fn check(&mut self, authority: u8, message: &[u8; ROOT_MESSAGE_BYTES], signature: &[u8; 64]) -> bool {
        let key = &self.keys[usize::from(authority)];
        self.verifier.verify(Item { key, message, signature, hint: None })
    }
}

impl fmt::Debug for RootVerifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RootVerifier").field("keys", &self.keys).finish_non_exhaustive()
    }
}
