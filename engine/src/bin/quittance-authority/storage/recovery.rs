//! A shard's state, back from the disk: the newest good snapshot, and the records behind it.
//!
//! The library knows how to read it back ([`keeper::read_back()`]); here are the files, and what the operator is told.

use super::copy_file::CopyFile;
use super::directory::Storage;
use super::history_files::HistoryFiles;
use super::image::RegionImage;
use super::mender::Mender;
use super::snapshot_files::{self, Candidate, SnapshotFault};
use crate::fault::Fault;
use quittance_engine::journal::identity::{JournalKey, ShardIdentity, Superblock};
use quittance_engine::journal::ring::Position;
use quittance_engine::journal::scan::Image;
use quittance_engine::journal::snapshot::{Decoder, Item, SnapshotHeader};
use quittance_engine::keeper::{self, ReadBack, ReadBackError, Refusal, Witness};
use quittance_engine::shard::{ReplayError, Shard, ShardConfig};
use quittance_engine::types::ShardIndex;
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
    /// Of that, replaying the journal.
    pub(crate) replay_took: Duration,
    /// What the operator should know.
    pub(crate) findings: Vec<Finding>,
}

/// Brings the shard to where the disk says that it was, and mends what one copy has and the other lacks. `shard` is one that
/// `config` makes, without accounts; `fund` opens those of the genesis file, where there is no snapshot. `history` gets the
/// entries that it lacks, if the shard keeps one. When this returns,
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
    history: Option<&mut HistoryFiles>,
    fund: impl FnOnce(&mut Shard) -> Result<(), Fault>,
) -> Result<Recovered, Fault> {
    let begun = Instant::now();
    let source = Source::of(storage, key);
    let mut mender = Mender::new(storage, config.shard, history);
    let read = read_back(&source, config, shard, fund, &mut mender)?;
    let replay_took = mender.replay_begun.map(|begun| begun.elapsed()).unwrap_or_default();
    let (repaired_blocks, findings) = mender.finish()?;
    storage.recovered()?;
    let ReadBack { head, tail, snapshot_number, blocks, records, bytes } = read;
    let took = begun.elapsed();
    Ok(Recovered { head, tail, snapshot_number, blocks, records, bytes, repaired_blocks, took, replay_took, findings })
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

/// Brings the shard to where the disk says that it was, and changes nothing there.
///
/// # Errors
/// As [`recover`].
pub(super) fn read_back(
    source: &Source<'_>,
    config: &ShardConfig,
    shard: &mut Shard,
    fund: impl FnOnce(&mut Shard) -> Result<(), Fault>,
    witness: &mut impl Witness<Error = Fault, Candidate = Candidate, Damage = SnapshotFault>,
) -> Result<ReadBack, Fault> {
    let Source { superblock, key, files, directories } = source;
    let copy_count = u8::try_from(files.len()).expect("there are one or two copies");
    let journal = keeper::Journal { superblock: *superblock, key: key.clone(), copy_count };
    let image = RegionImage::new(files, superblock.region_start(config.shard), superblock.region_bytes);
    let mut files = Files { image, copy_count, directories, shard: config.shard };
    let read = keeper::read_back(&journal, &mut files, witness, config, shard, fund);
    read.map_err(|fault| match fault {
        ReadBackError::Machine(fault) => fault,
        ReadBackError::Refused(Refusal::Replay(fault @ ReplayError::TooManyAccounts)) => {
            Fault::Option(format!("shard {}: {fault}", config.shard.0))
        }
        ReadBackError::Refused(refusal) => lost(source, config, refusal.to_string()),
    })
}

/// What [`keeper::read_back()`] reads.
struct Files<'a> {
    image: RegionImage<'a>,
    copy_count: u8,
    directories: &'a [PathBuf],
    shard: ShardIndex,
}

impl Image for Files<'_> {
    type Error = Fault;

    fn read(&mut self, copy: u8, offset: u64, into: &mut [u8]) -> Result<(), Fault> {
        self.image.read(copy, offset, into)
    }
}

impl keeper::Source for Files<'_> {
    type Candidate = Candidate;
    type Damage = SnapshotFault;

    fn candidates(&mut self, decoder: &dyn Fn() -> Decoder) -> Result<Vec<Candidate>, Fault> {
        snapshot_files::candidates(self.directories, self.shard, decoder)
    }

    fn header(candidate: &Candidate) -> Result<SnapshotHeader, SnapshotFault> {
        candidate.header.clone()
    }

    fn load(
        &mut self,
        candidate: &Candidate,
        decoder: Decoder,
        each: &mut dyn FnMut(Item<'_>),
    ) -> Result<Result<(), SnapshotFault>, Fault> {
        snapshot_files::read(&candidate.path, decoder, each)
    }

    fn unreadable(&self) -> Vec<(usize, u64)> {
        let of_copy = |copy| self.image.unreadable(copy).iter().map(move |offset| (copy, *offset));
        (0..self.copy_count.into()).flat_map(of_copy).collect()
    }

    fn lost_page(&self) -> Option<u64> {
        self.image.lost_page()
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
