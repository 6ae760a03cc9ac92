//! All that is made before anything runs, and the authorities' command lines.

use crate::accounts::Accounts;
use crate::cores::Cores;
use crate::digest_table::DigestTable;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::journals::Journals;
use crate::options::RunOptions;
use crate::orders::Orders;
use crate::parts::Part;
use crate::plan::Draft;
use crate::ports;
use crate::process::{AuthorityProcess, Ready};
use crate::progress::Progress;
use crate::setup::{Folder, Members};
use crate::terms::Terms;
use crate::votes::SimulatedVotes;
use crate::workload::Workload;
use quittance_wallet::directory::Directory;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// Where everything runs.
pub const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Files, keys, signed orders and simulated votes of one run.
#[derive(Debug)]
pub struct Scene {
    /// Who runs where.
    pub cores: Cores,
    /// The network's files.
    pub folder: Folder,
    /// The first authority's processes, if it runs as several.
    pub parts: Vec<Part>,
    /// Network and committee.
    pub terms: Terms,
    /// Where the shards listen.
    pub directory: Directory,
    /// Everyone who pays.
    pub accounts: Accounts,
    /// What they pay.
    pub workload: Workload,
    /// Orders under one signature of a simulated voter, as used.
    pub simulated_batch: usize,
}

impl Scene {
    /// Makes it all, in a temporary folder.
    ///
    /// # Errors
    /// The machine's faults; [`BenchError::Usage`]; [`BenchError::Interrupted`].
    pub fn prepare(options: &RunOptions, interrupt: &Interrupt) -> Result<Self, BenchError> {
        let payment_count = options.payment_count()?;
        let cores = Cores::divide();
        let first_ports = ports::find_rows(HOST, usize::from(options.committee), options.shards)?;
        let mut members = Members::new(options.seed, HOST, &first_ports, options.shards)?;
        let progress = Progress::start("deriving account keys", u64::from(options.accounts));
        let accounts = Accounts::derive(options.seed, options.accounts, &progress, interrupt)?;
        progress.finish();
        let draft = Draft::new(options, payment_count)?;
        let live_count = if options.live { usize::from(options.committee) } else { 1 };
        let parts = Part::divide(HOST, options.shards, options.processes)?;
        let folder = Folder::write(&members, live_count, &accounts, |account| draft.opening(account), &parts)?;
        let shard_of = |account| folder.network.shard_of(accounts.address(account), options.shards);
        let plan = draft.complete(options.shards, shard_of)?;
        let terms = Terms::new(folder.network, members.committee(), options.live);
        let directory = Directory::new(&members.entries()[..terms.live_count]);
        let simulated_batch = usize::from(options.simulated_batch).min(1 << terms.path_levels_max);
        let voters = members.split_keys(terms.live_count..terms.live_count + terms.simulated_count);

        let progress = Progress::start("signing orders", u64::from(payment_count));
        let (network, shard_count) = (&terms.network, options.shards);
        let orders = Orders::sign(&plan, &accounts, network, shard_count, options.hint, &progress, interrupt)?;
        progress.finish();
        let batch_count = orders.digests().len().div_ceil(simulated_batch);
        let progress = Progress::start("signing simulated votes", batch_count as u64);
        let votes = SimulatedVotes::sign(orders.digests(), &terms, &voters, simulated_batch, &progress, interrupt)?;
        progress.finish();
        let table = DigestTable::new(orders.digests());
        let workload = Workload { plan, orders, votes, table };
        Ok(Self { cores, folder, parts, terms, directory, accounts, workload, simulated_batch })
    }

    /// Starts the running authorities and waits until all are ready: durable with journals, volatile without. Returns what
    /// the first says of itself.
    ///
    /// # Errors
    /// [`BenchError::Start`]; [`BenchError::Interrupted`].
    pub fn start(
        &self,
        options: &RunOptions,
        executable: &Path,
        journals: Option<&Journals>,
        interrupt: &Interrupt,
    ) -> Result<(Vec<AuthorityProcess>, Ready), BenchError> {
        let count = self.terms.live_count;
        let mode = if journals.is_some() { "durable" } else { "volatile" };
        eprintln!("starting {count} of {} authorities, {mode}: {}", options.committee, executable.display());
        if let Some(journals) = journals {
            eprintln!("each fills its journals first: {}", journals.described());
        }
        let start = |index| self.spawn(options, executable, (index, None), journals);
        let mut processes: Vec<AuthorityProcess> = (0..count).map(start).collect::<Result<_, _>>()?;
        let mut first = None;
        for process in &mut processes {
            let ready = process.await_ready(&mut || interrupt.check())?;
            first.get_or_insert(ready);
        }
        Ok((processes, first.expect("at least one authority runs")))
    }

    /// Starts one authority, or one of the first one's parts, and does not wait for it. The calling thread may then run on all cores again: a child inherits
    /// what its parent is pinned to.
    ///
    /// # Errors
    /// [`BenchError::Start`].
    pub fn spawn(
        &self,
        options: &RunOptions,
        executable: &Path,
        (index, part): (usize, Option<&Part>),
        journals: Option<&Journals>,
    ) -> Result<AuthorityProcess, BenchError> {
        self.cores.unpin();
        AuthorityProcess::start(index, executable, &self.arguments(options, (index, part), journals))
    }

    /// The files of authority `index`, as every subcommand of the authority takes them.
    pub fn files(&self, index: usize) -> Vec<OsString> {
        vec![
            "--authority".into(),
            self.folder.private(index).into(),
            "--committee".into(),
            self.folder.committee().into(),
            "--genesis".into(),
            self.folder.genesis().into(),
        ]
    }

    fn arguments(
        &self,
        options: &RunOptions,
        (index, part): (usize, Option<&Part>),
        journals: Option<&Journals>,
    ) -> Vec<OsString> {
        let (mut shard_cores, verifier_cores) = self.cores.for_authority(index, options.shards, options.verifiers);
        let mut arguments: Vec<OsString> = vec!["run".into()];
        arguments.extend(self.files(index));
        let mut option = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        if let Some(Part { shards, .. }) = part {
            shard_cores = shards.iter().map(|shard| shard_cores[shard.index()]).collect();
            option("--shards", shards.to_string().into());
        }
        option("--cores", listed(&shard_cores));
        option("--transport", options.transport.name().into());
        option("--backend", options.backend.name().into());
        option("--quarantine-ms", options.quarantine_ms.to_string().into());
        if options.verifiers > 0 {
            option("--verifiers", options.verifiers.to_string().into());
            option("--verifier-cores", listed(&verifier_cores));
        }
        match journals {
            Some(journals) => {
                option("--data", journals.argument(index, part));
                // A commit is mostly waiting for the disk: it need not have a core for itself.
                option("--journal-core", shard_cores[0].to_string().into());
                if let Some(mib) = options.journal_mib {
                    option("--journal-mib", mib.to_string().into());
                }
            }
            None => arguments.push("--volatile".into()),
        }
        // However this process ends, its authorities end with it.
        arguments.extend(["--exit-with-parent".into(), "--json".into()]);
        if options.no_history && journals.is_some() {
            arguments.push("--no-history".into());
        }
        if options.no_gso {
            arguments.push("--no-gso".into());
        }
        arguments
    }
}

/// `0,1,1`
fn listed(cores: &[usize]) -> OsString {
    cores.iter().map(ToString::to_string).collect::<Vec<_>>().join(",").into()
}
