//! The thread that speaks with the authority's other processes.
//!
//! To the shards here it is the other end of their links with shards elsewhere ([`Links`]); to each other process it is one end
//! of a session over TCP ([`quittance_engine::peer_link`]). What is exact about either is there; here are sockets, time and
//! the order of things.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod.rs` | the thread and its connections: which are dialed, taken, given up |
//! | `peer.rs` | another process: its session, and what the operator is told of it |
//! | `connection.rs` | a TCP connection and its session |
//! | `exchange.rs` | credits and acknowledgements between links and session |
//! | `bell.rs` | how shards wake the thread |
//!
//! A peer that is away is no fault: what is owed to its shards waits in the outboxes of ours, and when those are full, orders
//! get `Busy`.

mod bell;
mod connection;
mod exchange;
mod peer;

pub(super) use bell::Bell;
pub(super) use peer::PeerReport;

use super::announce::{Announcer, Finding};
use super::control::{Control, Event, Followed, Order};
use super::hosted::Hosted;
use super::links::Links;
use super::random;
use crate::fault::Fault;
use crate::sync::Waker;
use connection::{Arrived, Connection, READ_BYTES};
use crossbeam::channel::Sender;
use peer::Peer;
use quittance_engine::peer_link::{self, LinkFault, LinkKey, Process, Session};
use quittance_engine::shard_range::ShardRange;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connections whose peer has not proved who it is. When one more comes, the oldest is given up: an honest peer needs a round
/// trip, and a stranger shall not keep it out.
const STRANGERS_MAX: usize = 8;

/// Connections taken in one turn.
const ACCEPTS_MAX: usize = 16;

/// Reads from one connection in one turn, so that no peer keeps the others waiting.
const READS_MAX: usize = 16;

/// The longest sleep, for no reason but to be sure.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// How soon a shard whose queue was full is tried again.
const HELD_SLEEP: Duration = Duration::from_millis(1);

/// How long the process that found a loss gives the other one to find it, too.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);

/// How long a taken port is tried, and how often: that of a process that was killed may take a moment to be free.
const BIND_PATIENCE: Duration = Duration::from_secs(2);
const BIND_SLEEP: Duration = Duration::from_millis(5);

/// What the thread says when it is asked, and at its end.
#[derive(Clone, Debug, Serialize)]
pub(super) struct LinkReport {
    /// Where this process listens, if others dial it.
    pub(super) address: Option<SocketAddr>,
    /// Connections that came and did not prove who they are: another key, another program, garbage, silence.
    pub(super) refused_connections: u64,
    pub(super) peers: Vec<PeerReport>,
}

/// The thread's own.
pub(super) struct Peers {
    own: Process,
    key: LinkKey,
    listener: Option<TcpListener>,
    peers: Vec<Peer>,
    /// Connections of which nothing is proved, oldest first.
    strangers: Vec<Connection>,
    links: Arc<Links>,
    bell: Arc<Bell>,
    control: Arc<Control>,
    announcer: Announcer,
    /// Of this process's shards, by place.
    wakers: Vec<Waker>,
    refused_connections: u64,
    /// The refusals that the operator was told of: one of each kind.
    told: Vec<LinkFault>,
    buffer: Box<[u8; READ_BYTES]>,
}

/// What became of a connection.
enum Outcome {
    Goes,
    /// Its peer runs these shards.
    Proved(ShardRange),
    Ended(Option<LinkFault>),
}

/// Binds the socket on which others dial this process, if any do.
pub(super) fn listen(hosted: &Hosted) -> Result<Option<TcpListener>, Fault> {
    let Some(address) = hosted.listens_at() else { return Ok(None) };
    let fault = |what| move |source| Fault::Link { address, what, source };
    let deadline = Instant::now() + BIND_PATIENCE;
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => {
                listener.set_nonblocking(true).map_err(fault("made non-blocking"))?;
                return Ok(Some(listener));
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => {
                std::thread::sleep(BIND_SLEEP);
            }
            Err(error) => return Err(fault("listened at")(error)),
        }
    }
}

