//! Numbers that must not mix.

use core::fmt;
use serde::{Deserialize, Serialize};

/// An account: an Ed25519 public key's encoding.
pub type Address = [u8; 32];
/// Digest of an order's signed bytes: the order's name.
pub type Digest = [u8; 32];
/// Where a datagram came from and its answer goes.
pub type Peer = core::net::SocketAddr;

/// Units of money; above what any genesis holds is refused on arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Amount(pub u64);

/// An account's balance at one authority. Signed: a certificate may arrive before the credit that funds it. 128 bits: at
/// an authority that has not seen a recipient's own payments, one unit of money can be credited to him again and again, so
/// the supply does not bound what is added to an account; 2^64 credits of 2^63 units do fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Balance(pub i128);

/// The place of a payment among its sender's payments, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sequence(pub u64);

/// One of an authority's shards, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShardIndex(pub u16);

/// Milliseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimeMs(pub u64);

impl Balance {
    /// The balance after a credit.
    #[must_use]
    pub fn credited(self, amount: Amount) -> Self {
        Self(self.0.checked_add(i128::from(amount.0)).expect("2^64 credits of 2^63 units fit in 128 bits"))
    }

    /// The balance after a debit.
    #[must_use]
    pub fn debited(self, amount: Amount) -> Self {
        Self(self.0.checked_sub(i128::from(amount.0)).expect("2^64 debits of 2^63 units fit in 128 bits"))
    }

    /// Whether the balance pays for this amount.
    pub fn covers(self, amount: Amount) -> bool {
        self.0 >= i128::from(amount.0)
    }
}

impl Sequence {
    /// The highest sequence number. It can never be used: no number follows it.
    pub const TOP: Self = Self(u64::MAX);

    /// The sequence number that follows; `None` at the top of the range.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl ShardIndex {
    /// As a subscript.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
