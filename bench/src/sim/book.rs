//! What the world was told, and what it holds the authorities to.
//!
//! Whatever an honest authority lets go comes by here before anyone else sees it, and is held against the [`Ledger`] of its
//! shard at that moment, and against all that it, and the others, let go before.

use super::ground::Ground;
use super::ledger::Ledger;
use quittance_engine::arena::NO_ORDER;
use quittance_engine::credit::{Credit, CreditAck};
use quittance_engine::history::answer::HistoryRequest;
use quittance_engine::message::{order_digest, order_message};
use quittance_engine::reject::Reject;
use quittance_engine::shard::Shard;
use quittance_engine::types::Digest;
use quittance_net::frame::{
    self, CertificateHead, FRAME_BYTES_MAX, Frame, HISTORY_CERTIFICATE, HISTORY_SENT, Header, HistoryPageView,
    ITEM_TO_PRIMARY, Info, Kind, OrderBody, RECIPIENT_ACCOUNT, RejectionView, U64, encode_certificate,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// An account and one of its sequence numbers.
pub type Turn = (usize, u64);

/// An order that somebody made.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// Whose, and which.
    pub turn: Turn,
    /// Whether the account's owner signed it.
    pub is_signed: bool,
}

/// An order with a quorum's votes.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The order.
    pub body: OrderBody,
    /// Its name.
    pub digest: Digest,
    /// Proofs with their paths.
    pub votes: Vec<Vec<u8>>,
}

impl Certificate {
    /// As a datagram for an authority.
    pub fn frame(&self, ground: &Ground, authority: usize) -> Vec<u8> {
        let shard = ground.shard_of(authority, &self.body.sender);
        let head = CertificateHead {
            header: Header::new(Kind::Certificate, shard.0, ground.context.network.tag()),
            body: self.body,
            epoch: U64::new(ground.context.epoch),
            vote_count: u8::try_from(self.votes.len()).expect("a few votes"),
            padding: [0; 7],
        };
        let votes: Vec<&[u8]> = self.votes.iter().map(Vec::as_slice).collect();
        let mut bytes = [0; FRAME_BYTES_MAX];
        let length = encode_certificate(&head, &votes, &mut bytes).expect("a committee's quorum fits a datagram");
        bytes[..length].to_vec()
    }
}

/// What one honest authority let go, over its whole life.
#[derive(Debug)]
struct Promises {
    votes: BTreeMap<Turn, Digest>,
    /// By account: payments said to be applied.
    reached: Vec<u64>,
    /// By source and destination: credits handed over, and the last one acknowledged.
    credits: Vec<Vec<Vec<Credit>>>,
    acked: Vec<Vec<u64>>,
    /// Where histories go on: by account, chain and position. A page with no room for a payment repeats what it was asked.
    places: BTreeSet<(usize, u8, u64)>,
}

/// See the module's docs.
#[derive(Debug)]
pub struct Book {
    made: BTreeMap<Digest, Made>,
    /// By account and sequence number: orders that the owner signed.
    signed_counts: BTreeMap<Turn, usize>,
    certificates: BTreeMap<Turn, Rc<Certificate>>,
    receipts: BTreeMap<Turn, Digest>,
    promises: Vec<Promises>,
}

/// Who lets something go, and what its disks have.
#[derive(Clone, Copy, Debug)]
pub struct Teller<'a> {
    /// The authority.
    pub authority: usize,
    /// What is durable.
    pub ledger: &'a Ledger,
}

impl Book {
    /// Nothing was told yet.
    pub fn new(ground: &Ground) -> Self {
        let promises = |authority: usize| {
            let links = usize::from(ground.shard_counts[authority]);
            Promises {
                votes: BTreeMap::new(),
                reached: vec![0; ground.accounts.len()],
                credits: vec![vec![Vec::new(); links]; links],
                acked: vec![vec![0; links]; links],
                places: BTreeSet::new(),
            }
        };
        Self {
            made: BTreeMap::new(),
            certificates: BTreeMap::new(),
            receipts: BTreeMap::new(),
            promises: (0..ground.honest_count).map(promises).collect(),
            signed_counts: BTreeMap::new(),
        }
    }

