//! Findings about cores: of the machine, and of the cores that a run was given.

use std::collections::BTreeSet;

use crate::cpu_list::CpuList;
use crate::finding::Finding;
use crate::topology::{Core, Topology};

const WHY_SIBLINGS: &str = "hardware threads of one physical core share its execution units and first caches, so each \
                            slows the other";
const WHY_NOT_ISOLATED: &str = "the scheduler may put other work on a core that a thread is pinned to, and each switch \
                                delays datagrams";
const WHY_GOVERNOR: &str = "a core that lowers its frequency when idle answers the first datagrams of a burst slowly";

/// Of the cores as they are, whoever will use them.
pub(super) fn of_topology(topology: &Topology) -> Vec<Finding> {
    let checks = [
        governors(topology),
        siblings(topology),
        isolation(topology),
        ticks(topology),
        offline(topology),
        affinity(topology),
    ];
    checks.into_iter().flatten().collect()
}

/// Of one thread on each of `cores`.
pub(super) fn of_run(topology: &Topology, cores: &[usize]) -> Vec<Finding> {
    let requested: CpuList = cores.iter().copied().collect();
    let mut found: Vec<Finding> = requested.iter().filter_map(|index| unusable(topology, index)).collect();
    found.extend(repeated(cores, &requested));
    let usable: Vec<&Core> =
        requested.iter().filter_map(|index| topology.core(index)).filter(|core| core.is_usable()).collect();
    found.extend(shared_within(&usable, &requested));
    found.extend(slow_governor(&usable));
    found.extend(shared_with_others(topology, &usable, &requested));
    found.extend(not_isolated(&usable));
    found.extend(node_span(&usable));
    found
}

fn governors(topology: &Topology) -> Option<Finding> {
    slow_governor(&topology.cores.iter().filter(|core| core.is_usable()).collect::<Vec<_>>())
}

fn slow_governor(cores: &[&Core]) -> Option<Finding> {
    let slow = |core: &&&Core| core.governor.as_deref().is_some_and(|governor| governor != "performance");
    let slow: Vec<&&Core> = cores.iter().filter(slow).collect();
    let names: BTreeSet<&str> = slow.iter().filter_map(|core| core.governor.as_deref()).collect();
    if names.is_empty() {
        return None;
    }
    let what = format!("{} run by governor {}", named(&indices(slow)), Vec::from_iter(names).join(", "));
    let remedy = "quittance-tune apply --only cpu.governor";
    Some(Finding::warning(what, WHY_GOVERNOR, remedy))
}

fn siblings(topology: &Topology) -> Option<Finding> {
    let usable: Vec<&Core> = topology.cores.iter().filter(|core| core.is_usable()).collect();
    let groups = sibling_groups(&usable, &indices(usable.iter()));
    let [first, ..] = groups.as_slice() else { return None };
    let what = format!(
        "SMT: {} of the physical cores have several hardware threads in use; {} one of them",
        groups.len(),
        named(first)
    );
    let remedy = "give the authority one core of each group, or: echo off > /sys/devices/system/cpu/smt/control";
    Some(Finding::notice(what, WHY_SIBLINGS, remedy))
}

fn isolation(topology: &Topology) -> Option<Finding> {
    let exposed = topology.cores.iter().any(|core| core.isolated.is_some());
    if !exposed || topology.cores.iter().any(|core| core.isolated == Some(true)) {
        return None;
    }
    let remedy = "boot with isolcpus=managed_irq,domain,CORES nohz_full=CORES rcu_nocbs=CORES, leaving one core out";
    Some(Finding::notice("no core is isolated", WHY_NOT_ISOLATED, remedy))
}

fn ticks(topology: &Topology) -> Option<Finding> {
    let ticking = topology.indices(|core| core.isolated == Some(true) && core.nohz_full != Some(true));
    if ticking.is_empty() {
        return None;
    }
    let why = "the timer tick interrupts a lone thread some hundred times a second";
    let remedy = format!("boot with nohz_full={ticking} (needs a kernel built with CONFIG_NO_HZ_FULL)");
    Some(Finding::notice(format!("{} isolated but not nohz_full", named(&ticking)), why, remedy))
}

fn offline(topology: &Topology) -> Option<Finding> {
    let offline = topology.indices(|core| core.online == Some(false));
    let first = offline.iter().next()?;
    let why = "the kernel schedules nothing there; no thread can be pinned to it";
    let remedy = format!("echo 1 > /sys/devices/system/cpu/cpu{first}/online, if it was not taken off on purpose");
    Some(Finding::notice(format!("{} offline", named(&offline)), why, remedy))
}

fn affinity(topology: &Topology) -> Option<Finding> {
    let forbidden = topology.indices(|core| core.online == Some(true) && core.allowed == Some(false));
    if forbidden.is_empty() {
        return None;
    }
    let why = "threads cannot be pinned to cores outside the process's affinity mask";
    let remedy = "start under taskset -c CORES, or widen AllowedCPUs= / cpuset.cpus of the cgroup";
    Some(Finding::notice(format!("{} not allowed for this process", named(&forbidden)), why, remedy))
}

