//! Second orders for sequence numbers that an authority has voted for, and what it says to them.

use crate::client::Client;
use crate::drive::Settings;
use crate::error::BenchError;
use crate::limits::WATCH_NS;
use crate::replies::{Expectations, Fault, Replies, ReplyCounters, Statement, Unexpected};
use crate::scene::Scene;
use crate::world::{Watch, World};
use quittance_engine::message::{order_digest, order_message};
use quittance_engine::reject::Reject;
use quittance_engine::types::Digest;
use quittance_net::frame::{Order, OrderBody};
use std::collections::BTreeMap;

/// What was answered to second orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChallengeCounts {
    /// Second orders made.
    pub tried: u64,
    /// Refused, with the first order's name.
    pub refused: u64,
    /// Voted for, though the first was voted for: what must never be.
    pub voted: u64,
    /// Refused otherwise, or without the first order's name.
    pub other_answers: u64,
}

/// One second order.
#[derive(Debug)]
struct Challenge {
    order: Order,
    /// The digest of the first order.
    first: Digest,
    answered: bool,
    voted: bool,
}

/// Every second order ever made, by digest: a vote for one of them is believed whenever it comes.
#[derive(Debug, Default)]
struct Book {
    challenges: Vec<Challenge>,
    by_digest: BTreeMap<Digest, u32>,
}

/// Sends second orders, and judges the answers. It has a socket of its own.
#[derive(Debug)]
pub struct Challenger<'a> {
    scene: &'a Scene,
    settings: Settings,
    replies: Replies<'a>,
    book: Book,
    counts: ChallengeCounts,
}

impl<'a> Challenger<'a> {
    /// `verifier_seed` is secret and fresh.
    pub fn new(scene: &'a Scene, settings: Settings, verifier_seed: [u8; 32]) -> Self {
        let replies = Replies::new(&scene.terms, &scene.directory, verifier_seed);
        Self { scene, settings, replies, book: Book::default(), counts: ChallengeCounts::default() }
    }

    /// What was answered so far.
    pub fn counts(&self) -> ChallengeCounts {
        self.counts
    }

    /// Replies that no honest server sends.
    pub fn reply_counters(&self) -> &ReplyCounters {
        self.replies.counters()
    }

    /// Makes a second order for each of these payments, whose first orders have votes, and sends each until it is answered
    /// or was sent often enough.
    ///
    /// # Errors
    /// The machine's faults, and what `watch` says.
    pub fn challenge(
        &mut self,
        payments: &[u32],
        client: &mut Client,
        watch: &mut impl Watch,
    ) -> Result<(), BenchError> {
        let start = self.book.challenges.len();
        payments.iter().for_each(|payment| self.make(*payment));
        for _ in 0..self.settings.tries_max {
            for challenge in self.book.challenges[start..].iter().filter(|challenge| !challenge.answered) {
                let order = &challenge.order;
                client.push(0, self.scene.directory.address(0, order.header.shard.get()), bytemuck::bytes_of(order))?;
            }
            client.flush()?;
            self.listen(start, client, watch)?;
            if self.book.challenges[start..].iter().all(|challenge| challenge.answered) {
                break;
            }
        }
        Ok(())
    }

    /// The payer's second thought: the same but for the user data, which no two second orders share.
    fn make(&mut self, payment: u32) {
        let Scene { terms, accounts, workload, .. } = self.scene;
        let first = workload.orders.frame(payment);
        let number = u32::try_from(self.book.challenges.len()).expect("a few in each round");
        let mut user_data = [0xc0; 32];
        user_data[..4].copy_from_slice(&number.to_le_bytes());
        let body = OrderBody { user_data, ..first.body };
        let message = order_message(&terms.network, &body);
        let signature = accounts.secret_key(workload.plan.sender(payment)).sign(&message);
        let order = Order { body, signature, r_hint: [0; 32], ..*first };
        self.book.by_digest.insert(order_digest(&message), number);
        let first = *workload.orders.digest(payment);
        self.book.challenges.push(Challenge { order, first, answered: false, voted: false });
        self.counts.tried += 1;
    }

