//! The beginning of a session: hello, answer, proof.

use super::{LinkFault, LinkKey, Process};
use crate::network::NetworkId;
use crate::shard_range::ShardRange;
use crate::types::ShardIndex;
use bytemuck::{Pod, Zeroable};
use quittance_net::frame::U16;

const MAGIC: [u8; 8] = *b"qtpeers\n";
pub(super) const VERSION: u16 = 1;

/// Random bytes that are used once.
pub(super) type Nonce = [u8; 32];

/// A tag under the link's key, or under a session's.
pub(super) type Tag = [u8; 32];
pub(super) const TAG_BYTES: usize = size_of::<Tag>();

/// What both ends say first: 84 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct HelloBytes {
    magic: [u8; 8],
    version: U16,
    shard_count: U16,
    own_first: U16,
    own_count: U16,
    peer_first: U16,
    peer_count: U16,
    network: [u8; 32],
    nonce: Nonce,
}

pub(super) const HELLO_BYTES: usize = size_of::<HelloBytes>();
const _: () = assert!(HELLO_BYTES == 84);

/// Who made a tag over both hellos.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Dials = 1,
    Listens = 2,
}

impl HelloBytes {
    pub(super) fn new(own: &Process, peer: ShardRange, nonce: Nonce) -> Self {
        Self {
            magic: MAGIC,
            version: U16::new(VERSION),
            shard_count: U16::new(own.shard_count),
            own_first: U16::new(own.shards.first().0),
            own_count: U16::new(own.shards.count()),
            peer_first: U16::new(peer.first().0),
            peer_count: U16::new(peer.count()),
            network: own.network.0,
            nonce,
        }
    }

    /// The shards of the one who says this, if it expects `own` here.
    ///
    /// # Errors
    /// In the order checked; see [`LinkFault`].
    pub(super) fn check(&self, own: &Process) -> Result<ShardRange, LinkFault> {
        if self.magic != MAGIC {
            return Err(LinkFault::NotAPeer);
        }
        if self.version.get() != VERSION {
            return Err(LinkFault::Version { found: self.version.get() });
        }
        if NetworkId(self.network) != own.network {
            return Err(LinkFault::Network);
        }
        let range = |first: U16, count: U16| ShardRange::new(ShardIndex(first.get()), count.get());
        let expects = range(self.peer_first, self.peer_count);
        if self.shard_count.get() != own.shard_count || expects != Some(own.shards) {
            return Err(LinkFault::Shards);
        }
        range(self.own_first, self.own_count).ok_or(LinkFault::Shards)
    }
}

/// Proves to the other end that this one has the key: over both hellos, so over two nonces of which one is the other's.
pub(super) fn proof(key: &LinkKey, role: Role, dialed: &HelloBytes, answered: &HelloBytes) -> blake3::Hash {
    let mut hasher = key.keyed();
    hasher.update(&[role as u8]).update(bytemuck::bytes_of(dialed)).update(bytemuck::bytes_of(answered));
    hasher.finalize()
}

/// The key of the frames that this role sends. Tags of proofs begin with 1 or 2, these with 3 or 4: no two ever coincide.
pub(super) fn frame_key(key: &LinkKey, role: Role, dialed: &HelloBytes, answered: &HelloBytes) -> [u8; 32] {
    let mut hasher = key.keyed();
    hasher.update(&[role as u8 + 2]).update(&dialed.nonce).update(&answered.nonce);
    *hasher.finalize().as_bytes()
}
