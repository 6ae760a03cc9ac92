//! What makes a running authority remember: the journal's threads, and each shard's share of them.

use super::announce::RecoveredLine;
use super::network_files::NetworkFiles;
use super::placement::Place;
use super::random;
use super::threads::{JournalHandle, JournalThreads};
use crate::fault::Fault;
use crate::options::RunOptions;
use crate::storage::{
    Commits, Committer, Histories, HistoryFiles, Recovered, ShardHistory, ShardJournal, SnapshotWriter, Snapshots,
    Storage, recover,
};
use quittance_engine::history::segment::SegmentHeader;
use quittance_engine::journal::identity::Identity;
use quittance_engine::keeper::Keeper;
use quittance_engine::shard::{Shard, ShardConfig};
use quittance_engine::shard_range::ShardRange;
use quittance_verify::SecretKey;
use std::sync::Arc;
use std::time::Duration;

/// An open journal and the threads behind it, not yet started.
pub(super) struct Journal {
    pub(super) storage: Arc<Storage>,
    handle: JournalHandle,
    threads: JournalThreads,
    secret: Arc<SecretKey>,
    /// Drawn for this boot, and the committee's epoch: both stand in every block.
    boot: (u64, u64),
    history: Option<HistoryLimit>,
}

/// That a history is kept, and how many bytes of it for each shard, if not all.
#[derive(Clone, Copy)]
struct HistoryLimit {
    bytes_max: Option<u64>,
}

/// What a shard found on disk.
pub(super) struct Found {
    pub(super) line: RecoveredLine,
    pub(super) findings: Vec<quittance_tuning::Finding>,
}

/// A shard's share.
pub(super) struct Durability {
    storage: Arc<Storage>,
    handle: JournalHandle,
    secret: Arc<SecretKey>,
    boot: (u64, u64),
    history: Option<HistoryLimit>,
}

impl Journal {
    /// Opens the journal of these shards that the options name, or makes one.
    pub(super) fn open(
        options: &RunOptions,
        files: &NetworkFiles,
        shards: ShardRange,
        place: Place,
    ) -> Result<Self, Fault> {
        let identity = Identity {
            network: files.network,
            authority_key: files.secret.public_key_bytes(),
            shard_count: files.member.shards,
        };
        let region_bytes = options.journal_mib.map(|mib| mib << 20);
        let storage = Storage::open(&options.data, &identity, shards, region_bytes)?;
        let (commits, parker) = Commits::new(shards);
        let (snapshots, pieces) = Snapshots::new(shards);
        let (histories, historian) = Histories::new(shards);
        let files_again = storage.copies.iter().map(|copy| {
            let file = copy.file.try_clone().map_err(Fault::read(&copy.path))?;
            Ok((copy.path.clone(), file))
        });
        let files_again = files_again.collect::<Result<Vec<_>, Fault>>()?;
        let handle = JournalHandle {
            commits: Arc::clone(&commits),
            snapshots: Arc::clone(&snapshots),
            histories,
            copies: storage.copies.len(),
            is_direct: storage.is_direct(),
        };
        let threads = JournalThreads {
            handle: handle.clone(),
            committer: Committer::new(commits, parker, files_again),
            snapshot_writer: SnapshotWriter::new(snapshots, pieces, storage.directories()),
            historian,
            place,
        };
        let boot = (u64::from_le_bytes(random()?), files.committee.epoch());
        let (storage, secret) = (Arc::new(storage), Arc::clone(&files.secret));
        let bytes_max = options.history_gib.map(|gib| (gib << 30) / u64::from(identity.shard_count));
        let history = (!options.no_history).then_some(HistoryLimit { bytes_max });
        Ok(Self { storage, handle, threads, secret, boot, history })
    }

    /// What one shard takes with it.
    pub(super) fn share(&self) -> Durability {
        Durability {
            storage: Arc::clone(&self.storage),
            handle: self.handle.clone(),
            secret: Arc::clone(&self.secret),
            boot: self.boot,
            history: self.history,
        }
    }

    /// The threads, to be started with the others.
    pub(super) fn into_threads(self) -> JournalThreads {
        self.threads
    }
}

impl Durability {
    /// Brings the shard, which `config` made, to where it was, and returns its end of the journal. `fund` opens the accounts of the genesis file,
    /// for a shard that has no snapshot.
    pub(super) fn recover(
        self,
        config: &ShardConfig,
        shard: &mut Shard,
        fund: impl FnOnce(&mut Shard) -> Result<(), Fault>,
    ) -> Result<(ShardJournal, Found), Fault> {
        let Self { storage, handle, secret, boot, history } = self;
        let (index, key) = (config.shard, storage.key(&secret));
        let superblock = &storage.superblock;
        let shard_identity = superblock.identity.of_shard(index);
        let header = SegmentHeader { shard: shard_identity, created: superblock.created, number: 0 };
        let open = |limit: HistoryLimit| HistoryFiles::open(&storage.directories(), header, limit.bytes_max);
        let mut history = history.map(open).transpose()?;
        let Recovered {
            head,
            tail,
            snapshot_number,
            blocks,
            records,
            bytes,
            repaired_blocks,
            took,
            replay_took,
            findings,
        } = recover(&storage, &key, config, shard, history.as_mut(), fund)?;
        let keeper = Keeper::resume(superblock, index, key, boot, (tail, head), snapshot_number)
            .map_err(|fault| Fault::Lost { path: storage.copies[0].path.clone(), what: fault.to_string() })?;
        let region_start = superblock.region_start(index);
        let history = history.map(|files| ShardHistory::new(handle.histories, files, index, shard));
        let journal = ShardJournal::new(index, keeper, region_start, handle.commits, handle.snapshots, history);
        let line = RecoveredLine {
            index: index.0,
            snapshot: snapshot_number,
            blocks,
            records,
            bytes,
            repaired_blocks,
            took_ms: millis(took),
            replay_ms: millis(replay_took),
        };
        Ok((journal, Found { line, findings }))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
