//! A received packet, whole or merged, handed out datagram by datagram. Both backends end here.

use std::net::SocketAddr;

use super::counters::Tally;
use super::{address, control};

/// How much one call of `receive` may still take. Packets that hold nothing to deliver cost as much as a datagram: a
/// flood of them must not keep the call going for ever.
pub(super) struct Budget {
    datagrams_max: usize,
    left: usize,
    datagrams: usize,
}

impl Budget {
    pub(super) fn new(datagrams_max: usize) -> Self {
        Self { datagrams_max, left: datagrams_max, datagrams: 0 }
    }

    /// Takes note of a packet that held so many datagrams.
    pub(super) fn spend(&mut self, datagrams: usize) {
        self.left = self.left.saturating_sub(datagrams.max(1));
        self.datagrams += datagrams;
    }

    /// How much is left.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// No packet has come, of any kind, though one could have been taken.
    pub(super) fn is_untouched(&self) -> bool {
        self.left == self.datagrams_max && self.left > 0
    }

    /// Datagrams delivered.
    pub(super) fn datagrams(&self) -> usize {
        self.datagrams
    }
}

/// What the kernel filled in for one packet.
pub(super) struct Packet<'a> {
    pub(super) name: &'a [u8],
    pub(super) control: &'a [u8],
    pub(super) payload: &'a [u8],
    /// `MSG_TRUNC`, `MSG_CTRUNC`.
    pub(super) flags: i32,
}

impl Packet<'_> {
    /// Calls `each` for every datagram in the packet, in order; returns how many. A merged packet may hold datagrams
    /// of many purposes: it is only the network's doing that they travelled together, so each stands alone.
    pub(super) fn deliver(&self, tally: &mut Tally, each: &mut impl FnMut(SocketAddr, &[u8])) -> usize {
        let (Some(remarks), Some(peer)) = (control::read(self.control), address::read(self.name)) else {
            tally.counters.packets_unreadable += 1;
            return 0;
        };
        if let Some(drops) = remarks.drops {
            tally.observe_drops(drops);
        }
        // Without its control messages a merged packet would pass for one long datagram.
        if self.flags & libc::MSG_CTRUNC != 0 {
            tally.counters.packets_unreadable += 1;
            return 0;
        }
        if self.flags & libc::MSG_TRUNC != 0 {
            tally.counters.datagrams_truncated += 1;
            return 0;
        }
        if self.payload.is_empty() {
            tally.counters.empty_datagrams += 1;
            return 0;
        }
        let segments = self.payload.chunks(remarks.segment_bytes.unwrap_or(self.payload.len()));
        let count = segments.len();
        tally.counters.packets_received += 1;
        tally.counters.datagrams_received += count as u64;
        tally.counters.bytes_received += self.payload.len() as u64;
        segments.for_each(|segment| each(peer, segment));
        count
    }
}
