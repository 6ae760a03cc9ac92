//! Which cores an authority would be given.

use serde::Serialize;

use crate::cpu_list::CpuList;
use crate::machine::Machine;
use crate::nic::Nic;
use crate::topology::{Core, Topology};

/// With this many physical cores to give, one is the journal's own; with fewer it shares a house-keeping core, for it
/// sleeps in the disk most of its time and a shard does not sleep at all.
const JOURNAL_CORE_FROM_COUNT: usize = 3;

/// The most shards of one authority.
const SHARD_COUNT_MAX: usize = 256;

/// Which cores an authority would be given: one thread of each physical core, near the NIC, with one physical core left
/// for the kernel and everything else. Where the operator has isolated cores, those.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CoresPlan {
    /// For the kernel, interrupts of other devices, and every other program.
    pub house_keeping: CpuList,
    /// One shard's thread each.
    pub shards: CpuList,
    /// The journal's thread.
    pub journal_core_index: Option<usize>,
    /// Hardware threads beside the authority's, to be left without work.
    pub idle_siblings: CpuList,
    /// The memory node that they are on, where the machine has several.
    pub node_index: Option<usize>,
}

impl CoresPlan {
    /// The plan for this machine and the interface that the authority's packets come by.
    #[must_use]
    pub fn of(machine: &Machine, nic: Option<&Nic>) -> Self {
        let topology = &machine.topology;
        let usable = topology.indices(Core::is_usable);
        let physical = physical_cores(topology, &usable);
        let node_index = near_node(topology, nic);
        let mut given = candidates(topology, &physical, node_index);
        given.truncate(SHARD_COUNT_MAX);
        let own_journal = if given.len() >= JOURNAL_CORE_FROM_COUNT { given.pop() } else { None };
        let shards: CpuList = given.iter().filter_map(|threads| threads.as_slice().first().copied()).collect();
        let own_journal_index = own_journal.as_ref().and_then(|threads| threads.as_slice().first().copied());
        let threads = given.iter().chain(&own_journal).flat_map(CpuList::iter);
        let idle_siblings: CpuList =
            threads.filter(|core| !shards.contains(*core) && own_journal_index != Some(*core)).collect();
        let taken =
            |core: usize| shards.contains(core) || idle_siblings.contains(core) || own_journal_index == Some(core);
        let left: CpuList = usable.iter().filter(|core| !taken(*core)).collect();
        // A machine of one core has it do everything.
        let house_keeping = if left.is_empty() { shards.clone() } else { left };
        let journal_core_index = own_journal_index.or_else(|| house_keeping.as_slice().first().copied());
        let several_nodes = topology.nodes.as_ref().is_some_and(|nodes| nodes.len() > 1);
        let node_index = node_index.filter(|_| several_nodes);
        Self { house_keeping, shards, journal_core_index, idle_siblings, node_index }
    }

    /// The plan for this machine and the first interface that has a device and is not down.
    #[must_use]
    pub fn of_machine(machine: &Machine) -> Self {
        Self::of(machine, machine.nics.as_deref().unwrap_or_default().iter().find(|nic| nic.is_wired()))
    }

    /// The cores on which nothing but the authority should run: shards, the journal's where it is its own, and the
    /// hardware threads beside them. Empty where the authority shares all there is.
    #[must_use]
    pub fn reserved(&self) -> CpuList {
        let journal = self.journal_core_index.into_iter();
        let cores = self.shards.iter().chain(self.idle_siblings.iter()).chain(journal);
        cores.filter(|core| !self.house_keeping.contains(*core)).collect()
    }

    /// The core of a queue or shard with this number; they go round.
    pub(crate) fn shard_core(&self, number: usize) -> Option<usize> {
        let shards = self.shards.as_slice();
        shards.get(number.checked_rem(shards.len())?).copied()
    }

    /// What to say to `quittance-authority run`.
    #[must_use]
    pub fn options(&self) -> String {
        let cores: Vec<String> = self.shards.iter().map(|core| core.to_string()).collect();
        let journal = self.journal_core_index.map(|core| format!(" --journal-core {core}")).unwrap_or_default();
        format!("--cores {}{journal}", cores.join(","))
    }
}

/// The usable hardware threads of each physical core, in the order of their first.
fn physical_cores(topology: &Topology, usable: &CpuList) -> Vec<CpuList> {
    let cores = topology.cores.iter().filter(|core| usable.contains(core.core_index));
    let group = |core: &Core| -> CpuList {
        let beside = core.smt_siblings.iter().flat_map(CpuList::iter).filter(|sibling| usable.contains(*sibling));
        beside.chain([core.core_index]).collect()
    };
    let groups = cores.map(|core| (core.core_index, group(core)));
    groups.filter(|(index, group)| group.as_slice().first() == Some(index)).map(|(_, group)| group).collect()
}

/// The node of the interface, else of the first usable core.
fn near_node(topology: &Topology, nic: Option<&Nic>) -> Option<usize> {
    let stated = nic.and_then(|nic| nic.node_index);
    let has_cores = |node: &usize| topology.cores.iter().any(|core| core.is_usable() && core.node_index == Some(*node));
    stated.filter(has_cores).or_else(|| topology.cores.iter().find(|core| core.is_usable())?.node_index)
}

/// The physical cores to give: the isolated ones, else those of the node without the one that holds the lowest core.
fn candidates(topology: &Topology, physical: &[CpuList], node_index: Option<usize>) -> Vec<CpuList> {
    let first = |threads: &CpuList| threads.as_slice().first().and_then(|index| topology.core(*index));
    let isolated = |threads: &&CpuList| first(threads).is_some_and(|core| core.isolated == Some(true));
    let set_apart: Vec<CpuList> = physical.iter().filter(isolated).cloned().collect();
    if !set_apart.is_empty() {
        return set_apart;
    }
    let near =
        |threads: &&CpuList| node_index.is_none() || first(threads).is_some_and(|core| core.node_index == node_index);
    let beyond_house_keeping: Vec<CpuList> = physical.iter().skip(1).filter(near).cloned().collect();
    if beyond_house_keeping.is_empty() { physical.iter().take(1).cloned().collect() } else { beyond_house_keeping }
}
