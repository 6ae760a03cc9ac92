//! Credits between the processes of one authority, over any stream of bytes that keeps their order (TCP).
//!
//! An authority may run its shards in several processes, on one host or on many. The shards of a pair of processes owe each
//! other what they would owe each other within one: numbered credits, each applied once, and acknowledgements when that is
//! durable ([`crate::credit`]). The stream gives order and flow control. What it does not give is made here: that the other
//! end is the same authority, that nobody changes what it says, and that nothing is lost or doubled when either end crashes.
//!
//! Nothing here is secret: what travels is authenticated, and not encrypted.
//!
//! # A session
//! | Step | Who | What |
//! |---|---|---|
//! | hello | the one who dials | version, network, shards of both, a fresh nonce |
//! | answer | the one who listens | the same, and a tag over both |
//! | proof | the one who dials | a tag over both |
//! | marks | both | for each pair of shards: credits made, acknowledged, applied |
//! | credits, acks | both | as they come |
//!
//! Tags are BLAKE3 under a key derived from the authority's secret and the network's id; the two roles' tags differ, so that
//! neither can be sent back to its maker. Frames that follow have tags under keys derived from both nonces, one key for each
//! direction, and count themselves: what is repeated, left out, changed or from another session ends this one.
//!
//! # What the marks prove
//! Both ends remember. A shard that has applied less than it once acknowledged, or made fewer credits than were applied, has
//! lost what it promised never to forget, and this authority must stop ([`LinkFault::Lost`]). Otherwise each source hands over
//! again from the mark on, and the destination applies number last + 1 and nothing else.
//!
//! # Files
//! `mod.rs`: keys, marks, faults. `session.rs`: one session. `hello.rs`, `frame.rs`: the bytes.
//!
//! The code has no clock and draws no nonces. Whoever drives it gives a new connection some seconds to prove itself, and lets
//! the newest session with a peer replace the one before: only one who has the key can begin one.

mod frame;
mod hello;
mod session;

pub use frame::{BODY_BYTES_MAX, CREDITS_PER_FRAME_MAX};
pub use session::{CreditRun, Event, INPUT_BYTES_MAX, OUTPUT_BYTES_MAX, Session};

use crate::credit::CreditAck;
use crate::network::NetworkId;
use crate::shard_range::ShardRange;
use crate::types::ShardIndex;
use core::fmt;
use zeroize::Zeroize;

/// One end of a link: a process of an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// The network.
    pub network: NetworkId,
    /// How many shards the authority has in all its processes.
    pub shard_count: u16,
    /// Which of them this process runs.
    pub shards: ShardRange,
}

/// Proves that a peer is a process of the same authority on the same network. Wiped when dropped.
#[derive(Clone)]
pub struct LinkKey([u8; 32]);

impl LinkKey {
    /// The key of an authority's links, from its secret seed.
    pub fn derive(seed: &[u8; 32], network: &NetworkId) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("quittance v1 peer link");
        hasher.update(seed).update(&network.0);
        Self(*hasher.finalize().as_bytes())
    }

    fn keyed(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }
}

impl Drop for LinkKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(..)")
    }
}

/// How far a shard has come with another one, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairMarks {
    /// The last credit that it made for the other.
    pub made: u64,
    /// What the other acknowledged of those.
    pub acknowledged: CreditAck,
    /// What it acknowledges of the other's: the last one applied, durably.
    pub applied: CreditAck,
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// Whoever connected speaks something else.
    #[error("what it says is no link between processes of an authority")]
    NotAPeer,
    /// Another version of this program.
    #[error("its link has version {found}, and this program's has {}; run the same program everywhere", hello::VERSION)]
    Version {
        /// The version found.
        found: u16,
    },
    /// Another genesis file.
    #[error("it runs on another network; give all processes of an authority the same genesis file")]
    Network,
    /// Other shards than the ones that were expected there, or that it expects here.
    #[error("it runs or expects other shards; give all processes of an authority the same private file")]
    Shards,
    /// It does not have this authority's key.
    #[error("it does not have this authority's key; give all processes of an authority the same private file")]
    Key,
    /// A frame is changed, repeated, left out, or of another session.
    #[error("a frame was changed on its way, or is not of this session")]
    Tag,
    /// A frame that no process of this program sends.
    #[error("a frame says what no process says: {0}")]
    Frame(&'static str),
    /// One of the two has lost its state.
    #[error(transparent)]
    Lost(Loss),
}

impl LinkFault {
    /// Whether it was found before the peer had proved who it is: then it says nothing of the peer.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::NotAPeer | Self::Version { .. } | Self::Network | Self::Shards | Self::Key)
    }
}

/// Proof that a process has forgotten what it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Whether it is the other process that forgot.
    pub is_peers: bool,
    /// The pair of shards that shows it.
    pub source: ShardIndex,
    /// See [`Self::source`].
    pub destination: ShardIndex,
    /// What shows it.
    pub forgotten: Forgotten,
    /// The number that the shard which forgot has now.
    pub has: u64,
    /// The number that the other one remembers.
    pub had: u64,
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// By the destination: credits that it acknowledged.
    Applied,
    /// By the source: credits that were applied.
    Made,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, destination, has, had, .. } = self;
        match self.forgotten {
            Forgotten::Applied => write!(
                f,
                "shard {} had acknowledged {had} credits of shard {}, and now has {has} of them",
                destination.0, source.0
            ),
            Forgotten::Made => write!(
                f,
                "shard {} had made {had} credits for shard {}, and now knows of {has} of them",
                source.0, destination.0
            ),
        }
    }
}

impl core::error::Error for Loss {}

#[cfg(test)]
mod tests;