    /// Takes answers until all challenges from `start` on are answered, for one timeout at most.
    fn listen(&mut self, start: usize, client: &mut Client, watch: &mut impl Watch) -> Result<(), BenchError> {
        let end_ns = client.now_ns() + self.settings.timeout_ns;
        while client.now_ns() < end_ns && self.book.challenges[start..].iter().any(|challenge| !challenge.answered) {
            watch.look()?;
            let Self { replies, book, .. } = self;
            client.receive(WATCH_NS / 10, &mut |peer, datagram| replies.take(peer, datagram, book))?;
            replies.verify();
            for claim in self.replies.claims() {
                self.book.judge(claim.payment, claim.statement, &claim.other, &mut self.counts);
            }
            self.replies.clear();
        }
        Ok(())
    }
}

impl Book {
    /// Counts what was said to challenge `number`; `other` is the order that a refusal names.
    fn judge(&mut self, number: u32, statement: Statement, other: &Digest, counts: &mut ChallengeCounts) {
        let challenge = &mut self.challenges[number as usize];
        match statement {
            Statement::Vote => {
                counts.voted += u64::from(!challenge.voted);
                challenge.voted = true;
            }
            // It has not looked at the account.
            Statement::Rejection(Reject::Busy) => return,
            Statement::Rejection(Reject::Conflict) if *other == challenge.first => {
                counts.refused += u64::from(!challenge.answered);
            }
            Statement::Rejection(_) | Statement::Receipt => counts.other_answers += u64::from(!challenge.answered),
        }
        challenge.answered = true;
    }
}

impl Expectations for Book {
    fn expect(&self, digest: &Digest, _authority: u8, statement: Statement) -> Result<u32, Unexpected> {
        let number = *self.by_digest.get(digest).ok_or(Unexpected::Faulty(Fault::Digest))?;
        let challenge = &self.challenges[number as usize];
        match statement {
            Statement::Vote if challenge.voted => Err(Unexpected::Late),
            Statement::Vote => Ok(number),
            Statement::Receipt => Err(Unexpected::Faulty(Fault::Unasked)),
            Statement::Rejection(_) if challenge.answered => Err(Unexpected::Late),
            Statement::Rejection(_) => Ok(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    const FIRST: Digest = [1; 32];
    const SECOND: Digest = [2; 32];

    fn judged(said: &[(Statement, Digest)]) -> (ChallengeCounts, Book) {
        let challenge = Challenge { order: Order::zeroed(), first: FIRST, answered: false, voted: false };
        let mut book = Book { challenges: vec![challenge], by_digest: BTreeMap::from([(SECOND, 0)]) };
        let mut counts = ChallengeCounts { tried: 1, ..ChallengeCounts::default() };
        said.iter().for_each(|(statement, other)| book.judge(0, *statement, other, &mut counts));
        (counts, book)
    }

    #[test]
    fn only_a_conflict_that_names_the_first_order_is_a_refusal() {
        let conflict = Statement::Rejection(Reject::Conflict);
        assert_eq!(judged(&[(conflict, FIRST), (conflict, FIRST)]).0.refused, 1);
        for said in [(conflict, SECOND), (conflict, [0; 32]), (Statement::Rejection(Reject::SequenceBehind), FIRST)] {
            let counts = judged(&[said]).0;
            assert_eq!((counts.refused, counts.other_answers, counts.voted), (0, 1, 0));
        }
    }

    #[test]
    fn a_vote_counts_once_whatever_was_said_before_and_being_busy_is_no_answer() {
        let (vote, conflict) = (Statement::Vote, Statement::Rejection(Reject::Conflict));
        let (counts, book) = judged(&[(conflict, FIRST), (vote, [0; 32]), (vote, [0; 32])]);
        assert_eq!((counts.refused, counts.voted), (1, 1));
        assert_eq!(book.expect(&SECOND, 0, vote), Err(Unexpected::Late));
        let (counts, book) = judged(&[(Statement::Rejection(Reject::Busy), [0; 32])]);
        assert_eq!(counts, ChallengeCounts { tried: 1, ..ChallengeCounts::default() });
        assert_eq!(book.expect(&SECOND, 0, conflict), Ok(0));
        assert_eq!(book.expect(&FIRST, 0, vote), Err(Unexpected::Faulty(Fault::Digest)));
    }
}
