//! Signature checks by themselves: the backends of `quittance-verify` and ed25519-dalek side by side, in one run.
//!
//! Three sets of items are checked, 1 to 1,024 signatures per call:
//! - `accounts`: signed orders, each by another key. The keys are decompressed and kept, as an authority keeps them.
//! - `accounts_hinted`: the same orders with R's x coordinate, which only our backends take.
//! - `committee`: orders signed by four keys in turn, as roots are.
//!
//! So that nobody fools himself, us included:
//! - Everything runs on one core, to which the thread is pinned, and counts the thread's processor time: what else runs
//!   there is left out. What it does to caches and to the processor's clock is not.
//! - A machine's speed wanders within seconds. So a round gives each contender of a set and size a turn of some
//!   milliseconds, one directly after the other, and who begins changes. A sweep makes one round of each set and size; the
//!   figures are medians over sweeps, and a ratio is the median of ratios within rounds.
//! - What one process has and the next has not, such as where its memory lies, no median removes: two runs differ by a few
//!   per cent in the ratio of single calls, for which all contenders do nearly the same work. Repeat a run before you argue
//!   about so little.
//! - Contenders walk through a pool of 4,096 orders, four times the largest batch: what a call needs is not in the nearest
//!   cache because the call before has used it. The pool does fit the outer caches, as a busy authority's keys may not.
//! - What a contender wants as its arguments lies ready: ed25519-dalek has its own arrays of keys and signatures.
//! - Every verdict is checked while the clock runs. Before, all contenders are shown batches with one bad signature.
//!   ed25519-dalek's batches follow another rule than its single checks and ours; on honest signatures all agree.
//!
//! | files | what they hold |
//! |---|---|
//! | `pool.rs` | what is checked |
//! | `contenders.rs` | who checks |
//! | `heat.rs` | turns and rounds |
//! | `machine.rs` | what is known of processor and build |
//! | `report.rs`, `table.rs` | medians and ratios, as JSON and as text |

pub mod contenders;
pub mod heat;
pub mod machine;
pub mod pool;
pub mod report;
pub mod table;

pub use report::{Cell, KeyCounts, VerifyReport};
pub use table::table;

use crate::cores::Cores;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::options::VerifyOptions;
use crate::progress::Progress;
use contenders::Contender;
use core_affinity::CoreId;
use heat::{BATCH_SIZES, Heat};
use pool::{POOL_ITEMS, Pool, Signers};

/// Rounds unless asked for: with their turns about 25 s.
pub const ROUNDS: usize = 81;
/// Rounds of a smoke run.
pub const ROUNDS_QUICK: usize = 5;
/// Most rounds: their times are kept, 8 bytes for each of 48 entrants.
pub const ROUND_COUNT_MAX: usize = 100_000;

/// How long a turn is at least; nanoseconds. 5 ms are 10,000 times what reading the clock takes; the scheduler's tick is
/// 1 to 10 ms.
const TURN_NS: u64 = 5_000_000;
/// The same in a smoke run.
const TURN_QUICK_NS: u64 = 200_000;

/// Measures signature checks. `command` is the command line that repeats it.
///
/// # Errors
/// [`BenchError::Usage`] if there is no such core, [`BenchError::Machine`] if the thread cannot be pinned to it,
/// [`BenchError::Interrupted`].
///
/// # Panics
/// If a contender's verdict is wrong.
pub fn verify(options: &VerifyOptions, command: String) -> Result<VerifyReport, BenchError> {
    let interrupt = Interrupt::catch()?;
    let core = choose_core(options.core, &Cores::divide())?;
    // Pinned later: all cores sign.
    let progress = Progress::start("signing orders", 2 * POOL_ITEMS as u64);
    let accounts = Pool::sign(Signers::Accounts, &progress, &interrupt)?;
    let committee = Pool::sign(Signers::Committee, &progress, &interrupt)?;
    progress.finish();
    pin(core)?;

    let mut contenders = Contender::all();
    for pool in [&accounts, &committee] {
        heat::expect_refusals(pool, &mut contenders);
        interrupt.check()?;
    }
    let views = [(Signers::Accounts, accounts.view()), (Signers::Committee, committee.view())];
    let entered = views.iter().flat_map(|(signers, view)| BATCH_SIZES.map(|size| (*signers, view, size)));
    let mut heats: Vec<_> = entered.map(|(signers, view, size)| Heat::new(signers, view, size, &contenders)).collect();
    let rounds = options.rounds_used();
    let turn_ns = if options.quick { TURN_QUICK_NS } else { TURN_NS };
    measure(&mut heats, &mut contenders, rounds, turn_ns, &interrupt)?;
    let series: Vec<_> = heats.into_iter().flat_map(Heat::into_series).collect();
    Ok(VerifyReport::new(command, core, rounds, &series))
}

/// Sweep after sweep: each heat is spread over the whole time.
fn measure(
    heats: &mut [Heat<'_>],
    contenders: &mut [Contender],
    rounds: usize,
    turn_ns: u64,
    interrupt: &Interrupt,
) -> Result<(), BenchError> {
    for heat in &mut *heats {
        interrupt.check()?;
        heat.warm_up(contenders, turn_ns);
    }
    let progress = Progress::start("checking signatures", (rounds * heats.len()) as u64);
    for round_index in 0..rounds {
        for heat in &mut *heats {
            interrupt.check()?;
            heat.round(contenders, round_index);
            progress.add(1);
        }
    }
    progress.finish();
    Ok(())
}

/// The core asked for, or the first that authorities get.
fn choose_core(asked: Option<usize>, cores: &Cores) -> Result<usize, BenchError> {
    let core = asked.unwrap_or(cores.authority[0]);
    if cores.available.contains(&core) {
        Ok(core)
    } else {
        Err(BenchError::Usage(format!("--core {core}: this process may use the cores {:?}", cores.available)))
    }
}

fn pin(core: usize) -> Result<(), BenchError> {
    if core_affinity::set_for_current(CoreId { id: core }) {
        return Ok(());
    }
    let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    Err(BenchError::machine(format!("pinning to core {core}"), error, "; choose another one by --core N"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores() -> Cores {
        Cores { available: vec![2, 3, 5], authority: vec![2, 3], generator: 5 }
    }

    #[test]
    fn the_authoritys_first_core_is_used_unless_another_is_asked_for() {
        assert_eq!(choose_core(None, &cores()).unwrap(), 2);
        assert_eq!(choose_core(Some(5), &cores()).unwrap(), 5);
    }

    #[test]
    fn a_core_that_is_not_ours_is_wrong_usage_and_ours_are_named() {
        let error = choose_core(Some(4), &cores()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("[2, 3, 5]"), "{error}");
    }
}
