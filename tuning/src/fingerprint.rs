//! What a machine's figures depend on, as a list and as one number: results are comparable where these are equal.
//!
//! In the list is what an operator, a kernel or a machine decides: processor, cores, kernel, governor, mitigations, clock,
//! isolation, limits, interfaces. Not in it is what changes by itself: free memory, names of interfaces, the time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::limits::Limits;
use crate::machine::{Machine, SysrootError};
use crate::memory::Memory;
use crate::nic::Nic;
use crate::platform::Platform;
use crate::topology::{Core, Topology};
use crate::uring::{IoUring, RingAttempt};

/// What is hashed starts with this. It changes with the list: fingerprints of different lists are never equal.
const DOMAIN: &str = "quittance fingerprint 1";

/// Octets of the hash that are kept.
const HASH_BYTES: usize = 16;

/// The most octets of a file to compare with; a fingerprint has some thousands.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What stands for a value that the machine does not expose.
const NOT_EXPOSED: &str = "not exposed";

/// What figures depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The first 16 octets of SHA-256 over all facts, in hexadecimal digits.
    pub hash: String,
    /// Name and value of each, by name. What the machine does not expose is there too, and says so.
    pub facts: BTreeMap<String, String>,
}

/// A fact in which two machines differ. `None`: not in that list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The fact.
    pub name: String,
    /// Its value in the one list.
    pub left: Option<String>,
    /// Its value in the other.
    pub right: Option<String>,
}

/// The fingerprint of a machine and of this process on it: limits and allowed cores are those that it has.
pub fn fingerprint(machine: &Machine) -> Fingerprint {
    let mut facts = Facts::default();
    of_platform(&mut facts, &machine.platform);
    of_topology(&mut facts, &machine.topology);
    of_memory(&mut facts, &machine.memory);
    of_limits(&mut facts, &machine.limits);
    of_uring(&mut facts, &machine.io_uring);
    facts.or_not_exposed("network.interfaces", machine.nics.as_deref().map(interfaces));
    Fingerprint { hash: hash(&facts.0), facts: facts.0 }
}

impl Fingerprint {
    /// The facts in which `other` differs, by name.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let names: BTreeSet<&String> = self.facts.keys().chain(other.facts.keys()).collect();
        let both = names.into_iter().map(|name| (name, self.facts.get(name), other.facts.get(name)));
        let differing = both.filter(|(_, left, right)| left != right);
        differing
            .map(|(name, left, right)| Difference { name: name.clone(), left: left.cloned(), right: right.cloned() })
            .collect()
    }

    /// Whether the hash is that of the facts.
    fn is_whole(&self) -> bool {
        self.hash == hash(&self.facts)
    }
}

/// The hash, then a line for each fact.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "FINGERPRINT  {}", self.hash)?;
        self.facts.iter().try_for_each(|(name, value)| writeln!(f, "  {name:<34} {value}"))
    }
}

