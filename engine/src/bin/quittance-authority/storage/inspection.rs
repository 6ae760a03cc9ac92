//! A journal looked at and not touched: what recovery would find, mend and refuse.

use super::copy_file::{Access, CopyFile};
use super::directory::check_directories;
use super::history_files::{self, HistoryExtent};
use super::lock::{self, Lock};
use super::recovery::{Source, read_back};
use super::snapshot_files::{self, Candidate, SnapshotFault};
use super::survey::{Mending, Plan, Planned, survey};
use crate::fault::Fault;
use quittance_engine::journal::block::BlockHeader;
use quittance_engine::journal::identity::{Identity, JournalKey, Superblock};
use quittance_engine::journal::record::Record;
use quittance_engine::journal::ring::Ring;
use quittance_engine::journal::scan::{Invalidate, Repair};
use quittance_engine::journal::snapshot::Item;
use quittance_engine::keeper::{ReadBack, Witness};
use quittance_engine::shard::{Shard, ShardConfig};
use quittance_verify::SecretKey;
use serde::Serialize;
use std::path::PathBuf;

/// Damage listed one by one for each shard; more is counted.
const DAMAGE_LISTED_MAX: usize = 1_000;

/// A journal whose authority is stopped, and stays so as long as this lives.
#[derive(Debug)]
pub(crate) struct Inspection {
    /// What the first page says.
    pub(crate) superblock: Superblock,
    /// By copy.
    pub(crate) directories: Vec<PathBuf>,
    /// What is wrong with whole files.
    pub(crate) damage: Vec<Damage>,
    /// By copy; `None` for one that is not there.
    files: Vec<Option<CopyFile>>,
    is_second_alone: bool,
    _locks: Vec<Option<Lock>>,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Damage {
    /// In which copy.
    pub(crate) copy: usize,
    /// In which shard's region, if it is in one.
    pub(crate) shard: Option<u16>,
    /// In which block.
    pub(crate) block: Option<u64>,
    /// Where in the region, bytes.
    pub(crate) offset: Option<u64>,
    /// What is wrong.
    pub(crate) what: String,
    /// Whether a stop at a bad moment explains it: it is the last block, and the other copy has it.
    pub(crate) unfinished: bool,
}

/// A snapshot file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SnapshotLine {
    pub(crate) copy: usize,
    pub(crate) path: PathBuf,
    /// Its number, if its first page can be read.
    pub(crate) number: Option<u64>,
    /// The last record that is in it.
    pub(crate) record: Option<u64>,
    /// Why it is of no use.
    pub(crate) fault: Option<String>,
}

/// What a shard has on disk.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ShardInspection {
    pub(crate) index: u16,
    pub(crate) snapshots: Vec<SnapshotLine>,
    /// The number of the snapshot that the shard would start from; 0: genesis.
    pub(crate) snapshot: u64,
    /// Blocks behind it.
    pub(crate) blocks: u64,
    /// The first and the last of them; 0 if there are none.
    pub(crate) first_block: u64,
    pub(crate) last_block: u64,
    pub(crate) first_record: u64,
    pub(crate) last_record: u64,
    pub(crate) votes: u64,
    pub(crate) confirmations: u64,
    pub(crate) credits: u64,
    pub(crate) acks: u64,
    /// Bytes of the ring that they take, and that it has.
    pub(crate) used_bytes: u64,
    pub(crate) region_bytes: u64,
    pub(crate) accounts: usize,
    pub(crate) history: HistoryExtent,
    pub(crate) damage: Vec<Damage>,
    /// Damage beyond what is listed.
    pub(crate) damage_unlisted: u64,
    /// Why the authority would not start.
    pub(crate) lost: Option<String>,
    /// Of the state that it would start from, hexadecimal.
    pub(crate) digest: Option<String>,
}

