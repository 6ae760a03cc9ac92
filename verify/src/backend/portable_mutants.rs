//! Planted bugs in the portable backend, and the batches that expose them.

use super::Portable;
use crate::backend::bent::{Signed, compensating_errors, items, torsion_in_r};
use crate::weights::Weights;

fn judge(mut portable: Portable, signed: &[Signed]) -> (Vec<bool>, u64) {
    let items = items(signed);
    let mut verdicts = Vec::new();
    portable.verify_batch(&items, &mut verdicts);
    (verdicts, portable.counters().batch_failed_count)
}

#[test]
fn compensating_errors_are_refused_and_weights_of_one_would_let_them_pass() {
    let signed = compensating_errors();
    let expected: Vec<_> = (0..signed.len()).map(|index| index != 3 && index != 11).collect();
    assert_eq!(judge(Portable::new([9; 32]), &signed), (expected, 1));

    let mutant = Portable { weights: Weights::mutant_all_one(), ..Portable::new([9; 32]) };
    assert_eq!(judge(mutant, &signed), (vec![true; signed.len()], 0), "the bug is caught by this test");
}

#[test]
fn torsion_in_r_passes_in_the_sum_and_a_forgotten_cofactor_would_fail_it() {
    let signed = torsion_in_r();
    let judged = |seed: u8, cofactor_forgotten: bool| {
        let portable = Portable { cofactor_forgotten, ..Portable::new([seed; 32]) };
        judge(portable, &signed).1
    };
    let failed_count: u64 = (0..32).map(|seed| judged(seed, false)).sum();
    assert_eq!(failed_count, 0);
    // Some weights hide the bug: the torsion cancels in one sum of eight.
    let failed_count: u64 = (0..32).map(|seed| judged(seed, true)).sum();
    assert!(failed_count > 16, "the bug is caught in {failed_count} of 32 batches");
    assert_eq!(judge(Portable::new([9; 32]), &signed).0, vec![true; signed.len()]);
}
