//! A shard's state, back from the disk: the newest good snapshot, and the records behind it.
//!
//! Reading ([`read_back`]) changes nothing, and tells a [`Witness`] what it finds. The one that starts an authority mends it;
//! the one that verifies a journal writes it down.

use super::copy_file::CopyFile;
use super::directory::Storage;
use super::image::RegionImage;
use super::mender::Mender;
use super::snapshot_files::{self, Candidate, SnapshotFault};
use crate::fault::Fault;
use quittance_engine::journal::block::BlockHeader;
use quittance_engine::journal::identity::{JournalKey, ShardIdentity, Superblock};
use quittance_engine::journal::record::RecordNumber;
use quittance_engine::journal::ring::Position;
use quittance_engine::journal::scan::{Invalidate, Repair, Scan, ScanError, Step};
use quittance_engine::journal::snapshot::{Decoder, Item, SnapshotHeader};
use quittance_engine::shard::{ReplayError, Shard, ShardConfig};
use quittance_tuning::Finding;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a shard goes on from.
#[derive(Clone, Debug)]
pub(crate) struct Recovered {
    /// Where the next block goes.
    pub(crate) head: Position,
    /// Where the snapshot in use begins: what lies before may be written over.
    pub(crate) tail: Position,
    /// The snapshot's number; 0: genesis.
    pub(crate) snapshot_number: u64,
    /// Blocks replayed.
    pub(crate) blocks: u64,
    /// Records replayed.
    pub(crate) records: u64,
    /// The blocks' bytes.
    pub(crate) bytes: u64,
    /// Blocks written again in one copy.
    pub(crate) repaired_blocks: u64,
    /// All of it.
    pub(crate) took: Duration,
    /// What the operator should know.
    pub(crate) findings: Vec<Finding>,
}

/// Brings the shard to where the disk says that it was, and mends what one copy has and the other lacks. `shard` is one that
/// `config` makes, without accounts; `fund` opens those of the genesis file, where there is no snapshot. When this returns,
/// everything that the shard rests on is durable in every copy. To be called once for each shard, on the thread that will
/// use it.
///
/// # Errors
/// [`Fault::Lost`] if something that was durable cannot be read back: then nothing is wiped, and the authority must not
/// start. [`Fault::Option`] if the accounts do not fit; [`Fault::Journal`], [`Fault::File`]; what `fund` returns.
pub(crate) fn recover(
    storage: &Storage,
    key: &JournalKey,
    config: &ShardConfig,
    shard: &mut Shard,
    fund: impl FnOnce(&mut Shard) -> Result<(), Fault>,
) -> Result<Recovered, Fault> {
    let begun = Instant::now();
    let source = Source::of(storage, key);
    let mut mender = Mender::new(storage, config.shard);
    let read = read_back(&source, config, shard, fund, &mut mender)?;
    let (repaired_blocks, findings) = mender.finish()?;
    storage.recovered()?;
    let ReadBack { head, tail, snapshot_number, blocks, records, bytes } = read;
    let took = begun.elapsed();
    Ok(Recovered { head, tail, snapshot_number, blocks, records, bytes, repaired_blocks, took, findings })
}

/// Where a journal is read from.
pub(super) struct Source<'a> {
    pub(super) superblock: Superblock,
    pub(super) key: JournalKey,
    /// By copy; `None` for one that is not there.
    pub(super) files: Vec<Option<&'a CopyFile>>,
    pub(super) directories: Vec<PathBuf>,
}

impl<'a> Source<'a> {
    fn of(storage: &'a Storage, key: &JournalKey) -> Self {
        let mut files: Vec<Option<&CopyFile>> = storage.copies.iter().map(Some).collect();
        if storage.is_second_alone {
            // Some of its blocks may be those of copy 0 already: it is read as both.
            files.push(files[0]);
        }
        Self { superblock: storage.superblock, key: key.clone(), files, directories: storage.directories() }
    }

    pub(super) fn shard(&self, config: &ShardConfig) -> ShardIdentity {
        self.superblock.identity.of_shard(config.shard)
    }

    /// For a shard's snapshots.
    pub(super) fn decoder(&self, config: &ShardConfig) -> Decoder {
        Decoder::new(self.shard(config), self.superblock.created, self.superblock.region_bytes)
    }
}

/// Who is told what is on the disk.
pub(super) trait Witness {
    /// A snapshot was tried; without a fault it is the one in use, and the last.
    fn snapshot(&mut self, candidate: &Candidate, fault: Option<&SnapshotFault>) -> Result<(), Fault>;
    /// A block, about to be replayed.
    fn block(&mut self, header: &BlockHeader, records: &[u8], repair: Option<&Repair<'_>>) -> Result<(), Fault>;
    /// A copy did not give back a page, at this place in the region.
    fn unreadable(&mut self, copy: usize, offset: u64);
    /// The journal ends here, and all of it makes sense.
    fn end(&mut self, invalidate: &Invalidate) -> Result<(), Fault>;
}

/// What was read back.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadBack {
    pub(super) head: Position,
    pub(super) tail: Position,
    pub(super) snapshot_number: u64,
    pub(super) blocks: u64,
    pub(super) records: u64,
    pub(super) bytes: u64,
}

