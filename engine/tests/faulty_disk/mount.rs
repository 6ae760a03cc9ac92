//! The disk as a mounted file system, through FUSE.
//!
//! Every file is opened for direct I/O, as FUSE calls it: no page of it stays in the kernel, whether the authority asks for
//! `O_DIRECT` or not. So what the authority has not synced is where the disk counts it, and nowhere else. Locks are the
//! kernel's own.

use crate::device::{Device, Operation, Target};
use crate::disk::{Disk, Stat};
use fuser::{
    BsdFileFlags, Config, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyWrite, Request, Session, SessionACL, TimeOrNow, WriteFlags,
};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nothing that the kernel was told is true for longer than that.
const TTL: Duration = Duration::ZERO;

const BLOCK_BYTES: u32 = 4_096;
const NAME_BYTES_MAX: u32 = 255;

/// A mounted disk, unmounted when this is dropped.
pub(crate) struct Mount {
    place: PathBuf,
}

impl Mount {
    /// Mounts the disk on an empty folder.
    pub(crate) fn new(device: &Device, place: &Path) -> std::io::Result<Self> {
        let fuse = File::options().read(true).write(true).open("/dev/fuse")?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", fuse.as_raw_fd());
        let options = std::ffi::CString::new(options).expect("it has no zero");
        mount("quittance-faulty-disk", place, "fuse", MountFlags::NODEV | MountFlags::NOSUID, options.as_c_str())?;
        let mounted = Self { place: place.to_owned() };
        let adapter = Adapter { device: device.clone(), mount: device.mount() };
        let session = Session::from_fd(adapter, OwnedFd::from(fuse), SessionACL::Owner, Config::default())?;
        // It ends when the last process that has a file open there has closed it, and the mount is gone.
        std::thread::Builder::new().name("faulty-disk".to_owned()).spawn(move || session.run())?;
        Ok(mounted)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Detached: a process that is still ending may hold a file.
        let outcome = unmount(&self.place, UnmountFlags::DETACH);
        assert!(
            outcome.is_ok() || std::thread::panicking(),
            "{} cannot be unmounted: {outcome:?}",
            self.place.display()
        );
    }
}

/// What FUSE asks, put to the disk.
struct Adapter {
    device: Device,
    mount: u64,
}

impl Adapter {
    fn operate<T: Default>(
        &self,
        operation: Operation,
        inode: INodeNo,
        name: Option<&OsStr>,
        act: impl FnOnce(&mut Disk, &str) -> Result<T, Errno>,
    ) -> Result<T, fuser::Errno> {
        let name = name.map(|name| name.to_str().ok_or(fuser::Errno::EINVAL)).transpose()?;
        let target = Target { inode: inode.0, name };
        let outcome = self.device.operate(self.mount, operation, target, |disk| act(disk, name.unwrap_or_default()));
        outcome.map_err(errno)
    }

    fn open_flags(&self, flags: i32) -> Result<FopenFlags, fuser::Errno> {
        let is_direct = flags & i32::from_ne_bytes(OFlags::DIRECT.bits().to_ne_bytes()) != 0;
        if is_direct && self.device.refuses_direct() {
            return Err(fuser::Errno::EINVAL);
        }
        Ok(FopenFlags::FOPEN_DIRECT_IO)
    }
}

fn errno(errno: Errno) -> fuser::Errno {
    fuser::Errno::from_i32(errno.raw_os_error())
}

fn attributes(stat: Stat) -> FileAttr {
    let (kind, perm) = if stat.is_folder { (FileType::Directory, 0o700) } else { (FileType::RegularFile, 0o600) };
    FileAttr {
        ino: INodeNo(stat.inode),
        size: stat.bytes,
        blocks: stat.bytes.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: BLOCK_BYTES,
        flags: 0,
    }
}

fn empty(reply: ReplyEmpty, outcome: Result<(), fuser::Errno>) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

fn entry(reply: ReplyEntry, outcome: Result<Stat, fuser::Errno>) {
    match outcome {
        Ok(stat) => reply.entry(&TTL, &attributes(stat), Generation(0)),
        Err(errno) => reply.error(errno),
    }
}

