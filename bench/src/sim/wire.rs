//! The wire between two processes of an authority: the engine's own sessions over streams of bytes that are late, break at any
//! byte, and now and then change one.
//!
//! A session's end may outlive the other's by a while, as with real sockets: whoever dials again finds the listener with the
//! old session still open, and the newest one takes its place when it has proved who it is.

use super::around::Around;
use super::process::Process;
use super::trace::Event;
use quittance_engine::credit::{Credit, CreditAck};
use quittance_engine::mutant::{Mutant, Planted};
use quittance_engine::network::NetworkId;
use quittance_engine::peer_link::{self, LinkFault, LinkKey, PairMarks, Session};
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::ShardIndex;
use std::collections::{BTreeMap, VecDeque};

/// Bytes under way in one direction; the sender's output waits for the rest.
const UNDER_WAY_MAX: usize = 4_096;
/// Bytes that move at once, at most.
const PIECE_MAX: usize = 700;
/// Credits in one frame: few, so that there are many frames.
const RUN_MAX: usize = 3;
/// An end finds out in one of so many acts that the other is gone.
const NOTICE_ONCE_IN: usize = 8;
/// A connection of which a byte was changed breaks in one of so many acts, if nothing else ends it.
const CHANGED_ENDS_ONCE_IN: usize = 256;

/// See the module's docs. The first process listens, the second dials.
pub(super) struct Wire {
    key: LinkKey,
    ends: [peer_link::Process; 2],
    planted: Planted,
    /// The oldest first: two at most.
    connections: VecDeque<Connection>,
}

/// One connection, as long as either end holds it.
struct Connection {
    /// The listener's session and the dialer's; `None` for one that is over.
    sessions: [Option<Session>; 2],
    /// Bytes on their way to the listener, and to the dialer.
    under_way: [VecDeque<u8>; 2],
    /// By end: what was acknowledged last, by own shard and the other's.
    told: [BTreeMap<(u16, u16), CreditAck>; 2],
    /// By end: the process's start to which the session belongs.
    boots: [u64; 2],
    is_broken: bool,
    /// A byte was changed: it must not last.
    is_changed: bool,
}

/// What an event says, without what it borrows.
enum Said {
    Proved,
    Up,
    Credits(ShardIndex, ShardIndex, Vec<Credit>),
    Ack(ShardIndex, ShardIndex, CreditAck),
}

impl Wire {
    pub(super) fn new(
        network: NetworkId,
        shard_count: u16,
        ranges: &[ShardRange],
        seed: &[u8; 32],
        planted: Planted,
    ) -> Self {
        let end = |shards| peer_link::Process { network, shard_count, shards };
        let ends = [end(ranges[0]), end(ranges[1])];
        Self { key: LinkKey::derive(seed, &network), ends, planted, connections: VecDeque::new() }
    }

    /// One act at one end, or between them. Returns whether there was anything to do.
    ///
    /// # Errors
    /// What a process does wrong.
    pub(super) fn act(&mut self, processes: &mut [Process], around: &mut Around) -> Result<bool, String> {
        self.notice(processes, around);
        let end = around.chance.below(2);
        if self.connections.is_empty() || around.chance.once_in(16) {
            return Ok(self.dial(processes, around));
        }
        let connection = around.chance.below(self.connections.len());
        let bytes = 1 + around.chance.below(PIECE_MAX);
        let done = match around.chance.below(4) {
            0 => self.speak(connection, end, processes, around)?,
            1 => self.connections[connection].carry(end, bytes),
            _ => self.deliver(connection, end, bytes, processes, around)?,
        };
        // A length that was changed makes an end wait for bytes that never come. Whoever changes it could as well hold them back.
        let is_over = self.connections[connection].is_changed && around.chance.once_in(CHANGED_ENDS_ONCE_IN);
        if is_over || around.chance.happens(around.swarm.wire_break) {
            self.connections[connection].cut(around);
        }
        if around.chance.happens(around.swarm.wire_flip) {
            self.connections[connection].change(end, around);
        }
        if done {
            around.trace.event(Event::Wire, [connection as u64, end as u64, bytes as u64]);
        }
        Ok(done)
    }

    /// Sessions of processes that are gone are over; those at the other end are, when that is noticed.
    fn notice(&mut self, processes: &[Process], around: &mut Around) {
        for connection in &mut self.connections {
            for ((session, process), boot) in connection.sessions.iter_mut().zip(processes).zip(connection.boots) {
                if session.is_some() && !(process.is_up() && process.boot() == boot) {
                    (*session, connection.is_broken) = (None, true);
                }
            }
            if connection.is_broken {
                connection.under_way.iter_mut().for_each(VecDeque::clear);
                let end = around.chance.below(2);
                if around.chance.once_in(NOTICE_ONCE_IN) {
                    connection.sessions[end] = None;
                }
            }
        }
        self.connections.retain(|connection| connection.sessions.iter().any(Option::is_some));
    }