impl Inspection {
    /// Opens the journal in these directories, to read.
    ///
    /// # Errors
    /// [`Fault::InUse`] while the authority runs; [`Fault::Option`] if there is no journal; [`Fault::Foreign`],
    /// [`Fault::Lost`].
    pub(crate) fn open(directories: &[PathBuf], identity: &Identity) -> Result<Self, Fault> {
        check_directories(directories)?;
        let locks = directories.iter().map(|directory| lock::share(directory)).collect::<Result<Vec<_>, Fault>>()?;
        let Plan::Open { superblock, copies, is_second_alone } = survey(directories, identity, None)? else {
            let names: Vec<String> = directories.iter().map(|directory| directory.display().to_string()).collect();
            return Err(Fault::Option(format!("there is no journal in {}; `run` makes one", names.join(" and "))));
        };
        let mut damage = Vec::new();
        let mut files = Vec::new();
        for (copy, Planned { directory, mending }) in copies.iter().enumerate() {
            let open = |direct| CopyFile::open(directory, Access::Read, direct).map(Some);
            let (file, what) = match mending {
                Mending::None => (open(true)?, None),
                Mending::Superblock { what } => (open(false)?, Some(what.clone())),
                Mending::Make => (None, Some("there is none".to_owned())),
            };
            files.push(file);
            damage.extend(what.map(|what| Damage {
                copy,
                shard: None,
                block: None,
                offset: None,
                what,
                unfinished: false,
            }));
        }
        let directories = copies.into_iter().map(|planned| planned.directory).collect();
        Ok(Self { superblock, directories, damage, files, is_second_alone, _locks: locks })
    }

    /// Reads a shard back. `shard` and `fund` as for [`recover`](super::recover). What keeps the authority from starting is
    /// part of the answer.
    ///
    /// # Errors
    /// The machine's, or that of whoever gives the options.
    pub(crate) fn shard(
        &self,
        secret: &SecretKey,
        config: &ShardConfig,
        shard: &mut Shard,
        fund: impl FnOnce(&mut Shard) -> Result<(), Fault>,
    ) -> Result<ShardInspection, Fault> {
        let key = JournalKey::derive(secret.seed(), &self.superblock.created);
        let source = self.source(&key);
        let mut clerk = Clerk::new(self, &source, config)?;
        let outcome = read_back(&source, config, shard, fund, &mut clerk);
        let mut found = clerk.found;
        match outcome {
            Ok(read) => {
                let ReadBack { head, tail, snapshot_number, .. } = read;
                let ring = Ring::new(source.shard(config), key, self.superblock.region_bytes, (0, 0), tail, head);
                found.snapshot = snapshot_number;
                found.used_bytes = ring.used_bytes();
                found.accounts = shard.accounts().count();
                found.digest = Some(hex::encode(shard.state_digest()));
            }
            Err(Fault::Lost { what, .. }) => found.lost = Some(what),
            Err(fault) => return Err(fault),
        }
        found.history = history_files::extent(&history_files::directory(&self.directories, config.shard.0))?;
        if found.lost.is_none() {
            let last_block = found.last_block;
            found.damage.iter_mut().for_each(|damage| damage.unfinished = damage.block == Some(last_block));
        }
        Ok(found)
    }

    fn source(&self, key: &JournalKey) -> Source<'_> {
        let mut files: Vec<Option<&CopyFile>> = self.files.iter().map(Option::as_ref).collect();
        if self.is_second_alone {
            files.push(files[0]);
        }
        Source { superblock: self.superblock, key: key.clone(), files, directories: self.directories.clone() }
    }
}

/// Writes down what it is told.
struct Clerk {
    found: ShardInspection,
    /// By copy: whether it is there, so that what it lacks is worth a line.
    is_there: Vec<bool>,
}

impl Clerk {
    fn new(inspection: &Inspection, source: &Source<'_>, config: &ShardConfig) -> Result<Self, Fault> {
        let mut found = ShardInspection {
            index: config.shard.0,
            region_bytes: inspection.superblock.region_bytes,
            ..ShardInspection::default()
        };
        let candidates = snapshot_files::candidates(&source.directories, config.shard, || source.decoder(config))?;
        for candidate in &candidates {
            found.snapshots.push(inspect_snapshot(source, config, candidate)?);
        }
        // A second copy that is alone becomes the first, block by block: that is no damage.
        let is_there = |file: &Option<CopyFile>| file.is_some() && !inspection.is_second_alone;
        let mut clerk = Self { found, is_there: inspection.files.iter().map(is_there).collect() };
        let faulty: Vec<Damage> =
            clerk.found.snapshots.iter().filter_map(|line| snapshot_damage(line, config)).collect();
        faulty.into_iter().for_each(|damage| clerk.damage(damage));
        for candidate in &candidates {
            clerk.missing_twin(source, candidate, &candidates);
        }
        Ok(clerk)
    }

