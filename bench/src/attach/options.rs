//! The command line of `attach`.

use crate::drive::Settings;
use crate::error::BenchError;
use crate::limits::PAYMENT_COUNT_MAX;
use crate::load_shard::{LoadShard, LoadShardChoice};
use crate::options::{TransportChoice, sockets, window};
use crate::output::OutputOptions;
use clap::Args;
use std::path::PathBuf;

/// Payments in flight at authorities that run anywhere: half of 1,000 accounts, at a few milliseconds each.
const WINDOW_ATTACHED: usize = 500;

/// Options of `attach`.
#[derive(Clone, Debug, Args)]
pub struct AttachOptions {
    /// The committee file: the authorities' keys and where they listen.
    #[arg(long, value_name = "FILE")]
    pub committee: PathBuf,
    /// The genesis file, whose digest names the network.
    #[arg(long, value_name = "FILE")]
    pub genesis: PathBuf,
    /// The wallet's folder.
    #[arg(long, value_name = "DIR", env = "QUITTANCE_WALLET")]
    pub wallet: PathBuf,
    /// A file whose first line is the passphrase of the wallet's keys, if they are sealed.
    #[arg(long, value_name = "FILE", env = "QUITTANCE_PASSPHRASE_FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Make one part of a load that several machines make together, each with a copy of the same wallet: part I of N has every
    /// Nth of its accounts, and an Nth of --rate. `auto` takes I and N from the scheduler that started this (a Kubernetes
    /// Indexed Job, Slurm, Open MPI, PMI, Nomad), `auto/N` only I. `merge` puts their results together.
    #[arg(long, value_name = "I/N|auto[/N]")]
    pub load_shard: Option<LoadShardChoice>,
    /// Send the first order at this moment, in seconds since 1970 (`date +%s`): so that all parts of a load begin together.
    /// Refused if it has passed when all is signed.
    #[arg(long, value_name = "UNIX-S")]
    pub start_at: Option<u64>,
    /// Payments in all [default: three for each account].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(3..=i64::from(PAYMENT_COUNT_MAX)))]
    pub payments: Option<u32>,
    /// Payments per second of the open loop [default: half of the saturated rate].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub rate: Option<u64>,
    /// Payments in flight at saturation; at most half of the accounts are used.
    #[arg(long, default_value_t = WINDOW_ATTACHED, value_name = "N", value_parser = window)]
    pub window: usize,
    /// How datagrams are received and sent here.
    #[arg(long, default_value = "auto")]
    pub transport: TransportChoice,
    /// Send the x coordinate of each signature's R along with the order.
    #[arg(long)]
    pub hint: bool,
    /// Client sockets; payments take turns.
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = sockets)]
    pub sockets: usize,
    /// Let every datagram travel by itself.
    #[arg(long)]
    pub no_gso: bool,
    /// How long an answer is waited for before the request is repeated, in milliseconds.
    #[arg(long, default_value_t = 1_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub timeout_ms: u64,
    /// Sends of one order, and of one certificate, before the payment counts as lost.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub tries: u32,
    /// What is written of it.
    #[command(flatten)]
    pub output: OutputOptions,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
}

impl AttachOptions {
    /// The part of the load that is made here.
    ///
    /// # Errors
    /// [`BenchError::Usage`], if the scheduler does not say.
    pub fn part(&self) -> Result<LoadShard, BenchError> {
        let part = self.load_shard.map(|choice| choice.resolve(|name| std::env::var(name).ok())).transpose();
        Ok(part.map_err(|fault| BenchError::Usage(format!("--load-shard: {fault}")))?.unwrap_or(LoadShard::WHOLE))
    }

    /// Payments in flight at saturation among so many accounts.
    pub fn window_used(&self, account_count: u32) -> usize {
        self.window.min(account_count as usize / 2).max(1)
    }

    /// How the load loop goes about it. It sleeps while it waits: whoever else runs on this machine, it may be the authorities.
    pub fn settings(&self) -> Settings {
        let timeout_ns = self.timeout_ms * 1_000_000;
        Settings { timeout_ns, tries_max: self.tries, owns_core: false, withheld_max: 0 }
    }
}
