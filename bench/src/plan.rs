//! Who pays whom how much: fixed by the seed before anything is signed.
//!
//! | file | what it holds |
//! |---|---|
//! | `plan/draft.rs` | from the options to a plan, around the genesis file, which comes in between |
//! | `plan/links.rs` | what a payment waits for, where that is no arithmetic |
//! | `plan/hot.rs`, `plan/zipf.rs` | few accounts that do most of it, and how they are drawn |
//! | `plan/chained.rs` | money that is paid on as soon as it is there |
//! | `plan/smallbank.rs`, `plan/operation.rs` | customers with two accounts each, and their six operations |

mod chained;
mod draft;
mod hot;
mod links;
mod operation;
mod smallbank;
#[cfg(test)]
mod tests;
mod zipf;

pub use draft::Draft;
pub use operation::{OPERATION_COUNT, Operation};
pub use smallbank::Bank;

use crate::limits::AMOUNT_MAX;
use crate::random::{Draws, Purpose, generator};
use links::Links;

/// The payments of a run, by index in the order of sending.
///
/// A payment waits for its predecessor, which is the payer's payment before it, and, where it is paid from what another payment
/// brings, for that one's certificate, too. Both have lower indices, so no payment waits for ever.
#[derive(Debug)]
pub struct Plan {
    turns: Turns,
    recipients: Vec<u32>,
    amounts: Amounts,
    openings: Openings,
    bank: Option<Bank>,
}

/// Whose turn it is.
#[derive(Debug)]
enum Turns {
    /// In each round every account pays once, in one shuffled order, which this is. So payment i has sequence number
    /// `i / accounts`, and the sender's payment before it is i - accounts: nothing is kept per payment.
    Rounds(Vec<u32>),
    /// As drawn, with links.
    Drawn(Links),
}

/// Units paid, by payment.
#[derive(Debug)]
enum Amounts {
    /// At most [`AMOUNT_MAX`].
    Small(Vec<u8>),
    Wide(Vec<u32>),
}

/// What accounts have before the first payment.
#[derive(Debug)]
enum Openings {
    /// All are new and funded alike.
    Alike(u64),
    /// All are new.
    Each(Vec<u64>),
    /// They are in use already.
    InUse(Vec<Beginning>),
}

/// What an account has before a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Units.
    pub balance: i128,
    /// The sequence number of its next payment.
    pub next_sequence: u64,
}

const _: () = assert!(AMOUNT_MAX <= u8::MAX as u64);

impl Plan {
    /// Draws payments between any two of at least 2 accounts, round by round: nobody pays himself, everybody as often, and each
    /// has at the start what all of his payments take, even if nobody pays him.
    pub fn draw(run_seed: u64, account_count: u32, payment_count: u32) -> Self {
        assert!(account_count >= 2, "a payment has two ends");
        let mut draws = generator(run_seed, Purpose::Plan);
        let senders = shuffled(&mut draws, account_count);
        let mut recipients = Vec::with_capacity(payment_count as usize);
        let mut amounts = Vec::with_capacity(payment_count as usize);
        for payment in 0..payment_count {
            let sender = senders[(payment % account_count) as usize];
            let other = draws.below(account_count - 1);
            recipients.push(if other < sender { other } else { other + 1 });
            amounts.push(small_amount(&mut draws));
        }
        let openings = Openings::Alike(AMOUNT_MAX * u64::from(payment_count.div_ceil(account_count)));
        Self { turns: Turns::Rounds(senders), recipients, amounts: Amounts::Small(amounts), openings, bank: None }
    }

    /// A ring of at least 2 accounts that are in use already: each pays the next one 1 unit, round by round. After whole rounds
    /// every balance is what it was.
    pub fn ring(beginnings: Vec<Beginning>, payment_count: u32) -> Self {
        let account_count = u32::try_from(beginnings.len()).expect("ACCOUNT_COUNT_MAX bounds them");
        assert!(account_count >= 2, "a payment has two ends");
        Self {
            turns: Turns::Rounds((0..account_count).collect()),
            recipients: (0..payment_count).map(|payment| (payment + 1) % account_count).collect(),
            amounts: Amounts::Small(vec![1; payment_count as usize]),
            openings: Openings::InUse(beginnings),
            bank: None,
        }
    }

    /// What an account has before the first payment.
    pub fn beginning(&self, account: u32) -> Beginning {
        let new = |balance: u64| Beginning { balance: balance.into(), next_sequence: 0 };
        match &self.openings {
            Openings::Alike(balance) => new(*balance),
            Openings::Each(balances) => new(balances[account as usize]),
            Openings::InUse(beginnings) => beginnings[account as usize],
        }
    }

