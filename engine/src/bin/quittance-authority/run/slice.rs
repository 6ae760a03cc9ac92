//! How long a thread keeps its core while others wait for it.
//!
//! Where a shard's thread shares its core with the journal's, a commit goes through several short acts there: the journal's
//! thread, the kernel's workers behind its ring, and the kernel's own worker that gives a flush to the device. Each is woken
//! for a few microseconds of work, and may then wait for the end of the shard's slice, milliseconds away; yielding does not
//! help a thread that the scheduler holds to have had its share. But a waking thread with a shorter slice than the running
//! one goes first (the EEVDF scheduler of Linux, from 6.12 on). So the shard asks for the longest slice there is. It gets no
//! more of the core by that: shares are by weight.
//!
//! This is one of the few places with unsafe code: the call has no safe wrapper.
#![allow(unsafe_code)]

use std::time::Duration;

/// The longest slice that the kernel grants (`sched_setattr(2)`: 0.1 to 100 ms).
const SLICE_MAX: Duration = Duration::from_millis(100);

/// Lets threads that wake on this core go before the calling one. Returns whether the kernel took it; older ones may not, and
/// then commits are slower on a shared core, and nothing else changes.
pub(super) fn let_others_first() -> bool {
    let attributes = libc::sched_attr {
        size: u32::try_from(size_of::<libc::sched_attr>()).expect("some fifty bytes"),
        sched_policy: libc::SCHED_OTHER.cast_unsigned(),
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: u64::try_from(SLICE_MAX.as_nanos()).expect("a fraction of a second"),
        sched_deadline: 0,
        sched_period: 0,
    };
    let calling_thread: libc::pid_t = 0;
    let flags: libc::c_uint = 0;
    // SAFETY: the kernel reads `size` bytes at the address of `attributes`, which outlives the call, and writes nothing.
    let failed = unsafe { libc::syscall(libc::SYS_sched_setattr, calling_thread, &raw const attributes, flags) };
    failed == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_takes_a_request_for_the_longest_slice() {
        // On a thread of its own: tests share theirs.
        assert!(std::thread::spawn(let_others_first).join().expect("it does not panic"));
    }
}
