//! From the options to a plan. In which shard an account is follows from the genesis file, and what that says follows from the
//! plan, or at least from a part of it: so there are two steps.

use super::Plan;
use super::smallbank::Prospect;
use crate::error::BenchError;
use crate::options::{Design, RunOptions};
use quittance_engine::types::ShardIndex;

/// A plan as far as it is known before the network is.
#[derive(Debug)]
pub enum Draft {
    /// It has nothing to do with shards.
    Whole(Box<Plan>),
    /// Who pays whom is drawn when it is known who is where.
    Bank(Prospect),
}

impl Draft {
    /// The draft of the workload that was asked for, of so many payments.
    ///
    /// # Errors
    /// [`BenchError::Usage`] if the options do not go together.
    pub fn new(options: &RunOptions, payments: u32) -> Result<Self, BenchError> {
        let RunOptions { seed, accounts, shards, .. } = *options;
        Ok(match options.workload.design(accounts, shards)? {
            Design::Uniform => Self::whole(Plan::draw(seed, accounts, payments)),
            Design::Zipf { exponent } => Self::whole(Plan::hot(seed, accounts, payments, exponent)),
            Design::Chained { chain_length } => Self::whole(Plan::chained(seed, accounts, payments, chain_length)),
            Design::Smallbank { cross_shard_ppm } => Self::Bank(Prospect {
                run_seed: seed,
                account_count: accounts,
                payment_count: payments,
                cross_shard_ppm,
            }),
        })
    }

    fn whole(plan: Plan) -> Self {
        Self::Whole(Box::new(plan))
    }

    /// What an account is to have in the genesis file.
    pub fn opening(&self, account: u32) -> u64 {
        match self {
            Self::Whole(plan) => plan.opening(account),
            Self::Bank(prospect) => prospect.opening(),
        }
    }

    /// The plan, now that it is known in which of the shards each account is.
    ///
    /// # Errors
    /// [`BenchError::Usage`] if a shard has too few accounts.
    pub fn complete(self, shard_count: u16, shard_of: impl Fn(u32) -> ShardIndex) -> Result<Plan, BenchError> {
        match self {
            Self::Whole(plan) => Ok(*plan),
            Self::Bank(prospect) => prospect.complete(shard_count, |account| shard_of(account).0),
        }
    }
}
