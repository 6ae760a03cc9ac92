//! Coming back after a power cut, as the shell does it: the newest good snapshot, the records behind it, and both copies made
//! alike before anything else.

use super::Mutant;
use super::disk::{Disk, Name};
use super::machine::{History, REGION_BYTES, Running, Stop, new_shard, shard_index};
use super::outside::{Ground, SHARD_COUNT};
use crate::journal::PAGE_BYTES;
use crate::journal::RecordNumber;
use crate::journal::block;
use crate::journal::identity::{Identity, JournalKey, Superblock};
use crate::journal::ring::{Placed, Position, Ring};
use crate::journal::scan::{Image, Scan, ScanError, Step};
use crate::journal::snapshot::{Decoder, Item, SnapshotHeader};
use crate::shard::{ReplayError, Shard};
use crate::types::Amount;
use core::convert::Infallible;

/// Whose journal this is.
pub(super) fn superblock(ground: &Ground) -> Superblock {
    let identity = Identity {
        network: ground.world.network,
        authority_key: ground.world.secrets[0].public_key_bytes(),
        shard_count: ground.world.shard_count,
    };
    Superblock { identity, region_bytes: REGION_BYTES, copy: 0, created: [4; 16] }
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
}

/// What a snapshot brought: a shard that replays, and the snapshot's header and copy.
type Loaded = (Shard, Option<(SnapshotHeader, usize)>);

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
        let identity = superblock.identity.of_shard(shard_index(index));
        let (mut shard, snapshot) = self.load(index)?;
        let tail = match snapshot {
            Some((header, _)) => header.start,
            None => Position::genesis(&superblock.identity, shard_index(index)),
        };
        let region_start = usize::try_from(superblock.region_start(shard_index(index))).unwrap();
        let scan = Scan::new(identity, key.clone(), REGION_BYTES, 2, tail).expect("the decoder checked it");
        let (head, blocks) = self.replay(index, &mut shard, scan, region_start, &key)?;
        if self.mutant != Some(Mutant::Resync) {
            shard.finish_recovery().map_err(|fault| refused(index, &fault.to_string()))?;
        } else if let Err(ReplayError::JournalTooShort { .. }) = shard.finish_recovery() {
            return Err(Stop::Wrong("the resync lost what the snapshot holds".to_owned()));
        }
        self.wipe(region_start, &head)?;
        if let Some((header, from)) = snapshot {
            self.mend_snapshot(index, &header, from)?;
        }
        if tail.block < head.block && tail.offset == head.offset {
            // The ring would take this for an empty one. Only mutants come here: a snapshot that is in use leaves room.
            return Err(refused(index, "the ring is full to its last page"));
        }
        let number = snapshot.map_or(0, |(header, _)| header.number);
        let header = SnapshotHeader { shard: identity, created: superblock.created, number, start: tail };
        let ring =
            Ring::new(identity, key, REGION_BYTES, (self.boot_id, self.ground.world.committee.epoch()), tail, head);
        for destination in 0..SHARD_COUNT {
            shard.resend_credits(shard_index(destination));
        }
        Ok(Running::new(shard, ring, header, blocks))
    }

    /// Replays block after block, mending copies on the way. Holds what is read against what was sealed.
    fn replay(
        &mut self,
        index: usize,
        shard: &mut Shard,
        mut scan: Scan,
        region_start: usize,
        key: &JournalKey,
    ) -> Result<(Position, Vec<Placed>), Stop> {
        let mut blocks: Vec<Placed> = Vec::new();
        let is_resync = self.mutant == Some(Mutant::Resync);
        loop {
            let mut repair_write = None;
            match scan.step(&mut Region { disk: self.disk, start: region_start }) {
                Ok(Step::Block { header, records, repair }) => {
                    if let Some(repair) = repair {
                        repair_write = Some((usize::from(repair.copy), repair.offset, repair.bytes.to_vec()));
                    }
                    let first = usize::try_from(header.first_record.0).unwrap() - 1;
                    let sealed = self.history[index].get(first..first + header.record_count as usize);
                    if sealed.map(<[_]>::concat).as_deref() != Some(records) {
                        return Err(Stop::Wrong(format!(
                            "shard {index}: block {} is not what was sealed",
                            header.block
                        )));
                    }
                    match shard.replay(records) {
                        Err(fault) if !is_resync => return Err(refused(index, &fault.to_string())),
                        _ => {}
                    }
                    let (offset, bytes) = (header.offset, header.block_bytes());
                    blocks.push(Placed { offset, bytes, block: header.block, last_record: header.last_record() });
                }
                Ok(Step::End { .. }) => return Ok((scan.position(), blocks)),
                Err(ScanError::DurableBlockLost { block, .. }) if is_resync => {
                    scan = self.resync(index, block, region_start, key);
                }
                Err(fault) => return Err(refused(index, &fault.to_string())),
            }
            if let Some((copy, offset, bytes)) = repair_write {
                self.seen.repairs += 1;
                self.disk.write(copy, Name::Journal, region_start + usize::try_from(offset).unwrap(), &bytes)?;
            }
        }
    }

    /// A mutant's way: goes on at the first header that it finds behind a block that is lost.
    fn resync(&self, index: usize, lost: u64, region_start: usize, key: &JournalKey) -> Scan {
        let identity = superblock(self.ground).identity.of_shard(shard_index(index));
        let region_bytes = usize::try_from(REGION_BYTES).unwrap();
        let pages = (0..2).flat_map(|copy| {
            let file = self.disk.read(copy, Name::Journal).expect("it is always there");
            file[region_start..][..region_bytes].chunks_exact(PAGE_BYTES)
        });
        let headers = pages.filter_map(|page| block::authenticate(page, &identity, key).ok());
        let next = headers.filter(|header| header.block > lost).min_by_key(|header| header.block);
        let next = next.expect("a block behind it was the proof that it is lost");
        let record = RecordNumber(next.first_record.0 - 1);
        let start = Position { block: next.block, offset: next.offset, chain: next.chain, record };
        Scan::new(identity, key.clone(), REGION_BYTES, 2, start).expect("a block was there")
    }

    /// Wipes the place where the journal ends, and syncs that and all repairs.
    fn wipe(&mut self, region_start: usize, head: &Position) -> Result<(), Stop> {
        let offset = region_start + usize::try_from(head.offset).unwrap();
        for copy in 0..2 {
            if self.mutant != Some(Mutant::NoWipe) {
                self.disk.write(copy, Name::Journal, offset, &[0; PAGE_BYTES])?;
            }
        }
        for copy in 0..2 {
            if self.mutant != Some(Mutant::RepairsNotSynced) {
                self.disk.sync(copy, Name::Journal)?;
            }
        }
        Ok(())
    }

    /// The newest snapshot that is good, restored; or genesis.
    fn load(&mut self, index: usize) -> Result<Loaded, Stop> {
        let mut candidates = Vec::new();
        for copy in 0..2 {
            for turn in 0..2 {
                let name = Name::Snapshot(index, turn);
                if self.disk.read(copy, name).is_some() {
                    candidates.push((self.header(index, copy, name), copy, name));
                }
            }
        }
        let number = |header: &Option<SnapshotHeader>| header.map_or(0, |header| header.number);
        candidates.sort_by_key(|(header, copy, _)| (core::cmp::Reverse(number(header)), *copy));
        for (header, copy, name) in candidates {
            if let Some(header) = header
                && let Some(shard) = self.restore(index, copy, name, &header)?
            {
                self.seen.snapshots_used += 1;
                return Ok((shard, Some((header, copy))));
            }
            self.seen.snapshots_refused += 1;
        }
        let mut shard = new_shard(self.ground, index);
        fund(self.ground, index, &mut shard);
        shard.begin_recovery(RecordNumber(0));
        Ok((shard, None))
    }

    fn decoder(&self, index: usize) -> Decoder {
        let superblock = superblock(self.ground);
        Decoder::new(superblock.identity.of_shard(shard_index(index)), superblock.created, REGION_BYTES)
    }

    fn header(&self, index: usize, copy: usize, name: Name) -> Option<SnapshotHeader> {
        let mut decoder = self.decoder(index);
        decoder.push(self.disk.read(copy, name)?.get(..PAGE_BYTES)?);
        match decoder.item() {
            Ok(Some(Item::Header(header))) => Some(header),
            _ => None,
        }
    }

    /// `None` if the snapshot turns out to be damaged.
    fn restore(&self, index: usize, copy: usize, name: Name, header: &SnapshotHeader) -> Result<Option<Shard>, Stop> {
        let mut shard = new_shard(self.ground, index);
        shard.begin_recovery(header.start.record);
        let mut decoder = self.decoder(index);
        decoder.push(self.disk.read(copy, name).expect("it was read before"));
        let mut outcome = Ok(());
        loop {
            match decoder.item() {
                Ok(Some(item)) if outcome.is_ok() => outcome = self.restore_item(&mut shard, header, item),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return Ok(None),
            }
        }
        if decoder.finish().is_err() {
            return Ok(None);
        }
        outcome.map(|()| Some(shard)).map_err(|fault| refused(index, &fault.to_string()))
    }

    fn restore_item(&self, shard: &mut Shard, header: &SnapshotHeader, item: Item<'_>) -> Result<(), ReplayError> {
        match item {
            Item::Chunk { lsn, slots, .. } => shard.restore_chunk(lsn, slots),
            Item::Tail { lsn, tail } => {
                let is_gated = self.mutant != Some(Mutant::TailWithoutGate);
                shard.restore_tail(if is_gated { lsn } else { header.start.record }, tail)
            }
            Item::Header(_) | Item::Footer(_) => Ok(()),
        }
    }

    /// Puts the snapshot in use into the other copy's directory, if that lacks it.
    fn mend_snapshot(&mut self, index: usize, header: &SnapshotHeader, from: usize) -> Result<(), Stop> {
        let (turn, to) = (header.number % 2, 1 - from);
        let (name, unfinished) = (Name::Snapshot(index, turn), Name::Unfinished(index, turn));
        let bytes = self.disk.read(from, name).expect("it was read before").to_vec();
        if self.disk.read(to, name) == Some(&bytes) {
            return Ok(());
        }
        self.disk.create(to, unfinished)?;
        self.disk.write(to, unfinished, 0, &bytes)?;
        self.disk.sync(to, unfinished)?;
        self.disk.rename(to, unfinished, name)?;
        self.disk.sync_directory(to)?;
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

/// A shard's region in each copy.
struct Region<'a> {
    disk: &'a Disk,
    start: usize,
}

impl Image for Region<'_> {
    type Error = Infallible;

    fn read(&mut self, copy: u8, offset: u64, into: &mut [u8]) -> Result<(), Infallible> {
        let file = self.disk.read(copy.into(), Name::Journal).expect("it is always there");
        into.copy_from_slice(&file[self.start + usize::try_from(offset).unwrap()..][..into.len()]);
        Ok(())
    }
}
