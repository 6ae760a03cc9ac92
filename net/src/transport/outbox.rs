//! Datagrams that wait to be sent: pushed one after another into one buffer, grouped when they leave.
//!
//! An index names each datagram by peer, offset and length. For a flush the index is put into order, so that datagrams
//! of one length to one peer are neighbours, in the order they were pushed; each run of them becomes one message that
//! the kernel cuts again (UDP_SEGMENT). The bytes are not moved: a message is a list of pieces, and datagrams that lie
//! side by side are one piece.

use std::io;
use std::net::SocketAddr;

use super::address::Name;
use super::config::Config;
use super::control::{SEGMENT_CONTROL_BYTES, SegmentControl};
use super::counters::Counters;
use super::limits::{
    DATAGRAM_BYTES_MAX, SEGMENTATION_PAUSE_DATAGRAMS, SEGMENTATION_REFUSALS_MAX, SEGMENTED_BYTES_MAX, SEGMENTS_MAX,
};
use super::mmsg::empty_header;

/// The outbox of one transport. Nothing in it grows after `new`.
pub(super) struct Outbox {
    bytes: Box<[u8]>,
    used: usize,
    datagrams_max: usize,
    frames: Vec<Frame>,
    /// Group and index of each frame to be sent: sorted, it is the order of sending.
    order: Vec<(u64, u32)>,
    messages: Vec<Message>,
    headers: Vec<libc::mmsghdr>,
    names: Vec<Name>,
    pieces: Vec<libc::iovec>,
    controls: Vec<SegmentControl>,
    results: Vec<i32>,
    segmentation: Segmentation,
    /// What is composed was refused as segments before.
    sent_again: bool,
}

/// One pushed datagram.
#[derive(Clone, Copy)]
struct Frame {
    peer: SocketAddr,
    offset: u32,
    length: u16,
}

/// One message: a run of `order`, and its first piece and their number.
#[derive(Clone, Copy)]
struct Message {
    first: usize,
    datagrams: usize,
    first_piece: usize,
    pieces: usize,
}

impl Outbox {
    pub(super) fn new(config: &Config, segmentation: bool) -> Self {
        let most = config.outbox_datagrams;
        Self {
            bytes: vec![0; config.outbox_bytes].into_boxed_slice(),
            used: 0,
            datagrams_max: most,
            frames: Vec::with_capacity(most),
            order: Vec::with_capacity(most),
            messages: Vec::with_capacity(most),
            headers: Vec::with_capacity(most),
            names: Vec::with_capacity(most),
            pieces: Vec::with_capacity(most),
            controls: Vec::with_capacity(most),
            results: Vec::with_capacity(most),
            segmentation: Segmentation { wanted: segmentation, refusals: 0, pause: 0 },
            sent_again: false,
        }
    }

    /// Room for a datagram of `length` zero bytes to `peer`; `None` if it does not fit.
    pub(super) fn push(&mut self, peer: SocketAddr, length: usize) -> Option<&mut [u8]> {
        assert!(
            (1..=DATAGRAM_BYTES_MAX).contains(&length),
            "a datagram has 1 to {DATAGRAM_BYTES_MAX} bytes, not {length}"
        );
        if !self.has_room(length) {
            return None;
        }
        let offset = u32::try_from(self.used).expect("bounded by OUTBOX_BYTES_MAX");
        let index = u32::try_from(self.frames.len()).expect("bounded by OUTBOX_DATAGRAMS_MAX");
        let frame = Frame { peer, offset, length: u16::try_from(length).expect("asserted above") };
        self.frames.push(frame);
        self.order.push((frame.group(), index));
        let room = &mut self.bytes[self.used..self.used + length];
        self.used += length;
        // What lay here went to another peer: a caller who leaves a byte unwritten must not pass it on.
        room.fill(0);
        Some(room)
    }

    /// True if a datagram of this length fits.
    pub(super) fn has_room(&self, length: usize) -> bool {
        self.frames.len() < self.datagrams_max && self.bytes.len() - self.used >= length
    }

