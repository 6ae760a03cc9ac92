//! What the time is read from.
//!
//! The authority reads the time for each batch. From a counter of the core that takes twenty nanoseconds and no system
//! call; from a device on the board a microsecond and more.

use crate::finding::CLOCKS_FAST;
use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::notation::Notation;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "clock.source",
    what: "what the kernel reads the time from",
    why: "the authority reads the time for each batch, and a clock on the board costs a system call each",
    risk: "a counter that the kernel dropped on its own was found to drift: see why before forcing it",
    source: "Documentation/admin-guide/kernel-parameters.txt: clocksource, tsc; Documentation/timers/timekeeping.rst",
    kernel: "2.6.21",
    others: "the boot options clocksource= and tsc=; the kernel's own watchdog",
    scope: Scope::Host,
    at: At::File("sys/devices/system/clocksource/clocksource0/current_clocksource"),
    notation: Notation::Word,
    want: fast,
}];

fn fast(ask: &Ask<'_>) -> Wanted {
    let available = ask.ground.machine.limits.clock_sources_available.as_deref().unwrap_or_default();
    if CLOCKS_FAST.contains(&ask.reading.text.as_str()) {
        return Wanted::Keep;
    }
    if available.iter().any(|source| source == "tsc") {
        return Wanted::exactly("tsc");
    }
    Wanted::Immovable("the machine offers no counter of the core; see what the kernel says of tsc at boot".to_owned())
}
