//! `recover`: pending orders finished, and a book got back.

use crate::carrying::{self, End};
use crate::console::{Console, Report};
use crate::driver::Driver;
use crate::fault::Fault;
use crate::keys::Secret;
use crate::options::{Common, RecoverOptions};
use crate::wallet::{self, Wallet};
use quittance_engine::address;
use quittance_engine::types::{Address, Sequence};
use quittance_wallet::client::{Client, Event, OperationId, Rebuilt};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Accounts whose histories are read at the same time, and orders that are finished at the same time.
const ACCOUNTS_AT_ONCE: usize = 8;

/// What was done.
#[derive(Serialize)]
struct Recovered {
    rebuilt: Vec<RebuiltShown>,
    finished: Vec<FinishedShown>,
}

#[derive(Clone, Serialize)]
struct RebuiltShown {
    account: String,
    next_sequence: u64,
    sent_count: usize,
    received_count: usize,
    missing: Vec<u64>,
    missing_received: Vec<ReceivedShown>,
    complete: bool,
    /// An order that is voted for and not certified, and that this wallet did not sign, or has forgotten.
    foreign_pending: Option<String>,
}

/// A payment by its sender and his number of it.
#[derive(Clone, Serialize)]
struct ReceivedShown {
    sender: String,
    sequence: u64,
}

#[derive(Serialize)]
struct FinishedShown {
    account: String,
    sequence: u64,
    amount: u64,
    outcome: &'static str,
    text: String,
    details: Value,
}

pub(crate) fn recover(common: &Common, options: &RecoverOptions, console: &Console) -> Result<(), Fault> {
    let wallet = Wallet::open(common, console)?;
    let accounts = accounts(common, options, &wallet)?;
    let mut driver = Driver::new(common, console, wallet)?;
    let mut recovered = Recovered { rebuilt: Vec::new(), finished: Vec::new() };
    if options.rebuild {
        for accounts in accounts.chunks(ACCOUNTS_AT_ONCE) {
            recovered.rebuilt.extend(rebuild(&mut driver, accounts)?);
        }
    }
    let is_pending = |account: &&Address| pending(&driver.client, account).is_some();
    let pending: Vec<Address> = accounts.iter().filter(is_pending).copied().collect();
    for accounts in pending.chunks(ACCOUNTS_AT_ONCE) {
        recovered.finished.extend(finish(&mut driver, accounts)?);
    }
    recovered.conclude(console)
}

/// Whom it is about: the one account named, or all; for a rebuild also those that only the keys know of.
fn accounts(common: &Common, options: &RecoverOptions, wallet: &Wallet) -> Result<Vec<Address>, Fault> {
    let known: Vec<Address> = wallet.book.accounts().map(|(account, _)| *account).collect();
    let Some(text) = &options.address else {
        if !options.rebuild {
            return Ok(known);
        }
        let vault = wallet.vault(common)?;
        let all: BTreeSet<Address> =
            known.into_iter().chain(vault.secrets().all().iter().map(Secret::address)).collect();
        return Ok(all.into_iter().collect());
    };
    match (wallet::own_account(&wallet.book, text), options.rebuild) {
        (Ok(account), _) => Ok(vec![account]),
        (Err(fault), false) => Err(fault),
        (Err(fault), true) => {
            let account = address::decode(text.trim()).map_err(|_| fault)?;
            // It must be ours.
            wallet.vault(common)?.key(&account)?;
            Ok(vec![account])
        }
    }
}

fn pending(client: &Client, account: &Address) -> Option<(u64, u64)> {
    let pending = client.book().account(account)?.pending()?;
    Some((pending.body.sequence.get(), pending.body.amount.get()))
}

