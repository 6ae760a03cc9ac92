//! What holds, and what each mutant breaks.

use super::{Channel, Mutant};
use crate::check::{assert_found, exhaust};

const USUAL: Channel = Channel { payments_max: 4, unacknowledged_max: 2, mutant: None };

#[test]
fn each_credit_is_applied_once_whichever_shard_crashes_whenever() {
    exhaust("4 payments, 2 unacknowledged", USUAL);
}

#[test]
#[ignore = "large; its command is at the head of the model"]
fn each_credit_is_applied_once_with_three_unacknowledged() {
    exhaust("4 payments, 3 unacknowledged", Channel { unacknowledged_max: 3, ..USUAL });
}

const ONCE: &str = "each durable credit is applied once, in order, and no other";
const FORGETS_LATE: &str = "what the source forgot is applied, durably";
const CAP: &str = "no more credits than the cap are unacknowledged";
const NO_FAULT: &str = "no shard finds that something cannot be";
const ARRIVES: &str = "everything durable arrives if nothing more goes wrong";

/// Each mutant, and what it breaks.
const MUTANTS: &[(Mutant, &[&str])] = &[
    (Mutant::SendsBeforeDurable, &[ONCE, NO_FAULT]),
    (Mutant::AcksBeforeDurable, &[FORGETS_LATE, ARRIVES]),
    (Mutant::TakesGaps, &[ONCE]),
    (Mutant::TakesDuplicates, &[ONCE]),
    (Mutant::NoResend, &[ARRIVES]),
    (Mutant::NoResendAfterRestart, &[ARRIVES]),
    (Mutant::TruncatesUnacknowledged, &[FORGETS_LATE, ARRIVES]),
    (Mutant::AcksUnrecorded, &[CAP]),
];

#[test]
fn every_mutant_is_found() {
    for (mutant, properties) in MUTANTS {
        assert_found(&format!("{mutant:?}"), &Channel { mutant: Some(*mutant), ..USUAL }, properties);
    }
}
