//! How much tests look at: everything; under Miri, which is thousands of times slower, a few of each.

/// Of so many things that tests sweep over Miri looks at one.
const MIRI_EVERY: usize = 197;

/// What a sweep looks at: everything. Under Miri the first, the last, and every so many-th: another one of the eight bits of
/// a byte each time.
pub(crate) fn swept(all: core::ops::Range<usize>) -> impl Iterator<Item = usize> {
    let last = all.end.saturating_sub(1);
    let every = if cfg!(miri) { MIRI_EVERY } else { 1 };
    all.step_by(every).chain(cfg!(miri).then_some(last))
}

/// So many random cases, or, under Miri, so many fewer.
pub(crate) const fn cases(count: usize) -> usize {
    if cfg!(miri) { count.div_ceil(500) } else { count }
}
