//! A dishonest payer: two orders of one sequence number, orders of what he does not have, orders in the name of others,
//! certificates that are none, and noise.

use super::around::Around;
use super::ballot::Ballot;
use super::book::Certificate;
use super::ground::{ACCOUNTS_PER_THIEF, OPENING, key_of};
use super::network::{Packet, Place};
use super::trace::Event;
use quittance_net::frame::{self, Frame, OrderBody, Proof, RECIPIENT_ACCOUNT, U16, U64};
use std::collections::VecDeque;
use std::rc::Rc;

/// Orders that he gathers votes for at a time.
const BALLOT_COUNT_MAX: usize = 24;

/// See the module's docs.
#[derive(Debug)]
pub struct Thief {
    /// His place in the network.
    place: usize,
    /// His first account; he has [`ACCOUNTS_PER_THIEF`].
    first_account: usize,
    ballots: VecDeque<Ballot>,
}

impl Thief {
    /// The owner of these accounts.
    pub fn new(place: usize, first_account: usize) -> Self {
        Self { place, first_account, ballots: VecDeque::new() }
    }

    /// Tries something.
    ///
    /// # Errors
    /// It worked.
    pub fn act(&mut self, around: &mut Around) -> Result<bool, String> {
        around.trace.event(Event::Payer, [self.place as u64, u64::MAX, 0]);
        let account = self.first_account + around.chance.below(ACCOUNTS_PER_THIEF);
        match around.chance.below(16) {
            0..4 => self.order_twice(account, around),
            4 => self.overspend(account, around),
            5 => self.let_expire(account, around),
            6..11 => return self.certify(around),
            11 => self.forge_order(around),
            12 => self.forge_certificate(around),
            13 | 14 => return Ok(self.carry(around)),
            _ => self.make_noise(around),
        }
        Ok(true)
    }

    /// A datagram comes: votes are what he is after.
    pub fn receive(&mut self, datagram: &[u8], around: &mut Around) {
        if let Ok(Frame::Vote(vote)) = frame::parse(datagram)
            && let Some(ballot) = self.ballots.iter_mut().find(|ballot| ballot.digest == vote.head.digest)
        {
            ballot.count(&vote, around);
        }
    }

    /// Two orders of the next sequence number, or one: each to some of the authorities, or to all.
    fn order_twice(&mut self, account: usize, around: &mut Around) {
        let variants = [around.chance.below(3), around.chance.below(3)];
        let is_split = around.chance.once_in(2);
        around.faults.conflicting_orders += u64::from(variants[0] != variants[1]);
        for (index, variant) in variants.into_iter().enumerate() {
            let body = self.body(account, variant, 1 + 7 * variant as u64, around);
            self.offer(account, body, around, |authority| !is_split || authority % 2 == index);
        }
    }

    fn overspend(&mut self, account: usize, around: &mut Around) {
        around.faults.overspending_orders += 1;
        let amount = OPENING + 1 + around.chance.below(5_000) as u64;
        let body = self.body(account, 5, amount, around);
        self.offer(account, body, around, |_| true);
    }

    /// An order whose time is over for some clocks and not for others.
    fn let_expire(&mut self, account: usize, around: &mut Around) {
        let mut body = self.body(account, 6, 3, around);
        body.expiry_ms = U64::new(1_700_000_000_000 + around.now_ns / 1_000_000 + around.chance.below(100) as u64);
        self.offer(account, body, around, |_| true);
    }

    /// A certificate of what votes he has, whether they are enough or not, to some authorities.
    fn certify(&mut self, around: &mut Around) -> Result<bool, String> {
        if self.ballots.is_empty() {
            return Ok(false);
        }
        let ballot = &self.ballots[around.chance.below(self.ballots.len())];
        let account = around.ground.account(&ballot.body.sender).expect("his own");
        let turn = (account, ballot.body.sequence.get());
        let certificate = match ballot.certificate(around) {
            Some(certificate) => {
                around.book.certify(turn, Rc::clone(&certificate))?;
                certificate
            }
            None => {
                let votes: Vec<Vec<u8>> = ballot.votes.iter().flatten().cloned().collect();
                if votes.is_empty() {
                    return Ok(false);
                }
                around.faults.forged_certificates += 1;
                Rc::new(Certificate { body: ballot.body, digest: ballot.digest, votes })
            }
        };
        self.spread(&certificate, account, around);
        Ok(true)
    }

    /// Enough votes: some of them repeated, or signed by nobody.
    fn forge_certificate(&mut self, around: &mut Around) {
        let Some(ballot) = self.ballots.back() else { return };
        let account = around.ground.account(&ballot.body.sender).expect("his own");
        let mut votes: Vec<Vec<u8>> = ballot.votes.iter().flatten().cloned().collect();
        // One too few, or it would be a certificate.
        votes.truncate(around.ground.quorum() - 1);
        let is_repeated = around.chance.once_in(3);
        for authority in 0..around.ground.quorum() {
            if votes.len() >= around.ground.quorum() {
                break;
            }
            let has_voted = ballot.votes[authority].is_some();
            if is_repeated && !votes.is_empty() {
                votes.push(votes[0].clone());
            } else if !has_voted {
                votes.push(forged_vote(authority, around));
            }
        }
        around.faults.forged_certificates += 1;
        let certificate = Certificate { body: ballot.body, digest: ballot.digest, votes };
        self.spread(&certificate, account, around);
    }

