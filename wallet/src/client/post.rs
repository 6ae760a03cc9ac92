//! Questions that were asked and not yet answered: to whom, what for, and when they are asked again.

use super::face::{OperationId, Patience};
use quittance_engine::types::{Address, Digest, Peer};
use std::collections::{BTreeMap, BTreeSet};

/// What a question is about, as its answer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// An order is to be voted for.
    Order(Digest),
    /// A certificate is to be applied.
    Certificate(Digest),
    /// What is held of an account.
    Account { account: Address, nonce: u64 },
    /// A part of an account's history.
    History { account: Address, nonce: u64 },
}

/// One question to one authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) authority: u8,
    pub(super) subject: Subject,
}

/// What of a question its answer is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Nothing more than its subject.
    Plain,
    /// The payment that is carried.
    Carry { sender: Address, sequence: u64 },
    /// A page from this position on; `what` as the frame has it.
    Page { what: u8, from: u64 },
    /// The certificate with this number, from this position on.
    Fetch { sequence: u64, from: u64 },
}

#[derive(Debug)]
struct Request {
    purpose: Purpose,
    waiters: Vec<OperationId>,
    to: Peer,
    frame: Vec<u8>,
    sent_count: u32,
    interval_ns: u64,
    due_ns: u64,
    /// Whether it was answered with a refusal that something else must cure.
    is_refused: bool,
}

/// A question to be asked.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) key: Key,
    pub(super) purpose: Purpose,
    pub(super) to: Peer,
    pub(super) frame: Vec<u8>,
}

/// See the module's docs.
#[derive(Debug)]
pub(super) struct Post {
    patience: Patience,
    requests: BTreeMap<Key, Request>,
    timers: BTreeSet<(u64, Key)>,
}

/// What is to be done about a question whose time has come.
#[derive(Debug)]
pub(super) enum Due {
    /// Send it again.
    Again(Peer, Vec<u8>),
    /// It was sent often enough.
    Silence,
}

impl Post {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, requests: BTreeMap::new(), timers: BTreeSet::new() }
    }

    /// Whether this is asked already. Then `operation` waits for the answer, too.
    pub(super) fn join(&mut self, key: &Key, operation: OperationId) -> bool {
        let Some(request) = self.requests.get_mut(key) else { return false };
        if !request.waiters.contains(&operation) {
            request.waiters.push(operation);
        }
        true
    }

    /// Notes a question that leaves now for the first time, and is not asked yet.
    pub(super) fn ask(&mut self, now_ns: u64, operation: OperationId, question: &Question) {
        let Question { key, purpose, to, frame } = question;
        let interval_ns = self.patience.resend_first_ns;
        let due_ns = now_ns.saturating_add(interval_ns);
        let request = Request {
            purpose: *purpose,
            waiters: vec![operation],
            to: *to,
            frame: frame.clone(),
            sent_count: 1,
            interval_ns,
            due_ns,
            is_refused: false,
        };
        assert!(self.requests.insert(*key, request).is_none(), "whoever asks joins what is asked already");
        self.timers.insert((due_ns, *key));
    }

    /// The answer came: nobody waits any longer.
    pub(super) fn end(&mut self, key: &Key) {
        if let Some(request) = self.requests.remove(key) {
            self.timers.remove(&(request.due_ns, *key));
        }
    }

    /// One operation waits no longer.
    pub(super) fn leave(&mut self, key: &Key, operation: OperationId) {
        let Some(request) = self.requests.get_mut(key) else { return };
        request.waiters.retain(|waiter| *waiter != operation);
        if request.waiters.is_empty() {
            self.end(key);
        }
    }

    /// Who waits for the answer.
    pub(super) fn waiters(&self, key: &Key) -> &[OperationId] {
        self.requests.get(key).map_or(&[], |request| &request.waiters)
    }

    /// What the question is for, if it is asked.
    pub(super) fn purpose(&self, key: &Key) -> Option<Purpose> {
        self.requests.get(key).map(|request| request.purpose)
    }

    /// Questions to this authority about an account, of the sort that `subject` makes of account and nonce.
    pub(super) fn about(
        &self,
        authority: u8,
        account: Address,
        subject: fn(Address, u64) -> Subject,
    ) -> impl Iterator<Item = (Key, Purpose)> {
        let key = |nonce| Key { authority, subject: subject(account, nonce) };
        self.requests.range(key(0)..=key(u64::MAX)).map(|(key, request)| (*key, request.purpose))
    }

    /// The question was refused, and something else is done about that.
    pub(super) fn refused(&mut self, key: &Key) {
        if let Some(request) = self.requests.get_mut(key) {
            request.is_refused = true;
        }
    }

    /// What is to be sent once more because its refusal was cured.
    pub(super) fn cured(&mut self, now_ns: u64, key: &Key) -> Option<(Peer, Vec<u8>)> {
        let request = self.requests.get_mut(key).filter(|request| request.is_refused)?;
        self.timers.remove(&(request.due_ns, *key));
        request.is_refused = false;
        request.due_ns = now_ns.saturating_add(request.interval_ns);
        self.timers.insert((request.due_ns, *key));
        Some((request.to, request.frame.clone()))
    }

    /// When the next question is due.
    pub(super) fn due_ns(&self) -> Option<u64> {
        self.timers.first().map(|(due_ns, _)| *due_ns)
    }

    /// A question that is due. `silence_count`: how often a question is sent that others can answer as well.
    pub(super) fn pop_due(&mut self, now_ns: u64, silence_count: u32) -> Option<(Key, Due)> {
        let (due_ns, key) = *self.timers.first().filter(|(due_ns, _)| *due_ns <= now_ns)?;
        self.timers.remove(&(due_ns, key));
        let request = self.requests.get_mut(&key).expect("a timer belongs to a question");
        request.interval_ns = request.interval_ns.saturating_mul(2).min(self.patience.resend_longest_ns);
        request.due_ns = now_ns.saturating_add(request.interval_ns);
        self.timers.insert((request.due_ns, key));
        let has_others = matches!(request.purpose, Purpose::Page { .. } | Purpose::Fetch { .. });
        if has_others && request.sent_count >= silence_count {
            return Some((key, Due::Silence));
        }
        request.sent_count = request.sent_count.saturating_add(1);
        Some((key, Due::Again(request.to, request.frame.clone())))
    }
}