    /// True if there is nothing to send.
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Makes messages of all that is in `order`, and headers that describe them to the kernel.
    pub(super) fn compose(&mut self) {
        // The index makes every entry different, so this keeps the order of pushing without needing memory.
        self.order.sort_unstable();
        let together = self.segmentation.is_on();
        let mut next = 0;
        while next < self.order.len() {
            let datagrams = if together { self.run_from(next) } else { 1 };
            self.add_message(next, datagrams);
            next += datagrams;
        }
        self.describe();
    }

    /// The headers to hand to the kernel, and a place for the result of each.
    pub(super) fn outgoing(&mut self) -> (&mut [libc::mmsghdr], &mut [i32]) {
        (&mut self.headers, &mut self.results)
    }

    /// Counts the results. What must leave one by one is composed anew: true if there is such. `Err`: the machine's
    /// fault; the outbox is then to be cleared.
    pub(super) fn settle(&mut self, counters: &mut Counters) -> io::Result<bool> {
        let mut fault = Ok(());
        let mut kept = 0;
        for index in 0..self.messages.len() {
            let message = self.messages[index];
            let datagrams = message.datagrams;
            let (count, segmented) = (datagrams as u64, datagrams > 1);
            if let Ok(bytes) = u64::try_from(self.results[index]) {
                counters.datagrams_sent += count;
                counters.sends += 1;
                counters.bytes_sent += bytes;
                self.segmentation.accepted(datagrams);
                // Only now is it known that segmenting was the fault, and not the peer's address.
                counters.segmentation_pauses +=
                    u64::from(std::mem::take(&mut self.sent_again) && self.segmentation.refused());
                continue;
            }
            let errno = -self.results[index];
            if segmented && is_refusal(errno) {
                counters.segmentation_refused += 1;
                // The kept run never overtakes the reading: it lies before or at the message's own entries.
                self.order.copy_within(message.first..message.first + datagrams, kept);
                kept += datagrams;
                continue;
            }
            counters.datagrams_unsent += count;
            match errno {
                libc::EBADF | libc::EFAULT | libc::ENOSYS | libc::ENOTSOCK => {
                    fault = Err(io::Error::from_raw_os_error(errno))
                }
                libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM | libc::ENETDOWN => counters.send_errors_by_machine += 1,
                _ => counters.send_errors_by_peer += 1,
            }
        }
        self.order.truncate(kept);
        self.forget_messages();
        self.sent_again = kept > 0;
        if fault.is_err() {
            counters.datagrams_unsent += kept as u64;
        }
        fault?;
        (0..kept).for_each(|position| self.add_message(position, 1));
        self.describe();
        Ok(kept > 0)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.frames.clear();
        self.order.clear();
        self.forget_messages();
    }

    /// Forgets everything, also what was composed and not settled, and returns how many datagrams that was.
    pub(super) fn abandon(&mut self) -> u64 {
        let unsent: usize = self.messages.iter().map(|message| message.datagrams).sum();
        self.clear();
        unsent as u64
    }

    /// How many datagrams from `position` on can leave together.
    fn run_from(&self, position: usize) -> usize {
        let first = self.frame(position);
        let most = SEGMENTS_MAX.min(SEGMENTED_BYTES_MAX / usize::from(first.length)).max(1);
        let candidates = position..self.order.len().min(position + most);
        candidates.take_while(|&other| self.frame(other).goes_with(first)).count()
    }

    fn add_message(&mut self, first: usize, datagrams: usize) {
        let first_piece = self.pieces.len();
        let base = self.bytes.as_mut_ptr();
        let mut end = None;
        for position in first..first + datagrams {
            let frame = *self.frame(position);
            let length = usize::from(frame.length);
            if end == Some(frame.offset) {
                let last = self.pieces.last_mut().expect("a piece that ends here");
                last.iov_len += length;
            } else {
                let start = base.wrapping_add(usize::try_from(frame.offset).expect("64 bits"));
                self.pieces.push(libc::iovec { iov_base: start.cast(), iov_len: length });
            }
            end = Some(frame.offset + u32::from(frame.length));
        }
        let frame = self.frame(first);
        let (name, control) = (Name::of(&frame.peer), SegmentControl::new(frame.length));
        self.names.push(name);
        self.controls.push(control);
        self.messages.push(Message { first, datagrams, first_piece, pieces: self.pieces.len() - first_piece });
    }

