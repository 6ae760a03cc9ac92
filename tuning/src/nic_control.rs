//! What the tuner asks of a network interface: one setting read, one setting written.
//!
//! Settings that the kernel keeps in sysfs or procfs are files like any other and do not pass here. These are the ones
//! that only the ethtool interface knows. The caller names a setting, never a message or an ioctl, so that the plan can
//! be tried against interfaces that are not at hand.
//!
//! Source: kernel `Documentation/networking/ethtool-netlink.rst`, `include/uapi/linux/ethtool_netlink.h`.
use std::fmt;

use rustix::io::Errno;

/// One setting of an interface, as the kernel counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NicSetting {
    /// Queues that both receive and send. [`NicValue::Number`], with the most that the device has.
    ChannelsCombined,
    /// Queues that only receive, where the driver counts them apart (veth). As [`NicSetting::ChannelsCombined`].
    ChannelsRx,
    /// Queues that only send, where the driver counts them apart. As [`NicSetting::ChannelsCombined`].
    ChannelsTx,
    /// Slots of each receive ring. [`NicValue::Number`], with the most that the device has.
    RingRx,
    /// Slots of each send ring. [`NicValue::Number`], with the most that the device has.
    RingTx,
    /// Whether the driver chooses the receive interrupt's delay itself. [`NicValue::Bool`].
    CoalesceAdaptiveRx,
    /// Microseconds that a receive interrupt waits for more packets. [`NicValue::Number`], without a bound.
    CoalesceRxUsecs,
    /// Microseconds that a send interrupt waits for more packets. [`NicValue::Number`], without a bound.
    CoalesceTxUsecs,
    /// An offload by the kernel's own name (`rx-gro`, `tx-udp-segmentation`), not by ethtool's. [`NicValue::Bool`].
    Feature(&'static str),
    /// What of a UDP over IPv4 packet chooses its receive queue. [`NicValue::Text`] in ethtool's letters: `sd` for the
    /// addresses, `sdfn` for addresses and ports.
    RssHashUdp4,
    /// Which receive queue each slot of the hash leads to. [`NicValue::Text`]: `equal N` where the slots go round over
    /// queues 0 to N - 1, else the queues slot by slot, separated by spaces.
    RssTable,
}

impl fmt::Display for NicSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ChannelsCombined => "channels.combined",
            Self::ChannelsRx => "channels.rx",
            Self::ChannelsTx => "channels.tx",
            Self::RingRx => "ring.rx",
            Self::RingTx => "ring.tx",
            Self::CoalesceAdaptiveRx => "coalesce.adaptive-rx",
            Self::CoalesceRxUsecs => "coalesce.rx-usecs",
            Self::CoalesceTxUsecs => "coalesce.tx-usecs",
            Self::Feature(name) => return write!(formatter, "feature.{name}"),
            Self::RssHashUdp4 => "rss.hash-udp4",
            Self::RssTable => "rss.table",
        })
    }
}

/// What a setting is, or shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NicValue {
    /// A count or a time.
    Number {
        /// What is in force, or shall be.
        current: u32,
        /// The most that the device takes, where it says. Not looked at by a write.
        max: Option<u32>,
    },
    /// A switch.
    Bool {
        /// Whether it is on, or shall be.
        on: bool,
        /// Whether the driver refuses to move it. Not looked at by a write.
        fixed: bool,
    },
    /// What is neither: see the setting.
    Text(String),
}

impl NicValue {
    /// A number to be written.
    #[must_use]
    pub fn number(current: u32) -> Self {
        Self::Number { current, max: None }
    }

    /// A switch to be thrown.
    #[must_use]
    pub fn switch(on: bool) -> Self {
        Self::Bool { on, fixed: false }
    }
}

/// The value alone, without bounds: `on`, `off`, the number, the text.
impl fmt::Display for NicValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { current, .. } => write!(formatter, "{current}"),
            Self::Bool { on, .. } => formatter.write_str(if *on { "on" } else { "off" }),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

/// Why a setting was not read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NicError {
    /// The driver, the device or the kernel has no such setting.
    #[error("the interface has no such setting")]
    NotSupported,
    /// The driver has the setting and lets nobody move it.
    #[error("the driver holds this setting fixed")]
    Fixed,
    /// The kernel refused or failed.
    #[error("the kernel answered {0}")]
    Io(Errno),
    /// The kernel refused, and the driver or the kernel said why.
    #[error("the kernel answered {errno}: {reason}")]
    Refused {
        /// What the kernel answered.
        errno: Errno,
        /// The words that came with it (netlink's extended acknowledgement).
        reason: String,
    },
    /// The interface is not there (any more).
    #[error("there is no such interface")]
    Gone,
}

/// Reads and writes settings of the interfaces of one network namespace.
pub trait NicControl {
    /// What the setting is now. Opens nothing for writing.
    ///
    /// # Errors
    /// [`NicError`], by what the interface is or the kernel said.
    fn read(&self, nic: &str, setting: NicSetting) -> Result<NicValue, NicError>;

    /// Makes the setting the value. Does not read it back: a driver may round.
    ///
    /// # Errors
    /// [`NicError`], by what the interface is or the kernel said.
    fn write(&self, nic: &str, setting: NicSetting, value: &NicValue) -> Result<(), NicError>;
}
