//! The wallet's command on a disk that loses power.
//!
//! The disk is that of the authority's tests: a file system in memory, mounted through FUSE, which at a power cut keeps what
//! was synced and does as it likes with the rest. A kill alone cannot show that a sync is missing: what a killed process wrote
//! is still there. Authorities run beside it, on the machine's own disk.
//!
//! # What must hold
//! An order that left was durable before: after any cut the wallet finishes it, and never signs another one in its place. Each
//! payment here is of another amount, so that a second order of one sequence number is another order; authorities that voted for
//! the first refuse it, and the wallet could not go on. At the end every authority has what the wallet's history says. That
//! this can fail is shown with a disk that says that it synced, and did not.
//!
//! # Where it runs
//! It needs root, `/dev/fuse` and leave to mount. Where one of them is missing it says so on standard error, and every test
//! passes without having tried.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

#[path = "../../../engine/tests/faulty_disk/device.rs"]
#[allow(dead_code, reason = "what is not used here is used by the authority's tests")]
mod device;
#[path = "../../../engine/tests/faulty_disk/disk/mod.rs"]
#[allow(dead_code, reason = "the same")]
mod disk;
#[path = "../command/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "what is not used here is used by the command's other tests")]
mod harness;
mod machine;
#[path = "../../../engine/tests/authority/make.rs"]
#[allow(dead_code, reason = "of all this only the numbers are used here")]
mod make;
#[path = "../../../engine/tests/faulty_disk/mount.rs"]
mod mount;
mod trials;
