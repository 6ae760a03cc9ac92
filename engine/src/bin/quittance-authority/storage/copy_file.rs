//! A copy of the journal, open: how it is made, and how pages go to it and come back.

use super::pages::{Page, pages_of};
use crate::fault::Fault;
use quittance_engine::journal::PAGE_BYTES;
use quittance_engine::journal::identity::Superblock;
use rustix::fs::{FallocateFlags, OFlags, fallocate, fstatvfs};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file's name in its directory.
pub(super) const JOURNAL_NAME: &str = "journal";

/// Bytes written or read in one piece where there is much: long enough that a device is busy with the piece, not with the
/// call.
pub(super) const PIECE_BYTES: usize = 1 << 20;

/// A copy of the journal.
#[derive(Debug)]
pub(crate) struct CopyFile {
    /// The data directory.
    pub(crate) directory: PathBuf,
    /// The file in it.
    pub(crate) path: PathBuf,
    /// Open for reading, and for writing unless the journal is only looked at. With O_DIRECT if `is_direct`: then places,
    /// lengths and memory must be those of whole pages.
    pub(crate) file: File,
    /// Whether writes pass by the page cache.
    pub(crate) is_direct: bool,
}

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing is changed.
    Read,
    /// The file is there.
    Write,
    /// The file is not there.
    Create,
}

impl CopyFile {
    /// Opens the journal file of a directory. Past the page cache if `direct`, and if the file really can be read so.
    pub(super) fn open(directory: &Path, access: Access, direct: bool) -> Result<Self, Fault> {
        let path = directory.join(JOURNAL_NAME);
        let fault = |source| Fault::File { path: path.clone(), source, remedy: "" };
        if direct && let Ok(file) = open_file(&path, access, true) {
            let copy = Self { directory: directory.to_owned(), path: path.clone(), file, is_direct: true };
            // An empty file has no page yet: it was made here, and the same directory was tried.
            let mut page = [Page::zero()];
            if access == Access::Create || copy.read(0, bytemuck::cast_slice_mut(&mut page)).is_ok() {
                return Ok(copy);
            }
        }
        // A file that was made a moment ago is there now.
        let access = if path.exists() && access == Access::Create { Access::Write } else { access };
        let file = open_file(&path, access, false).map_err(fault)?;
        Ok(Self { directory: directory.to_owned(), path: path.clone(), file, is_direct: false })
    }

    /// Reads so many bytes: whole pages, into memory that is aligned like pages.
    pub(super) fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }

    /// Writes whole pages from memory that is aligned like pages.
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.file.write_all_at(bytes, offset).map_err(|source| self.fault("written", source))
    }

    /// Brings what was written to the medium, with what is needed to find it again.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        self.file.sync_all().map_err(|source| self.fault("synced", source))
    }

    /// Writes the first page.
    pub(super) fn write_superblock(&self, superblock: &Superblock) -> Result<(), Fault> {
        let mut page = [Page::zero()];
        bytemuck::cast_slice_mut(&mut page).copy_from_slice(&superblock.encode());
        self.write(0, bytemuck::cast_slice(&page))
    }

    /// Writes zeros from `start` to `end`, and syncs them. Really writes them: what is merely allocated would have to be
    /// marked as written by the first sync after each first write, and that costs more than the write.
    ///
    /// # Errors
    /// [`Fault::NoRoom`], and whatever else the device says.
    pub(super) fn fill(&self, start: u64, end: u64) -> Result<(), Fault> {
        let no_room = || Fault::NoRoom { path: self.path.clone(), bytes: end };
        // Asked beforehand: an allocation that fails may fill the device first.
        let room = fstatvfs(&self.file).map_err(|error| self.fault("written", error.into()))?;
        if room.f_bavail.saturating_mul(room.f_frsize) < end - start {
            return Err(no_room());
        }
        match fallocate(&self.file, FallocateFlags::empty(), start, end - start) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
            Err(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => return Err(no_room()),
            Err(error) => return Err(self.fault("written", error.into())),
        }
        let zeros = pages_of(PIECE_BYTES);
        let zeros: &[u8] = bytemuck::cast_slice(&zeros);
        let mut offset = start;
        while offset < end {
            let bytes = usize::try_from(end - offset).unwrap_or(usize::MAX).min(PIECE_BYTES);
            self.write(offset, &zeros[..bytes]).map_err(|fault| match fault {
                Fault::Journal { source, .. } if is_no_room(&source) => no_room(),
                fault => fault,
            })?;
            offset += bytes as u64;
        }
        self.sync()
    }

    fn fault(&self, what: &'static str, source: io::Error) -> Fault {
        Fault::Journal { path: self.path.clone(), what, source }
    }
}

/// Whether the device, a quota or a limit leaves no room.
pub(super) fn is_no_room(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Opens a file that only its owner may read.
pub(super) fn open_file(path: &Path, access: Access, direct: bool) -> io::Result<File> {
    let flags = if direct { OFlags::DIRECT } else { OFlags::empty() };
    OpenOptions::new()
        .read(true)
        .write(access != Access::Read)
        .create_new(access == Access::Create)
        .mode(0o600)
        .custom_flags(i32::from_ne_bytes(flags.bits().to_ne_bytes()))
        .open(path)
}

/// Makes a directory's entries durable.
pub(super) fn sync_directory(directory: &Path) -> Result<(), Fault> {
    let fault = |source| Fault::Journal { path: directory.to_owned(), what: "synced", source };
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(fault)
}

/// Makes a directory's own name durable, and the names on the way to it: this process may have made them, or one that ended
/// before it could sync them. Goes as far as the file system does; what it is mounted on was there before.
pub(super) fn sync_way_to(directory: &Path) -> Result<(), Fault> {
    let directory = directory.canonicalize().map_err(Fault::read(directory))?;
    let device = |path: &Path| path.metadata().map(|metadata| metadata.dev()).map_err(Fault::read(path));
    let own = device(&directory)?;
    for above in directory.ancestors().skip(1) {
        if device(above)? != own {
            break;
        }
        match sync_directory(above) {
            // One that may not be read is not one of those that are made here.
            Err(Fault::Journal { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

/// Tries what writing past the page cache needs: a page, written and read back, in a file of its own. Never in the
/// journal: what need not be written there is not.
pub(super) fn try_direct(directory: &Path) -> io::Result<()> {
    let path = directory.join("direct-write-trial");
    let _ = std::fs::remove_file(&path);
    let outcome = (|| {
        let file = open_file(&path, Access::Create, true)?;
        let (written, mut read) = (pages_of(PAGE_BYTES), pages_of(PAGE_BYTES));
        let read: &mut [u8] = bytemuck::cast_slice_mut(&mut read);
        read.fill(1);
        file.write_all_at(bytemuck::cast_slice(&written), 0)?;
        file.read_exact_at(read, 0)?;
        if read == bytemuck::cast_slice::<Page, u8>(&written) {
            Ok(())
        } else {
            Err(io::Error::other("it reads back otherwise"))
        }
    })();
    let _ = std::fs::remove_file(&path);
    outcome
}
