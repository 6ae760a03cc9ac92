//! What can go wrong with a transport, each with what to do about it. Nothing a peer sends leads here.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// The machine's faults, with their remedy in the message, and configurations out of bounds.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The address cannot be bound.
    #[error("cannot bind a UDP socket to {address}: {source}; {remedy}", remedy = bind_remedy(.source))]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel does not do io_uring as it is needed here, or it is forbidden.
    #[error("io_uring fails at {step}: {source}; {remedy}", remedy = ring_remedy(.source))]
    Ring {
        /// What was being done.
        step: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The ring was set up, but a datagram sent to it on loopback did not come out.
    #[error(
        "io_uring took the work, but no datagram came through on loopback within {waited:?}; use recvmmsg, and check \
         that loopback is up and no firewall drops UDP on it"
    )]
    RingSilent {
        /// How long the probe waited.
        waited: Duration,
    },
    /// Receiving failed in a way that trying again does not mend.
    #[error("receiving on {address} failed: {source}; restart the process, and report it if it comes back")]
    Receive {
        /// The socket's own address.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// Sending failed in a way that trying again does not mend.
    #[error("sending from {address} failed: {source}; restart the process, and report it if it comes back")]
    Send {
        /// The socket's own address.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The memory of the receive buffers was refused.
    #[error("no memory for {bytes} bytes of receive buffers: {source}; lower receive_buffer_count or free memory")]
    Memory {
        /// How much was asked for.
        bytes: usize,
        /// What the kernel said.
        source: io::Error,
    },
    /// The waker's eventfd was refused.
    #[error("no eventfd to wake the transport with: {source}; raise the limit of open files (ulimit -n)")]
    Waker {
        /// What the kernel said.
        source: io::Error,
    },
    /// A figure of the configuration is out of its bounds.
    #[error("{figure} is {value}, but must be {least} to {most}{note}")]
    Limit {
        /// The figure's name.
        figure: &'static str,
        /// What was asked for.
        value: usize,
        /// The least that is allowed.
        least: usize,
        /// The most that is allowed.
        most: usize,
        /// A further condition; empty if there is none.
        note: &'static str,
    },
    /// A name that is no transport's.
    #[error("no transport is called {0:?}; there are io_uring and recvmmsg")]
    Unknown(String),
}

fn bind_remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => "another process has the port: stop it, or choose another base port",
        io::ErrorKind::AddrNotAvailable => "no interface has this address: check `ip address`",
        io::ErrorKind::PermissionDenied => "ports below 1024 need CAP_NET_BIND_SERVICE",
        _ => "check the address, and the limit of open files (ulimit -n)",
    }
}

fn ring_remedy(source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        Some(libc::ENOSYS) => {
            "the kernel or the container's seccomp profile has no io_uring: allow it, or use recvmmsg"
        }
        Some(libc::EPERM | libc::EACCES) => {
            "io_uring is forbidden: see sysctl kernel.io_uring_disabled and the container's seccomp profile, or use recvmmsg"
        }
        Some(libc::EINVAL) => "the kernel is too old: Linux 6.1 or newer is needed, or use recvmmsg",
        Some(libc::ENOMEM) => "raise the limit of locked memory (ulimit -l), or use recvmmsg",
        Some(libc::EMFILE | libc::ENFILE) => "raise the limit of open files (ulimit -n)",
        _ => "use recvmmsg",
    }
}

/// Checks that `value` lies within `least..=most`.
pub(super) fn check_limit(
    figure: &'static str,
    value: usize,
    least: usize,
    most: usize,
    note: &'static str,
) -> Result<(), TransportError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(TransportError::Limit { figure, value, least, most, note })
    }
}
