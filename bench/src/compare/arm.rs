//! An arm that is a real run against real authorities.

use super::session::{Arm, Measured, Turn};
use crate::error::BenchError;
use crate::options::RunOptions;
use crate::report::Report;
use crate::run::{apart, run};
use core::fmt;

/// A state of the machine, or of the thread, that holds while an arm runs.
///
/// Both calls come from the thread that the run then has, and that ends with it: so what is set for a thread alone reaches the
/// run and everything it starts, and nobody else.
pub trait Condition: Sync {
    /// Brings it about.
    ///
    /// # Errors
    /// The machine's. Nothing is run then.
    fn establish(&self) -> Result<(), BenchError>;

    /// Brings back what was before; also after a run that failed.
    ///
    /// # Errors
    /// The machine's. The session ends then: the other side would run in a state that is not its own.
    fn restore(&self) -> Result<(), BenchError>;
}

/// Runs with these options, under this condition.
pub struct AuthorityArm {
    /// For a person.
    pub name: &'static str,
    /// Of every run but for seed and rate.
    pub options: RunOptions,
    /// The command line that repeats the session.
    pub command: String,
    /// What must hold meanwhile.
    pub condition: Option<Box<dyn Condition>>,
}

impl fmt::Debug for AuthorityArm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_conditional = self.condition.is_some();
        out.debug_struct("AuthorityArm").field("name", &self.name).field("conditional", &is_conditional).finish()
    }
}

impl Arm for AuthorityArm {
    fn name(&self) -> &str {
        self.name
    }

    fn measure(&mut self, turn: &Turn) -> Result<Measured, BenchError> {
        let options = RunOptions { seed: turn.seed, rate: turn.rate_per_s, ..self.options.clone() };
        let (condition, command) = (self.condition.as_deref(), self.command.clone());
        let (report, _) = apart(|| under(condition, || run(&options, command)))?;
        Ok(measured(&report))
    }
}

fn measured(report: &Report) -> Measured {
    let json = serde_json::to_value(report).expect("a report holds strings, numbers and maps with string keys");
    Measured { report: json, failures: report.failures() }
}

/// Does something under a condition, and restores what was before, whatever came of it.
pub(crate) fn under<T>(
    condition: Option<&dyn Condition>,
    act: impl FnOnce() -> Result<T, BenchError>,
) -> Result<T, BenchError> {
    let Some(condition) = condition else { return act() };
    condition.establish()?;
    let mut undo = Undo { condition, is_done: false };
    let acted = act();
    undo.is_done = true;
    let restored = condition.restore();
    // If both failed, the run's failure is the cause; the other one must not vanish.
    match (acted, restored) {
        (Err(cause), Err(restored)) => {
            eprintln!("the condition of the run could not be undone: {restored}");
            Err(cause)
        }
        (acted, restored) => restored.and(acted),
    }
}

/// Restores what was before if a panic ends the run.
struct Undo<'a> {
    condition: &'a dyn Condition,
    is_done: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        if let Err(error) = self.condition.restore() {
            eprintln!("the condition of the run could not be undone: {error}");
        }
    }
}

/// What both sides of a session have in common: the options of the command line, one window for both though it would follow
/// from other options, and no price, which is a comparison of its own.
///
/// # Errors
/// [`BenchError::Usage`] for options that only a single run has.
pub fn measured_base(options: &RunOptions) -> Result<RunOptions, BenchError> {
    if options.slo.is_some() {
        let fault = "--slo judges a single run; here --threshold says what counts as a difference";
        return Err(BenchError::Usage(fault.to_owned()));
    }
    if !options.phases.is_empty() {
        let fault = "--phase: runs are compared at saturation and at one rate; see --rate";
        return Err(BenchError::Usage(fault.to_owned()));
    }
    if options.output.out.is_some() {
        let fault = "--out keeps a single run; give `compare` the folders of several instead";
        return Err(BenchError::Usage(fault.to_owned()));
    }
    Ok(RunOptions { no_price: true, window: Some(options.window_used()), ..options.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Writes down what is asked of it.
    #[derive(Default)]
    struct Diary {
        entries: Mutex<Vec<&'static str>>,
        is_stuck: bool,
    }

    impl Diary {
        fn enter(&self, entry: &'static str) {
            self.entries.lock().unwrap().push(entry);
        }
    }

    impl Condition for Diary {
        fn establish(&self) -> Result<(), BenchError> {
            self.enter("establish");
            Ok(())
        }

        fn restore(&self) -> Result<(), BenchError> {
            self.enter("restore");
            if self.is_stuck { Err(BenchError::Usage("stuck".to_owned())) } else { Ok(()) }
        }
    }

    #[test]
    fn a_condition_holds_during_the_run_and_is_undone_after_it_though_it_fails() {
        let diary = Diary::default();
        let run = |outcome: Result<u8, BenchError>| {
            under(Some(&diary), || {
                diary.enter("run");
                outcome
            })
        };
        assert_eq!(run(Ok(7)).unwrap(), 7);
        assert_eq!(run(Err(BenchError::Interrupted)).unwrap_err().exit_code(), 130);
        assert_eq!(*diary.entries.lock().unwrap(), ["establish", "run", "restore", "establish", "run", "restore"]);
    }

    #[test]
    fn a_condition_is_undone_after_a_panic() {
        let diary = Diary::default();
        let act = || -> Result<(), BenchError> { panic!("on purpose") };
        let under = std::panic::AssertUnwindSafe(|| under(Some(&diary), act));
        assert!(std::panic::catch_unwind(under).is_err());
        assert_eq!(*diary.entries.lock().unwrap(), ["establish", "restore"]);
    }

    #[test]
    fn a_condition_that_cannot_be_undone_ends_the_session() {
        let diary = Diary { is_stuck: true, ..Diary::default() };
        assert_eq!(under(Some(&diary), || Ok(())).unwrap_err().to_string(), "stuck");
        let both = under(Some(&diary), || Err::<(), _>(BenchError::Interrupted));
        assert_eq!(both.unwrap_err().exit_code(), 130, "the run's failure came first");
    }
}
