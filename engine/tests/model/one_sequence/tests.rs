//! What holds, and what each mutant breaks.

use super::{Mutant, OneSequence};
use crate::check::{assert_found, exhaust};

/// N = 4, f = 1, and orders A and B.
const USUAL: OneSequence =
    OneSequence { honest_count: 3, byzantine_count: 1, order_count: 2, checks_at_once: false, mutant: None };

#[test]
fn nobody_pays_twice_whoever_crashes_whenever() {
    exhaust("3 honest, 1 Byzantine, 2 orders", USUAL);
}

#[test]
#[ignore = "large; its command is at the head of the model"]
fn nobody_pays_twice_with_three_orders() {
    exhaust("3 honest, 1 Byzantine, 3 orders", OneSequence { order_count: 3, ..USUAL });
}

#[test]
#[ignore = "large; its command is at the head of the model"]
fn nobody_pays_twice_with_five_honest_authorities_and_two_byzantine() {
    let model = OneSequence { honest_count: 5, byzantine_count: 2, checks_at_once: true, ..USUAL };
    exhaust("5 honest, 2 Byzantine, 2 orders, signatures checked at once", model);
}

const SIGNS_ONCE: &str = "no honest authority signs two orders";
const REMEMBERS: &str = "an authority knows every vote and receipt that left it";
const NO_TWO_CERTIFICATES: &str = "two orders are never both certified";
const NO_TWO_PAYMENTS: &str = "honest authorities never apply different orders";

/// Each mutant, and what it breaks.
const MUTANTS: &[(Mutant, &[&str])] = &[
    (Mutant::VoteBeforeDurable, &[REMEMBERS, SIGNS_ONCE, NO_TWO_PAYMENTS]),
    (Mutant::ReceiptBeforeDurable, &[REMEMBERS]),
    (Mutant::NoDuplicateCheck, &[SIGNS_ONCE, NO_TWO_PAYMENTS]),
    (Mutant::JudgedOnce, &[SIGNS_ONCE, NO_TWO_PAYMENTS]),
    (Mutant::VotesForgotten, &[REMEMBERS, SIGNS_ONCE, NO_TWO_PAYMENTS]),
    (Mutant::QuorumOfTwoF, &[NO_TWO_CERTIFICATES, NO_TWO_PAYMENTS]),
];

#[test]
fn every_mutant_is_found() {
    for (mutant, properties) in MUTANTS {
        assert_found(&format!("{mutant:?}"), &OneSequence { mutant: Some(*mutant), ..USUAL }, properties);
    }
}

/// If this one passed, nothing above would mean anything: f is as many as a committee of 3f + 1 bears.
#[test]
fn two_byzantine_authorities_of_four_are_one_too_many() {
    let model = OneSequence { honest_count: 2, byzantine_count: 2, ..USUAL };
    assert_found("2 Byzantine of 4", &model, &[NO_TWO_CERTIFICATES, NO_TWO_PAYMENTS]);
}
