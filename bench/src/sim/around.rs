//! What every step touches besides whoever makes it.

use super::book::Book;
use super::chance::Chance;
use super::faults::Faults;
use super::ground::{Ground, key_of};
use super::network::{Network, Packet, Place};
use super::signatures::{Keys, Notary};
use super::swarm::Swarm;
use super::trace::Trace;
use quittance_engine::message::order_message;
use quittance_engine::types::Digest;
use quittance_net::frame::{Header, Kind, Order, OrderBody, Proof, ReplyHead, U16};
use quittance_wallet::certificate::Certificate;
use std::collections::VecDeque;
use std::rc::Rc;

/// See the module's docs.
pub struct Around {
    /// What stays the same.
    pub ground: Ground,
    /// What goes wrong how often.
    pub swarm: Swarm,
    /// The one source of disorder.
    pub chance: Chance,
    /// Datagrams under way.
    pub network: Network,
    /// What was told.
    pub book: Book,
    /// Who signed what.
    pub notary: Notary,
    /// Everyone's keys.
    pub keys: Rc<Keys>,
    /// What happened.
    pub trace: Trace,
    /// What went wrong.
    pub faults: Faults,
    /// Since the world began.
    pub now_ns: u64,
    /// Nothing new is begun any more: what is open is to be finished.
    pub is_calm: bool,
    /// Everything is at rest: wallets look whether their books are right.
    pub is_audit: bool,
    /// By payer: certificates that were handed to him.
    pub mail: Vec<VecDeque<Certificate>>,
    /// A block's bytes while it is made: kept for their memory.
    pub pages: Vec<u8>,
}

impl Around {
    /// Sends a datagram.
    pub fn send(&mut self, packet: Packet) {
        self.network.send(packet, &self.swarm, &mut self.chance, &mut self.faults, &mut self.trace);
    }

    /// Sends a request from a payer to the authority's shard that has the account.
    pub fn ask(&mut self, payer: usize, authority: usize, account: usize, bytes: Vec<u8>) {
        let shard = self.ground.shard_of(authority, &self.ground.accounts[account]);
        self.send(Packet { from: Place::Payer(payer), to: Place::Shard(authority, shard.0), bytes });
    }

    /// An order's name; the owner of `key` signs it.
    pub fn make_order(&mut self, body: &OrderBody, key: usize) -> (Digest, [u8; 64]) {
        let owner = self.ground.account(&body.sender).expect("orders are made for accounts of the world");
        let digest = self.book.make(&self.ground, body, key == key_of(owner));
        let message = order_message(&self.ground.context.network, body);
        (digest, self.notary.sign(&self.keys, key, &message))
    }

    /// An order as a datagram for an authority; now and then a chained one.
    pub fn order_frame(&mut self, authority: usize, body: &OrderBody, signature: [u8; 64]) -> Vec<u8> {
        let is_chained = self.chance.once_in(4);
        self.faults.chained_orders += u64::from(is_chained);
        let kind = if is_chained { Kind::ChainedOrder } else { Kind::Order };
        let shard = self.ground.shard_of(authority, &body.sender);
        let header = Header::new(kind, shard.0, self.ground.context.network.tag());
        bytemuck::bytes_of(&Order { header, body: *body, signature, r_hint: [0; 32] }).to_vec()
    }

    /// A reply of one leaf, signed by a member of the committee.
    pub fn lone_reply(&mut self, authority: usize, kind: Kind, digest: Digest, leaf: [u8; 32]) -> Vec<u8> {
        let message = self.ground.context.message(&leaf);
        let proof = Proof {
            root_signature: self.notary.sign(&self.keys, authority, &message),
            leaf_index: U16::new(0),
            authority: u8::try_from(authority).expect("7 members at most"),
            path_count: 0,
            padding: [0; 4],
        };
        let header = Header::new(kind, 0, self.ground.context.network.tag());
        bytemuck::bytes_of(&ReplyHead { header, digest, proof }).to_vec()
    }

    /// How many members there are.
    pub fn member_count(&self) -> usize {
        self.ground.committee.members().len()
    }
}