impl Peers {
    pub(super) fn new(
        hosted: &Hosted,
        (own, key): (Process, LinkKey),
        listener: Option<TcpListener>,
        (links, bell): (Arc<Links>, Arc<Bell>),
        control: Arc<Control>,
        announcer: Announcer,
    ) -> Self {
        let now = Instant::now();
        Self {
            peers: hosted.peers.iter().map(|place| Peer::new(own.shards, *place, now)).collect(),
            own,
            key,
            listener,
            strangers: Vec::new(),
            links,
            bell,
            control,
            announcer,
            wakers: Vec::new(),
            refused_connections: 0,
            told: Vec::new(),
            buffer: Box::new([0; READ_BYTES]),
        }
    }

    /// Speaks until told to stop. `wakers` are those of this process's shards, which are ready.
    ///
    /// # Errors
    /// [`Fault::PeerLost`] when a peer's memory and ours do not belong together; the machine's.
    pub(super) fn work(mut self, wakers: Vec<Waker>, events: &Sender<Event>) -> Result<(), Fault> {
        self.wakers = wakers;
        let mut followed = Followed::default();
        loop {
            // The main thread is gone only when the process ends.
            match self.control.order(&mut followed) {
                Order::Stop => break,
                Order::Report => _ = events.send(Event::Link(self.report())),
                Order::Tell(_) | Order::GoOn => {}
            }
            let sleep = self.turn(Instant::now())?;
            self.sleep(sleep)?;
        }
        let _ = events.send(Event::Link(self.report()));
        Ok(())
    }

    fn report(&self) -> LinkReport {
        LinkReport {
            address: self.listener.as_ref().and_then(|listener| listener.local_addr().ok()),
            refused_connections: self.refused_connections,
            peers: self.peers.iter().map(Peer::report).collect(),
        }
    }

    /// One turn: connections begun, taken, read, given up; credits and acknowledgements both ways. Returns how long there may
    /// be nothing to do.
    fn turn(&mut self, now: Instant) -> Result<Duration, Fault> {
        self.bell.quiet();
        self.accept()?;
        self.dial(now)?;
        self.hear_strangers(now)?;
        let mut sleep = SLEEP_MAX;
        for place in 0..self.peers.len() {
            sleep = sleep.min(self.exchange(place)?);
            if let Some(finding) = self.peers[place].tell_away(now) {
                self.announcer.finding(&finding);
            }
            sleep = sleep.min(self.peers[place].patience(now));
        }
        let deadlines = self.strangers.iter().map(|stranger| stranger.deadline.saturating_duration_since(now));
        Ok(deadlines.fold(sleep, Duration::min))
    }

    /// Sleeps until something comes or the bell rings.
    fn sleep(&self, at_most: Duration) -> Result<(), Fault> {
        let mut waited_for = vec![PollFd::new(&self.bell, PollFlags::IN)];
        waited_for.extend(self.listener.iter().map(|listener| PollFd::new(listener, PollFlags::IN)));
        let sessions = self.peers.iter().filter_map(|peer| peer.connection.as_ref());
        for connection in sessions.chain(&self.strangers) {
            let out = if connection.wants_to_send() { PollFlags::OUT } else { PollFlags::empty() };
            waited_for.push(PollFd::from_borrowed_fd(connection.stream.as_fd(), PollFlags::IN | out));
        }
        let at_most = Timespec {
            tv_sec: i64::try_from(at_most.as_secs()).expect("it is a second at most"),
            tv_nsec: at_most.subsec_nanos().into(),
        };
        match poll(&mut waited_for, Some(&at_most)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(Fault::Thread(format!("the links cannot be waited for: {error}; restart the authority"))),
        }
    }

