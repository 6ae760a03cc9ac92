//! The measurement from end to end: prepare, start, saturate, open loop, audit, stop, report.

use crate::accounts::Accounts;
use crate::audit::{Audit, Questions, audit};
use crate::client::Client;
use crate::cores::Cores;
use crate::cpu::Spent;
use crate::digest_table::DigestTable;
use crate::directory::Directory;
use crate::drive::{Driver, Pace, Settings};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::intruder::Intruder;
use crate::locate;
use crate::model::Model;
use crate::options::RunOptions;
use crate::orders::Orders;
use crate::plan::Plan;
use crate::ports;
use crate::process::{AuthorityProcess, Ready};
use crate::progress::Progress;
use crate::report::{Measures, PhaseMeasure, Report, SettingsReport};
use crate::setup::{Folder, Members};
use crate::terms::Terms;
use crate::votes::SimulatedVotes;
use crate::workload::Workload;
use core::ops::Range;
use quittance_engine::types::Peer;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Runs a measurement. `command` is the command line that repeats it.
///
/// # Errors
/// What ends a run before its report; lost payments and a failed audit are in the report.
pub fn run(options: &RunOptions, command: String) -> Result<Report, BenchError> {
    let interrupt = Interrupt::catch()?;
    let executable = locate::authority(options.authority_binary.as_deref());
    // A signal ends a build that is under way, too; then that is the reason, and not the build.
    interrupt.check()?;
    let executable = executable?;
    let scene = Scene::prepare(options, &interrupt)?;
    let (processes, ready) = scene.start(options, &executable, &interrupt)?;
    let settings = SettingsReport::new(options, &scene.terms, scene.simulated_batch, scene.cores.clone(), &ready);
    let mut stage = Stage { options, scene: &scene, processes, interrupt };
    let measures = stage.measure()?;
    let authorities = stage.processes.into_iter().map(AuthorityProcess::stop).collect();
    Ok(Report::new(command, settings, measures, authorities))
}

/// All that is made before anything runs.
struct Scene {
    cores: Cores,
    folder: Folder,
    terms: Terms,
    directory: Directory,
    accounts: Accounts,
    workload: Workload,
    simulated_batch: usize,
}

impl Scene {
    fn prepare(options: &RunOptions, interrupt: &Interrupt) -> Result<Self, BenchError> {
        let cores = Cores::divide();
        let first_ports = ports::find_rows(HOST, usize::from(options.committee), options.shards)?;
        let mut members = Members::new(options.seed, HOST, &first_ports, options.shards)?;
        let progress = Progress::start("deriving account keys", u64::from(options.accounts));
        let accounts = Accounts::derive(options.seed, options.accounts, &progress, interrupt)?;
        progress.finish();
        let plan = Plan::draw(options.seed, options.accounts, options.payments);
        let live_count = if options.live { usize::from(options.committee) } else { 1 };
        let folder = Folder::write(&members, live_count, &accounts, plan.funding())?;
        let terms = Terms::new(folder.network, members.committee(), options.shards, options.live);
        let live_ports = first_ports.iter().take(terms.live_count);
        let addresses: Vec<Peer> = live_ports.map(|port| Peer::new(HOST, *port)).collect();
        let directory = Directory::new(&addresses, options.shards);
        let simulated_batch = usize::from(options.simulated_batch).min(1 << terms.path_levels_max);
        let voters = members.split_keys(terms.live_count..terms.live_count + terms.simulated_count);

        let progress = Progress::start("signing orders", u64::from(options.payments));
        let (network, shard_count) = (&terms.network, options.shards);
        let orders = Orders::sign(&plan, &accounts, network, shard_count, options.hint, &progress, interrupt)?;
        progress.finish();
        let batch_count = orders.digests().len().div_ceil(simulated_batch);
        let progress = Progress::start("signing simulated votes", batch_count as u64);
        let votes = SimulatedVotes::sign(orders.digests(), &terms, &voters, simulated_batch, &progress, interrupt)?;
        progress.finish();
        let table = DigestTable::new(orders.digests());
        let workload = Workload { plan, orders, votes, table };
        Ok(Self { cores, folder, terms, directory, accounts, workload, simulated_batch })
    }

