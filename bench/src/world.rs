//! What the driver and the audit touch: sockets and the time. A trait, so that tests can put a small world in its place.

use crate::drive::Tally;
use crate::error::BenchError;
use quittance_engine::types::Peer;

/// Client sockets and a clock.
pub trait World {
    /// Nanoseconds since some moment before the run; never goes back.
    fn now_ns(&mut self) -> u64;

    /// How many client sockets there are; at least one.
    fn socket_count(&self) -> usize;

    /// A payment begins: what others do at this moment may follow it. Said once for each.
    ///
    /// # Errors
    /// As [`Self::push`].
    fn begins(&mut self, payment: u32) -> Result<(), BenchError> {
        _ = payment;
        Ok(())
    }

    /// Queues a datagram on a socket. It leaves at the next [`Self::flush`], or earlier.
    ///
    /// # Errors
    /// The machine's faults. A datagram that is lost is none.
    fn push(&mut self, socket: usize, to: Peer, datagram: &[u8]) -> Result<(), BenchError>;

    /// Sends what is queued, runs of equal size to one address together.
    ///
    /// # Errors
    /// As [`Self::push`].
    fn flush(&mut self) -> Result<(), BenchError>;

    /// Hands over what has arrived on all sockets: source and datagram. Waits up to `wait_ns` if nothing has.
    ///
    /// # Errors
    /// As [`Self::push`].
    fn receive(&mut self, wait_ns: u64, take: &mut dyn FnMut(Peer, &[u8])) -> Result<(), BenchError>;
}

/// What is looked after every few milliseconds: signals, child processes.
pub trait Watch {
    /// # Errors
    /// Whatever must end the run.
    fn look(&mut self) -> Result<(), BenchError>;

    /// Told after each look how the phase stands that is being driven. Must not wait: the load loop does.
    fn show(&mut self, now_ns: u64, in_flight: usize, tally: &Tally) {
        _ = (now_ns, in_flight, tally);
    }
}

impl<F: FnMut() -> Result<(), BenchError>> Watch for F {
    fn look(&mut self) -> Result<(), BenchError> {
        self()
    }
}