/// Lengths go before texts, so that no two lists are the same octets.
fn hash(facts: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    let texts = facts.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    for text in [DOMAIN].into_iter().chain(texts) {
        hasher.update(u64::try_from(text.len()).expect("texts fit memory").to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Default)]
struct Facts(BTreeMap<String, String>);

impl Facts {
    fn or_not_exposed(&mut self, name: &str, value: Option<impl fmt::Display>) {
        let value = value.map_or_else(|| NOT_EXPOSED.to_owned(), |value| value.to_string());
        self.0.insert(name.to_owned(), value);
    }
}

fn of_platform(facts: &mut Facts, platform: &Platform) {
    facts.or_not_exposed("kernel.release", platform.kernel_release.as_ref());
    facts.or_not_exposed("processor.model", platform.processor_model.as_ref());
    let features = platform.processor_features.map(|features| {
        features.named().into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect::<Vec<_>>().join(" ")
    });
    facts.or_not_exposed("processor.features", features);
    facts.or_not_exposed("hypervisor", platform.virtualisation.is_guest());
    match &platform.mitigations {
        None => facts.or_not_exposed("mitigations", None::<&str>),
        Some(mitigations) => {
            for (name, words) in mitigations {
                facts.or_not_exposed(&format!("mitigation.{name}"), Some(words));
            }
        }
    }
}

fn of_topology(facts: &mut Facts, topology: &Topology) {
    let cores = &topology.cores;
    facts.or_not_exposed("cores.online", Some(topology.indices(|core| core.online != Some(false))));
    facts.or_not_exposed("cores.allowed", Some(topology.indices(Core::is_usable)));
    facts.or_not_exposed("cores.isolated", Some(topology.indices(|core| core.isolated == Some(true))));
    facts.or_not_exposed("cores.nohz_full", Some(topology.indices(|core| core.nohz_full == Some(true))));
    facts.or_not_exposed("cores.smt", topology.smt_active);
    facts.or_not_exposed("cores.governor", each(cores, |core| core.governor.clone()));
    facts.or_not_exposed("cores.frequency_max_khz", each(cores, |core| core.frequency_max_khz));
    facts.or_not_exposed("cores.packages", each(cores, |core| core.package_id));
    facts.or_not_exposed("cores.l2_bytes", each(cores, |core| core.caches.l2.as_ref()?.size_bytes));
    facts.or_not_exposed("cores.l3_bytes", each(cores, |core| core.caches.l3.as_ref()?.size_bytes));
    facts.or_not_exposed("memory.nodes", topology.nodes.as_ref().map(Vec::len));
}

/// The values that cores have, each once; `None` when none has any.
fn each<T: Ord + fmt::Display>(cores: &[Core], value: impl Fn(&Core) -> Option<T>) -> Option<String> {
    let values: BTreeSet<T> = cores.iter().filter_map(value).collect();
    (!values.is_empty()).then(|| values.iter().map(T::to_string).collect::<Vec<_>>().join(" "))
}

fn of_memory(facts: &mut Facts, memory: &Memory) {
    // What the kernel keeps for itself at boot differs by a few pages: to the nearest 64 MiB.
    facts
        .or_not_exposed("memory.total_mib", memory.total_bytes.map(|bytes| (bytes >> 20).saturating_add(32) / 64 * 64));
    facts.or_not_exposed("memory.swap", memory.swap_total_bytes.map(|bytes| bytes > 0));
    facts.or_not_exposed("memory.transparent_huge_pages", memory.transparent_huge_pages_mode.as_ref());
    let pools = memory.huge_pages.as_ref().map(|pools| {
        let counts =
            pools.iter().filter_map(|pool| Some((pool.page_bytes, pool.total_count.filter(|count| *count > 0)?)));
        let words: Vec<String> = counts.map(|(page_bytes, count)| format!("{count} of {page_bytes} bytes")).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    });
    facts.or_not_exposed("memory.huge_pages", pools);
}

fn of_limits(facts: &mut Facts, limits: &Limits) {
    facts.or_not_exposed("limit.memlock_bytes", limits.memlock_soft_bytes);
    facts.or_not_exposed("limit.memlock_exempt", limits.memlock_exempt);
    facts.or_not_exposed("limit.open_files", limits.open_files_soft_count);
    facts.or_not_exposed("net.core.rmem_max", limits.net_core_rmem_max_bytes);
    facts.or_not_exposed("net.core.wmem_max", limits.net_core_wmem_max_bytes);
    facts.or_not_exposed("net.core.netdev_max_backlog", limits.net_core_netdev_max_backlog_count);
    facts.or_not_exposed("clock.source", limits.clock_source.as_ref());
}

fn of_uring(facts: &mut Facts, io_uring: &IoUring) {
    for (name, attempt) in [("io_uring.plain", &io_uring.plain), ("io_uring.deferred", &io_uring.deferred)] {
        let word = match attempt {
            RingAttempt::Created => Some("can be created"),
            RingAttempt::Refused { .. } => Some("refused"),
            RingAttempt::NotTried => None,
        };
        facts.or_not_exposed(name, word);
    }
}

/// Every interface that has a driver, without its name, which says nothing of what it can do.
fn interfaces(nics: &[Nic]) -> String {
    let mut words: Vec<String> = nics.iter().filter_map(interface).collect();
    words.sort_unstable();
    if words.is_empty() { "none with a driver".to_owned() } else { words.join("; ") }
}

fn interface(nic: &Nic) -> Option<String> {
    let mut words = nic.driver.clone()?;
    let mut add = |value: Option<String>, unit: &str| {
        let value = value.unwrap_or_else(|| "?".to_owned());
        write!(words, ", {value} {unit}").expect("a text takes any text");
    };
    add(nic.receive_queue_count.map(|count| count.to_string()), "receive queues");
    add(nic.transmit_queue_count.map(|count| count.to_string()), "transmit queues");
    add(nic.mtu_bytes.map(|mtu| mtu.to_string()), "bytes MTU");
    add(nic.speed_mbps.map(|speed| speed.to_string()), "Mbit/s");
    Some(words)
}

/// Options of `fingerprint`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Print one JSON object instead of text: this is what --compare reads.
    #[arg(long, conflicts_with = "compare")]
    json: bool,
    /// Say in what this machine differs from the one whose `fingerprint --json` is in FILE.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Read proc and sys below DIR, a copy of another machine's.
    #[arg(long, value_name = "DIR", default_value = "/")]
    sysroot: PathBuf,
}

