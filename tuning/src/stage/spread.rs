//! Packets spread by the kernel (RPS, RFS), and replies by core (XPS).
//!
//! Where an interface has a queue for each shard, the device brings packets to their cores and the kernel should not move
//! them again. Where it has fewer, the kernel can: by flow to the core that reads the flow (RFS). Replies should leave
//! by the queue of the core that sends them, so that no two cores share a send ring's lock.

use crate::cpu_list::CpuList;
use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::knob::Target;
use crate::notation::Notation;

/// Flows that the kernel remembers the reading core of; the documentation's advice for a busy server.
const FLOW_COUNT: usize = 32_768;

const SOURCE: &str = "Documentation/networking/scaling.rst";
const OTHERS: &str = "tuned; vendors' scripts; udev rules; net.core.rps_default_mask";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "net.core.rps_sock_flow_entries",
        what: "flows that the kernel remembers the reading core of",
        why: "with fewer queues than shards it is how a packet finds its shard's core",
        risk: "some memory, and a table lookup for each packet",
        source: SOURCE,
        kernel: "2.6.35",
        others: OTHERS,
        scope: Scope::Host,
        at: At::File("proc/sys/net/core/rps_sock_flow_entries"),
        notation: Notation::Number,
        want: |ask| if any_is_short_of_queues(ask) { Wanted::AtLeast(FLOW_COUNT as u64) } else { Wanted::Keep },
    },
    Kind {
        name: "nic.rps_flow_count",
        what: "flows that one receive queue remembers",
        why: "each queue keeps its own part of the table of reading cores",
        risk: "some memory",
        source: SOURCE,
        kernel: "2.6.35",
        others: OTHERS,
        scope: Scope::RxQueues,
        at: At::File("sys/class/net/{nic}/queues/{queue}/rps_flow_cnt"),
        notation: Notation::Number,
        want: |ask| {
            let queue_count = rx_queue_count(ask).max(1);
            if is_short_of_queues(ask) { Wanted::AtLeast((FLOW_COUNT / queue_count) as u64) } else { Wanted::Keep }
        },
    },
    Kind {
        name: "nic.rps_cpus",
        what: "cores that the kernel spreads a receive queue's packets over",
        why: "with a queue for each shard it moves packets that are where they belong; with fewer it is the only way",
        risk: "an interrupt between cores for each batch",
        source: SOURCE,
        kernel: "2.6.35",
        others: OTHERS,
        scope: Scope::RxQueues,
        at: At::File("sys/class/net/{nic}/queues/{queue}/rps_cpus"),
        notation: Notation::Mask,
        want: |ask| {
            let cores = if is_short_of_queues(ask) { ask.ground.cores.shards.clone() } else { CpuList::default() };
            Wanted::exactly(cores)
        },
    },
    Kind {
        name: "nic.xps_cpus",
        what: "cores that send by this queue",
        why: "a send ring that two cores share is locked for each train",
        risk: "cores without a queue of their own fall back to a hash",
        source: SOURCE,
        kernel: "2.6.38",
        others: OTHERS,
        scope: Scope::TxQueues,
        at: At::File("sys/class/net/{nic}/queues/{queue}/xps_cpus"),
        notation: Notation::Mask,
        want: sending_core,
    },
];

fn rx_queue_count(ask: &Ask<'_>) -> usize {
    match ask.target {
        Target::Queue { nic, .. } | Target::Nic(nic) => ask.ground.queue_count(nic, "rx"),
        _ => 0,
    }
}

/// Fewer queues than shards, and shards to choose among.
fn is_short_of_queues(ask: &Ask<'_>) -> bool {
    ask.ground.cores.shards.len() > rx_queue_count(ask)
}

fn any_is_short_of_queues(ask: &Ask<'_>) -> bool {
    ask.ground.nics.iter().any(|nic| ask.ground.queue_count(nic, "rx") < ask.ground.cores.shards.len())
}

/// With a queue for each shard, the shard's core; cores of surplus queues are none of ours.
fn sending_core(ask: &Ask<'_>) -> Wanted {
    let Target::Queue { nic, queue, .. } = ask.target else { return Wanted::Absent };
    let shard_count = ask.ground.cores.shards.len();
    if ask.ground.queue_count(nic, "tx") < shard_count {
        return Wanted::Keep;
    }
    let core = (*queue < shard_count).then(|| ask.ground.cores.shard_core(*queue)).flatten();
    core.map_or_else(|| Wanted::exactly(CpuList::default()), Wanted::exactly)
}
