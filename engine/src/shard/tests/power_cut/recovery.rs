//! Coming back after a power cut: [`read_back()`] on the simulated disks, and both copies made alike before anything else.

use super::Mutant;
use super::disk::{Disk, Name};
use super::machine::{History, REGION_BYTES, Running, Stop, config, shard_index};
use super::outside::{Ground, SHARD_COUNT};
use crate::history::entry::{Entry, split_first};
use crate::journal::block::{self, BlockHeader};
use crate::journal::identity::{Identity, JournalKey, Superblock};
use crate::journal::ring::{Placed, Position};
use crate::journal::scan::{Image, Invalidate, Repair, Scan, ScanError, Step};
use crate::journal::snapshot::{Decoder, Item, SnapshotError, SnapshotHeader};
use crate::journal::{PAGE_BYTES, RecordNumber};
use crate::keeper::{Journal, Keeper, ReadBack, ReadBackError, Refusal, Source, Witness, read_back, snapshot_order};
use crate::shard::{ReplayError, Shard};
use crate::shard_range::ShardRange;
use crate::types::Amount;
use std::cell::RefCell;

/// Whose journal this is.
pub(super) fn superblock(ground: &Ground) -> Superblock {
    let identity = Identity {
        network: ground.world.network,
        authority_key: ground.world.secrets[0].public_key_bytes(),
        shard_count: ground.world.shard_count,
    };
    let shards = ShardRange::all(identity.shard_count);
    Superblock { identity, shards, region_bytes: REGION_BYTES, copy: 0, created: [4; 16] }
}

/// A recovery under way.
pub(super) struct Recovery<'a> {
    pub(super) ground: &'a Ground,
    pub(super) disk: &'a mut Disk,
    pub(super) history: &'a History,
    pub(super) mutant: Option<Mutant>,
    pub(super) boot_id: u64,
    pub(super) seen: &'a mut Seen,
}

/// What happened in recoveries.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) cuts: usize,
    pub(super) cuts_in_recovery: usize,
    pub(super) repairs: usize,
    pub(super) faults: usize,
    pub(super) snapshots_used: usize,
    pub(super) snapshots_refused: usize,
    pub(super) turns: usize,
    pub(super) replies: usize,
    pub(super) refused: usize,
    pub(super) entries_with_votes: usize,
    pub(super) stubs: usize,
}

impl Recovery<'_> {
    /// Both shards, ready to go on.
    pub(super) fn recover(mut self) -> Result<Vec<Running>, Stop> {
        for copy in 0..2 {
            self.disk.sync(copy, Name::Journal)?;
            for shard in 0..SHARD_COUNT {
                for turn in 0..2 {
                    self.disk.remove(copy, Name::Unfinished(shard, turn))?;
                }
            }
            self.disk.sync_directory(copy)?;
        }
        (0..SHARD_COUNT).map(|shard| self.recover_shard(shard)).collect()
    }

    fn recover_shard(&mut self, index: usize) -> Result<Running, Stop> {
        let superblock = superblock(self.ground);
        let key = JournalKey::derive(self.ground.world.secrets[0].seed(), &superblock.created);
        let journal = Journal { superblock, key: key.clone(), copy_count: 2 };
        let config = config(self.ground, index);
        let region_start = usize::try_from(superblock.region_start(config.shard)).unwrap();
        let (disk, mutant) = (RefCell::new(&mut *self.disk), self.mutant);
        let mut files = Files { disk: &disk, index, region_start, mutant };
        let mut mender =
            Mender { files, history: &self.history[index], seen: self.seen, blocks: Vec::new(), snapshot: None };
        let mut shard = Shard::new(config.clone());
        let fund = |shard: &mut Shard| {
            fund(self.ground, index, shard);
            Ok(())
        };
        let read = match read_back(&journal, &mut files, &mut mender, &config, &mut shard, fund) {
            Err(ReadBackError::Refused(Refusal::Scan(ScanError::DurableBlockLost { block, .. })))
                if mutant == Some(Mutant::Resync) =>
            {
                resync(&journal, &mut mender, &mut shard, block)?
            }
            Err(ReadBackError::Refused(refusal)) => return Err(refused(index, &refusal.to_string())),
            Err(ReadBackError::Machine(stop)) => return Err(stop),
            Ok(read) => read,
        };
        mender.mend_snapshot()?;
        let blocks = mender.blocks;
        let boot = (self.boot_id, self.ground.world.committee.epoch());
        let ReadBack { tail, head, snapshot_number, .. } = read;
        // Only mutants find no room.
        let keeper = Keeper::resume(&superblock, config.shard, key, boot, (tail, head), snapshot_number)
            .map_err(|fault| refused(index, &fault.to_string()))?;
        for destination in 0..SHARD_COUNT {
            shard.resend_credits(shard_index(destination));
        }
        Ok(Running::new(index, shard, keeper, blocks, mutant))
    }
}

