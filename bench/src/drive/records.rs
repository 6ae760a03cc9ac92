//! What is to be written down of payments in flight, where someone writes: certificates before they are sent, and settlements.

/// Certificates one behind the other, and payments that settled. The memory is used again after each [`Self::clear`].
#[derive(Debug, Default)]
pub struct ToRecord {
    bytes: Vec<u8>,
    /// Where each certificate ends.
    ends: Vec<usize>,
    settled: Vec<u32>,
}

impl ToRecord {
    /// Adds a certificate that waits to be sent: the bytes of its frame.
    pub(super) fn add_certificate(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
    }

    /// Adds a payment that settled.
    pub(super) fn add_settled(&mut self, payment: u32) {
        self.settled.push(payment);
    }

    /// The frames of certificates that wait to be sent, oldest first.
    pub fn certificates(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let start = |index: usize| index.checked_sub(1).map_or(0, |before| self.ends[before]);
        (0..self.ends.len()).map(move |index| &self.bytes[start(index)..self.ends[index]])
    }

    /// The payments that settled, oldest first.
    pub fn settled(&self) -> &[u32] {
        &self.settled
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.settled.clear();
    }
}
