//! Planted bugs, so that the simulation can show that it would find real ones.
//!
//! Without the feature `mutants` nothing can be planted: [`Planted`] has no size, and every question about it is `false`
//! when it is compiled. A program that was built with the feature contains a marker, so that a release can be shown to
//! be without.

/// What a program that can plant bugs contains, and no other does.
#[cfg(feature = "mutants")]
pub const MARKER: &str = "quittance: built with planted bugs, never to hold money";

/// Makes an enumeration of bugs, each with the name that it is called for by: all of them, by name and back.
#[macro_export]
macro_rules! mutants {
    ($(#[$head:meta])* pub enum $all:ident { $($(#[$doc:meta])* $name:ident = $text:literal;)* }) => {
        $(#[$head])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $all {
            $($(#[$doc])* $name,)*
        }

        impl $all {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// By what it is called for.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The one of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
            }
        }
    };
}

mutants! {
    /// A bug. The first ones are in this library; the others are done by whoever drives it, who stands in for the shell.
    pub enum Mutant {
        /// A vote leaves before its record is durable.
        VoteBeforeDurable = "vote-before-durable";
        /// A repeated order draws its vote at once, though the first one's record is not durable.
        RepeatedVoteLeaks = "repeated-vote-leaks";
        /// A receipt leaves before its record is durable.
        ReceiptBeforeDurable = "receipt-before-durable";
        /// The answer to a query leaves before what it tells is durable.
        AnswerBeforeDurable = "answer-before-durable";
        /// A second order of one sequence number gets a vote, too.
        NoConflictCheck = "no-conflict-check";
        /// An order of more than the account holds gets a vote.
        NoFundsCheck = "no-funds-check";
        /// An order counts as signed whatever the verdict.
        OrderSignatureIgnored = "order-signature-ignored";
        /// An order that waited for its money gets a vote, and nobody checked its signature.
        HeldOrderSkipsChecks = "held-order-skips-checks";
        /// An order whose money never comes waits for ever, and so is never answered.
        HeldOrderKept = "held-order-kept";
        /// A certificate's votes count as signed whatever the verdict.
        VoteSignatureIgnored = "vote-signature-ignored";
        /// A certificate with one vote too few is taken.
        QuorumOf2f = "quorum-of-2f";
        /// A credit is applied again when it comes again.
        CreditAppliedTwice = "credit-applied-twice";
        /// A credit is applied though one before it is missing.
        CreditGapAccepted = "credit-gap-accepted";
        /// A credit is handed over before the payment that made it is durable.
        CreditBeforeDurable = "credit-before-durable";
        /// A credit is acknowledged when it is applied, not when that is durable.
        AckOnReceipt = "ack-on-receipt";
        /// What the other shard did not acknowledge is never handed over again.
        NoResend = "no-resend";
        /// A payment to another shard is taken though the outbox for that shard is full.
        FullOutboxIgnored = "full-outbox-ignored";
        /// A block is made while the one before is not durable, and both may be lost the wrong way round.
        TwoBlocksUnderWay = "two-blocks-under-way";
        /// A snapshot is finished while the journal lacks what it holds.
        SnapshotBeforeJournal = "snapshot-before-journal";
        /// A snapshot forgets which orders were voted for.
        SnapshotWithoutPending = "snapshot-without-pending";
        /// Records that a snapshot's tail holds are replayed over it.
        TailReplayedTwice = "tail-replayed-twice";
        /// A block whose records were not all written is replayed.
        TornBlockAccepted = "torn-block-accepted";
        /// A block of an earlier turn of the ring is taken for the next one.
        StaleBlockAccepted = "stale-block-accepted";
        /// An entry of a history has its two links exchanged.
        HistoryLinksExchanged = "history-links-exchanged";
        /// For the driver: a block counts as durable when it is written.
        DurableBeforeSync = "durable-before-sync";
        /// For the driver: the second copy is written and never synced.
        OneCopySynced = "one-copy-synced";
        /// For the driver: of two blocks the later one's completion is taken for both.
        CompletionOutOfOrder = "completion-out-of-order";
        /// For the driver: a sync that failed is taken for one that did not.
        SyncErrorIgnored = "sync-error-ignored";
        /// For the driver: the ring is released for a snapshot whose file was never synced.
        ReleaseBeforeSnapshotSync = "release-before-snapshot-sync";
        /// For the driver: a snapshot counts though the history that it vouches for is not synced.
        SnapshotBeforeHistory = "snapshot-before-history";
        /// Marks that show that one of two processes has lost its state begin a session all the same.
        MarksNotChecked = "marks-not-checked";
        /// For the driver: a process hands nothing over again when another session begins.
        LinkWithoutResend = "link-without-resend";
        /// For the driver: recovery reads what is not known to be on the medium, and never makes sure of it.
        NoSyncBeforeRead = "no-sync-before-read";
        /// For the driver: recovery mends the copies, and goes on before that is durable.
        RepairsNotSynced = "repairs-not-synced";
    }
}

/// The bug that a shard, its keeper or a reader has: none, but where a test planted one. Others have bugs of their own kind `M`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planted<M = Mutant> {
    #[cfg(feature = "mutants")]
    mutant: Option<M>,
    #[cfg(not(feature = "mutants"))]
    kind: core::marker::PhantomData<M>,
}

impl<M> Default for Planted<M> {
    fn default() -> Self {
        Self::NOTHING
    }
}

impl<M> Planted<M> {
    /// No bug.
    pub const NOTHING: Self = Self {
        #[cfg(feature = "mutants")]
        mutant: None,
        #[cfg(not(feature = "mutants"))]
        kind: core::marker::PhantomData,
    };

    /// This bug; `None` if the program was not built to have any.
    #[cfg(feature = "mutants")]
    pub fn new(mutant: M) -> Option<Self> {
        Some(Self { mutant: Some(mutant) })
    }

    /// This bug; `None` if the program was not built to have any.
    #[cfg(not(feature = "mutants"))]
    pub fn new(_: M) -> Option<Self> {
        None
    }

    /// Keeps the marker in every program that has shards or clients and was built for bugs.
    pub fn mark() {
        #[cfg(feature = "mutants")]
        core::hint::black_box(MARKER);
    }
}

impl<M: PartialEq> Planted<M> {
    /// Whether this is the bug.
    #[cfg(feature = "mutants")]
    pub fn is(self, mutant: M) -> bool {
        self.mutant == Some(mutant)
    }

    /// Whether this is the bug.
    #[cfg(not(feature = "mutants"))]
    #[inline]
    pub fn is(self, _: M) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_bugs_apart_and_nothing_is_planted_by_default() {
        for mutant in Mutant::ALL {
            assert_eq!(Mutant::from_name(mutant.name()), Some(*mutant));
            assert!(!Planted::default().is(*mutant));
        }
        assert_eq!(Mutant::from_name("none"), None);
    }

    #[test]
    fn a_bug_can_be_planted_exactly_where_the_program_was_built_for_it() {
        let planted = Planted::new(Mutant::NoConflictCheck);
        assert_eq!(planted.is_some(), cfg!(feature = "mutants"));
        assert!(planted.is_none_or(|planted| planted.is(Mutant::NoConflictCheck) && !planted.is(Mutant::NoResend)));
        assert_eq!(size_of::<Planted>() == 0, planted.is_none());
    }
}
