//! An honest payer: an order to every authority, votes, a certificate to every authority, receipts. He asks again what is
//! not answered, and never makes two orders of one sequence number.
//!
//! He has a disk, too: an order is on it before it is sent, and so is a certificate. When he crashes he forgets the rest.

use super::around::Around;
use super::ballot::{Ballot, speaker};
use super::book::Certificate;
use super::ground::{OPENING, key_of};
use super::inquiry::{Inquiry, check_certificate};
use super::trace::Event;
use quittance_engine::reject::Reject;
use quittance_net::frame::{
    self, Frame, Header, Kind, OrderBody, Query, RECIPIENT_ACCOUNT, RECIPIENT_PRIMARY, RejectionView, U64,
};
use std::rc::Rc;

/// How long he waits for an answer, in turns of the world at most.
const PATIENCE_TURNS: usize = 120;

/// See the module's docs.
#[derive(Debug)]
pub struct Payer {
    /// His account, and his place in the network.
    account: usize,
    sequence: u64,
    spent: u64,
    pending: Option<Pending>,
    /// His certificates, by sequence number.
    archive: Vec<Rc<Certificate>>,
    /// A history that he reads: anybody's.
    inquiry: Option<Inquiry>,
    /// Nothing is sent before this turn.
    asleep_until: u64,
    now: u64,
}

/// A payment under way.
#[derive(Debug)]
struct Pending {
    ballot: Ballot,
    certificate: Option<Rc<Certificate>>,
    /// Who sent a receipt, by authority.
    receipts: Vec<bool>,
}

impl Payer {
    /// The owner of an account that was not used yet.
    pub fn new(account: usize) -> Self {
        Self {
            account,
            sequence: 0,
            spent: 0,
            pending: None,
            archive: Vec::new(),
            inquiry: None,
            asleep_until: 0,
            now: 0,
        }
    }

    /// Whether nothing is under way.
    pub fn is_done(&self) -> bool {
        self.pending.is_none()
    }

    /// Pays, or asks again. Returns whether he did anything.
    pub fn act(&mut self, turn: u64, around: &mut Around) -> bool {
        self.now = turn;
        if around.chance.happens(around.swarm.payer_crash) {
            self.crash(around);
            return true;
        }
        if turn < self.asleep_until {
            return false;
        }
        if self.pending.is_none() && (around.is_calm || !self.begin(around)) {
            return false;
        }
        around.trace.event(Event::Payer, [self.account as u64, self.sequence, 0]);
        self.send(around);
        let patience = if around.is_calm { 20 } else { PATIENCE_TURNS };
        self.asleep_until = turn + around.chance.below(patience) as u64;
        if around.chance.once_in(8) {
            self.query(around);
        } else if around.chance.once_in(6) {
            let inquiry = self.inquiry.take().filter(|_| !around.chance.once_in(8));
            let inquiry = inquiry.unwrap_or_else(|| Inquiry::new(around));
            inquiry.ask(self.account, around);
            self.inquiry = Some(inquiry);
        }
        true
    }

