//! Payers who pay, and remember every vote and every receipt that they got.
//!
//! Each account has one payment under way: its order is sent until a vote comes, its certificate (with that vote) until a
//! receipt comes. Nobody contradicts himself, except to see whether the authority remembers ([`Payments::hold_to_account`]).

use crate::harness::{Account, FUNDS, Files, PATIENCE};
use crate::make::{Network, Numbers, Payer};
use quittance_engine::reject::Reject;
use quittance_engine::types::Digest;
use quittance_net::frame::{self, Frame, OrderBody};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// How long nothing may come before everything that is due is sent again.
const RESEND: Duration = Duration::from_millis(50);

/// How often a question is repeated.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// What the authority did that it must not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) String);

/// What payers got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) votes: u64,
    pub(crate) receipts: u64,
    /// Contradictions that were refused by the name of the first order.
    pub(crate) conflicts: u64,
}

/// All payers of a network, and one socket.
pub(crate) struct Payments {
    network: Network,
    port: u16,
    socket: UdpSocket,
    payers: Vec<Standing>,
    numbers: Numbers,
    nonce: u64,
    pub(crate) tally: Tally,
}

/// Where a payer stands.
struct Standing {
    payer: Payer,
    body: OrderBody,
    digest: Digest,
    /// The vote for the payment under way.
    vote: Option<Vec<u8>>,
    /// Whether its order or certificate was sent, and the answer has not come.
    is_due: bool,
    /// Payments with a receipt, all of them before that one.
    receipt_count: u64,
}

/// What an authority answered.
enum Answer {
    Vote { digest: Digest, proof: Vec<u8> },
    Receipt { digest: Digest },
    Refusal { subject: Digest, code: Reject, other: Digest },
    Account { address: [u8; 32], nonce: u64, account: Account },
}

