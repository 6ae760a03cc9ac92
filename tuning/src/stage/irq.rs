//! Which core an interrupt comes to.
//!
//! A queue's interrupt should come to the core of the shard that reads it: receiving there costs half of what it costs
//! elsewhere. Every other interrupt should stay off these cores. A daemon that moves interrupts by load undoes both, so
//! while one runs its values are its own. Some interrupts the kernel manages itself and lets nobody move: that is a
//! fact, not a fault.

use crate::cpu_list::CpuList;
use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::knob::Target;
use crate::notation::Notation;
use crate::survey::queue_of_irq;

const SOURCE: &str = "Documentation/core-api/irq/irq-affinity.rst";
const OTHERS: &str = "irqbalance; drivers when they make queues anew; tuned; vendors' set_irq_affinity scripts";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "irq.balance",
        what: "whether a daemon moves interrupts about",
        why: "it moves a queue's interrupt away from the shard that reads it, seconds after it was placed",
        risk: "without it, interrupts stay where they are, on a busy core too",
        source: "irqbalance(1)",
        kernel: "2.6",
        others: "the distribution's irqbalance.service",
        scope: Scope::Host,
        at: At::Nowhere,
        notation: Notation::Word,
        want: balance,
    },
    Kind {
        name: "irq.default_affinity",
        what: "cores that a newly made interrupt may come to",
        why: "a device that comes later would interrupt the authority's cores",
        risk: "the house-keeping cores take all of it",
        source: SOURCE,
        kernel: "2.6.27",
        others: OTHERS,
        scope: Scope::Host,
        at: At::File("proc/irq/default_smp_affinity"),
        notation: Notation::Mask,
        want: |ask| house_keeping(ask, ask.by_profile(false, true, true)),
    },
    Kind {
        name: "irq.queue_affinity",
        what: "the core that a queue's interrupt comes to",
        why: "reading a datagram on the core that its interrupt came to costs 0.2 us, on another 0.7",
        risk: "a shard's core does its softirq as well: fewer payments each, more in all",
        source: SOURCE,
        kernel: "2.6.35",
        others: OTHERS,
        scope: Scope::QueueIrqs,
        at: At::File("proc/irq/{irq}/smp_affinity_list"),
        notation: Notation::List,
        want: queue_core,
    },
    Kind {
        name: "irq.other_affinity",
        what: "the cores that any other interrupt may come to",
        why: "each interrupt on a shard's core stops the shard for microseconds",
        risk: "the house-keeping cores take all of it; a disk's completions come from another core",
        source: SOURCE,
        kernel: "2.6.35",
        others: OTHERS,
        scope: Scope::OtherIrqs,
        at: At::File("proc/irq/{irq}/smp_affinity_list"),
        notation: Notation::List,
        want: away,
    },
];

fn balance(ask: &Ask<'_>) -> Wanted {
    let Some(daemon) = ask.ground.owner(&["irqbalance"]) else { return Wanted::Fine("not running".to_owned()) };
    let reserved = ask.ground.cores.reserved();
    let remedy = format!(
        "systemctl disable --now irqbalance, or have it leave these cores alone: IRQBALANCE_BANNED_CPULIST={reserved}"
    );
    Wanted::Advice { current: format!("{daemon} is running"), wanted: "not running".to_owned(), remedy }
}

fn house_keeping(ask: &Ask<'_>, wanted: bool) -> Wanted {
    if ask.ground.cores.reserved().is_empty() || !wanted {
        return Wanted::Keep;
    }
    Wanted::exactly(&ask.ground.cores.house_keeping)
}

fn queue_core(ask: &Ask<'_>) -> Wanted {
    let Target::Irq(irq) = ask.target else { return Wanted::Absent };
    let queue = ask.ground.irq_name(*irq).and_then(queue_of_irq).unwrap_or(0);
    match (held_by_other(ask, *irq), ask.ground.cores.shard_core(queue)) {
        (Some(held), _) => held,
        (None, Some(core)) => Wanted::exactly(core),
        (None, None) => Wanted::Keep,
    }
}

/// Off the authority's cores, if it is on them.
fn away(ask: &Ask<'_>) -> Wanted {
    let Target::Irq(irq) = ask.target else { return Wanted::Absent };
    if let Some(held) = held_by_other(ask, *irq) {
        return held;
    }
    let reserved = ask.ground.cores.reserved();
    let current: CpuList = ask.reading.text.parse().unwrap_or_default();
    let touches = current.iter().any(|core| reserved.contains(core));
    if touches { house_keeping(ask, ask.by_profile(false, true, true)) } else { Wanted::Keep }
}

/// What the daemon holds, and what the kernel says that it manages itself, where its debug files tell.
fn held_by_other(ask: &Ask<'_>, irq: usize) -> Option<Wanted> {
    let told = ask.ground.controls.files.read(&format!("sys/kernel/debug/irq/irqs/{irq}")).unwrap_or_default();
    if told.contains("IRQD_AFFINITY_MANAGED") {
        return Some(Wanted::Immovable("the kernel manages this interrupt itself".to_owned()));
    }
    ask.ground.owner(&["irqbalance"]).map(Wanted::Owned)
}
