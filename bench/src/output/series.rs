//! The histograms of a phase by name, and the tags under which files hold them.

use crate::latency::{Latency, Spans};
use crate::recording::PhaseRecording;
use std::collections::BTreeSet;

/// One histogram of a phase.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// Its name in tags and files: `SPAN.BASIS`, or `lag`.
    pub name: &'static str,
    /// For people: what it measures.
    pub span: &'static str,
    /// For people: from when.
    pub basis: &'static str,
    /// Where it is.
    pub of: fn(&PhaseRecording) -> &Latency,
    /// Where it is, to be filled.
    pub of_mut: fn(&mut PhaseRecording) -> &mut Latency,
}

/// The series whose samples the timeline has, too.
pub const ORDER_RECEIPT: Series = span(
    "order_receipt.from_schedule",
    "order to receipt",
    BASES[0],
    |phase| &phase.from_schedule.order_receipt,
    |phase| &mut phase.from_schedule.order_receipt,
);

/// The same from the send.
pub const ORDER_RECEIPT_FROM_SEND: Series = span(
    "order_receipt.from_send",
    "order to receipt",
    BASES[1],
    |phase| &phase.from_send.order_receipt,
    |phase| &mut phase.from_send.order_receipt,
);

/// How late orders left.
pub const LAG: Series = span("lag", "the generator's own lag", BASES[0], |phase| &phase.lag, |phase| &mut phase.lag);

/// All of a phase.
pub const ALL: [Series; 7] = [
    ORDER_RECEIPT,
    ORDER_RECEIPT_FROM_SEND,
    span(
        "order_vote.from_schedule",
        "order to vote",
        BASES[0],
        |phase| &phase.from_schedule.order_vote,
        |phase| &mut phase.from_schedule.order_vote,
    ),
    span(
        "order_vote.from_send",
        "order to vote",
        BASES[1],
        |phase| &phase.from_send.order_vote,
        |phase| &mut phase.from_send.order_vote,
    ),
    span("certificate_receipt.from_schedule", "certificate to receipt", BASES[0], of_certificate, |phase| {
        &mut phase.from_schedule.certificate_receipt
    }),
    span("certificate_receipt.from_send", "certificate to receipt", BASES[1], of_certificate_sent, |phase| {
        &mut phase.from_send.certificate_receipt
    }),
    LAG,
];

const BASES: [&str; 2] = ["from schedule", "from send"];

const fn span(
    name: &'static str,
    span: &'static str,
    basis: &'static str,
    of: fn(&PhaseRecording) -> &Latency,
    of_mut: fn(&mut PhaseRecording) -> &mut Latency,
) -> Series {
    Series { name, span, basis, of, of_mut }
}

fn of_certificate(phase: &PhaseRecording) -> &Latency {
    let Spans { certificate_receipt, .. } = &phase.from_schedule;
    certificate_receipt
}

fn of_certificate_sent(phase: &PhaseRecording) -> &Latency {
    let Spans { certificate_receipt, .. } = &phase.from_send;
    certificate_receipt
}

/// A name for each phase that no other has and that tags, files and CSV can hold: letters, digits, `-` and `_`.
pub fn phase_tags<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let unique = |name: &str| {
        let plain = plain(name);
        let numbered = (2_usize..).map(|number| format!("{plain}-{number}"));
        let tag = std::iter::once(plain.clone()).chain(numbered).find(|tag| !taken.contains(tag));
        let tag = tag.expect("there are more numbers than phases");
        taken.insert(tag.clone());
        tag
    };
    names.into_iter().map(unique).collect()
}

fn plain(name: &str) -> String {
    let kept = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let plain: String = name.chars().map(|letter| if kept(letter) { letter } else { '_' }).collect();
    if plain.is_empty() { "phase".to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_unique_and_plain() {
        let tags = phase_tags(["ramp", "ramp", "a,b c/d", "", "ramp-2", "Überholt"]);
        assert_eq!(tags, ["ramp", "ramp-2", "a_b_c_d", "phase", "ramp-2-2", "_berholt"]);
    }

    #[test]
    fn every_series_is_read_where_it_is_filled() {
        let mut phase = PhaseRecording::default();
        for (index, series) in ALL.iter().enumerate() {
            (series.of_mut)(&mut phase).record_n(1_000, index as u64 + 1);
        }
        let counts = ALL.map(|series| (series.of)(&phase).histogram().len());
        assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7]);
    }
}
