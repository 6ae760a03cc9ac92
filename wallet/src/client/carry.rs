//! Bringing certificates to authorities that lack them.
//!
//! An authority applies the payments of one sender in their order. It names the first one that it lacks; they are brought from
//! there on, a few at a time, each of them once those before it are applied. It checks no balances then, so a sender's payments
//! depend on nothing but each other, and those of different senders are brought side by side.

use super::face::Event;
use super::fetch::Fetches;
use super::post::{Key, Subject};
use super::shared::Turn;
use crate::limits::{CARRY_WINDOW, LEGS_AT_ONCE_MAX, REWINDS_MAX};
use crate::proof::Fault;
use core::ops::Range;
use quittance_engine::types::{Address, Sequence};
use std::collections::BTreeSet;

/// Payments of one sender, from `next` up to and without `end`.
#[derive(Debug)]
struct Leg {
    sender: Address,
    next: u64,
    end: u64,
    /// How often the authority named an earlier one.
    rewinds: u32,
    /// Whether it has come further: what was refused for want of that is sent once more.
    has_moved: bool,
}

/// What is to be brought, by authority.
#[derive(Debug)]
pub(super) struct Carrier {
    legs: Vec<Vec<Leg>>,
    is_lagging: Vec<bool>,
    /// Those whose word about what they lack cannot be true, or goes in circles: nobody waits for them to catch up.
    is_absurd: Vec<bool>,
    pub(super) fetches: Fetches,
}

impl Carrier {
    pub(super) fn new(authority_count: usize) -> Self {
        let legs = (0..authority_count).map(|_| Vec::new()).collect();
        Self {
            legs,
            is_lagging: vec![false; authority_count],
            is_absurd: vec![false; authority_count],
            fetches: Fetches::default(),
        }
    }

    /// Brings these payments to an authority, unless that is being done.
    pub(super) fn bring(&mut self, authority: u8, sender: &Address, numbers: Range<u64>) {
        let legs = &mut self.legs[usize::from(authority)];
        let holds = |leg: &Leg| leg.sender == *sender && leg.next <= numbers.start && numbers.end <= leg.end;
        if !legs.iter().any(holds) {
            legs.push(Leg { sender: *sender, next: numbers.start, end: numbers.end, rewinds: 0, has_moved: false });
        }
    }

    /// Whether there is nothing to bring there.
    pub(super) fn is_idle(&self, authority: u8) -> bool {
        self.legs[usize::from(authority)].is_empty()
    }

    /// Whether the authority said that it lacks payments, and has not got them all.
    pub(super) fn is_lagging(&self, authority: u8) -> bool {
        self.is_lagging[usize::from(authority)] && !self.is_absurd[usize::from(authority)]
    }

    /// Sends what may be sent, and fetches what is not at hand.
    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) {
        for authority in turn.core.terms.authorities() {
            let mut senders = BTreeSet::new();
            for leg in &mut self.legs[usize::from(authority)] {
                // A sender's legs follow one another: what the first brings, the next need not.
                if senders.len() < LEGS_AT_ONCE_MAX && senders.insert(leg.sender) {
                    let has_moved = core::mem::take(&mut leg.has_moved);
                    for number in leg.next..leg.end.min(leg.next.saturating_add(CARRY_WINDOW)) {
                        if !turn.ask_certificate(authority, &leg.sender, number, has_moved || number == leg.next) {
                            self.fetches.want_anywhere((leg.sender, number), None, turn);
                        }
                    }
                }
            }
        }
        self.fetches.advance(turn);
    }

    /// An authority has applied a payment, and so all before it.
    pub(super) fn applied(&mut self, authority: u8, sender: &Address, number: u64, turn: &mut Turn<'_>) {
        let account = turn.account;
        let legs = &mut self.legs[usize::from(authority)];
        for leg in legs.iter_mut().filter(|leg| leg.sender == *sender && leg.next <= number && number < leg.end) {
            for earlier in leg.next..number {
                if let Some(certificate) = turn.core.certificate(&account, sender, earlier) {
                    let subject = Subject::Certificate(*certificate.digest());
                    turn.drop_question(&Key { authority, subject });
                }
            }
            (leg.next, leg.has_moved) = (number + 1, true);
        }
        legs.retain(|leg| leg.next < leg.end);
        if legs.is_empty() && core::mem::take(&mut self.is_lagging[usize::from(authority)]) {
            turn.tell(Event::CaughtUp { operation: turn.operation, authority });
        }
    }

    /// An authority refuses a payment because it lacks one before it.
    pub(super) fn lacks(&mut self, key: &Key, sender: &Address, number: u64, missing: u64, turn: &mut Turn<'_>) {
        let authority = key.authority;
        if missing >= number {
            self.is_absurd[usize::from(authority)] = true;
            return turn.fault(authority, Fault::Sense);
        }
        let leg = self.legs[usize::from(authority)].iter_mut().find(|leg| leg.sender == *sender && number < leg.end);
        let Some(leg) = leg else { return };
        if missing < leg.next {
            if leg.rewinds == REWINDS_MAX {
                // It goes in circles: from now on at the pace of a question that is not answered.
                self.is_absurd[usize::from(authority)] = true;
                return;
            }
            leg.rewinds += 1;
        }
        leg.next = missing;
        turn.core.post.refused(key);
        self.note_lagging(authority, sender, missing, turn);
    }

    /// An authority said that it lacks payments.
    pub(super) fn note_lagging(&mut self, authority: u8, account: &Address, missing: u64, turn: &mut Turn<'_>) {
        if !core::mem::replace(&mut self.is_lagging[usize::from(authority)], true) {
            let (operation, account, missing) = (turn.operation, *account, Sequence(missing));
            turn.tell(Event::Lagging { operation, authority, account, missing });
        }
    }
}
