//! Ending another thread's wait.
//!
//! One word holds the whole protocol, as with `std::thread::park`: `AWAKE`, `SLEEPING` or `NOTIFIED`. A wake swaps
//! `NOTIFIED` in, and writes to the eventfd only if it took `SLEEPING` out. The sleeper goes from `AWAKE` to
//! `SLEEPING` by compare-and-exchange; finding `NOTIFIED` instead it takes that and does not sleep.
//!
//! No wake-up is lost, and nobody has to look twice: both sides change the same word, so one comes before the other.
//! If the wake comes first, the sleeper finds `NOTIFIED`, however long ago that was. If the sleeper comes first, the
//! wake finds `SLEEPING` and writes, and the eventfd stays readable until the sleeper has seen it. The swap releases
//! and the sleeper's exchange acquires, so what the waker put into a queue before it woke is visible to the sleeper
//! after. (With a separate flag and queue, each side would have to fence between its write and its read.)

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::error::TransportError;

const AWAKE: u8 = 0;
const SLEEPING: u8 = 1;
const NOTIFIED: u8 = 2;

/// Ends the wait of the transport it came from, from any thread.
///
/// A wake is never lost: one that comes while the transport is not asleep makes its next wait return at once. Several
/// wakes before the transport looks count as one.
#[derive(Clone, Debug)]
pub struct Waker {
    bed: Arc<Bed>,
}

impl Waker {
    /// Ends the transport's wait, or its next one if it is not waiting. Costs one atomic exchange if the transport is
    /// awake, one write to an eventfd if it sleeps. Put what it shall find into the queue first, then wake.
    pub fn wake(&self) {
        if self.bed.state.swap(NOTIFIED, Ordering::AcqRel) == SLEEPING {
            // Only a full counter refuses the write, and a full counter is readable already.
            let _ = (&self.bed.event).write(&1_u64.to_ne_bytes());
        }
    }
}

/// Where the transport sleeps: the waker's other side.
#[derive(Debug)]
pub(super) struct Bed {
    state: AtomicU8,
    event: File,
}

impl Bed {
    pub(super) fn new() -> Result<Arc<Self>, TransportError> {
        // SAFETY: eventfd takes two integers and touches no memory of ours.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if descriptor < 0 {
            return Err(TransportError::Waker { source: io::Error::last_os_error() });
        }
        // SAFETY: the descriptor was opened just now and nobody else owns it.
        let event = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Arc::new(Self { state: AtomicU8::new(AWAKE), event: File::from(event) }))
    }

    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker { bed: Arc::clone(self) }
    }

    /// The eventfd: readable when a wake found the sleeper asleep.
    pub(super) fn event(&self) -> RawFd {
        self.event.as_raw_fd()
    }

    /// True: now asleep, a wake will write to the eventfd. False: a wake came before; it is used up, do not sleep.
    pub(super) fn fall_asleep(&self) -> bool {
        let fell = self.state.compare_exchange(AWAKE, SLEEPING, Ordering::Acquire, Ordering::Acquire).is_ok();
        if !fell {
            self.rise();
        }
        fell
    }

    /// Ends the sleep, whatever ended the wait. True if a wake came meanwhile; it is used up.
    pub(super) fn rise(&self) -> bool {
        self.state.swap(AWAKE, Ordering::Acquire) == NOTIFIED
    }

    /// Makes the eventfd unreadable again. A wake that took `SLEEPING` out late may still write afterwards: that ends
    /// one later wait early, and does no harm.
    pub(super) fn empty(&self) {
        let mut count = [0; 8];
        // An empty eventfd says "would block": just what is wanted.
        let _ = (&self.event).read(&mut count);
    }
}

#[cfg(test)]
mod tests {
    use super::Bed;

    #[test]
    fn a_wake_before_the_sleep_is_kept_and_used_once() {
        let bed = Bed::new().unwrap();
        bed.waker().wake();
        bed.waker().wake();
        assert!(!bed.fall_asleep(), "the wake was lost");
        assert!(bed.fall_asleep(), "one wake ended two sleeps");
        assert!(!bed.rise());
    }

    #[test]
    fn a_wake_during_the_sleep_is_seen_when_rising() {
        let bed = Bed::new().unwrap();
        assert!(bed.fall_asleep());
        bed.waker().wake();
        assert!(bed.rise());
        assert!(bed.fall_asleep(), "the wake was used twice");
    }
}
