//! Small models of the protocol, explored in every state that they can reach.
//!
//! Simulations try much and by chance; here little is tried, and all of it. [`one_sequence`]: one sequence number of one
//! account, between honest authorities that crash and others that sign anything. [`channel`]: credits from one shard to
//! another, made and applied by the engine's own types. [`check`] does the exploring, by means of stateright.
//!
//! Each model has mutants that do one thing wrong, and every one must be found; and what should be possible must happen. So a
//! model in which nothing can go wrong, or nothing happens at all, fails.
//!
//! States are told apart by 64-bit fingerprints. Of a million states two share one, and one of them is passed over, with a
//! chance of one in 37 million.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod channel;
mod check;
mod one_sequence;
