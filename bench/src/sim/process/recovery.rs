//! Coming back: the engine's own reading on the simulated disks, and both copies made alike before anything else.

use super::super::disk::{Disk, Name, Stopped};
use super::super::faults::Faults;
use super::history::Segments;
use super::{Process, Stop};
use core::cell::RefCell;
use quittance_engine::journal::PAGE_BYTES;
use quittance_engine::journal::block::BlockHeader;
use quittance_engine::journal::identity::{JournalKey, Superblock};
use quittance_engine::journal::scan::{Image, Invalidate, Repair};
use quittance_engine::journal::snapshot::{Decoder, Item, SnapshotError, SnapshotHeader};
use quittance_engine::keeper::{Journal, Keeper, ReadBack, ReadBackError, Source, Witness, read_back, snapshot_order};
use quittance_engine::mutant::Mutant;
use quittance_engine::shard::Shard;
use quittance_engine::types::ShardIndex;

/// A shard, ready to go on.
pub(super) struct Recovered {
    pub(super) shard: Shard,
    pub(super) keeper: Keeper,
}

/// Reads an authority back from these disks, which are its own or a copy of them.
pub(super) fn recover(process: &Process, disk: &mut Disk, faults: &mut Faults) -> Result<Vec<Recovered>, Stop> {
    for copy in 0..2 {
        if !process.is(Mutant::NoSyncBeforeRead) {
            disk.sync(copy, Name::Journal)?;
        }
        for name in process.shards.iter().flat_map(|shard| [0, 1].map(|turn| Name::Unfinished(shard.0, turn))) {
            if disk.length(copy, name).is_some() {
                disk.remove(copy, name)?;
            }
        }
        disk.sync_directory(copy)?;
    }
    process.shards.iter().map(|shard| recover_shard(process, shard, disk, faults)).collect()
}

fn recover_shard(
    process: &Process,
    index: ShardIndex,
    disk: &mut Disk,
    faults: &mut Faults,
) -> Result<Recovered, Stop> {
    let superblock = process.superblock;
    let key = JournalKey::derive(&process.seed, &superblock.created);
    let journal = Journal { superblock, key: key.clone(), copy_count: 2 };
    let place = process.shards.local(index);
    let config = process.shard_config(place);
    let region_start = usize::try_from(superblock.region_start(config.shard)).expect("few regions");
    let disk = RefCell::new(disk);
    let mut files = Files { disk: &disk, superblock: &superblock, index, region_start };
    files.with_history(|history| history.check())?;
    let is_synced = !process.is(Mutant::RepairsNotSynced) && !process.is(Mutant::NoSyncBeforeRead);
    let mut mender = Mender { files, faults, snapshot: None, is_synced };
    let mut shard = Shard::new(config.clone());
    let fund = |shard: &mut Shard| {
        process.fund(place, shard);
        Ok(())
    };
    let read = match read_back(&journal, &mut files, &mut mender, &config, &mut shard, fund) {
        Ok(read) => read,
        Err(ReadBackError::Machine(stopped)) => return Err(Stop::Halted(stopped)),
        Err(ReadBackError::Refused(refusal)) => {
            return Err(Stop::Wrong(format!("shard {} refuses to start: {refusal}", index.0)));
        }
    };
    mender.mend_snapshot()?;
    let boot = (process.boot, process.config.committee.epoch());
    let ReadBack { tail, head, snapshot_number, .. } = read;
    let keeper = Keeper::resume(&superblock, config.shard, key, boot, (tail, head), snapshot_number)
        .map_err(|fault| Stop::Wrong(format!("shard {} refuses to start: {fault}", index.0)))?
        .with(config.planted);
    for destination in 0..process.config.shard_count {
        shard.resend_credits(ShardIndex(destination));
    }
    Ok(Recovered { shard, keeper })
}

/// A shard's region and snapshots in both copies.
#[derive(Clone, Copy)]
struct Files<'a, 'b> {
    disk: &'a RefCell<&'b mut Disk>,
    superblock: &'a Superblock,
    index: ShardIndex,
    region_start: usize,
}

/// A snapshot's copy, its name, and what its first page says.
type Candidate = (usize, Name, Result<SnapshotHeader, SnapshotError>);

impl Files<'_, '_> {
    fn with_history<T>(&self, act: impl FnOnce(&mut Segments<'_>) -> T) -> T {
        act(&mut Segments::open(&mut self.disk.borrow_mut(), self.superblock, self.index))
    }

    fn whole(&self, copy: usize, name: Name) -> Option<Vec<u8>> {
        let disk = self.disk.borrow();
        let mut bytes = vec![0; disk.length(copy, name)?];
        disk.read(copy, name, 0, &mut bytes).map(|()| bytes)
    }
}

impl Image for Files<'_, '_> {
    type Error = Stopped;

