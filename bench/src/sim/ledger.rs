//! What a shard's journal holds for certain: the records of the blocks that both disks have synced.
//!
//! It is kept from the blocks as they were handed to the disk and from the disk's own syncs. What a shard or its keeper
//! believes to be durable plays no part in it, so it can be held against what they let go.

use super::ground::Ground;
use quittance_engine::journal::RecordNumber;
use quittance_engine::journal::record::Record;
use quittance_engine::journal::snapshot::ShardTail;
use quittance_engine::shard::{ReplayError, Shard};
use quittance_engine::types::{Address, Digest};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// A block as it was sealed.
#[derive(Clone, Debug)]
struct SealedBlock {
    block: u64,
    last: RecordNumber,
    records: Rc<[u8]>,
}

/// An account, as the durable records have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its next sequence number.
    pub next: u64,
    /// The order voted for; zero if none.
    pub pending: Digest,
}

/// See the module's docs.
#[derive(Debug)]
pub struct Ledger {
    accounts: BTreeMap<Address, Standing>,
    /// By source shard: the last credit applied.
    pub incoming: Vec<u64>,
    /// By destination shard: the last credit made.
    pub outgoing: Vec<u64>,
    /// The last durable record.
    pub last: RecordNumber,
    /// Blocks that are not durable.
    open: VecDeque<SealedBlock>,
    /// Blocks that the replica lacks.
    unreplayed: VecDeque<SealedBlock>,
    /// A shard that replays from genesis whatever recovery gave back, block by block, and has no bug planted.
    replica: Shard,
    replayed: RecordNumber,
    /// By copy: blocks written and not synced.
    written: [Vec<u64>; 2],
    /// By copy: blocks synced behind one that is not.
    ahead: [BTreeSet<u64>; 2],
    /// By copy: the last block that is synced with all before it.
    synced: [u64; 2],
}

impl Ledger {
    /// Nothing but genesis, which is paid into `replica`.
    pub fn new(shard_count: u16, mut replica: Shard) -> Self {
        replica.begin_recovery(RecordNumber(0));
        let links = usize::from(shard_count);
        Self {
            accounts: BTreeMap::new(),
            incoming: vec![0; links],
            outgoing: vec![0; links],
            last: RecordNumber(0),
            open: VecDeque::new(),
            unreplayed: VecDeque::new(),
            replica,
            replayed: RecordNumber(0),
            written: [Vec::new(), Vec::new()],
            ahead: [BTreeSet::new(), BTreeSet::new()],
            synced: [0; 2],
        }
    }

    /// An account's standing.
    pub fn standing(&self, address: &Address) -> Standing {
        self.accounts.get(address).copied().unwrap_or_default()
    }

    /// A block was sealed.
    pub fn seal(&mut self, block: u64, last: RecordNumber, records: &[u8]) {
        let sealed = SealedBlock { block, last, records: records.into() };
        self.open.push_back(sealed.clone());
        self.unreplayed.push_back(sealed);
    }

    /// A copy has a block written.
    pub fn write(&mut self, copy: usize, block: u64) {
        self.written[copy].push(block);
    }

    /// A copy has synced everything written to it.
    pub fn sync(&mut self, copy: usize, ground: &Ground, authority: usize) {
        let (ahead, synced) = (&mut self.ahead[copy], &mut self.synced[copy]);
        ahead.extend(self.written[copy].drain(..));
        while ahead.remove(&(*synced + 1)) {
            *synced += 1;
        }
        let durable = self.synced[0].min(self.synced[1]);
        while let Some(sealed) = self.open.pop_front_if(|sealed| sealed.block <= durable) {
            self.apply(&sealed, ground, authority);
        }
    }

