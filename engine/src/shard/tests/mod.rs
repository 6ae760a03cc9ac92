//! The shard as its peers see it: datagrams in, replies out.
//!
//! Bytes that are signed are built here from their description, not by the crate's own functions, so that the tests hold
//! the format too. Every reply that the harness collects is checked: see [`common::Node::collect`].

mod certificates;
mod common;
mod credits;
mod determinism;
mod durability;
mod held_orders;
mod history;
mod hostile;
mod limits;
mod links;
mod orders;
mod power_cut;
mod quarantine;
mod queries;
mod refusals;
mod replies;
mod votes;
