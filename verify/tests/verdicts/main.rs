//! One rule: the verdict of every backend on every item is the rule's, alone and in any batch.
//!
//! `harness` runs each property for every backend that the machine has; `oracle` is the rule written a second time;
//! `make` makes signatures. The properties: `encodings`, `keys` (many at once), `torsion`, `tampering`, `batches`, `each` (many,
//! each by itself), `vectors`, `hints`, and `equality`, which needs no oracle: what one backend says, all say.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod batches;
mod each;
mod encodings;
mod equality;
mod harness;
mod hints;
mod keys;
mod make;
mod oracle;
mod tampering;
mod torsion;
mod vectors;
