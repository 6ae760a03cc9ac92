//! The report for people.

use std::collections::BTreeMap;

use crate::cache::Cache;
use crate::cores_plan::CoresPlan;
use crate::cpu_list::CpuList;
use crate::finding::{Finding, Severity};
use crate::limits::{Limit, Limits};
use crate::machine::Machine;
use crate::memory::Memory;
use crate::nic::Nic;
use crate::numa::Node;
use crate::platform::{Features, Platform, Virtualisation};
use crate::report::plan::cores_lines;
use crate::report::table::{Column, NOT_EXPOSED, aligned, pairs};
use crate::size::format_bytes;
use crate::topology::{Core, Topology};
use crate::uring::{IoUring, RingAttempt};

/// With more caches of a kind than this, the report counts them instead of listing who shares which.
const CACHE_GROUPS_LISTED_MAX: usize = 8;

/// The report as text: one section for each part of the machine, then the findings, a line each.
pub fn text(machine: &Machine, findings: &[Finding]) -> String {
    let sections = [
        ("MACHINE".to_owned(), machine_rows(&machine.platform, &machine.memory)),
        (cores_title(&machine.topology), aligned(core_columns(&machine.topology.cores))),
        ("CACHES".to_owned(), or_not_exposed(caches(&machine.topology.cores))),
        ("MEMORY NODES".to_owned(), or_not_exposed(machine.topology.nodes.as_deref().map(nodes))),
        ("LIMITS".to_owned(), limit_rows(&machine.limits)),
        ("IO_URING".to_owned(), uring_rows(&machine.io_uring)),
        ("NETWORK".to_owned(), or_not_exposed(machine.nics.as_deref().map(nics))),
        ("AUTHORITY'S CORES".to_owned(), cores_lines(&CoresPlan::of_machine(machine))),
        (findings_title(findings), findings.iter().map(finding_line).collect()),
    ];
    let sections: Vec<String> = sections.into_iter().map(|(title, body)| format!("{title}\n{body}")).collect();
    sections.join("\n")
}

fn machine_rows(platform: &Platform, memory: &Memory) -> String {
    let bytes = |size_bytes: Option<u64>| size_bytes.map(format_bytes);
    pairs(vec![
        ("kernel", platform.kernel_release.clone()),
        ("processor", platform.processor_model.clone()),
        ("features", platform.processor_features.map(feature_words)),
        ("hypervisor", hypervisor(&platform.virtualisation)),
        ("firmware", firmware(&platform.virtualisation)),
        ("memory", bytes(memory.total_bytes)),
        ("memory available", bytes(memory.available_bytes)),
        ("swap", bytes(memory.swap_total_bytes)),
        ("huge pages", huge_pages(memory)),
        ("transparent huge pages", memory.transparent_huge_pages_mode.clone()),
    ])
}

fn feature_words(features: Features) -> String {
    features.named().map(|(name, present)| format!("{name} {}", yes_no(present))).join(", ")
}

fn hypervisor(virtualisation: &Virtualisation) -> Option<String> {
    let name = virtualisation.hypervisor_type.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    virtualisation.is_guest().map(|guest| format!("{}{name}", yes_no(guest)))
}

