//! Cores of its own.
//!
//! A shard's thread spins on its core. Whatever else the kernel puts there, be it a program, a timer tick or the freeing
//! of read-copy-update memory, stops the thread for microseconds to milliseconds. Keeping that away is settled when the
//! kernel starts, so all of it is advice: a boot line, and a unit's set of cores.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::notation::Notation;

const RISK: &str = "what is isolated stands idle when the authority does not run; a wrong list leaves too little for the \
                    rest of the machine";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "boot.isolcpus",
        what: "cores that the scheduler leaves to those who ask for them by name",
        why: "a core that a spinning thread shares with the scheduler's other work loses whole time slices to it",
        risk: RISK,
        source: "Documentation/admin-guide/kernel-parameters.txt: isolcpus",
        kernel: "2.6",
        others: "the boot loader's line; tuned's cpu-partitioning profile; isolated cpuset partitions",
        scope: Scope::Host,
        at: At::Nowhere,
        notation: Notation::List,
        want: |ask| boot_list(ask, "isolcpus", "isolcpus=managed_irq,domain,"),
    },
    Kind {
        name: "boot.nohz_full",
        what: "cores whose timer tick stops while one thread runs there",
        why: "the tick interrupts a lone thread up to a thousand times a second",
        risk: "entering and leaving the kernel gets slower on these cores, and their clock accounting costs more",
        source: "Documentation/timers/no_hz.rst",
        kernel: "3.10, built with CONFIG_NO_HZ_FULL",
        others: "the boot loader's line; tuned's cpu-partitioning profile",
        scope: Scope::Host,
        at: At::Nowhere,
        notation: Notation::List,
        want: |ask| boot_list(ask, "nohz_full", "nohz_full="),
    },
    Kind {
        name: "boot.rcu_nocbs",
        what: "cores whose deferred kernel work (RCU callbacks) is done by threads elsewhere",
        why: "freeing what other cores retired would stop the spinning thread in bursts",
        risk: "the threads that do it instead need time on the house-keeping cores",
        source: "Documentation/admin-guide/kernel-parameters.txt: rcu_nocbs",
        kernel: "3.10, built with CONFIG_RCU_NOCB_CPU",
        others: "the boot loader's line; nohz_full implies it",
        scope: Scope::Host,
        at: At::Nowhere,
        notation: Notation::List,
        want: |ask| boot_list(ask, "rcu_nocbs", "rcu_nocbs="),
    },
    Kind {
        name: "unit.allowed_cpus",
        what: "the cores that this process, and what it starts, may run on",
        why: "threads cannot be pinned to cores outside the cpuset or affinity mask",
        risk: "none; a set that is too wide only lets other programs in",
        source: "systemd.resource-control(5): AllowedCPUs=; Documentation/admin-guide/cgroup-v2.rst: cpuset",
        kernel: "4.15 for the unified hierarchy's cpuset",
        others: "systemd units and slices; container runtimes; Kubernetes' CPU manager",
        scope: Scope::Host,
        at: At::Nowhere,
        notation: Notation::List,
        want: allowed_cores,
    },
];

/// Whether the boot line's option covers the cores that an authority would have to itself.
fn boot_list(ask: &Ask<'_>, option: &str, written: &str) -> Wanted {
    let wanted = ask.ground.cores.reserved();
    let line = ask.ground.controls.files.read("proc/cmdline").unwrap_or_default();
    let found = line.split_whitespace().find_map(|word| word.strip_prefix(option)?.strip_prefix('='));
    let current = found.unwrap_or("not on the boot line").to_owned();
    let parts =
        found.unwrap_or_default().split(',').filter(|part| part.starts_with(|first: char| first.is_ascii_digit()));
    let covered: crate::cpu_list::CpuList = parts.collect::<Vec<_>>().join(",").parse().unwrap_or_default();
    if wanted.is_empty() || wanted.iter().all(|core| covered.contains(core)) {
        return Wanted::Fine(current);
    }
    let remedy = format!("add {written}{wanted} to the kernel's boot line and boot (quittance-tune export grub)");
    Wanted::Advice { current, wanted: wanted.to_string(), remedy }
}

fn allowed_cores(ask: &Ask<'_>) -> Wanted {
    let topology = &ask.ground.machine.topology;
    let forbidden = topology.indices(|core| core.online != Some(false) && core.allowed == Some(false));
    let allowed = topology.indices(|core| core.allowed == Some(true)).to_string();
    if forbidden.is_empty() {
        return Wanted::Fine(allowed);
    }
    let remedy = "widen AllowedCPUs= or CPUAffinity= of the unit, cpuset.cpus of the cgroup, or taskset -c; or plan with \
                  these cores alone";
    let wanted = topology.indices(|core| core.online != Some(false)).to_string();
    Wanted::Advice { current: allowed, wanted, remedy: remedy.to_owned() }
}
