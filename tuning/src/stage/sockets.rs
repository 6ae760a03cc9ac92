//! What may wait in front of a socket.
//!
//! Datagrams that arrive while a shard does something else wait in its socket's buffer, and before that, on loopback and
//! with RPS, in a core's backlog. What does not fit is dropped and has to be sent again.

use crate::finding::{NETDEV_BACKLOG_COUNT_MIN, SOCKET_BUFFER_BYTES_MIN};
use crate::kind::{At, Kind, Scope, Wanted};
use crate::notation::Notation;

/// What throughput gives a socket, octets: eight times the least, some 30 milliseconds at a million datagrams a second.
const BUFFER_THROUGHPUT_BYTES: u64 = 8 * SOCKET_BUFFER_BYTES_MIN;

/// What throughput lets wait for a core's softirq, packets: ten times the least.
const BACKLOG_THROUGHPUT_COUNT: u64 = 10 * NETDEV_BACKLOG_COUNT_MIN;

/// Packets that one softirq takes before it lets others run, for throughput: twice the kernel's default.
const BUDGET_THROUGHPUT_COUNT: u64 = 600;

const SOURCE: &str = "Documentation/admin-guide/sysctl/net.rst";
const OTHERS: &str = "files in /etc/sysctl.d; tuned's network-throughput profile; container runtimes";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "net.core.rmem_max",
        what: "the most that a socket may ask for as receive buffer, octets",
        why: "datagrams that arrive while the buffer is full are dropped, and each must be sent again",
        risk: "every program may ask for as much",
        source: SOURCE,
        kernel: "2.2",
        others: OTHERS,
        scope: Scope::Host,
        at: At::File("proc/sys/net/core/rmem_max"),
        notation: Notation::Number,
        want: |ask| {
            let bytes = ask.by_profile(BUFFER_THROUGHPUT_BYTES, SOCKET_BUFFER_BYTES_MIN, SOCKET_BUFFER_BYTES_MIN);
            Wanted::AtLeast(bytes)
        },
    },
    Kind {
        name: "net.core.wmem_max",
        what: "the most that a socket may ask for as send buffer, octets",
        why: "a send buffer that fills makes replies wait for the NIC",
        risk: "every program may ask for as much",
        source: SOURCE,
        kernel: "2.2",
        others: OTHERS,
        scope: Scope::Host,
        at: At::File("proc/sys/net/core/wmem_max"),
        notation: Notation::Number,
        want: |_| Wanted::AtLeast(SOCKET_BUFFER_BYTES_MIN),
    },
    Kind {
        name: "net.core.netdev_max_backlog",
        what: "packets that may wait for one core's softirq (loopback, RPS, veth)",
        why: "packets beyond it are dropped before any socket sees them",
        risk: "a full backlog lets packets wait longer",
        source: SOURCE,
        kernel: "2.4",
        others: OTHERS,
        scope: Scope::Host,
        at: At::File("proc/sys/net/core/netdev_max_backlog"),
        notation: Notation::Number,
        want: |ask| {
            let count = ask.by_profile(BACKLOG_THROUGHPUT_COUNT, NETDEV_BACKLOG_COUNT_MIN, NETDEV_BACKLOG_COUNT_MIN);
            Wanted::AtLeast(count)
        },
    },
    Kind {
        name: "net.core.netdev_budget",
        what: "packets that one softirq takes before it lets others run",
        why: "a round that ends early leaves packets to a kernel thread that competes with the shard",
        risk: "the shard on that core waits longer for its turn",
        source: SOURCE,
        kernel: "2.6",
        others: OTHERS,
        scope: Scope::Host,
        at: At::File("proc/sys/net/core/netdev_budget"),
        notation: Notation::Number,
        want: |ask| ask.by_profile(Wanted::AtLeast(BUDGET_THROUGHPUT_COUNT), Wanted::Keep, Wanted::Keep),
    },
];
