//! Clients against committees of real shards in memory, over a network that loses, repeats and reorders.

mod authority;
mod chains;
mod committees;
mod crashes;
mod disorder;
mod funds;
mod inquiries;
mod keys;
mod payments;
mod planted;
mod rebuilds;
mod wallet;
mod world;

use authority::Mood;
use wallet::Wallet;
use world::{FUNDS, World};