fn rebuild(driver: &mut Driver<'_>, accounts: &[Address]) -> Result<Vec<RebuiltShown>, Fault> {
    let mut open: BTreeMap<OperationId, Address> = BTreeMap::new();
    for account in accounts {
        let now_ns = driver.now_ns();
        let operation = driver.client.rebuild(now_ns, account).expect("so few operations are always taken");
        open.insert(operation, *account);
    }
    let mut done = BTreeMap::new();
    let console = driver.console;
    driver.run(|_, event| {
        match event {
            Some(Event::Rebuilt { operation, rebuilt }) => {
                if let Some(account) = open.remove(&operation) {
                    done.insert(account, rebuilt);
                }
            }
            Some(Event::Ended { operation }) => _ = open.remove(&operation),
            _ => {}
        }
        console.progress(&format!("reading the histories of {} accounts", open.len()));
        if open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let shown = |account: &Address| shown(&driver.client, account, done.get(account));
    Ok(accounts.iter().map(shown).collect())
}

fn shown(client: &Client, account: &Address, rebuilt: Option<&Rebuilt>) -> RebuiltShown {
    let own = client.book().account(account);
    let own_pending = own.and_then(|own| own.pending()).map(|pending| pending.digest);
    let foreign = rebuilt.and_then(|rebuilt| rebuilt.pending).filter(|(digest, _)| Some(*digest) != own_pending);
    RebuiltShown {
        account: address::encode(account),
        next_sequence: own.map(|own| own.next_sequence().0).unwrap_or_default(),
        sent_count: rebuilt.map_or(0, |rebuilt| rebuilt.sent_count),
        received_count: rebuilt.map_or(0, |rebuilt| rebuilt.received_count),
        missing: rebuilt.iter().flat_map(|rebuilt| &rebuilt.missing).map(|sequence| sequence.0).collect(),
        missing_received: rebuilt.iter().flat_map(|rebuilt| &rebuilt.missing_received).map(received_shown).collect(),
        complete: rebuilt.is_some_and(|rebuilt| rebuilt.is_complete),
        foreign_pending: foreign.map(|(digest, _)| hex::encode(digest)),
    }
}

fn received_shown((sender, sequence): &(Address, Sequence)) -> ReceivedShown {
    ReceivedShown { sender: address::encode(sender), sequence: sequence.0 }
}

fn finish(driver: &mut Driver<'_>, accounts: &[Address]) -> Result<Vec<FinishedShown>, Fault> {
    let mut begun = Vec::new();
    for account in accounts {
        let (now_ns, order) = (driver.now_ns(), pending(&driver.client, account));
        let (sequence, amount) = order.expect("those without one were left out");
        match driver.client.resume(now_ns, account) {
            Ok(operation) => begun.push((*account, sequence, amount, operation)),
            Err(fault) => return Err(Fault::Usage(fault.to_string())),
        }
    }
    let operations: Vec<OperationId> = begun.iter().map(|(.., operation)| *operation).collect();
    let ends = carrying::carry(driver, &operations)?;
    let shown = begun.iter().zip(ends).map(|((account, sequence, amount, _), end)| {
        let (outcome, text, details) = outcome(driver, account, *sequence, end);
        FinishedShown {
            account: address::encode(account),
            sequence: *sequence,
            amount: *amount,
            outcome,
            text,
            details,
        }
    });
    Ok(shown.collect())
}

fn outcome(driver: &Driver<'_>, account: &Address, sequence: u64, end: End) -> (&'static str, String, Value) {
    match end {
        End::Settled(settled) => {
            let confirmed: Vec<u8> = settled.receipts.iter().copied().collect();
            let all = driver.terms().authority_count();
            (
                "settled",
                format!("final, confirmed by {} of {all} authorities", confirmed.len()),
                json!({ "confirmed_by": confirmed }),
            )
        }
        End::Certified(_) => unreachable!("`recover` goes on to finality"),
        End::Refused(refused) => (
            "refused",
            carrying::refused_text(account, sequence, &refused),
            carrying::refused_value(account, sequence, &refused),
        ),
        End::Waiting(standings) => {
            let text = format!("still pending:{}", carrying::standings_text(driver, &standings));
            ("pending", text, carrying::standings_value(&standings))
        }
    }
}

impl Recovered {
    /// The worst that happened decides how the command ends.
    fn conclude(self, console: &Console) -> Result<(), Fault> {
        let has = |outcome: &str| self.finished.iter().any(|finished| finished.outcome == outcome);
        let is_short = self.rebuilt.iter().any(RebuiltShown::is_short);
        let details = || serde_json::to_value(&self).expect("a report is a map with text keys");
        if has("refused") {
            return Err(Fault::refused(self.text(), details()));
        }
        if has("pending") || is_short {
            let text = format!("{}\nToo few authorities have answered; run `recover` again when they do", self.text());
            return Err(Fault::pending(text, details()));
        }
        console.report(&self)
    }
}

impl RebuiltShown {
    fn is_short(&self) -> bool {
        !self.complete || !self.missing.is_empty() || !self.missing_received.is_empty()
    }

    fn line(&self) -> String {
        let Self { account, next_sequence, sent_count, received_count, .. } = self;
        let mut line = format!(
            "{account}: {next_sequence} payments made ({sent_count} of them new to the book), {received_count} new ones received"
        );
        if !self.missing.is_empty() {
            line += &format!("\n  no authority that answered gave the certificates of payments {:?}", self.missing);
        }
        for ReceivedShown { sender, sequence } in &self.missing_received {
            line +=
                &format!("\n  no authority that answered gave the certificate of payment {sequence} of {sender} to it");
        }
        if !self.complete {
            line += "\n  too few authorities told their whole history: payments may be missing";
        }
        if let Some(digest) = &self.foreign_pending {
            line += &format!(
                "\n  authorities have voted for an order that is not in the book, {digest}: a lost book's, or another wallet's with \
                 this key; the next payment may be refused until it is settled"
            );
        }
        line
    }
}

impl Report for Recovered {
    fn text(&self) -> String {
        let mut lines: Vec<String> = self.rebuilt.iter().map(RebuiltShown::line).collect();
        let finished = |finished: &FinishedShown| {
            let FinishedShown { account, sequence, amount, text, .. } = finished;
            format!("payment {sequence} of {amount} units from {account}: {text}")
        };
        lines.extend(self.finished.iter().map(finished));
        if self.finished.is_empty() {
            lines.push("nothing is pending".to_owned());
        }
        lines.join("\n")
    }
}
