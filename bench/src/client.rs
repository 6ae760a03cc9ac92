//! The client's sockets: the world as it really is.

use crate::accounting::SocketState;
use crate::error::BenchError;
use crate::intruder::Intruder;
use crate::limits::{REPLY_COUNT_MAX, SOCKET_COUNT_MAX};
use crate::workload::asker::Asker;
use crate::world::World;
use quittance_engine::types::Peer;
use quittance_net::transport::{
    Config, Counters, Socket, SocketConfig, Transport, TransportError, TransportKind, Wait, choose,
};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Receive buffers of all sockets together: 8 MiB, as one transport has by default.
const RECEIVE_BUFFERS: usize = 128;
/// Fewest per socket.
const RECEIVE_BUFFERS_MIN: usize = 4;
/// Datagrams queued per socket before a flush.
const OUTBOX_DATAGRAMS: usize = 4_096;
/// Bytes queued before a flush, all sockets together.
const OUTBOX_BYTES: usize = 4 << 20;
const OUTBOX_BYTES_MIN: usize = 128 << 10;

/// Client sockets on loopback, polled in turn, and the monotonic clock. Stays on the thread that makes it.
#[derive(Debug)]
pub struct Client {
    transports: Vec<Transport>,
    started: Instant,
    /// What sockets were asked for and not granted, once each.
    findings: Vec<String>,
    /// Sends what nobody asked for beside ours.
    intruder: Option<Intruder>,
    /// Datagrams put into the outboxes.
    pushed: u64,
    /// Asks for balances meanwhile.
    asker: Option<Asker>,
}

impl Client {
    /// Binds `socket_count` sockets to `host`, with the same kind of transport for all; `None`: io_uring if it works.
    /// `gso` allows segmented sends and merged receives.
    ///
    /// # Errors
    /// [`BenchError::Usage`] for more than [`SOCKET_COUNT_MAX`] sockets; the machine's faults.
    pub fn bind(host: IpAddr, socket_count: usize, kind: Option<TransportKind>, gso: bool) -> Result<Self, BenchError> {
        if !(1..=SOCKET_COUNT_MAX).contains(&socket_count) {
            return Err(BenchError::Usage(format!("--sockets takes 1 to {SOCKET_COUNT_MAX}")));
        }
        let (kind, reason) = choose(kind).map_err(machine)?;
        let mut findings: Vec<String> =
            reason.into_iter().map(|reason| format!("{kind} instead of io_uring: {reason}")).collect();
        let mut transports = Vec::with_capacity(socket_count);
        for _ in 0..socket_count {
            let socket =
                Socket::bind(SocketAddr::new(host, 0), &SocketConfig { gso, gro: gso, ..SocketConfig::default() })
                    .map_err(machine)?;
            findings.extend(socket.findings().iter().map(ToString::to_string));
            transports.push(Transport::new(kind, socket, &config(socket_count)).map_err(machine)?);
        }
        findings.sort();
        findings.dedup();
        Ok(Self { transports, started: Instant::now(), findings, intruder: None, asker: None, pushed: 0 })
    }

    /// Lets an intruder follow what this client sends from now on.
    pub fn let_in(&mut self, intruder: Intruder) {
        self.intruder = Some(intruder);
    }

    /// The intruder, if one was let in.
    pub fn intruder(&self) -> Option<&Intruder> {
        self.intruder.as_ref()
    }

    /// Keeps the intruder from sending more. It is still there to hear its answers.
    pub fn quiet_intruder(&mut self) {
        self.intruder.iter_mut().for_each(Intruder::rest);
    }

    /// How many datagrams were put into the outboxes, without those of who came along: see [`Self::company`].
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// What the intruder and the asker sent and received.
    pub fn company(&self) -> Company {
        let intruder = self.intruder.as_ref().map(Intruder::company);
        let asker = self.asker.as_ref().map(Asker::company);
        intruder.into_iter().chain(asker).fold(Company::default(), Company::plus)
    }

    /// What the kernel knows of these sockets, those of who came along among them; `None` if it does not tell.
    pub fn socket_state(&self) -> Option<SocketState> {
        let ours = self.transports.iter().map(Transport::local_address);
        let intruders = self.intruder.iter().flat_map(Intruder::local_addresses);
        let addresses: Vec<SocketAddr> =
            ours.chain(intruders).chain(self.asker.as_ref().map(Asker::local_address)).collect();
        SocketState::of(&addresses)
    }

    /// Takes in whatever has arrived, and forgets it. Returns whether there was anything.
    ///
    /// # Errors
    /// The machine's faults.
    pub fn discard(&mut self, wait_ns: u64) -> Result<bool, BenchError> {
        let mut has_arrived = false;
        self.receive(wait_ns, &mut |_, _| has_arrived = true)?;
        let before = self.company().received;
        self.asker.as_mut().map_or(Ok(()), Asker::turn)?;
        self.intruder.as_mut().map_or(Ok(()), Intruder::turn)?;
        Ok(has_arrived || self.company().received > before)
    }

