//! How long a core keeps a thread that only wants to run from running, how often, and who took it.
//!
//! A thread is pinned to the core and reads the clock back to back. Two readings that are far apart are a gap: the core
//! did something else. The kernel's counters, read before and after, say what that can have been; what they cannot
//! explain was done beneath the kernel.
//!
//! | file | what it holds |
//! |---|---|
//! | `spin.rs` | the loop, and the clock that it reads |
//! | `gaps.rs` | what is kept of the gaps: a histogram, the longest, their rhythm |
//! | `counters.rs` | the kernel's counters of one core and one thread |
//! | `blame.rs` | what of both explains what |
//! | `options.rs`, `text.rs` | the command's options; the report for people |

mod blame;
mod counters;
mod gaps;
mod options;
mod spin;
mod text;

use std::io;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use rustix::thread::{CpuSet, gettid, sched_setaffinity};
use serde::Serialize;

use crate::cpu_list::CpuList;
pub use blame::{Cause, Culprit};
use counters::Counters;
pub use gaps::{Bucket, Gaps, Rhythm};
pub use options::Options;
use spin::Monotonic;
pub use text::text;

/// What was seen on the cores.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The version of this object's shape.
    pub format_version: u32,
    /// A gap is at least so long, nanoseconds.
    pub threshold_ns: u64,
    /// Whether all cores were kept busy at once; else one after the other.
    pub together: bool,
    /// The cores, in the order in which they were named.
    pub cores: Vec<CoreJitter>,
}

/// What was seen on one core.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoreJitter {
    /// The core.
    pub core_index: usize,
    /// How long it was watched, nanoseconds.
    pub window_ns: u64,
    /// Readings of the clock.
    pub reading_count: u64,
    /// The mean time of a reading outside of gaps, nanoseconds: below it nothing can be seen.
    pub reading_ns_mean: f64,
    /// The gaps.
    pub gaps: Gaps,
    /// Of each second, the microseconds that gaps took: parts per million.
    pub lost_ppm: f64,
    /// What the counters make responsible, the heaviest first.
    pub culprits: Vec<Culprit>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum JitterError {
    /// There is no core to look at.
    #[error("this process may use no core that the machine exposes; name some with --cores")]
    NoCores,
    /// A thread cannot be bound to the core.
    #[error("no thread can be bound to core {core_index}: {source}; name others with --cores, or widen the cpuset")]
    NotAllowed {
        /// The core.
        core_index: usize,
        /// What the kernel said.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("no thread can be started: {0}; raise the limit of tasks (TasksMax, ulimit -u)")]
    NoThread(io::Error),
}

/// The version of [`Report`]'s shape.
const FORMAT_VERSION: u32 = 1;

/// Watches `cores` for `window_ns` nanoseconds each: one after the other, or `together`. Takes all of each core's time
/// meanwhile, and no privilege.
///
/// # Errors
/// [`JitterError`]: the machine's fault.
pub fn measure(cores: &CpuList, window_ns: u64, threshold_ns: u64, together: bool) -> Result<Report, JitterError> {
    if cores.is_empty() {
        return Err(JitterError::NoCores);
    }
    let groups: Vec<Vec<usize>> =
        if together { vec![cores.iter().collect()] } else { cores.iter().map(|core| vec![core]).collect() };
    let mut seen = Vec::with_capacity(cores.len());
    for group in groups {
        seen.extend(watch(&group, window_ns, threshold_ns)?);
    }
    Ok(Report { format_version: FORMAT_VERSION, threshold_ns, together, cores: seen })
}

/// Watches all of these cores at once, each by a thread of its own.
fn watch(cores: &[usize], window_ns: u64, threshold_ns: u64) -> Result<Vec<CoreJitter>, JitterError> {
    thread::scope(|scope| {
        let mut watchers = Vec::with_capacity(cores.len());
        for core_index in cores.iter().copied() {
            let (start, started) = mpsc::sync_channel(1);
            let watcher = move || watch_one(core_index, window_ns, threshold_ns, &started);
            let name = format!("jitter-{core_index}");
            // Were this one refused, the channels would go with it, and those who wait at them would end.
            let running = thread::Builder::new().name(name).spawn_scoped(scope, watcher);
            watchers.push((start, running.map_err(JitterError::NoThread)?));
        }
        for (start, _) in &watchers {
            start.send(()).expect("a watcher waits for its start");
        }
        watchers.into_iter().map(|(_, watcher)| watcher.join().expect("a watcher does not panic")).collect()
    })
}

fn watch_one(
    core_index: usize,
    window_ns: u64,
    threshold_ns: u64,
    started: &Receiver<()>,
) -> Result<CoreJitter, JitterError> {
    let start = started.recv();
    bind(core_index)?;
    // Nobody starts it where a later thread was refused; then nobody reads this either.
    let window_ns = if start.is_ok() { window_ns } else { 0 };
    let thread_id = gettid();
    let root = Path::new("/");
    let before = Counters::read(root, core_index, thread_id);
    let mut clock = Monotonic::start();
    let spun = spin::spin(&mut clock, window_ns, threshold_ns);
    let after = Counters::read(root, core_index, thread_id);
    Ok(judged(core_index, spun, &after.since(&before)))
}

/// Binds the calling thread to one core.
fn bind(core_index: usize) -> Result<(), JitterError> {
    let refused = |source| JitterError::NotAllowed { core_index, source };
    if core_index >= CpuSet::MAX_CPU {
        return Err(refused(io::Error::from(rustix::io::Errno::INVAL)));
    }
    let mut only = CpuSet::new();
    only.set(core_index);
    sched_setaffinity(None, &only).map_err(|errno| refused(errno.into()))
}

/// What was seen, and what the counters say to it.
fn judged(core_index: usize, spun: spin::Spun, counted: &Counters) -> CoreJitter {
    let spin::Spun { window_ns, reading_count, gaps } = spun;
    let quiet_ns = window_ns.saturating_sub(gaps.lost_ns);
    CoreJitter {
        core_index,
        window_ns,
        reading_count,
        reading_ns_mean: ratio(quiet_ns, reading_count.saturating_sub(gaps.count)),
        lost_ppm: ratio(gaps.lost_ns, window_ns) * 1e6,
        culprits: blame::culprits(&gaps, window_ns, counted),
        gaps,
    }
}

/// 0 where there is nothing to divide by.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of hours and their counts stay below 2^53")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
