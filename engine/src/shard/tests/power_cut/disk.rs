//! Two disks that keep what was synced, and of the rest what chance leaves.

use super::super::common::Random;
use std::collections::BTreeMap;

/// What a device writes whole or not at all: bytes.
pub(super) const SECTOR_BYTES: usize = 512;

/// The power went before the disk had done what it was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct PowerCut;

/// A file's name in the directory of its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Journal,
    /// A shard's first segment, in the first copy's directory only.
    History(usize),
    /// A shard's snapshots take turns, 0 and 1.
    Snapshot(usize, u64),
    /// One that has not got its name yet.
    Unfinished(usize, u64),
}

/// The directory of each copy, on a device of its own.
pub(super) struct Disk {
    copies: [Directory; 2],
    /// How much more may be asked before the power goes; `None` for as much as you like.
    pub(super) fuel: Option<usize>,
    /// Syncs say yes and do nothing.
    pub(super) lies: bool,
}

/// Files, and the names that they have: both as they are now, and as they would be found after a power cut.
#[derive(Default)]
struct Directory {
    files: Vec<File>,
    names: BTreeMap<Name, usize>,
    durable_names: BTreeMap<Name, usize>,
    /// Not synced. The file system may lose any number of them, the last ones first.
    changes: Vec<Change>,
}

#[derive(Clone, Copy)]
enum Change {
    Create(Name, usize),
    Rename(Name, Name),
    Remove(Name),
}

#[derive(Default)]
struct File {
    current: Vec<u8>,
    durable: Vec<u8>,
    /// Places and bytes written and not synced.
    unsynced: Vec<(usize, Vec<u8>)>,
}

impl Disk {
    /// A journal of so many zeros in each copy, and an empty segment of each shard.
    pub(super) fn new(journal_bytes: usize, shard_count: usize) -> Self {
        let directory = || {
            let journal =
                File { current: vec![0; journal_bytes], durable: vec![0; journal_bytes], unsynced: Vec::new() };
            let histories = (0..shard_count).map(|shard| (Name::History(shard), 1 + shard));
            let names = BTreeMap::from_iter([(Name::Journal, 0)].into_iter().chain(histories));
            let files = [journal].into_iter().chain((0..shard_count).map(|_| File::default())).collect();
            Directory { files, durable_names: names.clone(), names, changes: Vec::new() }
        };
        Self { copies: [directory(), directory()], fuel: None, lies: false }
    }

    /// The file's bytes as a process sees them.
    pub(super) fn read(&self, copy: usize, name: Name) -> Option<&[u8]> {
        let directory = &self.copies[copy];
        directory.names.get(&name).map(|file| directory.files[*file].current.as_slice())
    }

    pub(super) fn write(&mut self, copy: usize, name: Name, offset: usize, bytes: &[u8]) -> Result<(), PowerCut> {
        self.spend()?;
        self.copies[copy].file(name).map_or(Ok(()), |file| {
            put(&mut file.current, offset, bytes);
            file.unsynced.push((offset, bytes.to_vec()));
            Ok(())
        })
    }

    /// Everything written to this file before is durable; its name is another matter.
    pub(super) fn sync(&mut self, copy: usize, name: Name) -> Result<(), PowerCut> {
        self.spend()?;
        if !self.lies
            && let Some(file) = self.copies[copy].file(name)
        {
            file.sync();
        }
        Ok(())
    }

    /// An empty file, in place of one that has the name.
    pub(super) fn create(&mut self, copy: usize, name: Name) -> Result<(), PowerCut> {
        self.spend()?;
        let directory = &mut self.copies[copy];
        directory.files.push(File::default());
        directory.change(Change::Create(name, directory.files.len() - 1));
        Ok(())
    }

    pub(super) fn rename(&mut self, copy: usize, from: Name, to: Name) -> Result<(), PowerCut> {
        self.spend()?;
        self.copies[copy].change(Change::Rename(from, to));
        Ok(())
    }

