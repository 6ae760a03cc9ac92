//! Another process of the authority, as this one sees it.

use super::super::announce::Finding;
use super::super::hosted::PeerPlace;
use super::connection::Connection;
use super::exchange::Exchange;
use quittance_engine::peer_link::LinkFault;
use quittance_engine::shard_range::ShardRange;
use serde::Serialize;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How soon a peer that is away is dialed again: twice as late each time, within these bounds.
const REDIAL_MIN: Duration = Duration::from_millis(10);
const REDIAL_MAX: Duration = Duration::from_secs(1);

/// How long a peer is away before the operator is told: processes that start together need not start at once.
const AWAY_MAX: Duration = Duration::from_secs(2);

/// What happened with one peer so far.
#[derive(Clone, Debug, Serialize)]
pub(in crate::run) struct PeerReport {
    pub(in crate::run) shards: ShardRange,
    /// Where it listens for others.
    pub(in crate::run) link: SocketAddr,
    /// Whether credits can pass at present.
    pub(in crate::run) connected: bool,
    /// Sessions begun, the present one included.
    pub(in crate::run) sessions: u64,
    /// Of those, ended because of what the peer said.
    pub(in crate::run) sessions_broken: u64,
    /// Credits, those that were sent again included.
    pub(in crate::run) credits_sent: u64,
    pub(in crate::run) credits_received: u64,
    /// Credits received out of their order, in the first moment of a session.
    pub(in crate::run) credits_stale: u64,
    pub(in crate::run) bytes_sent: u64,
    pub(in crate::run) bytes_received: u64,
    /// Times that whoever answered at its link did not prove to be it.
    pub(in crate::run) refused_handshakes: u64,
}

/// The peer.
pub(super) struct Peer {
    pub(super) place: PeerPlace,
    /// Its connection, once it has proved who it is.
    pub(super) connection: Option<Connection>,
    pub(super) exchange: Exchange,
    /// Whether credits can pass.
    pub(super) is_up: bool,
    /// Whether a connection that was dialed has not proved itself yet.
    pub(super) is_under_way: bool,
    pub(super) sessions_broken: u64,
    pub(super) credits_sent: u64,
    pub(super) credits_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) refused_handshakes: u64,
    sessions: u64,
    credits_stale: u64,
    /// When it is dialed next, and how long it is waited for after that.
    redial: (Instant, Duration),
    away_since: Instant,
    away_reason: Option<String>,
    is_told: bool,
}

impl Peer {
    pub(super) fn new(own: ShardRange, place: PeerPlace, now: Instant) -> Self {
        Self {
            exchange: Exchange::new(own, place.shards),
            place,
            connection: None,
            is_up: false,
            is_under_way: false,
            sessions_broken: 0,
            credits_sent: 0,
            credits_received: 0,
            bytes_sent: 0,
            bytes_received: 0,
            refused_handshakes: 0,
            sessions: 0,
            credits_stale: 0,
            redial: (now, REDIAL_MIN),
            away_since: now,
            away_reason: None,
            is_told: false,
        }
    }

    /// Whether it is to be dialed now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.place.is_dialed && self.connection.is_none() && !self.is_under_way && self.redial.0 <= now
    }

    /// A connection to it came to nothing, or ended.
    pub(super) fn away(&mut self, now: Instant, reason: String) {
        let (_, patience) = self.redial;
        self.redial = (now + patience, (2 * patience).min(REDIAL_MAX));
        self.is_under_way = false;
        self.away_reason = Some(reason);
    }

    /// Its session begins.
    pub(super) fn connect(&mut self, connection: Connection) {
        self.sessions += 1;
        self.is_under_way = false;
        self.is_told = false;
        self.redial.1 = REDIAL_MIN;
        self.connection = Some(connection);
    }

    /// Ends its session, if there is one: nothing is read from it any more, and what it brought and no shard has taken is
    /// dropped.
    pub(super) fn end_session(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.credits_stale += connection.session.stale_count();
            self.away_since = Instant::now();
        }
        self.is_up = false;
        self.exchange.reset();
    }

    /// How long nothing needs to be done for it, as far as time alone tells.
    pub(super) fn patience(&self, now: Instant) -> Duration {
        if self.connection.is_some() {
            return Duration::MAX;
        }
        let until = |moment: Instant| moment.saturating_duration_since(now);
        let redial = if self.place.is_dialed && !self.is_under_way { until(self.redial.0) } else { Duration::MAX };
        if self.is_told { redial } else { redial.min(until(self.away_since + AWAY_MAX)) }
    }

    /// Once for each time that it is away for long.
    pub(super) fn tell_away(&mut self, now: Instant) -> Option<Finding> {
        let is_news = self.connection.is_none() && !self.is_told && now >= self.away_since + AWAY_MAX;
        if !is_news {
            return None;
        }
        self.is_told = true;
        let PeerPlace { shards, link, is_dialed } = self.place;
        let why = match &self.away_reason {
            Some(reason) => reason.clone(),
            None if is_dialed => "it does not answer".to_owned(),
            None => "it has not dialed this process".to_owned(),
        };
        Some(Finding {
            severity: "warning",
            what: format!("the process of shards {shards} ({link}) cannot be reached"),
            why: format!("{why}; payments to its accounts wait, and in the end get `Busy`"),
            remedy: "start it, and see to the network between the two; this process goes on trying".to_owned(),
        })
    }

    /// It said something that no process says.
    pub(super) fn broken(&self, fault: &LinkFault) -> Finding {
        let PeerPlace { shards, link, .. } = self.place;
        Finding {
            severity: "warning",
            what: format!("the session with the process of shards {shards} ({link}) was ended"),
            why: fault.to_string(),
            remedy: "run the same program everywhere; if that is so, please report this".to_owned(),
        }
    }

    pub(super) fn report(&self) -> PeerReport {
        let present = self.connection.as_ref().map_or(0, |connection| connection.session.stale_count());
        PeerReport {
            shards: self.place.shards,
            link: self.place.link,
            connected: self.is_up,
            sessions: self.sessions,
            sessions_broken: self.sessions_broken,
            credits_sent: self.credits_sent,
            credits_received: self.credits_received,
            credits_stale: self.credits_stale + present,
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            refused_handshakes: self.refused_handshakes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(now: Instant) -> Peer {
        let place = PeerPlace { shards: "0".parse().unwrap(), link: "127.0.0.1:1".parse().unwrap(), is_dialed: true };
        Peer::new("1".parse().unwrap(), place, now)
    }

    #[test]
    fn a_peer_that_is_away_is_dialed_less_and_less_often_and_for_ever() {
        let mut now = Instant::now();
        let mut peer = peer(now);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            assert!(peer.is_due(now));
            peer.away(now, "no".to_owned());
            pauses.push(peer.patience(now).min(peer.redial.0 - now));
            assert!(!peer.is_due(now));
            now = peer.redial.0;
        }
        assert_eq!(pauses[..3], [10, 20, 40].map(Duration::from_millis));
        assert_eq!(peer.redial.1, REDIAL_MAX);
    }

    #[test]
    fn the_operator_is_told_once_of_a_peer_that_stays_away() {
        let now = Instant::now();
        let mut peer = peer(now);
        assert!(peer.tell_away(now).is_none());
        peer.away(now, "Connection refused".to_owned());
        let finding = peer.tell_away(now + AWAY_MAX).unwrap();
        assert!(finding.why.contains("Connection refused"), "{finding:?}");
        assert!(peer.tell_away(now + 2 * AWAY_MAX).is_none());
    }
}
