//! Whether io_uring can be had.
//!
//! Without it the authority receives by recvmmsg, at a higher cost each. It is refused by a switch, by a container's
//! seccomp filter, or by a kernel that is too old; each has its own remedy.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::notation::Notation;
use crate::uring::RingAttempt;

/// The first Linux with all that the authority's rings use, as (major, minor).
const KERNEL_MIN: (u32, u32) = (6, 1);

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "kernel.io_uring_disabled",
        what: "who may create rings: 0 all, 1 one group and the privileged, 2 nobody",
        why: "without io_uring datagrams are received by recvmmsg, at a higher cost each",
        risk: "every program may use a large part of the kernel that has had faults; 1 with a group is the narrower way",
        source: "Documentation/admin-guide/sysctl/kernel.rst: io_uring_disabled",
        kernel: "6.6",
        others: "files in /etc/sysctl.d; hardened distributions; container hosts",
        scope: Scope::Host,
        at: At::File("proc/sys/kernel/io_uring_disabled"),
        notation: Notation::Number,
        want: open,
    },
    Kind {
        name: "io_uring.ring",
        what: "whether this process can create a ring as the authority does",
        why: "a seccomp filter or security module may refuse what the switch allows",
        risk: "see kernel.io_uring_disabled",
        source: "io_uring_setup(2); seccomp(2)",
        kernel: "6.1",
        others: "container runtimes' default seccomp profiles; systemd's SystemCallFilter=",
        scope: Scope::Host,
        at: At::Nowhere,
        notation: Notation::Word,
        want: ring,
    },
    Kind {
        name: "io_uring.kernel",
        what: "whether the kernel has all that the authority's rings use",
        why: "single-issuer rings with deferred task work keep completions from interrupting the shard",
        risk: "a new kernel is a new kernel",
        source: "io_uring_setup(2): IORING_SETUP_DEFER_TASKRUN",
        kernel: "6.1",
        others: "nobody; the distribution",
        scope: Scope::Host,
        at: At::Nowhere,
        notation: Notation::Word,
        want: kernel,
    },
];

/// A group that is let in is the operator's own choice, and stays.
fn open(ask: &Ask<'_>) -> Wanted {
    let is_grouped =
        ask.reading.text == "1" && ask.ground.machine.io_uring.group_sysctl.is_some_and(|group| group >= 0);
    if is_grouped { Wanted::Keep } else { Wanted::exactly(0) }
}

fn ring(ask: &Ask<'_>) -> Wanted {
    match &ask.ground.machine.io_uring.deferred {
        RingAttempt::Created => Wanted::Fine("can be created".to_owned()),
        RingAttempt::NotTried => Wanted::Absent,
        RingAttempt::Refused { error, remedy, .. } => Wanted::Advice {
            current: format!("refused: {error}"),
            wanted: "can be created".to_owned(),
            remedy: remedy.clone(),
        },
    }
}

fn kernel(ask: &Ask<'_>) -> Wanted {
    let Some(release) = &ask.ground.machine.platform.kernel_release else { return Wanted::Absent };
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit()).map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return Wanted::Absent };
    if (major, minor) >= KERNEL_MIN {
        return Wanted::Fine(release.clone());
    }
    let wanted = format!("{}.{} or later", KERNEL_MIN.0, KERNEL_MIN.1);
    Wanted::Advice { current: release.clone(), wanted, remedy: "boot a newer kernel".to_owned() }
}
