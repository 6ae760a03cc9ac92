//! What the durable records of a shard say, kept from what it sealed and from nothing that it believes.

use quittance_engine::journal::RecordNumber;
use quittance_engine::journal::record::Record;
use quittance_engine::types::{Address, Digest};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// See the module's docs.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Sealed and not durable.
    open: VecDeque<(RecordNumber, Vec<u8>)>,
    /// All that was sealed.
    pub(crate) sealed: Vec<u8>,
    /// The order voted for, by sender and sequence number, durable or not.
    voted: BTreeMap<(Address, u64), Digest>,
    /// Votes that are durable.
    pub(crate) votes: BTreeSet<Digest>,
    /// Payments that are durable.
    pub(crate) confirmed: BTreeSet<Digest>,
    /// By account: the next sequence number, by durable payments.
    pub(crate) next: BTreeMap<Address, u64>,
    /// The last credit made, and the last one applied, durably.
    pub(crate) made: u64,
    pub(crate) applied: u64,
}

impl Ledger {
    /// Records left the shard for the disk.
    pub(crate) fn seal(&mut self, last: RecordNumber, records: &[u8]) {
        let mut rest = records;
        while !rest.is_empty() {
            let (record, behind) = Record::decode(rest).expect("a shard seals whole records");
            if let Record::Vote { sender, sequence, digest } = record {
                let before = self.voted.insert((sender, sequence.0), digest);
                assert!(before.is_none_or(|before| before == digest), "two votes for one sequence number");
            }
            rest = behind;
        }
        self.sealed.extend_from_slice(records);
        self.open.push_back((last, records.to_vec()));
    }

    /// The oldest of them reached the disk. Returns up to which record.
    pub(crate) fn sync(&mut self) -> Option<RecordNumber> {
        let (last, records) = self.open.pop_front()?;
        let mut rest = &records[..];
        while let Ok((record, behind)) = Record::decode(rest) {
            match record {
                Record::Vote { digest, .. } => _ = self.votes.insert(digest),
                Record::Confirm { body, digest, credit_number, .. } => {
                    self.confirmed.insert(digest);
                    self.next.insert(body.sender, body.sequence.get() + 1);
                    self.made = self.made.max(credit_number);
                }
                Record::Credit { credit, .. } => self.applied = credit.number,
                Record::Ack { .. } => {}
            }
            rest = behind;
        }
        Some(last)
    }
}
