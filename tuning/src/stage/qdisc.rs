//! What stands between a reply and the driver.
//!
//! A queueing discipline that sorts flows or paces them costs each reply a hash and a lock, for fairness that an
//! authority's equal replies do not need. The setting holds for interfaces and queues made later, not for those that
//! are there.

use crate::kind::{At, Kind, Scope, Wanted};
use crate::notation::Notation;

/// Packets that may wait to be sent, for throughput: ten times the kernel's default.
const WAITING_THROUGHPUT_COUNT: u64 = 10_000;

/// The kernel's default: a thousand packets are a millisecond of a ten-gigabit link at full size.
const WAITING_COUNT: u64 = 1_000;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "net.core.default_qdisc",
        what: "the queueing discipline of interfaces and queues made from now on",
        why: "pfifo_fast sends without a lock; disciplines that sort or pace cost each reply",
        risk: "bulk transfers on the same link are no longer kept from delaying replies",
        source: "Documentation/admin-guide/sysctl/net.rst: default_qdisc; tc-pfifo_fast(8)",
        kernel: "3.12",
        others: "systemd's 50-default.conf sets fq_codel; hosts tuned for TCP set fq",
        scope: Scope::Host,
        at: At::File("proc/sys/net/core/default_qdisc"),
        notation: Notation::Word,
        want: |ask| ask.by_profile(Wanted::exactly("pfifo_fast"), Wanted::exactly("pfifo_fast"), Wanted::Keep),
    },
    Kind {
        name: "nic.tx_queue_len",
        what: "packets that may wait to be sent by an interface",
        why: "replies beyond it are dropped after they were signed",
        risk: "a link that is too slow lets packets wait longer",
        source: "Documentation/ABI/testing/sysfs-class-net; ip-link(8): txqueuelen",
        kernel: "2.6",
        others: "network managers' .link files (TransmitQueueLength=); udev rules",
        scope: Scope::Nics,
        at: At::File("sys/class/net/{nic}/tx_queue_len"),
        notation: Notation::Number,
        want: |ask| Wanted::AtLeast(ask.by_profile(WAITING_THROUGHPUT_COUNT, WAITING_COUNT, WAITING_COUNT)),
    },
];
