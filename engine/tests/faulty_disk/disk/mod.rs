//! A disk of two layers: what a running machine sees, and what a power cut leaves.
//!
//! Pure: no kernel, no thread, no clock. `file.rs` a file's bytes, `folder.rs` a folder's names, `fate.rs` what becomes of
//! that which nobody synced.
//!
//! What makes a change durable is what fsync(2) promises, and nothing more: a file's own sync brings its bytes and its
//! length; a name (made, removed or changed) is durable only when its folder is synced. Real file systems give more.

mod fate;
mod file;
mod folder;

pub(crate) use fate::Fate;
use file::File;
use folder::Folder;
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The folder that everything is in, as FUSE numbers it.
pub(crate) const ROOT: u64 = 1;

/// Everything on the disk, by inode.
#[derive(Debug)]
pub(crate) struct Disk {
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
}

/// A file or a folder, and the name that it has or last had.
#[derive(Debug)]
struct Inode {
    path: PathBuf,
    node: Node,
}

#[derive(Debug)]
enum Node {
    File(File),
    Folder(Folder),
}

/// What stat(2) asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stat {
    pub(crate) inode: u64,
    pub(crate) is_folder: bool,
    pub(crate) bytes: u64,
}

impl Disk {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let root = Inode { path: PathBuf::new(), node: Node::Folder(Folder::default()) };
        Self { inodes: BTreeMap::from([(ROOT, root)]), next_inode: ROOT + 1 }
    }

    /// Where it is, or last was; empty for the root.
    pub(crate) fn path(&self, inode: u64) -> &Path {
        self.inodes.get(&inode).map_or(Path::new(""), |inode| &inode.path)
    }

    /// What has this name in that folder.
    pub(crate) fn lookup(&self, folder: u64, name: &str) -> Result<Stat, Errno> {
        self.stat(self.folder(folder)?.get(name).ok_or(Errno::NOENT)?)
    }

    pub(crate) fn stat(&self, inode: u64) -> Result<Stat, Errno> {
        let (is_folder, bytes) = match &self.inodes.get(&inode).ok_or(Errno::STALE)?.node {
            Node::File(file) => (false, file.length()),
            Node::Folder(_) => (true, 0),
        };
        Ok(Stat { inode, is_folder, bytes })
    }

    /// The names in a folder.
    pub(crate) fn list(&self, folder: u64) -> Result<Vec<(String, Stat)>, Errno> {
        self.folder(folder)?.names().map(|(name, inode)| Ok((name.clone(), self.stat(inode)?))).collect()
    }

    /// A new file or folder.
    pub(crate) fn make(&mut self, folder: u64, name: &str, is_folder: bool) -> Result<Stat, Errno> {
        if self.folder(folder)?.get(name).is_some() {
            return Err(Errno::EXIST);
        }
        let (inode, path) = (self.next_inode, self.path(folder).join(name));
        self.next_inode += 1;
        let node = if is_folder { Node::Folder(Folder::default()) } else { Node::File(File::default()) };
        self.inodes.insert(inode, Inode { path, node });
        self.folder_mut(folder)?.link(name, inode);
        self.stat(inode)
    }

    /// Takes a file's name away. Who has it open keeps it.
    pub(crate) fn unlink(&mut self, folder: u64, name: &str) -> Result<(), Errno> {
        self.folder_mut(folder)?.unlink(name)
    }

    /// Gives a file another name in the same folder, in place of whatever had it.
    pub(crate) fn rename(&mut self, folder: u64, from: &str, to: &str) -> Result<(), Errno> {
        let path = self.path(folder).join(to);
        let inode = self.folder_mut(folder)?.rename(from, to)?;
        self.inodes.get_mut(&inode).ok_or(Errno::STALE)?.path = path;
        Ok(())
    }

    /// Reads up to so many bytes; fewer at the file's end.
    pub(crate) fn read(&self, inode: u64, offset: u64, bytes: usize) -> Result<&[u8], Errno> {
        match &self.inodes.get(&inode).ok_or(Errno::STALE)?.node {
            Node::File(file) => file.read(offset, bytes),
            Node::Folder(_) => Err(Errno::ISDIR),
        }
    }

    pub(crate) fn write(&mut self, inode: u64, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.file_mut(inode)?.write(offset, bytes);
        Ok(())
    }

    pub(crate) fn set_length(&mut self, inode: u64, bytes: u64) -> Result<(), Errno> {
        self.file_mut(inode)?.set_length(bytes);
        Ok(())
    }

    /// Makes a file's bytes durable, or a folder's names.
    pub(crate) fn sync(&mut self, inode: u64) -> Result<(), Errno> {
        match &mut self.inodes.get_mut(&inode).ok_or(Errno::STALE)?.node {
            Node::File(file) => file.sync(),
            Node::Folder(folder) => folder.sync(),
        }
        Ok(())
    }

    /// Bytes in all files.
    pub(crate) fn used_bytes(&self) -> u64 {
        let length = |inode: &Inode| if let Node::File(file) = &inode.node { file.length() } else { 0 };
        self.inodes.values().map(length).sum()
    }

    /// Makes sectors unreadable until they are written again.
    pub(crate) fn spoil(&mut self, path: &str, offset: u64, bytes: u64) {
        let inode = self.inodes.values_mut().find(|inode| inode.path == Path::new(path));
        let Some(Inode { node: Node::File(file), .. }) = inode else { panic!("there is no file {path}") };
        file.spoil(offset, bytes);
    }

    /// The power goes. What nobody synced has the fate that `fate` gives it; the rest is what there is from now on.
    pub(crate) fn cut(&mut self, fate: &mut Fate) {
        let mut fates = fate.draw();
        for inode in self.inodes.values_mut() {
            match &mut inode.node {
                Node::File(file) => file.settle(&mut fates),
                Node::Folder(folder) => folder.settle(&mut fates),
            }
        }
        self.keep_what_has_a_name();
    }

    /// Forgets what no name leads to, and gives the rest the paths that names lead along.
    fn keep_what_has_a_name(&mut self) {
        let mut found = BTreeSet::from([ROOT]);
        let mut open = vec![(ROOT, PathBuf::new())];
        while let Some((inode, path)) = open.pop() {
            let Some(Inode { path: known, node }) = self.inodes.get_mut(&inode) else { continue };
            known.clone_from(&path);
            if let Node::Folder(folder) = node {
                // Each inode has one name: no file is linked twice.
                open.extend(
                    folder
                        .names()
                        .filter(|(_, inode)| found.insert(*inode))
                        .map(|(name, inode)| (inode, path.join(name))),
                );
            }
        }
        self.inodes.retain(|inode, _| found.contains(inode));
    }

    fn folder(&self, inode: u64) -> Result<&Folder, Errno> {
        match &self.inodes.get(&inode).ok_or(Errno::STALE)?.node {
            Node::Folder(folder) => Ok(folder),
            Node::File(_) => Err(Errno::NOTDIR),
        }
    }

    fn folder_mut(&mut self, inode: u64) -> Result<&mut Folder, Errno> {
        match &mut self.inodes.get_mut(&inode).ok_or(Errno::STALE)?.node {
            Node::Folder(folder) => Ok(folder),
            Node::File(_) => Err(Errno::NOTDIR),
        }
    }

    fn file_mut(&mut self, inode: u64) -> Result<&mut File, Errno> {
        match &mut self.inodes.get_mut(&inode).ok_or(Errno::STALE)?.node {
            Node::File(file) => Ok(file),
            Node::Folder(_) => Err(Errno::ISDIR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> (Disk, u64) {
        let mut disk = Disk::new();
        let file = disk.make(ROOT, "file", false).unwrap().inode;
        disk.write(file, 0, &[1; 2_048]).unwrap();
        (disk, file)
    }

    #[test]
    fn what_was_synced_outlives_any_cut_and_what_was_not_only_a_kind_one() {
        for fate in [Fate::AllLost, Fate::random(7)] {
            let (mut disk, file) = written();
            disk.sync(file).unwrap();
            disk.sync(ROOT).unwrap();
            disk.write(file, 1_024, &[2; 2_048]).unwrap();
            let is_lost = matches!(fate, Fate::AllLost);
            disk.cut(&mut { fate });
            let bytes = disk.read(file, 0, 4_096).unwrap();
            assert_eq!(bytes[..1_024], [1; 1_024]);
            assert!(bytes[1_024..].iter().all(|byte| *byte < 3));
            assert!(!is_lost || *bytes == [1; 2_048]);
        }
        let (mut disk, file) = written();
        disk.cut(&mut Fate::AllKept);
        assert_eq!(disk.read(file, 0, 4_096).unwrap(), [1; 2_048]);
    }

    #[test]
    fn a_name_whose_folder_was_not_synced_is_gone_with_the_file() {
        let (mut disk, file) = written();
        disk.sync(file).unwrap();
        disk.cut(&mut Fate::AllLost);
        assert_eq!((disk.lookup(ROOT, "file").unwrap_err(), disk.used_bytes()), (Errno::NOENT, 0));
    }

    #[test]
    fn a_rename_is_done_or_not_done() {
        for is_synced in [false, true] {
            let (mut disk, file) = written();
            disk.sync(file).unwrap();
            disk.sync(ROOT).unwrap();
            disk.rename(ROOT, "file", "other").unwrap();
            if is_synced {
                disk.sync(ROOT).unwrap();
            }
            disk.cut(&mut Fate::AllLost);
            let names: Vec<String> = disk.list(ROOT).unwrap().into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, [if is_synced { "other" } else { "file" }]);
            assert_eq!(disk.path(file).to_str(), Some(names[0].as_str()));
        }
    }

    #[test]
    fn random_cuts_keep_lose_and_tear_sectors() {
        let (mut kept, mut lost, mut torn) = (0, 0, 0);
        for seed in 0..50 {
            let (mut disk, file) = written();
            disk.sync(file).unwrap();
            disk.sync(ROOT).unwrap();
            disk.write(file, 0, &[2; 2_048]).unwrap();
            disk.cut(&mut Fate::random(seed));
            for sector in disk.read(file, 0, 2_048).unwrap().chunks(512) {
                match sector.iter().filter(|byte| **byte == 2).count() {
                    512 => kept += 1,
                    0 => lost += 1,
                    _ => torn += 1,
                }
            }
        }
        assert!(kept > 20 && lost > 20 && torn > 5, "{kept} {lost} {torn}");
    }

    #[test]
    fn a_spoilt_sector_is_read_again_only_after_it_was_written_again() {
        let (mut disk, file) = written();
        disk.spoil("file", 600, 1);
        assert_eq!(disk.read(file, 0, 513).unwrap_err(), Errno::IO);
        assert_eq!(disk.read(file, 0, 512).unwrap(), [1; 512]);
        disk.write(file, 512, &[3; 512]).unwrap();
        assert_eq!(disk.read(file, 512, 512).unwrap(), [3; 512]);
    }
}
