//! Orders and certificates carried to the authorities, until they are settled, refused, or too few have answered.

use crate::driver::Driver;
use crate::fault::Fault;
use quittance_engine::address;
use quittance_engine::reject::{Refusal, Reject};
use quittance_engine::types::Address;
use quittance_wallet::client::{Client, Event, OperationId, Refused, Standing};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// After a payment is final, the authorities that have not confirmed it are given as much time again as it took, within these.
const LINGER_MIN: Duration = Duration::from_millis(100);
const LINGER_MAX: Duration = Duration::from_secs(1);
/// And those that are being brought what they lack, so much.
const CATCH_UP: Duration = Duration::from_secs(5);

/// How an operation ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// It is final.
    Settled(Settled),
    /// It is certified, and that is all that was wanted. How long it took.
    Certified(Duration),
    /// It was refused.
    Refused(Refused),
    /// Too few answered. By authority.
    Waiting(Vec<Standing>),
}

/// What is known of a final payment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settled {
    /// Who voted, while we listened.
    pub(crate) votes: BTreeSet<u8>,
    /// Who confirmed it.
    pub(crate) receipts: BTreeSet<u8>,
    /// Who lacked earlier payments and was brought them.
    pub(crate) caught_up: BTreeSet<u8>,
    /// From the start to the certificate; `None` if there was one before.
    pub(crate) certified: Option<Duration>,
    /// From the start to finality.
    pub(crate) elapsed: Duration,
}

/// An operation under way.
#[derive(Debug, Default)]
struct Course {
    seen: Settled,
    settled_at: Option<Instant>,
    is_certified: bool,
    end: Option<End>,
}

