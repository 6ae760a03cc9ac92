//! What a person sees while a phase is driven: two lines that are drawn again and again on a terminal, a plain line now and
//! then otherwise. Always on standard error.
//!
//! The load loop must not notice. At its watch it leaves a few words in a cell that was allocated before, and leaves none if
//! the cell is being read at that moment; all the rest is done by a thread of its own, which ends with the phase. Rate and
//! latencies are those of the last second: of the last ten intervals of the phase's timeline.
//!
//! | file | what it holds |
//! |---|---|
//! | `cell.rs` | what the loop leaves and the thread takes |
//! | `painter.rs` | the thread |
//! | `screen.rs` | standard error, shared with whoever else has something to say |
//! | `text.rs` | figures as text |

mod cell;
mod painter;
mod screen;
mod text;

pub use screen::say;

use crate::cores::Cores;
use crate::drive::{Pace, Tally};
use crate::error::BenchError;
use crate::world::Watch;
use cell::Cell;
use painter::Painter;
use std::sync::Arc;

/// The phase that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Its payments.
    pub payment_count: u64,
    /// How long its schedule takes; nanoseconds. None where a window sets the pace.
    pub planned_ns: Option<u64>,
}

impl Shown {
    /// So many payments at a pace.
    pub fn of(name: &str, payment_count: u32, pace: &Pace) -> Self {
        let planned_ns = pace.length_ns(payment_count);
        Self { name: name.to_owned(), payment_count: payment_count.into(), planned_ns }
    }
}

/// A phase in view, until this is dropped.
#[derive(Debug)]
pub struct View {
    cell: Arc<Cell>,
    _painter: Option<Painter>,
}

impl View {
    /// Begins to show a phase. `cores`: those on which the thread may run that draws, if the calling one is pinned.
    ///
    /// A machine that has no thread to spare shows nothing: that is no reason to end a run.
    pub fn begin(shown: Shown, cores: Option<Cores>) -> Self {
        let cell = Arc::new(Cell::new());
        let _painter = Painter::start(shown, Arc::clone(&cell), cores).ok();
        Self { cell, _painter }
    }

    /// A watch that looks after the same, and leaves what is to be shown.
    pub fn watch<W: Watch>(&self, inner: W) -> Watched<W> {
        Watched { cell: Arc::clone(&self.cell), inner }
    }
}

/// See [`View::watch`].
#[derive(Debug)]
pub struct Watched<W> {
    cell: Arc<Cell>,
    inner: W,
}

impl<W: Watch> Watch for Watched<W> {
    fn look(&mut self) -> Result<(), BenchError> {
        self.inner.look()
    }

    fn show(&mut self, now_ns: u64, in_flight: usize, tally: &Tally) {
        self.cell.leave(now_ns, in_flight, tally);
    }
}
