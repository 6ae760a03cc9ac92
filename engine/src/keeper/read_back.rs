//! A shard's state, back from the disk: the newest good snapshot, and the records behind it.
//!
//! Reading changes nothing, and tells a [`Witness`] what it finds. One that starts an authority mends it; one that verifies
//! a journal writes it down.

use crate::journal::RecordNumber;
use crate::journal::block::BlockHeader;
use crate::journal::identity::{JournalKey, Superblock};
use crate::journal::ring::Position;
use crate::journal::scan::{Image, Invalidate, Repair, Scan, ScanError, Step};
use crate::journal::snapshot::{Decoder, Item, SnapshotHeader};
use crate::shard::{ReplayError, Shard, ShardConfig};
use core::cmp::Reverse;
use core::convert::Infallible;

/// Whose journal is read.
#[derive(Clone, Debug)]
pub struct Journal {
    /// What the copies' first pages say.
    pub superblock: Superblock,
    /// The key of its blocks' tags.
    pub key: JournalKey,
    /// How many copies are read, 1 or 2.
    pub copy_count: u8,
}

/// The disk that a shard is read from: the region in every copy, as an [`Image`], and the snapshots.
pub trait Source: Image {
    /// A snapshot's file.
    type Candidate;
    /// Why a snapshot is of no use. Another one may be.
    type Damage;

    /// The shard's snapshots, in their [order](snapshot_order).
    ///
    /// # Errors
    /// Whatever must end recovery.
    fn candidates(&mut self, decoder: &dyn Fn() -> Decoder) -> Result<Vec<Self::Candidate>, Self::Error>;

    /// What the snapshot's first page says, which is not to be believed yet.
    ///
    /// # Errors
    /// The snapshot's.
    fn header(candidate: &Self::Candidate) -> Result<SnapshotHeader, Self::Damage>;

    /// Reads a whole snapshot, part by part. What `each` gets may be believed only when this returns well.
    ///
    /// # Errors
    /// The inner ones are the snapshot's; the outer ones must end recovery.
    fn load(
        &mut self,
        candidate: &Self::Candidate,
        decoder: Decoder,
        each: &mut dyn FnMut(Item<'_>),
    ) -> Result<Result<(), Self::Damage>, Self::Error>;

    /// Pages that a copy did not give back so far: the copy, and the place in the region.
    fn unreadable(&self) -> Vec<(usize, u64)> {
        Vec::new()
    }

    /// A page that no copy gave back: its place in the region.
    fn lost_page(&self) -> Option<u64> {
        None
    }
}

/// Who is told what is on the disk.
pub trait Witness {
    /// What must end recovery.
    type Error;
    /// As the source has it.
    type Candidate;
    /// As the source has it.
    type Damage;

    /// A snapshot was tried; without damage it is the one in use, and the last.
    ///
    /// # Errors
    /// Whatever must end recovery.
    fn snapshot(&mut self, candidate: &Self::Candidate, damage: Option<&Self::Damage>) -> Result<(), Self::Error>;

