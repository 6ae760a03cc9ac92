//! An honest authority, as far as one sequence number of one account goes.
//!
//! It does what `shard/admission.rs`, `shard/confirmation.rs` and `shard/recovery.rs` do, in their order, and its replies wait
//! in the engine's own [`Withheld`].

use super::{Mutant, Order, OrderSet};
use quittance_engine::journal::RecordNumber;
use quittance_engine::release::Withheld;

/// A change of state, written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Record {
    Vote(Order),
    Confirm(Order),
}

/// What others get to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reply {
    Vote(Order),
    Receipt(Order),
}

/// Replies, each at most once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Replies {
    pub(super) votes: OrderSet,
    pub(super) receipts: OrderSet,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Authority {
    /// Orders whose signatures are being checked.
    staged: OrderSet,
    /// The order that it voted for.
    pending: Option<Order>,
    /// The order that it applied.
    pub(super) confirmed: Option<Order>,
    /// Replies that wait for the disk.
    withheld: Withheld<Reply>,
    /// What is in `withheld`.
    owed: Replies,
    /// Every record since the beginning.
    journal: Vec<Record>,
    /// How much of the journal outlives a crash.
    durable: usize,
    /// What ever left. No crash takes it back.
    pub(super) left: Replies,
}

impl Authority {
    /// An order arrives. One that may be voted for has its signature checked; the pending one gets its vote again.
    pub(super) fn receive_order(&mut self, order: Order, mutant: Option<Mutant>) {
        if self.pending == Some(order) {
            self.owe(Reply::Vote(order), mutant);
        } else if self.may_vote_for(order, mutant) {
            self.staged.insert(order);
        }
    }

    /// An order's signature is found good. Meanwhile the account may have changed, so the order is judged again.
    pub(super) fn finish_order(&mut self, order: Order, mutant: Option<Mutant>) {
        self.staged.remove(order);
        if self.pending != Some(order) {
            if mutant != Some(Mutant::JudgedOnce) && !self.may_vote_for(order, mutant) {
                return;
            }
            self.pending = Some(order);
            self.journal.push(Record::Vote(order));
        }
        self.owe(Reply::Vote(order), mutant);
    }

    /// Orders that [`Self::finish_order`] may come for.
    pub(super) fn staged(&self) -> OrderSet {
        self.staged
    }

    fn may_vote_for(&self, order: Order, mutant: Option<Mutant>) -> bool {
        let is_free = self.pending.is_none_or(|pending| pending == order) || mutant == Some(Mutant::NoDuplicateCheck);
        self.confirmed.is_none() && is_free
    }

    /// A good certificate arrives.
    pub(super) fn receive_certificate(&mut self, order: Order, mutant: Option<Mutant>) {
        match self.confirmed {
            None => {
                self.journal.push(Record::Confirm(order));
                self.pending = None;
                self.confirmed = Some(order);
            }
            Some(confirmed) if confirmed != order => return,
            Some(_) => {}
        }
        self.owe(Reply::Receipt(order), mutant);
    }

    /// Lets a reply wait for all that was written down. One that waits already is not added: to be sent twice is to be delivered
    /// twice, and whatever left can be.
    fn owe(&mut self, reply: Reply, mutant: Option<Mutant>) {
        let owed = match reply {
            Reply::Vote(_) if mutant == Some(Mutant::VoteBeforeDurable) => return self.left.insert(reply),
            Reply::Receipt(_) if mutant == Some(Mutant::ReceiptBeforeDurable) => return self.left.insert(reply),
            Reply::Vote(order) => self.owed.votes.insert(order),
            Reply::Receipt(order) => self.owed.receipts.insert(order),
        };
        if owed {
            self.withheld.push(number(self.journal.len()), reply);
        }
    }

    /// The disk takes one more record.
    pub(super) fn sync(&mut self) {
        self.durable += 1;
        assert!(self.durable <= self.journal.len(), "the journal has what was written");
    }

    /// Whether records wait for the disk.
    pub(super) fn is_behind(&self) -> bool {
        self.durable < self.journal.len()
    }

    /// The first reply leaves, if it may.
    pub(super) fn send(&mut self) {
        if let Some(reply) = self.withheld.pop(number(self.durable)) {
            match *reply.get() {
                Reply::Vote(order) => self.owed.votes.remove(order),
                Reply::Receipt(order) => self.owed.receipts.remove(order),
            }
            self.left.insert(*reply.get());
        }
    }

    /// Whether a reply may leave.
    pub(super) fn has_reply(&self) -> bool {
        self.withheld.has_durable(number(self.durable))
    }

    /// A crash, and a restart from the durable records. Returns whether a vote was forgotten.
    pub(super) fn crash(&mut self, mutant: Option<Mutant>) -> bool {
        let journal = &self.journal[..self.durable];
        let forgotten = &self.journal[self.durable..];
        let forgets_vote = forgotten.iter().any(|record| matches!(record, Record::Vote(_)));
        let mut restarted =
            Self { journal: journal.to_vec(), durable: self.durable, left: self.left, ..Self::default() };
        for record in journal {
            match *record {
                Record::Vote(_) if mutant == Some(Mutant::VotesForgotten) => {}
                Record::Vote(order) => restarted.pending = Some(order),
                Record::Confirm(order) => (restarted.pending, restarted.confirmed) = (None, Some(order)),
            }
        }
        *self = restarted;
        forgets_vote
    }

    /// Whether it knows what others have from it: its vote is pending or behind it, and its receipt is for what it applied.
    pub(super) fn remembers_what_left(&self) -> bool {
        let knows_vote = |order| self.pending == Some(order) || self.confirmed.is_some();
        self.left.votes.iter().all(knows_vote) && self.left.receipts.iter().all(|order| self.confirmed == Some(order))
    }
}

impl Replies {
    fn insert(&mut self, reply: Reply) {
        match reply {
            Reply::Vote(order) => self.votes.insert(order),
            Reply::Receipt(order) => self.receipts.insert(order),
        };
    }
}

/// The number of the last of so many records.
fn number(record_count: usize) -> RecordNumber {
    RecordNumber(record_count as u64)
}
