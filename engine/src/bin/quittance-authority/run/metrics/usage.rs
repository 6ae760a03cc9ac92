//! What the kernel counts of this process: time on the cores by thread, and memory.

use rustix::param::page_size;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::fs;

/// Where the kernel lists this process's threads.
const TASKS: &str = "/proc/self/task";

/// What was used so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    /// On any core, by all threads that there ever were, nanoseconds.
    pub(super) cpu_ns: u128,
    /// Unknown where the kernel does not say.
    pub(super) resident_bytes: Option<u64>,
    /// Our own threads, by name. None where the kernel keeps no such counts. The kernel's workers for our rings are not among
    /// them: they come and go, and a sum over those that there are would go back.
    pub(super) threads: BTreeMap<String, ThreadTime>,
}

/// A thread's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ThreadTime {
    /// On a core, nanoseconds.
    pub(super) cpu_ns: u64,
    /// Ready to run and without a core, nanoseconds.
    pub(super) wait_ns: u64,
}

impl Usage {
    /// Up to now.
    pub(super) fn read() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let seconds = u128::try_from(cpu.tv_sec).unwrap_or_default();
        let rest = u128::try_from(cpu.tv_nsec).unwrap_or_default();
        let mut usage =
            Self { cpu_ns: seconds * 1_000_000_000 + rest, resident_bytes: resident_bytes(), ..Self::default() };
        let tasks = fs::read_dir(TASKS).into_iter().flatten().flatten();
        usage.threads.extend(tasks.filter_map(|task| {
            // A thread may end while this looks.
            let id = task.file_name().into_string().ok()?;
            let read = |name| fs::read_to_string(task.path().join(name)).ok();
            let is_main = id.parse() == Ok(std::process::id());
            let name = if is_main { "main".to_owned() } else { own_name(read("comm")?.trim_end())? };
            Some((name, thread_time(&read("schedstat")?)?))
        }));
        usage
    }
}

/// The name, if it is one that this program gives to threads.
fn own_name(name: &str) -> Option<String> {
    let is_one = ["journal", "history", "snapshots", "peers", "signals", "metrics"].contains(&name);
    let is_numbered = ["shard-", "verifier-"].iter().any(|start| name.starts_with(start));
    (is_one || is_numbered).then(|| name.to_owned())
}

/// Nanoseconds on a core, nanoseconds waited for one, and slices: what `schedstat` has.
fn thread_time(schedstat: &str) -> Option<ThreadTime> {
    let mut numbers = schedstat.split_ascii_whitespace().map(str::parse);
    Some(ThreadTime { cpu_ns: numbers.next()?.ok()?, wait_ns: numbers.next()?.ok()? })
}

/// The second number of `statm` is pages in memory.
fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_thread_that_works_is_seen_and_those_of_others_are_not() {
        let name = "shard-9";
        let spin = || {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(20) {
                std::hint::spin_loop();
            }
            Usage::read()
        };
        let usage = std::thread::Builder::new().name(name.to_owned()).spawn(spin).unwrap().join().unwrap();
        assert!(usage.threads[name].cpu_ns > 0 && usage.cpu_ns >= usage.threads[name].cpu_ns.into());
        assert!(usage.resident_bytes.unwrap() > 1 << 20);
        assert!(usage.threads.keys().all(|name| name == "main" || own_name(name).is_some()));
        assert_eq!(own_name("iou-wrk-77"), None);
    }

    #[test]
    fn times_are_the_first_two_numbers() {
        assert_eq!(thread_time("12 34 5\n"), Some(ThreadTime { cpu_ns: 12, wait_ns: 34 }));
        assert_eq!((thread_time(""), thread_time("12"), thread_time("a b c")), (None, None, None));
    }
}
