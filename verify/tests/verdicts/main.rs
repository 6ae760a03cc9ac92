//! One rule: the verdict of every backend on every item is the rule's, alone and in any batch.
//!
//! `harness` runs each property for every backend that the machine has; `oracle` is the rule written a second time;
//! `make` makes signatures. The properties: `encodings`, `torsion`, `tampering`, `batches`, `vectors`.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod batches;
mod encodings;
mod harness;
mod make;
mod oracle;
mod tampering;
mod torsion;
mod vectors;
