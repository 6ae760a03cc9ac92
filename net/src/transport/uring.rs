//! The io_uring backend: one multishot receive into a ring of buffers, one multishot poll on the waker's eventfd, and
//! sends submitted many at a time.
//!
//! The ring has a single issuer and defers its work to that thread (IORING_SETUP_DEFER_TASKRUN); a flag in shared
//! memory says when work is pending (TASKRUN_FLAG), so looking for datagrams when there are none costs no system call.
//!
//! Sends carry MSG_DONTWAIT. The kernel therefore finishes each within the submission, one way or the other, copies
//! the payload meanwhile, and the outbox is free again when `send` returns.
//!
//! Every completion passes through [`Uring::reap`]. Those of receives are queued in `arrived`, one entry per buffer the
//! kernel has handed over, so the queue can never be longer than there are buffers.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use io_uring::{IoUring, cqueue, opcode, squeue, types};

use super::buffer_ring::{BufferRing, GROUP};
use super::config::Config;
use super::counters::Tally;
use super::error::TransportError;
use super::limits::{CLOSE_WAIT, CONTROL_BYTES, NAME_BYTES, SUBMIT_TRIES_MAX};
use super::packet::{Budget, Packet};
use super::waker::Bed;

/// The socket and the eventfd in the ring's table of files.
const SOCKET: types::Fixed = types::Fixed(0);
const EVENT: types::Fixed = types::Fixed(1);

/// What a completion belongs to: its `user_data`. Sends are numbered from `FIRST_SEND`.
const RECEIVE: u64 = 0;
const WAKE: u64 = 1;
const FIRST_SEND: u64 = 2;

/// What the kernel puts in front of every received payload: a header of 16 bytes, the name, the control messages.
const PREFIX_BYTES: usize = 16 + NAME_BYTES + CONTROL_BYTES;

/// The send's result while it is under way. No errno and no length looks like it.
const UNFINISHED: i32 = i32::MIN;

/// One ring and all that belongs to it.
pub(super) struct Uring {
    // First, so that it is closed before the buffers are unmapped.
    ring: IoUring,
    buffers: BufferRing,
    /// How much room to leave for name and control messages; the kernel reads it whenever the receive is armed.
    shape: Box<libc::msghdr>,
    arrived: VecDeque<Arrived>,
    receive_armed: bool,
    wake_armed: bool,
    bed: Arc<Bed>,
}

/// A buffer with a packet in it.
#[derive(Clone, Copy)]
struct Arrived {
    buffer: u16,
    length: usize,
}

impl Uring {
    pub(super) fn new(
        socket: RawFd,
        bed: Arc<Bed>,
        config: &Config,
        tally: &mut Tally,
    ) -> Result<Self, TransportError> {
        let entries = |count: usize| u32::try_from(count).expect("bounded by COMPLETIONS_MAX");
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(entries(config.completion_queue_entries))
            .build(entries(config.submission_queue_entries))
            .map_err(|source| TransportError::Ring { step: "setting up the ring", source })?;
        ring.submitter()
            .register_files(&[socket, bed.event()])
            .map_err(|source| TransportError::Ring { step: "registering the socket", source })?;
        let count = u16::try_from(config.receive_buffer_count).expect("bounded by RECEIVE_BUFFERS_MAX");
        let buffer_bytes = u32::try_from(PREFIX_BYTES + config.receive_buffer_bytes).expect("bounded");
        let buffers = BufferRing::register(&ring.submitter(), count, buffer_bytes)?;
        let mut uring = Self {
            ring,
            buffers,
            shape: Box::new(receive_shape()),
            arrived: VecDeque::with_capacity(config.receive_buffer_count),
            receive_armed: false,
            wake_armed: false,
            bed,
        };
        uring.advance(tally)?;
        Ok(uring)
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
        self.deliver(&mut budget, tally, each);
        while budget.left() > 0 && self.advance(tally)? {
            self.deliver(&mut budget, tally, each);
        }
        if let (true, Some(wait)) = (budget.is_untouched(), wait) {
            self.sleep(wait, tally)?;
            self.deliver(&mut budget, tally, each);
        }
        Ok(budget.datagrams())
    }

