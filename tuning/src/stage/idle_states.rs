//! How deep an idle core sleeps.
//!
//! Leaving an idle state costs what the firmware states for it: nothing to speak of for the first, a hundred
//! microseconds and more for the deepest. A shard that spins never enters one; one that sleeps in its ring between
//! bursts pays it for every first datagram. Only the authority's own cores are touched.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::knob::Target;
use crate::notation::Notation;

/// The longest way out of an idle state that a short reply can bear, microseconds: about one datagram's own cost.
const WAKE_LATENCY_US_MAX: u64 = 2;

/// The same where throughput matters as much: an eighth of the reply time that batching takes anyway.
const WAKE_BALANCED_US_MAX: u64 = 50;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "cpu.idle_state",
    what: "whether a core may enter this idle state: 1 is no",
    why: "the way out of a deep idle state delays the first datagram of a burst by up to hundreds of microseconds",
    risk: "more heat and power on these cores, and less turbo for their neighbours",
    source: "Documentation/admin-guide/pm/cpuidle.rst: disable, latency",
    kernel: "3.10",
    others: "tuned; cpupower idle-set; programs that hold /dev/cpu_dma_latency open; the boot option intel_idle.max_cstate",
    scope: Scope::IdleStates,
    at: At::File("sys/devices/system/cpu/cpu{core}/cpuidle/state{state}/disable"),
    notation: Notation::Number,
    want: bounded,
}];

fn bounded(ask: &Ask<'_>) -> Wanted {
    let Target::IdleState { core, idle_state } = ask.target else { return Wanted::Absent };
    let path = format!("sys/devices/system/cpu/cpu{core}/cpuidle/state{idle_state}/latency");
    let latency = ask.ground.controls.files.read(&path).ok().and_then(|text| text.parse::<u64>().ok());
    let bound = ask.by_profile(None, Some(WAKE_LATENCY_US_MAX), Some(WAKE_BALANCED_US_MAX));
    match (latency, bound) {
        (Some(latency_us), Some(bound_us)) if latency_us > bound_us => Wanted::exactly(1),
        _ => Wanted::Keep,
    }
}
