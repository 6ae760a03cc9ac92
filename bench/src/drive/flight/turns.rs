//! Whose turn it is: what a payment waits for, and what waits for it.

#[cfg(test)]
use super::Mutant;
use super::{Flight, Outcome};

/// Whether a payment may be sent. Of two, the greater one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gate {
    Open,
    Shut,
    /// What it waits for will not be.
    Never,
}

impl Flight<'_> {
    /// A held payment that may go now: it is sent at once.
    pub(in crate::drive) fn next_ready(&mut self) -> Option<u32> {
        // What brings its money may have been lost since.
        let is_held = |held: &u32| self.outcomes[*held as usize] == Outcome::Held;
        let ready = core::iter::from_fn(|| self.ready.pop_front()).find(is_held);
        self.held_count -= usize::from(ready.is_some());
        ready
    }

    /// A payment's turn: true if it may be sent now. Otherwise it is held, or lost with what it waits for.
    pub(in crate::drive) fn turn(&mut self, payment: u32) -> bool {
        match self.gate(payment) {
            Gate::Open => true,
            Gate::Never => {
                self.outcomes[payment as usize] = Outcome::Lost;
                self.count_blocked();
                false
            }
            Gate::Shut => {
                self.outcomes[payment as usize] = Outcome::Held;
                self.tally.held += 1;
                self.held_count += 1;
                false
            }
        }
    }

    /// Whether a payment may be sent: when the payer's payment before is settled, and, if another payment brings the money, when
    /// the certificate of that one was sent. An authority that is behind, or away, keeps no payer waiting.
    fn gate(&self, payment: u32) -> Gate {
        let plan = &self.workload.plan;
        let stands = |payment: u32| (self.outcomes[payment as usize], self.slot_of[payment as usize]);
        let before = plan.predecessor(payment).map_or(Gate::Open, |before| match stands(before) {
            (Outcome::Settled, _) => Gate::Open,
            (Outcome::Rejected | Outcome::Lost, _) => Gate::Never,
            _ => Gate::Shut,
        });
        let money = plan.funder(payment).map_or(Gate::Open, |funder| match stands(funder) {
            (Outcome::Settled, _) => Gate::Open,
            (Outcome::InFlight, slot) if self.slots.peek(slot).certified => Gate::Open,
            (Outcome::Rejected | Outcome::Lost, _) => Gate::Never,
            _ => Gate::Shut,
        });
        before.max(money)
    }

    fn count_blocked(&mut self) {
        #[cfg(test)]
        if self.is_planted(Mutant::ForgetsBlocked) {
            return;
        }
        self.tally.blocked += 1;
    }

    /// A payment is certified: what is paid from it can go right behind its certificate.
    pub(super) fn free_funded(&mut self, payment: u32) {
        let funded = self.workload.plan.funded(payment);
        self.ready.extend(funded.filter(|funded| self.is_free(*funded)));
    }

    /// A payment is settled: the payer's next one can go.
    pub(super) fn free_successor(&mut self, payment: u32) {
        let next = self.workload.plan.successor(payment);
        self.ready.extend(next.filter(|next| self.is_free(*next)));
    }

    /// Whether a payment was held and may go.
    fn is_free(&self, payment: u32) -> bool {
        self.outcomes[payment as usize] == Outcome::Held && self.gate(payment) == Gate::Open
    }

    /// Whether the payer's next payment is held already. Nobody would let a certificate go for it any more.
    pub(super) fn is_waited_for(&self, payment: u32) -> bool {
        let next = self.workload.plan.successor(payment);
        next.is_some_and(|next| self.outcomes[next as usize] == Outcome::Held)
    }

    /// Everything that was held for this one, and for what is lost with it, is lost.
    pub(super) fn fail_with(&mut self, payment: u32) {
        self.failed.push(payment);
        while let Some(failed) = self.failed.pop() {
            let plan = &self.workload.plan;
            for held in [plan.successor(failed), plan.funded(failed)].into_iter().flatten() {
                if self.outcomes[held as usize] == Outcome::Held {
                    self.outcomes[held as usize] = Outcome::Lost;
                    self.held_count -= 1;
                    self.count_blocked();
                    self.failed.push(held);
                }
            }
        }
    }
}
