//! Killing a durable authority again and again under load, and proving at the end that it forgot nothing.
//!
//! One authority of four runs, the others' votes are signed ahead. Payments go to it on a schedule. In each round it is killed
//! by SIGKILL at a random moment after it became ready, and started again with the same directories; now and then it is killed
//! once more while it starts, so in the middle of its recovery. The schedule stands still meanwhile. Then the payer goes on:
//! every order and every certificate without an answer is sent again, until every payment is settled. No payer ever replaces
//! an order.
//!
//! With `--processes` the authority's shards run in several processes, with links between them. A round kills one of them, and
//! the others go on: what is paid to its shards waits until it is back, and must then arrive, once.
//!
//! The thief does. Some certificates are kept back, so that at each kill there are votes that were received and not used, the
//! youngest of them a moment ago. After the restart another order of the same account and sequence number, well signed, is sent
//! for each ([`challenge`]): a vote for it would be a second vote, and money made from nothing. The authority must refuse it and
//! name the order that it voted for. Then the first order's certificate is used, and must settle.
//!
//! At the end, with the last few orders voted for and not certified:
//! - every account is asked for. No receipt that was received may be of a sequence number that the account has not passed, and
//!   the balances must add up to the supply;
//! - the state of all accounts, hashed, must be that of a model ([`oracle`]) which knows only what was settled and what is
//!   pending: once from what the authority says of each account, and once, after it was stopped, from what its journal holds.
//!
//! | file | what it holds |
//! |---|---|
//! | `trial.rs` | kills and restarts |
//! | `challenge.rs` | second orders, and what the authority says to them |
//! | `oracle.rs` | what the state must be |
//! | `report.rs` | what was found |

pub mod challenge;
pub mod oracle;
mod report;
mod trial;

pub use report::{CrashReport, RestartMs, table};

use crate::audit::{Audit, Questions, audit_and_see};
use crate::drive::Outcome;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::journals::Journals;
use crate::locate;
use crate::model::Model;
use crate::options::CrashOptions;
use crate::parts::Part;
use crate::scene::Scene;
use oracle::{State, image};
use quittance_engine::journal::snapshot::SlotImage;
use quittance_engine::types::Digest;
use report::Findings;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use trial::{Trial, draw_kills, payment_count};

/// Runs the trial. `command` is the command line that repeats it.
///
/// # Errors
/// What ends a trial before its report, an authority that does not start again included; what it forgot is in the report.
pub fn crash(options: &CrashOptions, command: String) -> Result<CrashReport, BenchError> {
    let interrupt = Interrupt::catch()?;
    let executable = locate::authority(options.authority_binary.as_deref());
    interrupt.check()?;
    let executable = executable?;
    let kills_us = draw_kills(options);
    let run_options = options.as_run(payment_count(options, &kills_us))?;
    let mut scene = Scene::prepare(&run_options, &interrupt)?;
    let mut journals = (!options.forgetful).then(|| Journals::make(&options.data, scene.folder.path())).transpose()?;
    if options.keep {
        scene.folder.keep();
        journals.iter_mut().for_each(Journals::keep);
        eprintln!("files stay in {}", scene.folder.path().display());
    }
    let trial = Trial::new(options, &run_options, &scene, &executable, journals.as_ref(), interrupt)?;
    let ended = trial.run(&kills_us)?;
    let journal = journals.as_ref().map(|journals| read_journal(&executable, &scene, journals)).transpose()?;
    Ok(CrashReport::new(command, options, &run_options, ended, journal))
}

/// What an offline reading of the journal says.
#[derive(Clone, Debug)]
struct JournalReading {
    sound: bool,
    /// Of all shards, hexadecimal.
    state_digest: String,
    /// The numbers of all shards' newest snapshots, added up: how many were ever taken.
    snapshots: u64,
}

/// Reads the journal of every process.
fn read_journal(executable: &Path, scene: &Scene, journals: &Journals) -> Result<JournalReading, BenchError> {
    let parts: Vec<Option<&Part>> =
        if scene.parts.is_empty() { vec![None] } else { scene.parts.iter().map(Some).collect() };
    let mut hasher = blake3::Hasher::new();
    let mut reading = JournalReading { sound: true, state_digest: String::new(), snapshots: 0 };
    for part in parts {
        let mut command = Command::new(executable);
        command.arg("verify-journal").arg(journals.argument(0, part)).args(scene.files(0)).arg("--json");
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| BenchError::machine("running verify-journal", error, ""))?;
        let unreadable = || BenchError::Journal { status: output.status.to_string() };
        let said: Value = serde_json::from_slice(&output.stdout).map_err(|_| unreadable())?;
        reading.sound &= said["verdict"] == "sound";
        for shard in said["shards"].as_array().ok_or_else(unreadable)? {
            let digest = shard["digest"].as_str().and_then(|digest| hex::decode(digest).ok());
            hasher.update(&digest.ok_or_else(unreadable)?);
            reading.snapshots += shard["snapshot"].as_u64().unwrap_or_default();
        }
    }
    reading.state_digest = hex::encode(hasher.finalize().as_bytes());
    Ok(reading)
}

/// Asks a running authority for every account, and compares with what must be.
fn examine(trial: &mut Trial<'_>) -> Result<(Audit, Findings), BenchError> {
    let (scene, pending) = (trial.scene(), trial.pending());
    let Scene { terms, directory, accounts, workload, .. } = scene;
    let outcomes = trial.outcomes().to_vec();
    let model = Model::after(&workload.plan, &outcomes);
    let questions = Questions { addresses: accounts.addresses(), terms, directory, settings: trial.settings() };
    eprintln!("asking for {} accounts", accounts.count());
    let mut seen: Vec<Option<SlotImage>> = vec![None; accounts.addresses().len()];
    let audit = trial.ask(|client, mut watch| {
        audit_and_see(0, &model, questions, client, &mut watch, &mut |account, info| {
            seen[account as usize] = Some(image(info))
        })
    })?;
    let expected = State::expected(&model, workload, accounts, &outcomes, &pending);
    let answered: Option<Vec<SlotImage>> = seen.iter().copied().collect();
    let digest = |state: &State| -> Digest { state.digest(&terms.network, directory.shard_count(0)) };
    let findings = Findings {
        receipts_lost: oracle::receipts_lost(&workload.plan, &outcomes, &seen),
        expected: digest(&expected),
        answered: answered.map(|images| digest(&State(images))),
        pending: pending.len() as u64,
        credits_crossed: credits_crossed(scene, &outcomes),
    };
    Ok((audit, findings))
}

/// Settled payments from an account of one of the authority's processes to an account of another one. `None` for a single
/// process.
fn credits_crossed(scene: &Scene, outcomes: &[Outcome]) -> Option<u64> {
    let Scene { parts, terms, directory, accounts, workload, .. } = scene;
    let plan = &workload.plan;
    let part = |account: u32| {
        let shard = terms.network.shard_of(&accounts.addresses()[account as usize], directory.shard_count(0));
        parts.iter().position(|part| part.shards.contains(shard))
    };
    let settled = (0..).zip(outcomes).filter(|(_, outcome)| **outcome == Outcome::Settled);
    let crosses = |payment| part(plan.sender(payment)) != part(plan.recipient(payment));
    (!parts.is_empty()).then(|| settled.filter(|(payment, _)| crosses(*payment)).count() as u64)
}