    /// Somebody made an order. Returns its name.
    pub fn make(&mut self, ground: &Ground, body: &OrderBody, is_signed: bool) -> Digest {
        let digest = order_digest(&order_message(&ground.context.network, body));
        let account = ground.account(&body.sender).expect("orders are made for accounts of the world");
        let turn = (account, body.sequence.get());
        let made = self.made.entry(digest).or_insert(Made { turn, is_signed: false });
        if is_signed && !core::mem::replace(&mut made.is_signed, true) {
            *self.signed_counts.entry(turn).or_default() += 1;
        }
        digest
    }

    /// The order of this name.
    pub fn order(&self, digest: &Digest) -> Option<Made> {
        self.made.get(digest).copied()
    }

    /// How many orders of this number the owner signed.
    pub fn signed_count(&self, turn: Turn) -> usize {
        self.signed_counts.get(&turn).copied().unwrap_or(0)
    }

    /// How many honest authorities said that they applied this order.
    pub fn applied_count(&self, digest: &Digest) -> usize {
        let Some(Made { turn: (account, sequence), .. }) = self.order(digest) else { return 0 };
        self.promises.iter().filter(|promises| promises.reached[account] > sequence).count()
    }

    /// Whether an honest authority voted for another order of this number.
    pub fn is_split(&self, turn: Turn, digest: &Digest) -> bool {
        self.promises.iter().any(|promises| promises.votes.get(&turn).is_some_and(|vote| vote != digest))
    }

    /// Somebody has a quorum's votes for an order.
    ///
    /// # Errors
    /// There is another certificate of this sequence number.
    pub fn certify(&mut self, turn: Turn, certificate: Rc<Certificate>) -> Result<(), String> {
        let digest = certificate.digest;
        if self.certificates.entry(turn).or_insert(certificate).digest != digest {
            return Err(format!("account {} has two certificates for {}", turn.0, turn.1));
        }
        Ok(())
    }

    /// Every certificate.
    pub fn certificates(&self) -> &BTreeMap<Turn, Rc<Certificate>> {
        &self.certificates
    }

    /// The certificate of a sequence number, if there is one.
    pub fn certificate_of(&self, turn: Turn) -> Option<&Rc<Certificate>> {
        self.certificates.get(&turn)
    }