/// Goes on until each of these has ended. Returns the ends, in the same order.
///
/// # Errors
/// Those of [`Driver::run`].
pub(crate) fn carry(driver: &mut Driver<'_>, operations: &[OperationId]) -> Result<Vec<End>, Fault> {
    let started = Instant::now();
    let mut courses: BTreeMap<OperationId, Course> =
        operations.iter().map(|operation| (*operation, Course::default())).collect();
    let console = driver.console;
    driver.run(|client, event| {
        if let Some(event) = event {
            take(&mut courses, event, started);
            if !console.is_json() {
                console.progress(&progress(client, &courses));
            }
            return ControlFlow::Continue(());
        }
        for (operation, course) in &mut courses {
            stop_lingering(client, *operation, course);
        }
        if courses.values().all(|course| course.end.is_some()) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let mut ends = operations.iter().map(|operation| courses.remove(operation).and_then(|course| course.end));
    Ok(ends.by_ref().map(|end| end.expect("all ended, and no operation is named twice")).collect())
}

fn take(courses: &mut BTreeMap<OperationId, Course>, event: Event, started: Instant) {
    let Some(course) = operation_of(&event).and_then(|operation| courses.get_mut(&operation)) else { return };
    match event {
        Event::Voted { authority, .. } => _ = course.seen.votes.insert(authority),
        Event::Certified { .. } => {
            course.is_certified = true;
            course.seen.certified.get_or_insert_with(|| started.elapsed());
        }
        Event::Receipt { authority, .. } => _ = course.seen.receipts.insert(authority),
        Event::CaughtUp { authority, .. } => _ = course.seen.caught_up.insert(authority),
        Event::Settled { .. } => {
            course.settled_at = Some(Instant::now());
            course.seen.elapsed = started.elapsed();
        }
        Event::Refused { refused, .. } => course.end = Some(End::Refused(refused)),
        Event::Waiting { .. } if course.settled_at.is_some() => course.end = Some(End::Settled(course.seen.clone())),
        Event::Waiting { standings, .. } => course.end = Some(End::Waiting(standings)),
        // One that goes on to finality does not end before, but with a word of what it waits for.
        Event::Ended { .. } if course.end.is_none() => {
            course.end = Some(match course.settled_at {
                Some(_) => End::Settled(course.seen.clone()),
                None if course.is_certified => End::Certified(started.elapsed()),
                None => End::Waiting(Vec::new()),
            });
        }
        _ => {}
    }
}

/// A payment that is final goes on for the others, for a while.
fn stop_lingering(client: &mut Client, operation: OperationId, course: &mut Course) {
    let Some(settled_at) = course.settled_at.filter(|_| course.end.is_none()) else { return };
    let is_lagging = client.standings(operation).contains(&Standing::Lagging);
    let patience = if is_lagging { CATCH_UP } else { course.seen.elapsed.clamp(LINGER_MIN, LINGER_MAX) };
    if settled_at.elapsed() >= patience || !client.is_under_way(operation) {
        client.stop(operation);
        course.end = Some(End::Settled(course.seen.clone()));
    }
}

fn operation_of(event: &Event) -> Option<OperationId> {
    match event {
        Event::Voted { operation, .. }
        | Event::Certified { operation, .. }
        | Event::Receipt { operation, .. }
        | Event::Settled { operation, .. }
        | Event::Refused { operation, .. }
        | Event::Waiting { operation, .. }
        | Event::Lagging { operation, .. }
        | Event::CaughtUp { operation, .. }
        | Event::Answered { operation, .. }
        | Event::Inquired { operation, .. }
        | Event::Rebuilt { operation, .. }
        | Event::Page { operation, .. }
        | Event::Ended { operation } => Some(*operation),
        Event::Faulty { .. } => None,
    }
}

fn progress(client: &Client, courses: &BTreeMap<OperationId, Course>) -> String {
    let (count, ended) = (courses.len(), courses.values().filter(|course| course.end.is_some()).count());
    let ((operation, course), true) = (courses.first_key_value().expect("there is one"), count == 1) else {
        return format!("{ended} of {count} have ended");
    };
    let terms = client.terms();
    let word = |said: &BTreeSet<u8>, what: &str| {
        let weight: u64 = said.iter().map(|authority| terms.weight(*authority)).sum();
        format!("{what} {weight} of {} needed", terms.quorum())
    };
    let said = if course.is_certified || !course.seen.receipts.is_empty() {
        word(&course.seen.receipts, "receipts")
    } else {
        word(&course.seen.votes, "votes")
    };
    let standings = client.standings(*operation);
    let silent: Vec<String> = (0..)
        .zip(&standings)
        .filter(|(_, standing)| **standing == Standing::Silent)
        .map(|(authority, _): (u8, _)| authority.to_string())
        .collect();
    if silent.is_empty() { said } else { format!("{said}; nothing yet from authority {}", silent.join(", ")) }
}

/// What authorities that did not say yes said, for people.
pub(crate) fn standings_text(driver: &Driver<'_>, standings: &[Standing]) -> String {
    let open = (0..).zip(standings).filter(|(_, standing)| !matches!(standing, Standing::Answered));
    let lines =
        open.map(|(authority, standing)| format!("\n  {}: {}", driver.name(authority), standing_text(standing)));
    lines.collect()
}

/// The same for programs.
pub(crate) fn standings_value(standings: &[Standing]) -> Value {
    let value = |(authority, standing): (u8, &Standing)| {
        let word = match standing {
            Standing::Silent => "silent",
            Standing::Lagging => "lagging",
            Standing::Refuses(_) => "refuses",
            Standing::Answered => "answered",
        };
        json!({ "authority": authority, "standing": word, "text": standing_text(standing) })
    };
    (0..).zip(standings).map(value).collect()
}

fn standing_text(standing: &Standing) -> String {
    match standing {
        Standing::Silent => "silent".to_owned(),
        Standing::Lagging => "lacks earlier payments, which are being brought".to_owned(),
        Standing::Refuses(refusal) => format!("refuses: {}", refusal_text(refusal)),
        Standing::Answered => "has answered".to_owned(),
    }
}

/// A refusal with what it says about itself.
pub(crate) fn refusal_text(refusal: &Refusal) -> String {
    let detail = refusal.detail;
    match refusal.code {
        Reject::InsufficientFunds => format!("{} (it is {detail} there)", refusal.code),
        Reject::SequenceBehind => format!("{} (the next one is {detail})", refusal.code),
        Reject::SequenceAhead => format!("{} (from {detail} on)", refusal.code),
        Reject::Conflict => format!("{} ({})", refusal.code, hex::encode(refusal.other)),
        code => code.to_string(),
    }
}

/// Why a payment was refused, and what can be done.
pub(crate) fn refused_text(account: &Address, sequence: u64, refused: &Refused) -> String {
    let account = address::encode(account);
    match refused {
        Refused::Overtaken { by } => format!(
            "overtaken: another order of this key, {}, was certified as payment {sequence} of {account}; this one was not paid and \
             never will be. Someone else pays with the same key: what it paid is in the book now, as far as it was found (`history \
             {account}`), and `recover {account} --rebuild` gets the rest and what was received. Then pay again",
            hex::encode(by)
        ),
        Refused::Conflict { other } => format!(
            "conflict: authorities have voted for another order of this key, {}, as payment {sequence} of {account}, so this one \
             finds no quorum. Someone else pays with the same key. This order stays pending: run `recover {account}` when the \
             other one is settled, which frees the account",
            hex::encode(other)
        ),
        Refused::Code { refusal, weight } if refusal.code == Reject::SequenceBehind => format!(
            "overtaken: payment {sequence} of {account} was made by another order of this key (authorities of weight {weight} say so, \
             and none of them gives its certificate); this one was not paid. Someone else pays with the same key: run \
             `recover {account} --rebuild` when authorities that keep histories answer; it stays pending until then"
        ),
        Refused::Code { refusal, weight } => format!(
            "refused: {} (authorities of weight {weight} say so). Payment {sequence} of {account} stays pending, since some may \
             have voted for it: when the cause is gone, `recover {account}` finishes it",
            refusal_text(refusal)
        ),
    }
}

/// The same for programs.
pub(crate) fn refused_value(account: &Address, sequence: u64, refused: &Refused) -> Value {
    let (word, other, code) = match refused {
        Refused::Overtaken { by } => ("overtaken", Some(hex::encode(by)), None),
        Refused::Conflict { other } => ("conflict", Some(hex::encode(other)), None),
        Refused::Code { refusal, .. } if refusal.code == Reject::SequenceBehind => {
            ("overtaken", None, Some(refusal.code))
        }
        Refused::Code { refusal, .. } => ("refusal", None, Some(refusal.code)),
    };
    json!({ "account": address::encode(account), "sequence": sequence, "why": word, "other": other, "code": code })
}
