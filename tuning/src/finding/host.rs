//! Findings about clock, memory, processor and hypervisor.

use crate::finding::{CLOCKS_FAST, Finding};
use crate::limits::Limits;
use crate::memory::Memory;
use crate::platform::{Features, Platform};
use crate::size::format_bytes;

pub(super) fn of_clock(limits: &Limits) -> Option<Finding> {
    let clock = limits.clock_source.as_deref().filter(|clock| !CLOCKS_FAST.contains(clock))?;
    let available = limits.clock_sources_available.as_deref().unwrap_or_default();
    let remedy = if available.iter().any(|source| source == "tsc") {
        "quittance-tune apply --only clock.source"
    } else {
        "have the hypervisor expose an invariant TSC; on bare metal look for why the kernel dropped it: dmesg | grep -i tsc"
    };
    let why =
        "the authority reads the time for each batch, and any clock but tsc costs more, most of them a system call";
    Some(Finding::warning(format!("the clock source is {clock}, not tsc"), why, remedy))
}

pub(super) fn of_memory(memory: &Memory) -> Vec<Finding> {
    [swap(memory), transparent_huge_pages(memory)].into_iter().flatten().collect()
}

fn swap(memory: &Memory) -> Option<Finding> {
    let swap_bytes = memory.swap_total_bytes.filter(|swap_bytes| *swap_bytes > 0)?;
    let why = "an account whose page was swapped out makes its payment wait for the disk";
    Some(Finding::notice(
        format!("{} of swap space are on", format_bytes(swap_bytes)),
        why,
        "swapoff -a, or MemorySwapMax=0 in the systemd unit",
    ))
}

fn transparent_huge_pages(memory: &Memory) -> Option<Finding> {
    let mode = memory.transparent_huge_pages_mode.as_deref().filter(|mode| *mode == "always")?;
    let why = "the kernel may stop a thread to compact memory for a huge page that nobody asked for";
    let remedy = "quittance-tune apply --only mm.transparent_huge_pages";
    Some(Finding::notice(format!("transparent huge pages are set to {mode}"), why, remedy))
}

pub(super) fn of_platform(platform: &Platform) -> Vec<Finding> {
    let vectors = platform.processor_features.and_then(vectors);
    vectors.into_iter().chain(guest(platform)).collect()
}

fn vectors(features: Features) -> Option<Finding> {
    if features.avx512f && features.avx512ifma {
        return None;
    }
    let why = "signatures are checked by the portable backend, several times slower than the vector one";
    let remedy =
        "use a processor with AVX-512 IFMA (Intel since Ice Lake, AMD since Zen 4); as a guest, have it passed through";
    Some(Finding::notice("the processor offers no AVX-512 IFMA", why, remedy))
}

fn guest(platform: &Platform) -> Option<Finding> {
    if platform.virtualisation.is_guest() != Some(true) {
        return None;
    }
    let why = "the host may take a core away at any moment, and what is measured here says little of bare metal";
    let remedy =
        "run on bare metal, or have the host pin each virtual core to a physical one (watch steal in /proc/stat)";
    Some(Finding::notice("this machine is a hypervisor's guest", why, remedy))
}
