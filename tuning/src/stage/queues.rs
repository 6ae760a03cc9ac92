//! How many queues an interface has.
//!
//! Each receive queue interrupts one core. With one queue a shard, each shard's packets can come to its own core, which
//! costs half of what fetching them from another does; with more, some land where no shard is.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::knob::Target;
use crate::nic_control::{NicSetting, NicValue};
use crate::notation::Notation;

const RISK: &str =
    "most drivers stop the interface for a moment, and forget hash table, interrupt affinity and rings' contents";

/// One count of queues.
const fn count(name: &'static str, setting: NicSetting, what: &'static str, want: fn(&Ask<'_>) -> Wanted) -> Kind {
    Kind {
        name,
        what,
        why: "with a queue for each shard its packets come to its own core; reading them on another costs twice as much",
        risk: RISK,
        source: "Documentation/networking/scaling.rst; Documentation/networking/ethtool-netlink.rst: CHANNELS_SET",
        kernel: "5.7",
        others: "network managers' .link files (RxChannels=, CombinedChannels=); vendors' tuning scripts",
        scope: Scope::Nics,
        at: At::Nic(setting),
        notation: Notation::Number,
        want,
    }
}

pub(super) const KINDS: &[Kind] = &[
    count(
        "nic.channels",
        NicSetting::ChannelsCombined,
        "queues of the interface that both receive and send",
        one_for_each_shard,
    ),
    count(
        "nic.channels_rx",
        NicSetting::ChannelsRx,
        "queues that only receive, of a driver that counts them apart",
        |ask| if counts_together(ask) { Wanted::Keep } else { one_for_each_shard(ask) },
    ),
    count(
        "nic.channels_tx",
        NicSetting::ChannelsTx,
        "queues that only send, of a driver that counts them apart",
        |ask| if counts_together(ask) { Wanted::Keep } else { one_for_each_shard(ask) },
    ),
];

/// Whether the driver's queues do both: then those that do one are for special uses.
fn counts_together(ask: &Ask<'_>) -> bool {
    let Target::Nic(nic) = ask.target else { return false };
    let combined = ask.ground.controls.nics.read(nic, NicSetting::ChannelsCombined);
    matches!(combined, Ok(NicValue::Number { max: Some(1..), .. }))
}

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