/// A mutant's way: goes on at the first header that it finds behind a block that is lost, whatever the records then say.
fn resync(journal: &Journal, mender: &mut Mender<'_, '_>, shard: &mut Shard, lost: u64) -> Result<ReadBack, Stop> {
    let (mut files, identity) = (mender.files, journal.superblock.identity);
    let shard_identity = identity.of_shard(shard_index(files.index));
    let mut region = vec![0; usize::try_from(REGION_BYTES).unwrap()];
    let mut headers: Vec<BlockHeader> = Vec::new();
    for copy in 0..2 {
        files.read(copy, 0, &mut region)?;
        let pages = region.chunks_exact(PAGE_BYTES);
        headers.extend(pages.filter_map(|page| block::authenticate(page, &shard_identity, &journal.key).ok()));
    }
    let next = headers.iter().filter(|header| header.block > lost).min_by_key(|header| header.block);
    let next = next.expect("a block behind it was the proof that it is lost");
    let record = RecordNumber(next.first_record.0 - 1);
    let start = Position { block: next.block, offset: next.offset, chain: next.chain, record };
    let mut scan = Scan::new(shard_identity, journal.key.clone(), REGION_BYTES, 2, start).expect("a block was there");
    let invalidate = loop {
        match scan.step(&mut files).map_err(|fault| refused(files.index, &format!("{fault:?}")))? {
            Step::Block { header, records, repair } => {
                mender.block(&header, records, repair.as_ref())?;
                _ = shard.replay(records);
            }
            Step::End { invalidate } => break invalidate,
        }
    };
    if let Err(ReplayError::JournalTooShort { .. }) = shard.finish_recovery() {
        return Err(Stop::Wrong("the resync lost what the snapshot holds".to_owned()));
    }
    mender.end(&invalidate)?;
    let genesis = (Position::genesis(&identity, shard_identity.shard), 0);
    let (tail, snapshot_number) = mender.snapshot.map_or(genesis, |(_, header)| (header.start, header.number));
    Ok(ReadBack { head: scan.position(), tail, snapshot_number, blocks: 0, records: 0, bytes: 0 })
}

/// A shard's region and snapshots in both copies.
#[derive(Clone, Copy)]
struct Files<'a, 'b> {
    disk: &'a RefCell<&'b mut Disk>,
    index: usize,
    region_start: usize,
    mutant: Option<Mutant>,
}

/// A snapshot's copy, its name, and what its first page says.
type Candidate = (usize, Name, Result<SnapshotHeader, SnapshotError>);

impl Image for Files<'_, '_> {
    type Error = Stop;

    fn read(&mut self, copy: u8, offset: u64, into: &mut [u8]) -> Result<(), Stop> {
        let disk = self.disk.borrow();
        let file = disk.read(copy.into(), Name::Journal).expect("it is always there");
        into.copy_from_slice(&file[self.region_start + usize::try_from(offset).unwrap()..][..into.len()]);
        Ok(())
    }
}

impl Source for Files<'_, '_> {
    type Candidate = Candidate;
    type Damage = SnapshotError;

    fn candidates(&mut self, decoder: &dyn Fn() -> Decoder) -> Result<Vec<Candidate>, Stop> {
        let (disk, mut candidates) = (self.disk.borrow(), Vec::new());
        for copy in 0..2 {
            for name in [0, 1].map(|turn| Name::Snapshot(self.index, turn)) {
                candidates.extend(disk.read(copy, name).map(|file| (copy, name, header(file, decoder()))));
            }
        }
        candidates.sort_by_key(|(copy, _, header)| snapshot_order(header.as_ref().ok(), *copy));
        Ok(candidates)
    }

    fn header((_, _, header): &Candidate) -> Result<SnapshotHeader, SnapshotError> {
        *header
    }

    fn load(
        &mut self,
        (copy, name, header): &Candidate,
        mut decoder: Decoder,
        each: &mut dyn FnMut(Item<'_>),
    ) -> Result<Result<(), SnapshotError>, Stop> {
        decoder.push(self.disk.borrow().read(*copy, *name).expect("it was read before"));
        loop {
            match decoder.item() {
                Ok(Some(Item::Tail { tail, .. })) if self.mutant == Some(Mutant::TailWithoutGate) => {
                    let lsn = header.expect("it is good").start.record;
                    each(Item::Tail { lsn, tail });
                }
                Ok(Some(item)) => each(item),
                Ok(None) => return Ok(decoder.finish().map(drop)),
                Err(fault) => return Ok(Err(fault)),
            }
        }
    }
}

fn header(file: &[u8], mut decoder: Decoder) -> Result<SnapshotHeader, SnapshotError> {
    decoder.push(file.get(..PAGE_BYTES).ok_or(SnapshotError::Incomplete)?);
    match decoder.item()? {
        Some(Item::Header(header)) => Ok(header),
        _ => Err(SnapshotError::Damaged),
    }
}

/// Mends the copies while they are read, and holds what is read against what was sealed.
struct Mender<'a, 'b> {
    files: Files<'a, 'b>,
    history: &'a [Vec<u8>],
    seen: &'a mut Seen,
    blocks: Vec<Placed>,
    /// What is in use, and in which copy.
    snapshot: Option<(usize, SnapshotHeader)>,
}

impl Witness for Mender<'_, '_> {
    type Error = Stop;
    type Candidate = Candidate;
    type Damage = SnapshotError;

