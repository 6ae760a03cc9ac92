//! Two disks that keep what was synced, and of the rest what chance leaves.
//!
//! A write is seen by whoever reads from then on, and lasts when its file is synced. When the power goes, any of the sectors
//! written since have reached the medium, in any order, on each disk its own; so has any number of the changes of names, the
//! first ones first. A sync may fail: then some of what it should have kept is gone at once. A medium may lose a sector that
//! it had kept. A process that is killed loses nothing of all that.
//!
//! Files are pages that are shared until they are written to, so that a copy of a disk, to try a power cut on, costs little.

use super::chance::Chance;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a device writes whole or not at all: bytes.
pub const SECTOR_BYTES: usize = 512;
const PAGE_BYTES: usize = 4_096;

/// The process ended, or the power went, before the disk had done what it was asked.
#[derive(Clone, Copy, Debug)]
pub struct Stopped;

/// A file's name in the directory of its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// The journal.
    Journal,
    /// A shard's snapshots take turns, 0 and 1.
    Snapshot(u16, u64),
    /// One that has not got its name yet.
    Unfinished(u16, u64),
    /// A shard's history, in the first copy's directory only.
    History(u16),
}

/// The directory of each copy, on a device of its own.
#[derive(Clone, Debug)]
pub struct Disk {
    copies: [Directory; 2],
    /// How much more may be asked before everything stops; `None` for as much as you like.
    pub fuel: Option<u32>,
}

/// Files, and the names that they have: as they are now, and as they would be found after a power cut.
#[derive(Clone, Debug, Default)]
struct Directory {
    files: BTreeMap<u32, File>,
    created: u32,
    names: BTreeMap<Name, u32>,
    durable_names: BTreeMap<Name, u32>,
    changes: Vec<Change>,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Create(Name, u32),
    Rename(Name, Name),
    Remove(Name),
}

type Page = Rc<[u8; PAGE_BYTES]>;

#[derive(Clone, Debug, Default)]
struct File {
    /// What is on the medium; pages never written are zeros.
    pages: Vec<Option<Page>>,
    durable_bytes: usize,
    bytes: usize,
    unsynced: Vec<(usize, Rc<[u8]>)>,
}

impl Disk {
    /// A journal of so many zeros in each copy.
    pub fn new(journal_bytes: usize) -> Self {
        let directory = || {
            let journal = File { durable_bytes: journal_bytes, bytes: journal_bytes, ..File::default() };
            let names = BTreeMap::from([(Name::Journal, 0)]);
            let files = BTreeMap::from([(0, journal)]);
            Directory { files, created: 1, durable_names: names.clone(), names, changes: Vec::new() }
        };
        Self { copies: [directory(), directory()], fuel: None }
    }

    /// Reads what a process sees. `None` if there is no such file, or if it is shorter.
    pub fn read(&self, copy: usize, name: Name, offset: usize, into: &mut [u8]) -> Option<()> {
        let file = self.copies[copy].file(name)?;
        (offset + into.len() <= file.bytes).then(|| file.read(offset, into))
    }

    /// The file's length; `None` if there is no such file.
    pub fn length(&self, copy: usize, name: Name) -> Option<usize> {
        self.copies[copy].file(name).map(|file| file.bytes)
    }

