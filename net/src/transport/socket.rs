//! A bound UDP socket with its options set, and an honest account of what the kernel granted.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use socket2::{Domain, Protocol, Type};

use super::control::{SO_RXQ_OVFL, UDP_GRO, UDP_SEGMENT};
use super::error::{TransportError, check_limit};
use super::limits::{CHARGED_DATAGRAM_BYTES, DATAGRAM_CHARGE_BYTES, SOCKET_BUFFER_BYTES_MAX};

/// What to ask of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketConfig {
    /// Receive buffer, bytes as the kernel charges them (see [`super::limits::DATAGRAM_CHARGE_BYTES`]).
    pub receive_buffer_bytes: usize,
    /// Send buffer, bytes as the kernel charges them. What does not fit is dropped, not waited for: at least twice
    /// the outbox is sound.
    pub send_buffer_bytes: usize,
    /// Let the kernel hand over datagrams merged (UDP_GRO). They are delivered one by one all the same.
    pub gro: bool,
    /// Let the kernel cut datagrams from long sends (UDP_SEGMENT).
    pub gso: bool,
}

impl Default for SocketConfig {
    /// 8 MiB to receive: some 13,000 unmerged datagrams of 300 bytes, 13 ms at a million a second, longer than a
    /// shard is ever away. 4 MiB to send. GRO and GSO.
    fn default() -> Self {
        Self { receive_buffer_bytes: 8 << 20, send_buffer_bytes: 4 << 20, gro: true, gso: true }
    }
}

/// Something that was asked for and not granted. The socket works, but less well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What falls short, with figures.
    pub lack: String,
    /// What the operator can do about it.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.lack, self.remedy)
    }
}

/// A bound UDP socket. It can be made on one thread and used on another.
#[derive(Debug)]
pub struct Socket {
    inner: socket2::Socket,
    local_address: SocketAddr,
    receive_buffer_bytes: usize,
    send_buffer_bytes: usize,
    gro: bool,
    gso: bool,
    findings: Vec<Finding>,
}

