//! A copied tree that answers as the kernel would.
//!
//! Two things that a kernel does and a file does not: a choice keeps its brackets (`always [madvise] never` becomes
//! `[always] madvise never` when `always` is written), and a word that is no choice is refused. A tree may also hold
//! `ethtool/NIC/SETTING`, a file for each setting of an interface: `8 max 64`, `on`, `off fixed`, or the text.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use rustix::io::Errno;

use crate::controls::host::{HostFiles, errno};
use crate::controls::{Files, value_of};
use crate::nic_control::{NicControl, NicError, NicSetting, NicValue};
use crate::notation::Notation;

/// Files below the root of a copied tree.
#[derive(Clone, Debug)]
pub struct TreeFiles(HostFiles);

/// Interfaces whose settings are files of a copied tree.
#[derive(Clone, Debug)]
pub struct TreeNics(HostFiles);

impl TreeFiles {
    /// The tree below `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self(HostFiles::below(root, None))
    }
}

impl TreeNics {
    /// The settings in `ethtool/` below `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self(HostFiles::below(root, None))
    }
}

impl Files for TreeFiles {
    fn read(&self, path: &str) -> Result<String, Errno> {
        self.0.read(path)
    }

    fn write(&self, path: &str, text: &str) -> Result<(), Errno> {
        let before = self.0.read(path)?;
        let Some(choices) = Notation::Choice.choices(&before) else { return overwrite(&self.0, path, text) };
        if !choices.contains(&text) {
            return Err(Errno::INVAL);
        }
        let bracketed = |word: &&str| if *word == text { format!("[{word}]") } else { (*word).to_owned() };
        overwrite(&self.0, path, &choices.iter().map(bracketed).collect::<Vec<_>>().join(" "))
    }

    fn is_writable(&self, path: &str) -> bool {
        self.0.is_writable(path)
    }

    fn names(&self, path: &str) -> Vec<String> {
        self.0.names(path)
    }
}

impl NicControl for TreeNics {
    fn read(&self, nic: &str, setting: NicSetting) -> Result<NicValue, NicError> {
        let text = self.0.read(&path(nic, setting)).map_err(error)?;
        if let Some(switch) = text.strip_suffix(" fixed") {
            return Ok(NicValue::Bool { on: switch == "on", fixed: true });
        }
        let number = |current: &str, max: &str| {
            Some(NicValue::Number { current: current.parse().ok()?, max: Some(max.parse().ok()?) })
        };
        let bounded = text.split_once(" max ").and_then(|(current, max)| number(current, max));
        Ok(bounded.unwrap_or_else(|| value_of(&text)))
    }

    fn write(&self, nic: &str, setting: NicSetting, value: &NicValue) -> Result<(), NicError> {
        let text = match (self.read(nic, setting)?, value) {
            (NicValue::Bool { fixed: true, .. }, _) => return Err(NicError::Fixed),
            (NicValue::Number { max: Some(max), .. }, NicValue::Number { current, .. }) if *current > max => {
                return Err(NicError::Io(Errno::INVAL));
            }
            (NicValue::Number { max: Some(max), .. }, NicValue::Number { current, .. }) => {
                format!("{current} max {max}")
            }
            (_, value) => value.to_string(),
        };
        overwrite(&self.0, &path(nic, setting), &text).map_err(error)
    }
}

/// Makes the text the file's content. A kernel changes a value in one piece; here the new one, and white space over the
/// rest of the old, go out in one call before the file is cut to its length: whoever is killed in between has written it.
fn overwrite(files: &HostFiles, path: &str, text: &str) -> Result<(), Errno> {
    let length = text.len() + 1;
    let write = || {
        let mut file = OpenOptions::new().write(true).open(files.path(path))?;
        let before = usize::try_from(file.metadata()?.len()).unwrap_or(length);
        let mut octets = format!("{text}\n").into_bytes();
        octets.resize(length.max(before), b' ');
        file.write_all(&octets)?;
        file.set_len(length as u64)
    };
    write().map_err(errno)
}

fn path(nic: &str, setting: NicSetting) -> String {
    format!("ethtool/{nic}/{setting}")
}

fn error(errno: Errno) -> NicError {
    match errno {
        Errno::NOENT | Errno::NOTDIR => NicError::NotSupported,
        errno => NicError::Io(errno),
    }
}
