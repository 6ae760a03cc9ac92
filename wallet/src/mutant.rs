//! Planted bugs, so that tests and the simulation can show that they would find real ones: as in [`quittance_engine::mutant`].

/// The bug that a client has: none, but where a test planted one.
pub type Planted = quittance_engine::mutant::Planted<Mutant>;

quittance_engine::mutants! {
    /// A bug. The first ones are in the client; the others are done by whoever drives it.
    pub enum Mutant {
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
