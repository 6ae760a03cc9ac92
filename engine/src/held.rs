//! Orders that wait for their money.
//!
//! Who was paid a moment ago may spend it at once: he sends the certificate that pays him to every authority, and his order
//! right behind it, as a chained order ([`quittance_net::frame::Kind::ChainedOrder`]). Where the order is faster, or where the
//! credit has to cross from one shard to another, it would be refused for want of funds. Here it waits a little instead:
//! until the money comes, or its time is over, or others need the place.
//!
//! An order that waits is as it came: nobody has checked its signature, since that costs more than all else and whoever is
//! out for mischief has no money to come. So anybody may fill this table with orders in anybody's name. That is why it is
//! small, why no sender has more than a few places, why two orders that differ in their signature alone are two orders, and
//! why nothing here is owed to anyone: what gives way is judged as an ordinary order, and its payer asks again. Nothing of it
//! is written down.

use crate::limits::{HELD_MS, HELD_PER_SENDER_MAX};
use crate::slab::Slab;
use crate::types::{Address, Peer, TimeMs};
use core::hash::BuildHasher;
use quittance_net::frame::Order;
use siphasher::sip::SipHasher13;
use std::collections::HashMap;

const NONE: u32 = u32::MAX;

/// An order that waits, and who is to have the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldOrder {
    pub(crate) peer: Peer,
    pub(crate) order: Order,
    since: TimeMs,
    is_due: bool,
}

/// What becomes of an order that comes to wait.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart at once, and a box would be an allocation per datagram"
)]
pub(crate) enum Holding {
    /// It waits.
    Begun,
    /// It waits already, and whoever sent it last gets the answer.
    Repeated,
    /// It waits in the place of this one.
    InPlaceOf(HeldOrder),
}

/// All that wait, in tables of fixed size.
#[derive(Debug)]
pub(crate) struct Held {
    orders: Slab<HeldOrder>,
    by_sender: HashMap<Address, OfSender, Keyed>,
    /// First come first.
    by_age: List,
    /// Those whose sender was credited since they were looked at.
    due: List,
}

impl Held {
    /// Room for so many. `hash_key` as for the arena.
    pub(crate) fn new(capacity: usize, hash_key: [u8; 16]) -> Self {
        Self {
            orders: Slab::new(capacity),
            // Twice as many: a table that is at most half full never grows, whatever comes and goes.
            by_sender: HashMap::with_capacity_and_hasher(2 * capacity, Keyed(hash_key)),
            by_age: List::new(capacity),
            due: List::new(capacity),
        }
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.orders.len()
    }

    /// Lets an order wait. If its sender has all places that one may have, his oldest gives way; else, if the table is full,
    /// the oldest of all.
    pub(crate) fn hold(&mut self, now: TimeMs, peer: Peer, order: &Order) -> Holding {
        let of_sender = self.by_sender.get(&order.body.sender).copied().unwrap_or_default();
        let is_same = |key: &&u32| bytes(&self.orders.get(**key).order) == bytes(order);
        if let Some(key) = of_sender.keys().iter().find(is_same) {
            self.orders.get_mut(*key).peer = peer;
            return Holding::Repeated;
        }
        let yielding = match of_sender.keys() {
            keys if keys.len() == HELD_PER_SENDER_MAX => keys.first().copied(),
            _ if self.orders.has_room() => None,
            _ => self.by_age.first(),
        };
        let yielding = yielding.map(|key| self.remove(key));
        let held = HeldOrder { peer, order: *order, since: now, is_due: false };
        let key = self.orders.insert(held).expect("one gave way if there was no room");
        self.by_sender.entry(order.body.sender).or_default().push(key);
        self.by_age.push(key);
        yielding.map_or(Holding::Begun, Holding::InPlaceOf)
    }

