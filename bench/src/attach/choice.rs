//! Which of a wallet's accounts take part: those on which the book and all authorities agree, with money enough.

use crate::audit::{Questions, survey};
use crate::error::BenchError;
use crate::plan::Beginning;
use crate::world::{Watch, World};
use quittance_engine::types::Address;
use quittance_net::frame::Info;
use quittance_wallet::book::Book;
use quittance_wallet::keys::{Secret, Secrets};
use serde::Serialize;

/// Payments of each account where no number is asked for: two at saturation, one open loop.
const ROUNDS: u32 = 3;

/// Accounts that take no part, by the reason found first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The book does not have them: `recover --rebuild` brings them in.
    pub not_in_book: u64,
    /// An authority did not answer for them.
    pub unanswered: u64,
    /// Some authority does not know them: they had no money at the network's start, and nobody paid them.
    pub unknown: u64,
    /// An order is pending, by the book or by an authority: `recover` finishes it.
    pub pending: u64,
    /// Authorities tell different balances or sequence numbers: one of them lags behind.
    pub disagreed: u64,
    /// The book has another sequence number than the authorities: `recover --rebuild` mends it.
    pub book_differs: u64,
    /// They could not make all of their payments if nobody paid them.
    pub too_poor: u64,
}

impl LeftOut {
    /// All of them.
    pub fn count(&self) -> u64 {
        let Self { not_in_book, unanswered, unknown, pending, disagreed, book_differs, too_poor } = self;
        not_in_book + unanswered + unknown + pending + disagreed + book_differs + too_poor
    }
}

/// Who takes part.
#[derive(Debug)]
pub struct Choice {
    /// Their secrets.
    pub secrets: Vec<Secret>,
    /// What they have, in the same order.
    pub beginnings: Vec<Beginning>,
    /// How many payments they make together.
    pub payment_count: u32,
    /// The others.
    pub left_out: LeftOut,
}

/// One authority's word on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It did not answer.
    Silence,
    /// It does not know the account.
    Unknown,
    /// What it holds of it, and whether an order is pending.
    Holds(Beginning, bool),
}

impl Word {
    fn of(info: Option<&Info>) -> Self {
        let Some(info) = info else { return Self::Unknown };
        let beginning = Beginning { balance: info.balance.get(), next_sequence: info.next_sequence.get() };
        Self::Holds(beginning, info.pending != [0; 32])
    }
}

/// Asks every authority for every account: by authority, then by account.
///
/// # Errors
/// [`BenchError::Usage`] if an authority answers nothing at all; the machine's faults.
pub fn ask_all(
    questions: Questions<'_>,
    world: &mut impl World,
    watch: &mut impl Watch,
) -> Result<Vec<Vec<Word>>, BenchError> {
    let authorities = 0..questions.terms.live_count;
    let ask = |authority: usize| {
        let mut words = vec![Word::Silence; questions.addresses.len()];
        let mut see = |account: u32, info: Option<&Info>| words[account as usize] = Word::of(info);
        survey(authority, questions, world, watch, &mut see)?;
        if words.iter().all(|word| *word == Word::Silence) {
            let at = questions.directory.address(authority, 0);
            let fault =
                format!("authority {authority} ({at}) answers nothing; all authorities must run to be measured");
            return Err(BenchError::Usage(fault));
        }
        Ok(words)
    };
    authorities.map(ask).collect()
}

/// Chooses, from what the book and the authorities say. `payments`: how many are asked for.
///
/// # Errors
/// [`BenchError::Usage`] if fewer than two accounts remain, or they cannot make so many payments.
pub fn choose(
    secrets: &Secrets,
    book: &Book,
    words: &[Vec<Word>],
    payments: Option<u32>,
) -> Result<Choice, BenchError> {
    let mut left_out = LeftOut::default();
    let mut chosen: Vec<(Secret, Beginning)> = Vec::new();
    for (account, secret) in secrets.all().iter().enumerate() {
        let said: Vec<Word> = words.iter().map(|words| words[account]).collect();
        match judge(&secret.address(), book, &said, &mut left_out) {
            Ok(beginning) => chosen.push((secret.clone(), beginning)),
            Err(count) => *count += 1,
        }
    }
    let payment_count = drop_the_poor(&mut chosen, payments, &mut left_out)?;
    let (secrets, beginnings) = chosen.into_iter().unzip();
    Ok(Choice { secrets, beginnings, payment_count, left_out })
}

