//! SIGINT and SIGTERM as a flag that every long loop looks at, so that guards run and children never outlive us.

use crate::error::BenchError;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether someone asked us to stop. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A flag that SIGINT and SIGTERM raise from now on.
    ///
    /// # Errors
    /// [`BenchError::Machine`] if the signals cannot be caught.
    pub fn catch() -> Result<Self, BenchError> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&flag))
                .map_err(|error| BenchError::machine("catching signals", error, ""))?;
        }
        Ok(Self(flag))
    }

    /// Whether the flag is raised.
    pub fn raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`BenchError::Interrupted`] if the flag is raised.
    pub fn check(&self) -> Result<(), BenchError> {
        if self.raised() { Err(BenchError::Interrupted) } else { Ok(()) }
    }

    #[cfg(test)]
    pub(crate) fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
