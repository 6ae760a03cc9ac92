//! Kernel, processor and what runs beneath them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::sysroot::{Sysroot, field};

/// Kernel, processor and hypervisor. From `proc/sys/kernel`, `proc/cpuinfo` and `sys/class/dmi`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Platform {
    /// The kernel's release, as `uname -r` prints it.
    pub kernel_release: Option<String>,
    /// The processor's name for itself.
    pub processor_model: Option<String>,
    /// The instruction sets that signatures and hashes gain from; `None` where the kernel lists no x86 flags.
    pub processor_features: Option<Features>,
    /// What the kernel does about each weakness of processors that it knows of, in its own words (`vulnerabilities`).
    pub mitigations: Option<BTreeMap<String, String>>,
    /// Signs of a hypervisor.
    pub virtualisation: Virtualisation,
}

/// Instruction sets, as the kernel lets programs use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Features {
    /// 256-bit integer vectors.
    pub avx2: bool,
    /// 512-bit vectors, foundation.
    pub avx512f: bool,
    /// 52-bit multiply and add on 512-bit vectors: what the vector backend of signature checking is made of.
    pub avx512ifma: bool,
    /// SHA-1 and SHA-256 instructions.
    pub sha_ni: bool,
}

/// Signs that the machine is a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Virtualisation {
    /// The processor flag that hypervisors set for their guests.
    pub hypervisor_flag: Option<bool>,
    /// The hypervisor's name where the kernel knows one (`sys/hypervisor/type`; Xen does this).
    pub hypervisor_type: Option<String>,
    /// The maker in the firmware's tables. A hint only: clouds put the same name on their bare machines.
    pub dmi_vendor: Option<String>,
    /// The product in the firmware's tables.
    pub dmi_product: Option<String>,
}

impl Platform {
    pub(crate) fn read(sysroot: Sysroot<'_>) -> Self {
        let cpuinfo = sysroot.text("proc/cpuinfo").unwrap_or_default();
        let flags: Option<Vec<&str>> = field(&cpuinfo, "flags").map(|line| line.split_whitespace().collect());
        Self {
            kernel_release: sysroot.word("proc/sys/kernel/osrelease"),
            processor_model: field(&cpuinfo, "model name").map(str::to_owned),
            processor_features: flags.as_deref().map(Features::from_flags),
            mitigations: mitigations(sysroot),
            virtualisation: Virtualisation::read(sysroot, flags.as_deref()),
        }
    }
}

fn mitigations(sysroot: Sysroot<'_>) -> Option<BTreeMap<String, String>> {
    let folder = "sys/devices/system/cpu/vulnerabilities";
    let weaknesses = sysroot.names(folder)?.into_iter();
    Some(weaknesses.filter_map(|name| Some((name.clone(), sysroot.word(&format!("{folder}/{name}"))?))).collect())
}

impl Features {
    /// Every feature with the name the kernel gives it.
    pub fn named(self) -> [(&'static str, bool); 4] {
        [("avx2", self.avx2), ("avx512f", self.avx512f), ("avx512ifma", self.avx512ifma), ("sha_ni", self.sha_ni)]
    }

    fn from_flags(flags: &[&str]) -> Self {
        Self {
            avx2: flags.contains(&"avx2"),
            avx512f: flags.contains(&"avx512f"),
            avx512ifma: flags.contains(&"avx512ifma"),
            sha_ni: flags.contains(&"sha_ni"),
        }
    }
}

impl Virtualisation {
    /// Whether the machine is a guest; `None` when neither flag nor type is exposed. The firmware's names do not
    /// decide it.
    pub fn is_guest(&self) -> Option<bool> {
        if self.hypervisor_type.is_some() { Some(true) } else { self.hypervisor_flag }
    }

    fn read(sysroot: Sysroot<'_>, flags: Option<&[&str]>) -> Self {
        Self {
            hypervisor_flag: flags.map(|flags| flags.contains(&"hypervisor")),
            hypervisor_type: sysroot.word("sys/hypervisor/type"),
            dmi_vendor: sysroot.word("sys/class/dmi/id/sys_vendor"),
            dmi_product: sysroot.word("sys/class/dmi/id/product_name"),
        }
    }
}
