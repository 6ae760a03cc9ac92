//! Reading sysfs and procfs below a root directory: what is missing, unreadable or malformed is `None`.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::cpu_list::CpuList;
use crate::size::parse_size_bytes;

/// The most octets read of one file. The largest is `/proc/cpuinfo`, about 2 KiB for each of at most 8192 cores.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The most names taken from one directory. The fullest is `devices/system/cpu`, which has a room for each core.
const NAME_COUNT_MAX: usize = 16_384;

/// The directory that stands for `/`. Paths given to its methods are relative: `proc/meminfo`.
#[derive(Clone, Copy)]
pub(crate) struct Sysroot<'a> {
    root: &'a Path,
    /// What stands for `/sys`, where that is another mount.
    sys: Option<&'a Path>,
}

impl<'a> Sysroot<'a> {
    pub(crate) fn new(root: &'a Path) -> Self {
        Self { root, sys: None }
    }

    /// The same root with another sysfs.
    pub(crate) fn with_sys(self, sys: &'a Path) -> Self {
        Self { sys: Some(sys), ..self }
    }

    fn path(self, path: &str) -> PathBuf {
        match (self.sys, path.strip_prefix("sys/")) {
            (Some(sys), Some(inner)) => sys.join(inner),
            _ => self.root.join(path),
        }
    }

    /// The file's text without the white space around it. Octets that are not UTF-8 become U+FFFD (DMI strings are
    /// whatever the firmware's author typed).
    pub(crate) fn text(self, path: &str) -> Option<String> {
        let mut octets = Vec::new();
        File::open(self.path(path)).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut octets).ok()?;
        Some(String::from_utf8_lossy(&octets).trim().to_owned())
    }

    /// As [`Sysroot::text`], but an empty file is `None` too.
    pub(crate) fn word(self, path: &str) -> Option<String> {
        self.text(path).filter(|text| !text.is_empty())
    }

    pub(crate) fn number<N: FromStr>(self, path: &str) -> Option<N> {
        self.text(path)?.parse().ok()
    }

    pub(crate) fn size_bytes(self, path: &str) -> Option<u64> {
        parse_size_bytes(&self.text(path)?)
    }

    /// A list of cores; empty when the file is empty, and when it says `(null)`, which is how a kernel built with
    /// `NO_HZ_FULL` but booted without it prints `nohz_full`.
    pub(crate) fn cpu_list(self, path: &str) -> Option<CpuList> {
        match self.text(path)?.as_str() {
            "(null)" => Some(CpuList::default()),
            list => list.parse().ok(),
        }
    }

    /// The names in a directory, sorted.
    pub(crate) fn names(self, path: &str) -> Option<Vec<String>> {
        let entries = fs::read_dir(self.path(path)).ok()?.take(NAME_COUNT_MAX);
        let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort_unstable();
        Some(names)
    }

    /// The numbers N of the entries `prefixN` of a directory, ascending.
    pub(crate) fn numbered(self, path: &str, prefix: &str) -> Option<Vec<usize>> {
        let names = self.names(path)?;
        let mut numbers: Vec<usize> = names.iter().filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).collect();
        numbers.sort_unstable();
        Some(numbers)
    }

    /// The last component of what a symbolic link points to.
    pub(crate) fn link_name(self, path: &str) -> Option<String> {
        let target = fs::read_link(self.path(path)).ok()?;
        Some(target.file_name()?.to_str()?.to_owned())
    }

    pub(crate) fn is_directory(self, path: &str) -> bool {
        self.path(path).is_dir()
    }
}

/// The value of the first line `name: value`, as in `/proc/self/status` and `/proc/cpuinfo`.
pub(crate) fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    fields(text, name).next()
}

/// The values of all lines `name: value`.
pub(crate) fn fields<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.filter_map(move |(left, right)| (left.trim() == name).then_some(right.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "Cpus_allowed:\t3\nCpus_allowed_list:\t0-1\nmodel name\t: A: B\n";
        assert_eq!(field(text, "Cpus_allowed_list"), Some("0-1"));
        assert_eq!(field(text, "model name"), Some("A: B"));
        assert_eq!(field(text, "model"), None);
    }
}
