//! Whether io_uring is there: what the kernel's switch says, and whether a ring can really be created.

use std::io;
use std::path::Path;

use rustix::io::Errno;
use serde::Serialize;

use crate::sysroot::Sysroot;

/// Entries of the ring that is tried: small, so that what is refused is io_uring and not its size.
const TRIED_ENTRY_COUNT: u32 = 8;

/// io_uring on this machine, for this process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IoUring {
    /// `kernel.io_uring_disabled`: 0 open to all, 1 only to `CAP_SYS_ADMIN` and the group below, 2 to nobody.
    /// `None` before Linux 6.6 and where procfs hides it.
    pub disabled_sysctl: Option<u8>,
    /// `kernel.io_uring_group`: the group that may use it when the switch is 1; -1 is no group.
    pub group_sysctl: Option<i64>,
    /// An attempt with no flags.
    pub plain: RingAttempt,
    /// An attempt with a single issuer and deferred task work (Linux 6.1), the way one thread per core uses a ring:
    /// completions are posted when that thread asks for them, never by interrupting it.
    pub deferred: RingAttempt,
}

/// What came of creating a ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RingAttempt {
    /// The ring was created, and closed again.
    Created,
    /// The kernel refused.
    Refused {
        /// The error as the kernel names it.
        error: String,
        /// What it means here.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
    /// No attempt was made: the tree that was read is not this machine's.
    NotTried,
}

impl IoUring {
    /// Reads this machine's switch and creates both kinds of ring, closing each at once. Takes no privilege and leaves
    /// nothing behind; needs one free descriptor.
    pub fn probe() -> Self {
        let unprobed = Self::read(Path::new("/"));
        let explained = |created: io::Result<io_uring::IoUring>| attempt(created, unprobed.disabled_sysctl);
        let plain = explained(io_uring::IoUring::new(TRIED_ENTRY_COUNT));
        let mut builder = io_uring::IoUring::builder();
        builder.setup_single_issuer().setup_defer_taskrun();
        let deferred = explained(builder.build(TRIED_ENTRY_COUNT));
        Self { plain, deferred, ..unprobed }
    }

    /// Reads the switch below `sysroot` and creates nothing: for the tree of another machine.
    pub fn read(sysroot: &Path) -> Self {
        let sysroot = Sysroot::new(sysroot);
        Self {
            disabled_sysctl: sysroot.number("proc/sys/kernel/io_uring_disabled"),
            group_sysctl: sysroot.number("proc/sys/kernel/io_uring_group"),
            plain: RingAttempt::NotTried,
            deferred: RingAttempt::NotTried,
        }
    }
}

fn attempt(created: io::Result<io_uring::IoUring>, disabled_sysctl: Option<u8>) -> RingAttempt {
    match created {
        Ok(_) => RingAttempt::Created,
        Err(error) => {
            let (reason, remedy) = explain(Errno::from_io_error(&error), disabled_sysctl);
            RingAttempt::Refused { error: error.to_string(), reason: reason.to_owned(), remedy: remedy.to_owned() }
        }
    }
}

/// Reason and remedy. Errors from io_uring_setup(2); the switch from the kernel's sysctl documentation.
fn explain(error: Option<Errno>, disabled_sysctl: Option<u8>) -> (&'static str, &'static str) {
    match (error, disabled_sysctl) {
        (Some(Errno::PERM), Some(2)) => (
            "kernel.io_uring_disabled is 2: nobody may use it",
            "quittance-tune apply --only kernel.io_uring_disabled, or sysctl -w kernel.io_uring_disabled=0",
        ),
        (Some(Errno::PERM), Some(1)) => (
            "kernel.io_uring_disabled is 1: only CAP_SYS_ADMIN and one group may use it",
            "sysctl -w kernel.io_uring_group=GID with a group of this process, or kernel.io_uring_disabled=0",
        ),
        (Some(Errno::PERM | Errno::ACCESS), _) => (
            "a seccomp filter or security module forbids it (container runtimes do by default)",
            "allow io_uring_setup, io_uring_enter and io_uring_register in the container's seccomp profile, or run \
             outside it",
        ),
        (Some(Errno::NOSYS), _) => (
            "this kernel has no io_uring, or a seccomp filter hides it",
            "use a kernel built with CONFIG_IO_URING; in a container, allow io_uring_setup in its seccomp profile",
        ),
        (Some(Errno::INVAL), _) => (
            "this kernel does not know a flag that was asked for",
            "use Linux 6.1 or later, the first with both single issuer and deferred task work",
        ),
        (Some(Errno::NOMEM), _) => (
            "no memory for the ring; before Linux 5.12 it counts against the memlock limit",
            "raise the memlock limit (ulimit -l, LimitMEMLOCK= in a systemd unit) or the cgroup's memory",
        ),
        (Some(Errno::MFILE | Errno::NFILE), _) => (
            "no descriptor is free",
            "raise the limit of open files (ulimit -n, LimitNOFILE= in a systemd unit, fs.file-max for all)",
        ),
        _ => ("the kernel refused for a reason of its own", "see io_uring_setup(2) for this error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_ring_is_explained_by_the_switch_when_it_is_set() {
        assert!(explain(Some(Errno::PERM), Some(2)).1.contains("kernel.io_uring_disabled=0"));
        assert!(explain(Some(Errno::PERM), Some(1)).1.contains("kernel.io_uring_group"));
    }

    #[test]
    fn a_forbidden_ring_is_explained_by_seccomp_when_the_switch_is_open_or_hidden() {
        assert!(explain(Some(Errno::PERM), Some(0)).0.contains("seccomp"));
        assert!(explain(Some(Errno::PERM), None).0.contains("seccomp"));
        assert!(explain(Some(Errno::ACCESS), Some(2)).0.contains("security module"));
    }

    #[test]
    fn every_documented_error_has_its_own_reason() {
        let errors = [Errno::PERM, Errno::NOSYS, Errno::INVAL, Errno::NOMEM, Errno::MFILE, Errno::FAULT];
        let reasons: std::collections::HashSet<_> = errors.map(|error| explain(Some(error), Some(0)).0).into();
        assert_eq!(reasons.len(), errors.len());
    }
}
