//! What the kernel does against faults of the processor.
//!
//! Told and never changed: they cost system calls and switches, and they guard the authority's keys. Who turns them off
//! should do so knowing what else runs on the machine, not because a tuner did.

use crate::kind::{At, Kind, Scope, Wanted};
use crate::notation::Notation;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "cpu.vulnerability",
    what: "a known fault of this processor, and what the kernel does against it",
    why: "mitigations cost time at each entry to the kernel; two machines compare only with the same ones",
    risk: "without them another program on the machine may read the authority's signing key",
    source: "Documentation/admin-guide/hw-vuln/index.rst; Documentation/ABI/testing/sysfs-devices-system-cpu",
    kernel: "4.15",
    others: "the boot option mitigations=; microcode",
    scope: Scope::Vulnerabilities,
    at: At::File("sys/devices/system/cpu/vulnerabilities/{name}"),
    notation: Notation::Word,
    want: |ask| {
        if ask.reading.text == "Not affected" {
            return Wanted::Keep;
        }
        Wanted::Reported("never changed here".to_owned())
    },
}];
