//! What goes into a client and comes out of it.

use crate::certificate::{Certificate, CertificateError};
use crate::proof::Fault;
use quittance_engine::reject::Refusal;
use quittance_engine::types::{Address, Amount, Balance, Digest, Peer, Sequence, TimeMs};

/// How long a client waits: nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Before it asks the first time again; twice as long each time after.
    pub resend_first_ns: u64,
    /// At most between two times.
    pub resend_longest_ns: u64,
    /// For an operation in all.
    pub give_up_ns: u64,
}

impl Patience {
    /// For authorities anywhere on Earth, and a person who waits: asks again after a quarter of a second, gives up after 15.
    pub const USUAL: Self =
        Self { resend_first_ns: 250_000_000, resend_longest_ns: 4_000_000_000, give_up_ns: 15_000_000_000 };
}

impl Default for Patience {
    fn default() -> Self {
        Self::USUAL
    }
}

/// Something that a client was asked to do. Never given twice by one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u64);

/// What to pay.
#[derive(Clone, Debug)]
pub struct Payment {
    /// Who is paid: an account, or an address on the primary ledger.
    pub recipient: Address,
    /// [`RECIPIENT_ACCOUNT`](quittance_net::frame::RECIPIENT_ACCOUNT) or
    /// [`RECIPIENT_PRIMARY`](quittance_net::frame::RECIPIENT_PRIMARY).
    pub recipient_kind: u8,
    /// Units.
    pub amount: Amount,
    /// For payer and payee.
    pub user_data: [u8; 32],
    /// No authority votes for it from then on. An order that some have voted for and others refuse as expired blocks its account
    /// for good: `TimeMs(u64::MAX)`, never, is the safe choice.
    pub expiry: TimeMs,
    /// Payments to this account that may not have reached every authority: they are kept and sent ahead of the order.
    pub funding: Vec<Certificate>,
}

/// Why no order was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayError {
    /// The wallet does not have this account.
    #[error("the wallet does not have this account")]
    UnknownAccount {
        /// The account.
        account: Address,
    },
    /// An earlier order is not final. It is finished, never replaced: authorities may have voted for it.
    #[error("an order of this account is pending: {} (payment {} of {amount} units); finish it first", hex::encode(digest), sequence.0)]
    Pending {
        /// The order.
        digest: Digest,
        /// Its number.
        sequence: Sequence,
        /// Its amount.
        amount: Amount,
    },
    /// Nothing to pay.
    #[error("the amount is zero")]
    ZeroAmount,
    /// More than any network's supply.
    #[error("the amount is more than any network holds")]
    AmountTooLarge,
    /// No such kind of recipient.
    #[error("there is no kind of recipient {0}")]
    RecipientKind(u8),
    /// The account has used every number.
    #[error("the account's sequence numbers are used up")]
    SequenceExhausted,
    /// A certificate that is to fund the order does not.
    #[error("the certificate {index} that is to fund the payment is no good: {error}")]
    Funding {
        /// Its place among those given, from 0.
        index: usize,
        /// What is wrong with it.
        error: ReceiveError,
    },
    /// More certificates than one order may name.
    #[error("at most {} certificates can fund one payment", crate::limits::FUNDING_COUNT_MAX)]
    FundingCount,
    /// See [`StartError`].
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Why a certificate was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// It pays no account of this wallet, or not the one that it is to fund.
    #[error("it pays another account")]
    NotOurs,
    /// It proves nothing.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// See [`StartError`].
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Why there is nothing to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// The wallet does not have this account, or no order of it is pending.
    #[error("no order of this account is pending")]
    NothingPending,
    /// See [`StartError`].
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Why nothing was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// As many operations are under way as a client has room for.
    #[error("too much is under way; wait until something has ended")]
    TooMany,
    /// There is no such authority in the committee.
    #[error("the committee has no authority {0}")]
    UnknownAuthority(u8),
}

/// A datagram to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// To whom.
    pub to: Peer,
    /// One frame.
    pub bytes: Vec<u8>,
}

/// What one authority holds of an account: its word alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The balance.
    pub balance: Balance,
    /// The number of the next order.
    pub next_sequence: Sequence,
    /// The order that it voted for and that is not confirmed.
    pub pending: Option<Digest>,
}

/// What a committee holds of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// By authority: its answer; an account that it does not know is one with nothing in it. `None`: silence.
    pub answers: Vec<Option<Answer>>,
    /// What a quorum's weight agrees on: balance and next number.
    pub agreed: Option<(Balance, Sequence)>,
    /// The most that a quorum's weight would vote for now, as far as balances decide it.
    pub spendable: Amount,
}

