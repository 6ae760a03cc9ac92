//! Processor time that processes have used or waited for, as the kernel accounts it.

use crate::error::BenchError;
use core::ops::Add;

/// Times of one process or of several since they started; nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// User and system time. Good to a few milliseconds: the kernel tells that of a thread which runs as of its last tick.
    /// Where it does not account for threads, or some have ended, it is good to two ticks of the clock (usually 10 ms each).
    pub cpu_ns: u64,
    /// Time in which threads were ready to run and another ran on their core. Stays 0 where the kernel does not account
    /// for it.
    pub waited_ns: u64,
}

impl Spent {
    /// What a process has spent so far.
    ///
    /// # Errors
    /// [`BenchError::Machine`] if `/proc` does not tell.
    pub fn by(pid: u32) -> Result<Self, BenchError> {
        let of_threads = of_threads(pid).unwrap_or_default();
        // Both are rounded down, and the threads' sum lacks those that have ended: the higher one is nearer to the truth.
        Ok(Self { cpu_ns: ticks_ns(pid)?.max(of_threads.cpu_ns), ..of_threads })
    }

    /// What the calling thread has spent so far, to the nanosecond; of waiting nothing is known.
    ///
    /// # Errors
    /// [`BenchError::Machine`].
    pub fn by_thread() -> Result<Self, BenchError> {
        let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let ns = u64::try_from(spent.tv_sec).ok().zip(u64::try_from(spent.tv_nsec).ok());
        let error = || std::io::Error::from(std::io::ErrorKind::InvalidData);
        let (s, ns) = ns.ok_or_else(|| BenchError::machine("reading this thread's processor time", error(), ""))?;
        Ok(Self { cpu_ns: s * 1_000_000_000 + ns, waited_ns: 0 })
    }

    /// What was spent since an earlier moment.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
            waited_ns: self.waited_ns.saturating_sub(earlier.waited_ns),
        }
    }
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { cpu_ns: self.cpu_ns + other.cpu_ns, waited_ns: self.waited_ns + other.waited_ns }
    }
}

fn ticks_ns(pid: u32) -> Result<u64, BenchError> {
    let path = format!("/proc/{pid}/stat");
    let remedy = "; mount /proc, or look whether the process has died";
    let text = std::fs::read_to_string(&path)
        .map_err(|error| BenchError::machine(format!("reading {path}"), error, remedy))?;
    let ticks = ticks(&text).ok_or_else(|| {
        let error = std::io::Error::from(std::io::ErrorKind::InvalidData);
        BenchError::machine(format!("reading times from {path}"), error, remedy)
    })?;
    Ok(ticks * (1_000_000_000 / rustix::param::clock_ticks_per_second()))
}

/// Fields 14 and 15, user and system time (proc_pid_stat(5)). The name before may hold spaces and parentheses.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// The sum over the threads that run still: the first two fields of each one's `schedstat` (Linux,
/// Documentation/scheduler/sched-stats), nanoseconds on a core and on a run queue.
fn of_threads(pid: u32) -> Option<Spent> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let texts = threads.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
    Some(texts.filter_map(|text| schedstat(&text)).fold(Spent::default(), Add::add))
}

fn schedstat(text: &str) -> Option<Spent> {
    let mut fields = text.split_ascii_whitespace().map(str::parse::<u64>);
    Some(Spent { cpu_ns: fields.next()?.ok()?, waited_ns: fields.next()?.ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn user_and_system_time_are_found_behind_any_name() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 140 15 16 17 20 0 1 0 100";
        assert_eq!(ticks(stat), Some(155));
        assert_eq!(ticks("12 (x) S 1"), None);
    }

    #[test]
    fn a_threads_times_are_the_first_two_of_three() {
        assert_eq!(schedstat("1283600 8203418 2\n"), Some(Spent { cpu_ns: 1_283_600, waited_ns: 8_203_418 }));
        assert_eq!((schedstat("17"), schedstat("")), (None, None));
    }

    /// A gate on processor time needs it: whole ticks are some per cent of a short run.
    #[test]
    fn times_are_never_less_than_whole_ticks() {
        let pid = std::process::id();
        let ticks_ns = ticks_ns(pid).unwrap();
        assert!(Spent::by(pid).unwrap().cpu_ns >= ticks_ns);
    }

    #[test]
    fn our_own_time_grows_with_work() {
        let pid = std::process::id();
        let before = Spent::by(pid).unwrap();
        let mut hash = [0; 32];
        // Until it shows, however little of its core this thread gets.
        let end = Instant::now() + Duration::from_secs(20);
        while Spent::by(pid).unwrap().since(before).cpu_ns == 0 && Instant::now() < end {
            (0..100_000).for_each(|_| hash = *blake3::hash(&hash).as_bytes());
        }
        assert!(Spent::by(pid).unwrap().since(before).cpu_ns > 0, "{hash:?}");
    }

    #[test]
    fn a_process_that_does_not_exist_is_the_machines_fault() {
        let error = Spent::by(u32::MAX).unwrap_err();
        assert!(error.to_string().contains("/proc/4294967295/stat"), "{error}");
    }
}
