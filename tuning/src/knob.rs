//! One setting of one thing: what it is, what it should be, and what stands between.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::controls::Place;
use crate::kind::Kind;
use crate::notation::Notation;

/// One setting of one thing.
#[derive(Clone, Debug)]
pub struct Knob {
    /// What kind of setting it is, with its reasons.
    pub kind: &'static Kind,
    /// The stage that it belongs to.
    pub stage: &'static str,
    /// Whose setting it is.
    pub target: Target,
    /// Where it is kept; `None` for what only a boot, a unit or a person can change.
    pub place: Option<Place>,
    /// What it is; `None` when absent or unreadable.
    pub current: Option<String>,
    /// What the profile wants; `None` when it wants nothing else than what is.
    pub wanted: Option<String>,
    /// How the two stand.
    pub state: State,
    /// Whether more than wanted will do.
    pub(crate) is_least: bool,
}

/// Whose setting it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The whole machine's.
    Host,
    /// A core's, by its index.
    Core(usize),
    /// An idle state's of a core.
    IdleState {
        /// The core.
        core: usize,
        /// The state's number, deeper as it grows.
        idle_state: usize,
    },
    /// An interface's.
    Nic(String),
    /// A queue's of an interface.
    Queue {
        /// The interface.
        nic: String,
        /// `rx` or `tx`.
        direction: &'static str,
        /// Its number.
        queue: usize,
    },
    /// An interrupt's, by its number.
    Irq(usize),
    /// A disk's.
    Disk(String),
    /// What has a name of its own: a hardware vulnerability.
    Named(String),
}

/// How a setting stands to what the profile wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// As wanted.
    Ok,
    /// Another value, and `apply` can change it.
    Drift,
    /// The machine does not have it.
    Absent,
    /// The machine has it, in another value, and nobody can move it. Says why.
    Immovable(String),
    /// Another program sets it, and would set it again. Names it.
    OwnedByOther(String),
    /// Not as wanted, and a matter of the boot line, a unit or a cable. Says what to do.
    Advice(String),
    /// Told and never changed. Says what it means.
    Reported(String),
    /// It is there and cannot be read. Names the error.
    Unreadable(String),
}

impl Knob {
    /// How its value is written. A setting of an interface is a plain word.
    pub(crate) fn notation(&self) -> Notation {
        if self.kind.at.nic_setting().is_some() { Notation::Word } else { self.kind.notation }
    }
}

impl State {
    /// The word for it, as in JSON.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Drift => "drift",
            Self::Absent => "absent",
            Self::Immovable(_) => "immovable",
            Self::OwnedByOther(_) => "owned_by_other",
            Self::Advice(_) => "advice",
            Self::Reported(_) => "reported",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Who, why or what to do, where the word alone does not say it.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Ok | Self::Drift | Self::Absent => None,
            Self::Immovable(detail)
            | Self::OwnedByOther(detail)
            | Self::Advice(detail)
            | Self::Reported(detail)
            | Self::Unreadable(detail) => Some(detail),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => formatter.write_str("host"),
            Self::Core(core) => write!(formatter, "core {core}"),
            Self::IdleState { core, idle_state } => write!(formatter, "core {core} state {idle_state}"),
            Self::Nic(nic) => formatter.write_str(nic),
            Self::Queue { nic, direction, queue } => write!(formatter, "{nic} {direction}-{queue}"),
            Self::Irq(irq) => write!(formatter, "irq {irq}"),
            Self::Disk(name) | Self::Named(name) => formatter.write_str(name),
        }
    }
}

impl Serialize for Knob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Knob", 8)?;
        fields.serialize_field("name", self.kind.name)?;
        fields.serialize_field("target", &self.target.to_string())?;
        fields.serialize_field("stage", self.stage)?;
        fields.serialize_field("state", self.state.word())?;
        fields.serialize_field("detail", &self.state.detail())?;
        fields.serialize_field("current", &self.current)?;
        fields.serialize_field("wanted", &self.wanted)?;
        fields.serialize_field("place", &self.place.as_ref().map(ToString::to_string))?;
        fields.end()
    }
}
