//! Receive buffers shared with the kernel: it takes one from the ring for each packet, we give it back.
//!
//! Layout of the memory: the ring of entries (16 bytes each, page-aligned), then the buffers one after another. Each
//! entry names a free buffer; the ring's tail, which the kernel reads, lies in the unused last 2 bytes of entry 0
//! (io_uring_register_buf_ring(3)). Buffers are whole: incremental ones cut packets without saying so.

use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::{Submitter, types};

use super::error::TransportError;
use super::mapping::Mapping;

/// The one group of buffers of a ring.
pub(super) const GROUP: u16 = 0;

const ENTRY_BYTES: usize = size_of::<types::BufRingEntry>();
const _: () = assert!(ENTRY_BYTES == 16);
const PAGE_BYTES: usize = 4_096;

/// `count` buffers of `buffer_bytes` each, lent to one io_uring.
#[derive(Debug)]
pub(super) struct BufferRing {
    memory: Mapping,
    first_buffer: usize,
    count: u16,
    buffer_bytes: u32,
    tail: u16,
}

impl BufferRing {
    /// Maps the memory, registers the ring and gives every buffer to the kernel. `count` is a power of two.
    pub(super) fn register(submitter: &Submitter<'_>, count: u16, buffer_bytes: u32) -> Result<Self, TransportError> {
        assert!(count.is_power_of_two(), "the kernel indexes the ring by mask");
        let first_buffer = (usize::from(count) * ENTRY_BYTES).next_multiple_of(PAGE_BYTES);
        let stride = usize::try_from(buffer_bytes).expect("64 bits");
        let memory = Mapping::new(first_buffer + usize::from(count) * stride)?;
        let mut ring = Self { memory, first_buffer, count, buffer_bytes, tail: 0 };
        let address = ring.memory.at(0) as u64;
        // SAFETY: the entries lie page-aligned at the mapping's start and stay mapped until the group is unregistered
        // or the io_uring is gone: `Uring` sees to that when it is dropped.
        let registered = unsafe { submitter.register_buf_ring_with_flags(address, count, GROUP, 0) };
        registered.map_err(|source| TransportError::Ring { step: "registering the receive buffers", source })?;
        for buffer in 0..count {
            ring.give_back(buffer);
        }
        ring.publish();
        Ok(ring)
    }

    /// The first `length` bytes of a buffer.
    ///
    /// # Safety
    /// The kernel has handed the buffer over by a completion, and it has not been given back since.
    pub(super) unsafe fn filled(&self, buffer: u16, length: usize) -> &[u8] {
        assert!(length <= usize::try_from(self.buffer_bytes).expect("64 bits"), "a completion within its buffer");
        // SAFETY: the kernel writes to a buffer only between taking it from the ring and posting its completion.
        unsafe { self.memory.slice(self.offset(buffer), length) }
    }

    /// Enters a buffer as free. The kernel sees it at the next [`Self::publish`].
    pub(super) fn give_back(&mut self, buffer: u16) {
        let slot = usize::from(self.tail & (self.count - 1));
        let entry: *mut types::BufRingEntry = self.memory.at(slot * ENTRY_BYTES).cast();
        let address = self.memory.at(self.offset(buffer)) as u64;
        // SAFETY: the slot lies within the ring, 16-aligned, and the kernel does not read it before the tail passes it.
        // (Entry 0's last 2 bytes are the tail; these setters leave them alone, and the kernel only reads them.)
        let entry = unsafe { &mut *entry };
        entry.set_addr(address);
        entry.set_len(self.buffer_bytes);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Shows the kernel what was given back.
    pub(super) fn publish(&self) {
        let base: *const types::BufRingEntry = self.memory.at(0).cast();
        // SAFETY: `base` is the address of the first entry of a registered ring, and initialised.
        let tail = unsafe { types::BufRingEntry::tail(base) };
        // SAFETY: the tail is 2-aligned, lives as long as the mapping, and is only ever reached as an atomic.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    /// See [`Mapping::abandon`].
    pub(super) fn abandon(&mut self) {
        self.memory.abandon();
    }

    fn offset(&self, buffer: u16) -> usize {
        assert!(buffer < self.count, "a buffer of this ring");
        self.first_buffer + usize::from(buffer) * usize::try_from(self.buffer_bytes).expect("64 bits")
    }
}
