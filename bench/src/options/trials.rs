//! Options of the trials: starts that are timed, and kills.

use super::{Cli, RunOptions, journal_mib};
use crate::error::BenchError;
use crate::limits::{ACCOUNT_COUNT_MAX, PAYMENT_COUNT_MAX, SHARD_COUNT_MAX};
use clap::{Args, Parser};
use std::path::PathBuf;

/// What a payment leaves in the journal at least: a vote's record and a confirmation's. Bytes.
const RECORD_BYTES_PER_PAYMENT: u64 = 256;
/// While a journal is filled the authority may refuse payments for seconds, until a snapshot is done.
const FILL_TIMEOUT_MS: u64 = 1_000;
const FILL_TRIES: u32 = 100;

/// Options of `restart`.
#[derive(Clone, Debug, Args)]
pub struct RestartOptions {
    /// Funded accounts.
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=i64::from(ACCOUNT_COUNT_MAX)))]
    pub accounts: u32,
    /// Shards of the authority.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(SHARD_COUNT_MAX)))]
    pub shards: u16,
    /// Journal of each shard in each directory, in MiB.
    #[arg(long, default_value_t = 256, value_name = "MIB", value_parser = journal_mib())]
    pub journal_mib: u64,
    /// How full the journal shall be, in percent, if it gets so full.
    #[arg(long, default_value_t = 95, value_name = "PERCENT", value_parser = clap::value_parser!(u64).range(5..=100))]
    pub full: u64,
    /// Starts that are timed.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub starts: u32,
    /// Fixes keys and payments.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// As for `run`.
    #[arg(long, value_name = "DIR[,DIR2]", value_delimiter = ',', num_args = 1)]
    pub data: Vec<PathBuf>,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
    /// The authority's executable [default: the one beside this one; built first under cargo].
    #[arg(long, value_name = "PATH")]
    pub authority_binary: Option<PathBuf>,
}

impl RestartOptions {
    /// The settings of the run that fills the journal: enough payments to turn every ring three times.
    ///
    /// # Errors
    /// [`BenchError::Usage`] for more payments than there may be.
    pub fn as_run(&self) -> Result<RunOptions, BenchError> {
        let payments = 3 * u64::from(self.shards) * (self.journal_mib << 20) / RECORD_BYTES_PER_PAYMENT;
        let payments = u32::try_from(payments).ok().filter(|payments| *payments <= PAYMENT_COUNT_MAX);
        let payments = payments.ok_or_else(|| {
            BenchError::Usage(format!("so large a journal takes more than {PAYMENT_COUNT_MAX} payments to fill"))
        })?;
        let Cli { run, .. } = Cli::parse_from(["quittance-bench"]);
        Ok(RunOptions {
            accounts: self.accounts,
            payments,
            shards: self.shards,
            seed: self.seed,
            data: self.data.clone(),
            journal_mib: Some(self.journal_mib),
            timeout_ms: FILL_TIMEOUT_MS,
            tries: FILL_TRIES,
            authority_binary: self.authority_binary.clone(),
            json: self.json,
            ..run
        })
    }
}

/// Options of `crash`.
#[derive(Clone, Debug, Args)]
pub struct CrashOptions {
    /// Kills under load.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rounds: u32,
    /// Funded accounts.
    #[arg(long, default_value_t = 2_000, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=i64::from(ACCOUNT_COUNT_MAX)))]
    pub accounts: u32,
    /// Shards of the authority.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(SHARD_COUNT_MAX)))]
    pub shards: u16,
    /// Processes that the authority runs as: each has some of the shards, and a round kills one of them.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(SHARD_COUNT_MAX)))]
    pub processes: u16,
    /// The process that every round kills, from 0 [default: one at random].
    #[arg(long, value_name = "I")]
    pub kill: Option<u16>,
    /// Payments per second while the authority runs.
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub rate: u64,
    /// Fixes keys, payments, and the moments of the kills under load.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// As for `run`.
    #[arg(long, value_name = "DIR[,DIR2]", value_delimiter = ',', num_args = 1)]
    pub data: Vec<PathBuf>,
    /// Journal of each shard in each directory, in MiB: small, so that its ring turns and snapshots are needed.
    #[arg(long, default_value_t = 8, value_name = "MIB", value_parser = journal_mib())]
    pub journal_mib: u64,
    /// Leave all files there.
    #[arg(long)]
    pub keep: bool,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
    /// The authority's executable [default: the one beside this one; built first under cargo].
    #[arg(long, value_name = "PATH")]
    pub authority_binary: Option<PathBuf>,
    /// Run the authority in memory, so that it forgets everything: the trial must notice.
    #[arg(long, hide = true)]
    pub forgetful: bool,
}

impl CrashOptions {
    /// The settings of the run that a trial is: one authority of four, and so many payments.
    ///
    /// # Errors
    /// [`BenchError::Usage`] for more payments than there may be.
    pub fn as_run(&self, payments: u64) -> Result<RunOptions, BenchError> {
        if let Some(kill) = self.kill.filter(|kill| *kill >= self.processes) {
            let fault = format!("--kill {kill}: there are {} processes, from 0; see --processes", self.processes);
            return Err(BenchError::Usage(fault));
        }
        let payments = u32::try_from(payments).ok().filter(|payments| *payments <= PAYMENT_COUNT_MAX);
        let payments = payments.ok_or_else(|| {
            BenchError::Usage(format!("so many rounds at this rate take more than {PAYMENT_COUNT_MAX} payments"))
        })?;
        let Cli { run, .. } = Cli::parse_from(["quittance-bench"]);
        Ok(RunOptions {
            accounts: self.accounts,
            payments,
            shards: self.shards,
            processes: self.processes,
            seed: self.seed,
            data: self.data.clone(),
            journal_mib: Some(self.journal_mib),
            volatile: self.forgetful,
            authority_binary: self.authority_binary.clone(),
            json: self.json,
            ..run
        })
    }
}