    /// Somebody's money, to him: what an honest payer has, or a little more, or what a poor man may be paid in a moment.
    fn forge_order(&mut self, around: &mut Around) {
        around.faults.forged_orders += 1;
        let is_poor = around.chance.once_in(2);
        let victims = match &around.ground {
            ground if is_poor => ground.funded_count..ground.accounts.len(),
            ground => 0..ground.payer_count,
        };
        let victim = victims.start + around.chance.below(victims.len());
        let is_modest = is_poor || around.chance.once_in(2);
        let amount = if is_modest { 1 } else { OPENING / 2 + around.chance.bits() % OPENING };
        let mut body = self.body(victim, 8, amount, around);
        body.recipient = around.ground.accounts[self.first_account];
        if is_modest && !is_poor {
            body.sequence = U64::new(around.chance.below(8) as u64);
        }
        let (_, signature) = around.make_order(&body, key_of(self.first_account));
        for authority in 0..around.member_count() {
            let frame = around.order_frame(authority, &body, signature);
            around.ask(self.place, authority, victim, frame);
        }
    }

    /// Anyone may carry a certificate anywhere.
    fn carry(&self, around: &mut Around) -> bool {
        let certificates = around.book.certificates();
        if certificates.is_empty() {
            return false;
        }
        let index = around.chance.below(certificates.len());
        let (turn, certificate) = certificates.iter().nth(index).expect("below the count");
        let (account, certificate) = (turn.0, Rc::clone(certificate));
        let authority = around.chance.below(around.member_count());
        let frame = certificate.frame(&around.ground, authority);
        around.ask(self.place, authority, account, frame);
        true
    }

    fn make_noise(&self, around: &mut Around) {
        around.faults.garbage += 1;
        let mut bytes = match around.chance.below(3) {
            0 => (0..around.chance.below(40)).flat_map(|_| around.chance.bits().to_le_bytes()).collect(),
            _ => around.network.overhear(&mut around.chance).unwrap_or_default(),
        };
        for _ in 0..around.chance.below(4) {
            if !bytes.is_empty() {
                let index = around.chance.below(bytes.len());
                bytes[index] ^= 1 << around.chance.below(8);
            }
        }
        let authority = around.chance.below(around.member_count());
        let shard = u16::try_from(around.chance.below(around.ground.shard_counts[authority].into())).expect("few");
        around.send(Packet { from: Place::Payer(self.place), to: Place::Shard(authority, shard), bytes });
    }

    /// One of the orders that there can be of an account's next sequence number: the same whenever it is asked for.
    fn body(&self, account: usize, variant: usize, amount: u64, around: &Around) -> OrderBody {
        let sequence = (0..).find(|sequence| around.book.certificate_of((account, *sequence)).is_none());
        let sequence: u64 = sequence.expect("some number is free");
        let mix = usize::try_from(sequence).expect("a small number") * 7 + variant * 3 + account;
        OrderBody {
            sender: around.ground.accounts[account],
            recipient: around.ground.accounts[mix % around.ground.accounts.len()],
            user_data: [u8::try_from(variant).expect("a small number"); 32],
            amount: U64::new(amount),
            sequence: U64::new(sequence),
            expiry_ms: U64::new(u64::MAX),
            recipient_kind: RECIPIENT_ACCOUNT,
            padding: [0; 7],
        }
    }

    /// Signs an order and sends it to some authorities.
    fn offer(&mut self, account: usize, body: OrderBody, around: &mut Around, is_for: impl Fn(usize) -> bool) {
        let (digest, signature) = around.make_order(&body, key_of(account));
        if !self.ballots.iter().any(|ballot| ballot.digest == digest) {
            if self.ballots.len() >= BALLOT_COUNT_MAX {
                self.ballots.pop_front();
            }
            self.ballots.push_back(Ballot::new(around, body, digest, signature));
        }
        for authority in (0..around.member_count()).filter(|authority| is_for(*authority)) {
            let frame = around.order_frame(authority, &body, signature);
            around.ask(self.place, authority, account, frame);
        }
    }

    /// To some of the authorities.
    fn spread(&self, certificate: &Certificate, account: usize, around: &mut Around) {
        for authority in 0..around.member_count() {
            if around.chance.once_in(2) {
                let frame = certificate.frame(&around.ground, authority);
                around.ask(self.place, authority, account, frame);
            }
        }
    }
}

/// A vote that nobody signed. It has a path, so that its root is nobody's: an authority that did vote for the order, alone in
/// its batch, is known to have signed the bare leaf, and then the vote would count, and rightly so, whatever signature is
/// beside it.
fn forged_vote(authority: usize, around: &mut Around) -> Vec<u8> {
    let proof = Proof {
        root_signature: [7; 64],
        leaf_index: U16::new(0),
        authority: u8::try_from(authority).expect("7 members at most"),
        path_count: 1,
        padding: [0; 4],
    };
    let sibling = [around.chance.bits().to_le_bytes(); 4].concat();
    [bytemuck::bytes_of(&proof), &sibling].concat()
}
