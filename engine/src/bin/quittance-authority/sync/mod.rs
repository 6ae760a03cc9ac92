//! What threads meet at: queues, sleeps, wakers and atomics, under one name each.
//!
//! In the program these are crossbeam's, the transport's and the standard library's own types: this file only names them, and
//! shuttle is a dependency of tests alone (`.ci/purity` holds that). In the unit tests they are `instrumented.rs`: the same types inside, with a place before each act at which another thread may
//! come first. `schedules.rs` then runs the very code that hands work from thread to thread under many orders of such
//! places, chosen by [shuttle](https://docs.rs/shuttle), and a failure names the order that led to it.
//!
//! | checks | of |
//! |---|---|
//! | `run/verifier_pool_schedules.rs` | batches to verifiers and back, reports, stops |
//! | `run/links_schedules.rs` | credits and acknowledgements between shards, here and in other processes |
//! | `run/samples_schedules.rs` | questions of whoever shows metrics, and what threads answer |
//! | `run/peers/bell_schedules.rs` | the bell of the thread that speaks with other processes |
//! | `storage/committer_schedules.rs` | blocks to the disk and back |
//! | `storage/snapshots_schedules.rs` | pieces of snapshots and their buffers |
//! | `storage/historian_schedules.rs` | entries of histories and their buffers, questions and answers, syncs that snapshots wait for |
//!
//! Sleeps that end by themselves "only to be sure" never end in these checks: a lost wake-up is a deadlock, and is found. Each
//! property has a mistake planted against it that some schedule must show.
//!
//! What is not checked:
//! - Weaker memory orders: shuttle takes all of them for the strongest. They have their reasons beside them.
//! - The insides of crossbeam's types and of the transport's waker, which are taken for what their authors say they are.
//! - The loops around the hand-offs: `run/shard_thread.rs` with its socket, `run/peers/mod.rs` with its connections, and the
//!   main thread in `run/threads.rs`. Small ones with the same order of acts stand in for them.

#[cfg(test)]
mod instrumented;
#[cfg(test)]
pub(crate) mod schedules;

#[cfg(test)]
pub(crate) use instrumented::{
    ArrayQueue, AtomicBool, AtomicU64, OrderReceiver, OrderSender, Parker, Unparker, Waker, bounded_orders,
};
#[cfg(not(test))]
pub(crate) use {
    crossbeam::channel::{Receiver as OrderReceiver, Sender as OrderSender, bounded as bounded_orders},
    crossbeam::queue::ArrayQueue,
    crossbeam::sync::{Parker, Unparker},
    quittance_net::transport::Waker,
    std::sync::atomic::{AtomicBool, AtomicU64},
};

use quittance_net::transport::Transport;

/// Ends the transport's sleep from any thread.
pub(crate) fn waker(transport: &Transport) -> Waker {
    #[cfg(test)]
    let waker = Waker::Kernel(transport.waker());
    #[cfg(not(test))]
    let waker = transport.waker();
    waker
}
