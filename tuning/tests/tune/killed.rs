//! A run that is killed at any step, and a rollback after it.
//!
//! Steps are what leaves a trace: each line appended, each sync, each write. After the last one that is allowed, nothing
//! has an effect any more, and the line that was being written is torn in the middle.

use quittance_tuning::Profile;

use crate::bench::{Fuel, Paper, Seam, applied, machine, rolled_back, rolled_back_with};
use crate::shapes::small_guest;
use crate::tree::Tree;

/// More steps than any run here takes.
const STEP_COUNT_MAX: usize = 2_000;

/// Runs `apply` with ever more steps until it ends by itself; after each, `after` must leave the tree as it was.
/// Returns how many steps it took.
fn for_every_step(tree: &Tree, after: impl Fn(&Paper)) -> usize {
    let (machine, before) = (machine(tree), tree.content());
    for step_count in 0..STEP_COUNT_MAX {
        let (fuel, paper) = (Fuel::of(step_count), Paper::default());
        let ended = applied(&machine, &Seam::over(tree, fuel.clone()), Profile::Latency, &paper, &fuel).is_ok();
        after(&paper);
        assert!(tree.content() == before, "killed after {step_count} steps");
        if ended {
            return step_count;
        }
    }
    panic!("the run does not end");
}

#[test]
fn an_apply_killed_at_any_step_is_undone() {
    let tree = small_guest();
    let step_count = for_every_step(&tree, |paper| {
        rolled_back(&tree, paper);
    });
    assert!(step_count > 50, "{step_count} steps are too few to mean anything");
}

#[test]
fn a_rollback_killed_at_any_step_is_finished_by_the_next() {
    let tree = small_guest();
    let (machine, before) = (machine(&tree), tree.content());
    for step_count in 0..STEP_COUNT_MAX {
        let (unbound, paper) = (Fuel::default(), Paper::default());
        applied(&machine, &Seam::over(&tree, unbound.clone()), Profile::Latency, &paper, &unbound).unwrap();
        let fuel = Fuel::of(step_count);
        let ended = rolled_back_with(&Seam::over(&tree, fuel.clone()), &paper, &fuel).is_ok();
        rolled_back(&tree, &paper);
        assert!(tree.content() == before, "killed after {step_count} steps");
        if ended {
            return;
        }
    }
    panic!("the run does not end");
}

/// The planted bug: a journal that loses its last line, as one that is not synced before the write would.
#[test]
fn a_journal_that_loses_a_line_is_caught() {
    let tree = small_guest();
    let forgetful = |paper: &Paper| {
        let mut text = paper.0.borrow_mut();
        let kept = text.iter().rposition(|octet| *octet == b'\n').unwrap_or(0);
        let start = text[..kept].iter().rposition(|octet| *octet == b'\n').map_or(0, |before| before + 1);
        text.truncate(start);
        drop(text);
        rolled_back(&tree, paper);
    };
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| for_every_step(&tree, forgetful)));
    assert!(caught.is_err(), "a lost line went unnoticed");
}
