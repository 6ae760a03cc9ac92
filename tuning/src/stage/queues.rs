//! How many queues an interface has.
//!
//! Each receive queue interrupts one core. With one queue a shard, each shard's packets can come to its own core, which
//! costs half of what fetching them from another does; with more, some land where no shard is.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::nic_control::NicSetting;
use crate::notation::Notation;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "nic.channels",
    what: "queues of the interface that both receive and send",
    why: "with a queue for each shard its packets come to its own core; reading them on another costs twice as much",
    risk: "most drivers stop the interface for a moment, and forget hash table, interrupt affinity and rings' contents",
    source: "Documentation/networking/scaling.rst; Documentation/networking/ethtool-netlink.rst: CHANNELS_SET",
    kernel: "5.7",
    others: "network managers' .link files (RxChannels=, CombinedChannels=); vendors' tuning scripts",
    scope: Scope::Nics,
    at: At::Nic(NicSetting::ChannelsCombined),
    notation: Notation::Number,
    want: one_for_each_shard,
}];

fn one_for_each_shard(ask: &Ask<'_>) -> Wanted {
    match (ask.reading.max, wanted_count(ask)) {
        (Some(0) | None, _) | (_, 0) => Wanted::Keep,
        (Some(max), wanted) => Wanted::exactly(wanted.min(max)),
    }
}

/// As many as shards.
fn wanted_count(ask: &Ask<'_>) -> u32 {
    u32::try_from(ask.ground.cores.shards.len()).unwrap_or(u32::MAX)
}
