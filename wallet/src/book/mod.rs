//! What a wallet knows and must not forget.
//!
//! A [`Book`] changes only by [`Record`]s. The client makes them; whoever drives it writes them to a file, in batches that are
//! each synced before anything that depends on them leaves. Reading the file back gives the book again ([`Book::replay`]).
//!
//! What matters most is the pending order: an order that was signed may be voted for, now or later, so a second one of the
//! same sequence number could cost the account its use. It is finished, never replaced.

mod account;
mod record;

pub use account::{Account, Bound, KnownBalance, Pending, Received};
pub use record::{Damage, RECORD_BYTES_MAX, Record, encode_batch};

use crate::terms::Terms;
use quittance_engine::network::NetworkId;
use quittance_engine::types::Address;
use record::Records;
use std::collections::BTreeMap;

/// See the module's docs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    bound: Option<Bound>,
    accounts: BTreeMap<Address, Account>,
}

/// A book read from its file's bytes.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The book.
    pub book: Book,
    /// How many bytes of the file hold it.
    pub good_bytes: usize,
    /// How many bytes follow: records whose writing was cut off. Nothing depended on them; cut the file here before more is
    /// appended.
    pub torn_bytes: usize,
}

/// Why a record does not follow from the book: it is not the wallet's own, or the file is another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The book is of another network or committee.
    #[error("the record binds the wallet to another network or committee than an earlier one")]
    Rebound,
    /// It is about an account that is not in the book.
    #[error("the record is about an account that the wallet does not have")]
    UnknownAccount,
    /// A second order of an account that has one pending, or of a number that is used.
    #[error("the record is of an order whose sequence number is taken")]
    SequenceTaken,
    /// A certificate when the network is not known yet.
    #[error("the record holds a certificate before the wallet knows its network")]
    Unbound,
    /// The record names an order that is not pending.
    #[error("the record is about an order that is not pending")]
    NotPending,
}

/// Why a file is no book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Bytes that were durable are not what was written.
    #[error("the book is damaged at byte {at}: {damage}; restore it from a copy, or rebuild the wallet from its keys")]
    Damaged {
        /// Where the bad record begins.
        at: usize,
        /// What is wrong.
        damage: Damage,
    },
    /// A whole record that makes no sense where it stands.
    #[error(
        "the book's record at byte {at} does not fit those before: {error}; restore it from a copy, or rebuild the wallet from its keys"
    )]
    Record {
        /// Where the record begins.
        at: usize,
        /// Why not.
        error: RecordError,
    },
}

/// Why a wallet may not be used under these terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundError {
    /// Its accounts pay on another network.
    #[error("the wallet belongs to network {}, and this one is {}; give its own genesis file, or use another wallet", hex::encode(.bound.0), hex::encode(.given.0))]
    Network {
        /// The wallet's.
        bound: NetworkId,
        /// The one given.
        given: NetworkId,
    },
    /// Its certificates are of another committee.
    #[error("the wallet's certificates are of another committee; give the committee file that it was used with")]
    Committee,
}

impl Book {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a file's bytes: batches as [`encode_batch`] writes them.
    ///
    /// What a crash cut off at the end is left out and counted. What is bad although later records say that it had been synced
    /// is damage.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn replay(bytes: &[u8]) -> Result<Replay, BookError> {
        let mut book = Self::new();
        let mut records = Records::new(bytes);
        loop {
            let at = records.offset();
            let next = records.next_record(book.bound.as_ref().map(|bound| &bound.network));
            match next.map_err(|damage| BookError::Damaged { at, damage })? {
                Some(record) => book.apply(&record).map_err(|error| BookError::Record { at, error })?,
                None => return Ok(Replay { book, good_bytes: at, torn_bytes: bytes.len() - at }),
            }
        }
    }

    /// The network and committee that the wallet is bound to, once it has been used.
    pub fn bound(&self) -> Option<&Bound> {
        self.bound.as_ref()
    }

    /// Every account, by address.
    pub fn accounts(&self) -> impl Iterator<Item = (&Address, &Account)> {
        self.accounts.iter()
    }

    /// An account, if the wallet has it.
    pub fn account(&self, address: &Address) -> Option<&Account> {
        self.accounts.get(address)
    }

    /// Whether the book may be used under these terms; a book that is not bound may.
    ///
    /// # Errors
    /// [`BoundError`].
    pub fn check_terms(&self, terms: &Terms) -> Result<(), BoundError> {
        let Some(bound) = &self.bound else { return Ok(()) };
        if bound.network != *terms.network() {
            return Err(BoundError::Network { bound: bound.network, given: *terms.network() });
        }
        if bound.committee != terms.committee().digest() {
            return Err(BoundError::Committee);
        }
        Ok(())
    }

    /// Takes a record in. A record that is there already changes nothing.
    ///
    /// # Errors
    /// [`RecordError`]; nothing changes then.
    pub fn apply(&mut self, record: &Record) -> Result<(), RecordError> {
        match record {
            Record::Bound(bound) => self.bind(bound),
            Record::Account { address } => {
                self.accounts.entry(*address).or_default();
                Ok(())
            }
            Record::Order(pending) => self.account_mut(&pending.body.sender)?.sign(pending),
            Record::Certificate(certificate) => {
                self.account_mut(&certificate.body().sender)?.certify(certificate);
                Ok(())
            }
            Record::Settled { account, sender, sequence } => {
                self.account_mut(account)?.settle(account, sender, *sequence);
                Ok(())
            }
            Record::Blocked { account, sequence, other } => self.account_mut(account)?.block(*sequence, other),
            Record::Received(certificate) => {
                self.account_mut(&certificate.body().recipient)?.receive(certificate);
                Ok(())
            }
            Record::Balance { account, known } => {
                self.account_mut(account)?.know(*known);
                Ok(())
            }
        }
    }

    /// The fewest records that make this book again: for a file that has grown long.
    pub fn to_records(&self) -> Vec<Record> {
        let mut records: Vec<Record> = self.bound.iter().map(|bound| Record::Bound(*bound)).collect();
        for (address, account) in &self.accounts {
            account.write(address, &mut records);
        }
        records
    }

    fn bind(&mut self, bound: &Bound) -> Result<(), RecordError> {
        match &self.bound {
            Some(earlier) if earlier != bound => Err(RecordError::Rebound),
            _ => {
                self.bound = Some(*bound);
                Ok(())
            }
        }
    }

    fn account_mut(&mut self, address: &Address) -> Result<&mut Account, RecordError> {
        self.accounts.get_mut(address).ok_or(RecordError::UnknownAccount)
    }
}

#[cfg(test)]
mod tests;
