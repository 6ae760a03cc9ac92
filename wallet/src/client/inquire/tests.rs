//! What answers come to.

use super::*;
use crate::fixture::Fixture;

fn terms(weights: &[u64]) -> Terms {
    Fixture::new(weights, 1).terms
}

/// Balance, next number, pending order (0: none).
fn answers(all: &[Option<(i128, u64, u8)>]) -> Vec<Option<Answer>> {
    let answer = |(balance, next, pending): (i128, u64, u8)| Answer {
        balance: Balance(balance),
        next_sequence: Sequence(next),
        pending: (pending > 0).then_some([pending; 32]),
    };
    all.iter().map(|each| each.map(answer)).collect()
}

fn inquiry(weights: &[u64], all: &[Option<(i128, u64, u8)>]) -> Inquiry {
    Inquiry::of(&terms(weights), answers(all), None)
}

#[test]
fn a_quorum_agrees_or_nobody_does() {
    let agreed = |all: &[Option<(i128, u64, u8)>]| inquiry(&[1; 4], all).agreed;
    let same = Some((10, 2, 0));
    assert_eq!(agreed(&[same, same, None, same]), Some((Balance(10), Sequence(2))));
    assert_eq!(agreed(&[same, same, None, Some((10, 1, 0))]), None);
    assert_eq!(agreed(&[same, same, None, None]), None);
}

#[test]
fn orders_of_others_block_from_the_weight_on_that_leaves_no_quorum() {
    let blocked = |pending: [u8; 4], own: Option<&Digest>| {
        let all = pending.map(|pending| Some((1, 0, pending)));
        inquiry(&[1; 4], &all).blocked_by(&terms(&[1; 4]), own)
    };
    assert_eq!(blocked([0, 0, 0, 0], None), None);
    assert_eq!(blocked([7, 0, 0, 0], None), None);
    assert_eq!(blocked([7, 0, 7, 0], None), Some([7; 32]));
    assert_eq!(blocked([8, 7, 7, 0], None), Some([7; 32]));
    assert_eq!(blocked([8, 7, 7, 0], Some(&[7; 32])), None, "the asker's own stands in nobody's way");
}

#[test]
fn what_can_be_spent_is_what_a_quorum_has_by_weight_and_has_not_voted_away() {
    let all = [Some((100, 0, 0)), Some((50, 0, 0)), Some((-3, 0, 0)), Some((70, 0, 0))];
    let spendable = |weights: &[u64], all: &[Option<(i128, u64, u8)>]| inquiry(weights, all).spendable.0;
    assert_eq!(spendable(&[1, 1, 1, 1], &all), 50);
    assert_eq!(spendable(&[7, 1, 1, 1], &all), 100);
    assert_eq!(spendable(&[1, 1, 4, 1], &all), 0);
    assert_eq!(spendable(&[1; 4], &[Some((100, 0, 0)), Some((50, 0, 0)), None, None]), 0);
    let voted = [Some((100, 0, 9)), Some((100, 0, 0)), Some((100, 0, 0)), Some((40, 0, 0))];
    assert_eq!(spendable(&[1; 4], &voted), 40, "one has voted for another order");
    assert_eq!(Inquiry::of(&terms(&[1; 4]), answers(&voted), Some(&[9; 32])).spendable.0, 100);
}

#[test]
fn what_is_certain_no_further_answer_changes() {
    let choices = [None, Some((10, 2, 0)), Some((10, 2, 9)), Some((11, 2, 0)), Some((9, 3, 0))];
    let pick = |mut number: usize, count: usize| -> Vec<Option<(i128, u64, u8)>> {
        let mut next = || {
            let choice = choices[number % choices.len()];
            number /= choices.len();
            choice
        };
        (0..count).map(|_| next()).collect()
    };
    let weights = [2, 1, 1, 1, 2];
    let terms = terms(&weights);
    let mut certain_count = 0;
    for number in 0..choices.len().pow(5) {
        let all = pick(number, 5);
        let before = inquiry(&weights, &all);
        if !before.is_certain(&terms, None) {
            continue;
        }
        certain_count += 1;
        let silent: Vec<usize> = (0..5).filter(|index| all[*index].is_none()).collect();
        for number in 0..choices.len().pow(u32::try_from(silent.len()).unwrap()) {
            let mut later = all.clone();
            silent.iter().zip(pick(number, silent.len())).for_each(|(index, answer)| later[*index] = answer);
            let after = inquiry(&weights, &later);
            assert_eq!((after.agreed, after.spendable), (before.agreed, before.spendable), "{all:?}, then {later:?}");
            assert_eq!(after.blocked_by(&terms, None), None, "{all:?}, then {later:?}");
        }
    }
    assert!(certain_count > 20, "{certain_count}");
}

#[test]
fn so_much_weight_claims_a_number_or_nothing_is_claimed() {
    let claims = || vec![(3, 1), (9, 1), (5, 2)];
    assert_eq!([1, 2, 3, 4, 5].map(|weight| claimed_by(claims(), weight)), [Some(9), Some(5), Some(5), Some(3), None]);
}
