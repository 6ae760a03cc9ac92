//! Certificates: votes counted, roots checked, payment applied exactly once.

use super::Shard;
use super::durability::Pressure;
use super::history::staged_votes;
use crate::arena::SlotIndex;
use crate::credit::Credit;
use crate::history::entry::Votes;
use crate::journal::record::{Record, RecordNumber};
use crate::limits::CERTIFICATES_AHEAD_MAX;
use crate::message::{order_digest, order_message};
use crate::mutant::Mutant;
use crate::reject::{Refusal, Reject};
use crate::root_checks::Waiting;
use crate::tally::{Claims, RootClaim, tally};
use crate::types::{Address, Amount, Digest, Peer, Sequence, TimeMs};
use crate::verify_batch::{Job, Signer, Ticket};
use quittance_net::frame::{CertificateView, OrderBody, RECIPIENT_ACCOUNT, VOTES_MAX, reply_bytes};

/// A certificate some of whose roots are being checked.
#[derive(Clone, Debug)]
pub(super) struct StagedCertificate {
    peer: Peer,
    body: OrderBody,
    digest: Digest,
    vote_count: u8,
    /// Of the votes, which the history keeps until then.
    vote_bytes: usize,
    missing_count: u8,
    /// The first authority whose root's signature was bad.
    bad_authority: Option<u8>,
}

/// Where a certificate's sequence number stands.
enum Place {
    /// The next one of an account that is here.
    Next(SlotIndex),
    /// The first one of an account that no credit has opened yet.
    First,
    /// Applied before.
    Applied(SlotIndex),
}

impl Shard {
    /// Cheap refusals; then votes are counted and hashed; then the payment is applied, or waits for roots to be checked.
    pub(super) fn receive_certificate(&mut self, now: TimeMs, peer: Peer, certificate: &CertificateView<'_>) {
        self.counters.certificates += 1;
        let body = &certificate.head.body;
        let digest = order_digest(&order_message(&self.context.network, body));
        if self.pressure >= Pressure::Confirmations {
            return self.refuse(peer, digest, Reject::Busy.into());
        }
        if let Err(refusal) = self.check_certificate(certificate) {
            return self.refuse(peer, digest, refusal);
        }
        if self.is_receipt_free(certificate, &digest) {
            self.counters.receipts_repeated += 1;
            return self.reply_receipt(peer, digest);
        }
        let claims = match tally(certificate, &self.committee, self.quorum, &digest) {
            Ok(claims) => claims,
            Err(refusal) => return self.refuse(peer, digest, refusal),
        };
        let (vote_count, votes) = (certificate.head.vote_count, certificate.vote_bytes());
        let vote_bytes = votes.len();
        let staged = StagedCertificate {
            peer,
            body: *body,
            digest,
            vote_count,
            vote_bytes,
            missing_count: 0,
            bad_authority: None,
        };
        self.check_roots(now, staged, votes, &claims);
    }

    /// What can be refused without looking at the votes.
    fn check_certificate(&self, certificate: &CertificateView<'_>) -> Result<(), Refusal> {
        let body = &certificate.head.body;
        self.check_address(&certificate.head.header, &body.sender)?;
        super::admission::check_amount(body)?;
        let sequence = Sequence(body.sequence.get());
        if sequence == Sequence::TOP {
            return Err(Reject::SequenceExhausted.into());
        }
        let next = self.arena.find(&body.sender).map_or(Sequence(0), |slot| self.slot(slot).next_sequence);
        if sequence.0.saturating_sub(next.0) > CERTIFICATES_AHEAD_MAX {
            return Err(Reject::SequenceAhead.detail(next.0));
        }
        if certificate.head.epoch.get() != self.committee.epoch() {
            return Err(Reject::WrongEpoch.detail(self.committee.epoch()));
        }
        Ok(())
    }

    /// Whether this is the payment that the account confirmed last: its votes were checked then, and need not be again. Those
    /// that came now may be anything, so the receipt must not be longer than what brought them.
    fn is_receipt_free(&self, certificate: &CertificateView<'_>, digest: &Digest) -> bool {
        let account = self.arena.find(&certificate.head.body.sender).map(|slot| self.slot(slot));
        account.is_some_and(|account| account.last_confirmed == *digest)
            && certificate.byte_count() >= reply_bytes(self.committee.path_levels_max())
    }