    /// Writes the headers. Last, because they point into the other lists, and those must not change any more.
    fn describe(&mut self) {
        let names = self.names.as_mut_ptr();
        let pieces = self.pieces.as_mut_ptr();
        let controls = self.controls.as_mut_ptr();
        for (index, message) in self.messages.iter().enumerate() {
            let mut header = empty_header();
            header.msg_hdr.msg_name = names.wrapping_add(index).cast();
            header.msg_hdr.msg_namelen = self.names[index].length;
            header.msg_hdr.msg_iov = pieces.wrapping_add(message.first_piece);
            header.msg_hdr.msg_iovlen = message.pieces;
            if message.datagrams > 1 {
                header.msg_hdr.msg_control = controls.wrapping_add(index).cast();
                header.msg_hdr.msg_controllen = SEGMENT_CONTROL_BYTES;
            }
            self.headers.push(header);
        }
        self.results.resize(self.headers.len(), 0);
    }

    fn forget_messages(&mut self) {
        self.messages.clear();
        self.headers.clear();
        self.names.clear();
        self.pieces.clear();
        self.controls.clear();
        self.results.clear();
    }

    fn frame(&self, position: usize) -> &Frame {
        let index = usize::try_from(self.order[position].1).expect("64 bits");
        &self.frames[index]
    }
}

impl Frame {
    /// A number that frames of one peer and length share. IPv4 frames share it only then; IPv6 addresses do not fit
    /// and may collide, which parts some runs and harms nothing else: `goes_with` decides.
    fn group(&self) -> u64 {
        let address = match self.peer {
            SocketAddr::V4(peer) => u64::from(peer.ip().to_bits()),
            SocketAddr::V6(peer) => {
                // The parts that tell neighbours apart are the lower ones of each half.
                let parts = peer.ip().segments().map(u64::from);
                (parts[2] ^ parts[4] ^ parts[6]) << 16 | (parts[3] ^ parts[5] ^ parts[7])
            }
        };
        address << 32 | u64::from(self.peer.port()) << 16 | u64::from(self.length)
    }

    fn goes_with(&self, other: &Self) -> bool {
        self.length == other.length && self.peer == other.peer
    }
}

/// Whether to let the kernel cut sends. Some devices and routes refuse: after refusals in flush after flush it pauses,
/// then tries again, so that neither one odd peer nor one bad moment decides for good.
struct Segmentation {
    wanted: bool,
    refusals: u32,
    pause: usize,
}

impl Segmentation {
    fn is_on(&self) -> bool {
        self.wanted && self.pause == 0
    }

    fn accepted(&mut self, datagrams: usize) {
        if datagrams > 1 {
            self.refusals = 0;
        }
        self.pause = self.pause.saturating_sub(datagrams);
    }

    /// Called once per flush in which it happened; true if a pause begins.
    fn refused(&mut self) -> bool {
        self.refusals += 1;
        let begins = self.refusals >= SEGMENTATION_REFUSALS_MAX;
        if begins {
            self.refusals = 0;
            self.pause = SEGMENTATION_PAUSE_DATAGRAMS;
        }
        begins
    }
}

/// What the kernel says when it cannot segment for this route or device, or the segments exceed its packets. Sent one
/// by one the same datagrams may well pass.
fn is_refusal(errno: i32) -> bool {
    matches!(errno, libc::EINVAL | libc::EIO | libc::EMSGSIZE | libc::EOPNOTSUPP | libc::ENOPROTOOPT)
}