    pub(super) fn remove(&mut self, copy: usize, name: Name) -> Result<(), PowerCut> {
        self.spend()?;
        self.copies[copy].change(Change::Remove(name));
        Ok(())
    }

    /// The names are durable; what is in the files is another matter.
    pub(super) fn sync_directory(&mut self, copy: usize) -> Result<(), PowerCut> {
        self.spend()?;
        let directory = &mut self.copies[copy];
        if !self.lies {
            directory.changes.clear();
            directory.durable_names.clone_from(&directory.names);
        }
        Ok(())
    }

    /// The power goes: any of the unsynced sectors have reached the media, in any order, on each device its own.
    pub(super) fn cut(&mut self, random: &mut Random) {
        for directory in &mut self.copies {
            let kept = random.below(directory.changes.len() + 1);
            let changes: Vec<Change> = directory.changes.drain(..).collect();
            changes[..kept].iter().for_each(|change| change.apply(&mut directory.durable_names));
            directory.names.clone_from(&directory.durable_names);
            directory.files.iter_mut().for_each(|file| file.lose(random));
        }
        self.fuel = None;
    }

    /// The medium changes a sector that it had kept so far.
    pub(super) fn damage(&mut self, copy: usize, name: Name, offset: usize) {
        if let Some(file) = self.copies[copy].file(name) {
            for bytes in [&mut file.current, &mut file.durable] {
                bytes.iter_mut().skip(offset / SECTOR_BYTES * SECTOR_BYTES).take(SECTOR_BYTES).for_each(|b| *b = !*b);
            }
        }
    }

    fn spend(&mut self) -> Result<(), PowerCut> {
        match &mut self.fuel {
            Some(0) => Err(PowerCut),
            Some(fuel) => {
                *fuel -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Directory {
    /// `None` for a name that nothing has: mutants ask for such.
    fn file(&mut self, name: Name) -> Option<&mut File> {
        self.names.get(&name).map(|file| &mut self.files[*file])
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }
}

impl Change {
    fn apply(self, names: &mut BTreeMap<Name, usize>) {
        match self {
            Self::Create(name, file) => _ = names.insert(name, file),
            Self::Remove(name) => _ = names.remove(&name),
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(&from) {
                    names.insert(to, file);
                }
            }
        }
    }
}

impl File {
    fn sync(&mut self) {
        for (offset, bytes) in self.unsynced.drain(..) {
            put(&mut self.durable, offset, &bytes);
        }
    }

    fn lose(&mut self, random: &mut Random) {
        if self.unsynced.is_empty() {
            return;
        }
        let unsynced = core::mem::take(&mut self.unsynced);
        let mut sectors: Vec<(usize, &[u8])> =
            unsynced.iter().flat_map(|(offset, bytes)| sectors(*offset, bytes)).collect();
        let (sort, at) = (random.below(8), random.below(sectors.len()));
        match sort {
            0 => sectors.clear(),
            1 => {}
            2 => sectors.truncate(at),
            3 => _ = sectors.drain(..at),
            4 => _ = sectors.remove(at),
            _ => sectors.retain(|_| random.once_in(2)),
        }
        // In any order: of two writes to one place either may be the last.
        for index in (1..sectors.len()).rev() {
            sectors.swap(index, random.below(index + 1));
        }
        sectors.iter().for_each(|(offset, bytes)| put(&mut self.durable, *offset, bytes));
        if random.once_in(3) && self.durable.len() < self.current.len() {
            // The file's length has reached the medium, and not all that is in it.
            self.durable.resize(self.current.len(), 0);
        }
        self.current.clone_from(&self.durable);
    }
}

/// The parts of a write that lie in one sector each.
fn sectors(mut offset: usize, mut bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut sectors = Vec::new();
    while !bytes.is_empty() {
        let (sector, rest) = bytes.split_at(bytes.len().min(SECTOR_BYTES - offset % SECTOR_BYTES));
        sectors.push((offset, sector));
        (offset, bytes) = (offset + sector.len(), rest);
    }
    sectors
}

fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}
