//! The command line.

use crate::limits::{
    ACCOUNT_COUNT_MAX, IN_FLIGHT_MAX, MEMBER_COUNT_MAX, PAYMENT_COUNT_MAX, SHARD_COUNT_MAX, SOCKET_COUNT_MAX,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use quittance_net::transport::TransportKind;
use std::path::PathBuf;

/// Drives real signed payments through a Quittance authority and measures, counts and audits them.
///
/// Without a subcommand it runs the measurement: a committee and funded accounts in a temporary folder; the first authority
/// as a process on its own core; orders signed ahead; payments from order to receipt, first at saturation with a bounded
/// window, then open loop at half of what that found; at the end every balance is asked for and compared.
///
/// Every reply is checked before it counts: source, digest, path, and the signature of the root. A request without an answer
/// is repeated up to --tries times; then its payment is lost. Latencies of the open loop count from the schedule, not from
/// the send. The authority's processor time per payment is user and system time at saturation over settled payments.
///
/// The generator limits (`generator.limited`) if it, and not the authority, may have set the figures: it shares its core
/// with an authority, or had less than 95 % of it at saturation (judged from half a second on); its loop had something to do
/// for more than 95 % of either phase; the open loop sent later than 1 ms after the schedule at the 99.9th percentile, or had
/// 16,384 payments in flight and had to wait. `generator.limited_because` says which. A limited run is no failure; its
/// figures are bounds. `disturbances` says when the authority's threads had to wait for their cores.
///
/// Exit code: 0 all is well; 1 payments were lost or rejected, or the audit failed; 2 wrong usage; 3 an authority could not
/// be built or started, or died, or the machine refused something; 130 interrupted.
#[derive(Clone, Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; `run` if absent.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of `run`.
    #[command(flatten)]
    pub run: RunOptions,
}

impl Cli {
    /// The command asked for.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Run(self.run))
    }
}

/// What the load generator can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Measure settlement: saturation, then open loop, then the audit.
    Run(RunOptions),
}

/// Options of a measurement.
#[derive(Clone, Debug, Args)]
pub struct RunOptions {
    /// Funded accounts.
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=i64::from(ACCOUNT_COUNT_MAX)))]
    pub accounts: u32,
    /// Payments in all: two thirds at saturation, one third open loop.
    #[arg(long, default_value_t = 300_000, value_name = "N", value_parser = clap::value_parser!(u32).range(3..=i64::from(PAYMENT_COUNT_MAX)))]
    pub payments: u32,
    /// Members of the committee; 3f + 1 of them tolerate f that lie.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::try_from(MEMBER_COUNT_MAX).expect("small")))]
    pub committee: u16,
    /// Shards of each authority: one thread, one port each.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(SHARD_COUNT_MAX)))]
    pub shards: u16,
    /// Verifier threads of each authority; 0: shards verify themselves.
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u16).range(..=i64::from(SHARD_COUNT_MAX)))]
    pub verifiers: u16,
    /// Payments per second of the open loop [default: half of the saturated rate].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub rate: Option<u64>,
    /// Payments in flight at saturation; at most half of the accounts are used. Divided by the rate it is the time that an
    /// answer takes, which --timeout-ms should exceed.
    #[arg(long, default_value_t = 512, value_name = "N", value_parser = window)]
    pub window: usize,
    /// How datagrams are received and sent, on both sides.
    #[arg(long, default_value = "auto")]
    pub transport: TransportChoice,
    /// Client sockets; payments take turns.
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = sockets)]
    pub sockets: usize,
    /// Let every datagram travel by itself, on both sides: no segmented sends (GSO), no merged receives (GRO).
    #[arg(long)]
    pub no_gso: bool,
    /// Run all authorities as processes; every vote is theirs.
    #[arg(long)]
    pub live: bool,
    /// Orders under one signature of a simulated voter, so how rarely the authority meets a foreign root it must check;
    /// lowered to what a certificate of the committee can hold.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub simulated_batch: u16,
    /// How long an answer is waited for before the request is repeated, in milliseconds.
    #[arg(long, default_value_t = 250, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub timeout_ms: u64,
    /// Sends of one order, and of one certificate, before the payment counts as lost.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub tries: u32,
    /// Fixes keys, who pays whom, and how much.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
    /// The authority's executable [default: the one beside this one; built first under cargo].
    #[arg(long, value_name = "PATH")]
    pub authority_binary: Option<PathBuf>,
}

impl RunOptions {
    /// Payments in flight at saturation: never so many that most would wait for their sender's payment before.
    pub fn window_used(&self) -> usize {
        self.window.min(self.accounts as usize / 2).max(1)
    }

    /// Payments of the saturated phase; the rest are sent open loop.
    pub fn saturated_payments(&self) -> u32 {
        self.payments - self.payments / 3
    }
}

/// `--transport`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TransportChoice {
    /// io_uring where it works, recvmmsg elsewhere.
    Auto,
    /// io_uring or nothing.
    #[value(name = "io_uring")]
    IoUring,
    /// recvmmsg and sendmmsg.
    Recvmmsg,
}

impl TransportChoice {
    /// As the authority's option has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::IoUring => "io_uring",
            Self::Recvmmsg => "recvmmsg",
        }
    }

    /// As the transport has it; `None` leaves the choice to the probe.
    pub fn kind(self) -> Option<TransportKind> {
        match self {
            Self::Auto => None,
            Self::IoUring => Some(TransportKind::IoUring),
            Self::Recvmmsg => Some(TransportKind::Recvmmsg),
        }
    }
}

fn window(text: &str) -> Result<usize, String> {
    bounded(text, IN_FLIGHT_MAX)
}

fn sockets(text: &str) -> Result<usize, String> {
    bounded(text, SOCKET_COUNT_MAX)
}

fn bounded(text: &str, most: usize) -> Result<usize, String> {
    let number = text.parse::<usize>().map_err(|error| error.to_string())?;
    if (1..=most).contains(&number) { Ok(number) } else { Err(format!("{number} is not in 1..={most}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(arguments: &[&str]) -> Result<RunOptions, clap::Error> {
        let cli = Cli::try_parse_from(std::iter::once(&"quittance-bench").chain(arguments))?;
        let Command::Run(options) = cli.into_command();
        Ok(options)
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_subcommand_means_run() {
        let (bare, named) = (parse(&["--accounts", "7"]).unwrap(), parse(&["run", "--accounts", "7"]).unwrap());
        assert_eq!((bare.accounts, bare.payments), (7, 300_000));
        assert_eq!((named.accounts, named.payments), (7, 300_000));
        assert!(parse(&[]).unwrap().saturated_payments() >= 200_000);
    }

    #[test]
    fn figures_out_of_bounds_are_refused() {
        for arguments in
            [["--accounts", "1"], ["--sockets", "0"], ["--window", "20000"], ["--committee", "0"], ["--rate", "0"]]
        {
            assert!(parse(&arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn the_window_is_at_most_half_of_the_accounts() {
        assert_eq!(parse(&["--accounts", "500"]).unwrap().window_used(), 250);
        assert_eq!(parse(&["--accounts", "2"]).unwrap().window_used(), 1);
        assert_eq!(parse(&[]).unwrap().window_used(), 512);
    }
}
