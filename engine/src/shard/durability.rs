//! What a shard writes down, and what may leave once it is written: the open end of the journal.

use super::Shard;
use crate::journal::record::{Record, RecordNumber};
use crate::limits::{OPEN_BYTES_MAX, OPEN_BYTES_RESERVED};

/// How full the journal is, and so what the shard refuses: new obligations first, credits that others wait for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// There is room.
    #[default]
    None,
    /// No new votes: orders get `Busy`.
    Votes,
    /// Nothing but credits of other shards: certificates get `Busy`, too.
    Confirmations,
}

/// Records that left the shard for the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// How many.
    pub count: u32,
    /// The last of them.
    pub last: RecordNumber,
}

/// Records made and not yet sealed, and how far the others have come.
#[derive(Debug)]
pub(super) struct Journaling {
    is_on: bool,
    open: Vec<u8>,
    made: RecordNumber,
    sealed: RecordNumber,
    durable: RecordNumber,
}

impl Journaling {
    pub(super) fn new(is_on: bool) -> Self {
        let capacity = if is_on { OPEN_BYTES_MAX + OPEN_BYTES_RESERVED } else { 0 };
        let none = RecordNumber::default();
        Self { is_on, open: Vec::with_capacity(capacity), made: none, sealed: none, durable: none }
    }

    /// Writes a record, and returns its number. Without a journal there are no records, and everything depends on number 0,
    /// which is always durable.
    pub(super) fn record(&mut self, record: &Record) -> RecordNumber {
        if self.is_on {
            record.encode(&mut self.open);
            self.made = self.made.next();
        }
        self.made
    }

    /// The last record made: what is revealed now depends on it at most.
    pub(super) fn made(&self) -> RecordNumber {
        self.made
    }

    /// The last record that is durable, with all before it.
    pub(super) fn durable(&self) -> RecordNumber {
        self.durable
    }

    /// Whether the shard should wait for the disk before it makes more records.
    pub(super) fn is_backed_up(&self) -> bool {
        self.open.len() >= OPEN_BYTES_MAX
    }

    /// After recovery: all records so far are on disk.
    pub(super) fn resume(&mut self, last: RecordNumber) {
        assert!(self.is_on && self.made == RecordNumber::default(), "recovery comes first");
        (self.made, self.sealed, self.durable) = (last, last, last);
    }
}

impl Shard {
    /// Whether records wait to be sealed.
    pub fn has_open_records(&self) -> bool {
        !self.journal.open.is_empty()
    }

    /// Moves the oldest open records, as many as fit `bytes_max`, into `into`, which it clears. `None` if there are none.
    ///
    /// # Panics
    /// If not even one record fits.
    pub fn seal(&mut self, bytes_max: usize, into: &mut Vec<u8>) -> Option<Sealed> {
        let journal = &mut self.journal;
        into.clear();
        let (mut end, mut count) = (0, 0_u32);
        while end < journal.open.len() {
            let length = Record::length(&journal.open[end..]).expect("we wrote them");
            if end + length > bytes_max {
                break;
            }
            end += length;
            count += 1;
        }
        assert!(count > 0 || journal.open.is_empty(), "a block holds more than one record");
        if count == 0 {
            return None;
        }
        into.extend_from_slice(&journal.open[..end]);
        journal.open.drain(..end);
        journal.sealed = RecordNumber(journal.sealed.0 + u64::from(count));
        assert_eq!(journal.open.is_empty(), journal.sealed == journal.made, "records are numbered without gaps");
        Some(Sealed { count, last: journal.sealed })
    }

    /// The journal holds every record up to this one: what depends on them may leave.
    ///
    /// # Panics
    /// If the journal claims records that it was not given, or takes back what it said.
    pub fn set_durable(&mut self, durable: RecordNumber) {
        assert!(durable <= self.journal.sealed, "the journal has what was sealed");
        assert!(durable >= self.journal.durable, "what is durable stays so");
        self.journal.durable = durable;
    }

    /// The last record made.
    pub fn records_made(&self) -> RecordNumber {
        self.journal.made
    }

    /// The last record sealed.
    pub fn records_sealed(&self) -> RecordNumber {
        self.journal.sealed
    }

    /// The last record that is known to be durable.
    pub fn records_durable(&self) -> RecordNumber {
        self.journal.durable
    }

    /// Says how full the journal is.
    pub fn set_pressure(&mut self, pressure: Pressure) {
        self.pressure = pressure;
    }
}
