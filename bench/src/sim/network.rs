//! Datagrams between payers and authorities: lost, repeated, late, out of order, cut off.

use super::chance::Chance;
use super::faults::Faults;
use super::swarm::Swarm;
use super::trace::{Event, Trace};
use quittance_engine::types::Peer;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// Datagrams under way; what comes on top is lost.
const UNDER_WAY_MAX: usize = 512;

/// An end of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A payer's wallet, a thief, or who reads.
    Payer(usize),
    /// A shard's port.
    Shard(usize, u16),
}

/// A datagram under way.
#[derive(Debug)]
pub struct Packet {
    /// Who sent it.
    pub from: Place,
    /// Where it goes.
    pub to: Place,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// Everything under way.
#[derive(Debug, Default)]
pub struct Network {
    under_way: VecDeque<Packet>,
    /// By authority: a bit for each payer that cannot be reached.
    cut: Vec<u64>,
}

impl Network {
    /// A network to so many authorities.
    pub fn new(member_count: usize) -> Self {
        Self { under_way: VecDeque::with_capacity(UNDER_WAY_MAX), cut: vec![0; member_count] }
    }

    /// A datagram is sent.
    pub fn send(&mut self, packet: Packet, swarm: &Swarm, chance: &mut Chance, faults: &mut Faults, trace: &mut Trace) {
        trace.event(Event::Sent, [code(packet.from), code(packet.to), packet.bytes.len() as u64]);
        trace.bytes(&packet.bytes);
        if self.under_way.len() >= UNDER_WAY_MAX || chance.happens(swarm.lose) {
            faults.datagrams_lost += 1;
            return;
        }
        if chance.happens(swarm.repeat) && self.under_way.len() + 1 < UNDER_WAY_MAX {
            faults.datagrams_repeated += 1;
            self.under_way.push_back(Packet { bytes: packet.bytes.clone(), ..packet });
        }
        self.under_way.push_back(packet);
    }

    /// The next datagram to arrive; `None` if none is under way.
    pub fn arrive(&mut self, swarm: &Swarm, chance: &mut Chance, faults: &mut Faults) -> Option<Packet> {
        while !self.under_way.is_empty() {
            let index = chance.below(self.under_way.len().min(swarm.disorder));
            faults.datagrams_overtook += u64::from(index > 0);
            let packet = self.under_way.swap_remove_front(index)?;
            if !self.is_cut(packet.from, packet.to) {
                return Some(packet);
            }
            faults.datagrams_cut_off += 1;
        }
        None
    }

    /// Cuts an authority off from some payers.
    pub fn partition(&mut self, authority: usize, payers: u64) {
        self.cut[authority] |= payers;
    }

    /// Lets everyone reach an authority again.
    pub fn heal(&mut self, authority: usize) -> bool {
        core::mem::take(&mut self.cut[authority]) != 0
    }

    /// A copy of something under way: what a thief overhears.
    pub fn overhear(&self, chance: &mut Chance) -> Option<Vec<u8>> {
        (!self.under_way.is_empty()).then(|| self.under_way[chance.below(self.under_way.len())].bytes.clone())
    }

    fn is_cut(&self, from: Place, to: Place) -> bool {
        match (from, to) {
            (Place::Payer(payer), Place::Shard(authority, _)) | (Place::Shard(authority, _), Place::Payer(payer)) => {
                self.cut[authority] >> payer & 1 == 1
            }
            _ => false,
        }
    }
}

/// A payer's address, as authorities see it.
pub fn peer(payer: usize) -> Peer {
    let host = u8::try_from(payer).expect("a world has few payers");
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, host), 1_000))
}

/// The payer at this address.
pub fn payer_at(peer: &Peer) -> usize {
    let SocketAddr::V4(address) = peer else { unreachable!("payers have such addresses only") };
    usize::from(address.ip().octets()[3])
}

/// A place as a number.
pub fn code(place: Place) -> u64 {
    match place {
        Place::Payer(payer) => payer as u64,
        Place::Shard(authority, shard) => 1 << 32 | (authority as u64) << 16 | u64::from(shard),
    }
}
