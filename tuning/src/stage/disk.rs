//! The disk that holds the journal.
//!
//! Nothing leaves the authority before its block is durable, so each reply waits for one write and one flush. A scheduler
//! that holds writes back to sort them helps nobody here. The write cache is told and never changed: what it answers
//! decides whether durable means durable, and only its owner knows what it is made of.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::knob::Target;
use crate::notation::Notation;

const SOURCE: &str = "Documentation/ABI/stable/sysfs-block; Documentation/block/switching-sched.rst";
const OTHERS: &str = "udev rules of the distribution; tuned";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "disk.scheduler",
        what: "how a disk's requests are ordered",
        why: "the journal's writes are few, large and in order; sorting them costs and saves nothing",
        risk: "other programs' reads are no longer kept from starving; a turning disk wants a scheduler",
        source: SOURCE,
        kernel: "4.12",
        others: OTHERS,
        scope: Scope::Disks,
        at: At::File("sys/block/{disk}/queue/scheduler"),
        notation: Notation::Choice,
        want: scheduler,
    },
    Kind {
        name: "disk.rq_affinity",
        what: "which core a disk's completion comes to: 2 is the very core that asked",
        why: "the journal's thread then finds it in its own cache",
        risk: "an interrupt between cores for each completion",
        source: SOURCE,
        kernel: "3.2",
        others: OTHERS,
        scope: Scope::Disks,
        at: At::File("sys/block/{disk}/queue/rq_affinity"),
        notation: Notation::Number,
        want: |ask| ask.by_profile(Wanted::Keep, Wanted::exactly(2), Wanted::Keep),
    },
    Kind {
        name: "disk.write_cache",
        what: "whether the disk holds writes in a cache of its own, by what the kernel believes",
        why: "write back: a flush makes it durable, which the journal asks for; write through: no flush is sent at all",
        risk: "write through over a cache without a battery loses votes with the power; never changed here",
        source: SOURCE,
        kernel: "4.7",
        others: "drivers; udev rules; hdparm -W and the controller's own tools",
        scope: Scope::Disks,
        at: At::File("sys/block/{disk}/queue/write_cache"),
        notation: Notation::Word,
        want: |ask| match ask.reading.text.as_str() {
            "write back" => Wanted::Reported("the journal's flushes reach the disk".to_owned()),
            _ => Wanted::Reported(
                "the kernel sends no flush: sure that the disk has no cache, or one that outlives the power?"
                    .to_owned(),
            ),
        },
    },
];

fn scheduler(ask: &Ask<'_>) -> Wanted {
    let Target::Disk(disk) = ask.target else { return Wanted::Absent };
    let turns =
        ask.ground.controls.files.read(&format!("sys/block/{disk}/queue/rotational")).is_ok_and(|flag| flag == "1");
    // Virtual disks say that they turn and do not.
    let is_virtual = disk.starts_with("vd") || disk.starts_with("xvd");
    let offers_none = Notation::Choice.choices(&ask.reading.text).is_none_or(|choices| choices.contains(&"none"));
    if (turns && !is_virtual) || !offers_none { Wanted::Keep } else { Wanted::exactly("none") }
}
