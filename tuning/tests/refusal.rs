//! A ring that the kernel really refuses. The limit below holds for the whole process: this file keeps to one test.
#![forbid(unsafe_code)]

use quittance_tuning::{IoUring, RingAttempt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn a_ring_refused_for_want_of_a_descriptor_says_so_and_what_to_do() {
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..before }).unwrap();
    let io_uring = IoUring::probe();
    setrlimit(Resource::Nofile, before).unwrap();
    for attempt in [&io_uring.plain, &io_uring.deferred] {
        let RingAttempt::Refused { reason, remedy, .. } = attempt else { panic!("{attempt:?}") };
        // Where io_uring is forbidden altogether the kernel says that first.
        assert!(reason == "no descriptor is free" || io_uring::IoUring::new(4).is_err(), "{attempt:?}");
        assert!(!remedy.is_empty());
    }
}
