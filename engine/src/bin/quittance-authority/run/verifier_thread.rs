//! A thread that does nothing but verify.

use super::control::{Control, Followed, Order, VerifierReport};
use super::idle::{Idle, Turn};
use super::placement::Place;
use super::samples::VerifierSample;
use super::verifier_pool::{VerifierPool, sleep};
use crate::sync::Parker;
use quittance_engine::distribution::Distribution;
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
    /// How many signatures each batch had.
    pub(super) batches: Distribution,
}

impl VerifierThread {
    /// Checks batches until told to stop; `report` takes the counters when they are asked for.
    pub(super) fn work(&mut self, mut report: impl FnMut(VerifierReport)) {
        let mut followed = Followed::default();
        while self.follow(&mut followed, &mut report) {
            let turn = match self.pool.take_work() {
                Some(mut work) => {
                    self.batches.record(work.batch.len() as u64);
                    work.batch.check(&mut self.verifier);
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

    /// Does what it was told to. Returns whether it goes on.
    fn follow(&self, followed: &mut Followed, report: &mut impl FnMut(VerifierReport)) -> bool {
        loop {
            match self.control.order(followed) {
                Order::GoOn => return true,
                Order::Report => report(self.report()),
                Order::Tell(question) => self.control.samples.put_verifier(self.index, self.sample(question)),
                Order::Stop => return false,
            }
        }
    }

    fn sample(&self, question: u64) -> VerifierSample {
        VerifierSample { question, report: self.report(), verify_batches: self.batches.clone() }
    }

    /// The counters.
    pub(super) fn report(&self) -> VerifierReport {
        let Self { index, place, batches, .. } = self;
        VerifierReport { index: *index, core: place.core, batches: batches.count(), verify: self.verifier.counters() }
    }
}
