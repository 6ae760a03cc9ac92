//! Timing the start of an authority that has much to read back: a snapshot of all its accounts, and behind it as full a
//! journal as the load can make.
//!
//! A durable authority is driven at saturation. The first snapshot is left to complete; how full the ring was by then says how
//! full it can get. When it is as full again, or as full as was asked for, the authority is killed by SIGKILL. What is then on
//! disk is read back again and again: started, waited for until it is ready, killed.
//!
//! | file | what it holds |
//! |---|---|
//! | `fill.rs` | how full the journal is, and when it is full enough |
//! | `report.rs` | what was measured |

mod fill;
mod report;

pub use report::{RestartReport, StartReport, table};

use crate::client::Client;
use crate::drive::{Driver, Pace, Settings};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::journals::Journals;
use crate::locate;
use crate::options::{RestartOptions, RunOptions};
use crate::process::AuthorityProcess;
use crate::random::secret_seed;
use crate::scene::{HOST, Scene};
use fill::{Fill, Fullness};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often the authority is asked how full its journal is.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long its counters are waited for in the end.
const COUNTERS_WAIT: Duration = Duration::from_secs(10);

/// Fills a journal and times the starts. `command` is the command line that repeats it.
///
/// # Errors
/// The machine's faults; [`BenchError::Usage`] if the load ends before the journal is full.
pub fn restart(options: &RestartOptions, command: String) -> Result<RestartReport, BenchError> {
    let interrupt = Interrupt::catch()?;
    let executable = locate::authority(options.authority_binary.as_deref());
    interrupt.check()?;
    let executable = executable?;
    let run_options = options.as_run()?;
    let scene = Scene::prepare(&run_options, &interrupt)?;
    let journals = Journals::make(&options.data, scene.folder.path())?;
    let trial = Trial { run_options: &run_options, scene: &scene, executable: &executable, journals, interrupt };
    let fullness = trial.fill(options.full)?;
    let mut starts = Vec::new();
    for number in 1..=options.starts {
        starts.push(trial.start(options.accounts)?);
        eprintln!("start {number} of {}: ready after {} ms", options.starts, starts[starts.len() - 1].ready_ms);
    }
    Ok(RestartReport::new(command, options, fullness, starts))
}

struct Trial<'a> {
    run_options: &'a RunOptions,
    scene: &'a Scene,
    executable: &'a Path,
    journals: Journals,
    interrupt: Interrupt,
}

impl Trial<'_> {
    /// Drives the authority until its journal is full, and kills it.
    fn fill(&self, full_percent: u64) -> Result<Fullness, BenchError> {
        let Scene { workload, terms, directory, cores, .. } = self.scene;
        let mut process = self.spawn()?;
        process.await_ready(&mut || self.interrupt.check())?;
        let settings = Settings {
            timeout_ns: self.run_options.timeout_ms * 1_000_000,
            tries_max: self.run_options.tries,
            owns_core: cores.generator_owns_core(),
            withheld_max: 0,
        };
        let mut client = Client::bind(HOST, 1, None, true)?;
        let mut driver = Driver::new(workload, terms, directory, settings, secret_seed()?);
        let pace = Pace::Window { count: self.run_options.window_used() };
        let mut phase = driver.begin(0..workload.plan.payment_count(), pace, &mut client);
        let (mut fill, mut asked) = (Fill::new(full_percent), Instant::now());
        eprintln!("filling the journal");
        while !driver.is_over(&phase) {
            driver.step(&mut phase, &mut client, &mut || self.interrupt.check().and(process.check_alive()))?;
            if asked.elapsed() < ASK_EVERY {
                continue;
            }
            asked = Instant::now();
            process.ask_for_counters();
            let Some(seen) = process.last_counters().as_ref().and_then(Fullness::of_counters) else { continue };
            if let Some(fullness) = fill.see(seen) {
                let killer = process.kill_after(Duration::ZERO)?;
                process.bury(killer)?;
                return Ok(fullness);
            }
        }
        Err(BenchError::Usage(format!(
            "all payments were settled before the journal was full ({}); give it fewer --journal-mib or accounts",
            fill.described()
        )))
    }

    /// One start, timed from the process's birth to its word that it is ready; then killed, so that the next one finds the same.
    fn start(&self, accounts: u32) -> Result<StartReport, BenchError> {
        let begun = Instant::now();
        let mut process = self.spawn()?;
        let ready = process.await_ready(&mut || self.interrupt.check())?;
        let ready_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let start = StartReport::new(ready_ms, &ready.recovered);
        let held = self.accounts_held(&mut process)?;
        let killer = process.kill_after(Duration::ZERO)?;
        process.bury(killer)?;
        // Somebody may have been paid who was not there before; nobody goes.
        if held < u64::from(accounts) {
            return Err(BenchError::Usage(format!("the authority came back with {held} of {accounts} accounts")));
        }
        Ok(start)
    }

    fn accounts_held(&self, process: &mut AuthorityProcess) -> Result<u64, BenchError> {
        process.ask_for_counters();
        let deadline = Instant::now() + COUNTERS_WAIT;
        while Instant::now() < deadline {
            self.interrupt.check()?;
            process.check_alive()?;
            if let Some(counters) = process.last_counters() {
                let shards = counters["shards"].as_array().into_iter().flatten();
                return Ok(shards.filter_map(|shard| shard["accounts"].as_u64()).sum());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(0)
    }

    fn spawn(&self) -> Result<AuthorityProcess, BenchError> {
        let process = self.scene.spawn(self.run_options, self.executable, (0, None), Some(&self.journals))?;
        self.scene.cores.pin_generator();
        Ok(process)
    }
}

/// A number in what the authority said.
fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_default()
}
