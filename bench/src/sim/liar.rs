//! An authority that lies.

use super::around::Around;
use super::forger::forge;
use super::network::{Packet, Place};
use super::swarm::Lie;
use quittance_engine::message::{order_digest, order_message, receipt_leaf, vote_leaf};
use quittance_engine::types::Digest;
use quittance_net::frame::{self, Frame, Kind};
use std::collections::{BTreeMap, VecDeque};

/// Datagrams that it remembers, to send them again.
const REMEMBERED_MAX: usize = 32;

/// See the module's docs.
#[derive(Debug)]
pub struct Liar {
    index: usize,
    lie: Lie,
    remembered: VecDeque<(Place, Vec<u8>)>,
    voted: BTreeMap<([u8; 32], u64), Vec<Digest>>,
}

impl Liar {
    /// The member with this index, and what it does.
    pub fn new(index: usize, lie: Lie) -> Self {
        Self { index, lie, remembered: VecDeque::new(), voted: BTreeMap::new() }
    }

    /// A datagram comes from a payer.
    pub fn receive(&mut self, payer: usize, datagram: &[u8], around: &mut Around) {
        if self.lie == Lie::Silent {
            return;
        }
        let from = Place::Payer(payer);
        if self.lie == Lie::Forges {
            let answer = frame::parse(datagram).ok().and_then(|request| forge(self.index, &request, around));
            if let Some(bytes) = answer {
                around.send(Packet { from: Place::Shard(self.index, 0), to: from, bytes });
            }
            return;
        }
        match frame::parse(datagram) {
            Ok(Frame::Order(order) | Frame::ChainedOrder(order)) => {
                let digest = order_digest(&order_message(&around.ground.context.network, &order.body));
                let votes = self.voted.entry((order.body.sender, order.body.sequence.get())).or_default();
                let votes_max = match self.lie {
                    Lie::VotesTwice => 2,
                    _ => usize::MAX,
                };
                if !votes.contains(&digest) {
                    if votes.len() >= votes_max {
                        return;
                    }
                    votes.push(digest);
                }
                around.faults.false_votes += u64::from(votes.len() > 1);
                self.answer(from, Kind::Vote, digest, vote_leaf(&digest), around);
            }
            Ok(Frame::Certificate(certificate)) => {
                let digest = order_digest(&order_message(&around.ground.context.network, &certificate.head.body));
                self.answer(from, Kind::Receipt, digest, receipt_leaf(&digest), around);
            }
            _ => {}
        }
        self.remember((from, datagram.to_vec()));
    }

    /// Sends again what it has sent or received: to payers, and to other authorities.
    pub fn act(&mut self, around: &mut Around) -> bool {
        if self.lie != Lie::Replays || self.remembered.is_empty() {
            return false;
        }
        let (place, bytes) = self.remembered[around.chance.below(self.remembered.len())].clone();
        let is_reply = bytes.get(5).is_some_and(|kind| kind & 0x80 != 0);
        if is_reply {
            around.send(Packet { from: Place::Shard(self.index, 0), to: place, bytes });
            return true;
        }
        // As a payer would: an authority knows no other way to be asked.
        let authority = around.chance.below(around.ground.honest_count);
        let shard = u16::try_from(around.chance.below(around.ground.shard_counts[authority].into())).expect("few");
        around.send(Packet { from: place, to: Place::Shard(authority, shard), bytes });
        true
    }

    fn answer(&mut self, to: Place, kind: Kind, digest: Digest, leaf: [u8; 32], around: &mut Around) {
        let bytes = around.lone_reply(self.index, kind, digest, leaf);
        self.remember((to, bytes.clone()));
        around.send(Packet { from: Place::Shard(self.index, 0), to, bytes });
    }

    fn remember(&mut self, datagram: (Place, Vec<u8>)) {
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.pop_front();
        }
        self.remembered.push_back(datagram);
    }
}
