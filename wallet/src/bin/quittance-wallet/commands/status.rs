//! `status`: the wallet's accounts, and how the authorities are doing.

use crate::console::{Console, Report};
use crate::driver::Driver;
use crate::fault::Fault;
use crate::inquiry::{self, Patience};
use crate::options::Common;
use crate::quantity;
use crate::wallet;
use quittance_engine::address;
use quittance_engine::types::{Address, Sequence};
use quittance_wallet::book::{Account, Book};
use quittance_wallet::client::Inquiry;
use serde::Serialize;

/// Accounts that authorities are asked about; of those that were used, the first. A wallet of a million has a status, too.
const ASKED_COUNT_MAX: usize = 64;
/// Accounts that are listed for people.
const LISTED_COUNT_MAX: usize = 64;

#[derive(Serialize)]
struct Status {
    network: Option<String>,
    account_count: usize,
    accounts: Vec<AccountShown>,
    /// Absent if no committee file was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorities: Option<Vec<AuthorityShown>>,
}

#[derive(Serialize)]
struct AccountShown {
    account: String,
    next_sequence: u64,
    pending_sequence: Option<u64>,
    pending_amount: Option<u64>,
    certified: bool,
    #[serde(serialize_with = "quantity::serialize_balance")]
    balance: Option<i128>,
}

#[derive(Serialize)]
struct AuthorityShown {
    authority: u8,
    name: String,
    answers: bool,
    round_trip_ms: Option<f64>,
    /// Payments of this wallet's accounts that it has not applied.
    behind: u64,
}

pub(crate) fn status(common: &Common, console: &Console) -> Result<(), Fault> {
    let book = wallet::read_book(common)?;
    let accounts = book.accounts().map(|(address, account)| account_shown(address, account)).collect();
    let mut status = Status {
        network: book.bound().map(|bound| hex::encode(bound.network.0)),
        account_count: book.accounts().count(),
        accounts,
        authorities: None,
    };
    if common.committee.is_some() {
        let mut asked = used(&book);
        if asked.is_empty() {
            // Any account will do to see who answers.
            asked.push((book.accounts().next().map_or([0; 32], |(address, _)| *address), Sequence(0)));
        }
        let mut driver = Driver::asking(common, console, book)?;
        status.network = Some(hex::encode(driver.terms().network().0));
        status.authorities = Some(authorities(&mut driver, &asked)?);
    }
    console.report(&status)
}

fn account_shown(address: &Address, account: &Account) -> AccountShown {
    AccountShown {
        account: address::encode(address),
        next_sequence: account.next_sequence().0,
        pending_sequence: account.pending().map(|pending| pending.body.sequence.get()),
        pending_amount: account.pending().map(|pending| pending.body.amount.get()),
        certified: account.pending_certificate().is_some(),
        balance: account.balance().map(|known| known.balance.0),
    }
}

/// Accounts that have paid, with how many payments of each are final.
fn used(book: &Book) -> Vec<(Address, Sequence)> {
    let final_count = |account: &Account| {
        let settled = account.sent().keys().filter(|sequence| account.is_settled(**sequence));
        settled.max().and_then(|last| last.next()).unwrap_or_default()
    };
    let all = book.accounts().map(|(address, account)| (*address, final_count(account)));
    all.filter(|(_, count)| *count > Sequence(0)).take(ASKED_COUNT_MAX).collect()
}

fn authorities(driver: &mut Driver<'_>, asked: &[(Address, Sequence)]) -> Result<Vec<AuthorityShown>, Fault> {
    let accounts: Vec<Address> = asked.iter().map(|(address, _)| *address).collect();
    let inquiries = inquiry::inquire(driver, &accounts, Patience::Everyone)?;
    let shown = |authority: u8| {
        let answer = |inquiry: &Inquiry| inquiry.answers[usize::from(authority)];
        let behind = asked
            .iter()
            .zip(&inquiries)
            .filter_map(|((_, Sequence(own)), inquiry)| Some(own.saturating_sub(answer(inquiry)?.next_sequence.0)));
        AuthorityShown {
            authority,
            name: driver.name(authority),
            answers: inquiries.iter().any(|inquiry| answer(inquiry).is_some()),
            round_trip_ms: driver.round_trip(authority).map(|span| span.as_secs_f64() * 1e3),
            behind: behind.sum(),
        }
    };
    Ok(driver.terms().authorities().map(shown).collect())
}

impl AccountShown {
    fn line(&self) -> String {
        let balance =
            self.balance.map_or("balance not known".to_owned(), |balance| format!("{balance} when last told"));
        let pending = match (self.pending_sequence, self.pending_amount) {
            (Some(sequence), Some(amount)) => {
                let state = if self.certified { "certified, not yet final" } else { "pending" };
                format!("; payment {sequence} of {amount} is {state}: run `recover`")
            }
            _ => String::new(),
        };
        format!("  {}  {} payments made, {balance}{pending}", self.account, self.next_sequence)
    }
}

impl AuthorityShown {
    fn line(&self) -> String {
        let Self { name, behind, .. } = self;
        match (self.answers, self.round_trip_ms) {
            (true, Some(ms)) => {
                let behind = match behind {
                    0 => "up to date".to_owned(),
                    count => format!("{count} payments behind; it is told with the next payment"),
                };
                format!("  {name}: answers in {ms:.1} ms, {behind}")
            }
            _ => format!("  {name}: silent"),
        }
    }
}

impl Report for Status {
    fn text(&self) -> String {
        let mut lines = vec![match &self.network {
            Some(network) => format!("network {network}"),
            None => "no network yet: the first command with --genesis binds the wallet to one".to_owned(),
        }];
        lines.push(format!("accounts: {}", self.account_count));
        lines.extend(self.accounts.iter().take(LISTED_COUNT_MAX).map(AccountShown::line));
        if self.account_count > LISTED_COUNT_MAX {
            lines.push(format!("  and {} more; --json lists all", self.account_count - LISTED_COUNT_MAX));
        }
        match &self.authorities {
            Some(authorities) => {
                lines.push(format!("authorities: {}", authorities.len()));
                lines.extend(authorities.iter().map(AuthorityShown::line));
            }
            None => lines.push("authorities: give --committee FILE to ask them".to_owned()),
        }
        lines.join("\n")
    }
}
