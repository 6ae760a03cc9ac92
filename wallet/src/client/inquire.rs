//! What authorities hold of an account: each one's word, and what a quorum agrees on.

use super::face::{Answer, Event, Inquiry, Standing};
use super::judge::Word;
use super::post::Key;
use super::shared::Turn;
use crate::book::{KnownBalance, Record};
use crate::terms::Terms;
use quittance_engine::reject::{Refusal, Reject};
use quittance_engine::types::{Address, Amount, Balance, Digest, Sequence};
use std::collections::BTreeMap;

/// What an authority that does not know an account holds of it.
const NOTHING: Answer = Answer { balance: Balance(0), next_sequence: Sequence(0), pending: None };

/// Answers as they come.
#[derive(Debug)]
pub(super) struct Answers {
    keys: Vec<Key>,
    answers: Vec<Option<Answer>>,
    refusals: Vec<Option<Refusal>>,
    /// When those that are silent are waited for no longer; set when a quorum has answered.
    enough_ns: Option<u64>,
}

impl Answers {
    /// Asks everyone.
    pub(super) fn begin(account: &Address, turn: &mut Turn<'_>) -> Self {
        let count = turn.core.terms.authority_count();
        let keys = turn.core.terms.authorities().map(|authority| turn.ask_account(authority, account)).collect();
        Self { keys, answers: vec![None; count], refusals: vec![None; count], enough_ns: None }
    }

    pub(super) fn due_ns(&self) -> Option<u64> {
        self.enough_ns
    }

    /// Takes an answer. Returns it if it is one.
    pub(super) fn heard(&mut self, key: &Key, word: &Word, turn: &mut Turn<'_>) -> Option<Answer> {
        if self.keys[usize::from(key.authority)] != *key {
            return None;
        }
        let answer = match word {
            Word::Account(answer) => *answer,
            Word::Refused(refusal) if refusal.code == Reject::UnknownAccount => NOTHING,
            Word::Refused(refusal) => {
                self.refusals[usize::from(key.authority)] = Some(*refusal);
                return None;
            }
            _ => return None,
        };
        turn.drop_question(key);
        self.answers[usize::from(key.authority)] = Some(answer);
        let weight: u64 = self.answered().map(|(authority, _)| turn.weight(authority)).sum();
        if self.enough_ns.is_none() && weight >= turn.core.terms.quorum() {
            // The others get as long as a first question does.
            self.enough_ns = Some(turn.now_ns.saturating_add(turn.core.patience.resend_first_ns));
        }
        Some(answer)
    }

    /// Whether all have answered, or a quorum has and the others had their time.
    pub(super) fn are_enough(&self, now_ns: u64) -> bool {
        self.answers.iter().all(Option::is_some) || self.enough_ns.is_some_and(|enough_ns| enough_ns <= now_ns)
    }

    /// How far each that answered says that the account is, with its weight.
    pub(super) fn claims(&self, terms: &Terms) -> Vec<(u64, u64)> {
        self.answered().map(|(authority, answer)| (answer.next_sequence.0, terms.weight(authority))).collect()
    }

    /// Ends the waiting.
    pub(super) fn close(&mut self, turn: &mut Turn<'_>) {
        self.keys.iter().for_each(|key| turn.drop_question(key));
        self.enough_ns = None;
    }

    pub(super) fn answered(&self) -> impl Iterator<Item = (u8, &Answer)> {
        answered(&self.answers)
    }

    /// Notes what a quorum agrees on, if the account is this wallet's and that is news.
    pub(super) fn record_agreed(&self, turn: &mut Turn<'_>) {
        let agreed = Inquiry::of(&turn.core.terms, self.answers.clone(), None).agreed;
        let own = turn.core.account(&turn.account);
        if let Some((known, earlier)) = agreed.zip(own.map(|own| own.balance().copied())) {
            let known = KnownBalance { balance: known.0, next_sequence: known.1 };
            if earlier != Some(known) {
                turn.core.record(Record::Balance { account: turn.account, known });
            }
        }
    }

    /// By authority.
    pub(super) fn standings(&self) -> Vec<Standing> {
        let standing = |(answer, refusal): (&Option<Answer>, &Option<Refusal>)| match (answer, refusal) {
            (Some(_), _) => Standing::Answered,
            (None, Some(refusal)) => Standing::Refuses(*refusal),
            (None, None) => Standing::Silent,
        };
        self.answers.iter().zip(&self.refusals).map(standing).collect()
    }
}

/// The highest number that claims of this weight, each a number and whose weight it is, name or exceed. `None`: they weigh less.
pub(super) fn claimed_by(mut claims: Vec<(u64, u64)>, weight: u64) -> Option<u64> {
    claims.sort_by_key(|(number, _)| core::cmp::Reverse(*number));
    let mut sum = 0;
    let last = claims.into_iter().find(|(_, weight_of_one)| {
        sum += weight_of_one;
        sum >= weight
    });
    last.map(|(number, _)| number)
}

