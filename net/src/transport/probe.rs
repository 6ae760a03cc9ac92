//! Choosing a backend by trying it: kernels, sandboxes and sysctls refuse io_uring in so many ways, and at so many
//! steps, that only a datagram which really went through proves anything.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::limits::PROBE_WAIT;
use super::{Config, Socket, SocketConfig, Transport, TransportError, TransportKind, Wait};

const QUESTION: &[u8] = b"is anybody there";
const ANSWER: &[u8] = b"somebody is here";

/// Sends datagrams through io_uring on loopback, there and back, over a ring set up as the real one is, only with
/// fewer buffers. Takes well under a millisecond if all is well, and at most [`PROBE_WAIT`] more if not.
///
/// # Errors
/// Whatever stands in the way, with its remedy.
pub fn probe_io_uring() -> Result<(), TransportError> {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let socket = Socket::bind(loopback, &SocketConfig { receive_buffer_bytes: 65_536, ..SocketConfig::default() })?;
    let config = Config { receive_buffer_count: 4, outbox_datagrams: 1, outbox_bytes: 65_536, ..Config::default() };
    let mut transport = Transport::new(TransportKind::IoUring, socket, &config)?;
    let client_error = |source| TransportError::Bind { address: loopback, source };
    let client = UdpSocket::bind(loopback).map_err(client_error)?;
    client.connect(transport.local_address()).map_err(client_error)?;
    client.set_read_timeout(Some(PROBE_WAIT)).map_err(client_error)?;
    let deadline = Instant::now() + PROBE_WAIT;
    // Twice: the second datagram shows that the receive is still armed after the first.
    for _ in 0..2 {
        client.send(QUESTION).map_err(client_error)?;
        let peer = await_question(&mut transport, deadline)?;
        transport.push(peer, ANSWER.len()).expect("an empty outbox holds one datagram").copy_from_slice(ANSWER);
        transport.flush()?;
        await_answer(&client)?;
    }
    Ok(())
}

/// The backend to use. `None`: io_uring if the probe passes, else recvmmsg together with what the probe met. `Some`:
/// that one or an error.
///
/// # Errors
/// The probe's, if io_uring was asked for by name.
pub fn choose(wanted: Option<TransportKind>) -> Result<(TransportKind, Option<TransportError>), TransportError> {
    match wanted {
        Some(TransportKind::Recvmmsg) => Ok((TransportKind::Recvmmsg, None)),
        Some(TransportKind::IoUring) => probe_io_uring().map(|()| (TransportKind::IoUring, None)),
        None => Ok(match probe_io_uring() {
            Ok(()) => (TransportKind::IoUring, None),
            Err(reason) => (TransportKind::Recvmmsg, Some(reason)),
        }),
    }
}

fn await_question(transport: &mut Transport, deadline: Instant) -> Result<SocketAddr, TransportError> {
    let mut asker = None;
    while asker.is_none() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            return Err(TransportError::RingSilent { waited: PROBE_WAIT });
        }
        transport.receive(1, Wait::For(left), |peer, payload| {
            if payload == QUESTION {
                asker = Some(peer);
            }
        })?;
    }
    Ok(asker.expect("the loop ends with one"))
}

fn await_answer(client: &UdpSocket) -> Result<(), TransportError> {
    let mut answer = [0; ANSWER.len()];
    match client.recv(&mut answer) {
        Ok(_) if answer == *ANSWER => Ok(()),
        Ok(_) => Err(TransportError::RingSilent { waited: PROBE_WAIT }),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Err(TransportError::RingSilent { waited: PROBE_WAIT })
        }
        Err(source) => Err(TransportError::Ring { step: "answering the probe", source }),
    }
}
