//! Memory nodes: which cores are near which memory.

use serde::Serialize;

use crate::cpu_list::CpuList;
use crate::memory::field_size_bytes;
use crate::sysroot::Sysroot;

/// One NUMA node. From `sys/devices/system/node/nodeN`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// The kernel's number for the node; numbers may have gaps.
    pub node_index: usize,
    /// The cores for which this node's memory is near; empty for a node of memory alone.
    pub cores: Option<CpuList>,
    /// Memory on the node, octets.
    pub memory_total_bytes: Option<u64>,
    /// Memory on the node that nothing uses, octets.
    pub memory_free_bytes: Option<u64>,
    /// The cost of reaching each online node, in the order of their numbers, as the firmware states it: 10 is local.
    pub distances: Option<Vec<u32>>,
}

impl Node {
    /// Every node, by number; `None` when the kernel exposes no node directory (built without NUMA, or a container).
    pub(crate) fn read_all(sysroot: Sysroot<'_>) -> Option<Vec<Self>> {
        let node_indices = sysroot.numbered("sys/devices/system/node", "node")?;
        Some(node_indices.into_iter().map(|node_index| Self::read(sysroot, node_index)).collect())
    }

    fn read(sysroot: Sysroot<'_>, node_index: usize) -> Self {
        let folder = format!("sys/devices/system/node/node{node_index}");
        let meminfo = sysroot.text(&format!("{folder}/meminfo")).unwrap_or_default();
        let distance = sysroot.text(&format!("{folder}/distance"));
        Self {
            node_index,
            cores: sysroot.cpu_list(&format!("{folder}/cpulist")),
            memory_total_bytes: field_size_bytes(&meminfo, "MemTotal"),
            memory_free_bytes: field_size_bytes(&meminfo, "MemFree"),
            distances: distance.and_then(|text| text.split_whitespace().map(|cost| cost.parse().ok()).collect()),
        }
    }
}