impl Inquiry {
    /// What answers come to, one for each authority of the committee. `own_pending`: an order of the asker's own, which does
    /// not stand in the way of itself.
    ///
    /// # Panics
    /// If there are more answers than authorities.
    pub fn of(terms: &Terms, answers: Vec<Option<Answer>>, own_pending: Option<&Digest>) -> Self {
        let mut weights: BTreeMap<(Sequence, Balance), u64> = BTreeMap::new();
        for (authority, answer) in answered(&answers) {
            *weights.entry((answer.next_sequence, answer.balance)).or_default() += terms.weight(authority);
        }
        let agreed = weights.iter().find(|(_, weight)| **weight >= terms.quorum());
        let agreed = agreed.map(|((next_sequence, balance), _)| (*balance, *next_sequence));
        let spendable = spendable(terms, &answers, own_pending);
        Self { answers, agreed, spendable }
    }

    /// The weight of those that answered.
    pub fn weight(&self, terms: &Terms) -> u64 {
        answered(&self.answers).map(|(authority, _)| terms.weight(authority)).sum()
    }

    /// The order, not the asker's own, that most of those name who have voted for one, if they weigh so much that no quorum is
    /// left for another.
    pub fn blocked_by(&self, terms: &Terms, own_pending: Option<&Digest>) -> Option<Digest> {
        let mut weights: BTreeMap<Digest, u64> = BTreeMap::new();
        for (authority, answer) in answered(&self.answers) {
            if let Some(digest) = answer.pending.filter(|_| !is_free(answer, own_pending)) {
                *weights.entry(digest).or_default() += terms.weight(authority);
            }
        }
        let heaviest = weights.iter().max_by_key(|(_, weight)| **weight).map(|(digest, _)| *digest);
        heaviest.filter(|_| weights.values().sum::<u64>() >= terms.blocking_weight())
    }

    /// Whether nothing that authorities may still answer can change what it says, but for their own answers: a quorum agrees,
    /// and none of these has voted for an order in the way. The others weigh too little then, whatever they claim.
    pub fn is_certain(&self, terms: &Terms, own_pending: Option<&Digest>) -> bool {
        let Some((balance, next_sequence)) = self.agreed else { return false };
        let agrees = |answer: &Answer| {
            answer.balance == balance && answer.next_sequence == next_sequence && is_free(answer, own_pending)
        };
        let agreeing = answered(&self.answers).filter(|(_, answer)| agrees(answer));
        agreeing.map(|(authority, _)| terms.weight(authority)).sum::<u64>() >= terms.quorum()
    }
}

fn answered(answers: &[Option<Answer>]) -> impl Iterator<Item = (u8, &Answer)> {
    (0..).zip(answers).filter_map(|(authority, answer)| Some((authority, answer.as_ref()?)))
}

fn is_free(answer: &Answer, own_pending: Option<&Digest>) -> bool {
    answer.pending.is_none_or(|pending| Some(&pending) == own_pending)
}

/// The most for which balances of a quorum's weight are enough, where no other order is pending.
fn spendable(terms: &Terms, answers: &[Option<Answer>], own_pending: Option<&Digest>) -> Amount {
    let free = answered(answers).filter(|(_, answer)| is_free(answer, own_pending));
    let mut balances: Vec<(Balance, u64)> =
        free.map(|(authority, answer)| (answer.balance, terms.weight(authority))).collect();
    balances.sort_by_key(|(balance, _)| core::cmp::Reverse(*balance));
    let mut sum = 0;
    let last = balances.iter().find(|(_, weight)| {
        sum += weight;
        sum >= terms.quorum()
    });
    Amount(last.map_or(0, |(balance, _)| u64::try_from(balance.0.max(0)).unwrap_or(u64::MAX)))
}

/// An inquiry as an operation. Its time does not start anew with each answer: what a person waits for is all of them together.
#[derive(Debug)]
pub(super) struct Inquire(Answers);

impl Inquire {
    pub(super) fn begin(turn: &mut Turn<'_>) -> Self {
        let account = turn.account;
        Self(Answers::begin(&account, turn))
    }

    pub(super) fn due_ns(&self) -> Option<u64> {
        self.0.due_ns()
    }

    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) {
        if self.0.are_enough(turn.now_ns) {
            self.finish(turn);
        }
    }

    pub(super) fn heard(&mut self, key: &Key, word: &Word, turn: &mut Turn<'_>) {
        if let Some(answer) = self.0.heard(key, word, turn) {
            turn.tell(Event::Answered { operation: turn.operation, authority: key.authority, answer });
        }
    }

    pub(super) fn standings(&self) -> Vec<Standing> {
        self.0.standings()
    }

    /// Says what is known by now.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>) {
        let own = turn.core.account(&turn.account);
        let own_pending = own.and_then(|own| own.pending()).map(|pending| pending.digest);
        let inquiry = Inquiry::of(&turn.core.terms, self.0.answers.clone(), own_pending.as_ref());
        self.0.record_agreed(turn);
        turn.tell(Event::Inquired { operation: turn.operation, inquiry });
        turn.has_ended = true;
    }
}

#[cfg(test)]
mod tests;