    /// Applies the certificate if every root is known; else stages it and has the unknown ones checked.
    fn check_roots(&mut self, now: TimeMs, mut staged: StagedCertificate, votes: &[u8], claims: &Claims) {
        let is_unknown = |claim: &&RootClaim| !self.is_known(claim);
        let unknown_count = claims.as_slice().iter().filter(is_unknown).count();
        self.counters.vote_roots_known += (claims.as_slice().len() - unknown_count) as u64;
        self.counters.vote_roots_unknown += unknown_count as u64;
        if unknown_count == 0 {
            return self.apply_and_reply(&staged, votes);
        }
        let has_jobs =
            self.batch.len() + unknown_count <= self.tables.jobs && self.root_checks.has_room_for(unknown_count);
        if !has_jobs || !self.staged_certificates.has_room() {
            return self.refuse(staged.peer, staged.digest, Reject::Busy.into());
        }
        staged.missing_count = u8::try_from(unknown_count).expect("VOTES_MAX fits a byte");
        let peer = staged.peer;
        let certificate = self.staged_certificates.insert(staged).expect("has_room was asked");
        self.history.stage(certificate, votes);
        for (vote_index, claim) in claims.as_slice().iter().enumerate() {
            if !self.is_known(claim) {
                self.wait_for_root(now, &peer, certificate, vote_index, claim);
            }
        }
    }

    /// Whether this very signature of this root was found good before.
    fn is_known(&self, claim: &RootClaim) -> bool {
        self.roots.contains(claim.authority.into(), &claim.root, &claim.signature)
    }

    fn wait_for_root(&mut self, now: TimeMs, peer: &Peer, certificate: u32, vote_index: usize, claim: &RootClaim) {
        debug_assert!(vote_index < VOTES_MAX);
        if let Waiting::Started(key) = self.root_checks.wait(claim, certificate, vote_index) {
            let is_suspect = self.is_suspect(now, peer);
            let member = &self.committee.members()[usize::from(claim.authority)];
            let message = self.context.message(&claim.root);
            let signer = Signer::Known(member.key);
            self.batch.push(Job::new(Ticket::Root(key), signer, &message, &claim.signature, None), is_suspect);
        }
    }

    /// The verdict on a root: certificates that waited for nothing else are applied or refused.
    pub(super) fn finish_root(&mut self, now: TimeMs, key: u32, is_good: bool) {
        let mut waiting = core::mem::take(&mut self.waiting);
        let claim = self.root_checks.finish(key, &mut waiting);
        let is_good = is_good || self.planted.is(Mutant::VoteSignatureIgnored);
        self.counters.roots_checked += 1;
        if is_good {
            self.roots.insert(claim.authority.into(), &claim.root, &claim.signature);
        }
        for certificate in &waiting {
            let staged = self.staged_certificates.get_mut(*certificate);
            staged.missing_count -= 1;
            let (peer, missing_count) = (staged.peer, staged.missing_count);
            if !is_good {
                staged.bad_authority.get_or_insert(claim.authority);
                self.suspect(now, &peer);
            }
            if missing_count == 0 {
                self.finish_certificate(*certificate);
            }
        }
        self.waiting = waiting;
    }

    fn finish_certificate(&mut self, certificate: u32) {
        let staged = self.staged_certificates.remove(certificate);
        match staged.bad_authority {
            Some(authority) => self.refuse(staged.peer, staged.digest, Reject::BadVote.detail(authority.into())),
            None => {
                let all = self.history.take_staged();
                self.apply_and_reply(&staged, staged_votes(&all, certificate, staged.vote_bytes));
                self.history.give_back_staged(all);
            }
        }
    }

    fn apply_and_reply(&mut self, staged: &StagedCertificate, votes: &[u8]) {
        let StagedCertificate { peer, body, digest, vote_count, .. } = staged;
        let (peer, digest) = (*peer, *digest);
        let votes = Votes { epoch: self.committee.epoch(), count: *vote_count, bytes: votes };
        match self.apply(body, digest, votes) {
            Ok(()) => self.reply_receipt(peer, digest),
            Err(refusal) => self.refuse(peer, digest, refusal),
        }
    }

    /// Settles a certified payment, or finds that it is settled. Every check comes before the first change.
    ///
    /// The balance is not among them: 2f + 1 votes vouch for the funds, and the credit that brings them here may come later.
    fn apply(&mut self, body: &OrderBody, digest: Digest, votes: Votes<'_>) -> Result<(), Refusal> {
        let place = self.place(body)?;
        if let Place::Applied(slot) = place {
            return self.apply_again(slot, body, digest);
        }
        let is_new_sender = matches!(place, Place::First);
        self.check_recipient_room(body)?;
        // Sender and recipient may both be new; a self-payment makes one account of the two.
        if is_new_sender && !self.has_account_room(2) {
            return Err(Reject::NoRoom.into());
        }
        let slot = match place {
            Place::Next(slot) | Place::Applied(slot) => slot,
            Place::First => self.arena.find_or_insert(&body.sender).expect("room was checked"),
        };
        let recipient = self.recipient_here(body);
        let position = self.enter_payment(slot, recipient, body, Some(votes));
        let credit_number = self.credit_number(body);
        self.journal.record(&Record::Confirm { body: *body, digest, credit_number, position });
        self.debit(slot, body, digest);
        self.credit_recipient(body, recipient, position);
        self.counters.confirmations += 1;
        Ok(())
    }

