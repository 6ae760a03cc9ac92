//! Each shard's packets to its own queue.
//!
//! A hash spreads evenly and knows nothing of shards. A device that can match the destination's port sends each shard's
//! packets to the queue whose interrupt comes to the shard's core: the cheapest place to receive them, by half.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::knob::Target;
use crate::nic_control::NicSetting;
use crate::notation::Notation;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "nic.ntuple",
        what: "whether the device steers flows by rules (rx-ntuple-filter)",
        why: "rules by port, and the kernel's own by the reading core, bring packets to the core that reads them",
        risk: "devices hold few rules; with accelerated RFS the kernel fills them as flows move",
        source: "Documentation/networking/scaling.rst: Accelerated RFS; ethtool(8): ntuple",
        kernel: "2.6.35",
        others: "network managers' .link files (NTupleFilter=); irqbalance does not",
        scope: Scope::Nics,
        at: At::Nic(NicSetting::Feature("rx-ntuple-filter")),
        notation: Notation::Word,
        want: |ask| if queue_count(ask) < 2 { Wanted::Keep } else { Wanted::exactly("on") },
    },
    Kind {
        name: "nic.port_rules",
        what: "rules that send each shard's UDP port to its own queue",
        why: "reading a datagram on the core that its interrupt came to costs 0.2 us, on another 0.7",
        risk: "a rule left behind sends a port's packets to a queue whose core has moved on",
        source: "ethtool(8): flow-type udp4; Documentation/networking/scaling.rst",
        kernel: "2.6.34",
        others: "other programs that steer flows: load balancers, DPDK helpers",
        scope: Scope::Nics,
        at: At::Nowhere,
        notation: Notation::Word,
        want: rules,
    },
];

fn queue_count(ask: &Ask<'_>) -> usize {
    if let Target::Nic(nic) = ask.target { ask.ground.queue_count(nic, "rx") } else { 0 }
}

/// The ports are the authority's, which this machine may not have been given yet: a matter for its operator.
fn rules(ask: &Ask<'_>) -> Wanted {
    let Target::Nic(nic) = ask.target else { return Wanted::Absent };
    let steers = ask.ground.controls.nics.read(nic, NicSetting::Feature("rx-ntuple-filter"));
    if steers.is_err() || queue_count(ask) < 2 {
        return Wanted::Absent;
    }
    let remedy = format!("for shard S of base port B: ethtool -N {nic} flow-type udp4 dst-port B+S action S");
    Wanted::Advice { current: "not looked at".to_owned(), wanted: "one for each shard".to_owned(), remedy }
}
