//! How much tests look at: everything; under Miri, which is thousands of times slower, a few of each.

/// Of all that tests sweep over Miri looks at about so many.
const MIRI_COUNT: usize = 20;

/// What a sweep looks at: everything. Under Miri the first, the last, and some between: by an odd number, so that all bits
/// of a byte have their turn.
pub(crate) fn swept(all: core::ops::Range<usize>) -> impl Iterator<Item = usize> {
    let last = all.end.saturating_sub(1);
    let every = if cfg!(miri) { (all.len() / MIRI_COUNT) | 1 } else { 1 };
    all.step_by(every).chain(cfg!(miri).then_some(last))
}

/// So many random cases, or, under Miri, so many fewer.
pub(crate) const fn cases(count: usize) -> usize {
    if cfg!(miri) { count.div_ceil(1_000) } else { count }
}
