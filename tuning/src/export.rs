//! The plan in other tools' languages.

mod grub;
mod kubernetes;
mod script;
mod systemd;

use serde::Serialize;

use crate::cores_plan::CoresPlan;
use crate::glob::Selection;
use crate::survey::Ground;

/// A language to write the plan in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A shell script that sets every value, for machines that this command is not installed on. Keeps no journal.
    Script,
    /// Drop-ins for the authority's unit and for everything else's slices.
    Systemd,
    /// The boot line's additions, as a file for `/etc/default/grub.d`.
    Grub,
    /// The kubelet's settings and a pod's resources.
    Kubernetes,
}

/// The chosen part of the plan, as text.
#[must_use]
pub fn export(form: Form, ground: &Ground<'_>, selection: &Selection) -> String {
    match form {
        Form::Script => script::script(&ground.survey(selection)),
        Form::Systemd => systemd::systemd(&ground.cores),
        Form::Grub => grub::grub(&ground.cores),
        Form::Kubernetes => kubernetes::kubernetes(&ground.cores),
    }
}

/// Every core that the authority's threads run on.
fn authority_cores(cores: &CoresPlan) -> crate::cpu_list::CpuList {
    cores.shards.iter().chain(cores.journal_core_index).collect()
}
