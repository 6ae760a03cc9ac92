//! SIGINT and SIGTERM as a flag: a command ends between two steps, with what it has begun in the book.

use crate::fault::Fault;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether someone asked us to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A flag that the two signals raise from now on. A second one ends the process at once, as if it were not caught: the
    /// book takes that as it takes a power failure.
    ///
    /// # Errors
    /// [`Fault::Machine`].
    pub(crate) fn catch() -> Result<Self, Fault> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            let second = signal_hook::flag::register_conditional_default(signal, Arc::clone(&flag));
            second
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)))
                .map_err(|source| Fault::Machine { task: "catching signals", source, remedy: "" })?;
        }
        Ok(Self(flag))
    }

    /// Whether one came.
    pub(crate) fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
