//! What a kind of setting is: its reasons for people, and for each target and profile what is wanted.

use crate::controls::Reading;
use crate::knob::Target;
use crate::nic_control::NicSetting;
use crate::notation::Notation;
use crate::profile::Profile;
use crate::survey::Ground;

/// A kind of setting. `explain` prints it.
#[derive(Debug)]
pub struct Kind {
    /// Its name: the sysctl's own, else area and setting (`cpu.governor`).
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Why it matters to an authority.
    pub why: &'static str,
    /// What changing it costs or endangers.
    pub risk: &'static str,
    /// Where the kernel, or a manual, describes it.
    pub source: &'static str,
    /// The first Linux that has it.
    pub kernel: &'static str,
    /// Who else sets it.
    pub others: &'static str,
    /// Whose it is.
    pub(crate) scope: Scope,
    /// Where it is kept.
    pub(crate) at: At,
    /// How it is written.
    pub(crate) notation: Notation,
    /// What a profile wants.
    pub(crate) want: fn(&Ask<'_>) -> Wanted,
}

/// The things that have such a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Host,
    /// Every online core.
    Cores,
    /// Every idle state of the cores that the authority would have.
    IdleStates,
    /// Every interface that is tuned.
    Nics,
    RxQueues,
    TxQueues,
    /// Every interrupt of a queue of those interfaces.
    QueueIrqs,
    /// Every other interrupt.
    OtherIrqs,
    /// Every disk that is no memory or loop.
    Disks,
    /// Every hardware vulnerability that the kernel knows.
    Vulnerabilities,
}

/// Where a setting is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    /// A file; `{core}`, `{state}`, `{nic}`, `{queue}`, `{irq}`, `{disk}`, `{name}` stand for the target's.
    File(&'static str),
    /// A setting of the interface.
    Nic(NicSetting),
    /// Nowhere that can be written: the kind's `want` says what is.
    Nowhere,
}

/// What is asked of a kind: about one target, on one ground.
pub(crate) struct Ask<'a> {
    pub(crate) ground: &'a Ground<'a>,
    pub(crate) target: &'a Target,
    /// What is there; empty for what is kept nowhere.
    pub(crate) reading: &'a Reading,
}

/// What a kind answers.
pub(crate) enum Wanted {
    /// What is there will do.
    Keep,
    /// This value, decoded.
    Exactly(String),
    /// This number or more.
    AtLeast(u64),
    /// The machine has no such thing.
    Absent,
    /// Another program's.
    Owned(String),
    /// Nobody can move it.
    Immovable(String),
    /// As [`Wanted::Keep`], for what is kept nowhere: what is.
    Fine(String),
    /// Boot line, unit or person: what is, what should be, what to do.
    Advice { current: String, wanted: String, remedy: String },
    /// Told, never changed: what it means.
    Reported(String),
}

impl At {
    pub(crate) fn nic_setting(self) -> Option<NicSetting> {
        if let Self::Nic(setting) = self { Some(setting) } else { None }
    }
}

impl At {
    /// Where it is kept, with braces for what depends on the target.
    pub(crate) fn pattern(self) -> Option<String> {
        match self {
            Self::File(path) => Some(format!("/{path}")),
            Self::Nic(setting) => Some(format!("ethtool {{nic}} {setting}")),
            Self::Nowhere => None,
        }
    }
}

impl Ask<'_> {
    /// One of three, by profile.
    pub(crate) fn by_profile<T>(&self, throughput: T, latency: T, balanced: T) -> T {
        match self.ground.profile {
            Profile::Throughput => throughput,
            Profile::Latency => latency,
            Profile::Balanced => balanced,
        }
    }

    /// As many as asked for, but no more than the device has; what is there where it does not say.
    pub(crate) fn within_max(&self, count: u32) -> Wanted {
        match self.reading.max {
            Some(0) | None => Wanted::Keep,
            Some(max) => Wanted::AtLeast(u64::from(count.min(max))),
        }
    }
}

impl Wanted {
    pub(crate) fn exactly(value: impl ToString) -> Self {
        Self::Exactly(value.to_string())
    }
}
