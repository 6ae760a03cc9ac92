//! The machine that is meant.

use std::collections::BTreeSet;
use std::path::Path;

use quittance_tuning::changes::{self, Record, StateDirectory};
use quittance_tuning::controls::{Controls, Files, HostFiles, Place, TreeFiles, TreeNics};
use quittance_tuning::netns::Netns;
use quittance_tuning::{Ethtool, Ground, Machine, NicControl, NicError, NicSetting, NicValue, Selection, stage};

use crate::exit::Fault;
use crate::options::{GroundOptions, HostOptions, StateOptions};

/// A machine with the ways to its settings.
pub(crate) struct Host {
    pub(crate) machine: Machine,
    files: Box<dyn Files>,
    nics: Box<dyn NicControl>,
    pub(crate) netns: Option<String>,
    /// Its sysfs is open as long as this lives.
    _entered: Option<Netns>,
}

/// A kernel that does not answer for interfaces at all: each setting says why.
struct NoEthtool(NicError);

impl Host {
    pub(crate) fn open(options: &HostOptions) -> Result<Self, Fault> {
        let machine = Machine::read(&options.sysroot)?;
        let is_this_machine = std::fs::canonicalize(&options.sysroot).is_ok_and(|root| root == Path::new("/"));
        if !is_this_machine {
            let (files, nics) = (TreeFiles::new(&options.sysroot), TreeNics::new(&options.sysroot));
            return Ok(Self { machine, files: Box::new(files), nics: Box::new(nics), netns: None, _entered: None });
        }
        let entered = options.netns.as_deref().map(Netns::enter).transpose()?;
        let sys = entered.as_ref().map(Netns::sys);
        let machine = if let Some(sys) = &sys { machine.with_nics_of(sys) } else { machine };
        let files = Box::new(HostFiles::new(sys));
        let nics: Box<dyn NicControl> = match Ethtool::open() {
            Ok(ethtool) => Box::new(ethtool),
            Err(error) => Box::new(NoEthtool(error)),
        };
        Ok(Self { machine, files, nics, netns: options.netns.clone(), _entered: entered })
    }

    pub(crate) fn controls(&self) -> Controls<'_> {
        Controls { files: self.files.as_ref(), nics: self.nics.as_ref() }
    }

    /// The kernel's number for this boot.
    pub(crate) fn boot_id(&self) -> Option<String> {
        self.files.read("proc/sys/kernel/random/boot_id").ok()
    }

    /// What was tried on this boot and will not move. A journal that cannot be read says nothing of it.
    fn immovable(&self, directory: &StateDirectory) -> BTreeSet<Place> {
        let text = directory.read().unwrap_or_default();
        let records: Vec<Record> = changes::lines(&text).filter_map(|(_, record)| record).collect();
        changes::immovable(&records, self.boot_id().as_deref(), self.netns.as_deref())
    }

    /// What the options ask for, once every pattern is seen to match something.
    pub(crate) fn ground(
        &self,
        options: &GroundOptions,
        state: &StateOptions,
    ) -> Result<(Ground<'_>, Selection), Fault> {
        let selection = options.selection();
        let names: Vec<&str> = stage::kinds().map(|(_, kind)| kind.name).collect();
        if let Some(pattern) = selection.idle_patterns(&names).first() {
            return Err(Fault::Usage(format!("no knob is called {pattern}; `quittance-tune explain` lists them")));
        }
        let known = self.machine.nics.as_deref().unwrap_or_default();
        let unknown = options.nic.iter().find(|name| !known.iter().any(|nic| nic.name == **name));
        if let Some(name) = unknown {
            return Err(Fault::Usage(format!("there is no interface {name}; `quittance-tune show` lists them")));
        }
        let ground = Ground::new(&self.machine, self.controls(), options.profile, &options.nic);
        let ground = ground.with_immovable(self.immovable(&StateDirectory::new(&state.state_dir)));
        let ground = if self.netns.is_some() { ground.of_network_only() } else { ground };
        Ok((ground, selection))
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
