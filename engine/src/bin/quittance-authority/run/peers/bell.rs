//! Ends the sleep of the thread that speaks with other processes.

use crate::fault::Fault;
use crate::sync::AtomicBool;
use rustix::event::{EventfdFlags, eventfd};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;

/// A bell that many ring and one hears. Ringing it twice before it is heard costs no second system call.
#[derive(Debug)]
pub(in crate::run) struct Bell {
    event: OwnedFd,
    is_rung: AtomicBool,
}

impl Bell {
    pub(in crate::run) fn new() -> Result<Self, Fault> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|error| {
            Fault::Thread(format!("no eventfd can be had: {error}; raise the limit of open files (ulimit -n)"))
        })?;
        Ok(Self { event, is_rung: AtomicBool::new(false) })
    }

    /// Put what shall be found into its queue first, then ring.
    pub(in crate::run) fn ring(&self) {
        if !self.is_rung.swap(true, Ordering::AcqRel) {
            // Only a full counter refuses the write, and that is readable already.
            let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
        }
    }

    /// From now on it can be rung again. Look into the queues after this.
    pub(in crate::run) fn quiet(&self) {
        // In this order: a ring in between leaves the event readable, or finds the word down and makes it so.
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.event, &mut count);
        self.is_rung.swap(false, Ordering::AcqRel);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    impl Bell {
        /// Whether a sleep would end now.
        pub(in crate::run) fn is_heard(&self) -> bool {
            poll(&mut [PollFd::new(self, PollFlags::IN)], Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
        }
    }

    #[test]
    fn it_is_heard_until_it_is_quiet_however_often_it_was_rung() {
        let bell = Bell::new().unwrap();
        assert!(!bell.is_heard());
        for _ in 0..3 {
            bell.ring();
            bell.ring();
            assert!(bell.is_heard());
            bell.quiet();
            assert!(!bell.is_heard());
        }
    }
}

#[cfg(test)]
#[path = "bell_schedules.rs"]
mod schedules;
