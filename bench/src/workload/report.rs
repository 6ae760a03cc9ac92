//! What a workload was, and what came of it besides payments.

use super::asker::Asked;
use crate::error::BenchError;
use crate::intruder::{Hostility, HostilityReport, IntruderCounters};
use crate::latency::LatencySummary;
use crate::options::{Design, RunOptions};
use crate::plan::{Bank, Operation, Plan};
use crate::report::ratio;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was measured besides payments.
#[derive(Clone, Debug, Default)]
pub struct WorkloadMeasure {
    /// What is known of the workload before it runs.
    pub shape: WorkloadShape,
    /// Hostile sources, if there were any.
    pub hostility: Option<Hostility>,
    /// Questions, if any were asked.
    pub asked: Option<Asked>,
}

/// A workload as it was planned. Its JSON form is part of the report's, field by field.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WorkloadShape {
    /// Its name on the command line.
    pub workload: &'static str,
    /// Of Zipf's law.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zipf: Option<ZipfShape>,
    /// Payments of a chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain_length: Option<u32>,
    /// The bank's customers and operations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallbank: Option<BankShape>,
}

/// How hot the hot accounts are.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ZipfShape {
    /// Of the law.
    pub exponent: f64,
    /// Most payments of one sender: they go one after the other.
    pub sender_payments_max: u64,
    /// Most payments to one recipient.
    pub recipient_payments_max: u64,
}

/// A bank, planned.
#[derive(Clone, Debug, Serialize)]
pub struct BankShape {
    /// Customers, with two accounts each.
    pub customers: u64,
    /// Planned operations of all kinds.
    pub operations: u64,
    /// The same by kind.
    pub operations_by_kind: BTreeMap<Operation, u64>,
    /// Operations between two shards that were asked for, of a hundred.
    pub cross_shard_percent: f64,
    /// Those that were planned.
    pub cross_shard_percent_planned: f64,
}

/// A workload in the report: what it was, and what came of it besides payments.
#[derive(Clone, Debug, Serialize)]
pub struct WorkloadReport {
    /// As planned.
    #[serde(flatten)]
    pub shape: WorkloadShape,
    /// Balances asked for, if any were: no payments, and counted nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queries: Option<QueryReport>,
    /// The source of bad signatures, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intruder: Option<IntruderCounters>,
    /// Hostile sources, if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostile: Option<HostilityReport>,
}

/// Balances asked for.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct QueryReport {
    /// Queries sent, each once.
    pub sent: u64,
    /// Balances told.
    pub answered: u64,
    /// Anything else.
    pub refused: u64,
    /// Queries or answers that were lost.
    pub unanswered: u64,
    /// From the query to its answer; microseconds.
    pub latency_us: LatencySummary,
}

impl WorkloadShape {
    /// Of this plan, which follows from these options.
    ///
    /// # Errors
    /// [`BenchError::Usage`] if the options do not go together.
    pub fn new(options: &RunOptions, plan: &Plan) -> Result<Self, BenchError> {
        let design = options.workload.design(options.accounts, options.shards)?;
        Ok(match design {
            Design::Uniform => Self { workload: "uniform", ..Self::default() },
            Design::Zipf { exponent } => {
                Self { workload: "zipf", zipf: Some(ZipfShape::new(exponent, plan)), ..Self::default() }
            }
            Design::Chained { chain_length } => {
                Self { workload: "chained", chain_length: Some(chain_length), ..Self::default() }
            }
            Design::Smallbank { cross_shard_ppm } => {
                let bank = plan.bank().expect("the plan follows from the same options");
                Self {
                    workload: "smallbank",
                    smallbank: Some(BankShape::new(bank, cross_shard_ppm)),
                    ..Self::default()
                }
            }
        })
    }
}

impl ZipfShape {
    fn new(exponent: f64, plan: &Plan) -> Self {
        let most = |account: fn(&Plan, u32) -> u32| {
            let mut counts = vec![0_u64; plan.account_count() as usize];
            (0..plan.payment_count()).for_each(|payment| counts[account(plan, payment) as usize] += 1);
            counts.into_iter().max().unwrap_or(0)
        };
        Self { exponent, sender_payments_max: most(Plan::sender), recipient_payments_max: most(Plan::recipient) }
    }
}

impl BankShape {
    fn new(bank: &Bank, cross_shard_ppm: u32) -> Self {
        let operations = bank.counts().iter().sum();
        Self {
            customers: bank.customers().len() as u64,
            operations,
            operations_by_kind: Operation::ALL.into_iter().zip(bank.counts()).collect(),
            cross_shard_percent: f64::from(cross_shard_ppm) / 1e4,
            cross_shard_percent_planned: 100.0 * ratio(bank.crossing_count(), operations),
        }
    }
}

impl WorkloadReport {
    /// `settled_per_s`: of the honest payments, at saturation.
    pub fn new(measure: &WorkloadMeasure, settled_per_s: f64) -> Self {
        let WorkloadMeasure { shape, hostility, asked } = measure;
        Self {
            shape: shape.clone(),
            queries: asked.as_ref().map(QueryReport::new),
            intruder: hostility.as_ref().map(Hostility::bad_signatures).filter(|bad| bad.bad_orders > 0),
            hostile: hostility.as_ref().map(|hostility| HostilityReport::new(hostility, settled_per_s)),
        }
    }

    /// What went wrong, one sentence each.
    pub fn failures(&self) -> Vec<String> {
        let refused = self.queries.map_or(0, |queries| queries.refused);
        (refused > 0).then(|| format!("{refused} questions for a balance got something else")).into_iter().collect()
    }
}

impl QueryReport {
    fn new(asked: &Asked) -> Self {
        let Asked { sent, answered, refused, latency } = asked;
        Self {
            sent: *sent,
            answered: *answered,
            refused: *refused,
            unanswered: sent.saturating_sub(answered + refused),
            latency_us: latency.summary(),
        }
    }
}