    /// Starts the running authorities and waits until all are ready. Returns what the first says of itself.
    fn start(
        &self,
        options: &RunOptions,
        executable: &Path,
        interrupt: &Interrupt,
    ) -> Result<(Vec<AuthorityProcess>, Ready), BenchError> {
        eprintln!("starting {} of {} authorities: {}", self.terms.live_count, options.committee, executable.display());
        let start = |index| AuthorityProcess::start(index, executable, &self.arguments(options, index));
        let mut processes: Vec<AuthorityProcess> = (0..self.terms.live_count).map(start).collect::<Result<_, _>>()?;
        let mut first = None;
        for process in &mut processes {
            let ready = process.await_ready(&mut || interrupt.check())?;
            first.get_or_insert(ready);
        }
        Ok((processes, first.expect("at least one authority runs")))
    }

    fn arguments(&self, options: &RunOptions, index: usize) -> Vec<OsString> {
        let (shard_cores, verifier_cores) = self.cores.for_authority(index, options.shards, options.verifiers);
        let mut arguments: Vec<OsString> = vec!["run".into()];
        let mut option = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        option("--authority", self.folder.private(index).into());
        option("--committee", self.folder.committee().into());
        option("--genesis", self.folder.genesis().into());
        option("--cores", listed(&shard_cores));
        option("--transport", options.transport.name().into());
        option("--backend", options.backend.name().into());
        option("--quarantine-ms", options.quarantine_ms.to_string().into());
        if options.verifiers > 0 {
            option("--verifiers", options.verifiers.to_string().into());
            option("--verifier-cores", listed(&verifier_cores));
        }
        // However this process ends, its authorities end with it.
        arguments.extend(["--volatile".into(), "--exit-with-parent".into(), "--json".into()]);
        if options.no_gso {
            arguments.push("--no-gso".into());
        }
        arguments
    }
}

/// A run under way.
struct Stage<'a> {
    options: &'a RunOptions,
    scene: &'a Scene,
    processes: Vec<AuthorityProcess>,
    interrupt: Interrupt,
}

