//! Options that say who pays whom, and who sends what nobody asked for.

use crate::error::BenchError;
use crate::intruder::Mix;
use crate::plan::Operation;
use clap::{Args, ValueEnum};

/// The exponent of hot accounts where nothing else is asked for: YCSB's constant.
const ZIPF_EXPONENT: f64 = 0.99;
/// The steepest law: at this nearly everything is between two accounts.
const ZIPF_EXPONENT_MAX: f64 = 5.0;
/// Operations of Smallbank between shards, of a million: 12.5 %, as in the Astro paper (section VI-C2).
const CROSS_SHARD_PPM: u32 = 125_000;
/// Hops of a chain where nothing else is asked for.
const CHAIN_LENGTH: u32 = 10;

/// Who pays whom, and who disturbs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Workload")]
pub struct WorkloadOptions {
    /// Who pays whom.
    ///
    /// In every workload a payment moves at least 1 unit and only moves money, and at the end each account is compared with what
    /// the settled payments make of it.
    ///
    /// Smallbank's operations are payments, as in the Astro paper: deposit-checking goes from the customer's savings to his checking
    /// account, transact-savings one way or the other, write-check from checking to the bank's own account in his shard,
    /// send-payment from checking to another's checking, amalgamate from both accounts to another's checking (one payment each).
    /// A balance is two queries and counts as no payment: see `queries`. Of a hundred operations 25 are send-payment, and 15 each of
    /// the others. A customer does one thing at a time, and only spends what is his for sure or what a payment named brings him.
    #[arg(long, default_value = "uniform", value_name = "NAME")]
    pub workload: WorkloadChoice,
    /// With --workload zipf: the exponent s of Zipf's law; account k of the list pays and is paid in proportion to 1 / k^s. 0: all
    /// alike [default: 0.99, YCSB's constant].
    #[arg(long, value_name = "S", value_parser = exponent)]
    pub zipf_exponent: Option<f64>,
    /// With --workload smallbank: operations between two shards, of a hundred; at most 40, which is how many have two customers.
    /// It takes at least two shards [default: 12.5, as in the Astro paper; 0 with one shard].
    #[arg(long, value_name = "PERCENT", value_parser = cross_shard_ppm)]
    pub cross_shard: Option<u32>,
    /// With --workload chained: payments of one chain [default: 10].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    pub chain_length: Option<u32>,
    /// Datagrams that nobody asked for, in percent of the honest orders, each kind from an address of its own: bad-signature
    /// (orders that pass every other check), garbage (noise, cut frames, and replies that only authorities send), replay (honest
    /// orders and certificates again), wrong-shard (honest orders at another shard). What remains of the rate is in `hostile`.
    #[arg(long, value_name = "KIND=PERCENT,...", conflicts_with = "bad_every")]
    pub hostile: Option<Mix>,
}

/// `--workload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WorkloadChoice {
    /// Everybody pays somebody, round by round, all equally often: many people's small payments, nobody in the way of anybody.
    Uniform,
    /// Few accounts pay and are paid most, by Zipf's law: shops, exchanges, payrolls. Who is paid often costs nothing; who pays often
    /// waits for himself, since an account has one payment at a time.
    Zipf,
    /// A bank's customers with a checking and a savings account each, and six operations on them, some between shards: what banking
    /// benchmarks run, so that figures can be set beside others'.
    Smallbank,
    /// Money that is paid on as soon as it is there: each order goes right behind the certificate that pays for it, one round trip a
    /// hop, from accounts that had nothing before: goods that change hands, cash that goes around.
    Chained,
}

/// A workload with all that it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Design {
    /// See [`WorkloadChoice::Uniform`].
    Uniform,
    /// See [`WorkloadChoice::Zipf`].
    Zipf {
        /// Of the law.
        exponent: f64,
    },
    /// See [`WorkloadChoice::Smallbank`].
    Smallbank {
        /// Operations between shards, of a million.
        cross_shard_ppm: u32,
    },
    /// See [`WorkloadChoice::Chained`].
    Chained {
        /// Payments of a chain.
        chain_length: u32,
    },
}

impl WorkloadOptions {
    /// What was asked for, if it goes together.
    ///
    /// # Errors
    /// [`BenchError::Usage`].
    pub fn design(&self, accounts: u32, shards: u16) -> Result<Design, BenchError> {
        self.refuse_strangers()?;
        match self.workload {
            WorkloadChoice::Uniform => Ok(Design::Uniform),
            WorkloadChoice::Zipf => Ok(Design::Zipf { exponent: self.zipf_exponent.unwrap_or(ZIPF_EXPONENT) }),
            WorkloadChoice::Smallbank if shards == 1 && self.cross_shard.is_some_and(|share| share > 0) => {
                usage("--cross-shard takes more than one shard; see --shards".to_owned())
            }
            WorkloadChoice::Smallbank if shards == 1 => Ok(Design::Smallbank { cross_shard_ppm: 0 }),
            WorkloadChoice::Smallbank => {
                Ok(Design::Smallbank { cross_shard_ppm: self.cross_shard.unwrap_or(CROSS_SHARD_PPM) })
            }
            WorkloadChoice::Chained => {
                let chain_length = self.chain_length.unwrap_or(CHAIN_LENGTH);
                if chain_length > accounts {
                    return usage(format!(
                        "a chain of {chain_length} payments takes as many accounts, and there are {accounts}; raise \
                         --accounts or lower --chain-length"
                    ));
                }
                Ok(Design::Chained { chain_length })
            }
        }
    }

    /// An option of another workload would change nothing, and whoever gave it would not know.
    fn refuse_strangers(&self) -> Result<(), BenchError> {
        let options = [
            ("--zipf-exponent", self.zipf_exponent.is_some(), WorkloadChoice::Zipf, "zipf"),
            ("--cross-shard", self.cross_shard.is_some(), WorkloadChoice::Smallbank, "smallbank"),
            ("--chain-length", self.chain_length.is_some(), WorkloadChoice::Chained, "chained"),
        ];
        for (option, is_given, owner, name) in options {
            if is_given && self.workload != owner {
                return usage(format!("{option} takes --workload {name}"));
            }
        }
        Ok(())
    }
}

fn usage<T>(fault: String) -> Result<T, BenchError> {
    Err(BenchError::Usage(fault))
}

fn exponent(text: &str) -> Result<f64, String> {
    let exponent: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let range = 0.0..=ZIPF_EXPONENT_MAX;
    range.contains(&exponent).then_some(exponent).ok_or_else(|| format!("not from 0 to {ZIPF_EXPONENT_MAX}"))
}

fn cross_shard_ppm(text: &str) -> Result<u32, String> {
    let share_max = Operation::percent_of_two();
    crate::intruder::ppm_of_percent(text, share_max).map_err(|fault| fault.to_string())
}