    /// Sends every message; `results[i]` becomes the bytes sent of message `i`, or minus the errno.
    pub(super) fn send(
        &mut self,
        messages: &mut [libc::mmsghdr],
        results: &mut [i32],
        tally: &mut Tally,
    ) -> Result<(), TransportError> {
        assert_eq!(messages.len(), results.len(), "a result for each message");
        results.fill(UNFINISHED);
        let room = self.ring.submission().capacity();
        let flags = (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL).cast_unsigned();
        for (messages, results) in messages.chunks(room).zip(results.chunks_mut(room)) {
            self.submit_all()?;
            for (message, token) in messages.iter().zip(FIRST_SEND..) {
                self.queue(
                    &opcode::SendMsg::new(SOCKET, &raw const message.msg_hdr).flags(flags).build().user_data(token),
                );
            }
            self.finish_sends(results, tally)?;
        }
        Ok(())
    }

    /// Submits the queued sends and waits until none is under way: the kernel must not read the outbox afterwards.
    fn finish_sends(&mut self, results: &mut [i32], tally: &mut Tally) -> Result<(), TransportError> {
        let mut fault = self.submit_all().and_then(|()| self.reap(results, tally));
        // As a rule this loop does not run: only a full completion queue keeps a finished send from showing.
        while results.contains(&UNFINISHED) {
            match self.ring.submitter().submit_and_wait(1) {
                Ok(_) => {}
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    panic!("io_uring_enter failed with sends under way, their memory cannot be freed: {error}")
                }
            }
            fault = fault.and(self.reap(results, tally));
        }
        fault
    }

    /// Hands out what has arrived, as far as the budget goes, and gives the buffers back.
    fn deliver(&mut self, budget: &mut Budget, tally: &mut Tally, each: &mut impl FnMut(SocketAddr, &[u8])) {
        let mut given_back = false;
        while budget.left() > 0
            && let Some(arrived) = self.arrived.pop_front()
        {
            // SAFETY: only `reap` puts buffers into `arrived`, each upon the completion that hands it over, and it is
            // given back below, after the last use of the slice.
            let filled = unsafe { self.buffers.filled(arrived.buffer, arrived.length) };
            if let Ok(parts) = types::RecvMsgOut::parse(filled, &self.shape) {
                budget.spend(packet_of(&parts).deliver(tally, each));
            } else {
                tally.counters.packets_unreadable += 1;
                budget.spend(0);
            }
            self.buffers.give_back(arrived.buffer);
            given_back = true;
        }
        if given_back {
            self.buffers.publish();
        }
    }

    /// Arms what is not armed, lets the kernel work if it has work; true if packets have arrived.
    fn advance(&mut self, tally: &mut Tally) -> Result<bool, TransportError> {
        self.arm(tally)?;
        let queue = self.ring.submission();
        let overflown = queue.cq_overflow();
        let work = overflown || queue.taskrun() || !queue.is_empty();
        drop(queue);
        if overflown {
            tally.counters.completions_overflown += 1;
        }
        if work {
            self.enter()?;
        }
        self.reap(&mut [], tally)?;
        Ok(!self.arrived.is_empty())
    }

    /// Waits for a completion of any kind, or a wake, or the time.
    fn sleep(&mut self, wait: Duration, tally: &mut Tally) -> Result<(), TransportError> {
        // What ended in `advance` (a full queue ends the poll, too) must not be missing while we sleep.
        self.arm(tally)?;
        if !self.bed.fall_asleep() {
            tally.counters.wakes += 1;
            return Ok(());
        }
        tally.counters.sleeps += 1;
        let time = types::Timespec::from(wait);
        // The submitter counts the queued entries itself. A larger count would make the kernel return after
        // submitting, without waiting and without an error.
        let slept = self.ring.submitter().submit_with_args(1, &types::SubmitArgs::new().timespec(&time));
        if self.bed.rise() {
            tally.counters.wakes += 1;
        }
        match slept {
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(libc::ETIME) || is_passing(&error) => {}
            Err(source) => return Err(TransportError::Ring { step: "waiting", source }),
        }
        self.reap(&mut [], tally)
    }

    /// Queues the receive and the poll if they are not armed. Any completion without the MORE flag has ended them: an
    /// empty datagram (anyone can send one), a lack of buffers, a full completion queue.
    fn arm(&mut self, tally: &mut Tally) -> Result<(), TransportError> {
        if self.receive_armed && self.wake_armed {
            return Ok(());
        }
        // Room for both. Nothing else is ever left in the queue, so this submits little or nothing.
        self.submit_all()?;
        if !self.receive_armed {
            let shape: *const libc::msghdr = &raw const *self.shape;
            self.queue(&opcode::RecvMsgMulti::new(SOCKET, shape, GROUP).build().user_data(RECEIVE));
            self.receive_armed = true;
            tally.counters.receive_rearmed += 1;
        }
        if !self.wake_armed {
            let readable = u32::from(libc::POLLIN.cast_unsigned());
            self.queue(&opcode::PollAdd::new(EVENT, readable).multi(true).build().user_data(WAKE));
            self.wake_armed = true;
        }
        Ok(())
    }

    fn queue(&mut self, entry: &squeue::Entry) {
        // SAFETY: what the entries point at outlives the operation. The receive's shape is boxed and lives as long as
        // the ring; the messages of sends and what they point at are borrowed by `send` until all are finished.
        let queued = unsafe { self.ring.submission().push(entry) };
        queued.expect("room was made before queueing");
    }

    /// Submits until the queue is empty.
    fn submit_all(&mut self) -> Result<(), TransportError> {
        for _ in 0..SUBMIT_TRIES_MAX {
            if self.ring.submission().is_empty() {
                return Ok(());
            }
            self.enter()?;
        }
        let source = io::Error::from_raw_os_error(libc::EBUSY);
        Err(TransportError::Ring { step: "submitting", source })
    }

    /// One io_uring_enter that does not wait. If work is pending or the completion queue overflown, it sees to that.
    fn enter(&mut self) -> Result<(), TransportError> {
        match self.ring.submitter().submit() {
            Ok(_) => Ok(()),
            Err(error) if is_passing(&error) => Ok(()),
            Err(source) => Err(TransportError::Ring { step: "entering the kernel", source }),
        }
    }

    /// Takes every completion there is. `results` belong to the sends under way; empty if there are none.
    fn reap(&mut self, results: &mut [i32], tally: &mut Tally) -> Result<(), TransportError> {
        let mut fault = Ok(());
        for completion in self.ring.completion() {
            let more = cqueue::more(completion.flags());
            match completion.user_data() {
                RECEIVE => {
                    self.receive_armed &= more;
                    if let Some(buffer) = cqueue::buffer_select(completion.flags()) {
                        let length = usize::try_from(completion.result()).unwrap_or(0);
                        self.arrived.push_back(Arrived { buffer, length });
                    } else if completion.result() < 0 {
                        fault = fault.and(note_receive_error(-completion.result(), tally));
                    }
                }
                WAKE => self.wake_armed &= more,
                send => {
                    let index = usize::try_from(send - FIRST_SEND).expect("64 bits");
                    *results.get_mut(index).expect("completions only for sends under way") = completion.result();
                }
            }
        }
        fault
    }

    /// Ends the receive and the poll and waits for their last completions. True: the kernel uses no buffer any more.
    fn quiesce(&mut self) -> bool {
        let everything = types::CancelBuilder::any();
        let submitter = self.ring.submitter();
        // Nothing to cancel is an error as well, so the result says nothing; the completions do.
        let _ = submitter.register_sync_cancel(Some(types::Timespec::from(CLOSE_WAIT)), everything);
        let mut tally = Tally::default();
        for _ in 0..SUBMIT_TRIES_MAX {
            if self.reap(&mut [], &mut tally).is_err() || self.enter().is_err() {
                return false;
            }
            if !self.receive_armed {
                return true;
            }
            let moment = types::Timespec::from(CLOSE_WAIT / u32::try_from(SUBMIT_TRIES_MAX).expect("small"));
            let _ = self.ring.submitter().submit_with_args(1, &types::SubmitArgs::new().timespec(&moment));
        }
        false
    }
}

