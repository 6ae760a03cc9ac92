//! Mending the copies while they are read.

use super::copy_file::CopyFile;
use super::directory::Storage;
use super::history_files::HistoryFiles;
use super::pages::{Page, pages_of};
use super::snapshot_files::{self, Candidate, SnapshotFault};
use crate::fault::Fault;
use quittance_engine::journal::BLOCK_BYTES_MAX;
use quittance_engine::journal::block::BlockHeader;
use quittance_engine::journal::scan::{Invalidate, Repair};
use quittance_engine::keeper::Witness;
use quittance_engine::types::ShardIndex;
use quittance_tuning::{Finding, Severity};
use std::path::PathBuf;
use std::time::Instant;

/// Writes to each copy what it lacks, and counts it.
pub(super) struct Mender<'a> {
    storage: &'a Storage,
    /// Where entries are made again, if a history is kept.
    history: Option<&'a mut HistoryFiles>,
    shard: ShardIndex,
    region_start: u64,
    /// A block, in memory that can be written directly.
    block: Vec<Page>,
    /// By copy: blocks written again, and what the first of them lacked.
    repairs: Vec<(u64, Option<String>)>,
    /// The block that was read last.
    last_block: u64,
    /// By copy: the last block that was written again.
    last_repair: Vec<u64>,
    /// By copy: pages not given back.
    unreadable: Vec<u64>,
    bad_snapshots: Vec<(PathBuf, SnapshotFault)>,
    /// What is in use: its path, its directory's place, its number.
    snapshot: Option<(PathBuf, usize, u64)>,
    /// When the first block came.
    pub(super) replay_begun: Option<Instant>,
}

impl<'a> Mender<'a> {
    pub(super) fn new(storage: &'a Storage, shard: ShardIndex, history: Option<&'a mut HistoryFiles>) -> Self {
        let copy_count = storage.copies.len();
        Self {
            storage,
            history,
            shard,
            region_start: storage.superblock.region_start(shard),
            block: pages_of(BLOCK_BYTES_MAX),
            repairs: vec![(0, None); copy_count],
            last_block: 0,
            last_repair: vec![0; copy_count],
            unreadable: vec![0; copy_count],
            bad_snapshots: Vec::new(),
            snapshot: None,
            replay_begun: None,
        }
    }

    /// Mends the snapshots, too. Returns how much was mended, and what the operator should know.
    pub(super) fn finish(mut self) -> Result<(u64, Vec<Finding>), Fault> {
        let mut findings: Vec<Finding> =
            self.bad_snapshots.iter().map(|(path, fault)| bad_snapshot(path, fault)).collect();
        let (snapshots, copied) = self.mend_snapshots()?;
        findings.extend(copied);
        for (copy, file) in self.storage.copies.iter().enumerate() {
            let (count, fault) = &self.repairs[copy];
            if let Some(fault) = fault {
                // The last block may have reached one copy only when the process or the machine stopped.
                let is_crash = *count == 1 && self.last_repair[copy] == self.last_block;
                findings.push(self.mended(file, *count, fault, is_crash));
            }
            if self.unreadable[copy] > 0 {
                findings.push(self.unread(file, self.unreadable[copy]));
            }
        }
        let blocks: u64 = self.repairs.iter().map(|(count, _)| count).sum();
        Ok((blocks + snapshots, findings))
    }

    /// Puts the snapshot in use into the directories that lack it, and says so of those that nobody tried to read.
    fn mend_snapshots(&mut self) -> Result<(u64, Vec<Finding>), Fault> {
        let Some((path, from, number)) = &self.snapshot else { return Ok((0, Vec::new())) };
        let (mut count, mut findings) = (0, Vec::new());
        for (copy, file) in self.storage.copies.iter().enumerate().filter(|(copy, _)| copy != from) {
            let other = file.directory.join(snapshot_files::name(self.shard, *number));
            let is_bad = self.bad_snapshots.iter().any(|(bad, _)| *bad == other);
            if is_bad || !snapshot_files::look_alike(path, &other) {
                assert_ne!(copy, *from, "a file is not written over itself");
                snapshot_files::copy(path, &file.directory, self.shard, *number)?;
                count += 1;
                findings.extend((!is_bad).then(|| copied_snapshot(&other)));
            }
        }
        Ok((count, findings))
    }

