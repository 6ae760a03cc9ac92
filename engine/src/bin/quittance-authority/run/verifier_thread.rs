//! A thread that does nothing but verify.

use super::control::{Control, Followed, Order, VerifierReport};
use super::idle::{Idle, Turn};
use super::placement::Place;
use super::verifier_pool::{VerifierPool, sleep};
use crate::sync::Parker;
use quittance_net::transport::Wait;
use quittance_verify::Verifier;
use std::sync::Arc;

/// A verifier's thread, before and while it runs.
pub(super) struct VerifierThread {
    pub(super) index: u16,
    pub(super) place: Place,
    pub(super) pool: Arc<VerifierPool>,
    pub(super) control: Arc<Control>,
    pub(super) verifier: Verifier,
    pub(super) parker: Parker,
    pub(super) idle: Idle,
    pub(super) batches: u64,
}

impl VerifierThread {
    /// Checks batches until told to stop; `report` takes the counters when they are asked for.
    pub(super) fn work(&mut self, mut report: impl FnMut(VerifierReport)) {
        let mut followed = Followed::default();
        loop {
            match self.control.order(&mut followed) {
                Order::Stop => return,
                Order::Report => report(self.report()),
                Order::GoOn => {}
            }
            let turn = match self.pool.take_work() {
                Some(mut work) => {
                    work.batch.check(&mut self.verifier);
                    self.batches += 1;
                    self.pool.give_back(work);
                    Turn::Worked
                }
                None => Turn::Nothing,
            };
            if let Wait::For(at_most) = self.idle.after(turn) {
                sleep(&self.parker, at_most);
            }
        }
    }

    /// The counters.
    pub(super) fn report(&self) -> VerifierReport {
        let Self { index, place, batches, .. } = self;
        VerifierReport { index: *index, core: place.core, batches: *batches, verify: self.verifier.counters() }
    }
}
