//! Everything read at once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::limits::Limits;
use crate::memory::Memory;
use crate::nic::Nic;
use crate::platform::Platform;
use crate::sysroot::Sysroot;
use crate::topology::Topology;
use crate::uring::IoUring;

/// What the machine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Kernel, processor, hypervisor.
    pub platform: Platform,
    /// Cores, caches, memory nodes.
    pub topology: Topology,
    /// Memory, huge pages, swap.
    pub memory: Memory,
    /// Limits of process and sockets; the clock.
    pub limits: Limits,
    /// io_uring.
    pub io_uring: IoUring,
    /// Network interfaces, by name; `None` when not exposed.
    pub nics: Option<Vec<Nic>>,
}

/// Why a directory cannot stand for a machine.
#[derive(Debug, thiserror::Error)]
pub enum SysrootError {
    /// It cannot be opened.
    #[error("cannot read {}: {source}; --sysroot takes `/` or a directory with copies of /proc and /sys", path.display())]
    Unreadable {
        /// The directory that was asked for.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It is no directory, or holds neither `proc` nor `sys`.
    #[error("{} holds neither proc nor sys; --sysroot takes `/` or a directory with copies of /proc and /sys", path.display())]
    NotAMachine {
        /// The directory that was asked for.
        path: PathBuf,
    },
}

impl Machine {
    /// Reads the machine below `sysroot`. Rings are tried only when that is `/`: another tree's kernel is not here to
    /// be asked.
    ///
    /// # Errors
    /// The machine's fault: `sysroot` cannot be opened, or holds neither `proc` nor `sys`. Less than that is no error:
    /// what is missing is `None`.
    pub fn read(sysroot: &Path) -> Result<Self, SysrootError> {
        let root = usable(sysroot)?;
        let tree = Sysroot::new(&root);
        let is_this_machine = root == Path::new("/");
        Ok(Self {
            platform: Platform::read(tree),
            topology: Topology::read(&root),
            memory: Memory::read(tree),
            limits: Limits::read(&root),
            io_uring: if is_this_machine { IoUring::probe() } else { IoUring::read(&root) },
            nics: Nic::read_all(tree),
        })
    }

    /// The same machine with the interfaces of another network namespace, of which `sys` is a sysfs.
    #[must_use]
    pub fn with_nics_of(self, sys: &Path) -> Self {
        Self { nics: Nic::read_all(Sysroot::new(Path::new("/")).with_sys(sys)), ..self }
    }
}

/// The canonical form of `sysroot`, once it is seen to hold what a machine has.
fn usable(sysroot: &Path) -> Result<PathBuf, SysrootError> {
    let unreadable = |source| SysrootError::Unreadable { path: sysroot.to_owned(), source };
    let root = fs::canonicalize(sysroot).map_err(unreadable)?;
    let tree = Sysroot::new(&root);
    if !tree.is_directory("proc") && !tree.is_directory("sys") {
        return Err(SysrootError::NotAMachine { path: sysroot.to_owned() });
    }
    Ok(root)
}
