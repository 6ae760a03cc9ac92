//! What the authorities hold of accounts: asked of all, answered by a quorum.

use crate::driver::Driver;
use crate::fault::Fault;
use quittance_engine::types::{Address, Amount, Balance, Digest, Sequence};
use quittance_wallet::client::{Answer, Event, Inquiry, OperationId};
use quittance_wallet::terms::Terms;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Accounts that are asked about at the same time.
const ACCOUNTS_AT_ONCE: usize = 16;
/// Once a quorum has answered, the others are given so much more time.
const GRACE: Duration = Duration::from_millis(250);

/// A question on its way.
struct Asked {
    place: usize,
    answers: Vec<Option<Answer>>,
}

/// Asks all authorities about these accounts. Returns soon after a quorum has answered, or when the time is over.
///
/// # Errors
/// Those of [`Driver::run`].
pub(crate) fn inquire(driver: &mut Driver<'_>, accounts: &[Address]) -> Result<Vec<Inquiry>, Fault> {
    let mut inquiries = Vec::with_capacity(accounts.len());
    for accounts in accounts.chunks(ACCOUNTS_AT_ONCE) {
        inquiries.extend(inquire_some(driver, accounts)?);
    }
    Ok(inquiries)
}

fn inquire_some(driver: &mut Driver<'_>, accounts: &[Address]) -> Result<Vec<Inquiry>, Fault> {
    let authority_count = driver.terms().authority_count();
    let mut open: BTreeMap<OperationId, Asked> = BTreeMap::new();
    for (place, account) in accounts.iter().enumerate() {
        let now_ns = driver.now_ns();
        let operation = driver.client.inquire(now_ns, account).expect("so few questions are always taken");
        open.insert(operation, Asked { place, answers: vec![None; authority_count] });
    }
    let mut done: Vec<Option<Inquiry>> = vec![None; accounts.len()];
    let console = driver.console;
    let mut enough_since: Option<Instant> = None;
    driver.run(|client, event| {
        match event {
            Some(Event::Answered { operation, authority, answer }) => {
                if let Some(asked) = open.get_mut(&operation) {
                    asked.answers[usize::from(authority)] = Some(answer);
                }
            }
            Some(Event::Inquired { operation, inquiry }) => {
                if let Some(asked) = open.remove(&operation) {
                    done[asked.place] = Some(inquiry);
                }
            }
            _ => {}
        }
        let fewest = open.values().map(|asked| asked.answers.iter().flatten().count()).min();
        console
            .progress(&format!("{} of {authority_count} authorities have answered", fewest.unwrap_or(authority_count)));
        let is_enough = open.values().all(|asked| weight(client.terms(), &asked.answers) >= client.terms().quorum());
        if !is_enough {
            return ControlFlow::Continue(());
        }
        let since = *enough_since.get_or_insert_with(Instant::now);
        if !open.is_empty() && since.elapsed() < GRACE {
            return ControlFlow::Continue(());
        }
        for (operation, asked) in core::mem::take(&mut open) {
            client.stop(operation);
            done[asked.place] = Some(judge(client.terms(), asked.answers));
        }
        ControlFlow::Break(())
    })?;
    Ok(done.into_iter().map(|inquiry| inquiry.expect("each question ended or was stopped")).collect())
}

/// The weight of those that answered.
pub(crate) fn weight(terms: &Terms, answers: &[Option<Answer>]) -> u64 {
    let answered = (0..).zip(answers).filter(|(_, answer)| answer.is_some());
    answered.map(|(authority, _)| terms.weight(authority)).sum()
}

/// The order that most of those name who have voted for one, if they weigh so much that no quorum is left for another.
pub(crate) fn block(terms: &Terms, answers: &[Option<Answer>]) -> Option<Digest> {
    let mut weights: BTreeMap<Digest, u64> = BTreeMap::new();
    for (authority, answer) in (0..).zip(answers) {
        if let Some(digest) = answer.and_then(|answer| answer.pending) {
            *weights.entry(digest).or_default() += terms.weight(authority);
        }
    }
    let heaviest = weights.iter().max_by_key(|(_, weight)| **weight).map(|(digest, _)| *digest);
    heaviest.filter(|_| weights.values().sum::<u64>() >= terms.blocking_weight())
}

/// What these answers come to.
fn judge(terms: &Terms, answers: Vec<Option<Answer>>) -> Inquiry {
    let agreed = agreed(terms, &answers);
    let spendable = spendable(terms, &answers);
    Inquiry { answers, agreed, spendable }
}

