//! Writes and syncs, many at once: through io_uring, or one after the other where that is refused.
//!
//! This is one of the few places with unsafe code. What makes it sound is that [`Disk::write`] and [`Disk::sync`] return only
//! when the kernel has finished with everything they submitted; if that cannot be known, the process ends on the spot.
#![allow(unsafe_code)]

use super::pages::Page;
use io_uring::{IoUring, opcode, squeue, types};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

/// Requests submitted together. More are cut into several rounds.
const ENTRIES: u32 = 128;

/// Pages to be written to one place: a block's first page, which differs between copies, and the rest, which does not.
#[derive(Clone, Copy)]
pub(super) struct Write<'a> {
    pub(super) file: &'a File,
    pub(super) offset: u64,
    pub(super) first: &'a [Page],
    pub(super) rest: &'a [Page],
}

/// The way to the disk.
pub(super) enum Disk {
    /// All requests at once.
    Ring(Box<IoUring>),
    /// `pwrite` and `fdatasync`, one after the other.
    Calls,
}

impl Disk {
    /// io_uring if the machine allows it.
    pub(super) fn open() -> Self {
        IoUring::builder().build(ENTRIES).map_or(Self::Calls, |ring| Self::Ring(Box::new(ring)))
    }

    /// Keeps the kernel's own threads behind the ring, which wait for syncs, on this core: elsewhere they would push aside
    /// whoever has that core for himself. Where the kernel refuses, they stay where it puts them.
    pub(super) fn keep_on(&self, core: usize) {
        let Self::Ring(ring) = self else { return };
        // SAFETY: a set of cores is bits, and none of them set is a value.
        let mut cores: libc::cpu_set_t = unsafe { core::mem::zeroed() };
        if core < libc::CPU_SETSIZE as usize {
            // SAFETY: the core is one that the set has a bit for.
            unsafe { libc::CPU_SET(core, &mut cores) };
            let _ = ring.submitter().register_iowq_aff(&cores);
        }
    }