    fn accept(&mut self) -> Result<(), Fault> {
        for _ in 0..ACCEPTS_MAX {
            let stream = match self.listener.as_ref().map(TcpListener::accept) {
                Some(Ok((stream, _))) => stream,
                None => break,
                Some(Err(error)) => {
                    // Without a descriptor to spare it would come back at once, and again.
                    if error.kind() != ErrorKind::WouldBlock {
                        std::thread::sleep(HELD_SLEEP);
                    }
                    break;
                }
            };
            let session = Session::listen(self.key.clone(), self.own, random()?);
            // A connection that is gone already is none.
            let Ok(connection) = Connection::accepted(stream, session) else { continue };
            let came = self.strangers.iter().filter(|stranger| stranger.dialed.is_none()).count();
            if came >= STRANGERS_MAX {
                let oldest = self.strangers.iter().position(|stranger| stranger.dialed.is_none());
                self.strangers.remove(oldest.expect("there are some"));
                self.refused_connections += 1;
            }
            self.strangers.push(connection);
        }
        Ok(())
    }

    /// Dials every peer that is ours to dial, is away and is due.
    fn dial(&mut self, now: Instant) -> Result<(), Fault> {
        for (place, peer) in self.peers.iter_mut().enumerate().filter(|(_, peer)| peer.is_due(now)) {
            let session = Session::dial(self.key.clone(), self.own, peer.place.shards, random()?);
            match Connection::dial(place, peer.place.link, session) {
                Ok(connection) => {
                    peer.is_under_way = true;
                    self.strangers.push(connection);
                }
                Err(error) => peer.away(now, error.to_string()),
            }
        }
        Ok(())
    }

    /// Carries on with every connection of which nothing is proved yet.
    fn hear_strangers(&mut self, now: Instant) -> Result<(), Fault> {
        let mut place = 0;
        while place < self.strangers.len() {
            let stranger = &mut self.strangers[place];
            let outcome = match stranger.deadline <= now {
                true => Ok(Outcome::Ended(None)),
                false => shake_hands(stranger, &mut self.buffer),
            };
            if matches!(outcome, Ok(Outcome::Goes)) {
                place += 1;
                continue;
            }
            let stranger = self.strangers.remove(place);
            match outcome {
                Ok(Outcome::Proved(shards)) => self.welcome(stranger, shards),
                Ok(Outcome::Ended(fault)) => self.refuse(&stranger, now, fault, None),
                Err(error) => self.refuse(&stranger, now, None, Some(error)),
                Ok(Outcome::Goes) => unreachable!("it was left where it is"),
            }
        }
        Ok(())
    }