    /// The second process dials, if it has no session; the first one may hold an older one still.
    fn dial(&mut self, processes: &[Process], around: &mut Around) -> bool {
        let has_session = self.connections.iter().any(|connection| connection.sessions[1].is_some());
        if has_session || self.connections.len() > 1 || !processes.iter().all(Process::is_up) {
            return false;
        }
        let sessions = sessions(&self.key, &self.ends, self.planted, around);
        self.connections.push_back(Connection {
            sessions: sessions.map(Some),
            under_way: Default::default(),
            told: Default::default(),
            boots: [processes[0].boot(), processes[1].boot()],
            is_broken: false,
            is_changed: false,
        });
        true
    }

    /// An end hands over what its shards owe, as far as the session has room.
    fn speak(
        &mut self,
        connection: usize,
        end: usize,
        processes: &mut [Process],
        around: &mut Around,
    ) -> Result<bool, String> {
        let pairs = pairs(&self.ends, end);
        let Connection { sessions, told, .. } = &mut self.connections[connection];
        let (Some(session), told) = (&mut sessions[end], &mut told[end]) else { return Ok(false) };
        let mut done = false;
        for (own, other) in pairs {
            if !session.has_room() {
                break;
            }
            let ack = processes[end].give_far_ack(own, other, around)?;
            if told.insert((own.0, other.0), ack) != Some(ack) {
                session.send_ack(other, own, ack);
                done = true;
            }
            let run = match session.has_room() {
                true => processes[end].give_far_credits(own, other, RUN_MAX, around)?,
                false => Vec::new(),
            };
            if !run.is_empty() {
                session.send_credits(own, other, &run);
                done = true;
            }
        }
        Ok(done)
    }

    /// Bytes arrive at an end, and say what they say: while its journals have room.
    fn deliver(
        &mut self,
        place: usize,
        end: usize,
        bytes: usize,
        processes: &mut [Process],
        around: &mut Around,
    ) -> Result<bool, String> {
        if !processes[end].hears() {
            return Ok(false);
        }
        let connection = &mut self.connections[place];
        let Some(session) = &mut connection.sessions[end] else { return Ok(false) };
        let pipe = &mut connection.under_way[end];
        let count = bytes.min(pipe.len()).min(session.input_room());
        if count == 0 {
            return Ok(false);
        }
        let piece: Vec<u8> = pipe.drain(..count).collect();
        session.receive(&piece);
        loop {
            let connection = &mut self.connections[place];
            let session = connection.sessions[end].as_mut().expect("nobody ended it");
            match session.next_event().map(|event| event.map(said)) {
                Ok(None) => return Ok(true),
                Ok(Some(said)) => self.heed(said, place, end, processes, around)?,
                Err(fault) if connection.is_changed && !matches!(fault, LinkFault::Lost(_)) => {
                    (connection.sessions[end], connection.is_broken) = (None, true);
                    return Ok(true);
                }
                Err(fault) => return Err(format!("a link between two honest processes ends: {fault}")),
            }
        }
    }

    fn heed(
        &mut self,
        said: Said,
        place: usize,
        end: usize,
        processes: &mut [Process],
        around: &mut Around,
    ) -> Result<(), String> {
        match said {
            Said::Proved => {
                for (other, connection) in self.connections.iter_mut().enumerate() {
                    if other != place {
                        (connection.sessions[end], connection.is_broken) = (None, true);
                    }
                }
                let mut marks = BTreeMap::new();
                for (own, other) in pairs(&self.ends, end) {
                    marks.insert((own.0, other.0), processes[end].far_marks(own, other, around)?);
                }
                let session = self.connections[place].sessions[end].as_mut().expect("it has just spoken");
                session.begin(|own, other| marks[&(own.0, other.0)]);
            }
            Said::Up => {
                around.faults.wires_up += 1;
                let session = self.connections[place].sessions[end].as_ref().expect("it has just spoken");
                let hands_over = !self.planted.is(Mutant::LinkWithoutResend);
                for (own, other) in pairs(&self.ends, end) {
                    processes[end].take_far_ack(own, other, session.acknowledged(own, other))?;
                    if hands_over {
                        processes[end].hand_over_again(own, other);
                    }
                }
            }
            Said::Credits(source, destination, credits) => {
                processes[end].take_far_credits(source, destination, &credits);
            }
            Said::Ack(source, destination, ack) => processes[end].take_far_ack(source, destination, ack)?,
        }
        Ok(())
    }

