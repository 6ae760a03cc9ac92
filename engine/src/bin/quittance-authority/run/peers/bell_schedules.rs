//! The bell under many schedules: whoever rings is heard, whatever came between.

use super::*;
use crate::sync::schedules::{finds, holds, point, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

const RINGERS: u64 = 2;
const RINGS: u64 = 2;

#[derive(Default)]
struct Counts {
    /// What is in the queues: written before a ring, looked into after the bell was made quiet.
    queued: AtomicU64,
    rung: AtomicU64,
}

fn scenario(quiet: fn(&Bell)) {
    let (bell, counts) = (Arc::new(Bell::new().unwrap()), Arc::new(Counts::default()));
    for _ in 0..RINGERS {
        let (bell, counts) = (Arc::clone(&bell), Arc::clone(&counts));
        spawn(move || {
            for _ in 0..RINGS {
                point();
                counts.queued.fetch_add(1, Ordering::SeqCst);
                bell.ring();
                counts.rung.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    let mut found = 0;
    while found < RINGERS * RINGS {
        // The sleep: it ends when the bell is heard, and the kernel's own sleep is not what is checked.
        let is_over = counts.rung.load(Ordering::SeqCst) == RINGERS * RINGS;
        if !bell.is_heard() {
            assert!(!is_over, "everybody has rung, and the bell is not heard");
            yield_now();
            continue;
        }
        quiet(&bell);
        point();
        found = counts.queued.load(Ordering::SeqCst);
    }
}

/// The other way round: a ring in between finds the word down, makes the event readable, and is read away.
fn quiet_and_read_then(bell: &Bell) {
    bell.is_rung.swap(false, Ordering::AcqRel);
    let mut count = [0; 8];
    let _ = rustix::io::read(&bell.event, &mut count);
}

#[test]
fn whoever_rings_is_heard() {
    holds(|| scenario(Bell::quiet));
}

#[test]
fn a_bell_made_quiet_in_the_wrong_order_is_found_to_be_deaf() {
    finds("everybody has rung", || scenario(quiet_and_read_then));
}
