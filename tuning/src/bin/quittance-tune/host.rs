//! The machine that is meant, and what of it.

use quittance_tuning::changes::StateDirectory;
use quittance_tuning::{Ground, Host, Selection, stage};

use crate::exit::Fault;
use crate::options::{GroundOptions, HostOptions, StateOptions};

/// The machine that the options name.
pub(crate) fn open(options: &HostOptions) -> Result<Host, Fault> {
    let host = Host::open(&options.sysroot)?;
    Ok(match options.netns.as_deref() {
        Some(name) => host.in_netns(name)?,
        None => host,
    })
}

/// What the options ask for, once every pattern is seen to match something.
pub(crate) fn ground<'a>(
    host: &'a Host,
    options: &GroundOptions,
    state: &StateOptions,
) -> Result<(Ground<'a>, Selection), Fault> {
    let selection = options.selection();
    let names: Vec<&str> = stage::kinds().map(|(_, kind)| kind.name).collect();
    if let Some(pattern) = selection.idle_patterns(&names).first() {
        return Err(Fault::Usage(format!("no knob is called {pattern}; `quittance-tune explain` lists them")));
    }
    let known = host.machine.nics.as_deref().unwrap_or_default();
    let unknown = options.nic.iter().find(|name| !known.iter().any(|nic| nic.name == **name));
    if let Some(name) = unknown {
        return Err(Fault::Usage(format!("there is no interface {name}; `quittance-tune show` lists them")));
    }
    let ground = Ground::new(&host.machine, host.controls(), options.profile, &options.nic);
    let ground = ground.with_immovable(host.immovable(&StateDirectory::new(&state.state_dir)));
    let ground = if host.netns.is_some() { ground.of_network_only() } else { ground };
    Ok((ground, selection))
}
