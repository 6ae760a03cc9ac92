//! A shard's state on its way to disk and back: pieces of a snapshot, and records replayed over them.
//!
//! A snapshot is fuzzy: the shard goes on between two pieces. Each piece is exact as of one record, its `lsn`, and replay applies
//! a record to an account only if that account's piece does not hold it already. So a payment whose sender was written down
//! after it and whose recipient before it is completed, not applied twice.

use super::Shard;
use crate::arena::{NO_ORDER, Slot};
use crate::credit::{Credit, Incoming, Outgoing};
use crate::journal::record::{BadRecord, Record, RecordNumber};
use crate::journal::snapshot::{OutgoingTail, SNAPSHOT_CHUNK_SLOTS, ShardTail, SlotImage};
use crate::types::{Address, Amount, Balance, Digest, Sequence, ShardIndex};
use quittance_net::frame::{I128, OrderBody, RECIPIENT_ACCOUNT, U64};

/// What a shard knows while it recovers.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// The record as of which each piece of the snapshot is exact; piece i holds slots from i times its size.
    chunk_lsns: Vec<RecordNumber>,
    /// Slots that came from the snapshot; later ones come from records.
    slot_count: usize,
    /// The record as of which credits between shards and redemptions are exact.
    tail_lsn: RecordNumber,
    /// The last record replayed, or the one before the first to come.
    last: RecordNumber,
    /// Accounts of the block being replayed, and their hashes: kept for their memory.
    addresses: Vec<Address>,
    hashes: Vec<u64>,
}

/// Why a shard cannot be recovered: the disk holds something that no authority of this kind can have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Not a record.
    #[error("record {} is damaged", .0.0)]
    BadRecord(RecordNumber),
    /// A record does not fit the state that those before it left.
    #[error("record {} contradicts the records before it: {what}", number.0)]
    Contradiction {
        /// The record.
        number: RecordNumber,
        /// What does not fit.
        what: &'static str,
    },
    /// The arena is smaller than the accounts on disk.
    #[error("more accounts are on disk than --accounts-max allows for; raise it")]
    TooManyAccounts,
    /// The snapshot holds a record that the journal does not.
    #[error("the snapshot reaches to record {} and the journal ends at {}: records are lost", snapshot.0, journal.0)]
    JournalTooShort {
        /// The last record in the snapshot.
        snapshot: RecordNumber,
        /// The last record in the journal.
        journal: RecordNumber,
    },
}

impl Shard {
    /// The next piece of a snapshot: up to [`SNAPSHOT_CHUNK_SLOTS`] accounts from slot `cursor` on, which it moves. `into` is
    /// cleared. Returns the record as of which they are exact; `None` if there are no more.
    pub fn snapshot_chunk(&self, cursor: &mut usize, into: &mut Vec<SlotImage>) -> Option<RecordNumber> {
        into.clear();
        into.extend(self.arena.slots().skip(*cursor).take(SNAPSHOT_CHUNK_SLOTS).map(image));
        *cursor += into.len();
        (!into.is_empty()).then_some(self.journal.made())
    }

    /// The last piece of a snapshot, and the record as of which it is exact.
    pub fn snapshot_tail(&self) -> (RecordNumber, ShardTail) {
        let outgoing = self.outgoing.iter().map(|outgoing| OutgoingTail {
            last_number: outgoing.last_number(),
            peer_has_room: outgoing.peer_has_room(),
            credits: outgoing.unacknowledged().copied().collect(),
        });
        let tail = ShardTail {
            redeemed: self.redeemed,
            incoming: self.incoming.iter().map(Incoming::last_number).collect(),
            outgoing: outgoing.collect(),
        };
        (self.journal.made(), tail)
    }

    /// Begins recovery of a shard into which genesis was paid, or nothing if a snapshot follows. `before` is the record
    /// before the first that will be replayed.
    pub fn begin_recovery(&mut self, before: RecordNumber) {
        self.recovery = Some(Recovery { last: before, ..Recovery::default() });
    }

