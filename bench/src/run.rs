//! The measurement from end to end: prepare, start, drive, audit, close the accounts, stop, report.

use crate::accounting::{Accounting, AuthorityCounts, Datagrams, Payments, Sides, SocketState};
use crate::audit::{Audit, Questions, audit};
use crate::client::Client;
use crate::cpu::Spent;
use crate::drive::{Driver, Pace, Ramp, Settings};
use crate::error::BenchError;
use crate::faults::crew::Start;
use crate::faults::spec::FaultKind;
use crate::faults::{Crew, Fault, steps};
use crate::interrupt::Interrupt;
use crate::intruder::{Intruder, Mix};
use crate::journals::Journals;
use crate::limits::{QUIET_NS, SETTLE_NS_MAX, WATCH_NS};
use crate::locate;
use crate::model::Model;
use crate::options::phases::{Load, WARM_UP};
use crate::options::{ArrivalsChoice, RunOptions};
use crate::process::{AuthorityProcess, AuthorityReport};
use crate::random::{Draws, Purpose, generator, secret_seed};
use crate::recording::{Event, Recording};
use crate::report::{DiskMeasure, Measures, OPEN_LOOP, PhaseMeasure, Report, SATURATED, SettingsReport};
use crate::scene::{HOST, Scene};
use crate::view::{Shown, View};
use crate::workload::asker::Asker;
use crate::workload::report::{WorkloadMeasure, WorkloadShape};
use crate::world::World;
use core::ops::Range;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The stack of a run's own thread: what the first thread of a process has.
const STACK_BYTES: usize = 8 << 20;

/// Runs a measurement. `command` is the command line that repeats it.
///
/// # Errors
/// What ends a run before its report; lost payments and a failed audit are in the report.
pub fn run(options: &RunOptions, command: String) -> Result<(Report, Recording), BenchError> {
    let interrupt = Interrupt::catch()?;
    options.payment_count()?;
    let fault_steps = steps(&options.faults, options.committee.into());
    let fault_steps = fault_steps.map_err(|fault| BenchError::Usage(format!("--fault: {fault}")))?;
    let executable = locate::authority(options.authority_binary.as_deref());
    // A signal ends a build that is under way, too; then that is the reason, and not the build.
    interrupt.check()?;
    let executable = executable?;
    let scene = Scene::prepare(options, &interrupt)?;
    let journals = (!options.volatile).then(|| Journals::make(&options.data, scene.folder.path())).transpose()?;
    let disk = journals.as_ref().map(look_at_disk).transpose()?;
    let is_priced = journals.is_some() && !options.no_price && options.phases.is_empty();
    let volatile = is_priced.then(|| saturate_volatile(options, &scene, &executable, &interrupt)).transpose()?;
    let (processes, ready) = scene.start(options, &executable, journals.as_ref(), &interrupt)?;
    let settings = SettingsReport::new(options, &scene.terms, scene.simulated_batch, scene.cores.clone(), &ready);
    let mut stage = Stage::new(options, &scene, processes, interrupt);
    let start = |index| {
        let started = scene.spawn(options, &executable, (index, None), journals.as_ref());
        // A child must not be pinned to the load loop's core, and the loop must be again.
        scene.cores.pin_generator();
        started
    };
    (stage.crew, stage.start) = (Crew::new(&fault_steps), Box::new(start));
    let begun = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (measures, authorities, events) = stage.measure()?;
    let measures = Measures { volatile, disk, ..measures };
    let report = Report::new(command, settings, &measures, authorities);
    let first_ns = measures.phases.first().map_or(0, |phase| phase.tally.begun_ns);
    let phases = measures.phases.iter().map(|phase| phase.recording(first_ns)).collect();
    let begun_unix_us = u64::try_from(begun.as_micros()).expect("584,000 years in microseconds fit");
    Ok((report, Recording { begun_unix_us, phases, events }))
}

/// Does this in a thread of its own. A run pins its thread to the generator's core: where several are made, one after the
/// other, the next one would find no other core.
///
/// # Errors
/// What `act` says; the machine's, if there is no thread to be had.
pub fn apart<T: Send>(act: impl FnOnce() -> Result<T, BenchError> + Send) -> Result<T, BenchError> {
    std::thread::scope(|scope| {
        let spawned = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, act);
        let running = spawned.map_err(|error| BenchError::machine("starting a thread", error, ""))?;
        running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
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
    let mut stage = Stage::new(options, scene, processes, interrupt.clone());
    let mut client = stage.client()?;
    let mut driver = stage.driver()?;
    let mut phases = stage.saturate(&mut driver, &mut client)?;
    stage.processes.into_iter().map(AuthorityProcess::stop).for_each(drop);
    Ok(phases.pop().expect("the last one is at saturation"))
}

/// A run under way.
struct Stage<'a> {
    options: &'a RunOptions,
    scene: &'a Scene,
    processes: Vec<AuthorityProcess>,
    interrupt: Interrupt,
    /// When payments are due, where that is drawn.
    arrivals: Option<Draws>,
    /// What happens to authorities meanwhile.
    crew: Crew,
    /// Starts one of them again.
    start: Box<Start<'a>>,
}

