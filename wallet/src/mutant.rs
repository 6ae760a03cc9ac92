//! Planted bugs, so that tests and the simulation can show that they would find real ones.
//!
//! Without the feature `mutants` nothing can be planted: [`Planted`] has no size, and every question about it is `false` when
//! it is compiled. A program that was built with the feature contains a marker, so that a release can be shown to be without.

/// What a program that can plant bugs contains, and no other does.
#[cfg(feature = "mutants")]
pub const MARKER: &str = "quittance: built with planted bugs, never to hold money";

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A bug. The first ones are in the client; the others are done by whoever drives it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Mutant {
            $($(#[$doc])* $name,)*
        }

        impl Mutant {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// By what it is called for.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

mutants! {
    /// Datagrams leave before their records are written.
    SentBeforeRecorded = "sent-before-recorded";
    /// One vote too few makes a certificate, and one receipt too few makes it final.
    QuorumOneShort = "quorum-one-short";
    /// A receipt counts again when it comes again.
    ReceiptCountedTwice = "receipt-counted-twice";
    /// A new order takes the place of one that was pending when the wallet was opened.
    PendingReplaced = "pending-replaced";
    /// A vote is counted without a look at its signature.
    VoteUnchecked = "vote-unchecked";
    /// For the driver: a book is read after a crash, and acted upon before it is known to be on the medium.
    BookNotSyncedBeforeRead = "book-not-synced-before-read";
}

impl Mutant {
    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
    }
}

/// The bug that a client has: none, but where a test planted one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    #[cfg(feature = "mutants")]
    mutant: Option<Mutant>,
}

impl Planted {
    /// No bug.
    pub const NOTHING: Self = Self {
        #[cfg(feature = "mutants")]
        mutant: None,
    };

    /// This bug; `None` if the program was not built to have any.
    #[cfg(feature = "mutants")]
    pub fn new(mutant: Mutant) -> Option<Self> {
        Some(Self { mutant: Some(mutant) })
    }

    /// This bug; `None` if the program was not built to have any.
    #[cfg(not(feature = "mutants"))]
    pub fn new(_: Mutant) -> Option<Self> {
        None
    }

    /// Keeps the marker in every program that has clients and was built for bugs.
    pub(crate) fn mark() {
        #[cfg(feature = "mutants")]
        core::hint::black_box(MARKER);
    }

    /// Whether this is the bug.
    #[cfg(feature = "mutants")]
    pub fn is(self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Whether this is the bug.
    #[cfg(not(feature = "mutants"))]
    #[inline]
    pub fn is(self, _: Mutant) -> bool {
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
        let planted = Planted::new(Mutant::VoteUnchecked);
        assert_eq!(planted.is_some(), cfg!(feature = "mutants"));
        assert_eq!(size_of::<Planted>() == 0, planted.is_none());
    }
}
