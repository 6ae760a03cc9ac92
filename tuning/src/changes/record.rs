//! One line of the journal.

use serde::{Deserialize, Serialize};

use crate::controls::Place;
use crate::notation::Notation;
use crate::profile::Profile;

/// What stands before the rest of each line: the checksum in eight hexadecimal digits.
const PREFIX: &str = r#"{"sum":""#;
/// Octets of the prefix, the digits and the quote and comma after them.
const HEAD_BYTES: usize = PREFIX.len() + 8 + 2;

/// One event, with its number and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number, from 1, without gaps.
    pub sequence: u64,
    /// When, seconds since 1970.
    pub at_unix_s: u64,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Sets what a profile wants.
    Apply,
    /// Sets back what was there.
    Rollback,
}

/// What happened. A run is known by the number of its `Started`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run began.
    Started {
        /// What it does.
        act: Act,
        /// For what.
        profile: Option<Profile>,
        /// The kernel's number for this boot: what another boot had is gone.
        boot_id: Option<String>,
        /// The network namespace, by name.
        netns: Option<String>,
        /// Seconds after which it is undone unless confirmed.
        confirm_within_s: Option<u64>,
    },
    /// A value is about to be written.
    Intent {
        /// The run.
        run: u64,
        /// The knob's name.
        knob: String,
        /// Whose it is.
        target: String,
        /// Where.
        place: Place,
        /// How it is written.
        notation: Notation,
        /// What is there.
        old: String,
        /// What will be.
        new: String,
        /// For a rollback: the first of the changes that it takes back.
        undoes_from: Option<u64>,
    },
    /// It was written, and this was read back.
    Done {
        /// The intent's number.
        intent: u64,
        /// What was read.
        read_back: String,
    },
    /// It was not written.
    Refused {
        /// The intent's number.
        intent: u64,
        /// What the kernel said.
        reason: String,
        /// Whether it will say so again as long as this boot lasts.
        is_final: bool,
    },
    /// Changes of a place are no longer ours to undo: it has its old value already, or another's.
    Settled {
        /// The run.
        run: u64,
        /// The knob's name.
        knob: String,
        /// Whose it is.
        target: String,
        /// Where.
        place: Place,
        /// The first of the changes.
        undoes_from: u64,
        /// Another's value, which stays; `None` where the old one was there.
        found: Option<String>,
    },
    /// The operator confirmed a run.
    Confirmed {
        /// The run.
        run: u64,
    },
    /// A run came to its end.
    Ended {
        /// The run.
        run: u64,
    },
}

impl Record {
    /// The line, with its line break.
    #[must_use]
    pub fn line(&self) -> String {
        let body = serde_json::to_string(self).expect("a record has only text keys");
        let rest = &body[1..];
        format!("{}{rest}\n", head(rest))
    }

    fn parse(line: &str) -> Option<Self> {
        let rest = line.get(HEAD_BYTES..)?;
        let checks = line[..HEAD_BYTES] == head(rest);
        checks.then(|| serde_json::from_str(&format!("{{{rest}")).ok()).flatten()
    }
}

/// What stands before the rest of a line.
fn head(rest: &str) -> String {
    format!("{PREFIX}{:08x}\",", crc32fast::hash(rest.as_bytes()))
}

/// Every line with its place in octets and its record, if it checks. The last may be torn, and then has none.
pub fn lines(text: &[u8]) -> impl Iterator<Item = (usize, Option<Record>)> {
    let mut offset = 0;
    text.split_inclusive(|octet| *octet == b'\n').map(move |line| {
        let start = offset;
        offset += line.len();
        let whole = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
        (start, whole.and_then(Record::parse))
    })
}

/// The records, and the octets that they fill; what follows is a torn last line. The number of the damaged line (from 1)
/// where one that is not the last does not check.
///
/// # Errors
/// The damaged line's number.
pub fn read_lines(text: &[u8]) -> Result<(Vec<Record>, usize), usize> {
    let mut records = Vec::new();
    let all: Vec<_> = lines(text).collect();
    for (index, (start, record)) in all.iter().enumerate() {
        match record {
            Some(record) => records.push(record.clone()),
            None if index + 1 == all.len() => return Ok((records, *start)),
            None => return Err(index + 1),
        }
    }
    Ok((records, text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sequence: u64) -> Record {
        let intent = Event::Intent {
            run: 1,
            knob: "net.core.rmem_max".to_owned(),
            target: "host".to_owned(),
            place: Place::File("proc/sys/net/core/rmem_max".to_owned()),
            notation: Notation::Number,
            old: "212992".to_owned(),
            new: "8388608".to_owned(),
            undoes_from: None,
        };
        Record { sequence, at_unix_s: 1_700_000_000, event: intent }
    }

    #[test]
    fn a_line_is_one_json_object_that_reads_back() {
        let line = record(7).line();
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&object["event"], &object["sequence"]), (&"intent".into(), &7.into()));
        assert_eq!(read_lines(line.as_bytes()), Ok((vec![record(7)], line.len())));
    }

    #[test]
    fn a_torn_last_line_is_left_out_at_every_length() {
        let (first, second) = (record(1).line(), record(2).line());
        for kept in 0..second.len() {
            let text = first.clone() + &second[..kept];
            assert_eq!(read_lines(text.as_bytes()), Ok((vec![record(1)], first.len())), "{kept}");
        }
    }

    #[test]
    fn a_changed_octet_in_the_middle_is_damage() {
        let (first, second) = (record(1).line(), record(2).line());
        for position in 0..first.len() - 1 {
            let mut text = (first.clone() + &second).into_bytes();
            text[position] ^= 1;
            // A changed octet may be a line break: the damage is then in the first of two lines.
            assert_eq!(read_lines(&text), Err(1), "{position}");
        }
    }
}
