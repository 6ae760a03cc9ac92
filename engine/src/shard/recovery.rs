//! A shard's state on its way to disk and back: pieces of a snapshot, and records replayed over them.
//!
//! A snapshot is fuzzy: the shard goes on between two pieces. Each piece is exact as of one record, its `lsn`, and replay applies
//! a record to an account only if that account's piece does not hold it already. So a payment whose sender was written down
//! after it and whose recipient before it is completed, not applied twice.

use super::Shard;
use crate::arena::{NO_ORDER, Slot, SlotIndex};
use crate::credit::{Credit, Incoming, Outgoing};
use crate::history::entry::{Content, CreditEntry, ENTRY_BYTES_MAX, Entry};
use crate::history::{HistoryHead, segment_end};
use crate::journal::record::{BadRecord, Record, RecordNumber};
use crate::journal::snapshot::{OutgoingTail, SNAPSHOT_CHUNK_SLOTS, ShardTail, SlotImage};
use crate::mutant::Mutant;
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
    /// The last entry of the history that a record names; 0 if none does.
    last_position: u64,
    /// Entries made again from records.
    stubs: Vec<u8>,
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
        into.extend(self.arena.slots_and_heads().skip(*cursor).take(SNAPSHOT_CHUNK_SLOTS).map(image));
        if self.planted.is(Mutant::SnapshotWithoutPending) {
            into.iter_mut().for_each(|image| image.pending = NO_ORDER);
        }
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
            history_end: self.history.end(),
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
            *self.arena.head_mut(slot) = HistoryHead { sent: image.sent.get(), received: image.received.get() };
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
        self.history.resume(tail.history_end);
        self.incoming = tail.incoming.into_iter().map(Incoming::restored).collect();
        self.outgoing = tail
            .outgoing
            .into_iter()
            .map(|link| Outgoing::restored(link.last_number, link.peer_has_room, link.credits.into_iter()))
            .map(|outgoing| outgoing.limited_to(self.tables.credits_unacknowledged))
            .collect();
        let is_replayed_twice = self.planted.is(Mutant::TailReplayedTwice);
        let recovery = self.recovering();
        recovery.tail_lsn = if is_replayed_twice { recovery.last } else { lsn };
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
        if recovery.last_position > 0 {
            // Its votes may be there, or not: no record says how long it is.
            let after = recovery.last_position + ENTRY_BYTES_MAX as u64;
            self.history.resume(after.min(segment_end(recovery.last_position)));
        }
        #[cfg(feature = "mutants")]
        if self.planted.is(Mutant::NoResend) {
            self.outgoing.iter_mut().for_each(Outgoing::skip_unacknowledged);
        }
        Ok(())
    }

    /// Entries of the history made again from the records replayed since the last call, in order, without gaps and without
    /// their certificates' votes ([`split_first`](crate::history::entry::split_first)). Each is to be written at its
    /// position unless the disk holds it there already, perhaps with votes
    /// ([`Entry::is_same`](crate::history::entry::Entry::is_same)). `into` is cleared.
    ///
    /// They are those that the snapshot's last piece does not hold: the disk has the ones before.
    pub fn take_stubs(&mut self, into: &mut Vec<u8>) {
        into.clear();
        core::mem::swap(&mut self.recovering().stubs, into);
    }

    /// BLAKE3 of all accounts in the order of their addresses, and of what was redeemed. The same for the same state, however
    /// it came about; where an authority keeps its history is no part of it.
    pub fn state_digest(&self) -> Digest {
        let without = |(slot, _)| image((slot, &HistoryHead::default()));
        let mut images: Vec<SlotImage> = self.arena.slots_and_heads().map(without).collect();
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
            Record::Confirm { body, digest, credit_number, position } => {
                self.replay_confirm(number, body, digest, *credit_number, *position)?
            }
            Record::Credit { source, credit, position } => self.replay_credit(number, *source, credit, *position)?,
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
        position: u64,
    ) -> Result<(), ReplayError> {
        let contradiction = |what| ReplayError::Contradiction { number, what };
        let amount = Amount(body.amount.get());
        let slot = self.arena.find_or_insert(&body.sender).map_err(|_| ReplayError::TooManyAccounts)?;
        let owner = self.owner_of(&body.recipient);
        let is_here = body.recipient_kind == RECIPIENT_ACCOUNT && owner == self.shard;
        let recipient = is_here.then(|| self.arena.find_or_insert(&body.recipient)).transpose();
        let recipient = recipient.map_err(|_| ReplayError::TooManyAccounts)?;
        let content = Content::Payment { body, credits_here: is_here, votes: None };
        self.replay_entry(number, position, Some(slot), recipient, content)?;
        if self.is_news(number, slot.0) {
            if self.slot(slot).next_sequence != Sequence(body.sequence.get()) {
                return Err(contradiction("a payment out of its sender's order"));
            }
            self.debit(slot, body, *digest);
        }
        if let Some(recipient) = recipient {
            self.replay_into(number, recipient, amount);
            return Ok(());
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
        self.owe(number, body, position);
        Ok(())
    }

    fn replay_credit(
        &mut self,
        number: RecordNumber,
        source: ShardIndex,
        credit: &Credit,
        position: u64,
    ) -> Result<(), ReplayError> {
        let contradiction = |what| ReplayError::Contradiction { number, what };
        let recipient = self.arena.find_or_insert(&credit.recipient).map_err(|_| ReplayError::TooManyAccounts)?;
        let content = CreditEntry::new(source, credit);
        self.replay_entry(number, position, None, Some(recipient), Content::Credit(&content))?;
        self.replay_into(number, recipient, credit.amount);
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

    fn replay_into(&mut self, number: RecordNumber, recipient: SlotIndex, amount: Amount) {
        if self.is_news(number, recipient.0) {
            self.credit(recipient, amount);
        }
    }

    /// Sets the ends of the chains that the entry at this position is in, and makes it again where the snapshot's last piece
    /// does not vouch for it: all accounts are then as they were when it was made, and so are its links.
    ///
    /// # Errors
    /// [`ReplayError::Contradiction`] where they are not.
    fn replay_entry(
        &mut self,
        number: RecordNumber,
        position: u64,
        sender: Option<SlotIndex>,
        recipient: Option<SlotIndex>,
        content: Content<'_>,
    ) -> Result<(), ReplayError> {
        if position == 0 {
            return Ok(());
        }
        if number > self.recovering().tail_lsn {
            let sender_previous = sender.map_or(0, |slot| self.arena.head(slot).sent);
            let recipient_previous = recipient.map_or(0, |slot| self.arena.head(slot).received);
            if sender_previous.max(recipient_previous) >= position {
                let what = "an entry of the history lies before one that it follows";
                return Err(ReplayError::Contradiction { number, what });
            }
            let entry = Entry { position, sender_previous, recipient_previous, content };
            let keeps = self.keeps_history();
            let recovery = self.recovering();
            recovery.last_position = position;
            if keeps {
                entry.encode(&mut recovery.stubs);
            }
        }
        if let Some(slot) = sender.filter(|slot| self.is_news(number, slot.0)) {
            self.arena.head_mut(slot).sent = position;
        }
        if let Some(slot) = recipient.filter(|slot| self.is_news(number, slot.0)) {
            self.arena.head_mut(slot).received = position;
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

fn image((slot, head): (&Slot, &HistoryHead)) -> SlotImage {
    SlotImage {
        address: slot.address,
        balance: I128::new(slot.balance.0),
        next_sequence: U64::new(slot.next_sequence.0),
        pending: slot.pending().copied().unwrap_or(NO_ORDER),
        last_confirmed: slot.last_confirmed,
        sent: U64::new(head.sent),
        received: U64::new(head.received),
    }
}
