//! Hostile sources beside the honest one: they see what the honest client sends, and send what nobody asked for.
//!
//! | file | what it holds |
//! |---|---|
//! | `intruder/mix.rs` | which tricks, and how often |
//! | `intruder/forge.rs` | their datagrams |
//! | `intruder/report.rs` | what they drew, and what was left for the honest |

mod forge;
mod mix;
mod report;

pub use mix::{Mix, MixError, PercentError, Rhythm, TRICK_COUNT, Trick, ppm_of_percent};
pub use report::{Answers, Goodput, Hostility, HostilityReport, IntruderCounters, TrickCounters};

use crate::client::Company;
use crate::error::BenchError;
use core::net::{IpAddr, Ipv4Addr};
use forge::Forge;
use quittance_engine::types::Peer;
use quittance_net::frame::{self, Frame, Kind, Order};
use quittance_net::transport::{Config, Socket, SocketConfig, Transport, TransportError, TransportKind, Wait};
use quittance_wallet::directory::Directory;
use std::net::SocketAddr;

/// Answers taken per turn; more wait for the next.
const REPLY_COUNT_MAX: usize = 256;

/// Where a trick comes from: an address of the loopback network that nobody else uses, since sources are told apart by their
/// addresses. Each trick has its own, so that answers tell which trick they answer, and none is judged by another's fame.
pub fn host_of(trick: Trick) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2 + trick as u8))
}

/// Follows the honest client, datagram by datagram.
#[derive(Debug)]
pub struct Intruder {
    sources: Vec<Source>,
    forge: Forge,
    is_resting: bool,
    hostility: Hostility,
}

/// One trick's socket.
#[derive(Debug)]
struct Source {
    trick: Trick,
    rhythm: Rhythm,
    transport: Transport,
}

impl Intruder {
    /// Binds a socket for each trick of the mix. The seed fixes what is sent, as far as the honest datagrams are the same.
    ///
    /// # Errors
    /// The machine's faults.
    pub fn bind(kind: TransportKind, mix: &Mix, directory: &Directory, run_seed: u64) -> Result<Self, BenchError> {
        let bind = |(trick, rhythm)| {
            let address = SocketAddr::new(host_of(trick), 0);
            let socket = Socket::bind(address, &SocketConfig::default()).map_err(machine)?;
            let transport = Transport::new(kind, socket, &Config::default()).map_err(machine)?;
            Ok(Source { trick, rhythm, transport })
        };
        let sources = mix.tricks().map(bind).collect::<Result<Vec<_>, BenchError>>()?;
        let hostility = Hostility::new(mix);
        Ok(Self { sources, forge: Forge::new(directory.clone(), run_seed), is_resting: false, hostility })
    }

    /// What the sources sent and drew so far.
    pub fn hostility(&self) -> &Hostility {
        &self.hostility
    }

    /// Sends no more.
    pub fn rest(&mut self) {
        self.is_resting = true;
    }

    /// Where its sockets are.
    pub fn local_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sources.iter().map(|source| source.transport.local_address())
    }

    /// What its sockets sent and received.
    pub fn company(&self) -> Company {
        let of_source = |source: &Source| {
            let TrickCounters { sent, answers, .. } = self.hostility.counters(source.trick);
            let counters = source.transport.counters();
            Company {
                pushed: *sent,
                unsent: counters.datagrams_unsent,
                received: counters.datagrams_received,
                named: answers.count(),
            }
        };
        self.sources.iter().map(of_source).fold(Company::default(), Company::plus)
    }

    /// Sees a datagram that the honest client sends. If it is an order, sends what is due with it.
    ///
    /// # Errors
    /// The machine's faults.
    pub fn follow(&mut self, to: Peer, datagram: &[u8]) -> Result<(), BenchError> {
        if self.is_resting {
            return Ok(());
        }
        let Self { sources, forge, hostility, .. } = self;
        hostility.see_honest(datagram);
        forge.keep(to, datagram);
        let Some(order) = order(datagram) else { return Ok(()) };
        for Source { trick, rhythm, transport } in sources {
            for _ in 0..rhythm.step() {
                let (to, forged) = forge.make(*trick, to, order);
                push(transport, to, forged)?;
                hostility.sent(*trick, forged.len());
            }
        }
        Ok(())
    }

    /// Sends what is queued and reads what was answered.
    ///
    /// # Errors
    /// The machine's faults.
    pub fn turn(&mut self) -> Result<(), BenchError> {
        for Source { trick, transport, .. } in &mut self.sources {
            transport.flush().map_err(machine)?;
            let answers = self.hostility.answers(*trick);
            let take = |_: Peer, datagram: &[u8]| answers.take(&frame::parse(datagram));
            transport.receive(REPLY_COUNT_MAX, Wait::No, take).map_err(machine)?;
        }
        Ok(())
    }
}

/// The order that a datagram is, chained or not.
fn order(datagram: &[u8]) -> Option<&Order> {
    let order = bytemuck::try_from_bytes::<Order>(datagram).ok()?;
    let kind = Kind::from_byte(order.header.kind);
    matches!(kind, Some(Kind::Order | Kind::ChainedOrder)).then_some(order)
}

fn push(transport: &mut Transport, to: Peer, datagram: &[u8]) -> Result<(), BenchError> {
    let room = match transport.push(to, datagram.len()) {
        Some(room) => room,
        None => {
            transport.flush().map_err(machine)?;
            transport.push(to, datagram.len()).expect("an outbox that was flushed takes any frame")
        }
    };
    room.copy_from_slice(datagram);
    Ok(())
}

impl Answers {
    fn take(&mut self, frame: &Result<Frame<'_>, frame::Malformed>) {
        match frame {
            Ok(Frame::Rejection(rejection)) => self.refuse(rejection.head.code),
            Ok(Frame::Vote(_)) => self.votes += 1,
            Ok(Frame::Receipt(_)) => self.receipts += 1,
            _ => self.others += 1,
        }
    }
}

/// The text names the remedy already.
fn machine(error: TransportError) -> BenchError {
    BenchError::machine("the intruder's socket", std::io::Error::other(error.to_string()), "")
}
