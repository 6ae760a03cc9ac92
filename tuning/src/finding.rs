//! What of a machine deserves a change before a payment authority runs on it.

mod cores;
mod host;
mod sockets;

use serde::Serialize;

use crate::limits::Limits;
use crate::machine::Machine;
use crate::topology::Topology;

/// The least `net.core.rmem_max` and `wmem_max`, octets. A receive buffer must hold what arrives while the thread that
/// reads it does something else: the kernel charges about 2 KiB for a small datagram that came alone, so 8 MiB are some
/// 4,000 of them, a few milliseconds at a million per second.
pub const SOCKET_BUFFER_BYTES_MIN: u64 = 8 << 20;

/// The least memlock limit, octets: for each of four shards a receive ring of 256 buffers, each as large as the largest
/// train of datagrams that GRO hands over (64 KiB).
pub const MEMLOCK_BYTES_MIN: u64 = 4 * 256 * (64 << 10);

/// The least number of open files: sockets, rings and journal files of a few hundred shards and peers.
pub const OPEN_FILES_COUNT_MIN: u64 = 1024;

/// The least `net.core.netdev_max_backlog`, packets: 10 ms of a million packets per second for one core's softirq.
pub const NETDEV_BACKLOG_COUNT_MIN: u64 = 10_000;

/// Clocks that a program reads without entering the kernel, straight from a counter of the core.
pub(crate) const CLOCKS_FAST: [&str; 2] = ["tsc", "arch_sys_counter"];

/// How much a finding weighs. Ordered: a later one weighs more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; may be as intended.
    Notice,
    /// Costs throughput or latency, or loses datagrams under load.
    Warning,
    /// The run cannot work as asked.
    Fatal,
}

/// One thing about the machine, or about a run on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// What was found, with the value and its unit.
    pub what: String,
    /// Why it matters to an authority.
    pub why: String,
    /// What to do: a command where there is one.
    pub remedy: String,
}

impl Severity {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Fatal => "fatal",
        }
    }
}

impl Finding {
    fn new(severity: Severity, what: impl Into<String>, why: &str, remedy: impl Into<String>) -> Self {
        Self { severity, what: what.into(), why: why.to_owned(), remedy: remedy.into() }
    }

    fn notice(what: impl Into<String>, why: &str, remedy: impl Into<String>) -> Self {
        Self::new(Severity::Notice, what, why, remedy)
    }

    fn warning(what: impl Into<String>, why: &str, remedy: impl Into<String>) -> Self {
        Self::new(Severity::Warning, what, why, remedy)
    }

    fn fatal(what: impl Into<String>, why: &str, remedy: impl Into<String>) -> Self {
        Self::new(Severity::Fatal, what, why, remedy)
    }
}

/// What is found on `machine`, heaviest first. What is not exposed finds nothing.
pub fn findings(machine: &Machine) -> Vec<Finding> {
    let mut found: Vec<Finding> = sockets::of_uring(&machine.io_uring).into_iter().collect();
    found.extend(sockets::of_limits(&machine.limits));
    found.extend(cores::of_topology(&machine.topology));
    found.extend(host::of_clock(&machine.limits));
    found.extend(host::of_memory(&machine.memory));
    found.extend(host::of_platform(&machine.platform));
    found.extend(sockets::of_nics(machine.nics.as_deref().unwrap_or_default(), &machine.topology));
    heaviest_first(found)
}

/// What is wrong with pinning one thread to each of `cores` (core indices in the order of the threads), heaviest first.
///
/// Fatal: a core does not exist, is offline, or is not allowed for this process. Warning: one is given to two threads, two
/// of them are hardware threads of one physical core, or the governor holds one below full speed. Notice: a hardware
/// thread beside one of them is open to other work, one is not isolated, or they span memory nodes. What the machine
/// does not expose finds nothing; an empty slice finds nothing.
pub fn findings_for_run(topology: &Topology, cores: &[usize]) -> Vec<Finding> {
    heaviest_first(cores::of_run(topology, cores))
}

/// What of its own limits would hinder a process that runs an authority, heaviest first. What the machine does not expose
/// finds nothing.
pub fn findings_for_process(limits: &Limits) -> Vec<Finding> {
    heaviest_first(sockets::of_process(limits))
}

/// The sort is stable: findings of one weight stay in the order in which they were looked for.
fn heaviest_first(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}
