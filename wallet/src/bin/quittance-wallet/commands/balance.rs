//! `balance`: what an account has.

use crate::console::{Console, Report};
use crate::driver::Driver;
use crate::fault::Fault;
use crate::inquiry::{self, Patience};
use crate::options::{BalanceOptions, Common};
use crate::quantity;
use crate::wallet::{self, Wallet};
use quittance_engine::address;
use quittance_engine::types::{Address, Amount, Balance, Sequence};
use quittance_wallet::book::{Account, Book, Bound, KnownBalance, Record};
use quittance_wallet::client::{Answer, Inquiry};
use quittance_wallet::terms::Terms;
use serde::Serialize;
use serde_json::{Value, json};

/// What the book knows.
#[derive(Serialize)]
struct Known {
    account: String,
    /// As a quorum said when the book was last told; later payments of this wallet are taken off.
    #[serde(serialize_with = "quantity::serialize_balance")]
    balance: Option<i128>,
    next_sequence: u64,
    pending: Option<PendingShown>,
    received_count: usize,
}

#[derive(Serialize)]
struct PendingShown {
    sequence: u64,
    amount: u64,
    digest: String,
}

/// What the authorities say.
#[derive(Serialize)]
struct Asked {
    account: String,
    agreed: bool,
    #[serde(serialize_with = "quantity::serialize_balance")]
    balance: Option<i128>,
    next_sequence: Option<u64>,
    spendable: u64,
    authorities: Vec<AnswerShown>,
}

#[derive(Serialize)]
struct AnswerShown {
    authority: u8,
    name: String,
    answered: bool,
    #[serde(serialize_with = "quantity::serialize_balance")]
    balance: Option<i128>,
    next_sequence: Option<u64>,
    pending: Option<String>,
}

pub(crate) fn balance(common: &Common, options: &BalanceOptions, console: &Console) -> Result<(), Fault> {
    if options.quorum {
        return ask(common, options, console);
    }
    let book = wallet::read_book(common)?;
    let account = wallet::own_account(&book, &options.address)?;
    console.report(&known(&account, book.account(&account).expect("it was found in this book")))
}

fn known(address: &Address, account: &Account) -> Known {
    let pending = account.pending().map(|pending| PendingShown {
        sequence: pending.body.sequence.get(),
        amount: pending.body.amount.get(),
        digest: hex::encode(pending.digest),
    });
    Known {
        account: address::encode(address),
        balance: account.balance().map(|known| known.balance.0),
        next_sequence: account.next_sequence().0,
        pending,
        received_count: account.received().len(),
    }
}

fn ask(common: &Common, options: &BalanceOptions, console: &Console) -> Result<(), Fault> {
    let book = wallet::read_book(common)?;
    let account = wallet::any_account(&book, &options.address)?;
    let is_own = book.account(&account).is_some();
    let mut driver = Driver::asking(common, console, book)?;
    let inquiry = inquiry::inquire(&mut driver, &[account], Patience::Everyone)?.remove(0);
    let terms = driver.terms().clone();
    if is_own && let Some((balance, next_sequence)) = inquiry.agreed {
        keep(common, console, &terms, account, KnownBalance { balance, next_sequence })?;
    }
    if inquiry.weight(&terms) < terms.quorum() {
        return Err(too_few(&driver, &account, &inquiry));
    }
    console.report(&asked(&driver, &account, &inquiry))
}

/// The book remembers what a quorum said, if nobody else writes to it at this moment.
fn keep(common: &Common, console: &Console, terms: &Terms, account: Address, known: KnownBalance) -> Result<(), Fault> {
    let Some(mut wallet) = Wallet::open_if_free(common, console)? else { return Ok(()) };
    if wallet.book.check_terms(terms).is_err() || !is_news(&wallet.book, &account, &known) {
        return Ok(());
    }
    let bound =
        Bound { network: *terms.network(), committee: terms.committee().digest(), epoch: terms.committee().epoch() };
    let first = wallet.book.bound().is_none().then_some(Record::Bound(bound));
    let records: Vec<Record> = first.into_iter().chain([Record::Balance { account, known }]).collect();
    wallet.store.append(&records)
}

