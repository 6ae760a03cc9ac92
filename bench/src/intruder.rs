//! A hostile source beside the honest one: it sends orders with bad signatures from an address of its own.

use crate::error::BenchError;
use core::net::{IpAddr, Ipv4Addr};
use quittance_engine::reject::Reject;
use quittance_engine::types::Peer;
use quittance_net::frame::{self, Frame, Kind, Order};
use quittance_net::transport::{Config, Socket, SocketConfig, Transport, TransportError, TransportKind, Wait};
use serde::Serialize;
use std::net::SocketAddr;

/// An address of the loopback network that nobody else uses: sources are told apart by their addresses.
pub const INTRUDER_HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// Rejections taken per turn; more wait for the next.
const REPLY_COUNT_MAX: usize = 256;

/// Follows the honest client: after every nth order it sends the same order with a bit of its signature flipped. Such a copy
/// passes all cheap checks, and so it is the dearest thing that a stranger can send.
#[derive(Debug)]
pub struct Intruder {
    transport: Transport,
    every: u32,
    orders_until_next: u32,
    is_resting: bool,
    counters: IntruderCounters,
}

/// What an intruder sent and drew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IntruderCounters {
    /// Orders with a bad signature sent.
    pub bad_orders: u64,
    /// Answers that refuse the signature.
    pub refused: u64,
    /// Any other answer. A vote would be among them.
    pub other_answers: u64,
}

impl Intruder {
    /// Binds a socket of its own. `every`: how many honest orders come to one bad one; at least 1.
    ///
    /// # Errors
    /// The machine's faults.
    pub fn bind(kind: TransportKind, every: u32) -> Result<Self, BenchError> {
        let socket = Socket::bind(SocketAddr::new(INTRUDER_HOST, 0), &SocketConfig::default()).map_err(machine)?;
        let transport = Transport::new(kind, socket, &Config::default()).map_err(machine)?;
        Ok(Self {
            transport,
            every,
            orders_until_next: every,
            is_resting: false,
            counters: IntruderCounters::default(),
        })
    }

    /// What it sent and drew so far.
    pub fn counters(&self) -> IntruderCounters {
        self.counters
    }

    /// Sends no more.
    pub fn rest(&mut self) {
        self.is_resting = true;
    }

    /// Where it sends from.
    pub fn local_address(&self) -> SocketAddr {
        self.transport.local_address()
    }

    /// Datagrams that the kernel refused to send, and datagrams received, as the transport counts them.
    pub fn unsent_and_received(&self) -> (u64, u64) {
        let counters = self.transport.counters();
        (counters.datagrams_unsent, counters.datagrams_received)
    }

    /// Sees a datagram that the honest client sends. If it is an order, and enough of them were seen, queues its bad copy.
    ///
    /// # Errors
    /// The machine's faults.
    pub fn follow(&mut self, to: Peer, datagram: &[u8]) -> Result<(), BenchError> {
        let Ok(order) = bytemuck::try_from_bytes::<Order>(datagram) else { return Ok(()) };
        if self.is_resting || order.header.kind != Kind::Order as u8 {
            return Ok(());
        }
        self.orders_until_next -= 1;
        if self.orders_until_next > 0 {
            return Ok(());
        }
        self.orders_until_next = self.every;
        let mut bad = *order;
        // A bit of S low enough that S stays below L: the signature looks in order, and the equation does not hold.
        bad.signature[40] ^= 1;
        let Some(room) = self.transport.push(to, size_of::<Order>()) else { return Ok(()) };
        room.copy_from_slice(bytemuck::bytes_of(&bad));
        self.counters.bad_orders += 1;
        Ok(())
    }

    /// Sends what is queued and reads what was answered.
    ///
    /// # Errors
    /// The machine's faults.
    pub fn turn(&mut self) -> Result<(), BenchError> {
        self.transport.flush().map_err(machine)?;
        let counters = &mut self.counters;
        let take = |_: Peer, datagram: &[u8]| match frame::parse(datagram) {
            Ok(Frame::Rejection(rejection)) if rejection.head.code == Reject::BadSignature as u8 => {
                counters.refused += 1
            }
            _ => counters.other_answers += 1,
        };
        self.transport.receive(REPLY_COUNT_MAX, Wait::No, take).map_err(machine)?;
        Ok(())
    }
}

/// The text names the remedy already.
fn machine(error: TransportError) -> BenchError {
    BenchError::machine("the intruder's socket", std::io::Error::other(error.to_string()), "")
}
