//! The command line.
//!
//! | file | what it holds |
//! |---|---|
//! | `run.rs` | options of a measurement |
//! | `trials.rs`, `verify.rs` | options of `restart` and `crash`, and of `verify` |
//! | `phases.rs` | phases as the user writes them |
//! | `workload.rs` | who pays whom, and who disturbs |
//! | `choices.rs` | transports, signature backends and arrivals by name |

mod choices;
pub mod phases;
mod run;
#[cfg(test)]
mod tests;
mod trials;
mod verify;
mod workload;

pub use choices::{ArrivalsChoice, BackendChoice, TransportChoice};
pub use phases::PhaseError;
pub use phases::PhaseSpec;
pub use run::RunOptions;
pub use trials::{CrashOptions, RestartOptions};
pub use verify::VerifyOptions;
pub use workload::{Design, WorkloadChoice, WorkloadOptions};

use crate::ab::AbOptions;
use crate::attach::AttachOptions;
use crate::compare::CompareOptions;
use crate::limits::{IN_FLIGHT_MAX, SOCKET_COUNT_MAX};
use crate::merge::MergeOptions;
use crate::page::ReportOptions;
use crate::pay::PayOptions;
use crate::sim::SimOptions;
use crate::sink::SinkOptions;
use crate::sweep::SweepOptions;
use crate::verify::ROUND_COUNT_MAX;
use clap::{Parser, Subcommand};
use quittance_tuning::pages::Pages;

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
/// Who pays whom is --workload's; --hostile lets strangers disturb. Both follow from --seed.
///
/// Every reply is checked before it counts: source, digest, path, and the signature of the root. A request without an answer
/// is repeated up to --tries times; then its payment is lost. The authority's processor time per payment is user and system
/// time at saturation over settled payments.
///
/// Latencies are told twice: from when an order was due (`latency_us`), so that a stall delays all that was due meanwhile, and
/// from when it was sent first (`latency_from_send_us`). The schedule never waits for answers. A payment whose sender's payment
/// before is under way is held (`held`), and one for which 16,384 others leave no room waits (`waited_for_room`): that is in the
/// latency from the schedule.
///
/// A phase is written `[NAME:]RATE[..RATE2]/DURATION`, as in `30000/10s` or `ramp:10000..80000/5s`, or
/// `[NAME:]window=N/PAYMENTS` for a closed loop. One called `warm-up` is driven and not measured. With --phase there are those
/// phases and no others: `settled_per_s`, the latencies and the processor time are then of all measured ones together, and
/// `phase_list` has each.
///
/// `accounting` has the ledgers: what the schedule handed out against what became of it, what was sent against what the
/// authorities counted, and what they sent against what came back. What does not add up is a failure.
///
/// The generator limits (`generator.limited`) if it, and not the authority, may have set the figures: it shares its core
/// with an authority, or had less than 95 % of it at saturation (judged from half a second on); its loop had something to do
/// for more than 95 % of either phase; the open loop sent later than 1 ms after the schedule at the 99.9th percentile, or had
/// 16,384 payments in flight and had to wait. `generator.limited_because` says which. A limited run is no failure; its
/// figures are bounds. `disturbances` says when the authority's threads had to wait for their cores.
///
/// With --rate, --phase or --strict more is asked of the generator: if in a measured open loop it sent later than 1 ms after the
/// schedule at the 99.9th percentile, and that is more than half of the latency from order to receipt there, or if its own
/// socket refused more than 5 % of the requests, the run is invalid, since then
/// its latencies are the generator's. `valid` and `invalid_because` say so.
///
/// While a phase is driven, standard error shows how it stands: on a terminal in two lines that stay in place, otherwise in a line
/// every two seconds. Rate and latencies are those of the last second, all else is counted from the phase's start.
///
/// Exit code: 0 all is well; 1 payments were lost or rejected, or the audit failed, or the accounting does not add up; 2 wrong
/// usage; 3 an authority could not be built or started, or died, or the machine refused something; 97 the run is invalid, and
/// nothing else is wrong; 99 all is well, but the objective (--slo) was missed; 130 interrupted.
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
    /// With --load-shard several machines make one load, each over its part of the accounts; each leaves a folder (--out), and
    /// `merge` makes one of them.
    ///
    /// Exit code: 0 all is well; 1 payments were lost or rejected, or the audit failed; 2 wrong usage, or fewer than two accounts
    /// can take part, or --out is not empty; 3 the wallet cannot be used, or the machine refused something; 130 interrupted.
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
    /// Tell a real change from noise: several runs of two authorities in turn, or two heaps of results.
    ///
    /// Two executables are run in pairs, every pair with payments of its own, in turn AB and BA. Each runs once before, to warm
    /// up; half of the slower one's rate is then the rate of all open loops, unless --rate says another. Results (files with
    /// what `run --json` printed, folders with a result.json) are compared as two heaps.
    ///
    /// For each metric: the ratio B/A with its interval, by Student's t on logarithms (Welch's for heaps), and a verdict. It is
    /// `worse` or `better` if the whole interval lies beyond --threshold, else `no difference seen`; `conclusive` is false if
    /// the interval is too wide to tell. A gated metric that is worse is a regression. Intervals are 95 % each; those of gated
    /// metrics are wider, so that all of them hold together in 95 of 100 comparisons.
    ///
    /// A script may stand for an executable: one that ends in `exec quittance-authority "$@" --key-cache-mib 64` compares with an
    /// option that the authority has and the bench has not.
    ///
    /// Exit code: 0 no regression; 1 a run lost payments, had some rejected or failed its audit, or a gated metric was not
    /// measured; 2 wrong usage; 3 an authority could not be started, or died, or the machine refused something; 98 a gated
    /// metric got worse; 130 interrupted.
    Compare(CompareOptions),
    /// Measure what one knob is worth: runs with it and without it, in blocks of with, without, without, with.
    ///
    /// The ratio of each metric, without over with, has an interval from the blocks' ratios, as in `compare`. Each side runs
    /// once before, to warm up; half of the slower one's rate is then the rate of all open loops, unless --rate says another.
    /// Both sides have the same payments and the same window.
    ///
    /// `tune:NAME` is a knob of the machine, as `quittance-tune` names and sets it for --profile: with all its targets before
    /// each run that is to have it, journalled, and set back behind. The sides are then `as is` and `tuned`, and the ratio is
    /// tuned over as is; `knob.changes` has the old and the new values. Before the first run it is set and set back once.
    /// Setting takes root. Should the process be killed, `quittance-tune rollback --state-dir DIR` sets it back: DIR is printed
    /// before anything is written. A knob that is as wanted already, absent, a matter of the boot line or another program's
    /// is refused in those words. If somebody else changes it during the session, the session ends.
    ///
    /// Exit code: 0 measured; 1 a run lost payments, had some rejected or failed its audit; 2 wrong usage, or the knob has no
    /// meaning here; 3 an authority could not be built or started, or died, or the machine refused something; 130 interrupted.
    Ab(AbOptions),
    /// Measure what the load generator itself can offer: orders to a sink that counts them and answers nothing.
    ///
    /// The loop runs on one core, the sink on another. `fastest_per_s` is what the loop sends when nothing holds it back,
    /// `offered_per_s` and `lag_us` are those of a schedule at --rate. Measured is the sending half of the loop, with the
    /// kernel's send path; replies and certificates are not in it.
    ///
    /// Exit code: 0 measured, and the rate was kept; 1 orders are nowhere; 2 wrong usage; 3 the machine refused something; 97
    /// the rate was not kept; 130 interrupted.
    Sink(SinkOptions),
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
    /// Make the page of a folder of results again, and print where it is.
    ///
    /// The folder is one that `run --out` or `merge --out` wrote, or that of a search (it has a sweep.json). The page is one
    /// file without scripts that needs no network: the verdict, throughput, latencies by percentile and over time, where
    /// payments were lost, processor time per payment, the machine, and the command that repeats the run.
    ///
    /// Exit code: 0 made; 2 the folder holds no results, or another version's; 3 a file is damaged, or the machine refused
    /// something.
    Report(ReportOptions),
    /// Find the highest rate that meets an objective.
    ///
    /// Every rate is offered open loop to a committee that is started for it, with a warm-up before. A search goes up until a rate
    /// misses the objective, down until one meets it, and halves the distance until it is as fine as --fineness says. Near that
    /// point chance decides, so several searches are made: the answer is their median, with the smallest and the largest as its
    /// interval (five searches: 93.75 % confidence, whatever the distribution).
    ///
    /// If the generator was late at the rate that was missed, it may have set the limit, and `generator_limited` says so. With --out every
    /// trial leaves a folder, and the page of the whole has the latency against the load.
    ///
    /// Exit code: 0 found; 99 the objective is met at no rate; 2 wrong usage; 3 an authority could not be started, or died, or the
    /// machine refused something; 130 interrupted.
    Sweep(SweepOptions),
    /// Add up what several load machines found, each of which offered a share of one load.
    ///
    /// Histograms are added bucket by bucket, counters added, timelines laid over each other by the time of day: the result is
    /// what one machine would have found that offered all of it. Nothing is averaged. The new folder has the same files.
    ///
    /// Exit code: 0 merged; 1 refused: a share is missing or doubled, or shares have other settings, another committee or
    /// version, or began more than a second apart; 2 wrong usage, no results, or --out is not empty; 3 a file is damaged, or
    /// the machine refused something.
    Merge(MergeOptions),
    /// What shells and readers of manuals want.
    #[command(flatten)]
    Pages(Pages),
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
