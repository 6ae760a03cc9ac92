//! A machine with the ways to its settings: the running one, another network namespace of it, or a copied tree.

use std::collections::BTreeSet;
use std::path::Path;

use crate::changes::{self, Record, StateDirectory};
use crate::controls::{Controls, Files, HostFiles, Place, TreeFiles, TreeNics};
use crate::ethtool::Ethtool;
use crate::machine::{Machine, SysrootError};
use crate::netns::{Netns, NetnsError};
use crate::nic_control::{NicControl, NicError, NicSetting, NicValue};

/// A machine with the ways to its settings.
pub struct Host {
    /// What it is.
    pub machine: Machine,
    /// The network namespace, by name; `None` for that in which this was opened.
    pub netns: Option<String>,
    files: Box<dyn Files>,
    nics: Box<dyn NicControl>,
    /// Its sysfs is open as long as this lives.
    _entered: Option<Netns>,
}

/// A kernel that does not answer for interfaces at all: each setting says why.
struct NoEthtool(NicError);

impl Host {
    /// The machine below `sysroot`: `/` for the running one, any other directory for a copied tree.
    ///
    /// # Errors
    /// As [`Machine::read`].
    pub fn open(sysroot: &Path) -> Result<Self, SysrootError> {
        let machine = Machine::read(sysroot)?;
        let is_this_machine = std::fs::canonicalize(sysroot).is_ok_and(|root| root == Path::new("/"));
        let (files, nics): (Box<dyn Files>, Box<dyn NicControl>) = if is_this_machine {
            (Box::new(HostFiles::new(None)), interfaces())
        } else {
            (Box::new(TreeFiles::new(sysroot)), Box::new(TreeNics::new(sysroot)))
        };
        Ok(Self { machine, netns: None, files, nics, _entered: None })
    }

    /// The running machine as it is seen from the network namespace of that name, into which the calling thread moves for
    /// good.
    ///
    /// # Errors
    /// [`NetnsError`].
    pub fn in_netns(self, name: &str) -> Result<Self, NetnsError> {
        let entered = Netns::enter(name)?;
        Ok(Self {
            machine: self.machine.with_nics_of(&entered.sys()),
            netns: Some(name.to_owned()),
            files: Box::new(HostFiles::new(Some(entered.sys()))),
            nics: interfaces(),
            _entered: Some(entered),
        })
    }

    /// The seam to its settings.
    #[must_use]
    pub fn controls(&self) -> Controls<'_> {
        Controls { files: self.files.as_ref(), nics: self.nics.as_ref() }
    }

    /// The kernel's number for this boot.
    #[must_use]
    pub fn boot_id(&self) -> Option<String> {
        self.files.read("proc/sys/kernel/random/boot_id").ok()
    }

    /// What was tried on this boot and will not move. A journal that cannot be read says nothing of it.
    #[must_use]
    pub fn immovable(&self, directory: &StateDirectory) -> BTreeSet<Place> {
        let text = directory.read().unwrap_or_default();
        let records: Vec<Record> = changes::lines(&text).filter_map(|(_, record)| record).collect();
        changes::immovable(&records, self.boot_id().as_deref(), self.netns.as_deref())
    }
}

/// The interfaces of the calling thread's network namespace.
fn interfaces() -> Box<dyn NicControl> {
    match Ethtool::open() {
        Ok(ethtool) => Box::new(ethtool),
        Err(error) => Box::new(NoEthtool(error)),
    }
}

impl NicControl for NoEthtool {
    fn read(&self, _: &str, _: NicSetting) -> Result<NicValue, NicError> {
        Err(self.0.clone())
    }

    fn write(&self, _: &str, _: NicSetting, _: &NicValue) -> Result<(), NicError> {
        Err(self.0.clone())
    }
}
