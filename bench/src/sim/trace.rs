//! What happened, as one number: two runs of a seed are the same if their traces are.

/// A running BLAKE3 of every event and of all bytes that went to or fro.
#[derive(Debug, Default)]
pub struct Trace(blake3::Hasher);

/// What an event is.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Event {
    /// A datagram arrived.
    Delivered = 1,
    /// A datagram was sent: lost, repeated or on its way.
    Sent,
    /// A payer or a thief did something.
    Payer,
    /// An authority signed replies.
    Replied,
    /// Verdicts came back.
    Verified,
    /// A block was made.
    Block,
    /// A step of a commit.
    Commit,
    /// A step of a snapshot, or of its file.
    Snapshot,
    /// Credits or acknowledgements moved.
    Link,
    /// Bytes between two processes.
    Wire,
    /// A step of a history.
    History,
    /// A fault.
    Fault,
    /// An authority came back, or tried.
    Recovered,
}

impl Trace {
    /// An event, with numbers that tell it from others.
    pub fn event(&mut self, event: Event, numbers: [u64; 3]) {
        let mut bytes = [0; 25];
        bytes[0] = event as u8;
        for (place, number) in bytes[1..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        self.0.update(&bytes);
    }

    /// Bytes that belong to the event before.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The trace so far.
    pub fn digest(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}
