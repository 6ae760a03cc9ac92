//! Control messages: what the kernel says beside a packet, and what we ask beside a send (cmsg(3)).
//!
//! Layout of one: total length without trailing padding (a machine word), level (4 bytes), type (4), then the content,
//! padded to a machine word.

/// Asks for, and reports, the segment size of merged packets (udp(7)).
pub(super) const UDP_GRO: i32 = 104;
/// Asks for a send to be cut into datagrams of so many bytes (udp(7)).
pub(super) const UDP_SEGMENT: i32 = 103;
/// Asks for, and reports, the count of packets dropped so far (socket(7)).
pub(super) const SO_RXQ_OVFL: i32 = 40;

const WORD_BYTES: usize = size_of::<usize>();
const HEADER_BYTES: usize = WORD_BYTES + 8;
const _: () = assert!(HEADER_BYTES == size_of::<libc::cmsghdr>());

/// What the kernel said beside a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Remarks {
    /// Bytes of each datagram in a merged packet, except the last, which may be shorter. `None`: not merged.
    pub(super) segment_bytes: Option<usize>,
    /// Packets dropped since the socket was made, as of the moment this one was queued. `None`: none so far.
    pub(super) drops: Option<u32>,
}

/// Reads the control messages beside a packet; unknown ones are passed over. `None` if they are malformed.
pub(super) fn read(mut control: &[u8]) -> Option<Remarks> {
    let mut remarks = Remarks::default();
    while control.len() >= HEADER_BYTES {
        let (length, rest) = control.split_first_chunk::<WORD_BYTES>()?;
        let (level, rest) = rest.split_first_chunk::<4>()?;
        let (kind, _) = rest.split_first_chunk::<4>()?;
        let length = usize::from_ne_bytes(*length);
        let content = control.get(HEADER_BYTES..length)?;
        match (i32::from_ne_bytes(*level), i32::from_ne_bytes(*kind)) {
            (libc::SOL_UDP, UDP_GRO) => {
                let segment_bytes = usize::try_from(i32::from_ne_bytes(*content.first_chunk()?)).ok()?;
                remarks.segment_bytes = (segment_bytes > 0).then_some(segment_bytes);
            }
            (libc::SOL_SOCKET, SO_RXQ_OVFL) => remarks.drops = Some(u32::from_ne_bytes(*content.first_chunk()?)),
            _ => {}
        }
        let step = length.checked_next_multiple_of(WORD_BYTES)?;
        control = control.get(step..).unwrap_or(&[]);
    }
    Some(remarks)
}

/// The control message that asks for a segmented send.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct SegmentControl {
    bytes: [u8; SEGMENT_CONTROL_BYTES],
}

/// Its size, padding included.
pub(super) const SEGMENT_CONTROL_BYTES: usize = HEADER_BYTES + WORD_BYTES;

impl SegmentControl {
    /// Cuts the send into datagrams of `segment_bytes` each; the last may be shorter.
    pub(super) fn new(segment_bytes: u16) -> Self {
        let mut bytes = [0; SEGMENT_CONTROL_BYTES];
        bytes[..WORD_BYTES].copy_from_slice(&(HEADER_BYTES + 2).to_ne_bytes());
        bytes[WORD_BYTES..WORD_BYTES + 4].copy_from_slice(&libc::SOL_UDP.to_ne_bytes());
        bytes[WORD_BYTES + 4..HEADER_BYTES].copy_from_slice(&UDP_SEGMENT.to_ne_bytes());
        bytes[HEADER_BYTES..HEADER_BYTES + 2].copy_from_slice(&segment_bytes.to_ne_bytes());
        Self { bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADER_BYTES, Remarks, SO_RXQ_OVFL, SegmentControl, UDP_GRO, WORD_BYTES, read};

    fn message(level: i32, kind: i32, content: &[u8]) -> Vec<u8> {
        let mut bytes = (HEADER_BYTES + content.len()).to_ne_bytes().to_vec();
        bytes.extend_from_slice(&level.to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(WORD_BYTES), 0);
        bytes
    }

    #[test]
    fn both_remarks_are_found_in_either_order_and_past_unknown_ones() {
        let segment = message(libc::SOL_UDP, UDP_GRO, &300_i32.to_ne_bytes());
        let drops = message(libc::SOL_SOCKET, SO_RXQ_OVFL, &7_u32.to_ne_bytes());
        let unknown = message(libc::SOL_SOCKET, 1_234, &[9; 13]);
        let expected = Some(Remarks { segment_bytes: Some(300), drops: Some(7) });
        assert_eq!(read(&[segment.clone(), drops.clone(), unknown.clone()].concat()), expected);
        assert_eq!(read(&[unknown, drops, segment].concat()), expected);
        assert_eq!(read(&[]), Some(Remarks::default()));
    }

    #[test]
    fn malformed_lengths_are_refused_and_never_loop() {
        let good = message(libc::SOL_UDP, UDP_GRO, &300_i32.to_ne_bytes());
        for length in [0, 1, HEADER_BYTES - 1, HEADER_BYTES + 3, good.len() + 1, usize::MAX] {
            let mut bytes = good.clone();
            bytes[..WORD_BYTES].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(read(&bytes), None, "length {length}");
        }
        let negative = message(libc::SOL_UDP, UDP_GRO, &(-1_i32).to_ne_bytes());
        assert_eq!(read(&negative), None);
    }

    #[test]
    fn the_request_for_segments_has_the_layout_the_kernel_reads() {
        let control = SegmentControl::new(1_472);
        assert_eq!(control.bytes.to_vec(), message(libc::SOL_UDP, super::UDP_SEGMENT, &1_472_u16.to_ne_bytes()));
    }
}
