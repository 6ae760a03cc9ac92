//! Orders: admission, signature, vote.

use super::Shard;
use super::durability::Pressure;
use crate::arena::SlotIndex;
use crate::journal::record::Record;
use crate::key_cache::Found;
use crate::message::{ORDER_MESSAGE_BYTES, order_digest, order_message};
use crate::mutant::Mutant;
use crate::reject::{Refusal, Reject};
use crate::types::{Address, Amount, Digest, Peer, Sequence, TimeMs};
use crate::verify_batch::{Job, Signer, Ticket};
use core::hash::Hasher;
use quittance_net::frame::{Order, OrderBody, RECIPIENT_ACCOUNT};
use siphasher::sip::SipHasher13;

/// An order whose signature is being checked.
#[derive(Clone, Debug)]
pub(super) struct StagedOrder {
    peer: Peer,
    slot: SlotIndex,
    body: OrderBody,
    digest: Digest,
    signature_tag: u32,
}

/// What comes of an order before its signature is checked.
#[derive(Debug)]
pub(super) struct Judged {
    message: [u8; ORDER_MESSAGE_BYTES],
    digest: Digest,
    pub(super) admission: Result<Admission, Refusal>,
}

/// An order that may be voted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Nothing pending.
    New(SlotIndex),
    /// This very order has the vote already.
    Repeated(SlotIndex),
}

impl Shard {
    /// Cheap refusals first; a repeated order with the signature that was found good gets its vote again without another
    /// check; the rest is staged.
    pub(super) fn receive_order(&mut self, now: TimeMs, peer: Peer, order: &Order) {
        self.counters.orders += 1;
        let judged = self.judge(now, order);
        self.answer_order(now, peer, order, &judged);
    }

    /// Names an order, and finds what can be refused without looking at its signature.
    pub(super) fn judge(&self, now: TimeMs, order: &Order) -> Judged {
        let message = order_message(&self.context.network, &order.body);
        let digest = order_digest(&message);
        let admission = self
            .check_address(&order.header, &order.body.sender)
            .and_then(|()| self.find_sender(&order.body.sender))
            .and_then(|slot| self.admit(now, slot, &order.body, &digest));
        Judged { message, digest, admission }
    }

    /// Refuses an order, repeats the vote that it has, or has its signature checked.
    pub(super) fn answer_order(&mut self, now: TimeMs, peer: Peer, order: &Order, judged: &Judged) {
        let Judged { message, digest, admission } = judged;
        let signature_tag = self.signature_tag(&order.signature);
        let slot = match *admission {
            Ok(Admission::Repeated(slot)) if self.slot(slot).signature_tag == signature_tag => {
                self.counters.votes_repeated += 1;
                return self.repeat_vote(peer, *digest);
            }
            Ok(Admission::New(slot) | Admission::Repeated(slot)) => slot,
            Err(refusal) => return self.refuse(peer, *digest, refusal),
        };
        let staged = StagedOrder { peer, slot, body: order.body, digest: *digest, signature_tag };
        if let Err(refusal) = self.stage_order(now, staged, message, order) {
            self.refuse(peer, *digest, refusal);
        }
    }

    /// Votes for an order that may be voted for, whoever signed it: what only a planted bug does.
    pub(super) fn vote_unchecked(&mut self, now: TimeMs, peer: Peer, order: &Order, judged: &Judged) {
        let Ok(Admission::New(slot) | Admission::Repeated(slot)) = judged.admission else {
            return self.answer_order(now, peer, order, judged);
        };
        let signature_tag = self.signature_tag(&order.signature);
        self.vote(now, &StagedOrder { peer, slot, body: order.body, digest: judged.digest, signature_tag });
    }

    fn stage_order(&mut self, now: TimeMs, staged: StagedOrder, message: &[u8], order: &Order) -> Result<(), Refusal> {
        let is_full = self.batch.len() >= self.tables.jobs || !self.staged_orders.has_room();
        if is_full || self.pressure >= Pressure::Votes {
            return Err(Reject::Busy.into());
        }
        let is_suspect = self.is_suspect(now, &staged.peer);
        let hint = (order.r_hint != [0; 32]).then_some(&order.r_hint);
        let signer = match self.keys.find(&self.arena, staged.slot) {
            Found::Key(key) => Signer::Known(*key),
            Found::Nothing => Signer::Met(staged.body.sender),
            Found::Unusable => return Err(Reject::BadSignature.into()),
        };
        let ticket = Ticket::Order(self.staged_orders.insert(staged).expect("has_room was asked"));
        self.batch.push(Job::new(ticket, signer, message, &order.signature, hint), is_suspect);
        Ok(())
    }

