//! Which queue a packet comes to.
//!
//! The device hashes a packet's addresses and, if told so, its ports, and looks the queue up in a table. Clients behind
//! few addresses, and all shards behind one, differ in their ports alone: without them one queue gets everything.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::knob::Target;
use crate::nic_control::{NicSetting, NicValue};
use crate::notation::Notation;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "nic.rss_hash_udp4",
        what: "what of a UDP over IPv4 packet chooses its receive queue: s, d addresses; f, n ports",
        why: "without the ports, packets between two machines all come to one queue, whatever the shard",
        risk: "fragments of one datagram may come to different queues; the authority's fit one packet",
        source: "Documentation/networking/scaling.rst: RSS; ethtool(8): rx-flow-hash",
        kernel: "6.17 by netlink",
        others: "vendors' tuning scripts; ethtool -N in network managers' hooks",
        scope: Scope::Nics,
        at: At::Nic(NicSetting::RssHashUdp4),
        notation: Notation::Word,
        want: |ask| if has_one_queue(ask) { Wanted::Keep } else { Wanted::exactly("sdfn") },
    },
    Kind {
        name: "nic.rss_table",
        what: "which queue each slot of the hash leads to",
        why: "a table left from another count of queues sends packets to few of them, or to cores without a shard",
        risk: "packets on their way may overtake each other once",
        source: "Documentation/networking/scaling.rst: RSS configuration; ethtool(8): equal",
        kernel: "6.3 to read, 6.17 to write by netlink",
        others: "vendors' tuning scripts; drivers, when the count of queues changes",
        scope: Scope::Nics,
        at: At::Nic(NicSetting::RssTable),
        notation: Notation::Word,
        want: |ask| {
            if has_one_queue(ask) { Wanted::Keep } else { Wanted::Exactly(format!("equal {}", queue_count(ask))) }
        },
    },
];

fn has_one_queue(ask: &Ask<'_>) -> bool {
    queue_count(ask) < 2
}

/// The queues that the interface has, or will have once the stage before this one is applied.
fn queue_count(ask: &Ask<'_>) -> usize {
    let Target::Nic(nic) = ask.target else { return 0 };
    let has = ask.ground.queue_count(nic, "rx");
    let moves = [NicSetting::ChannelsCombined, NicSetting::ChannelsRx].iter().any(|setting| {
        let channels = ask.ground.controls.nics.read(nic, *setting);
        matches!(channels, Ok(NicValue::Number { max: Some(1..), .. }))
    });
    if moves { has.min(ask.ground.cores.shards.len()) } else { has }
}
