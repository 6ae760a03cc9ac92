//! Certificates that are wanted and not at hand: asked of one authority after the other.

use super::post::{Key, Purpose};
use super::shared::Turn;
use crate::limits::{FETCH_COUNT_MAX, FETCH_WALKS_MAX};
use crate::proof::Fault;
use quittance_engine::types::Address;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A payment: its sender, and its number among his.
pub(super) type PaymentKey = (Address, u64);

/// Where a certificate may be: an authority and a position there; 0: it walks its chain from the newest payment.
pub(super) type Place = (u8, u64);

/// What is wanted. Each is under way, or waits for its turn, or was asked of everyone in vain and waits to be asked again.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    wanted: BTreeMap<PaymentKey, Fetch>,
    asked: BTreeMap<Key, PaymentKey>,
    waiting: VecDeque<PaymentKey>,
    exhausted: BTreeSet<(u64, PaymentKey)>,
    /// Of those wanted, how many no round has gone through.
    fresh_count: usize,
}

#[derive(Debug)]
struct Fetch {
    places: Vec<Place>,
    /// Which place is asked, or is next.
    place: usize,
    /// Pages that told to look further back, at this place.
    walks: u32,
    /// How often every place was asked.
    rounds: u32,
    state: State,
    /// Whether every authority is among the places.
    is_wide: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Asked(Key),
    /// Until then.
    Exhausted(u64),
}

impl Fetches {
    /// Wants a certificate from these places, in this order.
    pub(super) fn want(&mut self, payment: PaymentKey, places: Vec<Place>) {
        if let std::collections::btree_map::Entry::Vacant(vacant) = self.wanted.entry(payment) {
            let state = State::Waiting;
            vacant.insert(Fetch { places, place: 0, walks: 0, rounds: 0, state, is_wide: false });
            self.waiting.push_back(payment);
            self.fresh_count += 1;
        }
    }

    /// Wants it from any authority, `first` before the others. Returns whether that is new.
    pub(super) fn want_anywhere(&mut self, payment: PaymentKey, first: Option<u8>, turn: &Turn<'_>) -> bool {
        self.want(payment, Vec::new());
        if core::mem::replace(&mut self.fetch(&payment).is_wide, true) {
            return false;
        }
        let others = turn.core.terms.authorities().filter(|authority| Some(*authority) != first);
        first.into_iter().chain(others).for_each(|authority| self.add_place(&payment, (authority, 0)));
        true
    }

    /// Adds a place to one that is wanted.
    pub(super) fn add_place(&mut self, payment: &PaymentKey, place: Place) {
        let Some(fetch) = self.wanted.get_mut(payment) else { return };
        if fetch.places.contains(&place) {
            return;
        }
        fetch.places.push(place);
        if let State::Exhausted(again_ns) = fetch.state {
            // It stands behind all others: at the new one.
            self.exhausted.remove(&(again_ns, *payment));
            self.fresh_count += 1;
            (fetch.state, fetch.rounds) = (State::Waiting, 0);
            self.waiting.push_back(*payment);
        }
    }

    /// Whether every place was asked at least once, in vain.
    pub(super) fn is_exhausted(&self, payment: &PaymentKey) -> bool {
        self.wanted.get(payment).is_some_and(|fetch| fetch.rounds > 0)
    }

    /// Whether nothing is wanted that was not asked at every place.
    pub(super) fn is_done(&self) -> bool {
        self.fresh_count == 0
    }

    /// When something is to be asked again.
    pub(super) fn due_ns(&self) -> Option<u64> {
        self.exhausted.first().map(|(again_ns, _)| *again_ns)
    }

    /// Asks for as many as may be under way.
    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) {
        while let Some((again_ns, payment)) = self.exhausted.first().copied()
            && again_ns <= turn.now_ns
        {
            self.exhausted.pop_first();
            let fetch = self.fetch(&payment);
            (fetch.state, fetch.place) = (State::Waiting, 0);
            self.waiting.push_back(payment);
        }
        while self.asked.len() < FETCH_COUNT_MAX
            && let Some(payment) = self.waiting.pop_front()
        {
            if self.wanted.get(&payment).is_some_and(|fetch| fetch.state == State::Waiting) {
                self.ask(payment, 0, turn);
            }
        }
    }

    /// It was found, here or elsewhere.
    pub(super) fn found(&mut self, payment: &PaymentKey, turn: &mut Turn<'_>) {
        let Some(fetch) = self.wanted.remove(payment) else { return };
        self.fresh_count -= usize::from(fetch.rounds == 0);
        match fetch.state {
            State::Asked(key) => {
                self.asked.remove(&key);
                turn.drop_question(&key);
            }
            State::Exhausted(again_ns) => _ = self.exhausted.remove(&(again_ns, *payment)),
            State::Waiting => {}
        }
    }

    /// The question at this key has no certificate for an answer. `page_next`: the authority says where to look further; else it
    /// refuses, or is silent.
    pub(super) fn missed(&mut self, key: &Key, page_next: Option<u64>, turn: &mut Turn<'_>) {
        let Some(payment) = self.asked.remove(key) else { return };
        let purpose = turn.core.post.purpose(key);
        turn.drop_question(key);
        let fetch = self.fetch(&payment);
        if let (Some(next), Some(Purpose::Fetch { from, .. })) = (page_next, purpose) {
            let is_further = next != 0 && (from == 0 || next < from);
            if is_further && fetch.walks < FETCH_WALKS_MAX {
                fetch.walks += 1;
                return self.ask(payment, next, turn);
            }
            turn.fault(key.authority, Fault::Sense);
        }
        (fetch.place, fetch.walks) = (fetch.place + 1, 0);
        self.ask(payment, 0, turn);
    }

    /// Asks at the present place, or gives up for a while if there is none left. `from`: a position given by a page.
    fn ask(&mut self, payment: PaymentKey, from: u64, turn: &mut Turn<'_>) {
        let fetch = self.wanted.get_mut(&payment).expect("it is wanted");
        if let Some((authority, position)) = fetch.places.get(fetch.place) {
            let from = if from == 0 { *position } else { from };
            let key = turn.ask_fetch(*authority, &payment.0, payment.1, from);
            fetch.state = State::Asked(key);
            self.asked.insert(key, payment);
            return;
        }
        self.fresh_count -= usize::from(fetch.rounds == 0);
        fetch.rounds = fetch.rounds.saturating_add(1);
        // Each round waits twice as long as the one before, as any question does.
        let patience = turn.core.patience;
        let pause_ns =
            patience.resend_first_ns.saturating_mul(1 << fetch.rounds.min(16)).min(patience.resend_longest_ns);
        let again_ns = turn.now_ns.saturating_add(pause_ns);
        fetch.state = State::Exhausted(again_ns);
        self.exhausted.insert((again_ns, payment));
    }

    fn fetch(&mut self, payment: &PaymentKey) -> &mut Fetch {
        self.wanted.get_mut(payment).expect("it is wanted")
    }
}
