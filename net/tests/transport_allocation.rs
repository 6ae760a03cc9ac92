//! Receiving and sending take no memory once a transport stands.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod transport_support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use quittance_net::transport::{Transport, TransportKind, Wait};
use transport_support::transport;

thread_local! {
    // Per thread, for the test harness's own thread allocates when it likes. Constant and without a destructor, so that
    // the allocator may touch it at any time.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are the ones needed.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn nothing_is_allocated_for_datagrams_or_flushes() {
    for kind in [TransportKind::IoUring, TransportKind::Recvmmsg] {
        let (mut here, mut there) = (transport(kind), transport(kind));
        let before = ALLOCATIONS.get();
        let received: usize = (0..200).map(|_| exchange(&mut here, &mut there)).sum();
        let after = ALLOCATIONS.get();
        assert_eq!(received, 200 * 200);
        assert!(before > 0, "making a transport takes memory: the count does not work");
        assert_eq!(after - before, 0, "{kind}");
    }
}

fn exchange(here: &mut Transport, there: &mut Transport) -> usize {
    for index in 0..200 {
        // Interleaved lengths, so that the outbox has to sort.
        here.push(there.local_address(), 100 + index % 7).unwrap().fill(1);
    }
    here.flush().unwrap();
    let mut received = 0;
    while received < 200 {
        let wait = Wait::For(transport_support::PATIENCE);
        let count = there.receive(64, wait, |_, _| ()).unwrap();
        assert!(count > 0, "datagrams are missing");
        received += count;
    }
    received
}
