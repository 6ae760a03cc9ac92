//! The one seam through which settings are read and written: files below a root, and the interfaces' own control.
//!
//! Everything that plans, checks, applies and undoes works on these two traits, so that a test can stand between it and
//! the machine: count, refuse, forget, stop.

mod host;
mod tree;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::nic_control::{NicControl, NicError, NicSetting, NicValue};
pub use host::HostFiles;
pub use tree::{TreeFiles, TreeNics};

/// Files of sysfs and procfs. Paths are relative to what stands for `/`: `proc/sys/net/core/rmem_max`.
pub trait Files {
    /// The file's text, without the white space around it.
    ///
    /// # Errors
    /// What the kernel said; `NOENT` where there is no such file.
    fn read(&self, path: &str) -> Result<String, Errno>;

    /// Makes the text the content of a file that is there. Never creates one.
    ///
    /// # Errors
    /// What the kernel said.
    fn write(&self, path: &str, text: &str) -> Result<(), Errno>;

    /// Whether anybody at all may write the file, by its mode: a kernel that only shows a value has nobody do it, not even
    /// root.
    fn is_writable(&self, path: &str) -> bool;

    /// The names in a directory, sorted; none where it is not there or cannot be read.
    fn names(&self, path: &str) -> Vec<String>;
}

/// Where a value is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A file, relative to what stands for `/`.
    File(String),
    /// A setting of an interface, by the names that [`NicSetting`] prints.
    Nic {
        /// The interface.
        nic: String,
        /// The setting.
        setting: String,
    },
}

/// Why a value was not read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The machine has no such setting, or no longer.
    #[error("this machine has no such setting")]
    Absent,
    /// It is there, and the driver lets nobody move it.
    #[error("the driver holds it fixed")]
    Fixed,
    /// The kernel refused or failed.
    #[error("{0}")]
    Io(Errno),
    /// The kernel refused, and it or the driver said why.
    #[error("{errno}: {reason}")]
    Refused {
        /// What the kernel answered.
        errno: Errno,
        /// The words that came with it.
        reason: String,
    },
}

impl ControlError {
    /// The kernel's error and all the words there are for it; `None` where the setting is absent or fixed.
    pub(crate) fn errno_and_words(&self) -> Option<(Errno, String)> {
        let words = |errno: Errno| {
            let words = std::io::Error::from(errno).to_string();
            // The number that follows says nothing more.
            words.split(" (os error").next().unwrap_or_default().to_owned()
        };
        match self {
            Self::Absent | Self::Fixed => None,
            Self::Io(errno) => Some((*errno, words(*errno))),
            Self::Refused { errno, reason } => Some((*errno, format!("{}: {reason}", words(*errno)))),
        }
    }
}

/// A value as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) text: String,
    /// The most that the device takes.
    pub(crate) max: Option<u32>,
    /// Nobody can move it.
    pub(crate) fixed: bool,
}

/// Both halves of the seam.
#[derive(Clone, Copy)]
pub struct Controls<'a> {
    /// Files of sysfs and procfs.
    pub files: &'a dyn Files,
    /// Interfaces.
    pub nics: &'a dyn NicControl,
}

impl Controls<'_> {
    pub(crate) fn read(&self, place: &Place) -> Result<Reading, ControlError> {
        match place {
            Place::File(path) => {
                let text = self.files.read(path)?;
                Ok(Reading { text, max: None, fixed: !self.files.is_writable(path) })
            }
            Place::Nic { nic, setting } => {
                let setting = NicSetting::named(setting).ok_or(ControlError::Absent)?;
                Ok(Reading::from(self.nics.read(nic, setting)?))
            }
        }
    }

    pub(crate) fn write(&self, place: &Place, text: &str) -> Result<(), ControlError> {
        match place {
            Place::File(path) => Ok(self.files.write(path, text)?),
            Place::Nic { nic, setting } => {
                let setting = NicSetting::named(setting).ok_or(ControlError::Absent)?;
                Ok(self.nics.write(nic, setting, &value_of(text))?)
            }
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "/{path}"),
            Self::Nic { nic, setting } => write!(formatter, "ethtool {nic} {setting}"),
        }
    }
}

impl From<NicValue> for Reading {
    fn from(value: NicValue) -> Self {
        let (max, fixed) = match value {
            NicValue::Number { max, .. } => (max, false),
            NicValue::Bool { fixed, .. } => (None, fixed),
            NicValue::Text(_) => (None, false),
        };
        Self { text: value.to_string(), max, fixed }
    }
}

/// What a text written by [`NicValue`]'s `Display` stands for.
fn value_of(text: &str) -> NicValue {
    match text {
        "on" => NicValue::switch(true),
        "off" => NicValue::switch(false),
        text => text.parse().map_or_else(|_| NicValue::Text(text.to_owned()), NicValue::number),
    }
}

/// No such file, no such device, or a file that says that it does not apply.
impl From<Errno> for ControlError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NODEV | Errno::NXIO | Errno::NOTDIR | Errno::OPNOTSUPP => Self::Absent,
            errno => Self::Io(errno),
        }
    }
}

impl From<NicError> for ControlError {
    fn from(error: NicError) -> Self {
        match error {
            NicError::NotSupported | NicError::Gone => Self::Absent,
            NicError::Fixed => Self::Fixed,
            NicError::Io(errno) => errno.into(),
            NicError::Refused { errno, reason } => Self::Refused { errno, reason },
        }
    }
}

impl NicSetting {
    /// The setting with this name, among those that some stage uses.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let used = crate::stage::kinds().filter_map(|(_, kind)| kind.at.nic_setting());
        used.into_iter().find(|setting| setting.to_string() == name)
    }
}