/// What an account has, if it can take part; otherwise the count of those left out for the same reason.
fn judge<'a>(
    address: &Address,
    book: &Book,
    said: &[Word],
    left_out: &'a mut LeftOut,
) -> Result<Beginning, &'a mut u64> {
    let Some(account) = book.account(address) else { return Err(&mut left_out.not_in_book) };
    if said.contains(&Word::Silence) {
        return Err(&mut left_out.unanswered);
    }
    if said.contains(&Word::Unknown) {
        return Err(&mut left_out.unknown);
    }
    let held: Vec<(Beginning, bool)> = said
        .iter()
        .filter_map(|word| match word {
            Word::Holds(beginning, is_pending) => Some((*beginning, *is_pending)),
            Word::Silence | Word::Unknown => None,
        })
        .collect();
    let (first, _) = held[0];
    if account.pending().is_some() || held.iter().any(|(_, is_pending)| *is_pending) {
        Err(&mut left_out.pending)
    } else if held.iter().any(|(beginning, _)| *beginning != first) {
        Err(&mut left_out.disagreed)
    } else if account.next_sequence().0 != first.next_sequence {
        Err(&mut left_out.book_differs)
    } else {
        Ok(first)
    }
}

/// Leaves out who could not make all of his payments if nobody paid him: the one before him in the ring may be late. Returns
/// how many payments those who remain make together.
fn drop_the_poor(
    chosen: &mut Vec<(Secret, Beginning)>,
    payments: Option<u32>,
    left_out: &mut LeftOut,
) -> Result<u32, BenchError> {
    // Fewer accounts make more payments each: each turn drops one at least, or is the last.
    loop {
        let count = u32::try_from(chosen.len()).expect("a wallet's accounts are bounded");
        if count < 2 {
            let fault = format!(
                "{count} accounts can take part, and it takes two; left out: {}",
                serde_json::to_string(left_out).expect("a map of numbers")
            );
            return Err(BenchError::Usage(fault));
        }
        let rounds = payments.map_or(ROUNDS, |payments| payments.div_ceil(count));
        let before = chosen.len();
        chosen.retain(|(_, beginning)| beginning.balance >= i128::from(rounds));
        left_out.too_poor += (before - chosen.len()) as u64;
        if chosen.len() == before {
            return Ok(payments.unwrap_or(ROUNDS * count));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quittance_wallet::book::Record;

    fn secrets(count: u8) -> Secrets {
        Secrets::new((1..=count).map(|seed| Secret::from_seed([seed; 32].into())).collect())
    }

    fn book(secrets: &Secrets) -> Book {
        let mut book = Book::new();
        for secret in secrets.all() {
            book.apply(&Record::Account { address: secret.address() }).unwrap();
        }
        book
    }

    fn holds(balance: i128) -> Word {
        Word::Holds(Beginning { balance, next_sequence: 0 }, false)
    }

    #[test]
    fn each_account_that_cannot_take_part_is_counted_by_its_reason() {
        let all = secrets(9);
        let known = book(&Secrets::new(all.all()[..8].to_vec()));
        let good = [holds(10); 9];
        let mut words = vec![good.to_vec(); 4];
        words[3][2] = Word::Silence;
        words[0][3] = Word::Unknown;
        words[1][4] = Word::Holds(Beginning { balance: 10, next_sequence: 0 }, true);
        words[2][5] = holds(11);
        words.iter_mut().for_each(|said| {
            said[6] = Word::Holds(Beginning { balance: 10, next_sequence: 1 }, false);
            said[7] = holds(2);
        });
        let choice = choose(&all, &known, &words, None).unwrap();
        let once = LeftOut {
            not_in_book: 1,
            unanswered: 1,
            unknown: 1,
            pending: 1,
            disagreed: 1,
            book_differs: 1,
            too_poor: 1,
        };
        assert_eq!((choice.left_out, choice.left_out.count()), (once, 7));
        assert_eq!((choice.beginnings.len(), choice.payment_count), (2, 6));
        assert!(choice.secrets.iter().map(Secret::address).eq(all.all()[..2].iter().map(Secret::address)));
    }

    #[test]
    fn more_payments_than_the_poor_can_make_fall_to_the_others() {
        let all = secrets(4);
        let words = vec![vec![holds(100), holds(100), holds(100), holds(4)]; 4];
        let choice = choose(&all, &book(&all), &words, Some(20)).unwrap();
        assert_eq!((choice.secrets.len(), choice.payment_count, choice.left_out.too_poor), (3, 20, 1));
        let error = choose(&all, &book(&all), &words, Some(1_000)).unwrap_err();
        assert!(error.to_string().contains("too_poor\":4") && error.exit_code() == 2, "{error}");
    }
}
