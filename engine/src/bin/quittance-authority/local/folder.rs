//! The committee's files: made where they are missing, and used again where they are not.
//!
//! `committee.toml`, `genesis.txt`, and for each authority `authority-N.toml` (its key) and `authority-N/` (its journal).

use crate::fault::Fault;
use crate::options::{LocalOptions, MetricsAddress};
use crate::private_file::PrivateFile;
use quittance_engine::committee::CommitteeFile;
use quittance_engine::genesis::{self, GenesisError};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Authorities and shards where neither the options nor the folder say how many.
const AUTHORITIES: u16 = 4;
const SHARDS: u16 = 2;
/// A shard's journal in each copy, MiB: enough for trials, and made in a moment.
const JOURNAL_MIB: u64 = 16;

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A committee's folder, complete.
pub(super) struct Folder {
    path: PathBuf,
    committee: CommitteeFile,
    quorum: usize,
}

impl Folder {
    /// Makes what is missing.
    pub(super) fn prepare(options: &LocalOptions) -> Result<Self, Fault> {
        let path = options.dir.clone();
        fs::create_dir_all(&path).map_err(fault(&path))?;
        keep_genesis(&path, options.genesis.as_deref())?;
        let committee_path = path.join("committee.toml");
        if !committee_path.exists() {
            make_committee(&path, &committee_path, options)?;
        }
        let wrong = |fault| Fault::Committee { path: committee_path.clone(), fault };
        let text = fs::read_to_string(&committee_path).map_err(Fault::read(&committee_path))?;
        let committee = CommitteeFile::parse(&text).map_err(wrong)?;
        let checked = committee.committee().map_err(wrong)?;
        let quorum = usize::try_from(checked.quorum()).expect("members of weight 1, and few");
        check_counts(&committee_path, &committee, options)?;
        check_metrics(committee.members.len(), options)?;
        Ok(Self { path, committee, quorum })
    }

    pub(super) fn authority_count(&self) -> usize {
        self.committee.members.len()
    }