/// Whether the book does not know as much, or more.
fn is_news(book: &Book, account: &Address, known: &KnownBalance) -> bool {
    let earlier = book.account(account).and_then(Account::balance);
    earlier.is_none_or(|earlier| earlier != known && earlier.next_sequence <= known.next_sequence)
}

fn asked(driver: &Driver<'_>, account: &Address, inquiry: &Inquiry) -> Asked {
    let (balance, next_sequence) = match inquiry.agreed {
        Some((Balance(balance), Sequence(next))) => (Some(balance), Some(next)),
        None => (None, None),
    };
    let Amount(spendable) = inquiry.spendable;
    Asked {
        account: address::encode(account),
        agreed: inquiry.agreed.is_some(),
        balance,
        next_sequence,
        spendable,
        authorities: answers(driver, inquiry),
    }
}

fn answers(driver: &Driver<'_>, inquiry: &Inquiry) -> Vec<AnswerShown> {
    let shown = |(authority, answer): (u8, &Option<Answer>)| AnswerShown {
        authority,
        name: driver.name(authority),
        answered: answer.is_some(),
        balance: answer.map(|answer| answer.balance.0),
        next_sequence: answer.map(|answer| answer.next_sequence.0),
        pending: answer.and_then(|answer| answer.pending).map(hex::encode),
    };
    (0..).zip(&inquiry.answers).map(shown).collect()
}

fn too_few(driver: &Driver<'_>, account: &Address, inquiry: &Inquiry) -> Fault {
    let answers = answers(driver, inquiry);
    let details: Value = json!({ "account": address::encode(account), "authorities": answers });
    Fault::pending(
        format!("too few authorities have answered:\n{}\nIt can be asked again at any time", lines(&answers)),
        details,
    )
}

fn lines(answers: &[AnswerShown]) -> String {
    answers.iter().map(AnswerShown::line).collect::<Vec<_>>().join("\n")
}

impl AnswerShown {
    fn line(&self) -> String {
        match (self.balance, self.next_sequence) {
            (Some(balance), Some(next)) => {
                let pending = if self.pending.is_some() { ", an order pending" } else { "" };
                format!("  {}: {balance}, {next} payments made{pending}", self.name)
            }
            _ => format!("  {}: silent", self.name),
        }
    }
}

impl Report for Known {
    fn text(&self) -> String {
        let mut text = match self.balance {
            Some(balance) => format!("{balance} (as last told by a quorum; ask again with --quorum)"),
            None => "not known yet; ask with --quorum".to_owned(),
        };
        text += &format!("\n{} payments made, {} received", self.next_sequence, self.received_count);
        if let Some(pending) = &self.pending {
            let PendingShown { sequence, amount, .. } = pending;
            text +=
                &format!("\npending: payment {sequence} of {amount} units; `recover {}` goes on with it", self.account);
        }
        text
    }
}

impl Report for Asked {
    fn text(&self) -> String {
        match self.balance {
            Some(balance) => {
                let same = |answer: &&AnswerShown| {
                    answer.answered && (answer.balance, answer.next_sequence) != (self.balance, self.next_sequence)
                };
                let differ: Vec<String> = self.authorities.iter().filter(same).map(AnswerShown::line).collect();
                let silent: Vec<String> =
                    self.authorities.iter().filter(|answer| !answer.answered).map(AnswerShown::line).collect();
                let others = [differ, silent].concat();
                let others = if others.is_empty() { String::new() } else { format!("\n{}", others.join("\n")) };
                format!("{balance}{others}")
            }
            None => format!(
                "{} can be spent; no quorum agrees on more, as payments are under way or authorities are behind:\n{}",
                self.spendable,
                lines(&self.authorities)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an authority says is its word alone: a liar's must not end the command.
    #[test]
    fn any_balance_that_an_authority_may_claim_can_be_shown() {
        for balance in [i128::MIN, -1, 0, i128::MAX] {
            let name = "authority 0".to_owned();
            let answer = AnswerShown {
                authority: 0,
                name,
                answered: true,
                balance: Some(balance),
                next_sequence: Some(u64::MAX),
                pending: None,
            };
            assert!(answer.line().contains(&balance.to_string()));
            let value = serde_json::to_value(&answer).unwrap();
            let shown = value["balance"].as_str().map_or(value["balance"].to_string(), ToOwned::to_owned);
            assert_eq!(shown, balance.to_string());
        }
    }
}
