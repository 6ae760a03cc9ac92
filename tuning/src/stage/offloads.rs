//! What the device and the kernel do for many packets at once.
//!
//! Receiving and sending one datagram a packet costs 0.2 to 1.2 microseconds each; merged on receipt (GRO) and split by
//! the device or just before it (UDP segmentation), 0.02 to 0.04. No other setting of an interface is worth as much.

use crate::kind::{At, Kind, Scope, Wanted};
use crate::nic_control::NicSetting;
use crate::notation::Notation;

const SOURCE: &str = "Documentation/networking/segmentation-offloads.rst; udp(7): UDP_SEGMENT, UDP_GRO";
const OTHERS: &str = "network managers' .link files; vendors' tuning scripts; bridges and bonds that turn LRO off";

/// One switch of an interface.
const fn switch(
    name: &'static str,
    setting: NicSetting,
    reasons: [&'static str; 3],
    kernel: &'static str,
    want: fn(&crate::kind::Ask<'_>) -> Wanted,
) -> Kind {
    let [what, why, risk] = reasons;
    Kind {
        name,
        what,
        why,
        risk,
        source: SOURCE,
        kernel,
        others: OTHERS,
        scope: Scope::Nics,
        at: At::Nic(setting),
        notation: Notation::Word,
        want,
    }
}

pub(super) const KINDS: &[Kind] = &[
    switch(
        "nic.rx_checksum",
        NicSetting::Feature("rx-checksum"),
        [
            "whether the device checks the sums of what it receives",
            "without it the kernel checks each packet, and merges none",
            "a device that checks wrongly lets damaged packets pass; the authority's signatures catch them",
        ],
        "2.6",
        |_| Wanted::exactly("on"),
    ),
    switch(
        "nic.gro",
        NicSetting::Feature("rx-gro"),
        [
            "whether the kernel merges received packets of one flow",
            "the authority's sockets ask for merged datagrams: 0.02 to 0.04 us each instead of 0.2 to 0.7",
            "a packet that could be merged waits for the end of its poll, a few microseconds",
        ],
        "2.6.29; for UDP sockets 5.0",
        |_| Wanted::exactly("on"),
    ),
    switch(
        "nic.gro_list",
        NicSetting::Feature("rx-gro-list"),
        [
            "whether merged packets are kept as a list, to be forwarded as they came",
            "a list is taken apart again before a socket gets it, so that merging costs and saves nothing",
            "a router for UDP forwards more slowly without it",
        ],
        "5.6",
        |_| Wanted::exactly("off"),
    ),
    switch(
        "nic.tx_checksum",
        NicSetting::Feature("tx-checksum-ip-generic"),
        [
            "whether the device computes the sums of what it sends",
            "segmentation by the device needs it, and the kernel would touch every octet again",
            "none known on devices that offer it",
        ],
        "2.6.39",
        |_| Wanted::exactly("on"),
    ),
    switch(
        "nic.gso",
        NicSetting::Feature("tx-generic-segmentation"),
        [
            "whether the kernel splits a train of datagrams just before the driver",
            "the authority sends replies to one peer as a train: 0.02 to 0.04 us each instead of 0.7 to 1.2",
            "none; the packets on the wire are the same",
        ],
        "2.6.18; for UDP 4.18",
        |_| Wanted::exactly("on"),
    ),
    switch(
        "nic.udp_segmentation",
        NicSetting::Feature("tx-udp-segmentation"),
        [
            "whether the device splits a train of UDP datagrams itself",
            "the kernel hands it one packet instead of dozens",
            "early firmware of some devices splits wrongly: compare what arrives",
        ],
        "4.18",
        |_| Wanted::exactly("on"),
    ),
];