    /// Takes a piece of the snapshot, in the order in which they were written, before any record.
    ///
    /// # Errors
    /// [`ReplayError::TooManyAccounts`].
    pub fn restore_chunk(&mut self, lsn: RecordNumber, images: &[SlotImage]) -> Result<(), ReplayError> {
        let mut hashes = core::mem::take(&mut self.recovering().hashes);
        self.arena.warm(images.iter().map(|image| &image.address), &mut hashes);
        self.recovering().hashes = hashes;
        for image in images {
            let slot = self.arena.find_or_insert(&image.address).map_err(|_| ReplayError::TooManyAccounts)?;
            let account = self.arena.slot_mut(slot);
            account.balance = Balance(image.balance.get());
            account.next_sequence = Sequence(image.next_sequence.get());
            account.pending = image.pending;
            account.last_confirmed = image.last_confirmed;
        }
        let slot_count = self.arena.len();
        let recovery = self.recovering();
        recovery.chunk_lsns.push(lsn);
        recovery.slot_count = slot_count;
        Ok(())
    }

    /// Takes the snapshot's last piece.
    ///
    /// # Errors
    /// [`ReplayError::Contradiction`] if it is of another number of shards.
    pub fn restore_tail(&mut self, lsn: RecordNumber, tail: ShardTail) -> Result<(), ReplayError> {
        let count = usize::from(self.shard_count);
        if tail.incoming.len() != count || tail.outgoing.len() != count {
            return Err(ReplayError::Contradiction {
                number: lsn,
                what: "the snapshot is of another number of shards",
            });
        }
        self.redeemed = tail.redeemed;
        self.incoming = tail.incoming.into_iter().map(Incoming::restored).collect();
        self.outgoing = tail
            .outgoing
            .into_iter()
            .map(|link| Outgoing::restored(link.last_number, link.peer_has_room, link.credits.into_iter()))
            .collect();
        self.recovering().tail_lsn = lsn;
        Ok(())
    }

    /// Replays a block's records.
    ///
    /// # Errors
    /// See [`ReplayError`]; the shard is then of no use.
    pub fn replay(&mut self, mut records: &[u8]) -> Result<(), ReplayError> {
        self.warm(records);
        while !records.is_empty() {
            let number = self.recovering().last.next();
            let (record, rest) = Record::decode(records).map_err(|BadRecord| ReplayError::BadRecord(number))?;
            self.replay_one(number, &record)?;
            self.recovering().last = number;
            records = rest;
        }
        Ok(())
    }

    /// Ends recovery: records go on after the last one replayed.
    ///
    /// # Errors
    /// [`ReplayError::JournalTooShort`].
    pub fn finish_recovery(&mut self) -> Result<(), ReplayError> {
        let recovery = self.recovery.take().expect("recovery was begun");
        let snapshot = recovery.chunk_lsns.iter().copied().max().unwrap_or_default().max(recovery.tail_lsn);
        if recovery.last < snapshot {
            return Err(ReplayError::JournalTooShort { snapshot, journal: recovery.last });
        }
        self.journal.resume(recovery.last);
        Ok(())
    }

    /// BLAKE3 of all accounts in the order of their addresses, and of what was redeemed. The same for the same state, however
    /// it came about.
    pub fn state_digest(&self) -> Digest {
        let mut images: Vec<SlotImage> = self.arena.slots().map(image).collect();
        images.sort_unstable_by_key(|image| image.address);
        let mut hasher = blake3::Hasher::new();
        hasher.update(bytemuck::cast_slice(&images));
        hasher.update(&self.redeemed.to_le_bytes());
        *hasher.finalize().as_bytes()
    }

    /// Touches the accounts of these records all together: one by one, each would wait for memory.
    fn warm(&mut self, mut records: &[u8]) {
        let recovery = self.recovering();
        let (mut addresses, mut hashes) =
            (core::mem::take(&mut recovery.addresses), core::mem::take(&mut recovery.hashes));
        addresses.clear();
        // What is no record is found when it is replayed.
        while let Ok((record, rest)) = Record::decode(records) {
            match record {
                Record::Vote { sender, .. } => addresses.push(sender),
                Record::Confirm { body, .. } => addresses.extend([body.sender, body.recipient]),
                Record::Credit { credit, .. } => addresses.push(credit.recipient),
                Record::Ack { .. } => {}
            }
            records = rest;
        }
        self.arena.warm(addresses.iter(), &mut hashes);
        let recovery = self.recovering();
        (recovery.addresses, recovery.hashes) = (addresses, hashes);
    }

    fn recovering(&mut self) -> &mut Recovery {
        self.recovery.as_mut().expect("recovery was begun and is not finished")
    }

