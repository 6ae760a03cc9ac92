//! One sequence number of one account: a payer who signs orders that contradict each other, honest authorities that crash at
//! any point, and authorities that sign anything.
//!
//! # The model
//! - The network loses, repeats and reorders. What has left is never taken from it, so that it arrives as often and as late as
//!   one likes; and nothing makes it arrive.
//! - The payer's orders are there from the start, for everyone. Byzantine authorities have voted for all of them. So a
//!   certificate is there as soon as votes of enough honest authorities have left.
//! - An honest authority judges an order when it comes and again when its signature has been checked; writes its vote down;
//!   and its replies wait for the disk. Records become durable one at a time, so any prefix of them can be what a crash
//!   leaves. (Records that were written and not yet known to be durable: that is a sync before the crash.)
//! - Crashes come at any point, without limit. Honest authorities are alike: states that differ in who is who are one.
//!
//! # What is found
//! With three honest authorities, one Byzantine and two orders, nothing: 49,964 states. The larger trials take three orders
//! (722,224 states, 31 s on one core), or five honest authorities and two Byzantine whose signatures are checked in no time
//! (547,470 states, 12 s):
//!
//! ```sh
//! cargo test -p quittance-engine --test model one_sequence -- --ignored --nocapture
//! ```
//!
//! Each [`Mutant`] is found. So is a second Byzantine authority among four.

mod authority;
mod tests;

use authority::Authority;
use stateright::{Model, Property};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// One of the payer's orders for this sequence number: A, B and so on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Order(u8);

/// Orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct OrderSet(u8);

/// What the honest authorities may do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A vote leaves when it is made.
    VoteBeforeDurable,
    /// A receipt leaves when the payment is applied.
    ReceiptBeforeDurable,
    /// An order is voted for although another one is pending.
    NoDuplicateCheck,
    /// An order is not judged again when its signature has been checked.
    JudgedOnce,
    /// Replay passes over votes.
    VotesForgotten,
    /// 2f votes make a certificate.
    QuorumOfTwoF,
}

/// Who takes part.
#[derive(Clone, Debug)]
pub(crate) struct OneSequence {
    honest_count: usize,
    byzantine_count: usize,
    order_count: u8,
    /// Whether signatures are checked in no time, so that nothing happens meanwhile.
    checks_at_once: bool,
    mutant: Option<Mutant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    honest: Vec<Authority>,
    /// Whether a crash ever came between a vote's making and its being durable.
    a_vote_was_lost: bool,
}

/// What happens next, at the honest authority with this subscript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    ReceiveOrder(usize, Order),
    FinishOrder(usize, Order),
    ReceiveCertificate(usize, Order),
    Sync(usize),
    Send(usize),
    Crash(usize),
}

impl OneSequence {
    fn orders(&self) -> impl Iterator<Item = Order> + use<> {
        (0..self.order_count).map(Order)
    }

    /// More than two thirds: 2f + 1 of 3f + 1.
    fn quorum(&self) -> usize {
        let faulty_max = (self.honest_count + self.byzantine_count - 1) / 3;
        if self.mutant == Some(Mutant::QuorumOfTwoF) { 2 * faulty_max } else { 2 * faulty_max + 1 }
    }

    fn is_certified(&self, state: &State, order: Order) -> bool {
        let votes = state.honest.iter().filter(|authority| authority.left.votes.contains(order)).count();
        votes + self.byzantine_count >= self.quorum()
    }

    fn certified_count(&self, state: &State) -> usize {
        self.orders().filter(|order| self.is_certified(state, *order)).count()
    }
}

impl Model for OneSequence {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { honest: vec![Authority::default(); self.honest_count], a_vote_was_lost: false }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let certified: Vec<Order> = self.orders().filter(|order| self.is_certified(state, *order)).collect();
        for (index, authority) in state.honest.iter().enumerate() {
            actions.extend(self.orders().map(|order| Action::ReceiveOrder(index, order)));
            actions.extend(authority.staged().iter().map(|order| Action::FinishOrder(index, order)));
            actions.extend(certified.iter().map(|order| Action::ReceiveCertificate(index, *order)));
            actions.extend(authority.is_behind().then_some(Action::Sync(index)));
            actions.extend(authority.has_reply().then_some(Action::Send(index)));
            actions.push(Action::Crash(index));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::ReceiveOrder(index, order) => {
                let authority = &mut next.honest[index];
                authority.receive_order(order, self.mutant);
                if self.checks_at_once && authority.staged().contains(order) {
                    authority.finish_order(order, self.mutant);
                }
            }
            Action::FinishOrder(index, order) => next.honest[index].finish_order(order, self.mutant),
            Action::ReceiveCertificate(index, order) => next.honest[index].receive_certificate(order, self.mutant),
            Action::Sync(index) => next.honest[index].sync(),
            Action::Send(index) => next.honest[index].send(),
            Action::Crash(index) => next.a_vote_was_lost |= next.honest[index].crash(self.mutant),
        }
        if next == *state {
            return None;
        }
        next.honest.sort_by_cached_key(fingerprint);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("two orders are never both certified", |model: &Self, state: &State| {
                model.certified_count(state) <= 1
            }),
            Property::always("honest authorities never apply different orders", |_, state: &State| {
                let mut confirmed = state.honest.iter().filter_map(|authority| authority.confirmed);
                confirmed.next().is_none_or(|first| confirmed.all(|other| other == first))
            }),
            Property::always("no honest authority signs two orders", |_, state: &State| {
                state.honest.iter().all(|authority| authority.left.votes.count() <= 1)
            }),
            Property::always("an authority knows every vote and receipt that left it", |_, state: &State| {
                state.honest.iter().all(Authority::remembers_what_left)
            }),
            Property::sometimes(
                "an order is certified, and every honest authority's receipt is out",
                |_, state: &State| state.honest.iter().all(|authority| authority.left.receipts.contains(Order(0))),
            ),
            Property::sometimes("an authority applies an order that it did not vote for", |_, state: &State| {
                let other = |authority: &Authority| authority.left.votes.iter().any(|o| authority.confirmed != Some(o));
                state.honest.iter().any(|authority| authority.confirmed.is_some() && other(authority))
            }),
            Property::sometimes("a vote is lost in a crash before it is durable", |_, state: &State| {
                state.a_vote_was_lost
            }),
            Property::sometimes("after that all have votes and receipts out", |_, state: &State| {
                let is_done =
                    |authority: &Authority| authority.left.votes.count() == 1 && authority.left.receipts.count() == 1;
                state.a_vote_was_lost && state.honest.iter().all(is_done)
            }),
        ]
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(b'A' + self.0))
    }
}

impl OrderSet {
    /// Returns whether it is new.
    fn insert(&mut self, order: Order) -> bool {
        let is_new = !self.contains(order);
        self.0 |= 1 << order.0;
        is_new
    }

    fn remove(&mut self, order: Order) {
        self.0 &= !(1 << order.0);
    }

    fn contains(self, order: Order) -> bool {
        self.0 & (1 << order.0) != 0
    }

    fn count(self) -> u32 {
        self.0.count_ones()
    }

    fn iter(self) -> impl Iterator<Item = Order> {
        (0..8).map(Order).filter(move |order| self.contains(*order))
    }
}

/// An order among authorities that is the same in every run. Any will do: where two share a fingerprint, a state is visited
/// twice.
fn fingerprint(authority: &Authority) -> u64 {
    let mut hasher = DefaultHasher::new();
    authority.hash(&mut hasher);
    hasher.finish()
}
