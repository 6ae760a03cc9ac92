//! The whole authority on a disk that loses power, fails, fills up or lies.
//!
//! The disk is a file system of the tests' own, in memory and mounted through FUSE: `disk/` what is on it, and what a power
//! cut leaves of that; `device.rs` where it fails, and when its power goes; `mount.rs` FUSE. `machine.rs` puts an authority
//! on it, as a process of its own; `payments.rs` pays, and remembers every vote and receipt. `trial.rs` and `power_cuts.rs`
//! cut the power, `failures.rs` makes the disk fail.
//!
//! # What a power cut leaves
//! The power goes with a certain change: a write, a sync, a rename, drawn by a seed. The process is killed before that
//! change is answered. Of what was not synced each sector of 512 bytes is kept, lost or torn by itself, in any order; a name
//! that was made, changed or removed is kept or lost, and only a sync of its folder makes it durable; a file has one of the
//! lengths that it had since its last sync. That is what fsync(2) promises, and less than what real file systems give.
//! Some cuts come while the authority starts, after a kill that left its writes unsynced; some while it writes a snapshot.
//!
//! # What must hold
//! After each cut the authority starts, knows every payment of which a payer has the receipt, and refuses any other order
//! where a payer has a vote, by the first one's name. At the end no money is missing, and `verify-journal` finds nothing
//! wrong. That this can fail is shown with disks that say that they synced, and did not.
//!
//! # Where it runs
//! It needs root, `/dev/fuse` and leave to mount. Where one of them is missing it says so on standard error, and every test
//! but those of the disk itself passes without having tried. The usual run has 30 random cuts and some 40 others, and takes
//! half a minute. The long run has 200:
//!
//!     cargo test -p quittance-engine --test faulty_disk -- --ignored --nocapture
//!
//! On a virtual machine with two cores and Linux 6.18 it took 76 s: 20 cuts while the authority started, 78 while it wrote a
//! snapshot, 36 kills before a cut; 269,553 votes and 268,655 receipts, none forgotten; 1,665 contradictions, all refused
//! by the first order's name; 53 blocks mended. A shard wrote up to 31 snapshots in 50 cuts.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod device;
mod disk;
mod failures;
#[path = "../authority/harness/mod.rs"]
#[allow(dead_code, unused_imports)] // what is not used here is used by the tests of the whole authority
mod harness;
mod machine;
#[path = "../authority/make.rs"]
#[allow(dead_code)] // the same
mod make;
mod mount;
mod payments;
mod power_cuts;
mod trial;
