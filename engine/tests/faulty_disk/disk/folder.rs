//! A folder's names, in two layers.

use super::fate::Fates;
use rustix::io::Errno;
use std::collections::BTreeMap;

/// A folder.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// What a reader sees.
    live: BTreeMap<String, u64>,
    /// What is on the medium for certain.
    synced: BTreeMap<String, u64>,
    /// What makes the one of the other, in the order made.
    changes: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Link { name: String, inode: u64 },
    Unlink { name: String, inode: u64 },
    Rename { from: String, to: String, inode: u64 },
}

impl Folder {
    pub(super) fn get(&self, name: &str) -> Option<u64> {
        self.live.get(name).copied()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (&String, u64)> {
        self.live.iter().map(|(name, inode)| (name, *inode))
    }

    pub(super) fn link(&mut self, name: &str, inode: u64) {
        self.change(Change::Link { name: name.to_owned(), inode });
    }

    pub(super) fn unlink(&mut self, name: &str) -> Result<(), Errno> {
        let inode = self.get(name).ok_or(Errno::NOENT)?;
        self.change(Change::Unlink { name: name.to_owned(), inode });
        Ok(())
    }

    /// Returns what was renamed.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<u64, Errno> {
        let inode = self.get(from).ok_or(Errno::NOENT)?;
        self.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), inode });
        Ok(inode)
    }

    pub(super) fn sync(&mut self) {
        self.changes.clear();
        self.synced.clone_from(&self.live);
    }

    /// Leaves what the cut leaves: each change is kept or lost by itself.
    pub(super) fn settle(&mut self, fates: &mut Fates<'_>) {
        for change in self.changes.drain(..) {
            if fates.keeps() {
                apply(&mut self.synced, &change);
            }
        }
        self.live.clone_from(&self.synced);
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.live, &change);
        self.changes.push(change);
    }
}

/// A change whose predecessor was lost still takes away and gives names only as it says.
fn apply(names: &mut BTreeMap<String, u64>, change: &Change) {
    let mut remove = |name: &String, inode: u64| {
        if names.get(name) == Some(&inode) {
            names.remove(name);
        }
    };
    match change {
        Change::Link { name, inode } => _ = names.insert(name.clone(), *inode),
        Change::Unlink { name, inode } => remove(name, *inode),
        Change::Rename { from, to, inode } => {
            remove(from, *inode);
            names.insert(to.clone(), *inode);
        }
    }
}
