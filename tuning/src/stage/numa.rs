//! Memory near the core that uses it.
//!
//! A pinned thread touches its memory first and so has it near. A kernel that takes pages away for a while, to see who
//! misses them, only makes it fault.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::notation::Notation;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "kernel.numa_balancing",
        what: "whether the kernel unmaps pages to see which node uses them",
        why: "pinned threads have their memory near already, and each trial page is a fault",
        risk: "programs that are not pinned keep memory on the far node",
        source: "Documentation/admin-guide/sysctl/kernel.rst: numa_balancing",
        kernel: "3.14",
        others: "the boot option numa_balancing=; tuned",
        scope: Scope::Host,
        at: At::File("proc/sys/kernel/numa_balancing"),
        notation: Notation::Number,
        want: |_| Wanted::exactly(0),
    },
    Kind {
        name: "vm.zone_reclaim_mode",
        what: "whether a node frees its own cache before it takes memory of another",
        why: "freeing stops the thread that asked, for memory that the far node has to give",
        risk: "more memory on the far node",
        source: "Documentation/admin-guide/sysctl/vm.rst: zone_reclaim_mode",
        kernel: "2.6.16",
        others: "tuned; old kernels on machines with far nodes",
        scope: Scope::Host,
        at: At::File("proc/sys/vm/zone_reclaim_mode"),
        notation: Notation::Number,
        want: |_| Wanted::exactly(0),
    },
    Kind {
        name: "numa.nic_node",
        what: "whether the authority's cores are on the interface's node",
        why: "a packet whose device is on another node crosses the link between sockets twice",
        risk: "none; a matter of which slot the card is in, or which cores are given",
        source: "Documentation/ABI/testing/sysfs-bus-pci: numa_node",
        kernel: "2.6",
        others: "nobody; the board's layout",
        scope: Scope::Nics,
        at: At::Nowhere,
        notation: Notation::Word,
        want: nic_node,
    },
];

fn nic_node(ask: &Ask<'_>) -> Wanted {
    let crate::knob::Target::Nic(name) = ask.target else { return Wanted::Absent };
    let nics = ask.ground.machine.nics.as_deref().unwrap_or_default();
    let of_nic = nics.iter().find(|nic| nic.name == *name).and_then(|nic| nic.node_index);
    match (of_nic, ask.ground.cores.node_index) {
        (Some(of_nic), Some(of_cores)) if of_nic != of_cores => Wanted::Advice {
            current: format!("node {of_nic}"),
            wanted: format!("node {of_cores}"),
            remedy: format!("give this interface an authority of its own on node {of_nic}, or move the card"),
        },
        (Some(of_nic), Some(_)) => Wanted::Fine(format!("node {of_nic}")),
        _ => Wanted::Absent,
    }
}