    /// Lets someone ask for balances as payments begin from now on.
    pub fn let_ask(&mut self, asker: Asker) {
        self.asker = Some(asker);
    }

    /// Who asks for balances, if anyone was let.
    pub fn asker(&self) -> Option<&Asker> {
        self.asker.as_ref()
    }

    /// Which transport works.
    pub fn kind(&self) -> TransportKind {
        self.transports[0].kind()
    }

    /// What was asked of the kernel and not granted.
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    /// The transports' counters, all sockets together.
    pub fn counters(&self) -> ClientCounters {
        self.transports.iter().map(Transport::counters).fold(ClientCounters::default(), ClientCounters::plus)
    }
}

/// What those sent and received who came along with the client: hostile sources, and who asks for balances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Company {
    /// Datagrams put into their outboxes.
    pub pushed: u64,
    /// Those of them that the kernel refused to send.
    pub unsent: u64,
    /// Datagrams received, as the transports count them.
    pub received: u64,
    /// Datagrams received, by what they say.
    pub named: u64,
}

impl Company {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            pushed: self.pushed + other.pushed,
            unsent: self.unsent + other.unsent,
            received: self.received + other.received,
            named: self.named + other.named,
        }
    }
}

/// What the client's sockets did: the part of the transports' counters that tells where datagrams went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ClientCounters {
    /// Datagrams that the kernel took from us.
    pub datagrams_sent: u64,
    /// System-level sends they left in: fewer where segmentation grouped them.
    pub sends: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Packets they came in: fewer where the kernel merged them.
    pub packets_received: u64,
    /// Packets that a full receive buffer dropped.
    pub datagrams_dropped_by_kernel: u64,
    /// Datagrams that the kernel refused to send.
    pub datagrams_unsent: u64,
}

impl ClientCounters {
    fn plus(self, other: Counters) -> Self {
        Self {
            datagrams_sent: self.datagrams_sent + other.datagrams_sent,
            sends: self.sends + other.sends,
            datagrams_received: self.datagrams_received + other.datagrams_received,
            packets_received: self.packets_received + other.packets_received,
            datagrams_dropped_by_kernel: self.datagrams_dropped_by_kernel + other.datagrams_dropped_by_kernel,
            datagrams_unsent: self.datagrams_unsent + other.datagrams_unsent,
        }
    }
}

impl World for Client {
    fn now_ns(&mut self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).expect("584 years in nanoseconds fit")
    }

    fn socket_count(&self) -> usize {
        self.transports.len()
    }

    fn begins(&mut self, payment: u32) -> Result<(), BenchError> {
        self.asker.as_mut().map_or(Ok(()), |asker| asker.begins(payment))
    }

    fn push(&mut self, socket: usize, to: Peer, datagram: &[u8]) -> Result<(), BenchError> {
        let transport = &mut self.transports[socket];
        let room = match transport.push(to, datagram.len()) {
            Some(room) => room,
            None => {
                transport.flush().map_err(machine)?;
                transport.push(to, datagram.len()).expect("an outbox that was flushed takes any frame")
            }
        };
        room.copy_from_slice(datagram);
        self.pushed += 1;
        self.intruder.as_mut().map_or(Ok(()), |intruder| intruder.follow(to, datagram))
    }

    fn flush(&mut self) -> Result<(), BenchError> {
        self.transports.iter_mut().try_for_each(|transport| transport.flush().map_err(machine))?;
        self.asker.as_mut().map_or(Ok(()), Asker::turn)?;
        self.intruder.as_mut().map_or(Ok(()), Intruder::turn)
    }

    fn receive(&mut self, wait_ns: u64, take: &mut dyn FnMut(Peer, &[u8])) -> Result<(), BenchError> {
        // A merged packet may exceed the count by 63; half of the room for replies keeps clear of the end.
        let datagrams_max = (REPLY_COUNT_MAX / 2 / self.transports.len()).max(1);
        let mut received = 0;
        for transport in &mut self.transports {
            received += transport.receive(datagrams_max, Wait::No, &mut *take).map_err(machine)?;
        }
        if received > 0 || wait_ns == 0 {
            return Ok(());
        }
        // Only one socket can be slept on. The others are looked at after at most this long.
        let others_wait_ns = if self.transports.len() > 1 { wait_ns.min(50_000) } else { wait_ns };
        let wait = Wait::For(Duration::from_nanos(others_wait_ns));
        self.transports[0].receive(datagrams_max, wait, &mut *take).map_err(machine)?;
        Ok(())
    }
}

fn config(socket_count: usize) -> Config {
    let receive_buffer_count = (RECEIVE_BUFFERS / socket_count).next_power_of_two().max(RECEIVE_BUFFERS_MIN);
    let outbox_bytes = (OUTBOX_BYTES / socket_count).max(OUTBOX_BYTES_MIN);
    Config { receive_buffer_count, outbox_bytes, outbox_datagrams: OUTBOX_DATAGRAMS, ..Config::default() }
}

/// The text names the remedy already.
fn machine(error: TransportError) -> BenchError {
    BenchError::machine("client sockets", std::io::Error::other(error.to_string()), "")
}
