//! The recvmmsg and sendmmsg backend: where io_uring is refused, and as its measure.

use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use super::config::Config;
use super::counters::Tally;
use super::error::TransportError;
use super::limits::{CONTROL_BYTES, NAME_BYTES, RECVMMSG_PACKETS_MAX};
use super::mapping::Mapping;
use super::packet::{Budget, Packet};
use super::waker::Bed;

/// Offset of the payload within a slot: name, control messages, payload.
const PAYLOAD: usize = NAME_BYTES + CONTROL_BYTES;

/// Slots for received packets, and the headers that describe them to the kernel.
pub(super) struct Mmsg {
    socket: RawFd,
    local_address: SocketAddr,
    memory: Mapping,
    slot_bytes: usize,
    /// Never read here, only by the kernel; the headers point at them.
    _pieces: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
    bed: Arc<Bed>,
}

impl Mmsg {
    pub(super) fn new(
        socket: RawFd,
        local_address: SocketAddr,
        bed: Arc<Bed>,
        config: &Config,
    ) -> Result<Self, TransportError> {
        let count = config.receive_buffer_count.min(RECVMMSG_PACKETS_MAX);
        // A cache line more than needed, so that the slots do not all begin in the same cache sets.
        let slot_bytes = (PAYLOAD + config.receive_buffer_bytes).next_multiple_of(64);
        let memory = Mapping::new(count * slot_bytes)?;
        let mut pieces: Box<[libc::iovec]> = (0..count)
            .map(|slot| libc::iovec {
                iov_base: memory.at(slot * slot_bytes + PAYLOAD).cast(),
                iov_len: config.receive_buffer_bytes,
            })
            .collect();
        let first_piece = pieces.as_mut_ptr();
        let headers = (0..count)
            .map(|slot| {
                let mut header = empty_header();
                header.msg_hdr.msg_iov = first_piece.wrapping_add(slot);
                header.msg_hdr.msg_iovlen = 1;
                header.msg_hdr.msg_name = memory.at(slot * slot_bytes).cast();
                header.msg_hdr.msg_control = memory.at(slot * slot_bytes + NAME_BYTES).cast();
                make_room(&mut header);
                header
            })
            .collect();
        Ok(Self { socket, local_address, memory, slot_bytes, _pieces: pieces, headers, bed })
    }

    /// See [`super::Transport::receive`].
    pub(super) fn receive(
        &mut self,
        datagrams_max: usize,
        wait: Option<Duration>,
        tally: &mut Tally,
        each: &mut impl FnMut(SocketAddr, &[u8]),
    ) -> Result<usize, TransportError> {
        let mut budget = Budget::new(datagrams_max);
        self.receive_ready(&mut budget, tally, each)?;
        if let (true, Some(wait)) = (budget.is_untouched(), wait) {
            self.sleep(wait, tally)?;
            self.receive_ready(&mut budget, tally, each)?;
        }
        Ok(budget.datagrams())
    }

    /// Sends every message; `results[i]` becomes the bytes sent of message `i`, or minus the errno.
    pub(super) fn send(&mut self, messages: &mut [libc::mmsghdr], results: &mut [i32]) {
        assert_eq!(messages.len(), results.len(), "a result for each message");
        let mut next = 0;
        while next < messages.len() {
            let rest = &mut messages[next..];
            let count = u32::try_from(rest.len()).expect("bounded by OUTBOX_DATAGRAMS_MAX");
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            // SAFETY: `rest` is `count` headers, and the names, pieces, control messages and payloads they point at
            // belong to the outbox, which is borrowed as long as they are. The kernel writes the lengths only.
            let sent = unsafe { libc::sendmmsg(self.socket, rest.as_mut_ptr(), count, flags) };
            if let Ok(sent) = usize::try_from(sent) {
                for (message, result) in rest.iter().zip(&mut results[next..]).take(sent) {
                    *result = message.msg_len.cast_signed();
                }
                next += sent;
            } else {
                let errno = last_errno();
                if errno != libc::EINTR {
                    results[next] = -errno;
                    next += 1;
                }
            }
        }
    }

