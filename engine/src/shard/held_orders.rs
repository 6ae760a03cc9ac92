//! Chained orders: what waits for its money, and what becomes of it.

use super::Shard;
use super::admission::Judged;
use crate::held::{HeldOrder, Holding};
use crate::mutant::Mutant;
use crate::reject::Reject;
use crate::types::{Peer, TimeMs};
use quittance_net::frame::Order;

impl Shard {
    /// As an order, but that it waits if its money is not here.
    pub(super) fn receive_chained_order(&mut self, now: TimeMs, peer: Peer, order: &Order) {
        self.counters.orders += 1;
        let judged = self.judge(now, order);
        if !lacks_money(&judged) {
            return self.answer_order(now, peer, order, &judged);
        }
        match self.held.hold(now, peer, order) {
            Holding::Begun => self.counters.orders_held += 1,
            Holding::Repeated => self.counters.orders_held_repeated += 1,
            Holding::InPlaceOf(oldest) => {
                self.counters.orders_held += 1;
                self.counters.orders_held_displaced += 1;
                self.release(now, &oldest);
            }
        }
    }

    /// Goes on with the orders whose money has come, and with those whose time is over, as far as there is room. To be called
    /// at every turn while [`Self::held_until`] names a time. Returns whether there were any.
    pub fn judge_held(&mut self, now: TimeMs) -> bool {
        let mut has_judged = false;
        while self.held.count() > 0 && self.room() > 0 {
            let held = if let Some(key) = self.held.take_due() {
                let HeldOrder { order, .. } = *self.held.get(key);
                if lacks_money(&self.judge(now, &order)) {
                    // What came was too little: more may be on its way.
                    continue;
                }
                self.counters.orders_held_funded += 1;
                self.held.remove(key)
            } else {
                let first_over = self.held.first_over(now);
                let Some(key) = first_over.filter(|_| !self.planted.is(Mutant::HeldOrderKept)) else { break };
                self.counters.orders_held_expired += 1;
                self.held.remove(key)
            };
            has_judged = true;
            self.release(now, &held);
        }
        has_judged
    }

    /// The time at which [`Self::judge_held`] has something to do if nothing comes before; 0: it has now. `None` while nothing
    /// waits.
    pub fn held_until(&self) -> Option<TimeMs> {
        self.held.until()
    }

    /// Orders that wait for their money.
    pub fn held_count(&self) -> usize {
        self.held.count()
    }

    /// An order that waited is an order like any other now: it has its answer, or has its signature checked.
    fn release(&mut self, now: TimeMs, held: &HeldOrder) {
        let HeldOrder { peer, order, .. } = held;
        let judged = self.judge(now, order);
        if self.planted.is(Mutant::HeldOrderSkipsChecks) {
            return self.vote_unchecked(now, *peer, order, &judged);
        }
        self.answer_order(now, *peer, order, &judged);
    }
}

/// Whether an order is refused because its money is not here, and for nothing that is checked before.
fn lacks_money(judged: &Judged) -> bool {
    let code = judged.admission.as_ref().err().map(|refusal| refusal.code);
    matches!(code, Some(Reject::UnknownAccount | Reject::InsufficientFunds))
}
