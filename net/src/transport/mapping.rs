//! Page-aligned memory that the kernel writes into and we read.

use std::io;
use std::ptr::NonNull;

use super::error::TransportError;

/// Anonymous memory, zeroed and already backed by pages, given back when dropped.
///
/// It is only ever reached through raw pointers and short-lived slices: the kernel writes into it behind the
/// compiler's back, so no reference may outlive the moment in which the kernel is known to leave that part alone.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
    abandoned: bool,
}

impl Mapping {
    pub(super) fn new(bytes: usize) -> Result<Self, TransportError> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches nothing that exists.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(TransportError::Memory { bytes, source: io::Error::last_os_error() });
        }
        let start = NonNull::new(start.cast()).expect("the kernel never maps address 0 unasked");
        Ok(Self { start, bytes, abandoned: false })
    }

    /// The address of byte `offset`.
    pub(super) fn at(&self, offset: usize) -> *mut u8 {
        assert!(offset <= self.bytes, "an offset within the mapping");
        self.start.as_ptr().wrapping_add(offset)
    }

    /// The bytes from `offset` on.
    ///
    /// # Safety
    /// Nobody, the kernel included, writes to these bytes while the slice lives.
    pub(super) unsafe fn slice(&self, offset: usize, length: usize) -> &[u8] {
        assert!(offset.checked_add(length).is_some_and(|end| end <= self.bytes), "a slice within the mapping");
        // SAFETY: the range lies within the mapping (asserted), its bytes are initialised (the kernel zeroed them),
        // and the caller promises that nobody writes to them.
        unsafe { std::slice::from_raw_parts(self.at(offset), length) }
    }

    /// Leaves the memory mapped for ever: better a leak than a kernel that writes into somebody else's memory.
    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if !self.abandoned {
            // SAFETY: the range is the one mapped in `new`, and slices of it borrow `self`, so none is left.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
        }
    }
}