impl Drop for Uring {
    /// Closing a ring cancels its work and lets go of its files later, from a kernel thread: the buffers must not be
    /// unmapped under it, and the port shall be free when the transport is gone.
    fn drop(&mut self) {
        if !self.quiesce() || self.ring.submitter().unregister_buf_ring(GROUP).is_err() {
            self.buffers.abandon();
        }
        // If this fails the port is free a little later.
        let _ = self.ring.submitter().unregister_files();
    }
}

/// Room for one name and the control messages.
fn receive_shape() -> libc::msghdr {
    // SAFETY: a message header is integers and pointers, for which zero is a value.
    let mut shape: libc::msghdr = unsafe { std::mem::zeroed() };
    shape.msg_namelen = u32::try_from(NAME_BYTES).expect("small");
    shape.msg_controllen = CONTROL_BYTES;
    shape
}

fn packet_of<'a>(parts: &'a types::RecvMsgOut<'a>) -> Packet<'a> {
    Packet {
        name: parts.name_data(),
        control: parts.control_data(),
        payload: parts.payload_data(),
        flags: parts.flags().cast_signed(),
    }
}

/// Interrupted, or the kernel is short of something for the moment, or wants its completions taken first.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY))
}

/// A receive ended without a packet: counted if it can be armed again, an error if that would only repeat it.
fn note_receive_error(errno: i32, tally: &mut Tally) -> Result<(), TransportError> {
    match errno {
        libc::ENOBUFS => tally.counters.receive_buffers_exhausted += 1,
        libc::EBADF | libc::EFAULT | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP | libc::EPERM | libc::EACCES => {
            let source = io::Error::from_raw_os_error(errno);
            return Err(TransportError::Ring { step: "receiving", source });
        }
        _ => tally.counters.receive_errors += 1,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;
    use std::sync::Arc;
    use std::time::Duration;

    use super::Uring;
    use crate::transport::config::Config;
    use crate::transport::counters::Tally;
    use crate::transport::waker::Bed;

    /// Longer than any wait here that ends as it should.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn a_full_completion_queue_ends_the_wakers_poll_and_it_is_armed_again() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let bed = Bed::new().unwrap();
        let config = Config {
            submission_queue_entries: 4,
            completion_queue_entries: 4,
            receive_buffer_count: 16,
            ..Config::default()
        };
        let mut tally = Tally::default();
        let mut uring = Uring::new(socket.as_raw_fd(), Arc::clone(&bed), &config, &mut tally).unwrap();

        // The datagrams fill the queue before the wake's turn comes.
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..10 {
            client.send_to(&[7; 20], socket.local_addr().unwrap()).unwrap();
        }
        assert!(bed.fall_asleep());
        bed.waker().wake();
        assert!(bed.rise());
        uring.enter().unwrap();
        assert!(uring.ring.submission().cq_overflow(), "the queue was to overflow");
        let (mut count, began) = (0, std::time::Instant::now());
        while count < 10 || !uring.ring.submission().is_empty() {
            count += uring.receive(64, None, &mut tally, &mut |_, _| ()).unwrap();
            assert!(began.elapsed() < PATIENCE, "{count} of 10 datagrams came");
        }
        assert!(tally.counters.completions_overflown > 0);

        let waker = bed.waker();
        let helper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            waker.wake();
        });
        let before = std::time::Instant::now();
        while tally.counters.wakes == 0 && before.elapsed() < PATIENCE {
            uring.receive(64, Some(PATIENCE), &mut tally, &mut |_, _| ()).unwrap();
        }
        helper.join().unwrap();
        assert!(before.elapsed() < PATIENCE, "the wake did not end the sleep");
    }
}
