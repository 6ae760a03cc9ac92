//! How much an interface's rings hold.
//!
//! What arrives while the core that empties a ring does something else must fit into it: a thousand slots are a
//! millisecond at a million packets a second. Slots beyond what the cache holds cost a miss each.

use crate::kind::{At, Kind, Scope};
use crate::nic_control::NicSetting;
use crate::notation::Notation;

/// A millisecond of a million packets a second.
const SLOTS_LATENCY: u32 = 1024;
/// Two.
const SLOTS_BALANCED: u32 = 2048;
/// Four, and about what a second-level cache holds of descriptors and first lines.
const SLOTS_THROUGHPUT: u32 = 4096;

const RISK: &str = "most drivers stop the interface for a moment; larger rings take memory and, when they fill, let packets \
                    wait longer";
const SOURCE: &str = "Documentation/networking/ethtool-netlink.rst: RINGS_SET";
const OTHERS: &str = "network managers' .link files (RxBufferSize=, TxBufferSize=); vendors' tuning scripts";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "nic.ring_rx",
        what: "slots of each receive ring",
        why: "datagrams that find the ring full are dropped by the device, and each must be sent again",
        risk: RISK,
        source: SOURCE,
        kernel: "5.7",
        others: OTHERS,
        scope: Scope::Nics,
        at: At::Nic(NicSetting::RingRx),
        notation: Notation::Number,
        want: |ask| ask.within_max(ask.by_profile(SLOTS_THROUGHPUT, SLOTS_LATENCY, SLOTS_BALANCED)),
    },
    Kind {
        name: "nic.ring_tx",
        what: "slots of each send ring",
        why: "replies that find the ring full wait in a queue of the kernel",
        risk: RISK,
        source: SOURCE,
        kernel: "5.7",
        others: OTHERS,
        scope: Scope::Nics,
        at: At::Nic(NicSetting::RingTx),
        notation: Notation::Number,
        want: |ask| ask.within_max(ask.by_profile(SLOTS_BALANCED, SLOTS_LATENCY, SLOTS_LATENCY)),
    },
];
