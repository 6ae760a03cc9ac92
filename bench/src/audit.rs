//! Asking an authority for every account, and comparing with what must be there, where that is known.

use crate::drive::Settings;
use crate::error::BenchError;
use crate::limits::{AUDIT_ROUND_COUNT_MAX, WATCH_NS};
use crate::model::Model;
use crate::terms::Terms;
use crate::timeouts::Timeouts;
use crate::world::{Watch, World};
use quittance_engine::reject::Reject;
use quittance_engine::types::{Address, Peer};
use quittance_net::frame::{Frame, Header, Info, Kind, Query, RejectionView, U64, parse};
use quittance_wallet::directory::{Directory, Source};
use serde::Serialize;

/// Queries in flight. More would only fill the socket's buffer: an answer is 152 bytes and costs the authority little.
const WINDOW: usize = 256;

/// Bits of a nonce that hold the slot.
const SLOT_BITS: u32 = 24;
const _: () = assert!(WINDOW <= 1 << SLOT_BITS && AUDIT_ROUND_COUNT_MAX <= 255);

/// The account of a slot that asks for none.
const NOBODY: u32 = u32::MAX;

/// What the audit of one authority, or of all together, found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Every account answered, each with the expected balance and sequence number, and the total is right.
    pub ok: bool,
    /// Accounts asked for.
    pub accounts: u64,
    /// Accounts whose balance or sequence number is another than it must be.
    pub mismatches: u64,
    /// Accounts for which no answer came.
    pub unanswered: u64,
    /// What the answered balances add up to.
    pub total: i128,
    /// What they must add up to.
    pub expected_total: i128,
    /// How often the accounts were asked for: again if some disagreed, see [`audit`].
    pub rounds: u32,
}

impl Audit {
    /// The audits of several authorities as one: good if each is.
    pub fn of_all(audits: &[Self]) -> Self {
        let start = Self { ok: !audits.is_empty(), ..Self::default() };
        audits.iter().fold(start, |sum, audit| Self {
            ok: sum.ok && audit.ok,
            accounts: sum.accounts + audit.accounts,
            mismatches: sum.mismatches + audit.mismatches,
            unanswered: sum.unanswered + audit.unanswered,
            total: sum.total + audit.total,
            expected_total: sum.expected_total + audit.expected_total,
            rounds: sum.rounds.max(audit.rounds),
        })
    }
}

impl Audit {
    /// What is wrong, as a sentence.
    pub fn failure(&self) -> Option<String> {
        let Self { ok, accounts, mismatches, unanswered, total, expected_total, .. } = self;
        (!ok).then(|| {
            format!(
                "the audit failed: of {accounts} accounts {mismatches} hold what they must not and {unanswered} did not \
                 answer; the total is {total} and must be {expected_total}"
            )
        })
    }
}

/// What is asked, and where.
#[derive(Clone, Copy, Debug)]
pub struct Questions<'a> {
    /// Every account's address, by index.
    pub addresses: &'a [Address],
    /// Network and shards.
    pub terms: &'a Terms,
    /// Where the shards listen.
    pub directory: &'a Directory,
    /// Timeout and tries.
    pub settings: Settings,
}

/// One round of an audit.
struct Auditor<'a> {
    authority: u8,
    /// What every account must hold; `None` if that is not known yet.
    model: Option<&'a Model>,
    questions: Questions<'a>,
    /// The account that each slot asks for.
    accounts: Vec<u32>,
    /// How often each slot has asked.
    tries: Vec<u32>,
    free: Vec<u32>,
    timeouts: Timeouts,
    answered: u64,
    progress_ns: u64,
    found: Audit,
}

/// Audits one authority: every account is asked for, again if need be, within bounds.
///
/// A receipt says that the sender's shard applied a payment. A credit to another shard of the authority may still be under
/// way then, so accounts that disagree are no proof at once: after a pause of one timeout all are asked anew, in at most
/// [`AUDIT_ROUND_COUNT_MAX`] rounds, and the last one counts.
///
/// # Errors
/// The machine's faults, and what `watch` says.
pub fn audit(
    authority: usize,
    model: &Model,
    questions: Questions<'_>,
    world: &mut impl World,
    watch: &mut impl Watch,
) -> Result<Audit, BenchError> {
    audit_and_see(authority, model, questions, world, watch, &mut |_, _| ())
}

