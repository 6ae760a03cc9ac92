//! UDP to and from the authorities: a socket for each family of addresses that the committee file has.

use crate::fault::Fault;
use quittance_engine::types::Peer;
use quittance_net::frame::FRAME_BYTES_MAX;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

/// Datagrams taken from a socket before others have their turn: what is left waits in the kernel.
const RECEIVE_COUNT_MAX: usize = 256;

/// The sockets.
#[derive(Debug)]
pub(crate) struct Sockets {
    ipv4: Option<UdpSocket>,
    ipv6: Option<UdpSocket>,
    /// A byte longer than any frame, so that what is longer is seen to be.
    buffer: [u8; FRAME_BYTES_MAX + 1],
}

impl Sockets {
    /// Opens what it takes to reach these.
    ///
    /// # Errors
    /// [`Fault::Machine`].
    pub(crate) fn open(peers: impl IntoIterator<Item = Peer>) -> Result<Self, Fault> {
        let (mut ipv4, mut ipv6) = (None, None);
        for peer in peers {
            match peer {
                Peer::V4(_) if ipv4.is_none() => ipv4 = Some(bind(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)))?),
                Peer::V6(_) if ipv6.is_none() => ipv6 = Some(bind(UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)))?),
                _ => {}
            }
        }
        Ok(Self { ipv4, ipv6, buffer: [0; FRAME_BYTES_MAX + 1] })
    }

    /// Sends a datagram. One that the machine does not take counts as lost on the way: it is sent again like any other.
    ///
    /// # Errors
    /// Why the machine does not take it, for whoever wants to say so.
    pub(crate) fn send(&self, to: Peer, bytes: &[u8]) -> io::Result<()> {
        let socket = if to.is_ipv4() { &self.ipv4 } else { &self.ipv6 };
        let socket = socket.as_ref().expect("there is a socket for every address of the committee file");
        match socket.send_to(bytes, to) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// Sleeps until something arrives, a signal comes, or the time is over.
    ///
    /// # Errors
    /// [`Fault::Machine`].
    pub(crate) fn wait(&self, timeout: Duration) -> Result<(), Fault> {
        let sockets = [&self.ipv4, &self.ipv6];
        let mut waits: Vec<PollFd<'_>> =
            sockets.into_iter().flatten().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        let timeout = Timespec::try_from(timeout).expect("spans that people give are below 2^63 seconds");
        match poll(&mut waits, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(Fault::Machine { task: "waiting for datagrams", source: error.into(), remedy: "" }),
        }
    }

    /// Hands over what has arrived.
    pub(crate) fn receive(&mut self, mut take: impl FnMut(Peer, &[u8])) {
        for socket in [&self.ipv4, &self.ipv6].into_iter().flatten() {
            for _ in 0..RECEIVE_COUNT_MAX {
                match socket.recv_from(&mut self.buffer) {
                    Ok((length, peer)) => take(peer, &self.buffer[..length]),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    // Somebody's network says that a datagram of ours did not arrive: the same as silence.
                    Err(_) => {}
                }
            }
        }
    }
}

fn bind(socket: io::Result<UdpSocket>) -> Result<UdpSocket, Fault> {
    let fault = |source| Fault::Machine {
        task: "opening a UDP socket",
        source,
        remedy: "; authorities cannot be reached without",
    };
    let socket = socket.map_err(fault)?;
    socket.set_nonblocking(true).map_err(fault)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_of_both_families_come_with_their_source() {
        let there: Vec<UdpSocket> =
            ["127.0.0.1:0", "[::1]:0"].iter().filter_map(|at| UdpSocket::bind(at).ok()).collect();
        let peers: Vec<Peer> = there.iter().map(|socket| socket.local_addr().unwrap()).collect();
        let mut sockets = Sockets::open(peers.clone()).unwrap();
        for (socket, peer) in there.iter().zip(&peers) {
            sockets.send(*peer, b"question").unwrap();
            let mut buffer = [0; 64];
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"question");
            socket.send_to(b"answer", from).unwrap();
            let mut came = Vec::new();
            while came.is_empty() {
                sockets.wait(Duration::from_secs(5)).unwrap();
                sockets.receive(|from, bytes| came.push((from, bytes.to_vec())));
            }
            assert_eq!(came, [(*peer, b"answer".to_vec())]);
        }
    }

    #[test]
    fn waiting_ends_when_the_time_is_over() {
        let mut sockets = Sockets::open(["127.0.0.1:9".parse().unwrap()]).unwrap();
        sockets.wait(Duration::from_millis(1)).unwrap();
        sockets.receive(|_, _| panic!("nobody sent anything"));
    }
}