    fn mended(&self, file: &CopyFile, count: u64, fault: &str, is_crash: bool) -> Finding {
        let (shard, path) = (self.shard.0, file.path.display());
        let (severity, why) = if is_crash {
            (Severity::Notice, "the authority or the machine stopped between the two copies of a block")
        } else {
            (Severity::Warning, "the device lost or changed what it had said to be written")
        };
        Finding {
            severity,
            what: format!("{path}: {count} blocks of shard {shard} were written again from the other copy ({fault})"),
            why: why.to_owned(),
            remedy: "see to the device if this happens again".to_owned(),
        }
    }

    fn unread(&self, file: &CopyFile, count: u64) -> Finding {
        let (shard, path) = (self.shard.0, file.path.display());
        Finding {
            severity: Severity::Warning,
            what: format!("{path}: {count} pages of shard {shard} cannot be read"),
            why: "the other copy has them; the device may lose more".to_owned(),
            remedy: "replace the device: the copy is made again in an empty directory".to_owned(),
        }
    }
}

impl Witness for Mender<'_> {
    type Error = Fault;
    type Candidate = Candidate;
    type Damage = SnapshotFault;

    fn snapshot(&mut self, candidate: &Candidate, fault: Option<&SnapshotFault>) -> Result<(), Fault> {
        match (fault, &candidate.header) {
            (None, Ok(header)) => self.snapshot = Some((candidate.path.clone(), candidate.copy, header.number)),
            (Some(fault), _) => self.bad_snapshots.push((candidate.path.clone(), fault.clone())),
            (None, Err(_)) => unreachable!("a snapshot in use has a header"),
        }
        Ok(())
    }

    fn block(&mut self, header: &BlockHeader, _: &[u8], repair: Option<&Repair<'_>>) -> Result<(), Fault> {
        self.replay_begun.get_or_insert_with(Instant::now);
        self.last_block = header.block;
        let Some(repair) = repair else { return Ok(()) };
        // A second copy that is alone is read as both, and becomes the first.
        let copy = usize::from(repair.copy);
        let Some(file) = self.storage.copies.get(copy) else { return Ok(()) };
        let block = &mut bytemuck::cast_slice_mut(&mut self.block)[..repair.bytes.len()];
        block.copy_from_slice(repair.bytes);
        file.write(self.region_start + repair.offset, block)?;
        let (count, fault) = &mut self.repairs[copy];
        *count += 1;
        fault.get_or_insert_with(|| format!("block {}: {}", header.block, repair.fault));
        self.last_repair[copy] = header.block;
        Ok(())
    }

    fn history(&mut self, stubs: &[u8]) -> Result<(), Fault> {
        self.history.as_mut().map_or(Ok(()), |history| history.restore(stubs))
    }

    fn unreadable(&mut self, copy: usize, _: u64) {
        if let Some(count) = self.unreadable.get_mut(copy) {
            *count += 1;
        }
    }

    fn end(&mut self, invalidate: &Invalidate) -> Result<(), Fault> {
        let zeros = pages_of(invalidate.bytes);
        for copy in &self.storage.copies {
            copy.write(self.region_start + invalidate.offset, bytemuck::cast_slice(&zeros))?;
        }
        self.storage.copies.iter().try_for_each(CopyFile::sync)?;
        self.history.as_mut().map_or(Ok(()), |history| history.sync())
    }
}

fn copied_snapshot(path: &std::path::Path) -> Finding {
    Finding {
        severity: Severity::Notice,
        what: format!("{}: written again from the other directory", path.display()),
        why: "the authority or the machine stopped before this one had it, or the device lost it".to_owned(),
        remedy: "see to the device if this happens again".to_owned(),
    }
}

fn bad_snapshot(path: &std::path::Path, fault: &SnapshotFault) -> Finding {
    Finding {
        severity: Severity::Warning,
        what: format!("{}: {fault}", path.display()),
        why: "it was complete when it was written; another one serves in its place".to_owned(),
        remedy: "see to the device; the next snapshot replaces the file".to_owned(),
    }
}
