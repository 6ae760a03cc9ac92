//! How datagrams arrive and leave: one face, two backends.
//!
//! A [`Socket`] is bound anywhere; the [`Transport`] made of it belongs to the thread that makes it. The thread takes
//! what has arrived with [`Transport::receive`], pushes replies into the outbox, and sends them all with one
//! [`Transport::flush`]; other threads end its sleep with a [`Waker`].
//!
//! Datagrams are UDP's: what does not fit a buffer is dropped and counted, here as in the kernel, and whoever needs an
//! answer asks again. Nothing a peer sends is an error of the transport.
//!
//! Files: `mod.rs` the face; `config.rs` sizes; `limits.rs` their bounds; `socket.rs` the socket and what the kernel
//! granted; `uring.rs` and `buffer_ring.rs` the io_uring backend; `mmsg.rs` the other; `packet.rs` and `control.rs`
//! received packets and the notes beside them; `address.rs` peers as the kernel writes them; `outbox.rs` grouping;
//! `mapping.rs` memory shared with the kernel; `waker.rs`, `counters.rs`, `probe.rs`, `error.rs` what they say.
//!
//! Unsafe code stands in `uring`, `buffer_ring`, `mmsg`, `mapping`, `socket` and `waker`: system calls and the memory
//! that they share with us.

mod address;
mod buffer_ring;
mod config;
mod control;
mod counters;
mod error;
pub mod limits;
mod mapping;
mod mmsg;
mod outbox;
mod packet;
mod probe;
mod socket;
mod uring;
mod waker;

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub use config::Config;
pub use counters::Counters;
pub use error::TransportError;
pub use probe::{choose, probe_io_uring};
pub use socket::{Finding, Socket, SocketConfig};
pub use waker::Waker;

use counters::Tally;
use mmsg::Mmsg;
use outbox::Outbox;
use uring::Uring;
use waker::Bed;

/// Which system calls do the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// io_uring: multishot receive into a buffer ring, batched sends.
    IoUring,
    /// recvmmsg and sendmmsg.
    Recvmmsg,
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::IoUring => "io_uring",
            Self::Recvmmsg => "recvmmsg",
        })
    }
}

impl FromStr for TransportKind {
    type Err = TransportError;

    fn from_str(name: &str) -> Result<Self, TransportError> {
        match name {
            "io_uring" => Ok(Self::IoUring),
            "recvmmsg" => Ok(Self::Recvmmsg),
            _ => Err(TransportError::Unknown(name.to_owned())),
        }
    }
}

/// What to do when no datagram is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Return at once.
    No,
    /// Sleep in the kernel until a datagram comes, a [`Waker`] is used, or the time is over. May return early for no
    /// reason.
    For(Duration),
}

/// A socket with a backend, an outbox and its counters. It stays on the thread that made it: the ring knows only one.
pub struct Transport {
    // Before the socket, which the ring has registered.
    backend: Backend,
    outbox: Outbox,
    tally: Tally,
    bed: Arc<Bed>,
    socket: Socket,
    stays_on_its_thread: PhantomData<*const ()>,
}

enum Backend {
    IoUring(Box<Uring>),
    Recvmmsg(Box<Mmsg>),
}

impl Transport {
    /// Makes a transport of a bound socket, for use by this thread. All memory it will ever need is taken here.
    ///
    /// # Errors
    /// [`TransportError::Limit`] for a size out of bounds; [`TransportError::Ring`], [`TransportError::Memory`] or
    /// [`TransportError::Waker`] for what the kernel refuses.
    pub fn new(kind: TransportKind, socket: Socket, config: &Config) -> Result<Self, TransportError> {
        config.check(socket.gro())?;
        let bed = Bed::new()?;
        let mut tally = Tally::default();
        let backend = match kind {
            TransportKind::IoUring => {
                Backend::IoUring(Box::new(Uring::new(socket.descriptor(), Arc::clone(&bed), config, &mut tally)?))
            }
            TransportKind::Recvmmsg => {
                let local = socket.local_address();
                Backend::Recvmmsg(Box::new(Mmsg::new(socket.descriptor(), local, Arc::clone(&bed), config)?))
            }
        };
        let outbox = Outbox::new(config, socket.gso());
        Ok(Self { backend, outbox, tally, bed, socket, stays_on_its_thread: PhantomData })
    }

