//! The command line.

use crate::attach::AttachOptions;
use crate::error::BenchError;
use crate::limits::{
    ACCOUNT_COUNT_MAX, IN_FLIGHT_MAX, MEMBER_COUNT_MAX, PAYMENT_COUNT_MAX, SHARD_COUNT_MAX, SOCKET_COUNT_MAX,
};
use crate::pay::PayOptions;
use crate::sim::SimOptions;
use crate::verify::{ROUND_COUNT_MAX, ROUNDS, ROUNDS_QUICK};
use clap::{Args, Parser, Subcommand, ValueEnum};
use quittance_net::transport::TransportKind;
use quittance_tuning::pages::Pages;
use std::path::PathBuf;

/// Payments in flight that saturate a volatile authority.
const WINDOW_VOLATILE: usize = 512;
/// Payments in flight that saturate a durable one: each waits for two flushes of the disk.
const WINDOW_DURABLE: usize = 4_096;

/// What a payment leaves in the journal at least: a vote's record and a confirmation's. Bytes.
const RECORD_BYTES_PER_PAYMENT: u64 = 256;
/// While a journal is filled the authority may refuse payments for seconds, until a snapshot is done.
const FILL_TIMEOUT_MS: u64 = 1_000;
const FILL_TRIES: u32 = 100;

/// Drives real signed payments through a Quittance authority and measures, counts and audits them.
///
/// Without a subcommand it runs the measurement: a committee and funded accounts in a temporary folder; the first authority
/// as a process on its own core; orders signed ahead; payments from order to receipt, first at saturation with a bounded
/// window, then open loop at half of what that found; at the end every balance is asked for and compared.
///
/// The authority is durable: what it says left only after its journal was flushed. `journal` has its own figures, and
/// `journal.disk_flush_us` what a flush of that disk costs without it; `price` has the same load against a volatile
/// authority beside it. With --volatile nothing is kept, and both are null.
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
    /// Measure signature checks by themselves: our backends beside ed25519-dalek, on one core.
    ///
    /// Checked are signed orders, 1 to 1,024 per call: each by another of 4,096 keys (`accounts`), the same with R's x
    /// coordinate, which ed25519-dalek does not take (`accounts_hinted`), and by four keys in turn (`committee`). Keys are
    /// decompressed ahead. Every verdict is checked, and before the first round all must find a bad signature.
    ///
    /// Times are processor time per signature. A round gives every contender a turn of some milliseconds at the same task,
    /// one after the other, on one core; figures are medians over --rounds. `us` and `per_s` have a cell for each set and
    /// number; `ratios` say how many times faster than ed25519-dalek the best backend is: above 1 it is faster. They compare
    /// times of the same round only, so they hold where the machine's speed wanders; single figures move with it.
    ///
    /// Batches against batches, and single calls against single calls: `single` is ed25519-dalek's `verify` against ours. Both
    /// then compute the same product with the same library, so about 1 is right, a few per cent more or less in each run.
    /// Compile for the machine (RUSTFLAGS=-C target-cpu=native) to see ed25519-dalek at its best: `dalek_backend` says what
    /// it computes with.
    ///
    /// Exit code: 0 measured; 2 wrong usage; 3 the machine refused something; 101 a verdict was wrong; 130 interrupted.
    Verify(VerifyOptions),
    /// Measure a committee that runs already, over all accounts of a wallet.
    ///
    /// Every account is asked for at every authority. Those that all agree on pay in a ring, 1 unit each: two thirds of the
    /// payments at saturation, one third open loop at half of what that found. So balances stay as they were, if each account
    /// makes equally many payments. Accounts with a pending order, without money enough, or on which not all agree, take no
    /// part: `accounts_left_out` counts them. At the end every balance is asked for at all authorities and compared.
    ///
    /// The wallet is in use until the run ends. Its book is written ahead of every order and every certificate, so the wallet knows
    /// what its accounts paid, and latencies have that in them. If the run is cut off, `quittance-wallet recover` finishes what
    /// is pending.
    ///
    /// Processor time of authorities is not known here, and null. They may have different numbers of shards and different
    /// weights.
    ///
    /// Exit code: 0 all is well; 1 payments were lost or rejected, or the audit failed; 2 wrong usage, or fewer than two accounts
    /// can take part; 3 the wallet cannot be used, or the machine refused something; 130 interrupted.
    Attach(AttachOptions),
    /// Measure what a person waits for: the wallet's command, payment after payment, against four durable authorities.
    ///
    /// Four authorities with two shards each run on this machine. Every payment is a `quittance-wallet pay` of its own, with its
    /// keys and its book in files. `certified_ms` and `final_ms` are what the command tells, from the order's signature on;
    /// `command_ms` is the whole process. `disk_flush_us` is what one flush of that disk takes.
    ///
    /// Exit code: 0 measured; 1 the balances are wrong at the end; 2 wrong usage; 3 a payment failed, or the machine refused
    /// something; 130 interrupted.
    Pay(PayOptions),
    /// Kill a durable authority again and again under load, and prove that it forgot nothing.
    ///
    /// In each round the authority is killed by SIGKILL 5 to 400 ms after it became ready, and started again with the same
    /// directories; of three starts one is killed on its way. Payments go on until all are settled. Meanwhile, for accounts
    /// whose vote was received before the kill, a second order of the same sequence number is sent: it must be refused, by the
    /// name of the first.
    ///
    /// `receipts_lost`: receipts received for sequence numbers that their accounts have not passed at the end.
    /// `conflicting_votes`: second orders that were voted for. `supply_conserved`: all balances add up. `digest_equal`: the
    /// state, as the running authority tells it and as its journal holds it, is that of a model which knows what was settled
    /// and which orders are pending.
    ///
    /// Exit code: 0 nothing was forgotten; 1 something was, or a payment never settled; 2 wrong usage; 3 an authority did not
    /// start again, or died by itself, or the machine refused something; 130 interrupted.
    Crash(CrashOptions),
    /// Time the start of an authority with many accounts and a journal as full as it gets.
    ///
    /// The authority is driven at saturation until a snapshot is complete and the journal behind it is as full as it was when
    /// that snapshot was done, or as full as --full says. Then it is killed, and started --starts times from what is on disk.
    ///
    /// `ready_ms` is the time from the process's birth to its word that it is ready. `recovery_ms` is what reading back took of
    /// that: the snapshot, and then, in `replay_ms`, the journal, of which both copies are read and compared. The rest goes
    /// into the genesis file.
    ///
    /// Exit code: 0 measured; 1 a start found no snapshot or no records; 2 wrong usage, or the load ended too early; 3 an
    /// authority did not start, or died by itself, or the machine refused something; 130 interrupted.
    Restart(RestartOptions),
    /// Run whole committees in one thread, without clock, socket or file, and let everything go wrong that may.
    ///
    /// Honest authorities are the real shards with the real journal; liars, payers, thieves, networks, disks, power cuts and
    /// clocks are simulated. A seed decides all of it, and gives the same run again, byte for byte. A step is one event. When
    /// a seed has taken its steps, nothing goes wrong any more, and everything must come right.
    ///
    /// `violations`: seeds in which something was that must never be. `first_violation` says what, where, and how to see it
    /// again. `faults`: what went wrong on purpose. `trace`: a hash of every event.
    ///
    /// Exit code: 0 nothing was found; 1 something was (with --mutants: a bug was not found); 2 wrong usage; 130 interrupted.
    Sim(SimOptions),
    /// What shells and readers of manuals want.
    #[command(flatten)]
    Pages(Pages),
}

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