/// As [`audit`], and shows every answer to `see`: the account's index, and what the authority says of it. In a second or
/// third round it sees every account again.
///
/// # Errors
/// As [`audit`].
pub fn audit_and_see(
    authority: usize,
    model: &Model,
    questions: Questions<'_>,
    world: &mut impl World,
    watch: &mut impl Watch,
    see: &mut impl FnMut(u32, &Info),
) -> Result<Audit, BenchError> {
    let mut round = 1;
    loop {
        let mut auditor = Auditor::new(authority, Some(model), questions, round);
        auditor
            .run(world, watch, &mut |account, info| see(account, info.expect("the unknown are not shown to audits")))?;
        let found = auditor.conclude(model);
        if found.mismatches == 0 || round == AUDIT_ROUND_COUNT_MAX {
            return Ok(found);
        }
        round += 1;
        pause(questions.settings.timeout_ns, world, watch)?;
    }
}

/// Asks one authority for every account, again if need be, within bounds. `see` gets each answer: the account's index, and what
/// the authority says of it, or `None` if it does not know the account. Answers are not signed: they are hints.
///
/// # Errors
/// As [`audit`].
pub fn survey(
    authority: usize,
    questions: Questions<'_>,
    world: &mut impl World,
    watch: &mut impl Watch,
    see: &mut impl FnMut(u32, Option<&Info>),
) -> Result<(), BenchError> {
    Auditor::new(authority, None, questions, 1).run(world, watch, see)
}

/// Lets time pass; what arrives meanwhile is of no use any more.
fn pause(pause_ns: u64, world: &mut impl World, watch: &mut impl Watch) -> Result<(), BenchError> {
    let end_ns = world.now_ns() + pause_ns;
    while world.now_ns() < end_ns {
        watch.look()?;
        world.receive(WATCH_NS, &mut |_, _| ())?;
    }
    Ok(())
}

impl<'a> Auditor<'a> {
    fn new(authority: usize, model: Option<&'a Model>, questions: Questions<'a>, round: u32) -> Self {
        let account_count = questions.addresses.len();
        assert!(model.is_none_or(|model| model.account_count() as usize == account_count), "of the same accounts");
        Self {
            authority: u8::try_from(authority).expect("committees are small"),
            model,
            questions,
            accounts: vec![NOBODY; WINDOW],
            tries: vec![0; WINDOW],
            free: (0..).take(WINDOW).collect(),
            timeouts: Timeouts::new(WINDOW, questions.settings.timeout_ns),
            answered: 0,
            progress_ns: 0,
            found: Audit { rounds: round, ..Audit::default() },
        }
    }

    /// Asks for every account until each has answered or was asked for often enough, or until nothing at all is answered.
    fn run(
        &mut self,
        world: &mut impl World,
        watch: &mut impl Watch,
        see: &mut impl FnMut(u32, Option<&Info>),
    ) -> Result<(), BenchError> {
        let Settings { timeout_ns, tries_max, owns_core, .. } = self.questions.settings;
        let account_count = u32::try_from(self.questions.addresses.len()).expect("counts are 32 bits");
        let mut now_ns = world.now_ns();
        let (mut next, mut watched_ns) = (0, now_ns);
        self.progress_ns = now_ns;
        while next < account_count || self.free.len() < WINDOW {
            if now_ns - watched_ns >= WATCH_NS {
                watched_ns = now_ns;
                watch.look()?;
            }
            if now_ns.saturating_sub(self.progress_ns) > timeout_ns * u64::from(tries_max) {
                break;
            }
            let wait_ns = if owns_core { 0 } else { WATCH_NS / 10 };
            world.receive(wait_ns, &mut |peer, datagram| self.take(now_ns, peer, datagram, see))?;
            self.repeat(now_ns, world)?;
            while next < account_count && self.ask(next, now_ns, world)? {
                next += 1;
            }
            world.flush()?;
            now_ns = world.now_ns();
        }
        Ok(())
    }

    /// Asks for an account; false if the window is full.
    fn ask(&mut self, account: u32, now_ns: u64, world: &mut impl World) -> Result<bool, BenchError> {
        let Some(slot) = self.free.pop() else {
            return Ok(false);
        };
        self.accounts[slot as usize] = account;
        self.tries[slot as usize] = 0;
        self.send(slot, now_ns, world)?;
        Ok(true)
    }

