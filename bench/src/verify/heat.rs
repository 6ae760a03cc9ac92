//! The measurement: contenders take turns at the same batches, round by round.

use super::contenders::{Contender, Name};
use super::pool::{Batch, POOL_ITEMS, Pool, Signers, View};
use super::report::{KeySet, Series};
use core::hint::black_box;
use core::ops::Range;
use rustix::time::{ClockId, clock_gettime};

/// Signatures per call that are measured. Each divides the pool.
pub const BATCH_SIZES: [usize; 6] = [1, 8, 16, 64, 256, 1024];
/// Calls that come before the first round: they bring code and scratch memory into place, then tell how long a call takes.
const WARM_UP_CALLS: usize = 4;
/// Each round finds the stack elsewhere, by up to so many frames of [`deeper`]: two pages or so. Where the tables of a product
/// come to lie makes some per cent of its time, and a process that kept to one place would measure its luck.
const STACK_LEVELS: usize = 64;
/// From round to round; shares no factor with the levels, so that rounds get to all of them.
const STACK_STEP: usize = 27;

/// The order that is spoiled for the check that bad signatures are found: neither the first nor the last of its batch.
const BAD_INDEX: usize = POOL_ITEMS / 2 + 77;

const _: () = {
    let mut index = 0;
    while index < BATCH_SIZES.len() {
        assert!(POOL_ITEMS.is_multiple_of(BATCH_SIZES[index]) && BATCH_SIZES[index] < POOL_ITEMS);
        index += 1;
    }
};

/// Checks signatures of one pool in batches of one size, by every contender.
#[derive(Debug)]
pub struct Heat<'a> {
    view: &'a View<'a>,
    batch_items: usize,
    entrants: Vec<Entrant>,
}

/// A contender in a heat.
#[derive(Debug)]
struct Entrant {
    contender_index: usize,
    name: Name,
    set: KeySet,
    /// Where in the pool its next batch starts.
    next_item: usize,
    /// Calls of one turn.
    call_count: usize,
    us_by_round: Vec<f64>,
}

impl<'a> Heat<'a> {
    /// Enters every contender; with accounts, our backends a second time with hints.
    pub fn new(signers: Signers, view: &'a View<'a>, batch_items: usize, contenders: &[Contender]) -> Self {
        let sets: &[KeySet] = match signers {
            Signers::Accounts => &[KeySet::Accounts, KeySet::AccountsHinted],
            Signers::Committee => &[KeySet::Committee],
        };
        let entrant = |set: KeySet, contender_index: usize| Entrant {
            contender_index,
            name: contenders[contender_index].name(),
            set,
            next_item: 0,
            call_count: WARM_UP_CALLS,
            us_by_round: Vec::new(),
        };
        let all = sets.iter().flat_map(|set| (0..contenders.len()).map(|index| entrant(*set, index)));
        let entrants = all.filter(|entrant| entrant.name != Name::Dalek || !entrant.set.is_hinted()).collect();
        Self { view, batch_items, entrants }
    }

    /// Lets everyone run in, and sets the calls of a turn so that it takes about `turn_ns`, one call at least.
    pub fn warm_up(&mut self, contenders: &mut [Contender], turn_ns: u64) {
        for entrant in &mut self.entrants {
            let contender = &mut contenders[entrant.contender_index];
            entrant.turn(contender, self.view, self.batch_items);
            let call_ns = entrant.turn(contender, self.view, self.batch_items) / WARM_UP_CALLS as u64;
            let call_count = turn_ns.div_ceil(call_ns.max(1));
            entrant.call_count = usize::try_from(call_count).expect("a turn has few calls");
        }
    }

    /// Gives everyone a turn. Who begins changes from round to round.
    pub fn round(&mut self, contenders: &mut [Contender], round_index: usize) {
        let count = self.entrants.len();
        for place in 0..count {
            let entrant = &mut self.entrants[(round_index + place) % count];
            let contender = &mut contenders[entrant.contender_index];
            let levels = round_index * STACK_STEP % STACK_LEVELS;
            let mut turn = || entrant.turn(contender, self.view, self.batch_items);
            let spent_ns = deeper(levels, &mut turn);
            let signature_count = entrant.call_count * self.batch_items;
            #[expect(clippy::cast_precision_loss, reason = "both are far below 2^52")]
            entrant.us_by_round.push(spent_ns as f64 / 1_000.0 / signature_count as f64);
        }
    }

    /// What was measured.
    pub fn into_series(self) -> impl Iterator<Item = Series> {
        self.entrants.into_iter().map(move |entrant| Series {
            set: entrant.set,
            batch_items: self.batch_items,
            name: entrant.name,
            us_by_round: entrant.us_by_round,
        })
    }
}