/// Options of `verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyOptions {
    /// The core to run on [default: the first that authorities get].
    #[arg(long, value_name = "N")]
    pub core: Option<usize>,
    /// Rounds behind each figure [default: 81, about 25 s; with --quick 5].
    #[arg(long, value_name = "N", value_parser = rounds)]
    pub rounds: Option<usize>,
    /// A smoke run: few rounds of short turns. Its figures are rough.
    #[arg(long)]
    pub quick: bool,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
}

impl VerifyOptions {
    /// Rounds asked for, or those of this kind of run.
    pub fn rounds_used(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { ROUNDS_QUICK } else { ROUNDS })
    }
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
    /// Processes that the first authority runs as: only in the trial by kills.
    #[arg(skip = 1_u16)]
    pub processes: u16,
    /// Verifier threads of each authority; 0: shards verify themselves.
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u16).range(..=i64::from(SHARD_COUNT_MAX)))]
    pub verifiers: u16,
    /// Payments per second of the open loop [default: half of the saturated rate].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub rate: Option<u64>,
    /// Payments in flight at saturation; at most half of the accounts are used. Divided by the rate it is the time that an
    /// answer takes, which --timeout-ms should exceed [default: 4,096, since answers wait for the disk; 512 with --volatile].
    #[arg(long, value_name = "N", value_parser = window)]
    pub window: Option<usize>,
    /// Where the authorities keep their journals: one directory, or two with a copy in each. A folder is made in each for the
    /// run, and removed at the end. On a file system in memory (tmpfs) nothing is flushed, and the figures mean nothing
    /// [default: two in the run's own folder, which is made under TMPDIR].
    #[arg(long, value_name = "DIR[,DIR2]", value_delimiter = ',', num_args = 1)]
    pub data: Vec<PathBuf>,
    /// Journal of each shard in each directory, in MiB, as the authority's option of this name [default: the authority's].
    #[arg(long, value_name = "MIB", value_parser = journal_mib())]
    pub journal_mib: Option<u64>,
    /// Run the authorities in memory, as nobody would with money: a restart forgets every vote and payment.
    #[arg(long, conflicts_with_all = ["data", "journal_mib", "no_price", "no_history"])]
    pub volatile: bool,
    /// Do not measure what durability costs. Otherwise the saturated phase is driven twice: first against volatile
    /// authorities, then against the durable ones, with the same orders and the same window; `price` compares the two.
    #[arg(long)]
    pub no_price: bool,
    /// Let the authorities keep no history. What remains of the cost against a run without this is what the history costs.
    #[arg(long)]
    pub no_history: bool,
    /// How datagrams are received and sent, on both sides.
    #[arg(long, default_value = "auto")]
    pub transport: TransportChoice,
    /// How the authorities check signatures.
    #[arg(long, default_value = "auto")]
    pub backend: BackendChoice,
    /// Send the x coordinate of each signature's R along with the order, which spares the authority a square root.
    #[arg(long)]
    pub hint: bool,
    /// After every Nth order, have another address send the same order with a bad signature. What remains of the rate
    /// against a run without is what the authority protects its payers from.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub bad_every: Option<u32>,
    /// How long the authority checks a source's signatures one by one after a bad one, in milliseconds; 0: never.
    #[arg(long, default_value_t = quittance_engine::quarantine::QUARANTINE_MS, value_name = "MS")]
    pub quarantine_ms: u64,
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
        let default = if self.volatile { WINDOW_VOLATILE } else { WINDOW_DURABLE };
        self.window.unwrap_or(default).min(self.accounts as usize / 2).max(1)
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