    fn read(&mut self, copy: u8, offset: u64, into: &mut [u8]) -> Result<(), Stopped> {
        let offset = self.region_start + usize::try_from(offset).expect("within a region");
        self.disk.borrow().read(copy.into(), Name::Journal, offset, into).expect("the journal has its length");
        Ok(())
    }
}

impl Source for Files<'_, '_> {
    type Candidate = Candidate;
    type Damage = SnapshotError;

    fn candidates(&mut self, decoder: &dyn Fn() -> Decoder) -> Result<Vec<Candidate>, Stopped> {
        let mut candidates = Vec::new();
        for copy in 0..2 {
            for name in [0, 1].map(|turn| Name::Snapshot(self.index.0, turn)) {
                let disk = self.disk.borrow();
                if disk.length(copy, name).is_some() {
                    let mut page = [0; PAGE_BYTES];
                    let is_read = disk.read(copy, name, 0, &mut page).is_some();
                    let header = if is_read { header(&page, decoder()) } else { Err(SnapshotError::Incomplete) };
                    candidates.push((copy, name, header));
                }
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
        (copy, name, _): &Candidate,
        mut decoder: Decoder,
        each: &mut dyn FnMut(Item<'_>),
    ) -> Result<Result<(), SnapshotError>, Stopped> {
        decoder.push(&self.whole(*copy, *name).expect("it was read before"));
        loop {
            match decoder.item() {
                Ok(Some(item)) => each(item),
                Ok(None) => return Ok(decoder.finish().map(drop)),
                Err(fault) => return Ok(Err(fault)),
            }
        }
    }
}

fn header(page: &[u8], mut decoder: Decoder) -> Result<SnapshotHeader, SnapshotError> {
    decoder.push(page);
    match decoder.item()? {
        Some(Item::Header(header)) => Ok(header),
        _ => Err(SnapshotError::Damaged),
    }
}

/// Mends the copies while they are read.
struct Mender<'a, 'b, 'c> {
    files: Files<'a, 'b>,
    faults: &'c mut Faults,
    /// What is in use, and in which copy.
    snapshot: Option<(usize, SnapshotHeader)>,
    is_synced: bool,
}

impl Witness for Mender<'_, '_, '_> {
    type Error = Stopped;
    type Candidate = Candidate;
    type Damage = SnapshotError;

    fn snapshot(&mut self, (copy, _, header): &Candidate, damage: Option<&SnapshotError>) -> Result<(), Stopped> {
        match (damage, header) {
            (None, Ok(header)) => {
                self.snapshot = Some((*copy, *header));
                self.faults.snapshots_used += 1;
            }
            _ => self.faults.snapshots_refused += 1,
        }
        Ok(())
    }

    fn block(&mut self, _: &BlockHeader, _: &[u8], repair: Option<&Repair<'_>>) -> Result<(), Stopped> {
        let Some(repair) = repair else { return Ok(()) };
        self.faults.blocks_mended += 1;
        let offset = self.files.region_start + usize::try_from(repair.offset).expect("within a region");
        self.files.disk.borrow_mut().write(repair.copy.into(), Name::Journal, offset, repair.bytes.into())
    }

    fn history(&mut self, stubs: &[u8]) -> Result<(), Stopped> {
        self.faults.histories_mended += self.files.with_history(|history| history.restore(stubs))?;
        Ok(())
    }

    fn unreadable(&mut self, _: usize, _: u64) {}

    /// Wipes the place where the journal ends, and syncs that and all repairs.
    fn end(&mut self, invalidate: &Invalidate) -> Result<(), Stopped> {
        let offset = self.files.region_start + usize::try_from(invalidate.offset).expect("within a region");
        let mut disk = self.files.disk.borrow_mut();
        for copy in 0..2 {
            disk.write(copy, Name::Journal, offset, vec![0; invalidate.bytes].into())?;
        }
        for copy in (0..2).filter(|_| self.is_synced) {
            disk.sync(copy, Name::Journal)?;
        }
        drop(disk);
        self.files.with_history(|history| history.sync())
    }
}

impl Mender<'_, '_, '_> {
    /// Puts the snapshot in use into the other copy's directory, if that lacks it.
    fn mend_snapshot(&self) -> Result<(), Stopped> {
        let Some((from, header)) = self.snapshot else { return Ok(()) };
        let (index, turn, to) = (self.files.index.0, header.number % 2, 1 - from);
        let (name, unfinished) = (Name::Snapshot(index, turn), Name::Unfinished(index, turn));
        let bytes = self.files.whole(from, name).expect("it was read before");
        if self.files.whole(to, name).as_ref() == Some(&bytes) {
            return Ok(());
        }
        let mut disk = self.files.disk.borrow_mut();
        disk.create(to, unfinished)?;
        disk.write(to, unfinished, 0, bytes.into())?;
        disk.sync(to, unfinished)?;
        disk.rename(to, unfinished, name)?;
        disk.sync_directory(to)
    }
}