    fn replay_one(&mut self, number: RecordNumber, record: &Record) -> Result<(), ReplayError> {
        let contradiction = |what| ReplayError::Contradiction { number, what };
        match record {
            Record::Vote { sender, sequence, digest } => {
                let slot = self.arena.find(sender).ok_or(contradiction("a vote for an unknown account"))?;
                if self.is_news(number, slot.0) {
                    let account = self.arena.slot_mut(slot);
                    if account.next_sequence != *sequence || account.pending().is_some() {
                        return Err(contradiction("a second vote, or one for another sequence number"));
                    }
                    account.pending = *digest;
                }
            }
            Record::Confirm { body, digest, credit_number } => {
                self.replay_confirm(number, body, digest, *credit_number)?
            }
            Record::Credit { source, credit } => self.replay_credit(number, *source, credit)?,
            Record::Ack { destination, ack } => {
                if number > self.recovering().tail_lsn {
                    let outgoing = self.outgoing.get_mut(destination.index());
                    let outgoing = outgoing.ok_or(contradiction("an acknowledgement of a shard that is not there"))?;
                    outgoing
                        .acknowledge(*ack)
                        .map_err(|_| contradiction("an acknowledgement of a credit never made"))?;
                }
            }
        }
        Ok(())
    }

    fn replay_confirm(
        &mut self,
        number: RecordNumber,
        body: &OrderBody,
        digest: &Digest,
        credit_number: u64,
    ) -> Result<(), ReplayError> {
        let contradiction = |what| ReplayError::Contradiction { number, what };
        let amount = Amount(body.amount.get());
        let slot = self.arena.find_or_insert(&body.sender).map_err(|_| ReplayError::TooManyAccounts)?;
        if self.is_news(number, slot.0) {
            if self.slot(slot).next_sequence != Sequence(body.sequence.get()) {
                return Err(contradiction("a payment out of its sender's order"));
            }
            self.debit(slot, body, *digest);
        }
        let owner = self.owner_of(&body.recipient);
        if body.recipient_kind == RECIPIENT_ACCOUNT && owner == self.shard {
            return self.replay_into(number, &body.recipient, amount);
        }
        if number <= self.recovering().tail_lsn {
            return Ok(());
        }
        if body.recipient_kind != RECIPIENT_ACCOUNT {
            self.redeemed += u128::from(amount.0);
            return Ok(());
        }
        let outgoing = &mut self.outgoing[owner.index()];
        if outgoing.next_number() != credit_number || !outgoing.has_room() {
            return Err(contradiction("a credit to another shard out of order"));
        }
        outgoing.add(number, body.recipient, amount);
        Ok(())
    }

    fn replay_credit(&mut self, number: RecordNumber, source: ShardIndex, credit: &Credit) -> Result<(), ReplayError> {
        let contradiction = |what| ReplayError::Contradiction { number, what };
        self.replay_into(number, &credit.recipient, credit.amount)?;
        if number <= self.recovering().tail_lsn {
            return Ok(());
        }
        let incoming = self.incoming.get_mut(source.index()).ok_or(contradiction("a credit of no shard"))?;
        if !incoming.is_next(credit.number) {
            return Err(contradiction("a credit of another shard out of order"));
        }
        *incoming = Incoming::restored(credit.number);
        Ok(())
    }

    fn replay_into(&mut self, number: RecordNumber, recipient: &Address, amount: Amount) -> Result<(), ReplayError> {
        let slot = self.arena.find_or_insert(recipient).map_err(|_| ReplayError::TooManyAccounts)?;
        if self.is_news(number, slot.0) {
            self.credit(recipient, amount);
        }
        Ok(())
    }

    /// Whether the snapshot's piece with this slot does not hold this record.
    fn is_news(&mut self, number: RecordNumber, slot: u32) -> bool {
        let slot = slot as usize;
        let recovery = self.recovering();
        slot >= recovery.slot_count || number > recovery.chunk_lsns[slot / SNAPSHOT_CHUNK_SLOTS]
    }
}

fn image(slot: &Slot) -> SlotImage {
    SlotImage {
        address: slot.address,
        balance: I128::new(slot.balance.0),
        next_sequence: U64::new(slot.next_sequence.0),
        pending: slot.pending().copied().unwrap_or(NO_ORDER),
        last_confirmed: slot.last_confirmed,
    }
}
