//! The kernel's own work on the authority's cores.
//!
//! Watchdogs, statistics, work queues and timers of other cores each stop a spinning thread for microseconds, some of
//! them many times a second. They can be kept on the house-keeping cores, or made rarer.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::notation::Notation;

/// Seconds between two updates of memory statistics for short replies: ten times the kernel's default.
const STATISTICS_S: u64 = 10;

const KERNEL_SYSCTLS: &str = "Documentation/admin-guide/sysctl/kernel.rst";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "kernel.nmi_watchdog",
        what: "whether a counter interrupts each core to see that it still runs",
        why: "the interrupt cannot be put off, and it takes a performance counter",
        risk: "a core that hangs with interrupts off is no longer reported",
        source: "Documentation/admin-guide/lockup-watchdogs.rst",
        kernel: "2.6.38",
        others: "the boot option nmi_watchdog=; tuned; profilers that need its counter",
        scope: Scope::Host,
        at: At::File("proc/sys/kernel/nmi_watchdog"),
        notation: Notation::Number,
        want: |_| Wanted::exactly(0),
    },
    Kind {
        name: "kernel.watchdog_cpumask",
        what: "cores on which the lockup detectors run",
        why: "their thread and timer stop the shard every few seconds",
        risk: "a hang on the authority's cores is no longer reported; its operator will notice",
        source: KERNEL_SYSCTLS,
        kernel: "4.2",
        others: "nohz_full changes its default; tuned",
        scope: Scope::Host,
        at: At::File("proc/sys/kernel/watchdog_cpumask"),
        notation: Notation::List,
        want: house_keeping,
    },
    Kind {
        name: "kernel.timer_migration",
        what: "whether timers of idle cores move to busy ones",
        why: "a spinning core is always busy, and gets the timers of all others",
        risk: "idle cores wake for their own timers and use more power",
        source: KERNEL_SYSCTLS,
        kernel: "2.6.31",
        others: "tuned's real-time profiles",
        scope: Scope::Host,
        at: At::File("proc/sys/kernel/timer_migration"),
        notation: Notation::Number,
        want: |ask| ask.by_profile(Wanted::Keep, Wanted::exactly(0), Wanted::Keep),
    },
    Kind {
        name: "kernel.workqueue_cpumask",
        what: "cores on which the kernel's unbound work is done",
        why: "a worker on a shard's core takes time slices from it",
        risk: "the house-keeping cores take all of it",
        source: "Documentation/core-api/workqueue.rst",
        kernel: "4.2",
        others: "isolcpus and nohz_full change its default; tuned",
        scope: Scope::Host,
        at: At::File("sys/devices/virtual/workqueue/cpumask"),
        notation: Notation::Mask,
        want: house_keeping,
    },
    Kind {
        name: "vm.stat_interval",
        what: "seconds between two updates of each core's memory statistics",
        why: "each update runs on the core itself",
        risk: "free and vmstat show older numbers",
        source: "Documentation/admin-guide/sysctl/vm.rst: stat_interval",
        kernel: "2.6.22",
        others: "tuned's cpu-partitioning and real-time profiles",
        scope: Scope::Host,
        at: At::File("proc/sys/vm/stat_interval"),
        notation: Notation::Number,
        want: |ask| ask.by_profile(Wanted::Keep, Wanted::AtLeast(STATISTICS_S), Wanted::Keep),
    },
];

/// The house-keeping cores, where the authority has others to itself.
fn house_keeping(ask: &Ask<'_>) -> Wanted {
    if ask.ground.cores.reserved().is_empty() {
        return Wanted::Keep;
    }
    ask.by_profile(
        Wanted::Keep,
        Wanted::exactly(&ask.ground.cores.house_keeping),
        Wanted::exactly(&ask.ground.cores.house_keeping),
    )
}