impl<'a> Stage<'a> {
    fn new(options: &'a RunOptions, scene: &'a Scene, processes: Vec<AuthorityProcess>, interrupt: Interrupt) -> Self {
        let is_drawn = options.arrivals == ArrivalsChoice::Poisson;
        let arrivals = is_drawn.then(|| generator(options.seed, Purpose::Arrivals));
        Self { options, scene, processes, interrupt, arrivals, crew: Crew::default(), start: Box::new(no_start) }
    }

    /// Drives all phases, audits, and stops the authorities.
    fn measure(mut self) -> Result<(Measures, Vec<AuthorityReport>, Vec<Event>), BenchError> {
        let mut client = self.client()?;
        let mut driver = self.driver()?;
        let phases = match self.options.phases.is_empty() {
            true => self.usual_phases(&mut driver, &mut client)?,
            false => self.named_phases(&mut driver, &mut client)?,
        };
        client.quiet_intruder();
        let events = self.crew.dismiss(&self.processes);
        let received_in_phases = client.counters().datagrams_received;
        let audit = self.audit(&driver, &mut client)?;
        let sockets = self.settle(&mut client)?;
        let authorities: Vec<_> = self.processes.drain(..).map(AuthorityProcess::stop).collect();
        // What they said last.
        while client.discard(0)? {}
        let mut measures = Measures {
            phases,
            volatile: None,
            disk: None,
            replies: driver.reply_counters().clone(),
            audit,
            workload: WorkloadMeasure::default(),
            client_transport: client.kind().to_string(),
            client: client.counters(),
            findings: client.findings().to_vec(),
            accounting: Accounting::default(),
        };
        measures.workload = self.workload(&client)?;
        measures.accounting = self.account(&measures, received_in_phases, &mut client, sockets, &authorities);
        Ok((measures, authorities, events))
    }

    /// The two phases of every run that names none, and a warm-up before if it was asked for.
    fn usual_phases(&mut self, driver: &mut Driver<'_>, client: &mut Client) -> Result<Vec<PhaseMeasure>, BenchError> {
        let mut phases = self.saturate(driver, client)?;
        let payments = self.options.saturated_payments()..self.scene.workload.plan.payment_count();
        let saturated = phases.last().expect("it was driven just now");
        let open_loop = self.open_loop(driver, payments, saturated, client)?;
        phases.push(open_loop);
        Ok(phases)
    }

    /// The phases that the user named, one after the other.
    fn named_phases(&mut self, driver: &mut Driver<'_>, client: &mut Client) -> Result<Vec<PhaseMeasure>, BenchError> {
        let mut start = 0;
        let mut phases = Vec::with_capacity(self.options.phases.len());
        for (index, spec) in self.options.phases.iter().enumerate() {
            let count = u32::try_from(spec.payment_count()).expect("all together have 32 bits");
            let (payments, name) = (start..start + count, spec.name_at(index));
            start += count;
            phases.push(match spec.load {
                Load::Window { in_flight, .. } => {
                    eprintln!("phase {name}: {count} payments, {in_flight} in flight");
                    self.phase(
                        (&name, spec.is_measured()),
                        driver,
                        payments,
                        Pace::Window { count: in_flight },
                        client,
                    )?
                }
                Load::Rate(ramp) => {
                    let (from, to) = (ramp.from_per_s, ramp.to_per_s);
                    eprintln!("phase {name}: {count} payments at {from} to {to} per second");
                    self.scheduled((&name, spec.is_measured()), driver, payments, ramp, client)?
                }
            });
        }
        Ok(phases)
    }

    /// Pins this thread to the generator's core, and binds its sockets.
    fn client(&self) -> Result<Client, BenchError> {
        let cores = &self.scene.cores;
        if !cores.pin_generator() {
            eprintln!("the load loop could not be pinned to core {}; figures will scatter more", cores.generator);
        }
        let gso = !self.options.no_gso;
        let mut client = Client::bind(HOST, self.options.sockets, self.options.transport.kind(), gso)?;
        let Scene { workload, terms, directory, accounts, .. } = self.scene;
        let mix = self.options.bad_every.map(Mix::bad_every).or(self.options.workload.hostile);
        if let Some(mix) = mix {
            client.let_in(Intruder::bind(client.kind(), &mix, directory, self.options.seed)?);
        }
        if let Some(bank) = workload.plan.bank() {
            client.let_ask(Asker::bind(HOST, client.kind(), (terms, directory), (bank, accounts))?);
        }
        Ok(client)
    }

