//! The measurement from end to end: prepare, start, saturate, open loop, audit, stop, report.

use crate::audit::{Audit, Questions, audit};
use crate::client::Client;
use crate::cpu::Spent;
use crate::drive::{Driver, Pace, Settings};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::intruder::Intruder;
use crate::journals::Journals;
use crate::locate;
use crate::model::Model;
use crate::options::RunOptions;
use crate::process::AuthorityProcess;
use crate::random::secret_seed;
use crate::report::{DiskMeasure, Measures, PhaseMeasure, Report, SettingsReport};
use crate::scene::{HOST, Scene};
use core::ops::Range;
use std::path::Path;

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
    let journals = (!options.volatile).then(|| Journals::make(&options.data, scene.folder.path())).transpose()?;
    let disk = journals.as_ref().map(look_at_disk).transpose()?;
    let is_priced = journals.is_some() && !options.no_price;
    let volatile = is_priced.then(|| saturate_volatile(options, &scene, &executable, &interrupt)).transpose()?;
    let (processes, ready) = scene.start(options, &executable, journals.as_ref(), &interrupt)?;
    let settings = SettingsReport::new(options, &scene.terms, scene.simulated_batch, scene.cores.clone(), &ready);
    let mut stage = Stage { options, scene: &scene, processes, interrupt };
    let measures = Measures { volatile, disk, ..stage.measure()? };
    let authorities = stage.processes.into_iter().map(AuthorityProcess::stop).collect();
    Ok(Report::new(command, settings, measures, authorities))
}

/// What there is to know of the disk before anyone else uses it.
fn look_at_disk(journals: &Journals) -> Result<DiskMeasure, BenchError> {
    let in_memory = journals.in_memory()?;
    if in_memory {
        eprintln!(
            "a journal would lie in memory, where nothing is flushed: the figures of this run mean nothing; name directories \
             on a disk by --data, or set TMPDIR"
        );
    }
    eprintln!("timing the disk's flush: {}", journals.described());
    Ok(DiskMeasure { flush_us: journals.disk_flush_us()?, in_memory })
}

/// The saturated phase against authorities that keep nothing, to compare with.
fn saturate_volatile(
    options: &RunOptions,
    scene: &Scene,
    executable: &Path,
    interrupt: &Interrupt,
) -> Result<PhaseMeasure, BenchError> {
    let (processes, _) = scene.start(options, executable, None, interrupt)?;
    let mut stage = Stage { options, scene, processes, interrupt: interrupt.clone() };
    let mut client = stage.client()?;
    let mut driver = stage.driver()?;
    let saturated = stage.saturate(&mut driver, &mut client)?;
    stage.processes.into_iter().map(AuthorityProcess::stop).for_each(drop);
    Ok(saturated)
}

/// A run under way.
struct Stage<'a> {
    options: &'a RunOptions,
    scene: &'a Scene,
    processes: Vec<AuthorityProcess>,
    interrupt: Interrupt,
}

impl<'a> Stage<'a> {
    fn measure(&mut self) -> Result<Measures, BenchError> {
        let mut client = self.client()?;
        let mut driver = self.driver()?;
        let payments = self.options.saturated_payments()..self.scene.workload.plan.payment_count();
        let saturated = self.saturate(&mut driver, &mut client)?;
        let open_loop = self.open_loop(&mut driver, payments, &saturated, &mut client)?;

        let intruder = client.expel().map(|intruder| intruder.counters());
        let audit = self.audit(&driver, &mut client)?;
        Ok(Measures {
            saturated,
            open_loop,
            volatile: None,
            disk: None,
            replies: driver.reply_counters().clone(),
            audit,
            intruder,
            client_transport: client.kind().to_string(),
            client: client.counters(),
            findings: client.findings().to_vec(),
        })
    }

    /// Pins this thread to the generator's core, and binds its sockets.
    fn client(&self) -> Result<Client, BenchError> {
        let cores = &self.scene.cores;
        if !cores.pin_generator() {
            eprintln!("the load loop could not be pinned to core {}; figures will scatter more", cores.generator);
        }
        let gso = !self.options.no_gso;
        let mut client = Client::bind(HOST, self.options.sockets, self.options.transport.kind(), gso)?;
        if let Some(every) = self.options.bad_every {
            client.let_in(Intruder::bind(client.kind(), every)?);
        }
        Ok(client)
    }

    fn driver(&self) -> Result<Driver<'a>, BenchError> {
        let Scene { workload, terms, directory, .. } = self.scene;
        Ok(Driver::new(workload, terms, directory, self.settings(), secret_seed()?))
    }

    fn saturate(&mut self, driver: &mut Driver<'_>, client: &mut Client) -> Result<PhaseMeasure, BenchError> {
        let (count, border) = (self.options.window_used(), self.options.saturated_payments());
        eprintln!("saturating with {border} payments, {count} in flight");
        self.phase(driver, 0..border, Pace::Window { count }, client)
    }

    /// Compares every running authority's accounts with what the outcomes make of them.
    fn audit(&mut self, driver: &Driver<'_>, client: &mut Client) -> Result<Audit, BenchError> {
        let Scene { terms, directory, accounts, workload, .. } = self.scene;
        eprintln!("auditing {} accounts", accounts.count());
        let model = Model::after(&workload.plan, driver.outcomes());
        let (addresses, settings) = (accounts.addresses(), self.settings());
        let questions = Questions { addresses, terms, directory, settings };
        let audits = (0..terms.live_count).map(|authority| {
            audit(authority, &model, questions, client, &mut watch(&mut self.processes, &self.interrupt))
        });
        Ok(Audit::of_all(&audits.collect::<Result<Vec<_>, _>>()?))
    }

    fn settings(&self) -> Settings {
        Settings {
            timeout_ns: self.options.timeout_ms * 1_000_000,
            tries_max: self.options.tries,
            owns_core: self.scene.cores.generator_owns_core(),
            withheld_max: 0,
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
            let (authority, generator) = (Some(Spent::default()), Spent::default());
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
            authority: Some(self.authorities_spent()?.since(authority_before)),
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
