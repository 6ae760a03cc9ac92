//! One rate, tried.

use super::SweepOptions;
use crate::error::BenchError;
use crate::options::PhaseError;
use crate::output::OutputOptions;
use crate::output::sweep_file::{SweepLatency, SweepPoint};
use crate::report::Report;
use crate::run::{apart, run};
use serde_json::Value;
use std::path::PathBuf;

/// Offers a rate to a committee that is started for it, and judges what came of it. The seed is another one each time, so that
/// no peculiarity of one plan decides.
pub(super) fn trial(
    options: &SweepOptions,
    rate_per_s: u64,
    (ordinal, search): (usize, usize),
) -> Result<SweepPoint, BenchError> {
    let folder = options.run.output.out.as_ref().map(|_| format!("trial-{ordinal:03}"));
    let mut trial = options.run.clone();
    let phase = |name: &str, ms: u64| format!("{name}:{rate_per_s}/{ms}ms").parse();
    let phases = [phase("warm-up", options.warm_up_ms), phase("trial", options.trial_ms)].into_iter();
    let phases: Result<_, PhaseError> = phases.collect();
    trial.phases = phases.map_err(|fault| BenchError::Usage(fault.to_string()))?;
    trial.seed = options.run.seed.wrapping_add(ordinal as u64);
    trial.output = OutputOptions { out: path_of(options, folder.as_deref()) };
    let command = command_of(options, rate_per_s, trial.seed);
    let kept = trial.output.prepare(command.clone())?;
    let (report, recording) = apart(|| run(&trial, command))?;
    kept.write(&report, &recording)?;
    Ok(point(options, &report, rate_per_s, search, folder))
}

fn path_of(options: &SweepOptions, folder: Option<&str>) -> Option<PathBuf> {
    Some(options.run.output.out.as_ref()?.join(folder?))
}

/// The command that repeats the trial, as far as rate and seed decide it.
fn command_of(options: &SweepOptions, rate_per_s: u64, seed: u64) -> String {
    let SweepOptions { warm_up_ms, trial_ms, .. } = options;
    format!(
        "quittance-bench run --phase warm-up:{rate_per_s}/{warm_up_ms}ms --phase trial:{rate_per_s}/{trial_ms}ms --seed {seed} \
         [and the sweep's own options of run]"
    )
}

fn point(
    options: &SweepOptions,
    report: &Report,
    rate_per_s: u64,
    search: usize,
    folder: Option<String>,
) -> SweepPoint {
    let value: Value = serde_json::to_value(report).expect("a report holds strings, numbers and maps with string keys");
    let judgement = options.objective.judge(&value);
    let latency = report.latency_us.order_receipt;
    let is_sound = report.audit.ok && report.accounting.failure().is_none();
    SweepPoint {
        rate_per_s,
        repeat_index: u32::try_from(search).expect("searches are few"),
        valid: report.valid,
        // A late generator makes latencies longer, never shorter: what is met is met.
        met: judgement.met && is_sound,
        settled_per_s: report.settled_per_s,
        lost: report.counts.lost,
        order_receipt: SweepLatency { p50: latency.p50, p99: latency.p99, p99_9: latency.p99_9, max: latency.max },
        authority_cpu_ns_per_payment: report.authority_cpu_ns_per_payment,
        folder,
    }
}
