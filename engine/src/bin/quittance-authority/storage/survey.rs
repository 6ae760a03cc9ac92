//! What the data directories hold, and what that makes of them: a new journal, an old one, or a refusal to start.

use super::copy_file::JOURNAL_NAME;
use super::snapshot_files;
use crate::fault::Fault;
use quittance_engine::journal::identity::{Identity, Superblock, SuperblockError};
use quittance_engine::journal::{COPIES_MAX, PAGE_BYTES};
use quittance_engine::shard_range::ShardRange;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What is to become of the directories. Nothing was changed yet.
#[derive(Debug)]
pub(super) enum Plan {
    /// They hold nothing: a journal is made.
    Make,
    /// They hold a journal.
    Open {
        /// What its first page says, as copy 0.
        superblock: Superblock,
        /// By copy.
        copies: Vec<Planned>,
        /// The only directory given holds what was written as copy 1: its blocks become those of copy 0.
        is_second_alone: bool,
    },
}

/// A copy, and what must be done to it before it is read.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) directory: PathBuf,
    pub(super) mending: Mending,
}

/// What must be done to a copy. The other one is whole then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mending {
    /// Nothing.
    None,
    /// The first page must be written again, and what the file lacks at its end filled. Its blocks are mended one by one
    /// when they are read.
    Superblock {
        /// What is wrong with it.
        what: String,
    },
    /// There is no such file, or nothing in it: it must be made.
    Make,
}

/// A journal file.
#[derive(Debug)]
struct Found {
    directory: PathBuf,
    state: State,
}

#[derive(Debug)]
enum State {
    Missing,
    Whole { superblock: Superblock, bytes: u64 },
    Faulty { fault: SuperblockError, bytes: u64 },
}

impl Found {
    fn look(directory: &Path) -> Result<Self, Fault> {
        let path = directory.join(JOURNAL_NAME);
        let state = match first_page(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::Missing,
            Err(source) => return Err(Fault::File { path, source, remedy: "" }),
            Ok((page, bytes)) => match Superblock::decode(&page) {
                Ok(superblock) => State::Whole { superblock, bytes },
                Err(fault) => State::Faulty { fault, bytes },
            },
        };
        Ok(Self { directory: directory.to_owned(), state })
    }

    fn path(&self) -> PathBuf {
        self.directory.join(JOURNAL_NAME)
    }

    fn superblock(&self) -> Option<&Superblock> {
        match &self.state {
            State::Whole { superblock, .. } => Some(superblock),
            State::Missing | State::Faulty { .. } => None,
        }
    }

    /// Whether nothing was ever written into it but zeros.
    fn is_blank(&self) -> Result<bool, Fault> {
        match &self.state {
            State::Missing => Ok(true),
            State::Faulty { fault: SuperblockError::Empty, .. } => {
                is_all_zero(&self.path()).map_err(Fault::read(&self.path()))
            }
            State::Whole { .. } | State::Faulty { .. } => Ok(false),
        }
    }
}

/// Looks at every directory and decides. `shards`: those that the journal must be of, where that is known beforehand.
///
/// # Errors
/// [`Fault::Foreign`], [`Fault::Lost`], [`Fault::Text`] if what is there is no journal at all.
pub(super) fn survey(directories: &[PathBuf], identity: &Identity, shards: Option<ShardRange>) -> Result<Plan, Fault> {
    assert!((1..=usize::from(COPIES_MAX)).contains(&directories.len()), "the caller checks the option");
    let found: Vec<Found> = directories.iter().map(|directory| Found::look(directory)).collect::<Result<_, _>>()?;
    for one in &found {
        if let State::Faulty { fault: fault @ SuperblockError::Version { .. }, .. } = &one.state {
            return Err(Fault::Text { path: one.path(), fault: fault.to_string() });
        }
        one.superblock().map_or(Ok(()), |superblock| {
            check_identity(one, &superblock.identity, identity)?;
            check_shards(one, superblock.shards, shards.unwrap_or(superblock.shards))
        })?;
    }
    let Some(first) = found.iter().find(|one| one.superblock().is_some()) else {
        return nothing_whole(&found).map(|()| Plan::Make);
    };
    let superblock = Superblock { copy: 0, ..*first.superblock().expect("it was found for that") };
    found.iter().try_for_each(|one| check_agreement(one, &superblock, first))?;
    if !found.iter().any(|one| matches!(one.state, State::Whole { bytes, .. } if bytes >= superblock.file_bytes())) {
        let what = format!("it was cut short: {} bytes are needed; put back a whole file", superblock.file_bytes());
        return Err(Fault::Lost { path: first.path(), what });
    }
    let is_second_alone = found.len() == 1 && first.superblock().is_some_and(|superblock| superblock.copy != 0);
    let copies = by_copy(found);
    let copies = (0..).zip(&copies).map(|(copy, found)| {
        let mending = mending(found, &superblock, copy, is_second_alone)?;
        Ok(Planned { directory: found.directory.clone(), mending })
    });
    Ok(Plan::Open { superblock, copies: copies.collect::<Result<_, Fault>>()?, is_second_alone })
}

