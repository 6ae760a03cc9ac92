//! The journal of changes: what was there before, written down and synced before anything is changed.
//!
//! One line of JSON for each event, with a checksum, appended and synced. A write to the machine stands between two
//! lines: the intent, with the old value and the new, and what came of it. Whoever is killed in between leaves the
//! intent, and `rollback` looks at the machine to see which of the two values stands.

mod journal;
mod ledger;
mod outstanding;
mod record;

pub use journal::{Journal, Opening};
pub use ledger::{FileLedger, Ledger, StateDirectory};
pub use outstanding::{Outstanding, immovable, outstanding};
pub use record::{Act, Event, Record, lines, read_lines};

/// Why the journal could not be read or written. Nothing was changed without it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The directory or a file in it.
    #[error("{place}: {source}; --state-dir names the directory for the journal of changes")]
    Io {
        /// The path.
        place: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Another run has it.
    #[error("{place} is locked: another quittance-tune is at work; try again when it is done")]
    Locked {
        /// The directory.
        place: String,
    },
    /// A line in the middle does not check: not a torn write, but damage.
    #[error(
        "{place}: line {line} is damaged; `quittance-tune history` shows what can still be read, and the file can be \
         moved away"
    )]
    Damaged {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
    },
    /// The journal has as many events as it may.
    #[error("{place} is full; once `quittance-tune rollback` has nothing left to undo, move it away")]
    Full {
        /// The file.
        place: String,
    },
    /// A run is still waiting for its confirmation.
    #[error("run {run} awaits its confirmation: say `quittance-tune confirm`, or wait until it has undone itself")]
    Unconfirmed {
        /// The run.
        run: u64,
    },
}