    fn snapshot(&mut self, (copy, _, header): &Candidate, damage: Option<&SnapshotError>) -> Result<(), Stop> {
        match (damage, header) {
            (None, Ok(header)) => {
                self.snapshot = Some((*copy, *header));
                self.seen.snapshots_used += 1;
            }
            _ => self.seen.snapshots_refused += 1,
        }
        Ok(())
    }

    fn block(&mut self, header: &BlockHeader, records: &[u8], repair: Option<&Repair<'_>>) -> Result<(), Stop> {
        let (index, first) = (self.files.index, usize::try_from(header.first_record.0).unwrap() - 1);
        let sealed = self.history.get(first..first + header.record_count as usize);
        if sealed.map(<[_]>::concat).as_deref() != Some(records) {
            return Err(Stop::Wrong(format!("shard {index}: block {} is not what was sealed", header.block)));
        }
        let (offset, bytes) = (header.offset, header.block_bytes());
        self.blocks.push(Placed { offset, bytes, block: header.block, last_record: header.last_record() });
        if let Some(repair) = repair {
            self.seen.repairs += 1;
            let offset = self.files.region_start + usize::try_from(repair.offset).unwrap();
            self.files.disk.borrow_mut().write(repair.copy.into(), Name::Journal, offset, repair.bytes)?;
        }
        Ok(())
    }

    /// Makes the entries again that the disk has not got.
    fn history(&mut self, stubs: &[u8]) -> Result<(), Stop> {
        if self.files.mutant == Some(Mutant::NoStubs) {
            return Ok(());
        }
        let (mut rest, name) = (stubs, Name::History(self.files.index));
        while let Some((stub, bytes, after)) = split_first(rest) {
            rest = after;
            let mut disk = self.files.disk.borrow_mut();
            let offset = usize::try_from(stub.position).unwrap();
            let found = disk.read(0, name).and_then(|file| Entry::decode(stub.position, file.get(offset..)?));
            if !found.is_some_and(|found| stub.is_same(&found)) {
                disk.write(0, name, offset, bytes)?;
            }
        }
        Ok(())
    }

    fn unreadable(&mut self, _: usize, _: u64) {}

    /// Wipes the place where the journal ends, and syncs that and all repairs.
    fn end(&mut self, invalidate: &Invalidate) -> Result<(), Stop> {
        let offset = self.files.region_start + usize::try_from(invalidate.offset).unwrap();
        let mut disk = self.files.disk.borrow_mut();
        for copy in (0..2).filter(|_| self.files.mutant != Some(Mutant::NoWipe)) {
            disk.write(copy, Name::Journal, offset, &vec![0; invalidate.bytes])?;
        }
        for copy in (0..2).filter(|_| self.files.mutant != Some(Mutant::RepairsNotSynced)) {
            disk.sync(copy, Name::Journal)?;
        }
        if self.files.mutant != Some(Mutant::StubsNotSynced) {
            disk.sync(0, Name::History(self.files.index))?;
        }
        Ok(())
    }
}

impl Mender<'_, '_> {
    /// Puts the snapshot in use into the other copy's directory, if that lacks it.
    fn mend_snapshot(&self) -> Result<(), Stop> {
        let Some((from, header)) = self.snapshot else { return Ok(()) };
        let (index, turn, to) = (self.files.index, header.number % 2, 1 - from);
        let (name, unfinished) = (Name::Snapshot(index, turn), Name::Unfinished(index, turn));
        let mut disk = self.files.disk.borrow_mut();
        let bytes = disk.read(from, name).expect("it was read before").to_vec();
        if disk.read(to, name) == Some(&bytes) {
            return Ok(());
        }
        disk.create(to, unfinished)?;
        disk.write(to, unfinished, 0, &bytes)?;
        disk.sync(to, unfinished)?;
        disk.rename(to, unfinished, name)?;
        disk.sync_directory(to)?;
        Ok(())
    }
}

/// Pays the genesis file's openings out.
pub(super) fn fund(ground: &Ground, index: usize, shard: &mut Shard) {
    for (address, amount) in ground.openings(index) {
        shard.fund(address, Amount(amount)).expect("there is room, and each is there once");
    }
}

/// How a refusal to start begins.
pub(super) const REFUSED: &str = "refused to start";

fn refused(shard: usize, why: &str) -> Stop {
    Stop::Wrong(format!("{REFUSED}: shard {shard}: {why}"))
}
