//! The caches a core sees.

use serde::Serialize;

use crate::cpu_list::CpuList;
use crate::sysroot::Sysroot;

/// One cache. From `cpu/cpuN/cache/indexM`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cache {
    /// Its capacity, octets.
    pub size_bytes: Option<u64>,
    /// The unit of sharing between cores, octets: two threads that write within one line slow each other.
    pub line_bytes: Option<u64>,
    /// The cores that use this very cache, the asking core among them.
    pub shared_by: Option<CpuList>,
}

/// The caches of one core, by level. `None`: not exposed, or the processor has none (an L3 is often hidden by
/// hypervisors).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CoreCaches {
    /// First level, for what is loaded and stored.
    pub l1d: Option<Cache>,
    /// First level, for instructions.
    pub l1i: Option<Cache>,
    /// Second level.
    pub l2: Option<Cache>,
    /// Third level, usually shared by many cores.
    pub l3: Option<Cache>,
}

impl CoreCaches {
    /// Every level with its name, nearest first.
    pub fn levels(&self) -> [(&'static str, Option<&Cache>); 4] {
        [("L1d", self.l1d.as_ref()), ("L1i", self.l1i.as_ref()), ("L2", self.l2.as_ref()), ("L3", self.l3.as_ref())]
    }

    pub(crate) fn read(sysroot: Sysroot<'_>, core_index: usize) -> Self {
        let folder = format!("sys/devices/system/cpu/cpu{core_index}/cache");
        let mut caches = Self::default();
        for entry_index in sysroot.numbered(&folder, "index").unwrap_or_default() {
            let entry = format!("{folder}/index{entry_index}");
            if let Some(slot) = caches.slot(sysroot, &entry) {
                *slot = Some(Cache::read(sysroot, &entry));
            }
        }
        caches
    }

    /// Where the cache described at `entry` belongs; `None` for levels we do not name.
    fn slot(&mut self, sysroot: Sysroot<'_>, entry: &str) -> Option<&mut Option<Cache>> {
        let level: u32 = sysroot.number(&format!("{entry}/level"))?;
        let kind = sysroot.word(&format!("{entry}/type"))?;
        match (level, kind.as_str()) {
            (1, "Data" | "Unified") => Some(&mut self.l1d),
            (1, "Instruction") => Some(&mut self.l1i),
            (2, "Data" | "Unified") => Some(&mut self.l2),
            (3, "Data" | "Unified") => Some(&mut self.l3),
            _ => None,
        }
    }
}

impl Cache {
    fn read(sysroot: Sysroot<'_>, entry: &str) -> Self {
        Self {
            size_bytes: sysroot.size_bytes(&format!("{entry}/size")),
            line_bytes: sysroot.number(&format!("{entry}/coherency_line_size")),
            shared_by: sysroot.cpu_list(&format!("{entry}/shared_cpu_list")),
        }
    }
}