fn attr(reply: ReplyAttr, outcome: Result<Stat, fuser::Errno>) {
    match outcome {
        Ok(stat) => reply.attr(&TTL, &attributes(stat)),
        Err(errno) => reply.error(errno),
    }
}

impl Filesystem for Adapter {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entry(reply, self.operate(Operation::Look, parent, Some(name), |disk, name| disk.lookup(parent.0, name)));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        attr(reply, self.operate(Operation::Look, ino, None, |disk, _| disk.stat(ino.0)));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let operation = if size.is_some() { Operation::SetLength } else { Operation::Look };
        let outcome = self.operate(operation, ino, None, |disk, _| {
            size.map_or(Ok(()), |bytes| disk.set_length(ino.0, bytes))?;
            disk.stat(ino.0)
        });
        attr(reply, outcome);
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        let make = |disk: &mut Disk, name: &str| disk.make(parent.0, name, true);
        entry(reply, self.operate(Operation::MakeFolder, parent, Some(name), make));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.operate(Operation::Unlink, parent, Some(name), |disk, name| disk.unlink(parent.0, name)));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let Some(to) = newname.to_str().filter(|_| parent == newparent && flags.is_empty()) else {
            return reply.error(fuser::Errno::EXDEV);
        };
        empty(reply, self.operate(Operation::Rename, parent, Some(name), |disk, name| disk.rename(parent.0, name, to)));
    }

    fn create(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, flags: i32, reply: ReplyCreate) {
        let outcome = self.open_flags(flags).and_then(|flags| {
            let make = |disk: &mut Disk, name: &str| disk.make(parent.0, name, false);
            Ok((self.operate(Operation::Create, parent, Some(name), make)?, flags))
        });
        match outcome {
            Ok((stat, flags)) => reply.created(&TTL, &attributes(stat), Generation(0), FileHandle(0), flags),
            Err(errno) => reply.error(errno),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        match self.open_flags(flags.0) {
            Ok(flags) => reply.opened(FileHandle(0), flags),
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = |disk: &mut Disk, _: &str| disk.read(ino.0, offset, size as usize).map(<[u8]>::to_vec);
        match self.operate(Operation::Read, ino, None, read) {
            Ok(bytes) => reply.data(&bytes),
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.device.write(self.mount, ino.0, offset, data) {
            Ok(bytes) => reply.written(u32::try_from(bytes).expect("a request is not that long")),
            Err(fault) => reply.error(errno(fault)),
        }
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        empty(reply, self.operate(Operation::Sync, ino, None, |disk, _| disk.sync(ino.0)));
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        empty(reply, self.operate(Operation::SyncFolder, ino, None, |disk, _| disk.sync(ino.0)));
    }

    fn fallocate(&self, _: &Request, ino: INodeNo, _: FileHandle, _: u64, _: u64, _: i32, reply: ReplyEmpty) {
        // Room is promised to nobody: the authority writes what it allocates.
        let refuse = |_: &mut Disk, _: &str| Err::<(), _>(Errno::OPNOTSUPP);
        empty(reply, self.operate(Operation::Allocate, ino, None, refuse));
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        match self.operate(Operation::Look, ino, None, |disk, _| disk.list(ino.0)) {
            Ok(names) => {
                let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
                for (next, (name, stat)) in (1..).zip(names).skip(skipped) {
                    if reply.add(INodeNo(stat.inode), next, attributes(stat).kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let (all, free) = self.device.room();
        let (all, free) = (all / u64::from(BLOCK_BYTES), free / u64::from(BLOCK_BYTES));
        reply.statfs(all, free, free, 0, 0, BLOCK_BYTES, NAME_BYTES_MAX, BLOCK_BYTES);
    }
}

/// Whether this process may mount such a disk; if not, why not.
pub(crate) fn trial() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let mount = Mount::new(&Device::new(), folder.path())?;
    drop(mount);
    Ok(())
}