    fn send(&mut self, slot: u32, now_ns: u64, world: &mut impl World) -> Result<(), BenchError> {
        let account = self.accounts[slot as usize];
        let Questions { terms, directory, addresses, .. } = self.questions;
        let address = &addresses[account as usize];
        let shard = terms.network.shard_of(address, directory.shard_count(self.authority.into())).0;
        let query = Query {
            header: Header::new(Kind::Query, shard, terms.network.tag()),
            account: *address,
            nonce: U64::new(nonce(self.found.rounds, account, slot)),
            padding: [0; 96],
        };
        let to = directory.address(usize::from(self.authority), shard);
        self.tries[slot as usize] += 1;
        self.timeouts.arm(slot, now_ns);
        world.push(account as usize % world.socket_count(), to, bytemuck::bytes_of(&query))
    }

    fn repeat(&mut self, now_ns: u64, world: &mut impl World) -> Result<(), BenchError> {
        while let Some(slot) = self.timeouts.expired(now_ns) {
            if self.tries[slot as usize] < self.questions.settings.tries_max {
                self.send(slot, now_ns, world)?;
            } else {
                self.accounts[slot as usize] = NOBODY;
                self.free.push(slot);
            }
        }
        Ok(())
    }

    /// Takes an answer, if it is one to a question that is open; anything else is ignored.
    fn take(&mut self, now_ns: u64, peer: Peer, datagram: &[u8], see: &mut impl FnMut(u32, Option<&Info>)) {
        let Some((slot, info)) = self.answer(peer, datagram) else {
            return;
        };
        let account = self.accounts[slot as usize];
        see(account, info.as_ref());
        if let Some((model, info)) = self.model.zip(info) {
            let balance = info.balance.get();
            let right = balance == model.balance(account) && info.next_sequence.get() == model.next_sequence(account);
            self.found.mismatches += u64::from(!right);
            self.found.total = self.found.total.saturating_add(balance);
        }
        self.answered += 1;
        self.progress_ns = now_ns;
        self.accounts[slot as usize] = NOBODY;
        self.timeouts.disarm(slot);
        self.free.push(slot);
    }

    /// The slot whose question this answers, and the answer: `None` if the account is not known there.
    fn answer(&self, peer: Peer, datagram: &[u8]) -> Option<(u32, Option<Info>)> {
        let Source { authority, shard } = self.questions.directory.source(peer)?;
        let frame = parse(datagram).ok()?;
        let (slot, header, info) = match &frame {
            Frame::Info(info) => (self.open_slot(info)?, &info.header, Some(**info)),
            Frame::Rejection(view) if self.model.is_none() => (self.unknown_slot(view)?, &view.head.header, None),
            _ => return None,
        };
        let ours = header.network == self.questions.terms.network.tag_field() && header.shard.get() == shard;
        (ours && authority == self.authority).then_some((slot, info))
    }

    /// The slot that asks for an account which this refusal does not know. It repeats no nonce, so all are looked at.
    fn unknown_slot(&self, view: &RejectionView<'_>) -> Option<u32> {
        let is_unknown = Reject::from_code(view.head.code) == Some(Reject::UnknownAccount);
        let asks = |account: u32| account != NOBODY && self.questions.addresses[account as usize] == view.head.subject;
        let slot = self.accounts.iter().position(|account| is_unknown && asks(*account))?;
        Some(u32::try_from(slot).expect("WINDOW bounds the slots"))
    }

    /// The slot that asks the question which this answers: its number is in the nonce.
    fn open_slot(&self, info: &Info) -> Option<u32> {
        let slot = u32::try_from(info.nonce.get() & ((1 << SLOT_BITS) - 1)).expect("24 bits are left");
        let account = *self.accounts.get(slot as usize)?;
        let asked = account != NOBODY && info.nonce.get() == nonce(self.found.rounds, account, slot);
        (asked && info.account == self.questions.addresses[account as usize]).then_some(slot)
    }

    fn conclude(mut self, model: &Model) -> Audit {
        let accounts = u64::from(model.account_count());
        self.found.accounts = accounts;
        self.found.unanswered = accounts - self.answered;
        self.found.expected_total = model.supply();
        let Audit { mismatches, unanswered, total, expected_total, .. } = self.found;
        self.found.ok = mismatches == 0 && unanswered == 0 && total == expected_total;
        self.found
    }
}

/// Round, account, and the slot that asks: an answer to a question of an earlier round is none to this one.
fn nonce(round: u32, account: u32, slot: u32) -> u64 {
    u64::from(round) << 56 | u64::from(account) << SLOT_BITS | u64::from(slot)
}

#[cfg(test)]
mod tests;