    /// A datagram comes.
    ///
    /// # Errors
    /// What it shows to be wrong.
    pub fn receive(&mut self, authority: usize, datagram: &[u8], around: &mut Around) -> Result<(), String> {
        match frame::parse(datagram) {
            Ok(Frame::Vote(vote)) => {
                let Some(pending) = &mut self.pending else { return Ok(()) };
                if pending.certificate.is_some() {
                    return Ok(());
                }
                pending.ballot.count(&vote, around);
                if let Some(certificate) = pending.ballot.certificate(around) {
                    around.book.certify((self.account, self.sequence), Rc::clone(&certificate))?;
                    pending.certificate = Some(certificate);
                    self.asleep_until = 0;
                }
                Ok(())
            }
            Ok(Frame::Receipt(receipt)) => {
                let Some(pending) = &mut self.pending else { return Ok(()) };
                if pending.certificate.is_some() && receipt.head.digest == pending.ballot.digest {
                    if let Some(authority) = speaker(&receipt, Kind::Receipt, around) {
                        pending.receipts[authority] = true;
                    }
                    self.finish(around);
                }
                Ok(())
            }
            Ok(Frame::Rejection(rejection)) => self.refused(authority, &rejection, around),
            Ok(Frame::HistoryPage(page)) if authority < around.ground.honest_count => {
                let Some(inquiry) = &mut self.inquiry else { return Ok(()) };
                if inquiry.read(authority, &page, around)? {
                    around.faults.histories_read += 1;
                    self.inquiry = None;
                }
                Ok(())
            }
            Ok(Frame::Certificate(certificate)) if authority < around.ground.honest_count => {
                check_certificate(authority, &certificate, around).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// He makes an order of what he knows that he has.
    fn begin(&mut self, around: &mut Around) -> bool {
        let available = OPENING + around.book.received[self.account] - self.spent;
        if available == 0 {
            return false;
        }
        // Mostly to those who pay on, and little to those who do not: a world whose money is gone stands still.
        let is_redemption = around.chance.once_in(16);
        let is_final = is_redemption || around.chance.once_in(16);
        let most = if is_final { 2 } else { *around.chance.pick(&[5, 50, 500]) };
        let most = usize::try_from(available.min(most)).expect("500 at most");
        let amount = 1 + around.chance.below(most) as u64;
        let recipients = if is_final { around.ground.accounts.len() } else { around.ground.payer_count };
        let recipient = around.chance.below(recipients);
        let body = OrderBody {
            sender: around.ground.accounts[self.account],
            recipient: around.ground.accounts[recipient],
            user_data: [0; 32],
            amount: U64::new(amount),
            sequence: U64::new(self.sequence),
            expiry_ms: U64::new(u64::MAX),
            recipient_kind: if is_redemption { RECIPIENT_PRIMARY } else { RECIPIENT_ACCOUNT },
            padding: [0; 7],
        };
        let (digest, signature) = around.make_order(&body, key_of(self.account));
        let ballot = Ballot::new(around, body, digest, signature);
        self.pending = Some(Pending { ballot, certificate: None, receipts: vec![false; around.member_count()] });
        true
    }

    /// To every authority that has not answered.
    fn send(&mut self, around: &mut Around) {
        let Some(pending) = &self.pending else { return };
        for authority in 0..around.member_count() {
            let frame = match &pending.certificate {
                Some(_) if pending.receipts[authority] => continue,
                Some(certificate) => certificate.frame(&around.ground, authority),
                None if pending.ballot.votes[authority].is_some() => continue,
                None => around.order_frame(authority, &pending.ballot.body, pending.ballot.signature),
            };
            around.ask(self.account, authority, self.account, frame);
        }
    }

    /// Receipts of a quorum are finality.
    fn finish(&mut self, around: &mut Around) {
        let Some(pending) = &self.pending else { return };
        let receipts = pending.receipts.iter().filter(|has| **has).count();
        if receipts < around.ground.quorum() {
            return;
        }
        let pending = self.pending.take().expect("it was there just now");
        let (body, certificate) = (pending.ballot.body, pending.certificate.expect("receipts come after it"));
        self.spent += body.amount.get();
        if body.recipient_kind == RECIPIENT_ACCOUNT {
            let recipient = around.ground.account(&body.recipient).expect("he pays into the world");
            around.book.received[recipient] += body.amount.get();
        }
        self.archive.push(certificate);
        self.sequence += 1;
        self.asleep_until = self.now + around.chance.below(PATIENCE_TURNS) as u64;
    }

    /// An authority lacks something: he carries it there.
    fn refused(&mut self, authority: usize, view: &RejectionView<'_>, around: &mut Around) -> Result<(), String> {
        let is_honest = authority < around.ground.honest_count;
        match Reject::from_code(view.head.code) {
            Some(Reject::SequenceAhead) => {
                let missing = usize::try_from(view.head.detail.get()).ok().and_then(|index| self.archive.get(index));
                if let Some(certificate) = missing {
                    let frame = certificate.frame(&around.ground, authority);
                    around.ask(self.account, authority, self.account, frame);
                }
            }
            Some(Reject::InsufficientFunds | Reject::UnknownAccount) => self.bring_funds(authority, around),
            Some(Reject::Busy) => around.faults.busy += 1,
            Some(Reject::Conflict | Reject::BadSignature | Reject::BadVote | Reject::NoQuorum) if is_honest => {
                let is_own = self.pending.as_ref().is_some_and(|pending| pending.ballot.digest == view.head.subject);
                if is_own {
                    let code = view.head.code;
                    return Err(format!("authority {authority} refuses an honest payer's request with code {code}"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The authority has not heard of what he was paid: he carries one of these certificates there.
    fn bring_funds(&self, authority: usize, around: &mut Around) {
        let address = around.ground.accounts[self.account];
        let certificates = around.book.certificates().values();
        let incoming: Vec<_> = certificates.filter(|certificate| certificate.body.recipient == address).collect();
        if incoming.is_empty() {
            return;
        }
        let certificate = Rc::clone(incoming[around.chance.below(incoming.len())]);
        let sender = around.ground.account(&certificate.body.sender).expect("it was made in this world");
        let frame = certificate.frame(&around.ground, authority);
        around.ask(self.account, authority, sender, frame);
    }

    fn query(&self, around: &mut Around) {
        let authority = around.chance.below(around.member_count());
        let account = around.chance.below(around.ground.accounts.len());
        let address = around.ground.accounts[account];
        let shard = around.ground.shard_of(authority, &address);
        let header = Header::new(Kind::Query, shard.0, around.ground.context.network.tag());
        let query = Query { header, account: address, nonce: U64::new(self.now), padding: [0; 96] };
        around.ask(self.account, authority, account, bytemuck::bytes_of(&query).to_vec());
    }

    /// He forgets what is not on his disk: votes, and who sent receipts.
    fn crash(&mut self, around: &mut Around) {
        around.faults.payer_crashes += 1;
        around.trace.event(Event::Payer, [self.account as u64, self.sequence, 1]);
        self.inquiry = None;
        if let Some(pending) = &mut self.pending {
            pending.ballot.votes.iter_mut().for_each(|vote| *vote = None);
            pending.receipts.iter_mut().for_each(|has| *has = false);
        }
        self.asleep_until = self.now + around.chance.below(PATIENCE_TURNS) as u64;
    }
}
