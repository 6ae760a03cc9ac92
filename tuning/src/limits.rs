//! What the kernel lets this process and its sockets take.

use std::fmt;
use std::path::Path;

use serde::{Serialize, Serializer};

use crate::sysroot::{Sysroot, field};

/// The bit of `CAP_IPC_LOCK` in a capability mask (capabilities(7)).
const CAP_IPC_LOCK_BIT: u32 = 14;

/// The bounds that registered memory, sockets and the clock meet. From `proc/self`, `proc/sys/net/core` and
/// `sys/devices/system/clocksource`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Memory this process may lock or register with io_uring, octets; it may raise this up to the hard limit.
    pub memlock_soft_bytes: Option<Limit>,
    /// The ceiling of the soft limit, octets.
    pub memlock_hard_bytes: Option<Limit>,
    /// Whether the memlock limit is not applied: `CAP_IPC_LOCK`, held outside any user namespace.
    pub memlock_exempt: Option<bool>,
    /// Descriptors this process may have open; it may raise this up to the hard limit.
    pub open_files_soft_count: Option<Limit>,
    /// The ceiling of the soft limit.
    pub open_files_hard_count: Option<Limit>,
    /// `net.core.rmem_max`: the most a socket may ask for as receive buffer, octets.
    pub net_core_rmem_max_bytes: Option<u64>,
    /// `net.core.wmem_max`: the most a socket may ask for as send buffer, octets.
    pub net_core_wmem_max_bytes: Option<u64>,
    /// `net.core.netdev_max_backlog`: packets that may wait for one core's softirq (loopback, RPS, veth).
    pub net_core_netdev_max_backlog_count: Option<u64>,
    /// What the kernel reads the time from.
    pub clock_source: Option<String>,
    /// What it could read the time from.
    pub clock_sources_available: Option<Vec<String>>,
}

/// A resource limit. In JSON a number, or the text `unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// At most this many, in the unit of the field.
    At(u64),
    /// No limit.
    Unlimited,
}

impl Limits {
    /// Reads the limits below `sysroot` (`/` for this machine and process). Infallible: what is missing is `None`;
    /// `net.core` is missing in network namespaces of many kernels.
    pub fn read(sysroot: &Path) -> Self {
        let sysroot = Sysroot::new(sysroot);
        let limits = sysroot.text("proc/self/limits").unwrap_or_default();
        let (memlock_soft_bytes, memlock_hard_bytes) = soft_and_hard(&limits, "Max locked memory");
        let (open_files_soft_count, open_files_hard_count) = soft_and_hard(&limits, "Max open files");
        let clock = "sys/devices/system/clocksource/clocksource0";
        let available = sysroot.text(&format!("{clock}/available_clocksource"));
        Self {
            memlock_soft_bytes,
            memlock_hard_bytes,
            memlock_exempt: memlock_exempt(sysroot),
            open_files_soft_count,
            open_files_hard_count,
            net_core_rmem_max_bytes: sysroot.number("proc/sys/net/core/rmem_max"),
            net_core_wmem_max_bytes: sysroot.number("proc/sys/net/core/wmem_max"),
            net_core_netdev_max_backlog_count: sysroot.number("proc/sys/net/core/netdev_max_backlog"),
            clock_source: sysroot.word(&format!("{clock}/current_clocksource")),
            clock_sources_available: available.map(|text| text.split_whitespace().map(str::to_owned).collect()),
        }
    }
}

impl Limit {
    /// Whether the limit is lower than `wanted`.
    pub fn is_below(self, wanted: u64) -> bool {
        matches!(self, Self::At(limit) if limit < wanted)
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "unlimited" { Some(Self::Unlimited) } else { text.parse().ok().map(Self::At) }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(limit) => limit.fmt(f),
            Self::Unlimited => f.pad("unlimited"),
        }
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(limit) => serializer.serialize_u64(*limit),
            Self::Unlimited => serializer.serialize_str("unlimited"),
        }
    }
}

/// Both columns of one row of `/proc/self/limits`.
fn soft_and_hard(limits: &str, name: &str) -> (Option<Limit>, Option<Limit>) {
    let row = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let mut columns = row.split_whitespace().map(Limit::parse);
    (columns.next().flatten(), columns.next().flatten())
}

/// The kernel asks for the capability in the first user namespace; a container's root has it only in its own. The
/// first one maps all numbers to themselves.
fn memlock_exempt(sysroot: Sysroot<'_>) -> Option<bool> {
    let status = sysroot.text("proc/self/status")?;
    let capabilities = u64::from_str_radix(field(&status, "CapEff")?, 16).ok()?;
    let capable = capabilities >> CAP_IPC_LOCK_BIT & 1 == 1;
    let uid_map = sysroot.text("proc/self/uid_map").unwrap_or_default();
    let first_namespace = uid_map.split_whitespace().eq(["0", "0", "4294967295"]);
    Some(capable && first_namespace)
}