    /// A reply leaves a shard.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn reply_left(&mut self, ground: &Ground, teller: Teller<'_>, reply: &[u8]) -> Result<(), String> {
        match frame::parse(reply).map_err(|fault| format!("a reply is no frame: {fault:?}"))? {
            Frame::Vote(vote) => {
                let digest = vote.head.digest;
                let made = self.made.get(&digest).ok_or("a vote for an order that nobody made")?;
                if !made.is_signed {
                    return Err(format!("authority {} votes for an order that nobody signed", teller.authority));
                }
                let turn = made.turn;
                self.vote_left(ground, teller, turn, digest)
            }
            Frame::Receipt(receipt) => self.receipt_left(ground, teller, receipt.head.digest),
            Frame::Rejection(rejection) => self.rejection_left(ground, teller, &rejection),
            Frame::Info(info) => self.info_left(ground, teller, info),
            Frame::HistoryPage(page) => self.page_left(ground, teller, &page),
            // It may be carried on: that is what it is given out for.
            Frame::Certificate(certificate) => {
                let body = &certificate.head.body;
                let account = ground.account(&body.sender).ok_or("a certificate of nobody's payment")?;
                self.kept_payment(account, body.sequence.get())?;
                self.reach(ground, teller, account, body.sequence.get() + 1)
            }
            _ => Err("a shard sends no requests".to_owned()),
        }
    }

    fn vote_left(&mut self, ground: &Ground, teller: Teller<'_>, turn: Turn, digest: Digest) -> Result<(), String> {
        let Teller { authority, ledger } = teller;
        let ((account, sequence), standing) = (turn, ledger.standing(&ground.accounts[turn.0]));
        if standing.next < sequence || standing.next == sequence && standing.pending != digest {
            return Err(format!("authority {authority} lets its vote for {account}'s {sequence} go too early"));
        }
        match self.promises[authority].votes.insert(turn, digest) {
            Some(before) if before != digest => {
                Err(format!("authority {authority} votes for two orders of {account}'s {sequence}"))
            }
            _ => Ok(()),
        }
    }

    fn receipt_left(&mut self, ground: &Ground, teller: Teller<'_>, digest: Digest) -> Result<(), String> {
        let Teller { authority, .. } = teller;
        let turn = self.made.get(&digest).ok_or("a receipt for an order that nobody made")?.turn;
        let (account, sequence) = turn;
        if *self.receipts.entry(turn).or_insert(digest) != digest {
            return Err(format!("two orders of {account}'s {sequence} were applied"));
        }
        let votes = self.promises.iter().filter(|promises| promises.votes.get(&turn) == Some(&digest)).count();
        if votes + ground.fault_count < ground.quorum() {
            return Err(format!("authority {authority} applies {account}'s {sequence}, for which {votes} voted"));
        }
        self.reach(ground, teller, account, sequence + 1)
    }

    fn rejection_left(&mut self, ground: &Ground, teller: Teller<'_>, view: &RejectionView<'_>) -> Result<(), String> {
        let Some(made) = self.made.get(&view.head.subject) else { return Ok(()) };
        let (account, sequence) = made.turn;
        match Reject::from_code(view.head.code) {
            Some(Reject::Conflict) => self.vote_left(ground, teller, (account, sequence), view.head.other),
            Some(Reject::SequenceBehind | Reject::SequenceAhead) => {
                self.reach(ground, teller, account, view.head.detail.get())
            }
            _ => Ok(()),
        }
    }

    fn info_left(&mut self, ground: &Ground, teller: Teller<'_>, info: &Info) -> Result<(), String> {
        let account = ground.account(&info.account).ok_or("an answer about an account that nobody asked for")?;
        let next = info.next_sequence.get();
        self.reach(ground, teller, account, next)?;
        if info.pending == NO_ORDER { Ok(()) } else { self.vote_left(ground, teller, (account, next), info.pending) }
    }

    /// A page of a history: payments that there are, durably, each where it belongs.
    fn page_left(&mut self, ground: &Ground, teller: Teller<'_>, page: &HistoryPageView<'_>) -> Result<(), String> {
        let at = |wrong: String| format!("authority {}, a page of a history: {wrong}", teller.authority);
        let account = ground.account(&page.head.account).ok_or("a history that nobody asked for")?;
        for item in page.items {
            let counterparty = ground.account(&item.counterparty).ok_or("a payment with nobody")?;
            let is_sent = page.head.what == HISTORY_SENT;
            let (sender, recipient) = if is_sent { (account, counterparty) } else { (counterparty, account) };
            let sequence = item.sequence.get();
            let body = self.kept_payment(sender, sequence).map_err(at)?;
            let is_to_primary = item.flags & ITEM_TO_PRIMARY != 0;
            let is_right = ground.accounts[recipient] == body.recipient
                && item.amount.get() == body.amount.get()
                && is_to_primary == (body.recipient_kind != RECIPIENT_ACCOUNT);
            if !is_right {
                return Err(at(format!("{sender}'s {sequence} paid {body:?}, and it says {item:?}")));
            }
            if is_sent {
                self.reach(ground, teller, sender, sequence + 1).map_err(at)?;
            }
        }
        if !page.items.is_empty() {
            self.promises[teller.authority].places.insert((account, page.head.what, page.head.next.get()));
        }
        Ok(())
    }

    /// The payment that was certified: whatever is in a history was.
    fn kept_payment(&self, account: usize, sequence: u64) -> Result<OrderBody, String> {
        let certificate = self.certificate_of((account, sequence));
        let certificate = certificate.ok_or_else(|| format!("nobody certified {account}'s {sequence}"))?;
        Ok(certificate.body)
    }

    /// Whether the authority itself told the place where this question begins, so that it must find something there.
    pub fn has_told(&self, ground: &Ground, authority: usize, request: &HistoryRequest) -> bool {
        let Some(account) = ground.account(&request.account) else { return false };
        // Certificates lie on the chain of what was paid.
        let what = if request.what == HISTORY_CERTIFICATE { HISTORY_SENT } else { request.what };
        self.promises[authority].places.contains(&(account, what, request.from))
    }

    /// An authority says that it applied so many of an account's payments.
    fn reach(&mut self, ground: &Ground, teller: Teller<'_>, account: usize, next: u64) -> Result<(), String> {
        let Teller { authority, ledger } = teller;
        let durable = ledger.standing(&ground.accounts[account]).next;
        if durable < next {
            return Err(format!("authority {authority} says too early that it applied {next} payments of {account}'s"));
        }
        let reached = &mut self.promises[authority].reached[account];
        *reached = (*reached).max(next);
        Ok(())
    }

    /// A credit leaves its shard: the first time, or the very same one again.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn credit_left(
        &mut self,
        teller: Teller<'_>,
        source: usize,
        destination: usize,
        credit: Credit,
    ) -> Result<(), String> {
        let Teller { authority, ledger } = teller;
        let link = format!("authority {authority}, shard {source} to {destination}");
        if ledger.outgoing[destination] < credit.number {
            return Err(format!("{link}: credit {} leaves too early", credit.number));
        }
        let credits = &mut self.promises[authority].credits[source][destination];
        let index = usize::try_from(credit.number).expect("few credits") - 1;
        match credits.get(index) {
            Some(before) if *before == credit => Ok(()),
            None if index == credits.len() => {
                credits.push(credit);
                Ok(())
            }
            before => Err(format!("{link}: {before:?} was handed over, and now {credit:?}")),
        }
    }

    /// A shard acknowledges credits.
    ///
    /// # Errors
    /// It does so too early.
    pub fn ack_left(
        &mut self,
        teller: Teller<'_>,
        source: usize,
        destination: usize,
        ack: CreditAck,
    ) -> Result<(), String> {
        let Teller { authority, ledger } = teller;
        if ledger.incoming[source] < ack.number {
            return Err(format!(
                "authority {authority}, shard {destination}: credit {} of {source} is acknowledged too early",
                ack.number
            ));
        }
        let acked = &mut self.promises[authority].acked[source][destination];
        *acked = (*acked).max(ack.number);
        Ok(())
    }

    /// Whether the shards of an authority that came back remember all that it let go. `None` for those that do not run.
    ///
    /// # Errors
    /// What they forgot.
    pub fn check_remembered(&self, ground: &Ground, authority: usize, shards: &[Option<&Shard>]) -> Result<(), String> {
        let promises = &self.promises[authority];
        for (account, reached) in promises.reached.iter().enumerate() {
            let address = &ground.accounts[account];
            let Some(shard) = shards[ground.shard_of(authority, address).index()] else { continue };
            let slot = shard.account(address);
            let (next, pending) = slot.map_or((0, NO_ORDER), |slot| (slot.next_sequence.0, slot.pending));
            if next < *reached {
                return Err(format!("authority {authority} applied {reached} of {account}'s and remembers {next}"));
            }
            let mut votes = promises.votes.range((account, next)..=(account, u64::MAX));
            if let Some(((_, sequence), _)) = votes.find(|(turn, digest)| turn.1 != next || pending != **digest) {
                return Err(format!("authority {authority} forgot its vote for {account}'s {sequence}"));
            }
        }
        self.check_links(authority, shards)
    }

    fn check_links(&self, authority: usize, shards: &[Option<&Shard>]) -> Result<(), String> {
        let promises = &self.promises[authority];
        let tails: Vec<_> = shards.iter().map(|shard| shard.map(|shard| shard.snapshot_tail().1)).collect();
        for (source, tail) in tails.iter().enumerate() {
            for (destination, outgoing) in tail.iter().flat_map(|tail| &tail.outgoing).enumerate() {
                let Some(other) = &tails[destination] else { continue };
                let applied = other.incoming[source];
                let forgotten = outgoing.last_number - outgoing.credits.len() as u64;
                let (left, acked) = (promises.credits[source][destination].len(), promises.acked[source][destination]);
                let link = || format!("authority {authority}, shard {source} to {destination}");
                if applied < acked || applied < forgotten {
                    return Err(format!("{}: {acked} were acknowledged, and {applied} are applied", link()));
                }
                if outgoing.last_number < left as u64 || outgoing.last_number < applied {
                    return Err(format!("{}: {left} left, and {} are known", link(), outgoing.last_number));
                }
            }
        }
        Ok(())
    }
}
