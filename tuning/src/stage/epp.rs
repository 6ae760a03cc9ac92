//! What the processor itself prefers, energy or speed.
//!
//! Recent processors choose their frequency themselves and take only a hint. With the hint at energy's side a core that
//! was idle answers the first datagrams of a burst at a fraction of its speed.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::notation::Notation;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "cpu.epp",
    what: "the processor's preference between energy and speed",
    why: "a core that saves energy answers the first datagrams of a burst slowly",
    risk: "more heat and power; less turbo for the busiest core where all cores draw on one budget",
    source: "Documentation/admin-guide/pm/intel_pstate.rst; Documentation/admin-guide/pm/amd-pstate.rst",
    kernel: "4.10 on Intel, 6.3 on AMD",
    others: "power-profiles-daemon, tuned, auto-cpufreq; the firmware",
    scope: Scope::Cores,
    at: At::File("sys/devices/system/cpu/cpu{core}/cpufreq/energy_performance_preference"),
    notation: Notation::Word,
    want: preference,
}];

fn preference(ask: &Ask<'_>) -> Wanted {
    if let Some(owner) = ask.ground.owner(&["power-profiles-daemon", "tuned", "auto-cpufreq"]) {
        return Wanted::Owned(owner);
    }
    Wanted::exactly("performance")
}