/// Brings the shard to where the disk says that it was, and changes nothing there.
///
/// # Errors
/// As [`recover`].
pub(super) fn read_back(
    source: &Source<'_>,
    config: &ShardConfig,
    shard: &mut Shard,
    fund: impl FnOnce(&mut Shard) -> Result<(), Fault>,
    witness: &mut impl Witness,
) -> Result<ReadBack, Fault> {
    let (start, snapshot_number) = match load_snapshot(source, config, shard, witness)? {
        Some(header) => (header.start, header.number),
        None => {
            fund(shard)?;
            shard.begin_recovery(RecordNumber(0));
            (Position::genesis(&source.superblock.identity, config.shard), 0)
        }
    };
    let mut read = ReadBack { head: start, tail: start, snapshot_number, blocks: 0, records: 0, bytes: 0 };
    let region_start = source.superblock.region_start(config.shard);
    let mut image = RegionImage::new(&source.files, region_start, source.superblock.region_bytes);
    let invalidate = replay(source, config, shard, &mut image, &mut read, witness)?;
    for copy in 0..source.files.len() {
        image.unreadable(copy).iter().for_each(|offset| witness.unreadable(copy, *offset));
    }
    if let Some(offset) = image.lost_page() {
        let what =
            format!("no copy gives back the page at {offset} of the shard's region, where more records may have been");
        return Err(lost(source, config, what));
    }
    shard.finish_recovery().map_err(|fault| replay_fault(source, config, fault))?;
    witness.end(&invalidate)?;
    Ok(read)
}

/// Replays block after block up to the journal's end.
fn replay(
    source: &Source<'_>,
    config: &ShardConfig,
    shard: &mut Shard,
    image: &mut RegionImage<'_>,
    read: &mut ReadBack,
    witness: &mut impl Witness,
) -> Result<Invalidate, Fault> {
    let copy_count = u8::try_from(source.files.len()).expect("there are one or two copies");
    let region_bytes = source.superblock.region_bytes;
    let scan = Scan::new(source.shard(config), source.key.clone(), region_bytes, copy_count, read.tail);
    let mut scan = scan.expect("the decoder holds a snapshot's start against the region");
    loop {
        match scan.step(image) {
            Ok(Step::Block { header, records, repair }) => {
                witness.block(&header, records, repair.as_ref())?;
                shard.replay(records).map_err(|fault| replay_fault(source, config, fault))?;
                read.blocks += 1;
                read.records += u64::from(header.record_count);
                read.bytes += header.block_bytes() as u64;
            }
            Ok(Step::End { invalidate }) => {
                read.head = scan.position();
                return Ok(invalidate);
            }
            Err(ScanError::Image(fault)) => return Err(fault),
            Err(fault) => return Err(lost(source, config, fault.to_string())),
        }
    }
}

/// Loads the newest snapshot that is good. An older one, or genesis, will do where the ring still holds everything since:
/// if it does not, the scan finds proof of that.
fn load_snapshot(
    source: &Source<'_>,
    config: &ShardConfig,
    shard: &mut Shard,
    witness: &mut impl Witness,
) -> Result<Option<SnapshotHeader>, Fault> {
    for candidate in snapshot_files::candidates(&source.directories, config.shard, || source.decoder(config))? {
        let loaded = match &candidate.header {
            Ok(header) => load(source, config, shard, &candidate, header)?,
            Err(fault) => Err(fault.clone()),
        };
        witness.snapshot(&candidate, loaded.as_ref().err())?;
        if let (Ok(()), Ok(header)) = (loaded, candidate.header) {
            return Ok(Some(header));
        }
    }
    Ok(None)
}

/// Loads a snapshot. If it turns out to be damaged, the shard is a new one again.
fn load(
    source: &Source<'_>,
    config: &ShardConfig,
    shard: &mut Shard,
    candidate: &Candidate,
    header: &SnapshotHeader,
) -> Result<Result<(), SnapshotFault>, Fault> {
    shard.begin_recovery(header.start.record);
    let mut outcome = Ok(());
    let read = snapshot_files::read(&candidate.path, source.decoder(config), |item| {
        if outcome.is_ok() {
            outcome = restore(shard, item);
        }
    })?;
    if let Err(fault) = read {
        *shard = Shard::new(config.clone());
        return Ok(Err(fault));
    }
    // Only now is it known that the snapshot says what it should.
    outcome.map(Ok).map_err(|fault| replay_fault(source, config, fault))
}

fn restore(shard: &mut Shard, item: Item<'_>) -> Result<(), ReplayError> {
    match item {
        Item::Chunk { lsn, slots, .. } => shard.restore_chunk(lsn, slots),
        Item::Tail { lsn, tail } => shard.restore_tail(lsn, tail),
        Item::Header(_) | Item::Footer(_) => Ok(()),
    }
}

fn replay_fault(source: &Source<'_>, config: &ShardConfig, fault: ReplayError) -> Fault {
    match fault {
        ReplayError::TooManyAccounts => Fault::Option(format!("shard {}: {fault}", config.shard.0)),
        ReplayError::BadRecord(_) | ReplayError::Contradiction { .. } | ReplayError::JournalTooShort { .. } => {
            lost(source, config, fault.to_string())
        }
    }
}

fn lost(source: &Source<'_>, config: &ShardConfig, what: String) -> Fault {
    let path = source.files.iter().flatten().next().map(|file| file.path.clone()).unwrap_or_default();
    let shard = config.shard.0;
    Fault::Lost { path, what: format!("shard {shard}: {what}") }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
