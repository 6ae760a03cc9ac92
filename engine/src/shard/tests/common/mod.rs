//! A small world: a committee, payers, and a shard with someone who drives it and checks what it says.

mod authority;
mod node;
mod random;
mod reply;
mod world;

pub(super) use authority::Authority;
pub(super) use node::{AccountState, Node, Setup};
pub(super) use random::Random;
pub(super) use reply::Reply;
pub(super) use world::{EPOCH, FUNDS, NOW, Payer, World, receipt_leaf, rejection_leaf, vote_leaf};