    /// The verdict on a staged order. The account may have changed since it was admitted, so it is judged again; a refusal
    /// now is signed, since the request's signature was good.
    pub(super) fn finish_order(&mut self, now: TimeMs, key: u32, signer: &Signer, is_good: bool) {
        let staged = self.staged_orders.remove(key);
        match signer {
            // Bad signatures bring no key into the cache, or they could drive out those of accounts that pay.
            Signer::Made(key) if is_good => self.keys.insert(&mut self.arena, staged.slot, key),
            Signer::Unusable => self.keys.mark_unusable(&mut self.arena, staged.slot),
            _ => {}
        }
        if !is_good && !self.planted.is(Mutant::OrderSignatureIgnored) {
            self.suspect(now, &staged.peer);
            return self.refuse(staged.peer, staged.digest, Reject::BadSignature.into());
        }
        self.vote(now, &staged);
    }

    /// Votes for an order whose signature is good, unless something stands in its way by now.
    fn vote(&mut self, now: TimeMs, staged: &StagedOrder) {
        match self.admit(now, staged.slot, &staged.body, &staged.digest) {
            Ok(Admission::New(slot)) => {
                let account = self.arena.slot_mut(slot);
                let may_conflict = self.planted.is(Mutant::NoConflictCheck);
                assert!(account.pending().is_none() || may_conflict, "an account has at most one pending order");
                account.pending = staged.digest;
                account.signature_tag = staged.signature_tag;
                let (sender, sequence) = (account.address, account.next_sequence);
                self.journal.record(&Record::Vote { sender, sequence, digest: staged.digest });
                self.counters.votes += 1;
            }
            Ok(Admission::Repeated(slot)) => {
                self.arena.slot_mut(slot).signature_tag = staged.signature_tag;
                self.counters.votes_repeated += 1;
            }
            Err(refusal) => return self.refuse_proven(staged.peer, staged.digest, refusal),
        }
        self.reply_vote(staged.peer, staged.digest);
    }

    fn find_sender(&self, sender: &Address) -> Result<SlotIndex, Refusal> {
        self.arena.find(sender).ok_or(Reject::UnknownAccount.into())
    }

    /// FastPay's conditions for a vote, in the order of the reject codes. Changes nothing.
    fn admit(&self, now: TimeMs, slot: SlotIndex, body: &OrderBody, digest: &Digest) -> Result<Admission, Refusal> {
        check_amount(body)?;
        let account = self.slot(slot);
        let (sequence, next) = (Sequence(body.sequence.get()), account.next_sequence);
        if sequence < next {
            return Err(Reject::SequenceBehind.detail(next.0));
        }
        if sequence == Sequence::TOP {
            return Err(Reject::SequenceExhausted.detail(next.0));
        }
        if sequence > next {
            return Err(Reject::SequenceAhead.detail(next.0));
        }
        match account.pending() {
            Some(pending) if pending == digest => return Ok(Admission::Repeated(slot)),
            Some(_) if self.planted.is(Mutant::NoConflictCheck) => {}
            Some(pending) => return Err(Refusal { other: *pending, ..Reject::Conflict.into() }),
            None => {}
        }
        if !account.balance.covers(Amount(body.amount.get())) && !self.planted.is(Mutant::NoFundsCheck) {
            let balance = u64::try_from(account.balance.0).unwrap_or(0);
            return Err(Reject::InsufficientFunds.detail(balance));
        }
        if now >= TimeMs(body.expiry_ms.get()) {
            return Err(Reject::Expired.into());
        }
        self.check_recipient_room(body)?;
        Ok(Admission::New(slot))
    }

    /// No vote for a payment whose credit might find no room.
    pub(super) fn check_recipient_room(&self, body: &OrderBody) -> Result<(), Refusal> {
        if body.recipient_kind != RECIPIENT_ACCOUNT {
            return Ok(());
        }
        let owner = self.owner_of(&body.recipient);
        if owner == self.shard {
            let is_known = self.has_account_room(1) || self.arena.find(&body.recipient).is_some();
            return if is_known { Ok(()) } else { Err(Reject::NoRoom.into()) };
        }
        let link = &self.outgoing[owner.index()];
        if !link.peer_has_room() {
            return Err(Reject::NoRoom.into());
        }
        if !link.has_room() && !self.planted.is(Mutant::FullOutboxIgnored) {
            return Err(Reject::Busy.into());
        }
        Ok(())
    }

    /// 32 bits under a secret key. Whoever guesses one draws a vote that exists already.
    fn signature_tag(&self, signature: &[u8; 64]) -> u32 {
        let mut hasher = SipHasher13::new_with_key(&self.hash_key);
        hasher.write(signature);
        (hasher.finish() >> 32) as u32
    }
}

/// Zero, and more than any genesis holds, is refused.
pub(super) fn check_amount(body: &OrderBody) -> Result<(), Refusal> {
    match body.amount.get() {
        0 => Err(Reject::ZeroAmount.into()),
        amount if amount > crate::genesis::SUPPLY_MAX => Err(Reject::AmountTooLarge.into()),
        _ => Ok(()),
    }
}
