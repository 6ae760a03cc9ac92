//! Power cuts in a row, and what must hold after each.

use crate::disk::Fate;
use crate::harness::Ended;
use crate::machine::Machine;
use crate::make::Numbers;
use crate::payments::{Payments, Tally, Violation};
use serde_json::Value;
use std::time::{Duration, Instant};

const SHARDS: u16 = 2;
const PAYER_COUNT: u32 = 24;

/// Changes before a cut: while the authority starts, while it writes a snapshot, at any time.
const START_CHANGES_MAX: usize = 40;
const SNAPSHOT_CHANGES_MAX: usize = 30;
const CHANGES_MAX: usize = 4_000;
/// Changes to the journal before a kill.
const KILL_CHANGES_MAX: usize = 200;

/// The power goes after so long at the latest, whatever it was to wait for.
const ROUND: Duration = Duration::from_secs(3);

/// A row of power cuts.
pub(crate) struct Trial {
    pub(crate) seed: u64,
    pub(crate) cut_count: u32,
    pub(crate) fate: Fate,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) cuts: u32,
    /// Of those, cuts before the authority was ready.
    pub(crate) cuts_in_start: u32,
    /// Of those, cuts while a snapshot was being written.
    pub(crate) cuts_in_snapshot: u32,
    /// The process was killed, and the power stayed.
    pub(crate) kills: u32,
    /// Blocks written again in one copy.
    pub(crate) repaired_blocks: u64,
    /// The highest number of a snapshot that an authority began with.
    pub(crate) snapshot: u64,
    pub(crate) tally: Tally,
}

/// When a round's power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Start,
    Snapshot,
    Any,
}

impl Trial {
    /// Runs it on a machine of its own. `prepare` is called once, when the authority has made its journal.
    ///
    /// # Errors
    /// What the authority forgot, or what it said when it refused to start.
    pub(crate) fn run(mut self, prepare: impl FnOnce(&Machine)) -> Result<Summary, Violation> {
        let mut machine = Machine::new(SHARDS, PAYER_COUNT);
        let mut payments = Payments::new(&machine.files, PAYER_COUNT, self.seed);
        let (mut numbers, mut summary) = (Numbers(self.seed), Summary::default());
        summary.started(&machine.start().map_err(refused)?);
        prepare(&machine);
        while summary.cuts < self.cut_count {
            self.round(&mut machine, &mut payments, &mut numbers, &mut summary)?;
            summary.cuts += 1;
        }
        payments.hold_to_account()?;
        payments.await_supply()?;
        let ended = machine.stop();
        assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
        let verified = machine.verify_journal();
        if verified.code != Some(0) {
            return Err(Violation(format!("verify-journal: {verified:?}")));
        }
        Ok(Summary { tally: payments.tally, ..summary })
    }

    /// From an authority that serves to one that serves again, with one power cut between.
    fn round(
        &mut self,
        machine: &mut Machine,
        payments: &mut Payments,
        numbers: &mut Numbers,
        summary: &mut Summary,
    ) -> Result<(), Violation> {
        let moment = [Moment::Start, Moment::Snapshot, Moment::Snapshot, Moment::Any, Moment::Any][numbers.below(5)];
        let after = |max, numbers: &mut Numbers| u32::try_from(numbers.below(max)).expect("the bounds are small");
        match moment {
            Moment::Start => {
                // What the process before left unsynced is there, and the next must not rest on it.
                machine.kill_after(after(KILL_CHANGES_MAX, numbers), "journal");
                pay_until(payments, machine, ROUND)?;
                machine.kill();
                payments.take_what_came(Duration::ZERO)?;
                summary.kills += 1;
                if let Err(ended) = machine.start_and_cut_after(after(START_CHANGES_MAX, numbers)) {
                    assert!(machine.device.is_dark(), "only the cut ends it: {ended:?}");
                    summary.cuts_in_start += 1;
                } else {
                    pay_until(payments, machine, ROUND)?;
                }
            }
            Moment::Snapshot => {
                machine.cut_after(after(SNAPSHOT_CHANGES_MAX, numbers), "snapshot-");
                pay_until(payments, machine, ROUND)?;
                summary.cuts_in_snapshot += u32::from(machine.device.is_dark());
            }
            Moment::Any => {
                machine.cut_after(after(CHANGES_MAX, numbers), "");
                pay_until(payments, machine, ROUND)?;
            }
        }
        machine.cycle_power(&mut self.fate);
        payments.take_what_came(Duration::ZERO)?;
        summary.started(&machine.start().map_err(refused)?);
        payments.hold_to_account()
    }
}

impl Summary {
    fn started(&mut self, events: &[Value]) {
        let ready = &events[events.len() - 1];
        for line in ready["recovered"].as_array().unwrap() {
            self.repaired_blocks += line["repaired_blocks"].as_u64().unwrap();
            self.snapshot = self.snapshot.max(line["snapshot"].as_u64().unwrap());
        }
    }
}

fn pay_until(payments: &mut Payments, machine: &Machine, time: Duration) -> Result<(), Violation> {
    let deadline = Instant::now() + time;
    payments.pay(|_| !machine.device.is_waiting() || Instant::now() > deadline)
}

fn refused(ended: Ended) -> Violation {
    Violation(format!("exit code {:?}: {}", ended.code, ended.errors))
}
