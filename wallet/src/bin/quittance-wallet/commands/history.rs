//! `history`: an account's payments, from the book, or as the authorities tell it.

use crate::certificates;
use crate::console::{Console, Report};
use crate::driver::Driver;
use crate::fault::Fault;
use crate::options::{Common, HistoryOptions};
use crate::quantity;
use crate::wallet;
use quittance_engine::address;
use quittance_engine::types::Address;
use quittance_net::frame::OrderBody;
use quittance_wallet::book::Account;
use quittance_wallet::client::{Event, HistoryAsk, OperationId, PageItem};
use quittance_wallet::terms::Terms;
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Pages read at one authority, of each sort: some 20,000 payments. The newest come first.
const PAGE_COUNT_MAX: usize = 1_000;

/// What the book has.
#[derive(Serialize)]
struct Local {
    account: String,
    sent: Vec<Line>,
    received: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    sequence: u64,
    amount: u64,
    counterparty: String,
    memo: Option<String>,
    /// `settled`, `certified` or `pending`.
    state: &'static str,
    digest: String,
}

/// What the authorities tell.
#[derive(Serialize)]
struct Remote {
    account: String,
    sent: Vec<Told>,
    received: Vec<Told>,
    /// Authorities that told their whole history.
    told_by: Vec<u8>,
    silent: Vec<u8>,
}

#[derive(Serialize)]
struct Told {
    sequence: u64,
    amount: u64,
    counterparty: String,
    told_by: Vec<u8>,
    /// Whether more of the weight tells it than can be faulty. A certificate would prove it.
    believed: bool,
}

pub(crate) fn history(common: &Common, options: &HistoryOptions, console: &Console) -> Result<(), Fault> {
    let book = wallet::read_book(common)?;
    if options.remote {
        let account = wallet::any_account(&book, &options.address)?;
        let mut driver = Driver::asking(common, console, book)?;
        return remote(&mut driver, &account);
    }
    let account = wallet::own_account(&book, &options.address)?;
    let own = book.account(&account).expect("it was found in this book");
    console.report(&Local { account: address::encode(&account), sent: sent(own), received: received(own) })
}

fn sent(own: &Account) -> Vec<Line> {
    let state = |sequence| if own.is_settled(sequence) { "settled" } else { "certified" };
    let certified = own.sent().iter().map(|(sequence, certificate)| {
        let body = certificate.body();
        line(body, certificates::recipient(body), state(*sequence), hex::encode(certificate.digest()))
    });
    let mut lines: Vec<Line> = certified.collect();
    let pending = own.pending().filter(|_| own.pending_certificate().is_none());
    lines.extend(pending.map(|pending| {
        line(&pending.body, certificates::recipient(&pending.body), "pending", hex::encode(pending.digest))
    }));
    lines
}

fn received(own: &Account) -> Vec<Line> {
    let received = own.received().values().map(|received| {
        let body = received.certificate.body();
        let state = if received.is_settled { "settled" } else { "certified" };
        line(body, address::encode(&body.sender), state, hex::encode(received.certificate.digest()))
    });
    received.collect()
}

fn line(body: &OrderBody, counterparty: String, state: &'static str, digest: String) -> Line {
    let (sequence, amount) = (body.sequence.get(), body.amount.get());
    Line { sequence, amount, counterparty, memo: quantity::shown_memo(&body.user_data), state, digest }
}

/// Pages of one authority and sort, while they are read.
struct Reading {
    ask: HistoryAsk,
    pages: usize,
}

type Key = (bool, Address, u64, u64, bool);

fn remote(driver: &mut Driver<'_>, account: &Address) -> Result<(), Fault> {
    let mut open: BTreeMap<OperationId, Reading> = BTreeMap::new();
    let authorities: Vec<u8> = driver.terms().authorities().collect();
    let mut items: BTreeMap<Key, BTreeSet<u8>> = BTreeMap::new();
    let mut finished: BTreeMap<u8, usize> = BTreeMap::new();
    // One sort after the other: so few questions are always taken.
    for is_received in [false, true] {
        for authority in &authorities {
            let ask = HistoryAsk { authority: *authority, account: *account, is_received, from: 0 };
            let operation =
                driver.client.history_page(driver.now_ns(), ask).expect("so few questions are always taken");
            open.insert(operation, Reading { ask, pages: 0 });
        }
        read(driver, &mut open, &mut items, &mut finished)?;
    }
    let (told_by, silent): (Vec<u8>, Vec<u8>) =
        authorities.into_iter().partition(|authority| finished.get(authority) == Some(&2));
    if told_by.is_empty() {
        return Err(Fault::pending(
            "no authority has told a history: they are silent, or keep none; try again when they answer".to_owned(),
            json!({ "account": address::encode(account), "silent": silent }),
        ));
    }
    let of = |is_received| told(driver.terms(), &items, is_received);
    let (sent, received) = (of(false), of(true));
    driver.console.report(&Remote { account: address::encode(account), sent, received, told_by, silent })
}

