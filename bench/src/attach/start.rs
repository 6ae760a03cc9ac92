//! A start at a moment that several load machines agreed on.

use crate::error::BenchError;
use crate::interrupt::Interrupt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a signal may wait to be seen.
const NAP: Duration = Duration::from_millis(10);

/// Waits until then, in seconds since 1970, if there is a moment. What is left of the last millisecond is waited for, too: the
/// machines' clocks differ by more.
///
/// # Errors
/// [`BenchError::Usage`] if the moment has passed: the others have begun. [`BenchError::Interrupted`].
pub(super) fn wait(start_at_s: Option<u64>, interrupt: &Interrupt) -> Result<(), BenchError> {
    let Some(start_at_s) = start_at_s else { return Ok(()) };
    let moment = UNIX_EPOCH.checked_add(Duration::from_secs(start_at_s));
    let moment = moment.ok_or_else(|| BenchError::Usage("--start-at is beyond what clocks count".to_owned()))?;
    if let Ok(late) = SystemTime::now().duration_since(moment) {
        let fault = format!(
            "--start-at passed {:.1} s ago, before all orders were signed: the other parts have begun; choose a later moment \
             for all",
            late.as_secs_f64()
        );
        return Err(BenchError::Usage(fault));
    }
    eprintln!("waiting for the start that all parts have together");
    while let Ok(left) = moment.duration_since(SystemTime::now()) {
        interrupt.check()?;
        std::thread::sleep(left.min(NAP));
    }
    Ok(())
}
