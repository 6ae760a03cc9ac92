//! Planted bugs in the batch, and the batches that expose them; and which way items go.

use super::*;
use crate::backend::bent::{Signed, compensating_errors, items, torsion_in_r};
use crate::backend::ifma::is_supported;

fn judge(mut ifma: Ifma, signed: &[Signed]) -> (Vec<bool>, u64) {
    let mut verdicts = Vec::new();
    ifma.verify_batch(&items(signed), &mut verdicts);
    (verdicts, ifma.counters().batch_failed_count)
}

fn backend(seed: u8) -> Ifma {
    Ifma::new([seed; 32]).expect("the test has asked")
}

#[test]
fn compensating_errors_are_refused_and_weights_of_one_would_let_them_pass() {
    if !is_supported() {
        return;
    }
    let signed = compensating_errors();
    let expected: Vec<_> = (0..signed.len()).map(|index| index != 3 && index != 11).collect();
    assert_eq!(judge(backend(9), &signed), (expected, 1));

    let mutant = Ifma { weights: Weights::mutant_all_one(), ..backend(9) };
    assert_eq!(judge(mutant, &signed), (vec![true; signed.len()], 0), "the bug is caught by this test");
}

#[test]
fn torsion_in_r_passes_in_the_sum_and_a_forgotten_cofactor_would_fail_it() {
    if !is_supported() {
        return;
    }
    let signed = torsion_in_r();
    let judged = |seed: u8, cofactor_forgotten: bool| {
        let mut ifma = backend(seed);
        ifma.equation.cofactor_forgotten = cofactor_forgotten;
        judge(ifma, &signed).1
    };
    let failed_count: u64 = (0..32).map(|seed| judged(seed, false)).sum();
    assert_eq!(failed_count, 0);
    // Some weights hide the bug: the torsion cancels in one sum of eight.
    let failed_count: u64 = (0..32).map(|seed| judged(seed, true)).sum();
    assert!(failed_count > 16, "the bug is caught in {failed_count} of 32 batches");
    assert_eq!(judge(backend(9), &signed).0, vec![true; signed.len()]);
}

#[test]
fn few_items_are_checked_by_themselves_and_more_are_summed() {
    if !is_supported() {
        return;
    }
    let signed = torsion_in_r();
    for count in 1..=signed.len() {
        let mut ifma = backend(7);
        let mut verdicts = Vec::new();
        ifma.verify_batch(&items(&signed[..count]), &mut verdicts);
        assert_eq!(verdicts, vec![true; count]);
        let summed = count >= BATCH_ITEMS_MIN;
        let expected = Counters {
            item_count: count as u64,
            batch_count: u64::from(summed),
            batch_failed_count: 0,
            item_alone_count: if summed { 0 } else { count as u64 },
        };
        assert_eq!(ifma.counters(), expected, "{count} items");
    }
}

/// One key with 2^126 A from memory, one that gets it now, and more than a vector of others: each path of the sum at once.
#[test]
fn keys_with_and_without_rows_for_their_upper_halves_are_summed_together() {
    if !is_supported() {
        return;
    }
    let signed = compensating_errors();
    let honest = |index: &usize| *index != 3 && *index != 11;
    let once: Vec<_> = (0..16).filter(honest).map(|index| signed[index]).collect();
    let mut ifma = backend(3);
    let mut verdicts = Vec::new();
    for repeated in [&[0][..], &[0, 1], &[1, 0, 2, 4, 5, 6, 7, 8, 9]] {
        let mut batch = once.clone();
        repeated.iter().for_each(|index| batch.extend([signed[*index]; 5]));
        ifma.verify_batch(&items(&batch), &mut verdicts);
        assert_eq!(verdicts, vec![true; batch.len()]);
        let place = batch.len() - 2;
        batch[place].1[32] ^= 1;
        ifma.verify_batch(&items(&batch), &mut verdicts);
        assert_eq!(verdicts, (0..batch.len()).map(|index| index != place).collect::<Vec<_>>());
    }
    assert_eq!((ifma.counters().batch_count, ifma.counters().batch_failed_count), (6, 3));
}