    /// Recovery gave records back, up to this block and this record: nothing behind them is left on any disk. A copy has all
    /// of it for certain if nothing written to it waits to be synced. Compares with the replica.
    ///
    /// # Errors
    /// What is wrong.
    pub fn recover(
        &mut self,
        (block, last): (u64, RecordNumber),
        is_synced: [bool; 2],
        shard: &Shard,
        (ground, authority): (&Ground, usize),
    ) -> Result<(), String> {
        self.check(last)?;
        self.unreplayed.retain(|sealed| sealed.block <= block);
        while let Some(sealed) = self.unreplayed.pop_front() {
            self.replica.replay(&sealed.records).map_err(|fault| format!("what was sealed makes no sense: {fault}"))?;
            self.replayed = sealed.last;
        }
        self.open.retain(|sealed| sealed.block <= block);
        for (copy, is_synced) in is_synced.into_iter().enumerate() {
            self.ahead[copy].clear();
            self.written[copy] = (self.synced[copy] + 1..=block).collect();
            self.synced[copy] = self.synced[copy].min(block);
            if is_synced {
                self.sync(copy, ground, authority);
            }
        }
        if self.replayed != last {
            return Err(format!("{} records were read back, of which {} were ever sealed", last.0, self.replayed.0));
        }
        same_state(&self.replica, shard, last)
    }

    /// What would be read back if the power went now: all that was durable, and the state that the records up to `last` make.
    /// `blank` is a shard like `recovered`, without accounts. Nothing here changes.
    ///
    /// # Errors
    /// What is wrong.
    pub fn compare(&self, last: RecordNumber, recovered: &Shard, mut blank: Shard) -> Result<(), String> {
        self.check(last)?;
        let wrong = |fault: ReplayError| format!("what was sealed makes no sense: {fault}");
        blank.begin_recovery(self.replayed);
        let (mut cursor, mut images) = (0, Vec::new());
        while self.replica.snapshot_chunk(&mut cursor, &mut images).is_some() {
            blank.restore_chunk(self.replayed, &images).map_err(wrong)?;
        }
        blank.restore_tail(self.replayed, self.replica.snapshot_tail().1).map_err(wrong)?;
        let mut replayed = self.replayed;
        for sealed in self.unreplayed.iter().take_while(|sealed| sealed.last <= last) {
            blank.replay(&sealed.records).map_err(wrong)?;
            replayed = sealed.last;
        }
        if replayed != last {
            return Err(format!("{} records are read back, and blocks end at {}", last.0, replayed.0));
        }
        same_state(&blank, recovered, last)
    }

    /// Whether records that are read back include all that were durable.
    ///
    /// # Errors
    /// They do not.
    pub fn check(&self, last: RecordNumber) -> Result<(), String> {
        if last < self.last {
            return Err(format!("{} records were durable, and {} are read back", self.last.0, last.0));
        }
        Ok(())
    }

    fn apply(&mut self, sealed: &SealedBlock, ground: &Ground, authority: usize) {
        let mut records = &*sealed.records;
        while let Ok((record, rest)) = Record::decode(records) {
            match record {
                Record::Vote { sender, digest, .. } => self.accounts.entry(sender).or_default().pending = digest,
                Record::Confirm { body, credit_number, .. } => {
                    let next = body.sequence.get() + 1;
                    self.accounts.insert(body.sender, Standing { next, pending: [0; 32] });
                    if credit_number > 0 {
                        self.outgoing[ground.shard_of(authority, &body.recipient).index()] = credit_number;
                    }
                }
                Record::Credit { source, credit, .. } => self.incoming[source.index()] = credit.number,
                Record::Ack { .. } => {}
            }
            records = rest;
        }
        self.last = sealed.last;
    }
}

/// Whether a shard that came back is what its first records make.
fn same_state(replica: &Shard, shard: &Shard, last: RecordNumber) -> Result<(), String> {
    if replica.state_digest() != shard.state_digest() {
        return Err(format!("the state that was read back is not that of the first {} records", last.0));
    }
    // Only the one that came back knows where its history goes on.
    let links = |shard: &Shard| ShardTail { history_end: 0, ..shard.snapshot_tail().1 };
    if links(replica) != links(shard) {
        return Err(format!("the links that were read back are not those of the first {} records", last.0));
    }
    Ok(())
}
