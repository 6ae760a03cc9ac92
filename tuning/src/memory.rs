//! Memory, huge pages, swap.

use serde::Serialize;

use crate::size::parse_size_bytes;
use crate::sysroot::Sysroot;

/// What memory the machine has. From `proc/meminfo` and `sys/kernel/mm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// All memory the kernel manages, octets.
    pub total_bytes: Option<u64>,
    /// What could be given to a new process without swapping, by the kernel's estimate, octets.
    pub available_bytes: Option<u64>,
    /// Swap space, octets; 0 when there is none.
    pub swap_total_bytes: Option<u64>,
    /// The pools of reserved huge pages, one per page size.
    pub huge_pages: Option<Vec<HugePages>>,
    /// When ordinary memory is given huge pages by itself: `always`, `madvise` or `never`.
    pub transparent_huge_pages_mode: Option<String>,
}

/// A pool of reserved huge pages of one size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HugePages {
    /// Octets of one page.
    pub page_bytes: u64,
    /// Pages reserved.
    pub total_count: Option<u64>,
    /// Reserved pages that nobody has taken.
    pub free_count: Option<u64>,
}

impl Memory {
    pub(crate) fn read(sysroot: Sysroot<'_>) -> Self {
        let meminfo = sysroot.text("proc/meminfo").unwrap_or_default();
        let mode = sysroot.text("sys/kernel/mm/transparent_hugepage/enabled");
        Self {
            total_bytes: field_size_bytes(&meminfo, "MemTotal"),
            available_bytes: field_size_bytes(&meminfo, "MemAvailable"),
            swap_total_bytes: field_size_bytes(&meminfo, "SwapTotal"),
            huge_pages: HugePages::read_all(sysroot),
            transparent_huge_pages_mode: mode.and_then(|text| chosen(&text)),
        }
    }
}

impl HugePages {
    fn read_all(sysroot: Sysroot<'_>) -> Option<Vec<Self>> {
        let names = sysroot.names("sys/kernel/mm/hugepages")?;
        let mut pools: Vec<Self> = names.iter().filter_map(|name| Self::read(sysroot, name)).collect();
        pools.sort_unstable_by_key(|pool| pool.page_bytes);
        Some(pools)
    }

    fn read(sysroot: Sysroot<'_>, name: &str) -> Option<Self> {
        let page_bytes = parse_size_bytes(name.strip_prefix("hugepages-")?)?;
        let folder = format!("sys/kernel/mm/hugepages/{name}");
        let total_count = sysroot.number(&format!("{folder}/nr_hugepages"));
        let free_count = sysroot.number(&format!("{folder}/free_hugepages"));
        Some(Self { page_bytes, total_count, free_count })
    }
}

/// The octets on the line that says `name:`; lines of a node's file have `Node 0` before the name.
pub(crate) fn field_size_bytes(meminfo: &str, name: &str) -> Option<u64> {
    let mut fields = meminfo.lines().filter_map(|line| line.split_once(':'));
    let (_, size) = fields.find(|(left, _)| left.split_whitespace().last() == Some(name))?;
    parse_size_bytes(size)
}

/// The word in brackets: sysfs writes a choice as `always [madvise] never`.
fn chosen(choices: &str) -> Option<String> {
    let (_, rest) = choices.split_once('[')?;
    let (word, _) = rest.split_once(']')?;
    Some(word.to_owned())
}