/// Why no thread can be pinned to this core, if so.
fn unusable(topology: &Topology, core_index: usize) -> Option<Finding> {
    let why = "a thread cannot be pinned to it";
    if topology.cores.is_empty() {
        // Nothing is exposed: that the core is missing cannot be told, and pinning will show it.
        return None;
    }
    let Some(core) = topology.core(core_index) else {
        let remedy = format!("choose among the cores {}", topology.indices(Core::is_usable));
        return Some(Finding::fatal(format!("core {core_index} does not exist"), why, remedy));
    };
    if core.online == Some(false) {
        let remedy = format!("echo 1 > /sys/devices/system/cpu/cpu{core_index}/online, or choose another core");
        return Some(Finding::fatal(format!("core {core_index} is offline"), why, remedy));
    }
    if core.allowed == Some(false) {
        let allowed = topology.indices(|core| core.allowed == Some(true));
        let remedy = format!("choose among {allowed}, or widen the mask (taskset -c, AllowedCPUs=, cpuset.cpus)");
        return Some(Finding::fatal(format!("core {core_index} is not allowed for this process"), why, remedy));
    }
    None
}

/// One finding for each core that is named more than once.
fn repeated<'a>(cores: &'a [usize], requested: &'a CpuList) -> impl Iterator<Item = Finding> + 'a {
    requested.iter().filter_map(move |core_index| {
        let thread_count = cores.iter().filter(|index| **index == core_index).count();
        let what = format!("core {core_index} is given to {thread_count} threads");
        let why = "threads on one core take turns, and none of them may spin for datagrams";
        (thread_count > 1).then(|| Finding::warning(what, why, "give each thread a core of its own"))
    })
}

/// One finding for each physical core that several requested cores are threads of.
fn shared_within(usable: &[&Core], requested: &CpuList) -> Vec<Finding> {
    let of_group = |group: &CpuList| {
        let what = format!("{} hardware threads of one physical core, and the run uses them all", named(group));
        Finding::warning(what, WHY_SIBLINGS, format!("keep one of {group} and choose another physical core"))
    };
    sibling_groups(usable, requested).iter().map(of_group).collect()
}

/// Siblings that the run leaves free, while the scheduler may use them for something else.
fn shared_with_others(topology: &Topology, usable: &[&Core], requested: &CpuList) -> Option<Finding> {
    let besides = usable.iter().filter_map(|core| core.smt_siblings.as_ref()).flat_map(CpuList::iter);
    let open_to_others = |index: &usize| {
        let core = topology.core(*index);
        !requested.contains(*index) && core.is_some_and(|core| core.online == Some(true) && core.isolated != Some(true))
    };
    let besides: CpuList = besides.filter(open_to_others).collect();
    if besides.is_empty() {
        return None;
    }
    let what = format!(
        "{} beside the run's, as hardware threads of its physical cores, and open to other work",
        named(&besides)
    );
    Some(Finding::notice(what, WHY_SIBLINGS, format!("isolate {besides} as well, or take them offline")))
}

fn not_isolated(usable: &[&Core]) -> Option<Finding> {
    let open = indices(usable.iter().filter(|core| core.isolated == Some(false)));
    if open.is_empty() {
        return None;
    }
    let remedy = format!("boot with isolcpus=managed_irq,domain,{open} nohz_full={open} rcu_nocbs={open}");
    Some(Finding::notice(format!("{} not isolated", named(&open)), WHY_NOT_ISOLATED, remedy))
}

fn node_span(usable: &[&Core]) -> Option<Finding> {
    let nodes: CpuList = usable.iter().filter_map(|core| core.node_index).collect();
    if nodes.len() < 2 {
        return None;
    }
    let why = "what one thread writes and another reads crosses the link between sockets";
    let remedy = "choose the cores of one node, the NIC's where it states one";
    Some(Finding::notice(format!("the run's cores span the memory nodes {nodes}"), why, remedy))
}

/// The sets of two or more of `within` that are threads of one physical core, each set once.
fn sibling_groups(cores: &[&Core], within: &CpuList) -> Vec<CpuList> {
    let mut groups: Vec<CpuList> = Vec::new();
    for core in cores {
        let beside = core.smt_siblings.iter().flat_map(CpuList::iter).filter(|index| within.contains(*index));
        let group: CpuList = beside.chain([core.core_index]).collect();
        // The group comes up once for each member; the first is the one to keep it.
        if group.len() > 1 && group.as_slice().first() == Some(&core.core_index) {
            groups.push(group);
        }
    }
    groups
}

fn indices<'a>(cores: impl IntoIterator<Item = &'a &'a Core>) -> CpuList {
    cores.into_iter().map(|core| core.core_index).collect()
}

/// `core 3 is` or `cores 0-3 are`.
fn named(cores: &CpuList) -> String {
    if cores.len() == 1 { format!("core {cores} is") } else { format!("cores {cores} are") }
}