    /// A block, about to be replayed.
    ///
    /// # Errors
    /// Whatever must end recovery.
    fn block(&mut self, header: &BlockHeader, records: &[u8], repair: Option<&Repair<'_>>) -> Result<(), Self::Error>;

    /// Entries of the history that the records just replayed name; see
    /// [`Shard::take_stubs`]. When recovery ends they must be on disk, synced.
    ///
    /// # Errors
    /// Whatever must end recovery.
    fn history(&mut self, _stubs: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A copy did not give back a page, at this place in the region.
    fn unreadable(&mut self, copy: usize, offset: u64);

    /// The journal ends here, and all of it makes sense.
    ///
    /// # Errors
    /// Whatever must end recovery.
    fn end(&mut self, invalidate: &Invalidate) -> Result<(), Self::Error>;
}

/// What was read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadBack {
    /// Where the next block goes.
    pub head: Position,
    /// Where the snapshot in use starts: what lies before may be written over.
    pub tail: Position,
    /// The snapshot's number; 0: genesis.
    pub snapshot_number: u64,
    /// Blocks replayed.
    pub blocks: u64,
    /// Records replayed.
    pub records: u64,
    /// The blocks' bytes.
    pub bytes: u64,
}

/// Why a shard was not read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadBackError<E> {
    /// The machine's fault: what source or witness ended recovery with.
    #[error("{0}")]
    Machine(E),
    /// What is on the disk is not what was written there.
    #[error("{0}")]
    Refused(Refusal),
}

/// What is on the disk cannot be gone on from: the authority must not start, and nothing may be wiped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A block that was durable cannot be read.
    #[error(transparent)]
    Scan(#[from] ScanError<Infallible>),
    /// A page that might have been proof of a lost block cannot be read.
    #[error("no copy gives back the page at {offset} of the shard's region, where more records may have been")]
    LostPage {
        /// Where in the region: bytes.
        offset: u64,
    },
    /// What was read makes no state, or one that does not fit.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

impl<E, R: Into<Refusal>> From<R> for ReadBackError<E> {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

/// How a shard's snapshots are ordered, best first: by number, those without one last; of two equally new, that of the first
/// copy.
pub fn snapshot_order(header: Option<&SnapshotHeader>, copy: usize) -> (Reverse<u64>, usize) {
    (Reverse(header.map_or(0, |header| header.number)), copy)
}

/// Brings the shard to where the disk says that it was. `shard` is one that `config` makes, without accounts; `fund` opens
/// those of the genesis file, where there is no snapshot.
///
/// # Errors
/// [`ReadBackError`]: what the shard is then is of no use.
pub fn read_back<S: Source>(
    journal: &Journal,
    source: &mut S,
    witness: &mut impl Witness<Error = S::Error, Candidate = S::Candidate, Damage = S::Damage>,
    config: &ShardConfig,
    shard: &mut Shard,
    fund: impl FnOnce(&mut Shard) -> Result<(), S::Error>,
) -> Result<ReadBack, ReadBackError<S::Error>> {
    let (tail, snapshot_number) = match load_snapshot(journal, source, witness, config, shard)? {
        Some(header) => (header.start, header.number),
        None => {
            fund(shard).map_err(ReadBackError::Machine)?;
            shard.begin_recovery(RecordNumber(0));
            (Position::genesis(&journal.superblock.identity, config.shard), 0)
        }
    };
    let mut read = ReadBack { head: tail, tail, snapshot_number, blocks: 0, records: 0, bytes: 0 };
    let invalidate = replay(journal, source, witness, config, shard, &mut read)?;
    source.unreadable().into_iter().for_each(|(copy, offset)| witness.unreadable(copy, offset));
    if let Some(offset) = source.lost_page() {
        return Err(Refusal::LostPage { offset }.into());
    }
    shard.finish_recovery()?;
    witness.end(&invalidate).map_err(ReadBackError::Machine)?;
    Ok(read)
}

impl Journal {
    /// For the shard's snapshots.
    fn decoder(&self, config: &ShardConfig) -> Decoder {
        let Superblock { identity, created, region_bytes, .. } = self.superblock;
        Decoder::new(identity.of_shard(config.shard), created, region_bytes)
    }
}

/// Loads the newest snapshot that is good. An older one, or genesis, will do where the ring still holds everything since:
/// if it does not, the scan finds proof of that.
fn load_snapshot<S: Source>(
    journal: &Journal,
    source: &mut S,
    witness: &mut impl Witness<Error = S::Error, Candidate = S::Candidate, Damage = S::Damage>,
    config: &ShardConfig,
    shard: &mut Shard,
) -> Result<Option<SnapshotHeader>, ReadBackError<S::Error>> {
    let decoder = || journal.decoder(config);
    for candidate in source.candidates(&decoder).map_err(ReadBackError::Machine)? {
        let loaded = match S::header(&candidate) {
            Ok(header) => load(source, &candidate, &header, decoder(), config, shard)?.map(|()| header),
            Err(damage) => Err(damage),
        };
        witness.snapshot(&candidate, loaded.as_ref().err()).map_err(ReadBackError::Machine)?;
        if let Ok(header) = loaded {
            return Ok(Some(header));
        }
    }
    Ok(None)
}

/// Loads a snapshot. If it turns out to be damaged, the shard is a new one again.
fn load<S: Source>(
    source: &mut S,
    candidate: &S::Candidate,
    header: &SnapshotHeader,
    decoder: Decoder,
    config: &ShardConfig,
    shard: &mut Shard,
) -> Result<Result<(), S::Damage>, ReadBackError<S::Error>> {
    shard.begin_recovery(header.start.record);
    let mut outcome = Ok(());
    let read = source.load(candidate, decoder, &mut |item| {
        if outcome.is_ok() {
            outcome = restore(shard, item);
        }
    });
    if let Err(damage) = read.map_err(ReadBackError::Machine)? {
        *shard = Shard::new(config.clone());
        return Ok(Err(damage));
    }
    // Only now is it known that the snapshot says what it should.
    outcome?;
    Ok(Ok(()))
}

fn restore(shard: &mut Shard, item: Item<'_>) -> Result<(), ReplayError> {
    match item {
        Item::Chunk { lsn, slots, .. } => shard.restore_chunk(lsn, slots),
        Item::Tail { lsn, tail } => shard.restore_tail(lsn, tail),
        Item::Header(_) | Item::Footer(_) => Ok(()),
    }
}

/// Replays block after block up to the journal's end.
fn replay<S: Source>(
    journal: &Journal,
    source: &mut S,
    witness: &mut impl Witness<Error = S::Error>,
    config: &ShardConfig,
    shard: &mut Shard,
    read: &mut ReadBack,
) -> Result<Invalidate, ReadBackError<S::Error>> {
    let Superblock { identity, region_bytes, .. } = journal.superblock;
    let identity = identity.of_shard(config.shard);
    let scan = Scan::new(identity, journal.key.clone(), region_bytes, journal.copy_count, read.tail);
    let mut scan = scan.expect("the decoder holds a snapshot's start against the region").with(config.planted);
    let mut stubs = Vec::new();
    loop {
        match scan.step(source).map_err(scan_fault)? {
            Step::Block { header, records, repair } => {
                witness.block(&header, records, repair.as_ref()).map_err(ReadBackError::Machine)?;
                shard.replay(records)?;
                shard.take_stubs(&mut stubs);
                witness.history(&stubs).map_err(ReadBackError::Machine)?;
                read.blocks += 1;
                read.records += u64::from(header.record_count);
                read.bytes += header.block_bytes() as u64;
            }
            Step::End { invalidate } => {
                read.head = scan.position();
                return Ok(invalidate);
            }
        }
    }
}

/// Tells the machine's fault from the disk's.
fn scan_fault<E>(fault: ScanError<E>) -> ReadBackError<E> {
    match fault {
        ScanError::Image(fault) => ReadBackError::Machine(fault),
        ScanError::DurableBlockLost { block, offset, evidence } => {
            ScanError::<Infallible>::DurableBlockLost { block, offset, evidence }.into()
        }
        ScanError::CopiesDiffer { block, offset } => ScanError::<Infallible>::CopiesDiffer { block, offset }.into(),
    }
}
