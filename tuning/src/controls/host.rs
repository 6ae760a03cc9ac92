//! The running machine's files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::controls::Files;

/// The most octets read of one file: `/proc/interrupts` of 8192 cores is the largest, about 11 octets for each core and
/// line.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The most names taken from one directory: `/proc` has one for each of at most some ten thousand processes.
const NAME_COUNT_MAX: usize = 65_536;

/// The bits of a file's mode that let its owner, its group or others write.
const WRITABLE_BITS: u32 = 0o222;

/// Files below a root whose kernel is really there.
#[derive(Clone, Debug)]
pub struct HostFiles {
    root: PathBuf,
    /// What stands for `/sys`, where that is another mount: see [`crate::netns`].
    sys: Option<PathBuf>,
}

impl HostFiles {
    /// Files below `/`, or below `sys` for those in `/sys`.
    #[must_use]
    pub fn new(sys: Option<PathBuf>) -> Self {
        Self::below(Path::new("/"), sys)
    }

    pub(super) fn below(root: &Path, sys: Option<PathBuf>) -> Self {
        Self { root: root.to_owned(), sys }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        match (&self.sys, path.strip_prefix("sys/")) {
            (Some(sys), Some(inner)) => sys.join(inner),
            _ => self.root.join(path),
        }
    }
}

impl Files for HostFiles {
    fn read(&self, path: &str) -> Result<String, Errno> {
        let mut octets = Vec::new();
        let read = File::open(self.path(path)).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut octets));
        read.map_err(errno)?;
        Ok(String::from_utf8_lossy(&octets).trim().to_owned())
    }

    fn write(&self, path: &str, text: &str) -> Result<(), Errno> {
        // The kernel takes a value in one piece: line and line break go out in one call. Nothing is cut off before.
        let line = format!("{text}\n");
        let file = OpenOptions::new().write(true).open(self.path(path));
        file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(errno)
    }

    fn is_writable(&self, path: &str) -> bool {
        // What cannot be asked will say so when it is written.
        fs::metadata(self.path(path)).map_or(true, |facts| facts.permissions().mode() & WRITABLE_BITS != 0)
    }

    fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(path)) else { return Vec::new() };
        let entries = entries.take(NAME_COUNT_MAX);
        let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}