    /// A peer has proved who it is. Its newest session takes the place of any before.
    fn welcome(&mut self, mut connection: Connection, shards: ShardRange) {
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.place.shards == shards) else {
            // It has the key and other ideas of who runs what.
            return self.refuse(&connection, Instant::now(), Some(LinkFault::Shards), None);
        };
        peer.end_session();
        let links = &self.links;
        connection.session.begin(|own, other| links.marks(own, other));
        peer.connect(connection);
    }

    /// A connection came to nothing.
    fn refuse(&mut self, stranger: &Connection, now: Instant, fault: Option<LinkFault>, error: Option<io::Error>) {
        match stranger.dialed {
            None => self.refused_connections += 1,
            Some(place) => {
                let peer = &mut self.peers[place];
                peer.refused_handshakes += u64::from(fault.is_some());
                let reason = match (&fault, &error) {
                    (Some(fault), _) => fault.to_string(),
                    (None, Some(error)) => error.to_string(),
                    (None, None) => "it ended the connection before it had proved who it is".to_owned(),
                };
                peer.away(now, reason);
            }
        }
        // A scan of ports is no news. Someone who says that he is of this authority, and cannot prove it, is.
        let Some(fault) = fault.filter(|fault| *fault != LinkFault::NotAPeer) else { return };
        if !self.told.contains(&fault) && self.told.len() < STRANGERS_MAX {
            self.told.push(fault);
            let link = stranger.dialed.map(|place| self.peers[place].place.link);
            self.announcer.finding(&refusal(&fault, link));
        }
    }

    /// Everything that is to be done with one peer's session. Returns how soon there is more.
    fn exchange(&mut self, place: usize) -> Result<Duration, Fault> {
        let peer = &mut self.peers[place];
        let Some(connection) = &mut peer.connection else { return Ok(SLEEP_MAX) };
        let (links, wakers) = (&*self.links, self.wakers.as_slice());
        let mut more = false;
        let outcome = (|| -> Result<Option<String>, LinkFault> {
            for read in 1..=READS_MAX {
                // First: what follows the handshake may have come with it.
                while let Some(event) = connection.session.next_event()? {
                    match event {
                        peer_link::Event::Proved(_) => unreachable!("a session begins when that is known"),
                        peer_link::Event::Up => {
                            peer.exchange.begin(&connection.session, links, wakers);
                            peer.is_up = true;
                        }
                        peer_link::Event::Ack { source, destination, ack } => {
                            links.acknowledge(source, destination, ack)
                        }
                        peer_link::Event::Credits(run) => {
                            peer.credits_received += run.count() as u64;
                            peer.exchange.take(run, links, wakers);
                        }
                    }
                }
                match connection.receive(&mut self.buffer) {
                    Ok(Arrived::Bytes(bytes)) => peer.bytes_received += bytes as u64,
                    Ok(Arrived::Nothing) => break,
                    Ok(Arrived::End) => return Ok(Some("it ended the connection".to_owned())),
                    Err(error) => return Ok(Some(error.to_string())),
                }
                more = read == READS_MAX;
            }
            Ok(None)
        })();
        let ended = match outcome {
            Ok(None) => {
                let is_held = peer.exchange.pass_on_all(links, wakers);
                peer.credits_sent += peer.exchange.send(&mut connection.session, links, wakers);
                let was_full = !connection.session.has_room();
                match connection.send() {
                    Ok(bytes) => {
                        peer.bytes_sent += bytes as u64;
                        // Room that was made now is used at once.
                        more |= was_full && connection.session.has_room();
                        return Ok(match (more, is_held) {
                            (true, _) => Duration::ZERO,
                            (false, true) => HELD_SLEEP,
                            (false, false) => SLEEP_MAX,
                        });
                    }
                    Err(error) => error.to_string(),
                }
            }
            Ok(Some(reason)) => reason,
            Err(LinkFault::Lost(loss)) => {
                connection.send_all(LAST_WORDS_MAX);
                return Err(Fault::PeerLost { peer: peer.place.shards, link: peer.place.link, loss });
            }
            Err(fault) => {
                peer.sessions_broken += 1;
                self.announcer.finding(&peer.broken(&fault));
                fault.to_string()
            }
        };
        peer.end_session();
        peer.away(Instant::now(), ended);
        Ok(Duration::ZERO)
    }
}

/// Carries a handshake on by what has arrived.
fn shake_hands(stranger: &mut Connection, buffer: &mut [u8; READ_BYTES]) -> io::Result<Outcome> {
    stranger.send()?;
    loop {
        match stranger.receive(buffer)? {
            Arrived::Bytes(_) => {}
            Arrived::Nothing => return Ok(Outcome::Goes),
            Arrived::End => return Ok(Outcome::Ended(None)),
        }
        match stranger.session.next_event() {
            Ok(Some(peer_link::Event::Proved(shards))) => return Ok(Outcome::Proved(shards)),
            Ok(_) => _ = stranger.send()?,
            Err(fault) => return Ok(Outcome::Ended(Some(fault))),
        }
    }
}

fn refusal(fault: &LinkFault, dialed: Option<SocketAddr>) -> Finding {
    let what = match dialed {
        Some(link) => format!("the process at {link} is refused"),
        None => "a connection to this process's link was refused".to_owned(),
    };
    Finding {
        severity: "warning",
        what,
        why: fault.to_string(),
        remedy: "others of this kind are only counted".to_owned(),
    }
}
