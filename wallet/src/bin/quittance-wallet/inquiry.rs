//! What the authorities hold of accounts: asked of all, answered by a quorum.

use crate::driver::Driver;
use crate::fault::Fault;
use quittance_engine::types::{Address, Digest};
use quittance_wallet::client::{Answer, Client, Event, Inquiry, OperationId};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Accounts that are asked about at the same time.
const ACCOUNTS_AT_ONCE: usize = 16;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// All that authorities will say: once a quorum has answered, the others are given a moment more.
    Everyone,
    /// Only what a quorum agrees on: no more than it takes for that to be certain.
    Certainty,
}

/// A question on its way.
struct Asked {
    place: usize,
    account: Address,
    answers: Vec<Option<Answer>>,
}

/// Asks all authorities about these accounts. Returns when what is waited for is there, or the time is over.
///
/// # Errors
/// Those of [`Driver::run`].
pub(crate) fn inquire(
    driver: &mut Driver<'_>,
    accounts: &[Address],
    patience: Patience,
) -> Result<Vec<Inquiry>, Fault> {
    let mut inquiries = Vec::with_capacity(accounts.len());
    for accounts in accounts.chunks(ACCOUNTS_AT_ONCE) {
        inquiries.extend(inquire_some(driver, accounts, patience)?);
    }
    Ok(inquiries)
}

fn inquire_some(driver: &mut Driver<'_>, accounts: &[Address], patience: Patience) -> Result<Vec<Inquiry>, Fault> {
    let authority_count = driver.terms().authority_count();
    let mut open: BTreeMap<OperationId, Asked> = BTreeMap::new();
    for (place, account) in accounts.iter().enumerate() {
        let now_ns = driver.now_ns();
        let operation = driver.client.inquire(now_ns, account).expect("so few questions are always taken");
        open.insert(operation, Asked { place, account: *account, answers: vec![None; authority_count] });
    }
    let mut done: Vec<Option<Inquiry>> = vec![None; accounts.len()];
    let console = driver.console;
    driver.run(|client, event| {
        match event {
            Some(Event::Answered { operation, authority, answer }) => {
                if let Some(asked) = open.get_mut(&operation) {
                    asked.answers[usize::from(authority)] = Some(answer);
                    if patience == Patience::Certainty
                        && let Some(inquiry) = certain(client, asked)
                    {
                        done[asked.place] = Some(inquiry);
                        open.remove(&operation);
                        client.stop(operation);
                    }
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
        if open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(done.into_iter().map(|inquiry| inquiry.expect("each question ended or was stopped")).collect())
}

/// The account's own order that is pending: it does not stand in its own way.
pub(crate) fn own_pending(client: &Client, account: &Address) -> Option<Digest> {
    client.book().account(account).and_then(|own| own.pending()).map(|pending| pending.digest)
}

/// What the answers come to, if nothing that is still to come changes it.
fn certain(client: &Client, asked: &Asked) -> Option<Inquiry> {
    let own_pending = own_pending(client, &asked.account);
    let inquiry = Inquiry::of(client.terms(), asked.answers.clone(), own_pending.as_ref());
    inquiry.is_certain(client.terms(), own_pending.as_ref()).then_some(inquiry)
}
