//! A TCP connection and the session that it carries.

use quittance_engine::peer_link::Session;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, ipproto, socket_with, sockopt};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long a connection may take until its peer has proved who it is.
pub(super) const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// How long the kernel keeps on sending to a host that says nothing, before the connection counts as lost. The other way, a
/// host that is gone without a word is noticed only by sending.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Bytes read in one call: a frame of credits and some.
pub(super) const READ_BYTES: usize = 1 << 16;

/// One connection, in whatever state.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) session: Session,
    /// The peer that was dialed, by place; `None` for a connection that came.
    pub(super) dialed: Option<usize>,
    /// When it is given up, if its peer has not proved who it is by then.
    pub(super) deadline: Instant,
    is_connecting: bool,
}

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// The peer has ended the connection.
    End,
}

impl Connection {
    /// A connection that came.
    pub(super) fn accepted(stream: TcpStream, session: Session) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        prepare(&stream)?;
        let deadline = Instant::now() + HANDSHAKE_MAX;
        Ok(Self { stream, session, dialed: None, deadline, is_connecting: false })
    }

    /// Begins a connection and does not wait for it.
    pub(super) fn dial(peer: usize, link: SocketAddr, session: Session) -> io::Result<Self> {
        let family = if link.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
        let is_connecting = match connect(&socket, &link) {
            Ok(()) => false,
            Err(rustix::io::Errno::INPROGRESS) => true,
            Err(error) => return Err(error.into()),
        };
        let stream = TcpStream::from(socket);
        prepare(&stream)?;
        let deadline = Instant::now() + HANDSHAKE_MAX;
        Ok(Self { stream, session, dialed: Some(peer), deadline, is_connecting })
    }

    /// Whether the connection waits until it can send.
    pub(super) fn wants_to_send(&self) -> bool {
        self.is_connecting || !self.session.output().is_empty()
    }

    /// Sends what the session has, as far as the kernel takes it. Returns how many bytes it took.
    pub(super) fn send(&mut self) -> io::Result<usize> {
        if self.is_connecting {
            if let Some(error) = self.stream.take_error()? {
                return Err(error);
            }
            let peer = match self.stream.peer_addr() {
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(0),
                peer => peer?,
            };
            // A socket may be given the very port that it dials, where nobody listens there: then it meets itself.
            if self.stream.local_addr()? == peer {
                return Err(ErrorKind::ConnectionRefused.into());
            }
            self.is_connecting = false;
        }
        let mut total = 0;
        while !self.session.output().is_empty() {
            match self.stream.write(self.session.output()) {
                Ok(bytes) => {
                    self.session.sent(bytes);
                    total += bytes;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }

    /// Gives the session what has arrived, once.
    pub(super) fn receive(&mut self, buffer: &mut [u8; READ_BYTES]) -> io::Result<Arrived> {
        if self.is_connecting {
            return Ok(Arrived::Nothing);
        }
        let room = self.session.input_room().min(buffer.len());
        assert!(room > 0, "all that can be read was read before");
        match self.stream.read(&mut buffer[..room]) {
            Ok(0) => Ok(Arrived::End),
            Ok(bytes) => {
                self.session.receive(&buffer[..bytes]);
                Ok(Arrived::Bytes(bytes))
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Ok(Arrived::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    /// Before the process ends: sends what is left, for so long at most. The peer shall know what this one knows.
    pub(super) fn send_all(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.send().is_ok() && self.wants_to_send() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Credits leave at once, and a host that is gone is noticed.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, SILENCE_MAX / 2)?;
    sockopt::set_tcp_keepintvl(stream, SILENCE_MAX / 10)?;
    let silence_ms = u32::try_from(SILENCE_MAX.as_millis()).expect("it is some seconds");
    sockopt::set_tcp_user_timeout(stream, silence_ms)?;
    Ok(())
}
