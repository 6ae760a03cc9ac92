//! Where in a committee file's text what stands.

use super::CommitteeError;
use super::file::CommitteeFault;
use serde::Deserialize;
use toml::{Spanned, Value};

/// The lines of a text's tables and of their fields.
pub(super) struct Lines<'a> {
    text: &'a str,
    places: Places,
}

#[derive(Default, Deserialize)]
struct Places {
    #[serde(default)]
    authority: Vec<Spanned<Place>>,
}

/// The fields that can be wrong by what they say.
#[derive(Deserialize)]
struct Place {
    key: Option<Spanned<Value>>,
    hosts: Option<Spanned<Value>>,
    port: Option<Spanned<Value>>,
    weight: Option<Spanned<Value>>,
}

impl<'a> Lines<'a> {
    /// Finds them. Of a text that is no TOML nothing is found.
    pub(super) fn read(text: &'a str) -> Self {
        Self { text, places: toml::from_str(text).unwrap_or_default() }
    }

    /// The line in which a member's table begins.
    pub(super) fn of_member(&self, index: usize) -> Option<usize> {
        let table = self.places.authority.get(index)?;
        Some(line_at(self.text, table.span().start))
    }

    /// The line that a fault is about; none if it is about all of them.
    pub(super) fn of(&self, fault: &CommitteeFault) -> Option<usize> {
        match fault {
            CommitteeFault::Key { index, .. } => self.of_field(*index, |place| &place.key),
            CommitteeFault::Ports { index, .. } => self.of_field(*index, |place| &place.port),
            CommitteeFault::Hosts { index, .. } => self.of_field(*index, |place| &place.hosts),
            CommitteeFault::Committee(CommitteeError::RepeatedKey { second, .. }) => {
                self.of_field(*second, |place| &place.key)
            }
            CommitteeFault::Committee(
                CommitteeError::NoWeight { index } | CommitteeError::WeightOverflow { index },
            ) => self.of_field(*index, |place| &place.weight),
            CommitteeFault::Committee(CommitteeError::Empty | CommitteeError::TooLarge { .. })
            | CommitteeFault::Syntax(_) => None,
        }
    }

    /// The line of a member's field, or of its table where the field is left out.
    fn of_field(&self, index: usize, field: impl Fn(&Place) -> &Option<Spanned<Value>>) -> Option<usize> {
        let place = self.places.authority.get(index)?;
        let start = field(place.get_ref()).as_ref().map_or(place.span().start, |value| value.span().start);
        Some(line_at(self.text, start))
    }
}

/// The line, from 1, that has this byte.
pub(super) fn line_at(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}
