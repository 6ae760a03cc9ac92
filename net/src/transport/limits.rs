//! The bounds of every buffer, queue and wait of the transports, with unit and reason.

use std::time::Duration;

/// Largest payload of one UDP datagram, bytes: an IPv4 packet of 65,535 less 20 of IP and 8 of UDP header.
pub const DATAGRAM_BYTES_MAX: usize = 65_507;

/// Largest payload of a packet that the kernel merged from several datagrams, bytes: IPv6 counts 65,535 without
/// its own header, of which 8 are UDP's. A smaller receive buffer would lose a whole merged packet at once.
pub const MERGED_PAYLOAD_BYTES_MAX: usize = 65_527;

/// Most datagrams in one segmented send. Linux allows 64 before 6.9 and 128 since; 64 already hides the cost.
pub const SEGMENTS_MAX: usize = 64;

/// Most payload bytes of one segmented send: it travels the stack as one IP packet.
pub const SEGMENTED_BYTES_MAX: usize = DATAGRAM_BYTES_MAX;

/// Fewest receive buffers: with one, the kernel and the reader would wait for each other by turns.
pub const RECEIVE_BUFFERS_MIN: usize = 2;

/// Most receive buffers. Beyond this the memory of one shard leaves every cache.
pub const RECEIVE_BUFFERS_MAX: usize = 4_096;

/// Smallest receive buffer, bytes of payload.
pub const RECEIVE_BUFFER_BYTES_MIN: usize = 64;

/// Largest receive buffer, bytes of payload: no packet is larger.
pub const RECEIVE_BUFFER_BYTES_MAX: usize = 65_536;

/// Most packets taken by one recvmmsg call: more buffers than this bring nothing, the call's cost is spread.
pub const RECVMMSG_PACKETS_MAX: usize = 64;

/// Smallest outbox, bytes: it must hold the largest datagram, or `push` could never succeed.
pub const OUTBOX_BYTES_MIN: usize = 65_536;

/// Largest outbox, bytes. What waits longer than this to leave has waited too long.
pub const OUTBOX_BYTES_MAX: usize = 64 << 20;

/// Most datagrams in the outbox.
pub const OUTBOX_DATAGRAMS_MAX: usize = 65_536;

/// Fewest entries of a submission queue: receive, waker and room for sends.
pub const SUBMISSIONS_MIN: usize = 4;

/// Most entries of a submission queue, as the kernel has it (32,768) and then less: each is 64 bytes.
pub const SUBMISSIONS_MAX: usize = 4_096;

/// Most entries of a completion queue (16 bytes each).
pub const COMPLETIONS_MAX: usize = 65_536;

/// Largest socket buffer that can be asked for, bytes. The kernel doubles the figure and keeps it in an `int`.
pub const SOCKET_BUFFER_BYTES_MAX: usize = (1 << 30) - 1;

/// What one unmerged datagram of [`CHARGED_DATAGRAM_BYTES`] bytes takes of the receive buffer, bytes: the kernel
/// charges the memory of its bookkeeping, not the payload. Measured on loopback, Linux 6.18, with SO_MEMINFO:
/// 832 up to 176 bytes, 1,280 from 300 to 600, 2,304 at 1,200 and above; 64 datagrams of 300 bytes merged into
/// one packet take 20,032 together, 313 each.
pub const DATAGRAM_CHARGE_BYTES: usize = 1_280;

/// The payload that [`DATAGRAM_CHARGE_BYTES`] was measured with, bytes.
pub const CHARGED_DATAGRAM_BYTES: usize = 300;

/// How long the probe waits for its datagram to come round on loopback before it calls the ring dead.
pub const PROBE_WAIT: Duration = Duration::from_secs(1);

/// Flushes in a row with refused segments, and none accepted, after which segmentation pauses: one route without it
/// must not decide for all.
pub const SEGMENTATION_REFUSALS_MAX: u32 = 8;

/// Datagrams sent one by one before segmentation is tried again.
pub const SEGMENTATION_PAUSE_DATAGRAMS: usize = 4_096;

/// How long closing a ring waits for the kernel to let go of its buffers.
pub const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// How often the kernel may answer a submission with "later" before it counts as the machine's fault.
pub const SUBMIT_TRIES_MAX: usize = 1_000;

/// Room for the peer's address in front of a received payload, bytes: a `sockaddr_in6` takes 28.
pub(super) const NAME_BYTES: usize = 32;

/// Room for control messages in front of a received payload, bytes: segment size and drop count take 24 each.
pub(super) const CONTROL_BYTES: usize = 64;

const _: () = assert!(OUTBOX_BYTES_MIN >= DATAGRAM_BYTES_MAX);
const _: () = assert!(OUTBOX_BYTES_MAX <= u32::MAX as usize);
const _: () = assert!(OUTBOX_DATAGRAMS_MAX <= u32::MAX as usize);
const _: () = assert!(DATAGRAM_BYTES_MAX <= u16::MAX as usize);
const _: () = assert!(RECEIVE_BUFFER_BYTES_MAX >= MERGED_PAYLOAD_BYTES_MAX);
const _: () = assert!(RECEIVE_BUFFERS_MAX <= 32_768);
const _: () = assert!(SUBMISSIONS_MAX <= COMPLETIONS_MAX);