    /// Compares a certified order's sequence number with the account.
    fn place(&self, body: &OrderBody) -> Result<Place, Refusal> {
        let sequence = Sequence(body.sequence.get());
        let Some(slot) = self.arena.find(&body.sender) else {
            return if sequence.0 == 0 { Ok(Place::First) } else { Err(Reject::SequenceAhead.detail(0)) };
        };
        let next = self.slot(slot).next_sequence;
        match sequence.cmp(&next) {
            core::cmp::Ordering::Less => Ok(Place::Applied(slot)),
            core::cmp::Ordering::Equal => Ok(Place::Next(slot)),
            core::cmp::Ordering::Greater => Err(Reject::SequenceAhead.detail(next.0)),
        }
    }

    /// A good certificate of a used sequence number is the payment that used it: two quorums share an honest authority,
    /// which votes once. If the last payment shows that this does not hold, more than f authorities are faulty: count it.
    fn apply_again(&mut self, slot: SlotIndex, body: &OrderBody, digest: Digest) -> Result<(), Refusal> {
        let account = self.slot(slot);
        let is_last = Sequence(body.sequence.get()).next() == Some(account.next_sequence);
        if is_last && account.last_confirmed != digest {
            let refusal = Refusal { other: account.last_confirmed, ..Reject::Conflict.into() };
            self.counters.conflicting_certificates += 1;
            return Err(refusal);
        }
        self.counters.receipts_repeated += 1;
        Ok(())
    }

    /// The recipient's slot, if it is an account of this shard; it is opened if it is new. Room was made sure of before.
    fn recipient_here(&mut self, body: &OrderBody) -> Option<SlotIndex> {
        let is_here = body.recipient_kind == RECIPIENT_ACCOUNT && self.owner_of(&body.recipient) == self.shard;
        is_here.then(|| self.open_account(&body.recipient))
    }

    /// The number of the credit that another shard will be owed; 0 if none will.
    fn credit_number(&self, body: &OrderBody) -> u64 {
        let owner = self.owner_of(&body.recipient);
        let crosses = body.recipient_kind == RECIPIENT_ACCOUNT && owner != self.shard;
        if crosses { self.outgoing[owner.index()].next_number() } else { 0 }
    }

    pub(super) fn debit(&mut self, slot: SlotIndex, body: &OrderBody, digest: Digest) {
        let account = self.arena.slot_mut(slot);
        assert_eq!(account.next_sequence, Sequence(body.sequence.get()), "only the next payment is applied");
        account.balance = account.balance.debited(Amount(body.amount.get()));
        account.next_sequence = account.next_sequence.next().expect("the top of the range was refused");
        account.pending = crate::arena::NO_ORDER;
        account.last_confirmed = digest;
    }

    fn credit_recipient(&mut self, body: &OrderBody, recipient: Option<SlotIndex>, position: u64) {
        let amount = Amount(body.amount.get());
        if body.recipient_kind != RECIPIENT_ACCOUNT {
            self.redeemed += u128::from(amount.0);
        } else if let Some(recipient) = recipient {
            self.credit(recipient, amount);
        } else {
            self.owe(self.journal.made(), body, position);
        }
    }

    /// Owes the credit of a payment to the shard that has the recipient.
    pub(super) fn owe(&mut self, after: RecordNumber, body: &OrderBody, position: u64) {
        let owner = self.owner_of(&body.recipient);
        let link = &mut self.outgoing[owner.index()];
        let credit = Credit {
            number: link.next_number(),
            recipient: body.recipient,
            amount: Amount(body.amount.get()),
            sender: body.sender,
            sequence: Sequence(body.sequence.get()),
            position,
        };
        link.add(after, credit);
    }

    /// The account's slot. Room was made sure of when the payment was applied.
    pub(super) fn open_account(&mut self, recipient: &Address) -> SlotIndex {
        self.arena.find_or_insert(recipient).expect("the reserve holds a slot for every credit under way")
    }

    /// Adds to an account of this shard, whose orders may have waited for it.
    pub(super) fn credit(&mut self, recipient: SlotIndex, amount: Amount) {
        let account = self.arena.slot_mut(recipient);
        account.balance = account.balance.credited(amount);
        self.held.credit(&account.address);
    }
}
