//! Where a shard's replies go: into the transport's outbox, which is sent when it is full.

use quittance_engine::shard::Outlet;
use quittance_engine::types::Peer;
use quittance_net::frame::FRAME_BYTES_MAX;
use quittance_net::transport::{Transport, TransportError};

/// A transport as an outlet. A fault of the machine is kept until the end; what comes after it goes nowhere.
pub(super) struct Outbox<'a> {
    transport: &'a mut Transport,
    fault: Option<TransportError>,
    nowhere: [u8; FRAME_BYTES_MAX],
}

impl<'a> Outbox<'a> {
    pub(super) fn new(transport: &'a mut Transport) -> Self {
        Self { transport, fault: None, nowhere: [0; FRAME_BYTES_MAX] }
    }

    /// Sends what is left.
    pub(super) fn finish(self) -> Result<(), TransportError> {
        self.fault.map_or_else(|| self.transport.flush(), Err)
    }
}

impl Outlet for Outbox<'_> {
    fn frame(&mut self, peer: Peer, length: usize) -> &mut [u8] {
        if self.fault.is_none() && !self.transport.has_room(length) {
            self.fault = self.transport.flush().err();
        }
        if self.fault.is_some() {
            return &mut self.nowhere[..length];
        }
        self.transport.push(peer, length).expect("an outbox just flushed has room for one frame")
    }
}