    /// Writes everything, in no particular order.
    ///
    /// # Errors
    /// Which write failed, by its place in `writes`. A short write is an error. Nothing is tried again: what a device has
    /// done with a write that it reports as failed is unknown.
    pub(super) fn write(&mut self, writes: &[Write<'_>]) -> Result<(), (usize, io::Error)> {
        match self {
            Self::Ring(ring) => writes
                .chunks(ENTRIES as usize)
                .enumerate()
                .try_for_each(|(round, writes)| write_round(ring, writes, round * ENTRIES as usize)),
            Self::Calls => writes.iter().enumerate().try_for_each(|(index, write)| {
                let rest_offset = write.offset + size_of_val(write.first) as u64;
                write_at(write.file, write.offset, write.first)
                    .and_then(|()| write_at(write.file, rest_offset, write.rest))
                    .map_err(|error| (index, error))
            }),
        }
    }

    /// Brings what was written to these files to their media (fdatasync).
    ///
    /// # Errors
    /// Which sync failed. Nothing is tried again: after a failed sync the kernel may have dropped the pages and say yes to
    /// the next one.
    pub(super) fn sync(&mut self, files: &[&File]) -> Result<(), (usize, io::Error)> {
        match self {
            Self::Ring(ring) => {
                let entries = files.iter().map(|file| {
                    opcode::Fsync::new(types::Fd(file.as_raw_fd())).flags(types::FsyncFlags::DATASYNC).build()
                });
                finish(ring, entries, |_, result| result.map(drop))
            }
            Self::Calls => {
                files.iter().enumerate().try_for_each(|(index, file)| file.sync_data().map_err(|error| (index, error)))
            }
        }
    }
}

fn write_at(file: &File, offset: u64, pages: &[Page]) -> io::Result<()> {
    let bytes: &[u8] = bytemuck::cast_slice(pages);
    match file.write_at(bytes, offset)? {
        written if written == bytes.len() => Ok(()),
        written => Err(short(written, bytes.len())),
    }
}

fn short(written: usize, asked: usize) -> io::Error {
    io::Error::new(io::ErrorKind::WriteZero, format!("only {written} of {asked} bytes were written"))
}

fn write_round(ring: &mut IoUring, writes: &[Write<'_>], base: usize) -> Result<(), (usize, io::Error)> {
    let vectors: Vec<[libc::iovec; 2]> = writes.iter().map(|write| [vector(write.first), vector(write.rest)]).collect();
    let entries = writes.iter().zip(&vectors).map(|(write, vectors)| {
        opcode::Writev::new(types::Fd(write.file.as_raw_fd()), vectors.as_ptr(), 2).offset(write.offset).build()
    });
    let outcome = finish(ring, entries, |index, result| {
        let asked = size_of_val(writes[index].first) + size_of_val(writes[index].rest);
        match result? as usize {
            written if written == asked => Ok(()),
            written => Err(short(written, asked)),
        }
    });
    outcome.map_err(|(index, error)| (base + index, error))
}

fn vector(pages: &[Page]) -> libc::iovec {
    libc::iovec { iov_base: pages.as_ptr().cast_mut().cast(), iov_len: size_of_val(pages) }
}

/// Submits all entries, waits for every one, and returns the first failure.
fn finish(
    ring: &mut IoUring,
    entries: impl Iterator<Item = squeue::Entry>,
    judge: impl Fn(usize, io::Result<u32>) -> io::Result<()>,
) -> Result<(), (usize, io::Error)> {
    let mut count = 0;
    for (index, entry) in entries.enumerate() {
        // SAFETY: what the entry points to is borrowed by the caller, who returns only after `await_all`.
        unsafe { ring.submission().push(&entry.user_data(index as u64)) }.expect("rounds are no longer than the queue");
        count += 1;
    }
    await_all(ring, count);
    let mut failure = None;
    for completion in ring.completion() {
        let index = usize::try_from(completion.user_data()).expect("it is a subscript of ours");
        let result = u32::try_from(completion.result()).map_err(|_| io::Error::from_raw_os_error(-completion.result()));
        if let Err(error) = judge(index, result) {
            failure.get_or_insert((index, error));
        }
        count -= 1;
    }
    assert_eq!(count, 0, "each request has completed once");
    failure.map_or(Ok(()), Err)
}

/// Returns when all requests have completed. If that cannot be waited for, buffers may still be read by the kernel: then the
/// process must not go on.
fn await_all(ring: &mut IoUring, count: usize) {
    while ring.completion().len() < count {
        match ring.submit_and_wait(count) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                eprintln!("quittance-authority: the journal's ring failed ({error}); restart the authority");
                std::process::abort();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;
    use std::io::Read;

    fn disks() -> [Disk; 2] {
        [Disk::open(), Disk::Calls]
    }

    fn page(byte: u8) -> Page {
        let mut page = [Page::zeroed()];
        bytemuck::cast_slice_mut(&mut page).fill(byte);
        page[0]
    }

    #[test]
    fn every_write_lands_in_its_file_at_its_place() {
        for mut disk in disks() {
            let files = [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()];
            let (first, rest) = ([page(1), page(2)], [page(3), page(4), page(5)]);
            // More than one round of the ring.
            let writes: Vec<Write<'_>> = (0..300)
                .map(|number| Write {
                    file: &files[number % 2],
                    offset: number as u64 / 2 * 4 * 4096,
                    first: &first[number % 2..=number % 2],
                    rest: &rest[..number % 4],
                })
                .collect();
            disk.write(&writes).unwrap();
            disk.sync(&[&files[0], &files[1]]).unwrap();
            for write in &writes {
                let mut bytes = vec![0; (1 + write.rest.len()) * 4096];
                write.file.read_exact_at(&mut bytes, write.offset).unwrap();
                let (head, tail) = bytes.split_at(4096);
                assert_eq!((head, tail), (bytemuck::cast_slice(write.first), bytemuck::cast_slice(write.rest)));
            }
        }
    }

    #[test]
    fn a_write_that_fails_is_named_and_so_is_a_sync() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read_only = File::open(file.path()).unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let pages = [page(1)];
        for mut disk in disks() {
            for (bad, errno) in [(&read_only, libc::EBADF), (&full, libc::ENOSPC)] {
                let write = |file| Write { file, offset: 0, first: &pages, rest: &[] };
                let (index, error) = disk.write(&[write(file.as_file()), write(bad)]).unwrap_err();
                assert_eq!((index, error.raw_os_error()), (1, Some(errno)));
            }
            let (index, error) = disk.sync(&[file.as_file(), &full]).unwrap_err();
            assert_eq!((index, error.raw_os_error()), (1, Some(libc::EINVAL)), "a device without media");
        }
    }

    #[test]
    fn a_short_write_is_a_failure() {
        let (mut reader, writer) = io::pipe().unwrap();
        let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
        rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
        // A pipe holds 16 pages and takes what fits: the nearest thing to a device that stops in the middle.
        let file = File::from(std::os::fd::OwnedFd::from(writer));
        let pages = vec![page(7); 40];
        let mut ring = Disk::open();
        let write = Write { file: &file, offset: 0, first: &pages[..1], rest: &pages[1..] };
        let (index, error) = ring.write(&[write]).unwrap_err();
        assert_eq!(index, 0);
        assert!(error.to_string().contains("bytes were written") || error.raw_os_error().is_some(), "{error}");
        drop(file);
        let mut taken = Vec::new();
        reader.read_to_end(&mut taken).unwrap();
        assert!(taken.len() < 40 * 4096);
    }
}
