//! Phases as the user writes them: `[NAME:]RATE[..RATE2]/DURATION` or `[NAME:]window=N/PAYMENTS`.

use crate::drive::Ramp;
use crate::limits::{IN_FLIGHT_MAX, PAYMENT_COUNT_MAX, PHASE_NAME_BYTES_MAX, PHASE_NS_MAX, RATE_PER_S_MAX};
use core::str::FromStr;

/// The name of phases that are driven and not measured.
pub const WARM_UP: &str = "warm-up";

/// One phase of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseSpec {
    /// Its name, if it was given one. Lower-case letters, digits and dashes.
    pub name: Option<String>,
    /// How it is driven.
    pub load: Load,
}

/// What sets the pace of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// A schedule, at a rate that stays or goes straight from one to another.
    Rate(Ramp),
    /// A window: so many payments in flight, until so many were made.
    Window {
        /// Payments in flight.
        in_flight: usize,
        /// Payments in all.
        payments: u32,
    },
}

/// Why a phase cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhaseError {
    /// There is no slash.
    #[error("{0:?} has no length: write RATE/DURATION, as in 30000/10s, or window=N/PAYMENTS")]
    NoLength(String),
    /// The name has letters that file names and tables may not have.
    #[error("a phase cannot be called {0:?}: use 1 to {PHASE_NAME_BYTES_MAX} lower-case letters, digits and dashes")]
    Name(String),
    /// Two phases have one name.
    #[error("two phases are called {0:?}; give each a name of its own")]
    Repeated(String),
    /// A number is none, or out of bounds.
    #[error("{text:?} is no {what}: write a whole number from 1 to {most}")]
    Number {
        /// What was written.
        text: String,
        /// What it should be.
        what: &'static str,
        /// The largest.
        most: u64,
    },
    /// A duration without a unit, or with another.
    #[error("{0:?} is no duration: write a whole number and its unit, ms, s or m, up to an hour, as in 500ms or 10s")]
    Duration(String),
    /// A phase in which nothing is due.
    #[error("{0:?} is over before a payment is due; make it longer or faster")]
    Empty(String),
    /// More payments than a run may have.
    #[error("the phases take {0} payments, and a run has {PAYMENT_COUNT_MAX} at most; make them shorter or slower")]
    TooMany(u64),
    /// There is nothing to report.
    #[error("no phase is measured; add one that is not called {WARM_UP}")]
    NothingMeasured,
}

impl FromStr for PhaseSpec {
    type Err = PhaseError;

    fn from_str(text: &str) -> Result<Self, PhaseError> {
        let (name, load) = match text.split_once(':') {
            Some((name, load)) => (Some(checked_name(name)?), load),
            None => (None, text),
        };
        let (pace, length) = load.split_once('/').ok_or_else(|| PhaseError::NoLength(text.to_owned()))?;
        let load = match pace.strip_prefix("window=") {
            Some(in_flight) => Load::Window {
                in_flight: usize::try_from(number(in_flight, "window", IN_FLIGHT_MAX as u64)?).expect("it is bounded"),
                payments: u32::try_from(number(length, "count of payments", PAYMENT_COUNT_MAX.into())?)
                    .expect("it is bounded"),
            },
            None => {
                let (from, to) = pace.split_once("..").unwrap_or((pace, pace));
                let rate = |text: &str| number(text, "rate per second", RATE_PER_S_MAX);
                let ramp = Ramp { from_per_s: rate(from)?, to_per_s: rate(to)?, duration_ns: duration_ns(length)? };
                Load::Rate(ramp)
            }
        };
        let spec = Self { name, load };
        if spec.payment_count() == 0 {
            return Err(PhaseError::Empty(text.to_owned()));
        }
        Ok(spec)
    }
}

impl PhaseSpec {
    /// Payments that it takes.
    pub fn payment_count(&self) -> u64 {
        match self.load {
            Load::Rate(ramp) => ramp.payment_count(),
            Load::Window { payments, .. } => payments.into(),
        }
    }

    /// Whether its figures count.
    pub fn is_measured(&self) -> bool {
        self.name.as_deref() != Some(WARM_UP)
    }

    /// Its name in a report: its own, or `phase-N`, counted from 1.
    pub fn name_at(&self, index: usize) -> String {
        self.name.clone().unwrap_or_else(|| format!("phase-{}", index + 1))
    }
}

