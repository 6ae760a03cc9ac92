//! Kills and restarts under load.

use super::challenge::Challenger;
use super::examine;
use super::report::Ended;
use crate::client::Client;
use crate::drive::{Driver, Outcome, Pace, Phase, Settings};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::journals::Journals;
use crate::limits::WITHHELD_EVERY;
use crate::options::{CrashOptions, RunOptions};
use crate::process::{AuthorityProcess, Killer};
use crate::random::{Draws, Purpose, generator, secret_seed};
use crate::scene::{HOST, Scene};
use crate::world::Watch;
use std::path::Path;
use std::time::{Duration, Instant};

/// The first and the last moment of a kill after the authority became ready, microseconds.
const KILL_US: (u32, u32) = (5_000, 400_000);
/// Certificates kept back. At the least load they are some tens of milliseconds of votes.
const WITHHELD_MAX: u32 = 24;
/// Of so many starts one is killed on its way.
const EARLY_KILL_ODDS: u32 = 3;
/// How long the first start is taken to last, before any was timed. Milliseconds.
const START_MS: u32 = 200;
/// Before an order or certificate is repeated. Milliseconds.
const TIMEOUT_MS: u64 = 200;
/// So many timeouts without any progress, and the trial is given up: an authority that forgot accounts answers for ever, and
/// settles nothing.
const TRIES_MAX: u32 = 40;
/// Payments that come after the last kill: enough to keep certificates back again at the end.
const TAIL_PAYMENTS: u32 = 4 * WITHHELD_MAX * WITHHELD_EVERY;
/// A kill comes so much later than it was meant to, at most of the time, on a busy machine: there shall be load until then.
/// Microseconds.
const KILL_LATE_US: u64 = 10_000;

/// When each round's kill comes, in microseconds from the moment in which the authority is ready: uniform over [`KILL_US`].
pub(super) fn draw_kills(options: &CrashOptions) -> Vec<u32> {
    let mut draws = generator(options.seed, Purpose::Kill);
    let (first, last) = KILL_US;
    (0..options.rounds).map(|_| first + draws.below(last - first + 1)).collect()
}

/// Payments that the schedule sends in all that time, and some for the end, when all kills are over.
pub(super) fn payment_count(options: &CrashOptions, kills_us: &[u32]) -> u64 {
    let load_us: u64 = kills_us.iter().map(|us| u64::from(*us) + KILL_LATE_US).sum();
    load_us * options.rate / 1_000_000 + u64::from(TAIL_PAYMENTS)
}

