//! A payment received: its certificate is carried to every authority.

use super::ballot::Receipts;
use super::carry::Carrier;
use super::face::{Event, Standing};
use super::judge::Word;
use super::pay::record_settled;
use super::post::{Key, Purpose, Subject};
use super::shared::Turn;
use crate::certificate::Certificate;
use quittance_engine::reject::{Refusal, Reject};
use quittance_engine::types::{Address, Digest};

/// See the module's docs.
#[derive(Debug)]
pub(super) struct Deliver {
    sender: Address,
    sequence: u64,
    digest: Digest,
    receipts: Receipts,
    refusals: Vec<Option<Refusal>>,
    carrier: Carrier,
    is_settled: bool,
}

impl Deliver {
    /// Brings this certificate, which is in the book, to all.
    pub(super) fn begin(certificate: &Certificate, turn: &Turn<'_>) -> Self {
        let count = turn.core.terms.authority_count();
        let (sender, sequence) = (certificate.body().sender, certificate.sequence().0);
        let mut carrier = Carrier::new(count);
        turn.core.terms.authorities().for_each(|authority| carrier.bring(authority, &sender, sequence..sequence + 1));
        Self {
            sender,
            sequence,
            digest: *certificate.digest(),
            receipts: Receipts::new(count),
            refusals: vec![None; count],
            carrier,
            is_settled: false,
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.is_settled
    }

    pub(super) fn due_ns(&self) -> Option<u64> {
        self.carrier.fetches.due_ns()
    }

    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) {
        self.carrier.advance(turn);
        turn.has_ended |= self.receipts.are_all();
    }

    pub(super) fn heard(&mut self, key: &Key, word: &Word, turn: &mut Turn<'_>) {
        match (key.subject, word) {
            (Subject::Certificate(digest), Word::Receipt) => self.applied(key, &digest, turn),
            (Subject::Certificate(_), Word::Refused(refusal)) => self.not_applied(key, refusal, turn),
            (_, Word::Certificate(certificate)) => {
                turn.has_progress = true;
                let payment = (certificate.body().sender, certificate.sequence().0);
                self.carrier.fetches.found(&payment, turn);
                turn.core.keep_found(certificate);
            }
            (_, Word::Further(next)) => self.carrier.fetches.missed(key, Some(*next), turn),
            (_, Word::Refused(refusal)) if refusal.code == Reject::Busy => {}
            (_, Word::Refused(_) | Word::Silence) => self.carrier.fetches.missed(key, None, turn),
            _ => {}
        }
    }

    /// By authority.
    pub(super) fn standings(&self) -> Vec<Standing> {
        let standing = |(authority, refusal): (u8, &Option<Refusal>)| match refusal {
            _ if self.receipts.has(authority) => Standing::Answered,
            _ if self.carrier.is_lagging(authority) => Standing::Lagging,
            Some(refusal) => Standing::Refuses(*refusal),
            None => Standing::Silent,
        };
        (0..).zip(&self.refusals).map(standing).collect()
    }

    fn applied(&mut self, key: &Key, digest: &Digest, turn: &mut Turn<'_>) {
        let Some(Purpose::Carry { sender, sequence }) = turn.core.post.purpose(key) else { return };
        turn.drop_question(key);
        turn.has_progress = true;
        self.carrier.applied(key.authority, &sender, sequence, turn);
        if *digest != self.digest {
            return;
        }
        if self.receipts.add(key.authority, turn.core) {
            turn.tell(Event::Receipt { operation: turn.operation, authority: key.authority });
        }
        if !self.is_settled && self.receipts.are_quorum(turn.core) {
            self.is_settled = true;
            record_settled(&self.sender, self.sequence, turn);
            turn.tell(Event::Settled { operation: turn.operation, digest: self.digest });
        }
    }

    fn not_applied(&mut self, key: &Key, refusal: &Refusal, turn: &mut Turn<'_>) {
        let Some(Purpose::Carry { sender, sequence }) = turn.core.post.purpose(key) else { return };
        match refusal.code {
            Reject::SequenceAhead => self.carrier.lacks(key, &sender, sequence, refusal.detail, turn),
            _ => self.refusals[usize::from(key.authority)] = Some(*refusal),
        }
    }
}