/// The payments that phases take together.
///
/// # Errors
/// [`PhaseError`] for names that repeat, too many payments, or phases none of which is measured.
pub fn payments_of(phases: &[PhaseSpec]) -> Result<u32, PhaseError> {
    let names: Vec<String> = phases.iter().enumerate().map(|(index, phase)| phase.name_at(index)).collect();
    if let Some((_, name)) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        return Err(PhaseError::Repeated(name.clone()));
    }
    if !phases.iter().any(PhaseSpec::is_measured) {
        return Err(PhaseError::NothingMeasured);
    }
    let count = phases.iter().fold(0_u64, |sum, phase| sum.saturating_add(phase.payment_count()));
    u32::try_from(count).ok().filter(|count| *count <= PAYMENT_COUNT_MAX).ok_or(PhaseError::TooMany(count))
}

fn checked_name(name: &str) -> Result<String, PhaseError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_good = (1..=PHASE_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain);
    if is_good { Ok(name.to_owned()) } else { Err(PhaseError::Name(name.to_owned())) }
}

fn number(text: &str, what: &'static str, most: u64) -> Result<u64, PhaseError> {
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| PhaseError::Number { text: text.to_owned(), what, most })
}

fn duration_ns(text: &str) -> Result<u64, PhaseError> {
    let units = [("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000)];
    let parsed = units.iter().find_map(|(unit, unit_ns)| {
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(*unit_ns)
    });
    let in_bounds = parsed.filter(|ns| (1..=PHASE_NS_MAX).contains(ns));
    in_bounds.ok_or_else(|| PhaseError::Duration(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(from_per_s: u64, to_per_s: u64, duration_ms: u64) -> Load {
        Load::Rate(Ramp { from_per_s, to_per_s, duration_ns: duration_ms * 1_000_000 })
    }

    #[test]
    fn phases_are_read_as_they_are_documented() {
        let cases = [
            ("warm-up:20000/2s", Some("warm-up"), ramp(20_000, 20_000, 2_000), 40_000),
            ("ramp:10000..80000/5s", Some("ramp"), ramp(10_000, 80_000, 5_000), 225_000),
            ("30000/10s", None, ramp(30_000, 30_000, 10_000), 300_000),
            ("1000/500ms", None, ramp(1_000, 1_000, 500), 500),
            ("2/3m", None, ramp(2, 2, 180_000), 360),
            ("full:window=512/9000", Some("full"), Load::Window { in_flight: 512, payments: 9_000 }, 9_000),
        ];
        for (text, name, load, payments) in cases {
            let spec: PhaseSpec = text.parse().unwrap();
            assert_eq!((spec.name.as_deref(), spec.load, spec.payment_count()), (name, load, payments), "{text}");
            assert_eq!(spec.is_measured(), name != Some(WARM_UP));
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_reason() {
        let cases = [
            ("30000", "has no length"),
            ("30000/10", "no duration"),
            ("30000/2h", "no duration"),
            ("30000/61m", "no duration"),
            ("30000/99999999999999999m", "no duration"),
            ("0/10s", "no rate per second"),
            ("1e5/10s", "no rate per second"),
            ("100..0/10s", "no rate per second"),
            ("window=0/10", "no window"),
            ("window=99999/10", "from 1 to 16384"),
            ("window=5/10s", "no count of payments"),
            ("Warm Up:100/1s", "cannot be called"),
            (":100/1s", "cannot be called"),
            ("1/10ms", "over before a payment is due"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<PhaseSpec>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn phases_together_have_names_of_their_own_and_as_many_payments_as_a_run_may_have() {
        let all = |texts: &[&str]| payments_of(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>());
        assert_eq!(all(&["warm-up:100/1s", "200/1s", "300..100/2s"]), Ok(700));
        assert_eq!(all(&["a:1/1s", "a:2/1s"]), Err(PhaseError::Repeated("a".to_owned())));
        assert_eq!(all(&["1/1s", "phase-1:2/1s"]), Err(PhaseError::Repeated("phase-1".to_owned())));
        assert_eq!(all(&["warm-up:100/1s"]), Err(PhaseError::NothingMeasured));
        assert_eq!(all(&["1000000/60s"]), Err(PhaseError::TooMany(60_000_000)));
    }
}
