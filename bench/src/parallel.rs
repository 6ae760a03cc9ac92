//! Work that all cores share before the measurement starts.

use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use std::num::NonZero;
use std::thread;

/// Items between two looks at the interrupt flag and two steps of the progress bar: a few milliseconds of signing.
const STRIDE: usize = 256;

/// How many threads share the work.
pub fn thread_count() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Computes every item in place: `compute` gets its index and the item.
///
/// # Errors
/// [`BenchError::Interrupted`]; the items are then half done.
pub fn fill<T: Send>(
    items: &mut [T],
    progress: &Progress,
    interrupt: &Interrupt,
    compute: impl Fn(u32, &mut T) + Sync,
) -> Result<(), BenchError> {
    let share = items.len().div_ceil(thread_count()).max(1);
    let shares = items.chunks_mut(share).enumerate().map(|(index, part)| (index * share, part)).collect();
    each(shares, |(start, part): (usize, &mut [T])| {
        for (stride, strip) in part.chunks_mut(STRIDE).enumerate() {
            interrupt.check()?;
            for (offset, item) in strip.iter_mut().enumerate() {
                let index = u32::try_from(start + stride * STRIDE + offset).expect("counts are 32 bits");
                compute(index, item);
            }
            progress.add(strip.len());
        }
        Ok(())
    })
}

/// Runs `work` on every job, each job on a thread of its own. The first error is returned, after all have ended.
///
/// # Errors
/// What `work` returns.
pub fn each<J: Send>(jobs: Vec<J>, work: impl Fn(J) -> Result<(), BenchError> + Sync) -> Result<(), BenchError> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = jobs.into_iter().map(|job| scope.spawn(move || work(job))).collect();
        let results: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("workers do not panic")).collect();
        results.into_iter().collect()
    })
}