    /// Takes what is there without waiting.
    fn receive_ready(
        &mut self,
        budget: &mut Budget,
        tally: &mut Tally,
        each: &mut impl FnMut(SocketAddr, &[u8]),
    ) -> Result<(), TransportError> {
        while budget.left() > 0 {
            let wanted = self.headers.len().min(budget.left());
            let packets = self.take_packets(wanted, tally)?;
            for slot in 0..packets {
                budget.spend(self.packet(slot).deliver(tally, each));
                make_room(&mut self.headers[slot]);
            }
            if packets < wanted {
                break;
            }
        }
        Ok(())
    }

    /// One recvmmsg into the first `wanted` slots; returns how many it filled.
    fn take_packets(&mut self, wanted: usize, tally: &mut Tally) -> Result<usize, TransportError> {
        let vector = u32::try_from(wanted).expect("bounded by RECVMMSG_PACKETS_MAX");
        let headers = self.headers.as_mut_ptr();
        // SAFETY: the first `wanted` headers exist, and each describes its own slot of the mapping, of which no slice
        // lives while `self` is borrowed mutably. The kernel touches nothing else, and nothing after the call.
        let taken = unsafe { libc::recvmmsg(self.socket, headers, vector, libc::MSG_DONTWAIT, std::ptr::null_mut()) };
        if let Ok(taken) = usize::try_from(taken) {
            return Ok(taken);
        }
        match last_errno() {
            libc::EAGAIN | libc::EINTR => {}
            errno @ (libc::EBADF | libc::EFAULT | libc::EINVAL | libc::ENOTSOCK | libc::ENOSYS | libc::EPERM) => {
                let source = io::Error::from_raw_os_error(errno);
                return Err(TransportError::Receive { address: self.local_address, source });
            }
            _ => tally.counters.receive_errors += 1,
        }
        Ok(0)
    }

    /// The packet in a slot that the last call filled.
    fn packet(&self, slot: usize) -> Packet<'_> {
        let header = &self.headers[slot];
        let start = slot * self.slot_bytes;
        let name_bytes = usize::try_from(header.msg_hdr.msg_namelen).expect("64 bits").min(NAME_BYTES);
        let control_bytes = header.msg_hdr.msg_controllen.min(CONTROL_BYTES);
        let payload_bytes = usize::try_from(header.msg_len).expect("64 bits");
        assert!(PAYLOAD + payload_bytes <= self.slot_bytes, "a packet within its slot");
        // SAFETY: no call is under way, so the kernel does not write, and nobody else has the memory.
        let name = unsafe { self.memory.slice(start, name_bytes) };
        // SAFETY: as above.
        let control = unsafe { self.memory.slice(start + NAME_BYTES, control_bytes) };
        // SAFETY: as above.
        let payload = unsafe { self.memory.slice(start + PAYLOAD, payload_bytes) };
        Packet { name, control, payload, flags: header.msg_hdr.msg_flags }
    }

    /// Waits for the socket, or a wake, or the time.
    fn sleep(&mut self, wait: Duration, tally: &mut Tally) -> Result<(), TransportError> {
        if !self.bed.fall_asleep() {
            tally.counters.wakes += 1;
            return Ok(());
        }
        tally.counters.sleeps += 1;
        let readable = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut watched = [readable(self.socket), readable(self.bed.event())];
        let time = libc::timespec {
            tv_sec: libc::time_t::try_from(wait.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        };
        // SAFETY: `watched` is two live entries, `time` outlives the call, and a null mask changes no signals.
        let ready = unsafe { libc::ppoll(watched.as_mut_ptr(), 2, &raw const time, std::ptr::null()) };
        let errno = if ready < 0 { last_errno() } else { 0 };
        if self.bed.rise() {
            tally.counters.wakes += 1;
        }
        if watched[1].revents != 0 {
            self.bed.empty();
        }
        match errno {
            0 | libc::EINTR => Ok(()),
            _ => Err(TransportError::Receive {
                address: self.local_address,
                source: io::Error::from_raw_os_error(errno),
            }),
        }
    }
}

/// A message header of which nothing is set.
pub(super) fn empty_header() -> libc::mmsghdr {
    // SAFETY: a message header is integers and pointers, for which zero is a value.
    unsafe { std::mem::zeroed() }
}

/// The kernel replaces room by length in these two: they are set again before every call.
fn make_room(header: &mut libc::mmsghdr) {
    header.msg_hdr.msg_namelen = u32::try_from(NAME_BYTES).expect("small");
    header.msg_hdr.msg_controllen = CONTROL_BYTES;
}

fn last_errno() -> i32 {
    io::Error::last_os_error().raw_os_error().expect("the last call's errno")
}