/// What `fingerprint` has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What is to be printed.
    pub text: String,
    /// Whether the machine differs from the one that it was compared with.
    pub differs: bool,
}

/// Why there is no fingerprint, or none to compare with.
#[derive(Debug, thiserror::Error)]
pub enum FingerprintError {
    /// The tree to read is no machine's.
    #[error(transparent)]
    Sysroot(#[from] SysrootError),
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It holds no fingerprint.
    #[error("{}: no fingerprint ({what}); `quittance-tune fingerprint --json` prints one", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl Options {
    /// Takes the fingerprint, and compares it where that is asked for.
    ///
    /// # Errors
    /// [`FingerprintError`]: a path on the command line is wrong.
    pub fn run(&self) -> Result<Outcome, FingerprintError> {
        let here = fingerprint(&Machine::read(&self.sysroot)?);
        if let Some(path) = &self.compare {
            return Ok(compared(&here, &read(path)?));
        }
        let text = if self.json {
            serde_json::to_string_pretty(&here).expect("a map of texts has no key that could refuse") + "\n"
        } else {
            here.to_string()
        };
        Ok(Outcome { text, differs: false })
    }
}

fn read(path: &Path) -> Result<Fingerprint, FingerprintError> {
    let unreadable = |source| FingerprintError::File { path: path.to_owned(), source };
    let content = |what: String| FingerprintError::Content { path: path.to_owned(), what };
    if fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(content(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let there: Fingerprint = serde_json::from_str(&text).map_err(|error| content(error.to_string()))?;
    // A list that was edited must not pass for a machine's.
    if there.is_whole() { Ok(there) } else { Err(content("the hash is not that of the facts".to_owned())) }
}

fn compared(here: &Fingerprint, there: &Fingerprint) -> Outcome {
    let differences = here.differences(there);
    if differences.is_empty() {
        return Outcome { text: format!("the same: {}\n", here.hash), differs: false };
    }
    let mut text = format!("DIFFERENCES  {} facts; here {}, there {}\n", differences.len(), here.hash, there.hash);
    for Difference { name, left, right } in differences {
        let word = |value: Option<String>| value.unwrap_or_else(|| "not in the list".to_owned());
        text += &format!("  {name}\n    here   {}\n    there  {}\n", word(left), word(right));
    }
    Outcome { text, differs: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(facts: &[(&str, &str)]) -> Fingerprint {
        let facts = facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Fingerprint { hash: hash(&facts), facts }
    }

    #[test]
    fn the_hash_of_a_list_never_changes() {
        // By sha256sum of the domain, `a` and `bc`, each after its length in eight octets.
        assert_eq!(of(&[("a", "bc")]).hash, "482b210aa1e42b323cddb469f404bfa1");
    }

    #[test]
    fn text_that_moves_from_one_field_to_the_next_changes_the_hash() {
        let hashes: BTreeSet<String> = [of(&[("a", "bc")]), of(&[("ab", "c")]), of(&[("a", "b"), ("c", "")]), of(&[])]
            .map(|print| print.hash)
            .into();
        assert_eq!(hashes.len(), 4);
    }

    #[test]
    fn differences_are_named_with_both_values_and_what_one_list_lacks() {
        let (left, right) = (of(&[("a", "1"), ("b", "2"), ("c", "3")]), of(&[("a", "1"), ("b", "9"), ("d", "4")]));
        let names: Vec<String> = left.differences(&right).into_iter().map(|difference| difference.name).collect();
        assert_eq!(names, ["b", "c", "d"]);
        assert_eq!(left.differences(&left), []);
        let text = compared(&left, &right).text;
        assert!(text.contains("  b\n    here   2\n    there  9\n"), "{text}");
        assert!(text.contains("  d\n    here   not in the list\n    there  4\n"), "{text}");
    }
}