/// Holds the journal's identity against the run's.
fn check_identity(found: &Found, theirs: &Identity, ours: &Identity) -> Result<(), Fault> {
    let foreign = |what| Err(Fault::Foreign { path: found.directory.clone(), what });
    if theirs.authority_key != ours.authority_key {
        return foreign(format!(
            "the data directory belongs to authority {}, and the private file is that of {}; give each its own",
            hex::encode(theirs.authority_key),
            hex::encode(ours.authority_key)
        ));
    }
    if theirs.network != ours.network {
        return foreign(format!(
            "the data directory belongs to network {}, and the genesis file makes network {}; use the genesis file that it \
             was made with, or another directory",
            hex::encode(theirs.network.0),
            hex::encode(ours.network.0)
        ));
    }
    if theirs.shard_count != ours.shard_count {
        return foreign(format!(
            "the data directory was made for {} shards, and the private file says {}; a journal keeps its shard count",
            theirs.shard_count, ours.shard_count
        ));
    }
    Ok(())
}

/// Holds the journal's shards against those that this process runs.
fn check_shards(found: &Found, theirs: ShardRange, ours: ShardRange) -> Result<(), Fault> {
    if theirs == ours {
        return Ok(());
    }
    let what = format!(
        "the data directory holds the journal of shards {theirs}, and this process runs shards {ours}; a journal keeps its \
         shards, so give each process its own directory"
    );
    Err(Fault::Foreign { path: found.directory.clone(), what })
}

/// Copies of one journal were made together.
fn check_agreement(found: &Found, superblock: &Superblock, first: &Found) -> Result<(), Fault> {
    let Some(other) = found.superblock() else { return Ok(()) };
    let first = first.directory.display();
    let what = if other.created != superblock.created {
        format!(
            "its journal is not a copy of the one in {first}: they were made separately; give directories that belong together"
        )
    } else if other.shards != superblock.shards {
        let (theirs, ours) = (other.shards, superblock.shards);
        format!("its journal is of shards {theirs}, and the one in {first} of shards {ours}; they cannot be copies")
    } else if other.region_bytes != superblock.region_bytes {
        let (theirs, ours) = (other.region_bytes, superblock.region_bytes);
        format!(
            "its journal has {theirs} bytes for each shard, and the one in {first} has {ours}; they cannot be copies"
        )
    } else {
        return Ok(());
    };
    Err(Fault::Foreign { path: found.directory.clone(), what })
}

/// No copy has a good first page: fine if nothing was ever written.
fn nothing_whole(found: &[Found]) -> Result<(), Fault> {
    for one in found {
        match &one.state {
            State::Faulty { fault: fault @ SuperblockError::NotAJournal, .. } => {
                return Err(Fault::Text { path: one.path(), fault: fault.to_string() });
            }
            State::Faulty { fault: fault @ SuperblockError::Damaged, .. } => {
                return Err(Fault::Lost { path: one.path(), what: fault.to_string() });
            }
            _ if !one.is_blank()? => {
                let what =
                    "its first page is blank and there is more behind it: it was a journal; put back a whole copy";
                return Err(Fault::Lost { path: one.path(), what: what.to_owned() });
            }
            _ => {}
        }
        if snapshot_files::exist_in(&one.directory).map_err(Fault::read(&one.directory))? {
            let what = "snapshots are there, and their journal is not; put it back, or give an empty directory";
            return Err(Fault::Lost { path: one.directory.clone(), what: what.to_owned() });
        }
    }
    Ok(())
}

/// Puts the files in the order of the copies that they say they are. Where they say nothing or the same, the order given.
fn by_copy(mut found: Vec<Found>) -> Vec<Found> {
    let copies: Vec<Option<u8>> = found.iter().map(|one| one.superblock().map(|superblock| superblock.copy)).collect();
    if matches!(copies[..], [Some(1), Some(0) | None] | [None, Some(0)]) {
        found.reverse();
    }
    found
}

fn mending(found: &Found, superblock: &Superblock, copy: u8, is_second_alone: bool) -> Result<Mending, Fault> {
    let again = |what: String| Ok(Mending::Superblock { what });
    match &found.state {
        State::Whole { bytes, .. } if *bytes < superblock.file_bytes() => again("the file was cut short".to_owned()),
        State::Whole { superblock, .. } if superblock.copy != copy && !is_second_alone => {
            again(format!("the file was written as copy {}, and is now copy {copy}", superblock.copy))
        }
        State::Whole { .. } => Ok(Mending::None),
        _ if found.is_blank()? => Ok(Mending::Make),
        State::Faulty { fault: fault @ SuperblockError::NotAJournal, bytes } if *bytes != superblock.file_bytes() => {
            Err(Fault::Text { path: found.path(), fault: fault.to_string() })
        }
        State::Faulty { .. } | State::Missing => again("the first page is damaged".to_owned()),
    }
}

/// The first page, with zeros for what is not there, and the file's length.
fn first_page(path: &Path) -> io::Result<([u8; PAGE_BYTES], u64)> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut content = Vec::with_capacity(PAGE_BYTES);
    let mut page = [0; PAGE_BYTES];
    match file.take(PAGE_BYTES as u64).read_to_end(&mut content) {
        Ok(_) => page[..content.len()].copy_from_slice(&content),
        // A page that cannot be read is a damaged one.
        Err(error) if is_medium_fault(&error) => page.fill(0xff),
        Err(error) => return Err(error),
    }
    Ok((page, bytes))
}

fn is_all_zero(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; super::copy_file::PIECE_BYTES];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(true),
            bytes if piece[..bytes].iter().all(|byte| *byte == 0) => {}
            _ => return Ok(false),
        }
    }
}

/// Whether the medium lost what it held, rather than the machine its way to it.
pub(super) fn is_medium_fault(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let of_media = [Errno::IO, Errno::NODATA, Errno::ILSEQ, Errno::REMOTEIO, Errno::BADMSG];
    Errno::from_io_error(error).is_some_and(|error| of_media.contains(&error))
}
