//! The netlink socket.

use std::io;
use std::time::Duration;

use netlink_sys::protocols::NETLINK_GENERIC;
use netlink_sys::{Socket as NetlinkSocket, SocketAddr};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};

/// The kernel answers before `send` returns, but a driver that resets its device makes it wait for seconds.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);

/// Who answers: the kernel, or a test's.
pub(super) trait Kernel {
    fn send(&self, request: &[u8]) -> Result<(), Errno>;

    /// The next datagram, whole.
    fn receive(&self) -> Result<Vec<u8>, Errno>;
}

/// A socket of generic netlink, in the network namespace of the thread that opened it.
pub(super) struct Socket(NetlinkSocket);

impl Socket {
    pub(super) fn open() -> Result<Self, Errno> {
        let mut socket = NetlinkSocket::new(NETLINK_GENERIC).map_err(errno)?;
        socket.bind_auto().map_err(errno)?;
        socket.connect(&SocketAddr::new(0, 0)).map_err(errno)?;
        // Refusals come with words then.
        socket.set_ext_ack(true).map_err(errno)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER_WAIT_MAX))?;
        Ok(Self(socket))
    }
}

impl Kernel for Socket {
    fn send(&self, request: &[u8]) -> Result<(), Errno> {
        let sent = self.0.send(request, 0).map_err(errno)?;
        if sent == request.len() { Ok(()) } else { Err(Errno::MSGSIZE) }
    }

    fn receive(&self) -> Result<Vec<u8>, Errno> {
        let (datagram, _) = self.0.recv_from_full().map_err(errno)?;
        Ok(datagram)
    }
}

fn errno(error: io::Error) -> Errno {
    match Errno::from_io_error(&error) {
        Some(Errno::AGAIN) => Errno::TIMEDOUT,
        Some(errno) => errno,
        None => Errno::IO,
    }
}
