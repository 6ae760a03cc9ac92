//! What an authority must not forget, on disk.
//!
//! The library's `journal` says what the bytes are and what follows from them, its `keeper` when they are written and how
//! they are read back. Here they are written and read.
//!
//! | file | what it holds |
//! |---|---|
//! | `directory.rs` | the data directories opened: [`Storage`] |
//! | `lock.rs` | one process at a time |
//! | `survey.rs` | what the directories hold, and what is to be made of it |
//! | `copy_file.rs` | a copy of the journal: made, written, read |
//! | `recovery.rs` | a shard's state back from the disk: [`recover`] |
//! | `image.rs`, `mender.rs` | the copies read ahead, and mended |
//! | `inspection.rs` | the same, with nothing changed: [`Inspection`] |
//! | `snapshot_files.rs` | the files that snapshots are in |
//! | `shard_journal.rs` | a running shard's side: what its keeper decides, given to the threads |
//! | `committer.rs`, `disk.rs` | the thread that makes blocks durable, and its way to the devices |
//! | `history_files.rs` | a shard's history: segments in the first directory |
//! | `history_tail.rs` | its end, where entries are added past the page cache |
//! | `historian.rs` | the thread that writes histories, and answers from them |
//! | `snapshots.rs` | the thread that writes snapshots |
//! | `pages.rs` | memory aligned as devices want it |

mod committer;
mod copy_file;
mod directory;
mod disk;
mod historian;
mod history_files;
mod history_tail;
mod image;
mod inspection;
mod lock;
mod mender;
mod pages;
mod recovery;
mod shard_journal;
mod snapshot_files;
mod snapshots;
mod survey;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use committer::{Commits, Committer, JournalFigures, JournalReport};
pub(crate) use directory::Storage;
#[cfg(test)]
pub(crate) use historian::HistoryFigures;
pub(crate) use historian::{Historian, Histories, ShardHistory};
pub(crate) use history_files::{HistoryExtent, HistoryFiles};
pub(crate) use inspection::{Damage, Inspection, ShardInspection, SnapshotLine};
pub(crate) use recovery::{Recovered, recover};
pub(crate) use shard_journal::{ShardJournal, ShardJournalFigures};
pub(crate) use snapshots::{SnapshotWriter, Snapshots};