    /// Which backend this is.
    pub fn kind(&self) -> TransportKind {
        match self.backend {
            Backend::IoUring(_) => TransportKind::IoUring,
            Backend::Recvmmsg(_) => TransportKind::Recvmmsg,
        }
    }

    /// The address bound to.
    pub fn local_address(&self) -> SocketAddr {
        self.socket.local_address()
    }

    /// The socket, for what the kernel granted it.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// A handle that ends this transport's sleep from any thread.
    pub fn waker(&self) -> Waker {
        self.bed.waker()
    }

    /// Counts since the transport was made.
    pub fn counters(&self) -> Counters {
        self.tally.counters
    }

    /// Calls `each` with the peer and the payload of every datagram that has arrived, the datagrams of a merged packet
    /// one by one; returns how many. Datagrams without payload, and those cut by a buffer too small, are counted and
    /// not delivered.
    ///
    /// Takes at most about `datagrams_max`: a merged packet is never cut in two, so it may be up to 63 more. With 0,
    /// nothing is taken and nothing waited for. What is left stays where it is.
    ///
    /// The payload lies in the buffer that the kernel filled, and is valid for the call only; the buffer is then
    /// filled anew.
    ///
    /// With [`Wait::For`] it sleeps if there is nothing at all, and returns 0 when a waker or the time ended the
    /// sleep. A wake that came before, at any time since the last sleep, ends this one at once. So a thread with
    /// queues of its own calls `receive`, then looks into its queues, and misses nothing if those who fill them do
    /// that first and wake then.
    ///
    /// # Errors
    /// [`TransportError::Receive`] or [`TransportError::Ring`] when the machine is at fault and trying again is no use.
    pub fn receive(
        &mut self,
        datagrams_max: usize,
        wait: Wait,
        mut each: impl FnMut(SocketAddr, &[u8]),
    ) -> Result<usize, TransportError> {
        let wait = match wait {
            Wait::No => None,
            Wait::For(time) => Some(time),
        };
        match &mut self.backend {
            Backend::IoUring(uring) => uring.receive(datagrams_max, wait, &mut self.tally, &mut each),
            Backend::Recvmmsg(mmsg) => mmsg.receive(datagrams_max, wait, &mut self.tally, &mut each),
        }
    }

    /// Room for one datagram of exactly `length` bytes (1 to [`limits::DATAGRAM_BYTES_MAX`], asserted) to `peer`, all
    /// zero. It leaves with the next [`Self::flush`]. `None`: the outbox is full; flush, then push again, which will
    /// succeed.
    ///
    /// Equal lengths to one peer leave together, however they were pushed among others, and in the order pushed.
    pub fn push(&mut self, peer: SocketAddr, length: usize) -> Option<&mut [u8]> {
        self.outbox.push(peer, length)
    }

    /// Whether [`Self::push`] has room for a datagram of this length before the next flush.
    pub fn has_room(&self, length: usize) -> bool {
        self.outbox.has_room(length)
    }

    /// Sends everything pushed; runs of one length to one peer as segmented sends of 2 to 64 datagrams. Never waits:
    /// what the kernel has no room for is lost and counted, as is what cannot reach its peer. Afterwards the outbox is
    /// empty, whatever happened.
    ///
    /// Where the kernel or the device refuses to segment, the datagrams are sent one by one; after 8 flushes
    /// in a row with nothing but refusals segmentation pauses for 4,096 datagrams.
    ///
    /// # Errors
    /// [`TransportError::Send`] or [`TransportError::Ring`] when the machine is at fault and trying again is no use.
    pub fn flush(&mut self) -> Result<(), TransportError> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        self.outbox.compose();
        let sent = self.send_composed();
        self.tally.counters.datagrams_unsent += self.outbox.abandon();
        sent
    }

    /// Sends what is composed, then what was refused as segments one by one.
    fn send_composed(&mut self) -> Result<(), TransportError> {
        let mut left = true;
        while left {
            let (messages, results) = self.outbox.outgoing();
            match &mut self.backend {
                Backend::IoUring(uring) => uring.send(messages, results, &mut self.tally)?,
                Backend::Recvmmsg(mmsg) => mmsg.send(messages, results),
            }
            let address = self.socket.local_address();
            let settled = self.outbox.settle(&mut self.tally.counters);
            left = settled.map_err(|source| TransportError::Send { address, source })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("kind", &self.kind())
            .field("socket", &self.socket)
            .field("counters", &self.tally.counters)
            .finish_non_exhaustive()
    }
}
