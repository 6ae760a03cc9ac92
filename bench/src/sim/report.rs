//! What was found.

use super::Found;
use super::SimOptions;
use super::faults::Faults;
use crate::report::grouped;
use core::fmt::Write;
use core::time::Duration;
use serde::Serialize;

/// A run's results. Its JSON form is this structure, field by field.
#[derive(Debug, Serialize)]
pub struct SimReport {
    /// The command that repeats the run.
    pub command: String,
    /// This program's version.
    pub version: &'static str,
    /// `oracle`, or `ed25519`.
    pub signatures: &'static str,
    /// The bug that was planted; null for none.
    pub mutant: Option<String>,
    /// Seeds run.
    pub seeds: u64,
    /// Steps taken, each of them one event.
    pub steps: u64,
    /// Steps per second, on one core.
    pub steps_per_s: f64,
    /// Payments with a certificate.
    pub payments: u64,
    /// What went wrong on purpose, by kind.
    pub faults: Faults,
    /// Seeds in which something was that must never be.
    pub violations: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_violation: Option<FirstViolation>,
    /// BLAKE3 of every event of every seed, hexadecimal: the same for the same seeds and steps.
    pub trace: String,
}

/// What must never be.
#[derive(Debug, Serialize)]
pub struct FirstViolation {
    /// The seed.
    pub seed: u64,
    /// The step.
    pub step: u64,
    /// What it was.
    pub what: String,
    /// The command that shows it again.
    pub command: String,
}

impl SimReport {
    /// The report of a run that took so long.
    pub fn new(command: String, options: &SimOptions, found: Found, took: Duration) -> Self {
        let first_violation = found.first.map(|(seed, violation)| {
            let command = repeat(options, seed);
            FirstViolation { seed, step: violation.step, what: violation.what, command }
        });
        #[expect(clippy::cast_precision_loss, reason = "steps stay far below 2^52")]
        let steps_per_s = found.steps as f64 / took.as_secs_f64().max(1e-9);
        Self {
            command,
            version: env!("CARGO_PKG_VERSION"),
            signatures: if options.real_signatures { "ed25519" } else { "oracle" },
            mutant: options.mutant.clone(),
            seeds: found.seeds,
            steps: found.steps,
            steps_per_s,
            payments: found.payments,
            faults: found.faults,
            violations: found.violations,
            first_violation,
            trace: found.trace.finalize().to_hex().to_string(),
        }
    }

    /// What failed, in words.
    pub fn failures(&self) -> Vec<String> {
        let failure = |first: &FirstViolation| {
            let (count, seeds, seed, step) = (self.violations, self.seeds, first.seed, first.step);
            let text = format!(
                "{count} of {seeds} seeds show what must never be; seed {seed}, step {step}: {}; repeat with: {}",
                first.what, first.command
            );
            text
        };
        self.first_violation.iter().map(failure).collect()
    }
}

/// The command that shows a seed's violation again.
fn repeat(options: &SimOptions, seed: u64) -> String {
    let mut command = format!("quittance-bench sim --seeds {seed}..{} --steps {}", seed + 1, options.steps);
    if options.real_signatures {
        command.push_str(" --real-signatures");
    }
    if let Some(mutant) = &options.mutant {
        command.push_str(" --mutant ");
        command.push_str(mutant);
    }
    command
}

/// The report for a person.
pub fn text(report: &SimReport) -> String {
    let mut text = format!(
        "{} seeds, {} steps ({:.0}/s), {} payments certified, {} violations\n",
        grouped(report.seeds),
        grouped(report.steps),
        report.steps_per_s,
        grouped(report.payments),
        grouped(report.violations)
    );
    for (kind, count) in report.faults.all() {
        writeln!(text, "  {:<22} {:>12}", kind.replace('_', " "), grouped(count)).expect("a string takes all");
    }
    write!(text, "trace {}", report.trace).expect("a string takes all");
    text
}