impl Entrant {
    /// Checks the next batches of the pool. Returns this thread's processor time in nanoseconds.
    fn turn(&mut self, contender: &mut Contender, view: &View<'_>, batch_items: usize) -> u64 {
        let started_ns = thread_cpu_ns();
        for _ in 0..self.call_count {
            let batch = view.batch(self.set.is_hinted(), self.next_item..self.next_item + batch_items);
            let is_good = contender.accepts_all(black_box(batch));
            assert!(is_good, "{} refuses a good signature: {}, {batch_items} a call", self.name, self.set);
            self.next_item = (self.next_item + batch_items) % POOL_ITEMS;
        }
        thread_cpu_ns() - started_ns
    }
}

/// Calls `act` from further down the stack.
#[inline(never)]
fn deeper(levels: usize, act: &mut dyn FnMut() -> u64) -> u64 {
    let frame = black_box([levels; 8]);
    let outcome = if levels == 0 { act() } else { deeper(levels - 1, act) };
    black_box(frame);
    outcome
}

/// Processor time of this thread: what others do on its core meanwhile does not count.
fn thread_cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let part = |number: i64| u64::try_from(number).expect("processor time is not negative");
    part(now.tv_sec) * 1_000_000_000 + part(now.tv_nsec)
}

/// Shows every contender batches of all sizes with one bad signature.
///
/// # Panics
/// If one of them accepts, or a backend of ours blames another signature: its times would mean nothing.
pub fn expect_refusals(pool: &Pool, contenders: &mut [Contender]) {
    let mut pool = pool.clone();
    pool.spoil(BAD_INDEX);
    let view = pool.view();
    for contender in contenders {
        for (batch_items, is_hinted) in BATCH_SIZES.into_iter().flat_map(|size| [(size, false), (size, true)]) {
            let range = around(BAD_INDEX, batch_items);
            let bad_index = BAD_INDEX - range.start;
            let batch: Batch<'_> = view.batch(is_hinted, range);
            let is_right = contender.refuses_exactly(batch, bad_index);
            assert!(is_right, "{} misjudges a bad signature among {batch_items}", contender.name());
        }
    }
}

/// The batch that holds an item.
fn around(item_index: usize, batch_items: usize) -> Range<usize> {
    let start = item_index / batch_items * batch_items;
    start..start + batch_items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::Interrupt;
    use crate::progress::Progress;

    fn pool(signers: Signers) -> Pool {
        Pool::sign(signers, &Progress::hidden(), &Interrupt::default()).unwrap()
    }

    #[test]
    fn every_contender_finds_the_one_bad_signature() {
        let mut contenders = Contender::all();
        assert!(contenders.len() >= 2, "{contenders:?}");
        for signers in [Signers::Accounts, Signers::Committee] {
            expect_refusals(&pool(signers), &mut contenders);
        }
    }

    #[test]
    #[should_panic(expected = "misjudges a bad signature")]
    fn a_contender_that_believes_everything_is_found_before_anything_is_measured() {
        expect_refusals(&pool(Signers::Committee), &mut [Contender::believer()]);
    }

    #[test]
    #[should_panic(expected = "refuses a good signature")]
    fn a_contender_that_refuses_everything_is_not_timed() {
        let pool = pool(Signers::Committee);
        let view = pool.view();
        let mut contenders = [Contender::denier()];
        let mut heat = Heat::new(Signers::Committee, &view, 8, &contenders);
        heat.round(&mut contenders, 0);
    }

    #[test]
    fn every_round_gives_every_entrant_one_turn_and_all_walk_through_the_pool() {
        let pool = pool(Signers::Accounts);
        let view = pool.view();
        let mut contenders = Contender::all();
        let mut heat = Heat::new(Signers::Accounts, &view, 1024, &contenders);
        assert_eq!(heat.entrants.len(), 2 * contenders.len() - 1, "ed25519-dalek takes no hints");
        heat.entrants.iter_mut().for_each(|entrant| entrant.call_count = 1);
        for round_index in 0..5 {
            heat.round(&mut contenders, round_index);
        }
        assert!(heat.entrants.iter().all(|entrant| entrant.next_item == 1024), "round the pool once, and one further");
        for series in heat.into_series() {
            assert_eq!(series.us_by_round.len(), 5);
            assert!(series.us_by_round.iter().all(|us| *us > 0.0), "{series:?}");
        }
    }

    #[test]
    fn a_turn_takes_as_many_calls_as_its_time_needs() {
        let pool = pool(Signers::Committee);
        let view = pool.view();
        let mut contenders = Contender::all();
        let mut heat = Heat::new(Signers::Committee, &view, 1, &contenders);
        heat.warm_up(&mut contenders, 1);
        assert!(heat.entrants.iter().all(|entrant| entrant.call_count == 1));
        heat.warm_up(&mut contenders, 1_000_000_000);
        assert!(heat.entrants.iter().all(|entrant| entrant.call_count > 10), "{heat:?}");
    }
}