    /// Writes to a file that is there.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn write(&mut self, copy: usize, name: Name, offset: usize, bytes: Rc<[u8]>) -> Result<(), Stopped> {
        self.spend()?;
        let Some(file) = self.copies[copy].file_mut(name) else { return Ok(()) };
        file.bytes = file.bytes.max(offset + bytes.len());
        file.unsynced.push((offset, bytes));
        Ok(())
    }

    /// Whether everything written to this file is durable.
    pub fn is_synced(&self, copy: usize, name: Name) -> bool {
        self.copies[copy].file(name).is_none_or(|file| file.unsynced.is_empty())
    }

    /// Everything written to this file before is durable; its name is another matter.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn sync(&mut self, copy: usize, name: Name) -> Result<(), Stopped> {
        self.spend()?;
        if let Some(file) = self.copies[copy].file_mut(name) {
            for (offset, bytes) in core::mem::take(&mut file.unsynced) {
                file.put(offset, &bytes);
            }
            file.durable_bytes = file.bytes;
        }
        Ok(())
    }

    /// A sync that fails: of what it should have kept some sectors are gone, and nothing is left to be synced.
    pub fn fail_sync(&mut self, copy: usize, name: Name, chance: &mut Chance) {
        if let Some(file) = self.copies[copy].file_mut(name) {
            file.lose(chance);
        }
    }

    /// An empty file, in place of one that has the name.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn create(&mut self, copy: usize, name: Name) -> Result<(), Stopped> {
        self.spend()?;
        let directory = &mut self.copies[copy];
        let file = directory.created;
        directory.created += 1;
        directory.files.insert(file, File::default());
        directory.change(Change::Create(name, file));
        Ok(())
    }

    /// Gives a file another name.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn rename(&mut self, copy: usize, from: Name, to: Name) -> Result<(), Stopped> {
        self.spend()?;
        self.copies[copy].change(Change::Rename(from, to));
        Ok(())
    }

    /// Removes a name.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn remove(&mut self, copy: usize, name: Name) -> Result<(), Stopped> {
        self.spend()?;
        self.copies[copy].change(Change::Remove(name));
        Ok(())
    }

    /// The names are durable; what is in the files is another matter.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn sync_directory(&mut self, copy: usize) -> Result<(), Stopped> {
        self.spend()?;
        let directory = &mut self.copies[copy];
        directory.changes.clear();
        directory.durable_names.clone_from(&directory.names);
        directory.forget_nameless();
        Ok(())
    }

    /// The power goes. Returns how many sectors were lost.
    pub fn cut(&mut self, chance: &mut Chance) -> u64 {
        let mut lost = 0;
        for directory in &mut self.copies {
            let kept = chance.below(directory.changes.len() + 1);
            let changes: Vec<Change> = directory.changes.drain(..).collect();
            changes[..kept].iter().for_each(|change| change.apply(&mut directory.durable_names));
            directory.names.clone_from(&directory.durable_names);
            directory.forget_nameless();
            lost += directory.files.values_mut().map(|file| file.lose(chance)).sum::<u64>();
        }
        self.fuel = None;
        lost
    }

    /// The medium changes a sector that it had kept so far. Returns whether there was anything in it.
    pub fn damage(&mut self, copy: usize, name: Name, offset: usize) -> bool {
        let Some(file) = self.copies[copy].file_mut(name) else { return false };
        let Some(Some(page)) = file.pages.get_mut(offset / PAGE_BYTES) else { return false };
        let start = offset % PAGE_BYTES / SECTOR_BYTES * SECTOR_BYTES;
        Rc::make_mut(page)[start..start + SECTOR_BYTES].iter_mut().for_each(|byte| *byte = !*byte);
        true
    }

    fn spend(&mut self) -> Result<(), Stopped> {
        match &mut self.fuel {
            Some(0) => Err(Stopped),
            Some(fuel) => {
                *fuel -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Directory {
    fn file(&self, name: Name) -> Option<&File> {
        self.names.get(&name).map(|file| &self.files[file])
    }

    fn file_mut(&mut self, name: Name) -> Option<&mut File> {
        self.names.get(&name).and_then(|file| self.files.get_mut(file))
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }

    fn forget_nameless(&mut self) {
        let (names, durable) = (&self.names, &self.durable_names);
        let is_named = |file: &u32| names.values().chain(durable.values()).any(|named| named == file);
        self.files.retain(|file, _| is_named(file));
    }
}

impl Change {
    fn apply(self, names: &mut BTreeMap<Name, u32>) {
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
    fn read(&self, offset: usize, into: &mut [u8]) {
        let mut done = 0;
        while done < into.len() {
            let (page, within) = ((offset + done) / PAGE_BYTES, (offset + done) % PAGE_BYTES);
            let count = (PAGE_BYTES - within).min(into.len() - done);
            let part = &mut into[done..done + count];
            match self.pages.get(page) {
                Some(Some(page)) => part.copy_from_slice(&page[within..within + count]),
                _ => part.fill(0),
            }
            done += count;
        }
        for (start, bytes) in &self.unsynced {
            let (from, to) = ((*start).max(offset), (start + bytes.len()).min(offset + into.len()));
            if from < to {
                into[from - offset..to - offset].copy_from_slice(&bytes[from - start..to - start]);
            }
        }
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        let page_count = (offset + bytes.len()).div_ceil(PAGE_BYTES);
        if self.pages.len() < page_count {
            self.pages.resize(page_count, None);
        }
        let mut done = 0;
        while done < bytes.len() {
            let (page, within) = ((offset + done) / PAGE_BYTES, (offset + done) % PAGE_BYTES);
            let count = (PAGE_BYTES - within).min(bytes.len() - done);
            let page = self.pages[page].get_or_insert_with(|| Rc::new([0; PAGE_BYTES]));
            Rc::make_mut(page)[within..within + count].copy_from_slice(&bytes[done..done + count]);
            done += count;
        }
        self.durable_bytes = self.durable_bytes.max(offset + bytes.len());
    }

    /// What is not synced is decided. Returns how many sectors are gone.
    fn lose(&mut self, chance: &mut Chance) -> u64 {
        let unsynced = core::mem::take(&mut self.unsynced);
        let mut sectors: Vec<(usize, &[u8])> =
            unsynced.iter().flat_map(|(offset, bytes)| sectors(*offset, bytes)).collect();
        let before = sectors.len();
        if before > 0 {
            let (sort, at) = (chance.below(8), chance.below(before));
            match sort {
                0 => sectors.clear(),
                1 => {}
                2 => sectors.truncate(at),
                3 => _ = sectors.drain(..at),
                4 => _ = sectors.remove(at),
                _ => sectors.retain(|_| chance.once_in(2)),
            }
            // In any order: of two writes to one place either may be the last.
            chance.shuffle(&mut sectors);
            sectors.iter().for_each(|(offset, bytes)| self.put(*offset, bytes));
        }
        if chance.once_in(3) {
            // The file's length has reached the medium, and not all that is in it.
            self.durable_bytes = self.durable_bytes.max(self.bytes);
        }
        self.bytes = self.durable_bytes;
        (before - sectors.len()) as u64
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(disk: &Disk, name: Name, offset: usize, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0xee; length];
        disk.read(0, name, offset, &mut bytes).map(|()| bytes)
    }

    #[test]
    fn what_is_synced_lasts_and_of_the_rest_sectors_are_lost() {
        let mut chance = Chance::new(4);
        let (mut lost, mut kept, mut torn) = (0, 0, 0);
        for _ in 0..100 {
            let mut disk = Disk::new(4 * PAGE_BYTES);
            disk.write(0, Name::Journal, PAGE_BYTES, vec![1; PAGE_BYTES].into()).unwrap();
            disk.sync(0, Name::Journal).unwrap();
            disk.write(0, Name::Journal, PAGE_BYTES + 100, vec![2; 2 * PAGE_BYTES].into()).unwrap();
            assert_eq!(
                read(&disk, Name::Journal, PAGE_BYTES + 99, 2),
                Some(vec![1, 2]),
                "a reader sees what is written"
            );
            disk.cut(&mut chance);
            assert_eq!(read(&disk, Name::Journal, PAGE_BYTES, 100), Some(vec![1; 100]));
            let rest = read(&disk, Name::Journal, PAGE_BYTES + 100, 2 * PAGE_BYTES).unwrap();
            let (new, old) = (rest.contains(&2), rest.iter().any(|byte| *byte != 2));
            lost += u32::from(!new);
            kept += u32::from(!old);
            torn += u32::from(new && old);
        }
        assert!(lost > 5 && kept > 5 && torn > 20, "{lost} {kept} {torn}");
    }

    #[test]
    fn a_name_lasts_when_its_directory_is_synced() {
        let mut disk = Disk::new(0);
        let (unfinished, name) = (Name::Unfinished(0, 1), Name::Snapshot(0, 1));
        disk.create(0, unfinished).unwrap();
        disk.write(0, unfinished, 0, vec![5; 10].into()).unwrap();
        disk.sync(0, unfinished).unwrap();
        disk.rename(0, unfinished, name).unwrap();
        let mut synced = disk.clone();
        synced.sync_directory(0).unwrap();
        let found = |mut disk: Disk, seed| {
            disk.cut(&mut Chance::new(seed));
            read(&disk, name, 0, 10)
        };
        assert!((0..50).all(|seed| found(synced.clone(), seed) == Some(vec![5; 10])));
        let lasting = (0..50).filter(|seed| found(disk.clone(), *seed).is_some()).count();
        assert!((5..40).contains(&lasting), "{lasting}");
    }

    #[test]
    fn a_disk_without_fuel_does_nothing_and_its_copy_is_another_disk() {
        let mut disk = Disk::new(PAGE_BYTES);
        disk.fuel = Some(2);
        disk.write(0, Name::Journal, 0, vec![1; 512].into()).unwrap();
        disk.sync(0, Name::Journal).unwrap();
        let mut copy = disk.clone();
        assert!(disk.sync(1, Name::Journal).is_err());
        assert!(copy.damage(0, Name::Journal, 5) && !copy.damage(1, Name::Journal, 5));
        assert_eq!(
            (read(&disk, Name::Journal, 0, 1), read(&copy, Name::Journal, 0, 1)),
            (Some(vec![1]), Some(vec![0xfe]))
        );
    }
}