fn firmware(virtualisation: &Virtualisation) -> Option<String> {
    let words: Vec<&str> =
        [&virtualisation.dmi_vendor, &virtualisation.dmi_product].into_iter().flatten().map(String::as_str).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn huge_pages(memory: &Memory) -> Option<String> {
    let count = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let pools = memory.huge_pages.as_ref()?.iter();
    let words: Vec<String> = pools
        .map(|pool| {
            format!(
                "{} reserved of {} ({} free)",
                count(pool.total_count),
                format_bytes(pool.page_bytes),
                count(pool.free_count)
            )
        })
        .collect();
    Some(if words.is_empty() { "none".to_owned() } else { words.join(", ") })
}

fn cores_title(topology: &Topology) -> String {
    let count = |chosen: fn(&Core) -> bool| topology.indices(chosen).len();
    let online_count = count(|core| core.online == Some(true));
    let allowed_count = count(|core| core.allowed == Some(true));
    let smt = topology.smt_active.map_or(NOT_EXPOSED, |active| if active { "on" } else { "off" });
    format!("CORES  {} present, {online_count} online, {allowed_count} allowed here, SMT {smt}", topology.cores.len())
}

fn core_columns(cores: &[Core]) -> Vec<Column> {
    let column = |cell: fn(&Core) -> Option<String>| cores.iter().map(cell).collect();
    vec![
        ("core", column(|core| Some(core.core_index.to_string()))),
        ("online", column(|core| core.online.map(yes_no).map(str::to_owned))),
        ("allowed", column(|core| core.allowed.map(yes_no).map(str::to_owned))),
        ("package", column(|core| core.package_id.map(|id| id.to_string()))),
        ("core id", column(|core| core.core_id.map(|id| id.to_string()))),
        ("SMT siblings", column(|core| core.smt_siblings.as_ref().map(CpuList::to_string))),
        ("node", column(|core| core.node_index.map(|index| index.to_string()))),
        ("isolated", column(|core| core.isolated.map(yes_no).map(str::to_owned))),
        ("nohz_full", column(|core| core.nohz_full.map(yes_no).map(str::to_owned))),
        ("governor", column(|core| core.governor.clone())),
        ("max MHz", column(|core| core.frequency_max_khz.map(|khz| (khz / 1000).to_string()))),
    ]
}

/// One row for each kind of cache (level, size, line); `None` when no core exposes any.
fn caches(cores: &[Core]) -> Option<String> {
    let kinds = cache_kinds(cores);
    let rows = || kinds.iter();
    let columns = vec![
        ("cache", rows().map(|((_, level, _, _), _)| Some((*level).to_owned())).collect()),
        ("size", rows().map(|((_, _, size_bytes, _), _)| size_bytes.map(format_bytes)).collect()),
        ("line", rows().map(|((_, _, _, line_bytes), _)| line_bytes.map(format_bytes)).collect()),
        ("shared by cores", rows().map(|(_, groups)| sharing(groups)).collect()),
    ];
    (!kinds.is_empty()).then(|| aligned(columns))
}

/// Level's position, level's name, size, line size.
type CacheKind = (usize, &'static str, Option<u64>, Option<u64>);

/// Every kind of cache with the distinct sets of cores that share one.
fn cache_kinds(cores: &[Core]) -> BTreeMap<CacheKind, Vec<CpuList>> {
    let mut kinds: BTreeMap<CacheKind, Vec<CpuList>> = BTreeMap::new();
    for core in cores {
        for (position, (level, cache)) in core.caches.levels().into_iter().enumerate() {
            let Some(Cache { size_bytes, line_bytes, shared_by }) = cache else { continue };
            let groups = kinds.entry((position, level, *size_bytes, *line_bytes)).or_default();
            // A set comes up once for each member; its first member brings it in.
            groups.extend(shared_by.iter().filter(|group| group.as_slice().first() == Some(&core.core_index)).cloned());
        }
    }
    kinds
}

fn sharing(groups: &[CpuList]) -> Option<String> {
    let largest = groups.iter().map(CpuList::len).max()?;
    if groups.len() <= CACHE_GROUPS_LISTED_MAX {
        return Some(groups.iter().map(CpuList::to_string).collect::<Vec<_>>().join(" | "));
    }
    Some(format!("{} caches of up to {largest} cores each", groups.len()))
}

fn nodes(nodes: &[Node]) -> String {
    let column = |cell: fn(&Node) -> Option<String>| nodes.iter().map(cell).collect();
    aligned(vec![
        ("node", column(|node| Some(node.node_index.to_string()))),
        ("cores", column(|node| node.cores.as_ref().map(CpuList::to_string))),
        ("memory", column(|node| node.memory_total_bytes.map(format_bytes))),
        ("free", column(|node| node.memory_free_bytes.map(format_bytes))),
        ("distances", column(|node| node.distances.as_deref().map(spaced))),
    ])
}

fn spaced(costs: &[u32]) -> String {
    costs.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

fn limit_rows(limits: &Limits) -> String {
    let both = |soft: Option<Limit>, hard: Option<Limit>, word: fn(Limit) -> String| {
        Some(format!("{} soft, {} hard", word(soft?), word(hard?)))
    };
    let exempt = if limits.memlock_exempt == Some(true) { " (not applied: CAP_IPC_LOCK)" } else { "" };
    let memlock = both(limits.memlock_soft_bytes, limits.memlock_hard_bytes, limit_bytes);
    let packets = limits.net_core_netdev_max_backlog_count.map(|packet_count| format!("{packet_count} packets"));
    pairs(vec![
        ("memlock", memlock.map(|words| words + exempt)),
        ("open files", both(limits.open_files_soft_count, limits.open_files_hard_count, |limit| limit.to_string())),
        ("net.core.rmem_max", limits.net_core_rmem_max_bytes.map(format_bytes)),
        ("net.core.wmem_max", limits.net_core_wmem_max_bytes.map(format_bytes)),
        ("net.core.netdev_max_backlog", packets),
        ("clock source", clock(limits)),
    ])
}

fn limit_bytes(limit: Limit) -> String {
    match limit {
        Limit::At(size_bytes) => format_bytes(size_bytes),
        Limit::Unlimited => limit.to_string(),
    }
}

fn clock(limits: &Limits) -> Option<String> {
    let available = limits.clock_sources_available.as_ref().map(|sources| format!(" (of {})", sources.join(", ")));
    limits.clock_source.as_ref().map(|clock| format!("{clock}{}", available.unwrap_or_default()))
}

fn uring_rows(io_uring: &IoUring) -> String {
    let meaning = |switch: u8| match switch {
        0 => "0 (open to all)".to_owned(),
        1 => "1 (one group only)".to_owned(),
        2 => "2 (open to nobody)".to_owned(),
        other => other.to_string(),
    };
    pairs(vec![
        ("kernel.io_uring_disabled", io_uring.disabled_sysctl.map(meaning)),
        ("plain ring", Some(attempt(&io_uring.plain))),
        ("single issuer, deferred task work", Some(attempt(&io_uring.deferred))),
    ])
}

fn attempt(attempt: &RingAttempt) -> String {
    match attempt {
        RingAttempt::Created => "can be created".to_owned(),
        RingAttempt::Refused { error, reason, .. } => format!("refused: {error}: {reason}"),
        RingAttempt::NotTried => "not tried: this tree is not the running machine's".to_owned(),
    }
}

fn nics(nics: &[Nic]) -> String {
    let column = |cell: fn(&Nic) -> Option<String>| nics.iter().map(cell).collect();
    aligned(vec![
        ("name", column(|nic| Some(nic.name.clone()))),
        ("state", column(|nic| nic.operstate.clone())),
        ("driver", column(|nic| nic.driver.clone())),
        ("rx queues", column(|nic| nic.receive_queue_count.map(|count| count.to_string()))),
        ("tx queues", column(|nic| nic.transmit_queue_count.map(|count| count.to_string()))),
        ("MTU bytes", column(|nic| nic.mtu_bytes.map(|size| size.to_string()))),
        ("Mbit/s", column(|nic| nic.speed_mbps.map(|speed| speed.to_string()))),
        ("node", column(|nic| nic.node_index.map(|index| index.to_string()))),
        (
            "interrupts",
            column(|nic| nic.interrupts.as_ref().map(|irqs| irqs.iter().copied().collect::<CpuList>().to_string())),
        ),
    ])
}

fn findings_title(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (warning_count, notice_count) = (count(Severity::Warning), count(Severity::Notice));
    format!("FINDINGS  {warning_count} warnings, {notice_count} notices")
}

fn finding_line(finding: &Finding) -> String {
    let Finding { severity, what, why, remedy } = finding;
    format!("  {:<8} {what}; {why}. Do: {remedy}\n", severity.word())
}

fn or_not_exposed(section: Option<String>) -> String {
    section.filter(|lines| !lines.is_empty()).unwrap_or_else(|| format!("  {NOT_EXPOSED}\n"))
}

fn yes_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}
