//! What a machine is tuned for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a machine is tuned for. Each knob's kind says what it wants under each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// The most payments per second: larger buffers and rings, interrupts gathered, full speed at any power.
    Throughput,
    /// The shortest and steadiest reply: nothing gathered, no deep sleep, nothing else on the authority's cores.
    Latency,
    /// What helps both and costs neither much.
    #[default]
    Balanced,
}

impl Profile {
    /// The word for it, as on the command line and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::Balanced => "balanced",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}
