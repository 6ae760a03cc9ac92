//! Looking for packets instead of being told.
//!
//! A receive interrupt put off lets a poll gather more and merge more; looking at the device from the reading thread
//! spares the interrupt altogether. The first serves throughput, the second short replies on a core that has nothing
//! else to do.

use crate::kind::{At, Kind, Scope, Wanted};
use crate::notation::Notation;

/// How long a read looks at the device's queue, microseconds: the documentation's advice.
const LOOK_US: u32 = 50;

/// How long an interface may hold packets to merge them, nanoseconds: some twenty packets at a million a second.
const FLUSH_NS: u32 = 20_000;

/// Empty polls before the interrupt is armed again: one for the packets on their way, one for the next.
const DEFERRED_COUNT: u32 = 2;

const SOURCE: &str = "Documentation/networking/napi.rst; Documentation/admin-guide/sysctl/net.rst";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "net.core.busy_read",
        what: "microseconds that a read looks at the device's queue before it sleeps",
        why: "spares the interrupt and the wake-up between a packet and its reader",
        risk: "readers of every program spin that long; wasted where cores are shared",
        source: SOURCE,
        kernel: "3.11",
        others: "tuned's network-latency profile; programs by SO_BUSY_POLL",
        scope: Scope::Host,
        at: At::File("proc/sys/net/core/busy_read"),
        notation: Notation::Number,
        want: |ask| ask.by_profile(Wanted::Keep, Wanted::exactly(LOOK_US), Wanted::Keep),
    },
    Kind {
        name: "net.core.busy_poll",
        what: "microseconds that poll and select look at the device's queues before they sleep",
        why: "as for reads, where a program waits for several sockets",
        risk: "programs of all kinds spin that long in each poll",
        source: SOURCE,
        kernel: "3.11",
        others: "tuned's network-latency profile",
        scope: Scope::Host,
        at: At::File("proc/sys/net/core/busy_poll"),
        notation: Notation::Number,
        want: |ask| ask.by_profile(Wanted::Keep, Wanted::exactly(LOOK_US), Wanted::Keep),
    },
    Kind {
        name: "nic.napi_defer_hard_irqs",
        what: "empty polls before an interface's interrupt is armed again",
        why: "packets that follow closely are gathered and merged without an interrupt each",
        risk: "replies wait up to that many flush intervals",
        source: SOURCE,
        kernel: "5.8",
        others: "programs that busy-poll; vendors' tuning scripts",
        scope: Scope::Nics,
        at: At::File("sys/class/net/{nic}/napi_defer_hard_irqs"),
        notation: Notation::Number,
        want: |ask| ask.by_profile(Wanted::exactly(DEFERRED_COUNT), Wanted::exactly(0), Wanted::Keep),
    },
    Kind {
        name: "nic.gro_flush_timeout",
        what: "nanoseconds that an interface may hold packets in order to merge them",
        why: "longer trains of datagrams cost less each",
        risk: "every packet may wait that long",
        source: SOURCE,
        kernel: "3.19",
        others: "programs that busy-poll; vendors' tuning scripts",
        scope: Scope::Nics,
        at: At::File("sys/class/net/{nic}/gro_flush_timeout"),
        notation: Notation::Number,
        want: |ask| ask.by_profile(Wanted::exactly(FLUSH_NS), Wanted::exactly(0), Wanted::Keep),
    },
];
