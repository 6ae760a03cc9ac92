//! How long an interrupt waits for company.
//!
//! One interrupt for many packets saves throughput a great deal: it is what GRO merges within. Each microsecond of it is
//! a microsecond of every reply.

use crate::kind::{At, Kind, Scope, Wanted};
use crate::nic_control::NicSetting;
use crate::notation::Notation;

/// The wait that throughput takes where the driver does not choose itself, microseconds: some fifty packets at a million
/// a second, about what one segmented train holds.
const WAIT_THROUGHPUT_US: u32 = 50;

/// What sending waits even for short replies, microseconds: it only frees buffers.
const WAIT_SENT_US: u32 = 8;

const SOURCE: &str = "Documentation/networking/ethtool-netlink.rst: COALESCE_SET; ethtool(8)";
const OTHERS: &str = "drivers that adapt by themselves; network managers' .link files; vendors' tuning scripts";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "nic.coalesce_adaptive_rx",
        what: "whether the driver chooses the receive interrupt's delay by load",
        why: "it gathers under load, which saves throughput, and guesses wrong at the start of each burst",
        risk: "off, a flood interrupts the core for each packet",
        source: SOURCE,
        kernel: "5.7",
        others: OTHERS,
        scope: Scope::Nics,
        at: At::Nic(NicSetting::CoalesceAdaptiveRx),
        notation: Notation::Word,
        want: |ask| ask.by_profile(Wanted::exactly("on"), Wanted::exactly("off"), Wanted::Keep),
    },
    Kind {
        name: "nic.coalesce_rx_usecs",
        what: "microseconds that a receive interrupt waits for more packets",
        why: "each is a microsecond of every reply, and a chance to merge packets",
        risk: "at 0 a flood interrupts the core for each packet",
        source: SOURCE,
        kernel: "5.7",
        others: OTHERS,
        scope: Scope::Nics,
        at: At::Nic(NicSetting::CoalesceRxUsecs),
        notation: Notation::Number,
        // With the driver choosing, the number is the driver's and moves by itself.
        want: |ask| ask.by_profile(unless_adaptive(ask), Wanted::exactly(0), Wanted::Keep),
    },
    Kind {
        name: "nic.coalesce_tx_usecs",
        what: "microseconds that a send interrupt waits for more packets",
        why: "it frees the buffers of what was sent; no reply waits for it, and each interrupt takes from the shard",
        risk: "long waits hold buffers and may starve small send rings",
        source: SOURCE,
        kernel: "5.7",
        others: OTHERS,
        scope: Scope::Nics,
        at: At::Nic(NicSetting::CoalesceTxUsecs),
        notation: Notation::Number,
        want: |ask| {
            ask.by_profile(Wanted::AtLeast(WAIT_THROUGHPUT_US.into()), Wanted::exactly(WAIT_SENT_US), Wanted::Keep)
        },
    },
];

fn unless_adaptive(ask: &crate::kind::Ask<'_>) -> Wanted {
    let crate::knob::Target::Nic(nic) = ask.target else { return Wanted::Absent };
    let adaptive = ask.ground.controls.nics.read(nic, NicSetting::CoalesceAdaptiveRx);
    if adaptive.is_ok() { Wanted::Keep } else { Wanted::AtLeast(WAIT_THROUGHPUT_US.into()) }
}
