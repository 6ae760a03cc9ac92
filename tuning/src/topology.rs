//! Cores: which there are, which this process may use, and which share what.

use std::path::Path;

use serde::Serialize;

use crate::cache::CoreCaches;
use crate::cpu_list::{CORE_COUNT_MAX, CpuList};
use crate::numa::Node;
use crate::sysroot::{Sysroot, field, fields};

/// The cores and memory nodes of the machine. "Core" is what Linux calls a CPU: one hardware thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Topology {
    /// Every core that is present, by index; offline ones too. Empty only when the machine exposes nothing at all.
    pub cores: Vec<Core>,
    /// Whether any two online cores share a physical core (`cpu/smt/active`).
    pub smt_active: Option<bool>,
    /// The memory nodes; `None` when not exposed.
    pub nodes: Option<Vec<Node>>,
}

/// One core (hardware thread).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Core {
    /// The number that affinity masks and `isolcpus` use. Indices may have gaps.
    pub core_index: usize,
    /// Whether the kernel schedules on it. Most of the rest is not exposed for an offline core.
    pub online: Option<bool>,
    /// Whether this process may run on it (affinity mask, cpuset).
    pub allowed: Option<bool>,
    /// The socket.
    pub package_id: Option<u32>,
    /// The physical core's number within its package; hardware threads of one physical core have the same.
    pub core_id: Option<u32>,
    /// The other hardware threads of the same physical core; empty when it has one thread.
    pub smt_siblings: Option<CpuList>,
    /// The memory node that is near.
    pub node_index: Option<usize>,
    /// Whether the scheduler leaves it alone (`isolcpus`, or an isolated cpuset partition).
    pub isolated: Option<bool>,
    /// Whether the timer tick stops while one thread runs on it (`nohz_full`).
    pub nohz_full: Option<bool>,
    /// How the frequency is chosen: `performance`, `powersave`, `schedutil`, ...
    pub governor: Option<String>,
    /// The highest frequency the processor states, kHz.
    pub frequency_max_khz: Option<u64>,
    /// Its caches.
    pub caches: CoreCaches,
}

impl Topology {
    /// Reads cores, caches and memory nodes below `sysroot` (`/` for this machine). Infallible: what is missing or
    /// malformed is `None`.
    ///
    /// `allowed` is the mask of the process's first thread: call this before that thread pins itself, or it will look
    /// as if one core were all there is.
    pub fn read(sysroot: &Path) -> Self {
        let sysroot = Sysroot::new(sysroot);
        let nodes = Node::read_all(sysroot);
        let masks = Masks::read(sysroot);
        let indices = present(sysroot, &masks);
        let cores = indices.iter().map(|index| Core::read(sysroot, index, &masks, nodes.as_deref())).collect();
        let smt_active = sysroot.number::<u8>("sys/devices/system/cpu/smt/active").map(|flag| flag != 0);
        Self { cores, smt_active, nodes }
    }

    /// The core with this index, if the machine has it.
    pub fn core(&self, core_index: usize) -> Option<&Core> {
        let position = self.cores.binary_search_by_key(&core_index, |core| core.core_index).ok()?;
        self.cores.get(position)
    }

    /// The indices of the cores for which `chosen` holds.
    pub fn indices(&self, chosen: impl Fn(&Core) -> bool) -> CpuList {
        self.cores.iter().filter(|core| chosen(core)).map(|core| core.core_index).collect()
    }
}

impl Core {
    /// Online, as far as the machine tells, and allowed, as far as it tells.
    pub fn is_usable(&self) -> bool {
        self.online != Some(false) && self.allowed != Some(false)
    }

    fn read(sysroot: Sysroot<'_>, core_index: usize, masks: &Masks, nodes: Option<&[Node]>) -> Self {
        let folder = format!("sys/devices/system/cpu/cpu{core_index}");
        let within = |list: &Option<CpuList>| list.as_ref().map(|list| list.contains(core_index));
        Self {
            core_index,
            online: within(&masks.online),
            allowed: within(&masks.allowed),
            package_id: sysroot.number(&format!("{folder}/topology/physical_package_id")),
            core_id: sysroot.number(&format!("{folder}/topology/core_id")),
            smt_siblings: siblings(sysroot, &folder, core_index),
            node_index: nodes.and_then(|nodes| node_of(nodes, core_index)),
            isolated: within(&masks.isolated),
            nohz_full: within(&masks.nohz_full),
            governor: sysroot.word(&format!("{folder}/cpufreq/scaling_governor")),
            frequency_max_khz: sysroot.number(&format!("{folder}/cpufreq/cpuinfo_max_freq")),
            caches: CoreCaches::read(sysroot, core_index),
        }
    }
}

/// The sets that say something of all cores at once.
struct Masks {
    online: Option<CpuList>,
    allowed: Option<CpuList>,
    isolated: Option<CpuList>,
    nohz_full: Option<CpuList>,
}

impl Masks {
    fn read(sysroot: Sysroot<'_>) -> Self {
        let status = sysroot.text("proc/self/status").unwrap_or_default();
        Self {
            online: sysroot.cpu_list("sys/devices/system/cpu/online").or_else(|| listed_in_cpuinfo(sysroot)),
            allowed: field(&status, "Cpus_allowed_list").and_then(|list| list.parse().ok()),
            isolated: sysroot.cpu_list("sys/devices/system/cpu/isolated"),
            nohz_full: sysroot.cpu_list("sys/devices/system/cpu/nohz_full"),
        }
    }
}

/// The cores that are there. Where sysfs is hidden, those that are online, else those that are allowed: the last may
/// name cores that could be plugged in but are not, so it comes last.
fn present(sysroot: Sysroot<'_>, masks: &Masks) -> CpuList {
    let listed = sysroot.cpu_list("sys/devices/system/cpu/present");
    listed.or_else(|| masks.online.clone()).or_else(|| masks.allowed.clone()).unwrap_or_default()
}

/// `/proc/cpuinfo` has a paragraph for each online core; `None` when it has none.
fn listed_in_cpuinfo(sysroot: Sysroot<'_>) -> Option<CpuList> {
    let cpuinfo = sysroot.text("proc/cpuinfo")?;
    let indices = fields(&cpuinfo, "processor").filter_map(|index| index.parse().ok());
    let list: CpuList = indices.filter(|index| *index < CORE_COUNT_MAX).collect();
    (!list.is_empty()).then_some(list)
}

fn siblings(sysroot: Sysroot<'_>, folder: &str, core_index: usize) -> Option<CpuList> {
    // The second name is what kernels before 5.3 have.
    let threads = sysroot
        .cpu_list(&format!("{folder}/topology/core_cpus_list"))
        .or_else(|| sysroot.cpu_list(&format!("{folder}/topology/thread_siblings_list")))?;
    Some(threads.iter().filter(|index| *index != core_index).collect())
}

fn node_of(nodes: &[Node], core_index: usize) -> Option<usize> {
    let near = |node: &&Node| node.cores.as_ref().is_some_and(|cores| cores.contains(core_index));
    nodes.iter().find(near).map(|node| node.node_index)
}