impl Stage<'_> {
    fn measure(&mut self) -> Result<Measures, BenchError> {
        let scene = self.scene;
        if !scene.cores.pin_generator() {
            eprintln!("the load loop could not be pinned to core {}; figures will scatter more", scene.cores.generator);
        }
        let gso = !self.options.no_gso;
        let mut client = Client::bind(HOST, self.options.sockets, self.options.transport.kind(), gso)?;
        if let Some(every) = self.options.bad_every {
            client.let_in(Intruder::bind(client.kind(), every)?);
        }
        let settings = self.settings();
        let mut driver = Driver::new(&scene.workload, &scene.terms, &scene.directory, settings, random_seed()?);
        let payment_count = scene.workload.plan.payment_count();
        let border = self.options.saturated_payments();

        eprintln!("saturating with {border} payments, {} in flight", self.options.window_used());
        let pace = Pace::Window { count: self.options.window_used() };
        let saturated = self.phase(&mut driver, 0..border, pace, &mut client)?;
        let open_loop = self.open_loop(&mut driver, border..payment_count, &saturated, &mut client)?;

        let intruder = client.expel().map(|intruder| intruder.counters());
        let audit = self.audit(&driver, &mut client)?;
        Ok(Measures {
            saturated,
            open_loop,
            replies: driver.reply_counters().clone(),
            audit,
            intruder,
            client_transport: client.kind().to_string(),
            client: client.counters(),
            findings: client.findings().to_vec(),
        })
    }

    /// Compares every running authority's accounts with what the outcomes make of them.
    fn audit(&mut self, driver: &Driver<'_>, client: &mut Client) -> Result<Audit, BenchError> {
        let Scene { terms, directory, accounts, workload, .. } = self.scene;
        eprintln!("auditing {} accounts", accounts.count());
        let model = Model::after(&workload.plan, driver.outcomes());
        let (addresses, settings) = (accounts.addresses(), self.settings());
        let questions = Questions { model: &model, addresses, terms, directory, settings };
        let audits = (0..terms.live_count)
            .map(|authority| audit(authority, questions, client, &mut watch(&mut self.processes, &self.interrupt)));
        Ok(Audit::of_all(&audits.collect::<Result<Vec<_>, _>>()?))
    }

    fn settings(&self) -> Settings {
        Settings {
            timeout_ns: self.options.timeout_ms * 1_000_000,
            tries_max: self.options.tries,
            owns_core: self.scene.cores.generator_owns_core(),
        }
    }

    /// The open loop at half of what was found, or at the rate asked for. Against a server that settled nothing there is no
    /// point in trying.
    fn open_loop(
        &mut self,
        driver: &mut Driver<'_>,
        payments: Range<u32>,
        saturated: &PhaseMeasure,
        client: &mut Client,
    ) -> Result<PhaseMeasure, BenchError> {
        let tally = &saturated.tally;
        if tally.gave_up || tally.settled == 0 {
            eprintln!("the authority settles nothing any more; the open loop is left out");
            let tally = driver.abandon(payments);
            let (authority, generator) = (Spent::default(), Spent::default());
            return Ok(PhaseMeasure { tally, rate_per_s: None, authority, generator });
        }
        let found = u128::from(tally.settled) * 1_000_000_000 / u128::from(tally.elapsed_ns().max(1));
        let half = u64::try_from(found / 2).expect("fewer payments than nanoseconds").max(1);
        let rate_per_s = self.options.rate.unwrap_or(half);
        eprintln!("open loop with {} payments at {rate_per_s} per second", payments.len());
        self.phase(driver, payments, Pace::Schedule { rate_per_s }, client)
    }

    fn phase(
        &mut self,
        driver: &mut Driver<'_>,
        payments: Range<u32>,
        pace: Pace,
        client: &mut Client,
    ) -> Result<PhaseMeasure, BenchError> {
        let (authority_before, generator_before) = (self.authorities_spent()?, Spent::by(std::process::id())?);
        let tally = driver.phase(payments, pace, client, &mut watch(&mut self.processes, &self.interrupt))?;
        Ok(PhaseMeasure {
            tally,
            rate_per_s: match pace {
                Pace::Schedule { rate_per_s } => Some(rate_per_s),
                Pace::Window { .. } => None,
            },
            authority: self.authorities_spent()?.since(authority_before),
            generator: Spent::by(std::process::id())?.since(generator_before),
        })
    }

    fn authorities_spent(&self) -> Result<Spent, BenchError> {
        self.processes.iter().try_fold(Spent::default(), |sum, process| Ok(sum + Spent::by(process.id())?))
    }
}

/// Looks after signals and children.
fn watch<'a>(
    processes: &'a mut [AuthorityProcess],
    interrupt: &'a Interrupt,
) -> impl FnMut() -> Result<(), BenchError> + 'a {
    move || {
        interrupt.check()?;
        processes.iter_mut().try_for_each(AuthorityProcess::check_alive)
    }
}

/// `0,1,1`
fn listed(cores: &[usize]) -> OsString {
    cores.iter().map(ToString::to_string).collect::<Vec<_>>().join(",").into()
}

/// For the weights of signature batches: a server that could guess them could forge.
fn random_seed() -> Result<[u8; 32], BenchError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| BenchError::machine("drawing a random seed", std::io::Error::other(error.to_string()), ""))?;
    Ok(seed)
}