fn read(
    driver: &mut Driver<'_>,
    open: &mut BTreeMap<OperationId, Reading>,
    items: &mut BTreeMap<Key, BTreeSet<u8>>,
    finished: &mut BTreeMap<u8, usize>,
) -> Result<(), Fault> {
    let started = std::time::Instant::now();
    let begin_ns = driver.now_ns();
    driver.run(|client, event| {
        match event {
            Some(Event::Page { operation, items: page, next }) => {
                if let Some(reading) = open.remove(&operation) {
                    take(items, &reading, &page);
                    let now_ns = begin_ns + u64::try_from(started.elapsed().as_nanos()).expect("584 years");
                    go_on(client, now_ns, open, finished, &reading, next);
                }
            }
            Some(Event::Waiting { operation, .. } | Event::Ended { operation } | Event::Refused { operation, .. }) => {
                open.remove(&operation);
            }
            _ => {}
        }
        if open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

fn take(items: &mut BTreeMap<Key, BTreeSet<u8>>, reading: &Reading, page: &[PageItem]) {
    for item in page {
        let key = (reading.ask.is_received, item.counterparty, item.sequence.0, item.amount.0, item.is_to_primary);
        items.entry(key).or_default().insert(reading.ask.authority);
    }
}

fn go_on(
    client: &mut quittance_wallet::client::Client,
    now_ns: u64,
    open: &mut BTreeMap<OperationId, Reading>,
    finished: &mut BTreeMap<u8, usize>,
    reading: &Reading,
    next: u64,
) {
    let pages = reading.pages + 1;
    if next == 0 || pages == PAGE_COUNT_MAX {
        *finished.entry(reading.ask.authority).or_default() += 1;
        return;
    }
    let ask = HistoryAsk { from: next, ..reading.ask };
    if let Ok(operation) = client.history_page(now_ns, ask) {
        open.insert(operation, Reading { ask, pages });
    }
}

fn told(terms: &Terms, items: &BTreeMap<Key, BTreeSet<u8>>, is_received: bool) -> Vec<Told> {
    let of = items.iter().filter(|((received, ..), _)| *received == is_received);
    let mut told: Vec<Told> = of
        .map(|((_, counterparty, sequence, amount, is_to_primary), by)| Told {
            sequence: *sequence,
            amount: *amount,
            counterparty: if *is_to_primary {
                format!("primary:{}", hex::encode(counterparty))
            } else {
                address::encode(counterparty)
            },
            believed: by.iter().map(|authority| terms.weight(*authority)).sum::<u64>() >= terms.blocking_weight(),
            told_by: by.iter().copied().collect(),
        })
        .collect();
    if !is_received {
        told.sort_by_key(|told| told.sequence);
    }
    told
}

impl Line {
    fn text(&self, preposition: &str) -> String {
        let Self { sequence, amount, counterparty, state, .. } = self;
        let memo = self.memo.as_ref().map(|memo| format!("  {memo}")).unwrap_or_default();
        format!("  {sequence:>6}  {amount:>16}  {preposition} {counterparty}  {state}{memo}")
    }
}

impl Told {
    fn text(&self, preposition: &str) -> String {
        let Self { sequence, amount, counterparty, .. } = self;
        let doubt = if self.believed { String::new() } else { format!("  (told by {:?} alone)", self.told_by) };
        format!("  {sequence:>6}  {amount:>16}  {preposition} {counterparty}{doubt}")
    }
}

fn parts<T>(sent: &[T], received: &[T], text: impl Fn(&T, &str) -> String) -> String {
    let mut lines = vec![format!("payments made: {}", sent.len())];
    lines.extend(sent.iter().map(|line| text(line, "to")));
    lines.push(format!("payments received: {}", received.len()));
    lines.extend(received.iter().map(|line| text(line, "from")));
    lines.join("\n")
}

impl Report for Local {
    fn text(&self) -> String {
        parts(&self.sent, &self.received, Line::text)
    }
}

impl Report for Remote {
    fn text(&self) -> String {
        let text = parts(&self.sent, &self.received, Told::text);
        match &self.silent[..] {
            [] => text,
            silent => format!("{text}\nauthorities {silent:?} have told nothing, or not all"),
        }
    }
}