impl Socket {
    /// Binds to `address` (port 0: any free port; `[::]` takes IPv4 as well) and sets the options. What the kernel
    /// does not grant is no error but a finding.
    ///
    /// # Errors
    /// [`TransportError::Limit`] for buffers beyond bounds, [`TransportError::Bind`] if there is no such socket.
    pub fn bind(address: SocketAddr, config: &SocketConfig) -> Result<Self, TransportError> {
        for (figure, bytes) in [
            ("the socket's receive_buffer_bytes", config.receive_buffer_bytes),
            ("the socket's send_buffer_bytes", config.send_buffer_bytes),
        ] {
            check_limit(figure, bytes, 1, SOCKET_BUFFER_BYTES_MAX, "")?;
        }
        let bind_error = |source| TransportError::Bind { address, source };
        let inner =
            socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP)).map_err(bind_error)?;
        let mut socket = Self {
            inner,
            local_address: address,
            receive_buffer_bytes: 0,
            send_buffer_bytes: 0,
            gro: false,
            gso: false,
            findings: Vec::new(),
        };
        // Before the bind: no datagram may arrive under other rules than the later ones.
        socket.set_options(config).map_err(bind_error)?;
        if address.is_ipv6() && address.ip().is_unspecified() {
            socket.inner.set_only_v6(false).map_err(bind_error)?;
        }
        socket.inner.bind(&address.into()).map_err(bind_error)?;
        let bound = socket.inner.local_addr().map_err(bind_error)?;
        socket.local_address = bound.as_socket().expect("a UDP socket has an IP address");
        Ok(socket)
    }

    /// The address bound to, with the port the kernel chose if it was asked to.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Receive buffer granted, bytes, comparable with what was asked: half of what SO_RCVBUF reads back, because the
    /// kernel doubles the figure to pay for its bookkeeping (socket(7)).
    pub fn receive_buffer_bytes(&self) -> usize {
        self.receive_buffer_bytes
    }

    /// Send buffer granted, bytes, comparable with what was asked.
    pub fn send_buffer_bytes(&self) -> usize {
        self.send_buffer_bytes
    }

    /// Whether the kernel hands over merged packets.
    pub fn gro(&self) -> bool {
        self.gro
    }

    /// Whether the kernel cuts long sends.
    pub fn gso(&self) -> bool {
        self.gso
    }

    /// What was asked for and not granted.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// About how many unmerged datagrams of 300 bytes the granted receive buffer holds.
    pub fn receive_buffer_datagrams(&self) -> usize {
        held(self.receive_buffer_bytes)
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.inner.as_raw_fd()
    }

    fn set_options(&mut self, config: &SocketConfig) -> io::Result<()> {
        self.receive_buffer_bytes = self.set_buffer(&RECEIVE_BUFFER, config.receive_buffer_bytes)?;
        self.send_buffer_bytes = self.set_buffer(&SEND_BUFFER, config.send_buffer_bytes)?;
        self.gro = config.gro && self.set_feature("UDP_GRO", libc::SOL_UDP, UDP_GRO, 1, "datagrams arrive one by one");
        // Size 0 changes nothing: it only shows whether the kernel knows the option.
        self.gso =
            config.gso && self.set_feature("UDP_SEGMENT", libc::SOL_UDP, UDP_SEGMENT, 0, "datagrams leave one by one");
        self.set_feature(
            "SO_RXQ_OVFL",
            libc::SOL_SOCKET,
            SO_RXQ_OVFL,
            1,
            "datagrams dropped by the kernel go uncounted",
        );
        Ok(())
    }

    /// Sets a buffer past the system's limit if we may, else up to it; returns what was granted.
    fn set_buffer(&mut self, buffer: &Buffer, bytes: usize) -> io::Result<usize> {
        let wanted = i32::try_from(bytes).expect("bounded by SOCKET_BUFFER_BYTES_MAX");
        if self.set_option(libc::SOL_SOCKET, buffer.forced, wanted).is_err() {
            self.set_option(libc::SOL_SOCKET, buffer.ordinary, wanted)?;
        }
        let doubled = match buffer.ordinary {
            libc::SO_RCVBUF => self.inner.recv_buffer_size()?,
            _ => self.inner.send_buffer_size()?,
        };
        let granted = doubled / 2;
        if granted < bytes {
            self.findings.push(Finding {
                lack: format!(
                    "the {} buffer has {granted} bytes of {bytes} asked: about {} datagrams of {CHARGED_DATAGRAM_BYTES} bytes",
                    buffer.name,
                    held(granted)
                ),
                remedy: format!(
                    "raise {sysctl} to {bytes} or more (quittance-tune apply --only {sysctl}), or give the process \
                     CAP_NET_ADMIN",
                    sysctl = buffer.sysctl
                ),
            });
        }
        Ok(granted)
    }

    fn set_feature(&mut self, name: &str, level: i32, option: i32, value: i32, effect: &str) -> bool {
        let set = self.set_option(level, option, value);
        if let Err(error) = &set {
            self.findings.push(Finding {
                lack: format!("the kernel refuses {name} ({error}): {effect}"),
                remedy: "use Linux 6.1 or newer, and a sandbox that passes the option on".to_owned(),
            });
        }
        set.is_ok()
    }

    fn set_option(&self, level: i32, option: i32, value: i32) -> io::Result<()> {
        let length = u32::try_from(size_of::<i32>()).expect("4");
        // SAFETY: `value` is a live i32 and `length` its size; the kernel only reads it.
        let result = unsafe { libc::setsockopt(self.descriptor(), level, option, (&raw const value).cast(), length) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

/// The two ways of setting a buffer, and where its limit stands.
struct Buffer {
    name: &'static str,
    forced: i32,
    ordinary: i32,
    sysctl: &'static str,
}

const RECEIVE_BUFFER: Buffer =
    Buffer { name: "receive", forced: libc::SO_RCVBUFFORCE, ordinary: libc::SO_RCVBUF, sysctl: "net.core.rmem_max" };
const SEND_BUFFER: Buffer =
    Buffer { name: "send", forced: libc::SO_SNDBUFFORCE, ordinary: libc::SO_SNDBUF, sysctl: "net.core.wmem_max" };

/// The kernel charges against the doubled figure.
fn held(granted_bytes: usize) -> usize {
    granted_bytes * 2 / DATAGRAM_CHARGE_BYTES
}
