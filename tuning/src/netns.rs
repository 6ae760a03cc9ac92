//! Another network namespace.
//!
//! Entering one changes what `/proc/sys/net` and the ethtool family show, but not `/sys/class/net`: a mount of sysfs
//! shows the namespace that it was made in. So a sysfs is made in the new one, without a place in the tree, and its files
//! are opened through its descriptor. Nothing is mounted anywhere, and it goes with the process.
//!
//! Takes `CAP_SYS_ADMIN` and Linux 5.2.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A namespace that the calling thread is in, with a sysfs of its own.
#[derive(Debug)]
pub struct Netns {
    sys: OwnedFd,
}

/// Why a namespace was not entered.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// The name is a path, or none at all.
    #[error("{0:?} is no name of a network namespace; --netns takes a name as `ip netns list` shows it")]
    Name(String),
    /// There is none of that name.
    #[error("there is no network namespace {name}: {source}; `ip netns list` shows them")]
    Unknown {
        /// The name.
        name: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The kernel refused.
    #[error("{step} refused: {source}; it takes root (CAP_SYS_ADMIN) and Linux 5.2")]
    Refused {
        /// What was tried.
        step: &'static str,
        /// What the kernel said.
        source: Errno,
    },
}

impl Netns {
    /// Moves the calling thread into the namespace of that name for good, and makes a sysfs there.
    ///
    /// # Errors
    /// [`NetnsError`].
    pub fn enter(name: &str) -> Result<Self, NetnsError> {
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return Err(NetnsError::Name(name.to_owned()));
        }
        let namespace = File::open(Path::new("/run/netns").join(name))
            .map_err(|source| NetnsError::Unknown { name: name.to_owned(), source })?;
        let refused = |step| move |source| NetnsError::Refused { step, source };
        use std::os::fd::AsFd;
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(refused("entering the namespace"))?;
        let context = fsopen("sysfs", FsOpenFlags::FSOPEN_CLOEXEC).map_err(refused("making a sysfs"))?;
        fsconfig_create(context.as_fd()).map_err(refused("making a sysfs"))?;
        let sys = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
            .map_err(refused("making a sysfs"))?;
        Ok(Self { sys })
    }

    /// What stands for `/sys` there, as long as this lives.
    #[must_use]
    pub fn sys(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.sys.as_raw_fd()))
    }
}
