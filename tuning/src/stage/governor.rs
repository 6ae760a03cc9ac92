//! Who chooses the frequency.
//!
//! A governor that follows load lets a core slow down in every pause and speeds it up milliseconds after the next burst
//! began.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::knob::Target;
use crate::notation::Notation;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "cpu.governor",
    what: "the rule by which a core's frequency follows its load",
    why: "a core that lowers its frequency when idle answers the first datagrams of a burst slowly",
    risk: "more heat and power; less turbo for the busiest core where all cores draw on one budget",
    source: "Documentation/admin-guide/pm/cpufreq.rst",
    kernel: "2.6",
    others: "power-profiles-daemon, tuned, auto-cpufreq, cpupower.service",
    scope: Scope::Cores,
    at: At::File("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor"),
    notation: Notation::Word,
    want: performance,
}];

fn performance(ask: &Ask<'_>) -> Wanted {
    if let Some(owner) = ask.ground.owner(&["power-profiles-daemon", "tuned", "auto-cpufreq"]) {
        return Wanted::Owned(owner);
    }
    let Target::Core(core) = ask.target else { return Wanted::Absent };
    let path = format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_available_governors");
    match ask.ground.controls.files.read(&path) {
        Ok(offered) if !offered.split_whitespace().any(|word| word == "performance") => {
            Wanted::Immovable("this kernel offers no performance governor".to_owned())
        }
        _ => Wanted::exactly("performance"),
    }
}