impl Payments {
    /// The payers of the genesis file, before their first payments.
    pub(crate) fn new(files: &Files, payer_count: u32, seed: u64) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let standing = |number| {
            let payer = Payer::new(number);
            let body = payer.pays(&payer.address, 1, 0);
            Standing { digest: files.network.digest(&body), payer, body, vote: None, is_due: false, receipt_count: 0 }
        };
        let payers = (0..payer_count).map(standing).collect();
        let network = files.network.clone();
        let (numbers, tally) = (Numbers(seed), Tally::default());
        Self { network, port: files.port, socket, payers, numbers, nonce: 0, tally }
    }

    /// Pays on until `is_enough`.
    pub(crate) fn pay(&mut self, mut is_enough: impl FnMut(&Tally) -> bool) -> Result<(), Violation> {
        self.send_all();
        while !is_enough(&self.tally) {
            match self.receive(RESEND) {
                Some(answer) => {
                    if let Some(index) = self.take(answer)? {
                        self.send(index);
                    }
                }
                None => self.send_all(),
            }
        }
        Ok(())
    }

    /// Sends what is due, once, and waits for nothing.
    pub(crate) fn send_all(&mut self) {
        (0..self.payers.len()).for_each(|index| self.send(index));
    }

    /// Takes every answer that is due. What comes later answers what is sent later.
    pub(crate) fn take_what_is_due(&mut self) -> Result<(), Violation> {
        let deadline = Instant::now() + PATIENCE;
        while let Some(index) = self.payers.iter().position(|standing| standing.is_due) {
            match self.receive(RESEND) {
                Some(answer) => _ = self.take(answer)?,
                None if Instant::now() > deadline => return violation(index, format!("no answer within {PATIENCE:?}")),
                None => self.send(index),
            }
        }
        Ok(())
    }

    /// Takes what has come, until nothing has come for so long. Returns how many votes and receipts that was.
    pub(crate) fn take_what_came(&mut self, quiet: Duration) -> Result<u64, Violation> {
        let before = self.tally;
        // The least that a socket can wait.
        let quiet = quiet.max(Duration::from_micros(1));
        while let Some(answer) = self.receive(quiet) {
            self.take(answer)?;
        }
        Ok(self.tally.votes + self.tally.receipts - before.votes - before.receipts)
    }

    /// Asks the authority for every account, and holds it to what it said: no receipt is forgotten, and no payer with a vote
    /// gets one for another order, nor a refusal that does not name the first.
    pub(crate) fn hold_to_account(&mut self) -> Result<(), Violation> {
        for index in 0..self.payers.len() {
            let account = self.ask_account(index)?;
            let standing = &self.payers[index];
            let (sequence, next) = (standing.body.sequence.get(), account.next_sequence);
            if next < standing.receipt_count {
                return violation(
                    index,
                    format!("receipts of {} payments, and {next} are known", standing.receipt_count),
                );
            }
            if next > sequence + u64::from(standing.vote.is_some()) {
                return violation(index, format!("payment {sequence} is under way, and {next} are known"));
            }
            if next > sequence {
                // Its receipt was lost on the way.
                self.next(index);
            } else if standing.vote.is_some() {
                if account.pending != standing.digest {
                    return violation(index, "the order that was voted for is not pending".to_owned());
                }
                self.contradict(index)?;
            }
        }
        Ok(())
    }

    /// Waits until what all accounts hold is again what genesis gave: credits between shards may still be on their way.
    pub(crate) fn await_supply(&mut self) -> Result<(), Violation> {
        let supply = self.payers.len() as i128 * i128::from(FUNDS);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut sum = 0;
            for index in 0..self.payers.len() {
                sum += self.ask_account(index)?.balance;
            }
            if sum == supply {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Violation(format!("accounts hold {sum} of {supply}")));
            }
        }
    }

    /// Signs another order for a sequence number whose vote went to the first.
    fn contradict(&mut self, index: usize) -> Result<(), Violation> {
        let Standing { payer, body, digest, .. } = &self.payers[index];
        let (first, other) = (*digest, OrderBody { user_data: [9; 32], ..*body });
        let (order, name) = (self.network.order(payer, other), self.network.digest(&other));
        let answer = self.ask(index, &order, |answer| match answer {
            Answer::Vote { digest, .. } => *digest == name,
            Answer::Refusal { subject, code, .. } => *subject == name && *code != Reject::Busy,
            Answer::Receipt { .. } | Answer::Account { .. } => false,
        })?;
        match answer {
            Answer::Refusal { code: Reject::Conflict, other, .. } if other == first => {
                self.tally.conflicts += 1;
                Ok(())
            }
            Answer::Refusal { code, .. } => violation(index, format!("a contradiction is refused as {code:?}")),
            _ => violation(index, "a second order has a vote".to_owned()),
        }
    }

    fn ask_account(&mut self, index: usize) -> Result<Account, Violation> {
        self.nonce += 1;
        let (address, asked) = (self.payers[index].payer.address, self.nonce);
        let query = self.network.query(&address, asked);
        let is_it = |answer: &Answer| matches!(answer, Answer::Account { nonce, .. } if *nonce == asked);
        match self.ask(index, &query, is_it)? {
            Answer::Account { account, address: of, .. } if of == address => Ok(account),
            _ => violation(index, "asked for one account and told of another".to_owned()),
        }
    }

    /// Asks until the answer comes, and takes what else comes meanwhile.
    fn ask(&mut self, index: usize, request: &[u8], is_answer: impl Fn(&Answer) -> bool) -> Result<Answer, Violation> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.send_to(index, request);
            while let Some(answer) = self.receive(ASK_AGAIN) {
                if is_answer(&answer) {
                    return Ok(answer);
                }
                self.take(answer)?;
            }
        }
        violation(index, format!("no answer within {PATIENCE:?}"))
    }

    /// Counts an answer. Returns whose payment it carries on.
    fn take(&mut self, answer: Answer) -> Result<Option<usize>, Violation> {
        match answer {
            Answer::Vote { digest, proof } => {
                // A vote for a payment that is over may be a late one; one for an order that is nobody's is not.
                let Some(index) = self.index_of(&digest) else { return Ok(None) };
                self.tally.votes += u64::from(self.payers[index].vote.is_none());
                (self.payers[index].vote, self.payers[index].is_due) = (Some(proof), false);
                Ok(Some(index))
            }
            Answer::Receipt { digest } => {
                let Some(index) = self.index_of(&digest) else { return Ok(None) };
                self.tally.receipts += 1;
                self.payers[index].receipt_count = self.payers[index].body.sequence.get() + 1;
                self.next(index);
                Ok(Some(index))
            }
            Answer::Refusal { subject, code, .. } => match self.index_of(&subject) {
                // The ring is full for a moment, or the money has not come: the payer tries again, later.
                _ if matches!(code, Reject::Busy | Reject::InsufficientFunds) => Ok(None),
                // A repeated order that a certificate has overtaken.
                Some(index) if code == Reject::SequenceBehind && self.payers[index].vote.is_some() => Ok(None),
                Some(index) => violation(index, format!("an order is refused as {code:?}")),
                None => Ok(None),
            },
            Answer::Account { .. } => Ok(None),
        }
    }

    /// The payer goes on to his next payment.
    fn next(&mut self, index: usize) {
        let recipient = self.payers[self.numbers.below(self.payers.len())].payer.address;
        let standing = &mut self.payers[index];
        standing.body = standing.payer.pays(&recipient, 1, standing.body.sequence.get() + 1);
        standing.digest = self.network.digest(&standing.body);
        (standing.vote, standing.is_due) = (None, false);
    }

    fn index_of(&self, digest: &Digest) -> Option<usize> {
        self.payers.iter().position(|standing| standing.digest == *digest)
    }

    /// Sends a payer's order, or his certificate where there is a vote.
    pub(crate) fn send(&mut self, index: usize) {
        self.payers[index].is_due = true;
        let Standing { payer, body, vote, .. } = &self.payers[index];
        let request = match vote {
            None => self.network.order(payer, *body),
            Some(vote) => {
                let votes = [vec![vote.clone()], self.network.votes(&[1, 2], body)].concat();
                self.network.certificate(body, &votes)
            }
        };
        self.send_to(index, &request);
    }

    fn send_to(&self, index: usize, request: &[u8]) {
        let shard = self.network.shard_of(&self.payers[index].payer.address);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port + shard));
        assert_eq!(self.socket.send_to(request, address).unwrap(), request.len());
    }

    fn receive(&self, patience: Duration) -> Option<Answer> {
        let mut datagram = [0; 2_048];
        self.socket.set_read_timeout(Some(patience)).unwrap();
        loop {
            match self.socket.recv(&mut datagram) {
                Ok(length) => return Some(read(&datagram[..length])),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
                Err(error) => panic!("{error}: on a socket that is not connected"),
            }
        }
    }
}

/// What a reply says. That it is signed is held against the rules elsewhere, in the tests of the whole authority.
fn read(datagram: &[u8]) -> Answer {
    match frame::parse(datagram).expect("authorities send frames") {
        Frame::Vote(view) => Answer::Vote { digest: view.head.digest, proof: view.proof_bytes.to_vec() },
        Frame::Receipt(view) => Answer::Receipt { digest: view.head.digest },
        Frame::Rejection(view) => {
            let code = Reject::from_code(view.head.code).expect("a known code");
            Answer::Refusal { subject: view.head.subject, code, other: view.head.other }
        }
        Frame::Info(info) => {
            Answer::Account { address: info.account, nonce: info.nonce.get(), account: Account::from(info) }
        }
        other => panic!("an authority sends no {other:?}"),
    }
}

fn violation<T>(index: usize, what: String) -> Result<T, Violation> {
    Err(Violation(format!("payer {index}: {what}")))
}