/// `--backend`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendChoice {
    /// The fastest that the machine can run.
    Auto,
    /// Eight lanes of AVX-512 IFMA.
    Ifma,
    /// Runs everywhere.
    Portable,
}

impl BackendChoice {
    /// As the authority's option has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Ifma => "ifma",
            Self::Portable => "portable",
        }
    }
}

/// What the authority takes.
fn journal_mib() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(8..=1_048_576)
}

pub(crate) fn window(text: &str) -> Result<usize, String> {
    bounded(text, IN_FLIGHT_MAX)
}

fn rounds(text: &str) -> Result<usize, String> {
    bounded(text, ROUND_COUNT_MAX)
}

pub(crate) fn sockets(text: &str) -> Result<usize, String> {
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
        match cli.into_command() {
            Command::Run(options) => Ok(options),
            other => panic!("{other:?}"),
        }
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
    fn verify_has_rounds_of_its_own_and_fewer_if_quick() {
        let rounds = |arguments: &[&str]| {
            let cli = Cli::try_parse_from(["quittance-bench", "verify"].iter().chain(arguments)).unwrap();
            match cli.into_command() {
                Command::Verify(options) => options.rounds_used(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((rounds(&[]), rounds(&["--quick"]), rounds(&["--quick", "--rounds", "7"])), (81, 5, 7));
        assert!(Cli::try_parse_from(["quittance-bench", "verify", "--rounds", "0"]).is_err());
    }

    #[test]
    fn what_a_journal_needs_is_refused_where_there_is_none() {
        assert_eq!(parse(&["--data", "/a,/b"]).unwrap().data, [PathBuf::from("/a"), PathBuf::from("/b")]);
        for arguments in [&["--data", "/a"][..], &["--journal-mib", "8"], &["--no-price"], &["--no-history"]] {
            assert!(parse(arguments).is_ok(), "{arguments:?}");
            assert!(parse(&[&["--volatile"], arguments].concat()).is_err(), "{arguments:?}");
        }
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
        assert_eq!(parse(&["--volatile"]).unwrap().window_used(), 512);
        assert_eq!(parse(&[]).unwrap().window_used(), 4_096);
        assert_eq!(parse(&["--window", "64"]).unwrap().window_used(), 64);
    }
}
