//! The journal as a run sees it: a row of records, the next number, and the file.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::changes::ledger::io_error;
use crate::changes::record::{Act, Event, Record, read_lines};
use crate::changes::{JournalError, Ledger, StateDirectory};
use crate::profile::Profile;

/// Events after which no further `apply` begins: some fifty octets to four hundred each, it is read as a whole. A run of
/// two hundred changes has four hundred.
const RECORD_COUNT_MAX: usize = 200_000;

/// The journal, open for appending.
pub struct Journal<'a> {
    ledger: Box<dyn Ledger + 'a>,
    records: Vec<Record>,
    place: String,
}

/// What a run says of itself as it begins.
#[derive(Clone, Debug)]
pub struct Opening {
    /// What it does.
    pub act: Act,
    /// For what.
    pub profile: Option<Profile>,
    /// The kernel's number for this boot.
    pub boot_id: Option<String>,
    /// The network namespace.
    pub netns: Option<String>,
    /// Seconds after which it is undone unless confirmed.
    pub confirm_within_s: Option<u64>,
}

impl<'a> Journal<'a> {
    /// Locks the directory, reads the journal and cuts off a torn last line.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(directory: &StateDirectory) -> Result<Self, JournalError> {
        let mut ledger = directory.lock()?;
        let text = directory.read()?;
        let place = directory.journal_path().display().to_string();
        let (records, length) =
            read_lines(&text).map_err(|line| JournalError::Damaged { place: place.clone(), line })?;
        if length < text.len() {
            ledger.cut(length as u64).map_err(|source| io_error(&directory.journal_path(), source))?;
        }
        Ok(Self::over(Box::new(ledger), records, place))
    }

    /// A journal over any ledger that holds these records already.
    #[must_use]
    pub fn over(ledger: Box<dyn Ledger + 'a>, records: Vec<Record>, place: String) -> Self {
        Self { ledger, records, place }
    }

    /// Every record.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Begins a run and returns its number.
    ///
    /// # Errors
    /// [`JournalError::Unconfirmed`] where a run on this boot may still undo itself; [`JournalError::Full`];
    /// [`JournalError::Io`].
    pub fn begin(&mut self, opening: Opening) -> Result<u64, JournalError> {
        if opening.act == Act::Apply {
            if self.records.len() >= RECORD_COUNT_MAX {
                return Err(JournalError::Full { place: self.place.clone() });
            }
            if let Some(run) = self.unconfirmed().filter(|run| self.boot_of(*run) == opening.boot_id.as_deref()) {
                return Err(JournalError::Unconfirmed { run });
            }
        }
        let Opening { act, profile, boot_id, netns, confirm_within_s } = opening;
        self.append(Event::Started { act, profile, boot_id, netns, confirm_within_s })
    }

    /// Appends and syncs one event; returns its number.
    ///
    /// # Errors
    /// [`JournalError::Io`]: the event may or may not be there, and nothing may be done on its strength.
    pub fn append(&mut self, event: Event) -> Result<u64, JournalError> {
        let sequence = self.records.last().map_or(1, |last| last.sequence + 1);
        let record = Record { sequence, at_unix_s: now_unix_s(), event };
        let appended = self.ledger.append(record.line().as_bytes()).and_then(|()| self.ledger.sync());
        appended.map_err(|source| self.io(source))?;
        self.records.push(record);
        Ok(sequence)
    }

    /// The run that may still undo itself, if there is one.
    #[must_use]
    pub fn unconfirmed(&self) -> Option<u64> {
        let now = now_unix_s();
        let (run, deadline) = self.records.iter().rev().find_map(|record| match record.event {
            Event::Started { confirm_within_s: Some(within_s), .. } => {
                Some((record.sequence, record.at_unix_s.saturating_add(within_s)))
            }
            _ => None,
        })?;
        (now <= deadline && !self.is_confirmed(run)).then_some(run)
    }

    /// Whether the operator confirmed this run, or had all of its namespace undone since.
    #[must_use]
    pub fn is_confirmed(&self, run: u64) -> bool {
        let mut later = self.records.iter().filter(|record| record.sequence > run);
        later.any(|record| match &record.event {
            Event::Confirmed { run: confirmed } => *confirmed == run,
            Event::Started { act: Act::Rollback, netns, .. } => netns.as_deref() == self.netns_of(run),
            _ => false,
        })
    }

    fn boot_of(&self, run: u64) -> Option<&str> {
        self.records.iter().find(|record| record.sequence == run).and_then(|record| match &record.event {
            Event::Started { boot_id, .. } => boot_id.as_deref(),
            _ => None,
        })
    }

    fn netns_of(&self, run: u64) -> Option<&str> {
        self.records.iter().find(|record| record.sequence == run).and_then(|record| match &record.event {
            Event::Started { netns, .. } => netns.as_deref(),
            _ => None,
        })
    }

    fn io(&self, source: io::Error) -> JournalError {
        JournalError::Io { place: self.place.clone(), source }
    }
}

fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