    /// What came of the workload besides payments, by those who came along with the client.
    fn workload(&self, client: &Client) -> Result<WorkloadMeasure, BenchError> {
        Ok(WorkloadMeasure {
            shape: WorkloadShape::new(self.options, &self.scene.workload.plan)?,
            hostility: client.intruder().map(|intruder| intruder.hostility().clone()),
            asked: client.asker().map(|asker| asker.asked().clone()),
        })
    }

    fn driver(&self) -> Result<Driver<'a>, BenchError> {
        let Scene { workload, terms, directory, .. } = self.scene;
        Ok(Driver::new(workload, terms, directory, self.settings(), secret_seed()?))
    }

    /// The phase with the window, behind its warm-up if there is one.
    fn saturate(&mut self, driver: &mut Driver<'_>, client: &mut Client) -> Result<Vec<PhaseMeasure>, BenchError> {
        let (count, border) = (self.options.window_used(), self.options.saturated_payments());
        let warm_up = self.options.warm_up;
        let mut phases = Vec::new();
        if warm_up > 0 {
            eprintln!("warming up with {warm_up} payments, {count} in flight");
            phases.push(self.phase((WARM_UP, false), driver, 0..warm_up, Pace::Window { count }, client)?);
        }
        eprintln!("saturating with {} payments, {count} in flight", border - warm_up);
        phases.push(self.phase((SATURATED, true), driver, warm_up..border, Pace::Window { count }, client)?);
        Ok(phases)
    }

    /// Compares every running authority's accounts with what the outcomes make of them.
    fn audit(&mut self, driver: &Driver<'_>, client: &mut Client) -> Result<Audit, BenchError> {
        let Scene { terms, directory, accounts, workload, .. } = self.scene;
        eprintln!("auditing {} accounts", accounts.count());
        let model = Model::after(&workload.plan, driver.outcomes());
        let (addresses, settings) = (accounts.addresses(), self.settings());
        let questions = Questions { addresses, terms, directory, settings };
        // Who was away lacks payments that nobody brings him here.
        let was_away = |authority| self.options.faults.iter().any(|fault| fault.authority == authority);
        let audited: Vec<usize> = (0..terms.live_count).filter(|authority| !was_away(*authority)).collect();
        let audits = audited.into_iter().map(|authority| {
            audit(
                authority,
                &model,
                questions,
                client,
                &mut watch(&mut self.processes, &self.interrupt, &self.options.faults),
            )
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
            let name = OPEN_LOOP.to_owned();
            return Ok(PhaseMeasure { name, is_measured: true, tally, rate_per_s: None, authority, generator });
        }
        let found = u128::from(tally.settled) * 1_000_000_000 / u128::from(tally.elapsed_ns().max(1));
        let half = u64::try_from(found / 2).expect("fewer payments than nanoseconds").max(1);
        let rate_per_s = self.options.rate.unwrap_or(half);
        eprintln!("open loop with {} payments at {rate_per_s} per second", payments.len());
        let ramp = Ramp::level(rate_per_s, payments.end - payments.start);
        self.scheduled((OPEN_LOOP, true), driver, payments, ramp, client)
    }

    /// A phase on a schedule, drawn if payments shall come as strangers do.
    fn scheduled(
        &mut self,
        named: (&str, bool),
        driver: &mut Driver<'_>,
        payments: Range<u32>,
        ramp: Ramp,
        client: &mut Client,
    ) -> Result<PhaseMeasure, BenchError> {
        let Ramp { from_per_s, to_per_s, .. } = ramp;
        let is_level = self.arrivals.is_none() && from_per_s == to_per_s;
        let pace = match is_level {
            true => Pace::Schedule { rate_per_s: from_per_s },
            false => Pace::Times(ramp.times(payments.end - payments.start, self.arrivals.as_mut())),
        };
        let measure = self.phase(named, driver, payments, pace, client)?;
        Ok(PhaseMeasure { rate_per_s: Some((from_per_s, to_per_s)), ..measure })
    }

    fn phase(
        &mut self,
        (name, is_measured): (&str, bool),
        driver: &mut Driver<'_>,
        payments: Range<u32>,
        pace: Pace,
        client: &mut Client,
    ) -> Result<PhaseMeasure, BenchError> {
        let (authority_before, generator_before) = (self.authorities_spent()?, Spent::by(std::process::id())?);
        let Self { crew, processes, interrupt, start, .. } = self;
        let shown = Shown::of(name, payments.end - payments.start, &pace);
        let view = View::begin(shown, Some(self.scene.cores.clone()));
        let mut watch = view.watch(|| {
            interrupt.check()?;
            crew.look(processes, start)
        });
        let tally = driver.phase(payments, pace, client, &mut watch)?;
        // Before our time is read: what the view's thread waited for its core is not the loop's wait.
        drop(view);
        Ok(PhaseMeasure {
            name: name.to_owned(),
            is_measured,
            tally,
            rate_per_s: None,
            authority: self.authorities_spent()?.zip(authority_before).map(|(after, before)| after.since(before)),
            generator: Spent::by(std::process::id())?.since(generator_before),
        })
    }

    /// The time of all authority processes; nothing is known of it where some are killed.
    fn authorities_spent(&self) -> Result<Option<Spent>, BenchError> {
        if !self.options.faults.is_empty() {
            return Ok(None);
        }
        let sum = self.processes.iter().try_fold(Spent::default(), |sum, process| Ok(sum + Spent::by(process.id())?));
        sum.map(Some)
    }

    /// Waits until nothing is on its way any more, within bounds, and looks at the sockets of both sides: ours, theirs.
    fn settle(&mut self, client: &mut Client) -> Result<Option<(SocketState, SocketState)>, BenchError> {
        let Scene { terms, directory, .. } = self.scene;
        let of_authority = |authority| (0..directory.shard_count(authority)).map(move |shard| (authority, shard));
        let shards = (0..terms.live_count).flat_map(of_authority);
        let theirs: Vec<SocketAddr> = shards.map(|(authority, shard)| directory.address(authority, shard)).collect();
        let begun_ns = client.now_ns();
        let mut quiet_since_ns = begun_ns;
        loop {
            self.interrupt.check()?;
            let has_arrived = client.discard(WATCH_NS)?;
            let (Some(our_state), Some(their_state)) = (client.socket_state(), SocketState::of(&theirs)) else {
                return Ok(None);
            };
            let now_ns = client.now_ns();
            if has_arrived || their_state.waiting_bytes > 0 {
                quiet_since_ns = now_ns;
            }
            if now_ns - quiet_since_ns >= QUIET_NS || now_ns - begun_ns >= SETTLE_NS_MAX {
                return Ok(Some((our_state, their_state)));
            }
        }
    }

    /// The ledgers, from the counters of both sides.
    fn account(
        &self,
        measures: &Measures,
        received_in_phases: u64,
        client: &mut Client,
        sockets: Option<(SocketState, SocketState)>,
        authorities: &[AuthorityReport],
    ) -> Accounting {
        let tallies: Vec<_> = measures.phases.iter().map(|phase| &phase.tally).collect();
        let payments = Payments::new(self.scene.workload.plan.payment_count().into(), &tallies);
        let unknown = |because: String| Accounting {
            payments: payments.clone(),
            datagrams: None,
            unknown_because: Some(because),
        };
        let is_killed = |fault: &Fault| matches!(fault.kind, FaultKind::Kill);
        if self.options.faults.iter().any(is_killed) {
            return unknown("an authority was killed, and its counters with it".to_owned());
        }
        let Some((our_sockets, their_sockets)) = sockets else {
            return unknown("the kernel does not tell in /proc/net/udp what it dropped".to_owned());
        };
        let counts = match AuthorityCounts::of(authorities) {
            Ok(counts) => counts,
            Err(because) => return unknown(because),
        };
        let company = client.company();
        let sides = Sides {
            pushed: client.pushed(),
            unsent: measures.client.datagrams_unsent,
            received_in_phases,
            received: measures.client.datagrams_received,
            used: tallies.iter().map(|tally| tally.used_replies).sum(),
            late: measures.replies.late + tallies.iter().map(|tally| tally.late_replies).sum::<u64>(),
            invalid: measures.replies.invalid(),
            overrun: measures.replies.overrun,
            intruder_pushed: company.pushed,
            intruder_unsent: company.unsent,
            intruder_received: company.received,
            intruder_named: company.named,
            our_sockets,
            their_sockets,
        };
        Accounting { payments, datagrams: Some(Datagrams::new(&sides, &counts)), unknown_because: None }
    }
}

/// Nobody is started again where nothing happens to anyone.
fn no_start(index: usize) -> Result<AuthorityProcess, BenchError> {
    unreachable!("authority {index} was not killed")
}

/// Looks after signals, and after children that nothing was done to.
fn watch<'a>(
    processes: &'a mut [AuthorityProcess],
    interrupt: &'a Interrupt,
    faults: &'a [Fault],
) -> impl FnMut() -> Result<(), BenchError> + 'a {
    move || {
        interrupt.check()?;
        let is_ours = |authority: usize| faults.iter().all(|fault| fault.authority != authority);
        let untouched = processes.iter_mut().enumerate().filter(|(authority, _)| is_ours(*authority));
        untouched.map(|(_, process)| process).try_for_each(AuthorityProcess::check_alive)
    }
}