/// What a rebuild found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Payments that the account made and that the book lacked.
    pub sent_count: usize,
    /// Payments that it received and that the book lacked.
    pub received_count: usize,
    /// Payments of this account, by number, that must exist and whose certificate no authority gave.
    pub missing: Vec<Sequence>,
    /// Payments to this account, by sender and number, that must exist and whose certificate no authority gave.
    pub missing_received: Vec<(Address, Sequence)>,
    /// An order that an authority has voted for and that is not certified; another one of its number may find no quorum. With
    /// the weight of those that say so.
    pub pending: Option<(Digest, u64)>,
    /// Whether authorities of a quorum's weight told their whole history. If not, payments may be missing.
    pub is_complete: bool,
}

/// A question for a page of an account's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryAsk {
    /// Who is asked.
    pub authority: u8,
    /// Whose history.
    pub account: Address,
    /// Payments received rather than made.
    pub is_received: bool,
    /// The position to begin at: a page's `next`; 0: the newest.
    pub from: u64,
}

/// A payment as one authority lists it: its word alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageItem {
    /// Who was paid, or who paid.
    pub counterparty: Address,
    /// The sender's number of it.
    pub sequence: Sequence,
    /// Units.
    pub amount: Amount,
    /// Whether it went to the primary ledger.
    pub is_to_primary: bool,
    /// Whether the authority has the certificate.
    pub has_votes: bool,
}

/// What an authority has to say to what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing so far.
    Silent,
    /// It lacks payments that come before; they are being brought.
    Lagging,
    /// It refuses.
    Refuses(Refusal),
    /// It voted; or, once there is a certificate, it sent a receipt; or it answered the question.
    Answered,
}

/// Why an order will not be certified now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another order of this number is certified: someone else uses the key. Its certificate is in the book, with those of what
    /// was paid since, and the account goes on behind them. There may be more than were found, and what the account received
    /// is not among them: [`Client::rebuild`](super::Client::rebuild) gets both.
    Overtaken {
        /// The other order.
        by: Digest,
    },
    /// So many authorities have voted for another order that this one has no quorum left. It stays pending: if the other one's
    /// certificate is found later, by [`Client::resume`](super::Client::resume), the account is free again.
    Conflict {
        /// The order that most of them voted for.
        other: Digest,
    },
    /// Authorities without whom there is no quorum refuse it. It stays pending.
    Code {
        /// What most of them say.
        refusal: Refusal,
        /// The weight of all that refuse.
        weight: u64,
    },
}

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An authority voted for the order.
    Voted {
        /// Which operation.
        operation: OperationId,
        /// Who.
        authority: u8,
    },
    /// The order is certified: it can no longer be stopped.
    Certified {
        /// Which operation.
        operation: OperationId,
        /// The order.
        digest: Digest,
    },
    /// An authority applied the payment.
    Receipt {
        /// Which operation.
        operation: OperationId,
        /// Who.
        authority: u8,
    },
    /// A quorum applied it: it is final. The operation goes on for the others until [`Event::Ended`].
    Settled {
        /// Which operation.
        operation: OperationId,
        /// The order.
        digest: Digest,
    },
    /// The order is not certified. [`Event::Ended`] follows.
    Refused {
        /// Which operation.
        operation: OperationId,
        /// Why.
        refused: Refused,
    },
    /// Too few authorities answered in time; an order stays pending. [`Event::Ended`] follows.
    Waiting {
        /// Which operation.
        operation: OperationId,
        /// By authority.
        standings: Vec<Standing>,
    },
    /// An authority lacks payments; they are being brought.
    Lagging {
        /// Which operation.
        operation: OperationId,
        /// Who.
        authority: u8,
        /// Of which account.
        account: Address,
        /// The first that it lacks.
        missing: Sequence,
    },
    /// It has them.
    CaughtUp {
        /// Which operation.
        operation: OperationId,
        /// Who.
        authority: u8,
    },
    /// An authority, or someone in its place, sent what no honest one does. Told the first time of each kind only.
    Faulty {
        /// Who.
        authority: u8,
        /// What was wrong.
        fault: Fault,
    },
    /// One authority's answer to an inquiry.
    Answered {
        /// Which operation.
        operation: OperationId,
        /// Who.
        authority: u8,
        /// What it holds.
        answer: Answer,
    },
    /// An inquiry has ended.
    Inquired {
        /// Which operation.
        operation: OperationId,
        /// What is held.
        inquiry: Inquiry,
    },
    /// A rebuild has ended.
    Rebuilt {
        /// Which operation.
        operation: OperationId,
        /// What was found.
        rebuilt: Rebuilt,
    },
    /// A page of a history.
    Page {
        /// Which operation.
        operation: OperationId,
        /// Payments, newest first.
        items: Vec<PageItem>,
        /// Where the next page begins; 0: this was the last.
        next: u64,
    },
    /// The operation has nothing more to do: the last that is heard of it.
    Ended {
        /// Which.
        operation: OperationId,
    },
}
