//! The sizes of a transport.

use super::error::{TransportError, check_limit};
use super::limits::{
    COMPLETIONS_MAX, MERGED_PAYLOAD_BYTES_MAX, OUTBOX_BYTES_MAX, OUTBOX_BYTES_MIN, OUTBOX_DATAGRAMS_MAX,
    RECEIVE_BUFFER_BYTES_MAX, RECEIVE_BUFFER_BYTES_MIN, RECEIVE_BUFFERS_MAX, RECEIVE_BUFFERS_MIN, SUBMISSIONS_MAX,
    SUBMISSIONS_MIN,
};

/// Sizes of one transport. Every figure has its bounds in [`super::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Receive buffers, a power of two. With recvmmsg no more than 64 are used.
    pub receive_buffer_count: usize,
    /// Payload bytes of one receive buffer. With GRO at least [`MERGED_PAYLOAD_BYTES_MAX`]; without, the largest
    /// datagram to be received.
    pub receive_buffer_bytes: usize,
    /// Bytes of pushed datagrams that wait for a flush.
    pub outbox_bytes: usize,
    /// Number of pushed datagrams that wait for a flush.
    pub outbox_datagrams: usize,
    /// Entries of the submission queue: so many messages leave with one system call (io_uring only).
    pub submission_queue_entries: usize,
    /// Entries of the completion queue. When it holds at least the receive buffers and the submissions together it
    /// never overflows; a smaller one loses nothing, but costs system calls (io_uring only).
    pub completion_queue_entries: usize,
}

impl Default for Config {
    /// 128 receive buffers of 64 KiB (8 MiB: the receive buffer's worth), an outbox of 512 KiB and 4,096 datagrams,
    /// 256 messages per submission.
    fn default() -> Self {
        Self {
            receive_buffer_count: 128,
            receive_buffer_bytes: 65_536,
            outbox_bytes: 512 << 10,
            outbox_datagrams: 4_096,
            submission_queue_entries: 256,
            completion_queue_entries: 1_024,
        }
    }
}

impl Config {
    /// Checks every figure against its bounds; `gro` says whether packets may arrive merged.
    pub(super) fn check(&self, gro: bool) -> Result<(), TransportError> {
        let (note, buffer_bytes_min) = if gro {
            (", because packets may arrive merged (GRO)", MERGED_PAYLOAD_BYTES_MAX)
        } else {
            ("", RECEIVE_BUFFER_BYTES_MIN)
        };
        let count = self.receive_buffer_count;
        check_limit("receive_buffer_count", count, RECEIVE_BUFFERS_MIN, RECEIVE_BUFFERS_MAX, "")?;
        if !count.is_power_of_two() {
            let note = ", and a power of two";
            return Err(TransportError::Limit {
                figure: "receive_buffer_count",
                value: count,
                least: RECEIVE_BUFFERS_MIN,
                most: RECEIVE_BUFFERS_MAX,
                note,
            });
        }
        check_limit(
            "receive_buffer_bytes",
            self.receive_buffer_bytes,
            buffer_bytes_min,
            RECEIVE_BUFFER_BYTES_MAX,
            note,
        )?;
        check_limit("outbox_bytes", self.outbox_bytes, OUTBOX_BYTES_MIN, OUTBOX_BYTES_MAX, "")?;
        check_limit("outbox_datagrams", self.outbox_datagrams, 1, OUTBOX_DATAGRAMS_MAX, "")?;
        let submissions = self.submission_queue_entries;
        check_limit("submission_queue_entries", submissions, SUBMISSIONS_MIN, SUBMISSIONS_MAX, "")?;
        let note = ", and no less than submission_queue_entries";
        check_limit("completion_queue_entries", self.completion_queue_entries, submissions, COMPLETIONS_MAX, note)
    }
}
