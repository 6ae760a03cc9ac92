//! Findings about io_uring, the limits of sockets and process, and NICs.

use crate::finding::{
    Finding, MEMLOCK_BYTES_MIN, NETDEV_BACKLOG_COUNT_MIN, OPEN_FILES_COUNT_MIN, SOCKET_BUFFER_BYTES_MIN,
};
use crate::limits::{Limit, Limits};
use crate::nic::Nic;
use crate::size::format_bytes;
use crate::topology::{Core, Topology};
use crate::uring::{IoUring, RingAttempt};

/// A kernel that refuses the plain ring refuses the other for the same reason: one finding says it.
pub(super) fn of_uring(io_uring: &IoUring) -> Option<Finding> {
    let plain =
        refused(&io_uring.plain, "no ring can be created", "datagrams are received by recvmmsg, at a higher cost each");
    let why = "completions interrupt the thread that owns the ring instead of waiting until it asks";
    plain.or_else(|| refused(&io_uring.deferred, "no single-issuer ring with deferred task work can be created", why))
}

fn refused(attempt: &RingAttempt, what: &str, why: &str) -> Option<Finding> {
    let RingAttempt::Refused { error, reason, remedy } = attempt else { return None };
    Some(Finding::warning(format!("io_uring: {what}: {error}: {reason}"), why, remedy.as_str()))
}

pub(super) fn of_limits(limits: &Limits) -> Vec<Finding> {
    [receive_buffer(limits), send_buffer(limits), backlog(limits), memlock(limits), open_files(limits)]
        .into_iter()
        .flatten()
        .collect()
}

/// Those that belong to the process itself.
pub(super) fn of_process(limits: &Limits) -> Vec<Finding> {
    [memlock(limits), open_files(limits)].into_iter().flatten().collect()
}

fn receive_buffer(limits: &Limits) -> Option<Finding> {
    let why = "datagrams that arrive while the buffer is full are dropped, and each must be sent again";
    socket_buffer("net.core.rmem_max", limits.net_core_rmem_max_bytes, why)
}

fn send_buffer(limits: &Limits) -> Option<Finding> {
    let why = "a send buffer that fills makes replies wait for the NIC";
    socket_buffer("net.core.wmem_max", limits.net_core_wmem_max_bytes, why)
}

fn socket_buffer(sysctl: &str, size_bytes: Option<u64>, why: &str) -> Option<Finding> {
    let size_bytes = size_bytes.filter(|size_bytes| *size_bytes < SOCKET_BUFFER_BYTES_MIN)?;
    let (is, wanted) = (format_bytes(size_bytes), format_bytes(SOCKET_BUFFER_BYTES_MIN));
    let remedy = format!("quittance-tune apply --only {sysctl}, or sysctl -w {sysctl}={SOCKET_BUFFER_BYTES_MIN}");
    Some(Finding::warning(format!("{sysctl} is {is}, less than {wanted}"), why, remedy))
}

fn backlog(limits: &Limits) -> Option<Finding> {
    let packet_count =
        limits.net_core_netdev_max_backlog_count.filter(|packet_count| *packet_count < NETDEV_BACKLOG_COUNT_MIN)?;
    let what = format!("net.core.netdev_max_backlog is {packet_count} packets, less than {NETDEV_BACKLOG_COUNT_MIN}");
    let why = "on loopback and with RPS, packets beyond it are dropped before any socket sees them";
    let sysctl = "net.core.netdev_max_backlog";
    let remedy = format!("quittance-tune apply --only {sysctl}, or sysctl -w {sysctl}={NETDEV_BACKLOG_COUNT_MIN}");
    Some(Finding::notice(what, why, remedy))
}

fn memlock(limits: &Limits) -> Option<Finding> {
    let soft = limits.memlock_soft_bytes.filter(|soft| soft.is_below(MEMLOCK_BYTES_MIN))?;
    if limits.memlock_exempt == Some(true) {
        return None;
    }
    let Limit::At(soft_bytes) = soft else { return None };
    let what =
        format!("the memlock limit is {}, less than {}", format_bytes(soft_bytes), format_bytes(MEMLOCK_BYTES_MIN));
    let why = "buffers registered with io_uring and locked memory count against it, and registration fails beyond it";
    let remedy = format!("ulimit -l {}, or LimitMEMLOCK=infinity in the systemd unit", MEMLOCK_BYTES_MIN >> 10);
    Some(Finding::warning(what, why, remedy))
}

fn open_files(limits: &Limits) -> Option<Finding> {
    let soft = limits.open_files_soft_count.filter(|soft| soft.is_below(OPEN_FILES_COUNT_MIN))?;
    let what = format!("the limit of open files is {soft}, less than {OPEN_FILES_COUNT_MIN}");
    let why = "each shard takes descriptors for sockets, rings and journal files";
    let remedy = format!("ulimit -n {OPEN_FILES_COUNT_MIN}, or LimitNOFILE={OPEN_FILES_COUNT_MIN} in the systemd unit");
    Some(Finding::warning(what, why, remedy))
}

/// A NIC that gives all its packets to one core while others are there to take them.
pub(super) fn of_nics(nics: &[Nic], topology: &Topology) -> Vec<Finding> {
    let usable_count = topology.indices(Core::is_usable).len();
    let narrow = |nic: &&Nic| {
        nic.driver.is_some() && nic.operstate.as_deref() == Some("up") && nic.receive_queue_count == Some(1)
    };
    if usable_count < 2 {
        return Vec::new();
    }
    nics.iter().filter(narrow).map(|nic| one_queue(&nic.name)).collect()
}

fn one_queue(name: &str) -> Finding {
    let why = "one core takes all its packets, and reading them on any other core costs more";
    let remedy =
        format!("quittance-tune apply --only nic.channels where {name} has more; else leave that core to the softirq");
    Finding::notice(format!("{name} has one receive queue"), why, remedy)
}