fn agreed(terms: &Terms, answers: &[Option<Answer>]) -> Option<(Balance, Sequence)> {
    let mut weights: BTreeMap<(Sequence, Balance), u64> = BTreeMap::new();
    for (authority, answer) in (0..).zip(answers) {
        if let Some(answer) = answer {
            *weights.entry((answer.next_sequence, answer.balance)).or_default() += terms.weight(authority);
        }
    }
    let agreed = weights.into_iter().find(|(_, weight)| *weight >= terms.quorum());
    agreed.map(|((next_sequence, balance), _)| (balance, next_sequence))
}

/// The most that authorities of a quorum's weight each have.
fn spendable(terms: &Terms, answers: &[Option<Answer>]) -> Amount {
    let mut balances: Vec<(Balance, u64)> = (0..)
        .zip(answers)
        .filter_map(|(authority, answer)| Some((answer.as_ref()?.balance, terms.weight(authority))))
        .collect();
    balances.sort_unstable_by(|one, other| other.cmp(one));
    let mut sum = 0_u64;
    for (balance, weight) in balances {
        sum += weight;
        if sum >= terms.quorum() {
            return Amount(u64::try_from(balance.0.max(0)).unwrap_or(u64::MAX));
        }
    }
    Amount(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quittance_engine::committee::{CommitteeFile, MemberEntry};
    use quittance_engine::network::NetworkId;
    use quittance_verify::SecretKey;

    fn terms(weights: &[u64]) -> Terms {
        let member = |(index, weight): (u8, &u64)| MemberEntry {
            key: SecretKey::from_seed(&[index + 1; 32]).public_key_bytes(),
            host: "127.0.0.1".parse().unwrap(),
            hosts: Vec::new(),
            port: 9_000 + u16::from(index),
            shards: 1,
            weight: *weight,
        };
        let members = (0..).zip(weights).map(member).collect();
        Terms::new(NetworkId([1; 32]), &CommitteeFile { epoch: 0, members }).unwrap()
    }

    fn answers(all: &[Option<(i128, u64)>]) -> Vec<Option<Answer>> {
        let answer =
            |(balance, next)| Answer { balance: Balance(balance), next_sequence: Sequence(next), pending: None };
        all.iter().map(|each| each.map(answer)).collect()
    }

    #[test]
    fn a_quorum_agrees_or_nobody_does() {
        let terms = terms(&[1, 1, 1, 1]);
        let agreed = |all: &[Option<(i128, u64)>]| agreed(&terms, &answers(all));
        let same = Some((10, 2));
        assert_eq!(agreed(&[same, same, None, same]), Some((Balance(10), Sequence(2))));
        assert_eq!(agreed(&[same, same, None, Some((10, 1))]), None);
        assert_eq!(agreed(&[same, same, None, None]), None);
    }

    #[test]
    fn orders_of_others_block_from_the_weight_on_that_leaves_no_quorum() {
        let terms = terms(&[1, 1, 1, 1]);
        let voted = |digests: [u8; 4]| {
            let answer = |digest: u8| Answer {
                balance: Balance(1),
                next_sequence: Sequence(0),
                pending: (digest > 0).then_some([digest; 32]),
            };
            block(&terms, &digests.map(|digest| Some(answer(digest))))
        };
        assert_eq!(voted([0, 0, 0, 0]), None);
        assert_eq!(voted([7, 0, 0, 0]), None);
        assert_eq!(voted([7, 0, 7, 0]), Some([7; 32]));
        assert_eq!(voted([8, 7, 7, 0]), Some([7; 32]));
    }

    #[test]
    fn what_can_be_spent_is_what_a_quorum_has_by_weight() {
        let all = [Some((100, 0)), Some((50, 0)), Some((-3, 0)), Some((70, 0))];
        assert_eq!(spendable(&terms(&[1, 1, 1, 1]), &answers(&all)), Amount(50));
        assert_eq!(spendable(&terms(&[7, 1, 1, 1]), &answers(&all)), Amount(100));
        assert_eq!(spendable(&terms(&[1, 1, 4, 1]), &answers(&all)), Amount(0));
        assert_eq!(spendable(&terms(&[1, 1, 1, 1]), &answers(&[Some((100, 0)), Some((50, 0)), None, None])), Amount(0));
    }
}