    /// What a new account is to have in the genesis file.
    ///
    /// # Panics
    /// If the plan is for accounts that are in use: nobody opens those.
    pub fn opening(&self, account: u32) -> u64 {
        match &self.openings {
            Openings::Alike(balance) => *balance,
            Openings::Each(balances) => balances[account as usize],
            Openings::InUse(_) => panic!("accounts in use were opened by others"),
        }
    }

    /// How many payments there are.
    pub fn payment_count(&self) -> u32 {
        u32::try_from(self.recipients.len()).expect("drawn for a 32-bit count")
    }

    /// How many accounts there are, those included that never pay.
    pub fn account_count(&self) -> u32 {
        match &self.turns {
            Turns::Rounds(senders) => u32::try_from(senders.len()).expect("drawn for a 32-bit count"),
            Turns::Drawn(links) => links.account_count(),
        }
    }

    /// The shuffled order of accounts, if they pay in rounds: the account at place k sends payments `k`, `k + accounts`, ...
    pub fn rounds(&self) -> Option<&[u32]> {
        match &self.turns {
            Turns::Rounds(senders) => Some(senders),
            Turns::Drawn(_) => None,
        }
    }

    /// The paying account.
    pub fn sender(&self, payment: u32) -> u32 {
        match &self.turns {
            Turns::Rounds(senders) => senders[(payment % self.account_count()) as usize],
            Turns::Drawn(links) => links.sender(payment),
        }
    }

    /// The account that is paid.
    pub fn recipient(&self, payment: u32) -> u32 {
        self.recipients[payment as usize]
    }

    /// Units paid.
    pub fn amount(&self, payment: u32) -> u64 {
        match &self.amounts {
            Amounts::Small(amounts) => u64::from(amounts[payment as usize]),
            Amounts::Wide(amounts) => u64::from(amounts[payment as usize]),
        }
    }

    /// The sender's sequence number.
    pub fn sequence(&self, payment: u32) -> u64 {
        match &self.turns {
            Turns::Rounds(_) => {
                let first = self.beginning(self.sender(payment)).next_sequence;
                first + u64::from(payment / self.account_count())
            }
            Turns::Drawn(links) => links.sequence(payment),
        }
    }

    /// The payer's payment before this one: it has to be settled first. A customer with two accounts does one thing at a time,
    /// so there it may be of his other account.
    pub fn predecessor(&self, payment: u32) -> Option<u32> {
        match &self.turns {
            Turns::Rounds(_) => payment.checked_sub(self.account_count()),
            Turns::Drawn(links) => links.predecessor(payment),
        }
    }

    /// The payer's payment after this one.
    pub fn successor(&self, payment: u32) -> Option<u32> {
        match &self.turns {
            Turns::Rounds(_) => payment.checked_add(self.account_count()).filter(|next| *next < self.payment_count()),
            Turns::Drawn(links) => links.successor(payment),
        }
    }

    /// The payment that brings the money for this one, if it cannot be paid without: its certificate has to be sent first. Such
    /// a payment is a chained order: where the money is not there yet, it waits a little.
    pub fn funder(&self, payment: u32) -> Option<u32> {
        match &self.turns {
            Turns::Rounds(_) => None,
            Turns::Drawn(links) => links.funder(payment),
        }
    }

    /// Whether any payment can have a funder.
    pub fn has_funders(&self) -> bool {
        matches!(&self.turns, Turns::Drawn(links) if links.has_funders())
    }

    /// The payment that is paid from this one.
    pub fn funded(&self, payment: u32) -> Option<u32> {
        match &self.turns {
            Turns::Rounds(_) => None,
            Turns::Drawn(links) => links.funded(payment),
        }
    }

    /// Customers and their operations, if this is Smallbank.
    pub fn bank(&self) -> Option<&Bank> {
        self.bank.as_ref()
    }
}

/// All accounts, in an order of chance.
fn shuffled(draws: &mut Draws, account_count: u32) -> Vec<u32> {
    let mut accounts: Vec<u32> = (0..account_count).collect();
    for last in (1..account_count).rev() {
        accounts.swap(last as usize, draws.below(last + 1) as usize);
    }
    accounts
}

/// 1 to [`AMOUNT_MAX`] units.
fn small_amount(draws: &mut Draws) -> u8 {
    let amount = 1 + draws.below(u32::try_from(AMOUNT_MAX).expect("at most 255"));
    u8::try_from(amount).expect("at most 255")
}
