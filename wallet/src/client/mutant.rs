//! Bugs that tests plant, to show that they would find such. Outside of tests nothing can be planted.

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// Datagrams leave before their records are written.
    SentBeforeRecorded,
    /// One vote too few makes a certificate, and one receipt too few makes it final.
    QuorumOneShort,
    /// A receipt counts again when it comes again.
    ReceiptCountedTwice,
    /// A new order takes the place of one that was pending when the wallet was opened.
    PendingReplaced,
    /// A vote is counted without a look at its signature.
    VoteUnchecked,
}

/// The bug of a client.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Planted {
    #[cfg(test)]
    pub(super) mutant: Option<Mutant>,
}

impl Planted {
    /// Whether this is the bug.
    #[cfg(test)]
    pub(super) fn is(self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Whether this is the bug.
    #[cfg(not(test))]
    #[inline]
    pub(super) fn is(self, _: Mutant) -> bool {
        false
    }
}
