//! Hardware threads beside the authority's.
//!
//! Two threads of one physical core share its execution units and first caches: a neighbour at work takes a third or
//! more of a shard's speed. The neighbours should idle. Nothing is taken offline here: that moves interrupts and narrows
//! masks which do not come back with the core, and so could not be undone.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::knob::Target;
use crate::notation::Notation;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "cpu.smt_sibling",
    what: "whether the hardware thread beside an authority's core is left without work",
    why: "hardware threads of one physical core share its execution units and first caches, so each slows the other",
    risk: "the machine loses the throughput of these threads for everything else",
    source: "Documentation/admin-guide/hw-vuln/l1tf.rst: SMT control; Documentation/ABI/testing/sysfs-devices-system-cpu",
    kernel: "4.19",
    others: "firmware settings; the boot option nosmt; mitigations=auto,nosmt",
    scope: Scope::Cores,
    at: At::Nowhere,
    notation: Notation::Word,
    want: sibling,
}];

fn sibling(ask: &Ask<'_>) -> Wanted {
    let Target::Core(index) = ask.target else { return Wanted::Absent };
    if !ask.ground.cores.idle_siblings.contains(*index) {
        return Wanted::Absent;
    }
    let isolated = ask.ground.machine.topology.core(*index).is_some_and(|core| core.isolated == Some(true));
    if isolated {
        return Wanted::Fine("isolated".to_owned());
    }
    let remedy = "isolate it with its neighbour (boot.isolcpus), boot with nosmt, or keep other programs off it";
    Wanted::Advice { current: "open to all".to_owned(), wanted: "idle".to_owned(), remedy: remedy.to_owned() }
}
