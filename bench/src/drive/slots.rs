//! What is kept of a payment while it is in flight; all memory is taken at the start.

use quittance_net::frame::{CERTIFICATE_HEAD_BYTES, CertificateHead, FRAME_BYTES_MAX};

/// One payment in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub(super) payment: u32,
    /// Whether the certificate is complete and was sent.
    pub(super) certified: bool,
    /// Whether enough receipts are in.
    pub(super) settled: bool,
    /// Sends of the present frame, except those that drew a refusal for the moment.
    pub(super) tries: u32,
    /// Refusals for the moment so far.
    pub(super) passing_refusal_count: u32,
    /// When it was due.
    pub(super) due_ns: u64,
    /// When its order was sent first.
    pub(super) sent_ns: u64,
    /// When its last vote arrived.
    pub(super) voted_ns: u64,
    /// When its certificate was sent first; 0 before.
    pub(super) certificate_sent_ns: u64,
    /// Running authorities that voted, that gave a receipt, that refused: a bit each.
    pub(super) votes: u32,
    pub(super) receipts: u32,
    pub(super) refusals: u32,
    /// Length so far of the certificate: its head and the votes.
    pub(super) certificate_bytes: usize,
}

/// A fixed number of slots, each with the bytes of a certificate that grows vote by vote.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    certificates: Vec<[u8; FRAME_BYTES_MAX]>,
}

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        let count_u32 = u32::try_from(count).expect("IN_FLIGHT_MAX bounds the slots");
        Self {
            slots: vec![Slot::default(); count],
            free: (0..count_u32).rev().collect(),
            certificates: vec![[0; FRAME_BYTES_MAX]; count],
        }
    }

    /// How many payments can be in flight.
    pub(super) fn count(&self) -> usize {
        self.slots.len()
    }

    /// How many payments are in flight.
    pub(super) fn used(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Takes a slot. There must be a free one.
    pub(super) fn open(&mut self, payment: u32, due_ns: u64, sent_ns: u64) -> u32 {
        let index = self.free.pop().expect("whoever sends looks for room first");
        let certificate_bytes = CERTIFICATE_HEAD_BYTES;
        self.slots[index as usize] = Slot { payment, due_ns, sent_ns, certificate_bytes, ..Slot::default() };
        index
    }

    /// Gives a slot back.
    pub(super) fn close(&mut self, index: u32) {
        assert!(self.free.len() < self.slots.len(), "a slot is given back once");
        self.free.push(index);
    }

    pub(super) fn get(&mut self, index: u32) -> &mut Slot {
        &mut self.slots[index as usize]
    }

    pub(super) fn peek(&self, index: u32) -> &Slot {
        &self.slots[index as usize]
    }

    /// Appends votes to the certificate: `write` puts them at the start of what it gets and returns their length.
    pub(super) fn append_votes(&mut self, index: u32, write: impl FnOnce(&mut [u8]) -> usize) {
        let slot = &mut self.slots[index as usize];
        slot.certificate_bytes += write(&mut self.certificates[index as usize][slot.certificate_bytes..]);
    }

    /// Puts the head before the votes.
    pub(super) fn complete(&mut self, index: u32, head: &CertificateHead) {
        self.certificates[index as usize][..CERTIFICATE_HEAD_BYTES].copy_from_slice(bytemuck::bytes_of(head));
    }

    /// The certificate's frame.
    pub(super) fn certificate(&self, index: u32) -> &[u8] {
        &self.certificates[index as usize][..self.slots[index as usize].certificate_bytes]
    }
}