    fn damage(&mut self, damage: Damage) {
        if self.found.damage.len() < DAMAGE_LISTED_MAX {
            self.found.damage.push(damage);
        } else {
            self.found.damage_unlisted += 1;
        }
    }

    /// The newest snapshot belongs into every directory.
    fn missing_twin(&mut self, source: &Source<'_>, candidate: &Candidate, all: &[Candidate]) {
        let is_newest = all.first().is_some_and(|first| first.path == candidate.path) && candidate.header.is_ok();
        if !is_newest {
            return;
        }
        let is_twin = |other: &Candidate, copy| other.copy == copy && other.turn == candidate.turn;
        for copy in (0..source.directories.len()).filter(|copy| *copy != candidate.copy) {
            let twin = all.iter().find(|other| is_twin(other, copy));
            let is_same = twin.is_some_and(|twin| twin.header == candidate.header || twin.header.is_err());
            // One that is there and of no use has its own line.
            if !is_same {
                let shard = Some(self.found.index);
                let what = "the newest snapshot is not in this directory".to_owned();
                self.damage(Damage { copy, shard, block: None, offset: None, what, unfinished: false });
            }
        }
    }
}

/// Reads all of it.
fn inspect_snapshot(source: &Source<'_>, config: &ShardConfig, candidate: &Candidate) -> Result<SnapshotLine, Fault> {
    let mut record = None;
    let fault = match &candidate.header {
        Err(fault) => Some(fault.clone()),
        Ok(_) => snapshot_files::read(&candidate.path, source.decoder(config), |item| {
            if let Item::Tail { lsn, .. } = item {
                record = Some(lsn.0);
            }
        })?
        .err(),
    };
    Ok(SnapshotLine {
        copy: candidate.copy,
        path: candidate.path.clone(),
        number: candidate.header.as_ref().ok().map(|header| header.number),
        record: record.filter(|_| fault.is_none()),
        fault: fault.map(|fault| fault.to_string()),
    })
}

fn snapshot_damage(line: &SnapshotLine, config: &ShardConfig) -> Option<Damage> {
    let fault = line.fault.as_ref()?;
    let what = format!("{}: {fault}", line.path.display());
    let shard = Some(config.shard.0);
    Some(Damage { copy: line.copy, shard, block: None, offset: None, what, unfinished: false })
}

impl Witness for Clerk {
    type Error = Fault;
    type Candidate = Candidate;
    type Damage = SnapshotFault;

    fn snapshot(&mut self, _: &Candidate, _: Option<&SnapshotFault>) -> Result<(), Fault> {
        // All of them were read before.
        Ok(())
    }

    fn block(&mut self, header: &BlockHeader, mut records: &[u8], repair: Option<&Repair<'_>>) -> Result<(), Fault> {
        let found = &mut self.found;
        if found.blocks == 0 {
            (found.first_block, found.first_record) = (header.block, header.first_record.0);
        }
        found.blocks += 1;
        (found.last_block, found.last_record) = (header.block, header.last_record().0);
        // A record that is none ends the replay of this block with the same finding.
        while let Ok((record, rest)) = Record::decode(records) {
            match record {
                Record::Vote { .. } => found.votes += 1,
                Record::Confirm { .. } => found.confirmations += 1,
                Record::Credit { .. } => found.credits += 1,
                Record::Ack { .. } => found.acks += 1,
            }
            records = rest;
        }
        if let Some(Repair { copy, offset, fault, .. }) = repair
            && self.is_there.get(usize::from(*copy)) == Some(&true)
        {
            let (copy, shard) = (usize::from(*copy), Some(self.found.index));
            let (block, offset) = (Some(header.block), Some(*offset));
            self.damage(Damage { copy, shard, block, offset, what: fault.to_string(), unfinished: false });
        }
        Ok(())
    }

    fn unreadable(&mut self, copy: usize, offset: u64) {
        let (shard, what) = (Some(self.found.index), "the device does not give this page back".to_owned());
        self.damage(Damage { copy, shard, block: None, offset: Some(offset), what, unfinished: false });
    }

    fn end(&mut self, _: &Invalidate) -> Result<(), Fault> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "inspection_tests.rs"]
mod tests;