/// One trial.
pub(super) struct Trial<'a> {
    run_options: &'a RunOptions,
    scene: &'a Scene,
    executable: &'a Path,
    journals: Option<&'a Journals>,
    interrupt: Interrupt,
    draws: Draws,
    pace: Pace,
    driver: Driver<'a>,
    client: Client,
    challenger: Challenger<'a>,
    challenger_client: Client,
    kills: u64,
    kills_before_ready: u64,
    restarts_ms: Vec<u32>,
    /// The process that every round kills; `None` for any.
    victim: Option<u16>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(
        options: &CrashOptions,
        run_options: &'a RunOptions,
        scene: &'a Scene,
        executable: &'a Path,
        journals: Option<&'a Journals>,
        interrupt: Interrupt,
    ) -> Result<Self, BenchError> {
        let settings = settings(scene);
        let Scene { workload, terms, directory, .. } = scene;
        let client = || Client::bind(HOST, 1, None, true);
        Ok(Self {
            run_options,
            scene,
            executable,
            journals,
            interrupt,
            draws: generator(options.seed ^ u64::MAX, Purpose::Kill),
            pace: Pace::Schedule { rate_per_s: options.rate },
            driver: Driver::new(workload, terms, directory, settings, secret_seed()?),
            client: client()?,
            challenger: Challenger::new(scene, settings, secret_seed()?),
            challenger_client: client()?,
            kills: 0,
            kills_before_ready: 0,
            restarts_ms: Vec::new(),
            victim: options.kill,
        })
    }

    /// Kills the authority at these times, one a round, lets everything settle, and looks.
    pub(super) fn run(mut self, kills_us: &[u32]) -> Result<Ended, BenchError> {
        eprintln!("starting the authority: {}", self.executable.display());
        let mut processes = Vec::new();
        for part in 0..self.scene.parts.len().max(1) {
            processes.push(self.start(part)?);
        }
        // Making the journals is no restart.
        self.restarts_ms.clear();
        let payment_count = self.scene.workload.plan.payment_count();
        let mut phase = self.driver.begin(0..payment_count - TAIL_PAYMENTS, self.pace.clone(), &mut self.client);
        for (round, kill_us) in (1..).zip(kills_us) {
            let victim = self.choose(processes.len());
            self.round(&mut processes, victim, *kill_us, &mut phase)?;
            self.say(round, kills_us.len(), *kill_us);
        }
        phase.extend(payment_count);
        eprintln!("settling what is left");
        while !self.driver.is_over(&phase) {
            let mut watch = watch(&mut processes, None, &self.interrupt);
            self.driver.step(&mut phase, &mut self.client, &mut watch)?;
        }
        let (audit, findings) = examine(&mut self)?;
        let counters = processes.into_iter().map(|process| process.stop().counters).collect();
        Ok(Ended {
            tally: self.driver.end(),
            challenges: self.challenger.counts(),
            invalid_replies: self.driver.reply_counters().invalid() + self.challenger.reply_counters().invalid(),
            kills: self.kills,
            kills_before_ready: self.kills_before_ready,
            restarts_ms: self.restarts_ms,
            audit,
            findings,
            counters,
        })
    }

    /// The process that is killed next.
    fn choose(&mut self, count: usize) -> usize {
        let count = u32::try_from(count).expect("there are no more than shards");
        // A single one is not drawn: the draws are those of the early kills then.
        let drawn = if count > 1 && self.victim.is_none() { self.draws.below(count) } else { 0 };
        self.victim.map_or(drawn as usize, usize::from)
    }

    /// Load until the kill of one process, its restart, the second orders, and on.
    fn round(
        &mut self,
        processes: &mut Vec<AuthorityProcess>,
        victim: usize,
        kill_us: u32,
        phase: &mut Phase,
    ) -> Result<(), BenchError> {
        let killer = processes[victim].kill_after(Duration::from_micros(kill_us.into()))?;
        while !killer.has_struck() {
            let mut watch = watch(processes, Some((victim, &killer)), &self.interrupt);
            self.driver.step(phase, &mut self.client, &mut watch)?;
        }
        processes.remove(victim).bury(killer)?;
        self.kills += 1;
        // What it said before it died counts.
        self.driver.drain(phase, &mut self.client)?;
        let process = self.start(victim)?;
        processes.insert(victim, process);
        let withheld = self.driver.withheld();
        let client = &mut self.challenger_client;
        self.challenger.challenge(&withheld, client, &mut watch(processes, None, &self.interrupt))?;
        self.driver.resume(phase, &mut self.client)
    }

    /// Starts the authority, or one of its parts, until it is ready; sometimes it is killed on its way, and started again.
    fn start(&mut self, part: usize) -> Result<AuthorityProcess, BenchError> {
        loop {
            self.interrupt.check()?;
            let begun = Instant::now();
            let place = (0, self.scene.parts.get(part));
            let mut process = self.scene.spawn(self.run_options, self.executable, place, self.journals)?;
            self.scene.cores.pin_generator();
            if self.draws.below(EARLY_KILL_ODDS) > 0 {
                process.await_ready(&mut || self.interrupt.check())?;
                self.restarts_ms.push(u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX));
                return Ok(process);
            }
            let usual_ms = self.restarts_ms.last().map_or(START_MS, |ms| (*ms).clamp(1, 60_000));
            let killer = process.kill_after(Duration::from_micros(self.draws.below(usual_ms * 1_000).into()))?;
            let was_ready = process.bury(killer)?;
            self.kills += 1;
            self.kills_before_ready += u64::from(!was_ready);
        }
    }

    fn say(&self, round: usize, rounds: usize, kill_us: u32) {
        let (tally, challenges) = (self.driver.tally(), self.challenger.counts());
        eprintln!(
            "round {round} of {rounds}: killed {:.1} ms after ready, back in {} ms; {} settled, {} of {} second orders \
             refused, {} voted for",
            f64::from(kill_us) / 1_000.0,
            self.restarts_ms.last().copied().unwrap_or_default(),
            tally.settled,
            challenges.refused,
            challenges.tried,
            challenges.voted,
        );
    }

    pub(super) fn scene(&self) -> &'a Scene {
        self.scene
    }

    pub(super) fn settings(&self) -> Settings {
        settings(self.scene)
    }

    pub(super) fn outcomes(&self) -> &[Outcome] {
        self.driver.outcomes()
    }

    /// Payments that are voted for and not certified.
    pub(super) fn pending(&self) -> Vec<u32> {
        self.driver.withheld()
    }

    /// Lends the client to someone who asks.
    pub(super) fn ask<T>(
        &mut self,
        question: impl FnOnce(&mut Client, &mut dyn FnMut() -> Result<(), BenchError>) -> Result<T, BenchError>,
    ) -> Result<T, BenchError> {
        let interrupt = &self.interrupt;
        question(&mut self.client, &mut || interrupt.check())
    }
}

fn settings(scene: &Scene) -> Settings {
    Settings {
        timeout_ns: TIMEOUT_MS * 1_000_000,
        tries_max: TRIES_MAX,
        owns_core: scene.cores.generator_owns_core(),
        withheld_max: WITHHELD_MAX as usize,
    }
}

/// Looks after signals, and after an authority that dies by itself.
fn watch<'a>(
    processes: &'a mut [AuthorityProcess],
    killed: Option<(usize, &'a Killer)>,
    interrupt: &'a Interrupt,
) -> impl Watch + 'a {
    move || {
        interrupt.check()?;
        for (place, process) in processes.iter_mut().enumerate() {
            match process.check_alive() {
                Err(_) if killed.is_some_and(|(victim, killer)| victim == place && killer.has_struck()) => {}
                alive => alive?,
            }
        }
        Ok(())
    }
}
