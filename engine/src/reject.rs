//! Refusals: the peer's fault, or a limit of ours that he should know of.

use crate::types::Digest;
use serde::Serialize;

macro_rules! rejects {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why a request was refused. The values are codes on the wire, listed in the order checked, never renumbered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, thiserror::Error)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum Reject {
            $($(#[$doc])* #[error($text)] $name = $code,)*
        }

        impl Reject {
            /// Every code, in the order checked.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

rejects! {
    /// The frame's network tag is another network's.
    WrongNetwork = 1, "this authority serves another network";
    /// The sender, or the account asked for, belongs to another shard. Detail: that shard's index.
    WrongShard = 2, "the account belongs to another shard of this authority";
    /// No such account here.
    UnknownAccount = 3, "no such account here";
    /// The amount is zero.
    ZeroAmount = 4, "the amount is zero";
    /// The amount is above what any genesis can hold.
    AmountTooLarge = 5, "the amount exceeds any possible supply";
    /// The sequence number is used up. Detail: the next one.
    SequenceBehind = 6, "the sequence number is used up";
    /// Payments are missing before this one. Detail: the first that is missing.
    SequenceAhead = 7, "payments before this one are missing";
    /// The last sequence number can never be used.
    SequenceExhausted = 8, "the account's sequence numbers are used up";
    /// Another order of this sequence number has this authority's vote. Other: its digest.
    Conflict = 9, "another order of this sequence number was voted for";
    /// The balance is too small. Detail: the balance, or 0 if it is negative.
    InsufficientFunds = 10, "the balance is too small";
    /// The order's time is over.
    Expired = 11, "the order has expired";
    /// The recipient is new here and the account table is nearly full.
    NoRoom = 12, "no room for a new account";
    /// A queue of this authority is full. Worth another try.
    Busy = 13, "too busy; try again";
    /// The signature does not verify, or the sender's key is none.
    BadSignature = 14, "the signature does not verify";
    /// The certificate is of another epoch. Detail: the present one.
    WrongEpoch = 15, "the certificate is of another epoch";
    /// A vote names an authority that is not in the committee. Detail: its index.
    UnknownVoter = 16, "a vote's authority is not in the committee";
    /// Two votes name one authority. Detail: its index.
    RepeatedVoter = 17, "an authority votes twice";
    /// The votes weigh less than a quorum. Detail: their weight.
    NoQuorum = 18, "the votes weigh less than a quorum";
    /// A vote's leaf index lies outside its tree. Detail: the authority's index.
    BadPath = 19, "a vote's leaf index lies outside its tree";
    /// A vote's root signature does not verify for this order. Detail: the authority's index.
    BadVote = 20, "a vote does not verify for this order";
    /// This authority keeps no history.
    NoHistory = 21, "this authority keeps no history";
    /// What is asked for was removed since, or lost its votes, or never was. Detail: its position, if there is one.
    NotHere = 22, "that part of the history is not here";
    /// There is no payment of this account at the position asked for. Detail: the position.
    BadPosition = 23, "no payment of this account is at that position";
}

impl Reject {
    /// The code with this value, if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|reject| *reject as u8 == code)
    }

    /// Its subscript in counters.
    pub fn index(self) -> usize {
        usize::from(self as u8 - 1)
    }
}

/// A refusal with what it tells about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: Reject,
    /// See the code's docs; 0 if they name none.
    pub detail: u64,
    /// Digest of the order that stands in the way; zero if none does.
    pub other: Digest,
}

impl From<Reject> for Refusal {
    fn from(code: Reject) -> Self {
        Self { code, detail: 0, other: [0; 32] }
    }
}

impl Reject {
    /// The refusal with this detail.
    pub fn detail(self, detail: u64) -> Refusal {
        Refusal { detail, ..self.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_count_up_from_one_and_read_back() {
        for (index, reject) in Reject::ALL.iter().enumerate() {
            assert_eq!(reject.index(), index);
            assert_eq!(Reject::from_code(*reject as u8), Some(*reject));
        }
        assert_eq!(Reject::from_code(0), None);
        assert_eq!(Reject::from_code(200), None);
    }
}
