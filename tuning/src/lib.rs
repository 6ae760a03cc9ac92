//! What this machine is, and what of it matters to a payment authority that pins its threads to cores and receives UDP
//! through io_uring.
//!
//! Every fact is read from sysfs and procfs below a root directory (`/` for this machine, any other directory for a
//! copied tree), so every reader can be tried against a machine that is not at hand. Only the question whether a ring
//! can be created is put to the running kernel. What the machine does not expose is `None`, never an error; so is a
//! file whose content does not parse.
//!
//! The authority calls [`Topology::read`] and [`Limits::read`] when it starts and prints what [`findings_for_run`] says of
//! the cores it was given and [`findings_for_process`] of its limits; the operator runs `quittance-tune`.
//!
//! Tuning works on knobs: one setting of one core, queue, interrupt or disk. Each stage (`stage/`, a file each) is a table
//! of kinds of settings, with their reasons; [`Ground::survey`] asks each kind about each thing the machine has.
//! [`apply::apply`] writes what drifts, each write between two synced lines of the journal ([`changes`]);
//! [`rollback::rollback`] sets back what still is as we left it. All of it reads and writes through one seam
//! ([`controls`]), where tests stand in for the kernel.
//!
//! | file | what it holds |
//! |---|---|
//! | `machine.rs` | everything read at once, and the refusal of a wrong root |
//! | `topology.rs`, `cache.rs`, `numa.rs` | cores, their caches, the memory nodes |
//! | `platform.rs`, `memory.rs` | kernel, processor, hypervisor; memory and huge pages |
//! | `limits.rs`, `uring.rs`, `nic.rs` | process and kernel limits; io_uring; network interfaces |
//! | `profile.rs`, `cores_plan.rs` | what a machine is tuned for; the cores that an authority would be given |
//! | `kind.rs`, `knob.rs`, `notation.rs` | a kind of setting with its reasons, one setting, and how values are written |
//! | `stage.rs`, `stage/` | every kind of setting, in the order of application |
//! | `survey.rs`, `survey/`, `glob.rs` | what is beside what is wanted, and which knobs are meant |
//! | `controls.rs`, `controls/` | the seam to files and interfaces, of this machine or of a copied tree |
//! | `host.rs` | a machine with the ways to its settings: this one, a copied tree, or another network namespace of this one |
//! | `netns.rs` | another network namespace |
//! | `changes.rs`, `changes/` | the journal of changes and what of them still stands |
//! | `apply.rs`, `rollback.rs` | setting and setting back |
//! | `export.rs`, `export/` | the plan for a shell, systemd, the boot line and Kubernetes |
//! | `finding.rs`, `finding/` | what of all this deserves a change, and for one run's cores |
//! | `report/` | facts, plan, outcomes and history as text and as JSON |
//! | `nic_control.rs` | the settings of an interface that only ethtool knows, as one trait |
//! | `ethtool.rs`, `ethtool/` | the kernel behind that trait, over netlink |
//! | `fingerprint.rs` | what figures depend on, and whether two machines' figures can be compared |
//! | `jitter.rs`, `jitter/` | how long a core keeps a thread from running, and who took it |
//! | `cpu_list.rs`, `size.rs`, `sysroot.rs` | the kernel's notations, and reading below a root |
//! | `pages.rs` | completions and manual pages of the operator's commands |
//! | `bin/quittance-tune/` | the command |
//! | `../packaging/` | for operators: units, a Debian package, a seccomp profile, notes on Kubernetes |
//!
//! Dependencies: `clap` reads the command line, of which `clap_complete` makes completions and `clap_mangen` manual
//! pages; `comfy-table` aligns the tables; `crc32fast` sums the lines of the journal of changes; `io-uring` creates the
//! rings that are tried (building one is safe); `mimalloc` is the command's allocator, as it is the authority's;
//! `netlink-sys` opens the socket on which interfaces are asked; `rustix` names the errors of the kernel portably, locks
//! the journal's directory and enters namespaces; `serde` and `serde_json` write the JSON reports and the journal; `sha2`
//! makes the fingerprint's hash; `thiserror` derives error types. The tests build their trees with `tempfile` and choose
//! outside changes with `proptest`.
#![forbid(unsafe_code)]

pub mod apply;
mod cache;
pub mod changes;
pub mod controls;
mod cores_plan;
mod cpu_list;
mod ethtool;
pub mod export;
mod finding;
pub mod fingerprint;
mod glob;
mod host;
pub mod jitter;
mod kind;
mod knob;
mod limits;
mod machine;
mod memory;
pub mod netns;
mod nic;
mod nic_control;
mod notation;
mod numa;
pub mod pages;
mod platform;
mod profile;
pub mod report;
pub mod rollback;
mod size;
pub mod stage;
mod survey;
mod sysroot;
mod topology;
mod uring;

pub use cache::{Cache, CoreCaches};
pub use cores_plan::CoresPlan;
pub use cpu_list::{CORE_COUNT_MAX, CpuList, CpuListError};
pub use ethtool::Ethtool;
pub use finding::{
    Finding, MEMLOCK_BYTES_MIN, NETDEV_BACKLOG_COUNT_MIN, OPEN_FILES_COUNT_MIN, SOCKET_BUFFER_BYTES_MIN, Severity,
    findings, findings_for_process, findings_for_run,
};
pub use fingerprint::{Fingerprint, fingerprint};
pub use glob::Selection;
pub use host::Host;
pub use kind::Kind;
pub use knob::{Knob, State, Target};
pub use limits::{Limit, Limits};
pub use machine::{Machine, SysrootError};
pub use memory::{HugePages, Memory};
pub use nic::Nic;
pub use nic_control::{NicControl, NicError, NicSetting, NicValue};
pub use notation::Notation;
pub use numa::Node;
pub use platform::{Features, Platform, Virtualisation};
pub use profile::Profile;
pub use size::{format_bytes, parse_size_bytes};
pub use survey::Ground;
pub use topology::{Core, Topology};
pub use uring::{IoUring, RingAttempt};