    pub(super) fn quorum(&self) -> usize {
        self.quorum
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What payers are given.
    pub(super) fn public_files(&self) -> [PathBuf; 2] {
        ["committee.toml", "genesis.txt"].map(|name| self.path.join(name))
    }

    /// The command line of one authority.
    pub(super) fn arguments(&self, index: usize, options: &LocalOptions) -> Vec<OsString> {
        let [committee, genesis] = self.public_files();
        let own = self.path.join(format!("authority-{index}.toml"));
        let mut arguments: Vec<OsString> = vec!["run".into(), "--exit-with-parent".into(), "--json".into()];
        arguments.extend(["--authority".into(), own.into()]);
        arguments.extend(["--committee".into(), committee.into(), "--genesis".into(), genesis.into()]);
        let shard_count = usize::from(self.committee.members[index].shards);
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        if !cores.is_empty() {
            // Each goes on where the one before ended: otherwise all would sit on the first cores.
            let core = |thread: usize| cores[(index * (shard_count + 1) + thread) % cores.len()].id.to_string();
            let list: Vec<String> = (0..shard_count).map(core).collect();
            arguments.extend(["--cores".into(), list.join(",").into()]);
            if !options.volatile {
                arguments.extend(["--journal-core".into(), core(shard_count).into()]);
            }
        }
        if options.volatile {
            arguments.push("--volatile".into());
        } else {
            let own = self.path.join(format!("authority-{index}"));
            let copies = [own.join("one").into_os_string(), own.join("two").into_os_string()];
            let made_with = (!own.exists()).then_some(JOURNAL_MIB);
            arguments.extend(["--data".into(), copies.join(OsStr::new(","))]);
            if let Some(mib) = options.journal_mib.or(made_with) {
                arguments.extend(["--journal-mib".into(), mib.to_string().into()]);
            }
        }
        if let Some(MetricsAddress(own)) = options.metrics.and_then(|first| first.of_authority(index)) {
            arguments.extend(["--metrics".into(), own.to_string().into()]);
        }
        arguments
    }
}

/// The genesis file of the folder: the one given, the first time. It names the network, so it never changes afterwards.
fn keep_genesis(folder: &Path, given: Option<&Path>) -> Result<(), Fault> {
    let kept = folder.join("genesis.txt");
    let Some(given) = given else {
        if kept.exists() {
            return Ok(());
        }
        return Err(Fault::Option(format!(
            "{} has no genesis file yet: give one with --genesis. `quittance-wallet create-accounts 3 --funding 100 --header \
             >genesis.txt` makes three accounts and prints it",
            folder.display()
        )));
    };
    let bytes = fs::read(given).map_err(Fault::read(given))?;
    genesis::read::<GenesisError>(&bytes, |_, _, _| Ok(()))
        .map_err(|fault| Fault::Genesis { path: given.to_owned(), fault })?;
    if kept.exists() {
        if fs::read(&kept).map_err(Fault::read(&kept))? == bytes {
            return Ok(());
        }
        return Err(Fault::Text {
            path: kept,
            fault: format!(
                "it is another one than {}, and a network keeps its genesis for ever: leave out --genesis, or give another --dir",
                given.display()
            ),
        });
    }
    write_new(&kept, &bytes)
}

/// New keys, and the committee file last: a folder that has one has everything it names.
fn make_committee(folder: &Path, path: &Path, options: &LocalOptions) -> Result<(), Fault> {
    let (authorities, shards) = (options.authorities.unwrap_or(AUTHORITIES), options.shards.unwrap_or(SHARDS));
    let last_port = u32::from(options.port) + u32::from(authorities) * u32::from(shards) - 1;
    if last_port > u32::from(u16::MAX) {
        return Err(Fault::Option(format!(
            "{authorities} authorities with {shards} shards each, from port {}, need ports up to {last_port}; choose a lower --port",
            options.port
        )));
    }
    let mut tables = String::new();
    for index in 0..authorities {
        let own = folder.join(format!("authority-{index}.toml"));
        // Left by a start that came no further; its key was never used.
        if own.exists() {
            fs::remove_file(&own).map_err(fault(&own))?;
        }
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(Fault::Random)?;
        let private = PrivateFile::new(&seed, HOST, options.port + index * shards, shards, Vec::new());
        private.write(&own)?;
        tables += &private.member_entry().to_table();
        tables += "\n";
    }
    write_new(path, tables.as_bytes())
}

/// The options name what the folder has, or nothing.
fn check_counts(path: &Path, committee: &CommitteeFile, options: &LocalOptions) -> Result<(), Fault> {
    let differs = |asked: Option<u16>, has: u16| asked.is_some_and(|asked| asked != has);
    let authorities = u16::try_from(committee.members.len()).expect("a committee has at most 25 members");
    let other_shards = committee.members.iter().find(|member| differs(options.shards, member.shards));
    if differs(options.authorities, authorities) || other_shards.is_some() {
        let shards = other_shards.or(committee.members.first()).map_or(0, |member| member.shards);
        return Err(Fault::Text {
            path: path.to_owned(),
            fault: format!(
                "the committee of this folder has {authorities} authorities with {shards} shards each: leave out --authorities \
                 and --shards, or give another --dir"
            ),
        });
    }
    Ok(())
}

/// There is a port for each authority's metrics.
fn check_metrics(authorities: usize, options: &LocalOptions) -> Result<(), Fault> {
    let Some(first) = options.metrics else { return Ok(()) };
    let MetricsAddress(address) = first;
    match first.of_authority(authorities - 1) {
        Some(_) => Ok(()),
        None => Err(Fault::Option(format!(
            "{authorities} authorities need as many ports for metrics, from {} on; choose a lower one for --metrics",
            address.port()
        ))),
    }
}

/// All of it or nothing: written beside, synced, and given its name.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let beside = path.with_extension("new");
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(fault(path))
}

fn fault(path: &Path) -> impl FnOnce(std::io::Error) -> Fault + '_ {
    move |source| Fault::File { path: path.to_owned(), source, remedy: "; choose another --dir, or see to its rights" }
}