    /// Money came to this account: its orders are to be looked at, first come first.
    pub(crate) fn credit(&mut self, sender: &Address) {
        // Credits are many, and orders that wait are few.
        if self.count() == 0 {
            return;
        }
        let Some(of_sender) = self.by_sender.get(sender) else { return };
        for key in of_sender.keys() {
            let held = self.orders.get_mut(*key);
            if !core::mem::replace(&mut held.is_due, true) {
                self.due.push(*key);
            }
        }
    }

    /// The first one whose sender was credited: it is not given again before he is credited again.
    pub(crate) fn take_due(&mut self) -> Option<u32> {
        let key = self.due.first()?;
        self.due.remove(key);
        self.orders.get_mut(key).is_due = false;
        Some(key)
    }

    /// The first one whose time is over. A clock that was set back ends it, too: nothing may wait until it is right again.
    pub(crate) fn first_over(&self, now: TimeMs) -> Option<u32> {
        let first = self.by_age.first()?;
        let since = self.orders.get(first).since;
        now.0.checked_sub(since.0).is_none_or(|waited| waited >= HELD_MS).then_some(first)
    }

    /// When there is something to do, if nothing comes before: at 0 if there is now.
    pub(crate) fn until(&self) -> Option<TimeMs> {
        let first = self.by_age.first()?;
        let end = self.orders.get(first).since.0.saturating_add(HELD_MS);
        Some(TimeMs(if self.due.first().is_some() { 0 } else { end }))
    }

    /// An order that waits.
    pub(crate) fn get(&self, key: u32) -> &HeldOrder {
        self.orders.get(key)
    }

    /// It waits no longer.
    pub(crate) fn remove(&mut self, key: u32) -> HeldOrder {
        let held = self.orders.remove(key);
        self.by_age.remove(key);
        if held.is_due {
            self.due.remove(key);
        }
        let sender = &held.order.body.sender;
        let of_sender = self.by_sender.get_mut(sender).expect("each is found by its sender");
        of_sender.remove(key);
        if of_sender.count == 0 {
            self.by_sender.remove(sender);
        }
        held
    }
}

/// The whole frame: signature and hint, too, are part of what is judged.
fn bytes(order: &Order) -> &[u8] {
    bytemuck::bytes_of(order)
}

/// One sender's orders, first come first.
#[derive(Clone, Copy, Debug, Default)]
struct OfSender {
    keys: [u32; HELD_PER_SENDER_MAX],
    count: usize,
}

impl OfSender {
    fn keys(&self) -> &[u32] {
        &self.keys[..self.count]
    }

    fn push(&mut self, key: u32) {
        self.keys[self.count] = key;
        self.count += 1;
    }

    fn remove(&mut self, key: u32) {
        let place = self.keys().iter().position(|other| *other == key).expect("it is one of his");
        self.keys[place..self.count].rotate_left(1);
        self.count -= 1;
    }
}

/// Keys in a row, from which any can be taken out.
#[derive(Debug)]
struct List {
    first: u32,
    last: u32,
    /// By key: the ones before and after it.
    neighbours: Vec<[u32; 2]>,
}

impl List {
    fn new(capacity: usize) -> Self {
        Self { first: NONE, last: NONE, neighbours: vec![[NONE; 2]; capacity] }
    }

    fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// Adds a key that is not in it.
    fn push(&mut self, key: u32) {
        self.neighbours[key as usize] = [self.last, NONE];
        match self.last {
            NONE => self.first = key,
            last => self.neighbours[last as usize][1] = key,
        }
        self.last = key;
    }

    /// Takes out a key that is in it.
    fn remove(&mut self, key: u32) {
        let [before, after] = core::mem::replace(&mut self.neighbours[key as usize], [NONE; 2]);
        match before {
            NONE => self.first = after,
            before => self.neighbours[before as usize][1] = after,
        }
        match after {
            NONE => self.last = before,
            after => self.neighbours[after as usize][0] = before,
        }
    }
}

/// SipHash-1-3 under a secret key: senders are whatever strangers write into an order.
#[derive(Debug)]
struct Keyed([u8; 16]);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}

#[cfg(test)]
mod tests;
