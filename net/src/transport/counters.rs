//! What a transport has done since it was made.

use serde::Serialize;

/// Counts since the transport was made. They only grow; take two copies and subtract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Datagrams handed to the caller.
    pub datagrams_received: u64,
    /// Packets they came in; fewer than the datagrams when the kernel merged some (GRO).
    pub packets_received: u64,
    /// Payload bytes handed to the caller.
    pub bytes_received: u64,
    /// Datagrams the kernel took from us. It says nothing of whether they arrive.
    pub datagrams_sent: u64,
    /// Messages they left in; fewer than the datagrams when runs went out segmented (GSO).
    pub sends: u64,
    /// Payload bytes the kernel took from us.
    pub bytes_sent: u64,
    /// Packets the kernel threw away because the receive buffer was full or the checksum wrong (SO_RXQ_OVFL).
    /// A merged packet counts once, and a drop shows only with the next packet that did fit: after the last
    /// drops of a burst the count lags until something else arrives.
    pub datagrams_dropped_by_kernel: u64,
    /// Datagrams without payload: counted and not delivered.
    pub empty_datagrams: u64,
    /// Packets larger than a receive buffer: cut by the kernel, counted and not delivered.
    pub datagrams_truncated: u64,
    /// Packets whose sender's address or control messages could not be read: counted and not delivered.
    pub packets_unreadable: u64,
    /// How often the multishot receive was armed; the first time counts. Above 1 after empty datagrams,
    /// exhausted buffers or a full completion queue. Stays 0 with recvmmsg.
    pub receive_rearmed: u64,
    /// How often the kernel found no free receive buffer. Nothing is lost by it: the datagrams wait in the socket.
    pub receive_buffers_exhausted: u64,
    /// How often the completion queue was found overflown. Nothing is lost by it either; a larger queue is cheaper.
    pub completions_overflown: u64,
    /// Errors of the socket that receiving met and survived.
    pub receive_errors: u64,
    /// Messages refused because of where they were to go (unreachable, refused by the peer's host, forbidden by
    /// a firewall, no such port).
    pub send_errors_by_peer: u64,
    /// Messages refused because this machine was short of buffer space or memory, or its link was down.
    pub send_errors_by_machine: u64,
    /// Datagrams that were in such messages, and are gone. Their senders repeat, and so must those who wait for them.
    pub datagrams_unsent: u64,
    /// Segmented messages that the kernel or the device refused; their datagrams were sent again one by one.
    pub segmentation_refused: u64,
    /// How often segmentation was switched off for a while after refusals in a row.
    pub segmentation_pauses: u64,
    /// How often the transport slept in the kernel.
    pub sleeps: u64,
    /// How often a waker ended such a sleep, or came just before it.
    pub wakes: u64,
}

/// The counters, and what is needed to keep them right.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) counters: Counters,
    drops_seen: u32,
}

impl Tally {
    /// Takes note of the socket's own drop count, which starts at 0 with the socket and wraps at 2^32.
    ///
    /// A packet carries the count of the moment it was queued, so the counts never run backwards.
    pub(super) fn observe_drops(&mut self, drops: u32) {
        self.counters.datagrams_dropped_by_kernel += u64::from(drops.wrapping_sub(self.drops_seen));
        self.drops_seen = drops;
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn the_first_drops_count_and_a_wrapped_count_goes_on() {
        let mut tally = Tally::default();
        tally.observe_drops(3);
        assert_eq!(tally.counters.datagrams_dropped_by_kernel, 3);
        tally.observe_drops(3);
        assert_eq!(tally.counters.datagrams_dropped_by_kernel, 3);
        tally.observe_drops(u32::MAX);
        assert_eq!(tally.counters.datagrams_dropped_by_kernel, u64::from(u32::MAX));
        tally.observe_drops(1);
        assert_eq!(tally.counters.datagrams_dropped_by_kernel, u64::from(u32::MAX) + 2);
    }
}