    /// A process that lost its disks begins with nothing. The other one must notice, if it remembers anything.
    ///
    /// # Errors
    /// It does not; or it takes one for lost with which it never had to do.
    pub(super) fn try_losses(&mut self, processes: &mut [Process], around: &mut Around) -> Result<(), String> {
        if !processes.iter().all(Process::is_up) {
            return Ok(());
        }
        for keeper in [0, 1] {
            let mut marks = BTreeMap::new();
            for (own, other) in pairs(&self.ends, keeper) {
                marks.insert((own.0, other.0), processes[keeper].far_marks(own, other, around)?);
            }
            let remembers = marks.values().any(|marks| marks.acknowledged.number > 0 || marks.applied.number > 0);
            let mut sessions = sessions(&self.key, &self.ends, self.planted, around);
            let is_found = meet(&mut sessions, keeper, &marks)?;
            if is_found != remembers {
                let is = if is_found { "is taken for" } else { "is not found to be" };
                return Err(format!("process {} {is} one that lost its disks", 1 - keeper));
            }
            around.faults.losses_found += u64::from(is_found);
        }
        Ok(())
    }

    pub(super) fn describe(&self) -> String {
        let up = |session: &Option<Session>| session.as_ref().map(Session::is_up);
        let ends = |connection: &Connection| format!("{:?}", connection.sessions.each_ref().map(up));
        format!(", sessions {}", self.connections.iter().map(ends).collect::<Vec<_>>().join(" "))
    }
}

impl Connection {
    /// What an end has to say is on its way.
    fn carry(&mut self, from: usize, bytes: usize) -> bool {
        let Some(session) = &mut self.sessions[from] else { return false };
        let pipe = &mut self.under_way[1 - from];
        let count = bytes.min(session.output().len()).min(UNDER_WAY_MAX - pipe.len());
        if !self.is_broken {
            pipe.extend(&session.output()[..count]);
        }
        session.sent(count);
        count > 0
    }

    /// It breaks: of what is under way some arrives, up to any byte.
    fn cut(&mut self, around: &mut Around) {
        if self.is_broken {
            return;
        }
        around.faults.wires_broken += 1;
        self.is_broken = true;
        around.faults.wire_bytes_lost += self.under_way.iter().map(|pipe| pipe.len() as u64).sum::<u64>();
    }

    fn change(&mut self, end: usize, around: &mut Around) {
        let pipe = &mut self.under_way[end];
        if !pipe.is_empty() {
            let at = around.chance.below(pipe.len());
            pipe[at] ^= 1 << around.chance.below(8);
            around.faults.wires_changed += 1;
            self.is_changed = true;
        }
    }
}

/// The listener's end and the dialer's, of a new connection.
fn sessions(key: &LinkKey, ends: &[peer_link::Process; 2], planted: Planted, around: &mut Around) -> [Session; 2] {
    let mut nonce = || {
        let mut nonce = [0; 32];
        nonce.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&around.chance.bits().to_le_bytes()));
        nonce
    };
    let dialer = Session::dial(key.clone(), ends[1], ends[0].shards, nonce());
    [Session::listen(key.clone(), ends[0], nonce()).with(planted), dialer.with(planted)]
}

/// Lets two sessions meet, of which one has these marks and the other none. Returns whether either finds a loss.
fn meet(sessions: &mut [Session; 2], keeper: usize, marks: &BTreeMap<(u16, u16), PairMarks>) -> Result<bool, String> {
    let nothing = CreditAck { number: 0, has_room: true };
    let nothing = PairMarks { made: 0, acknowledged: nothing, applied: nothing };
    while !sessions.iter().all(Session::is_up) {
        for from in [0, 1] {
            let output = sessions[from].output().to_vec();
            sessions[from].sent(output.len());
            let to = &mut sessions[1 - from];
            to.receive(&output);
            loop {
                match to.next_event().map(|event| event.map(said)) {
                    Ok(None) => break,
                    Ok(Some(Said::Proved)) if 1 - from == keeper => to.begin(|own, other| marks[&(own.0, other.0)]),
                    Ok(Some(Said::Proved)) => to.begin(|_, _| nothing),
                    Ok(Some(_)) => {}
                    Err(LinkFault::Lost(_)) => return Ok(true),
                    Err(fault) => return Err(format!("two processes do not meet: {fault}")),
                }
            }
        }
    }
    Ok(false)
}

/// Every pair of one of an end's shards and one of the other's.
fn pairs(ends: &[peer_link::Process; 2], end: usize) -> Vec<(ShardIndex, ShardIndex)> {
    let (own, other) = (ends[end].shards, ends[1 - end].shards);
    own.iter().flat_map(|own| other.iter().map(move |other| (own, other))).collect()
}

fn said(event: peer_link::Event<'_>) -> Said {
    match event {
        peer_link::Event::Proved(_) => Said::Proved,
        peer_link::Event::Up => Said::Up,
        peer_link::Event::Credits(run) => Said::Credits(run.source, run.destination, run.iter().collect()),
        peer_link::Event::Ack { source, destination, ack } => Said::Ack(source, destination, ack),
    }
}
