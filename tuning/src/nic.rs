//! Network interfaces.

use serde::Serialize;

use crate::sysroot::Sysroot;

/// One network interface. From `sys/class/net/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nic {
    /// The interface's name.
    pub name: String,
    /// The driver of the device behind it; `None` for interfaces without a device (loopback, bridges, tunnels).
    pub driver: Option<String>,
    /// Receive queues: as many cores as this can take packets from it at once.
    pub receive_queue_count: Option<usize>,
    /// Transmit queues.
    pub transmit_queue_count: Option<usize>,
    /// The largest packet, octets.
    pub mtu_bytes: Option<u32>,
    /// Link speed, 10^6 bits per second; `None` when the link is down or the device does not say.
    pub speed_mbps: Option<u32>,
    /// `up`, `down`, `unknown` (loopback and some virtual ones, which work), ...
    pub operstate: Option<String>,
    /// The memory node the device hangs on; `None` when the machine has one or does not say.
    pub node_index: Option<usize>,
    /// The interrupts of the device behind it, or of its parent where that is a virtio device; `None` without a device.
    pub interrupts: Option<Vec<usize>>,
}

impl Nic {
    /// Every interface, by name; `None` when the machine exposes none.
    pub(crate) fn read_all(sysroot: Sysroot<'_>) -> Option<Vec<Self>> {
        let names = sysroot.names("sys/class/net")?;
        // Plain files live there too (`bonding_masters`).
        let interfaces = names.into_iter().filter(|name| sysroot.is_directory(&format!("sys/class/net/{name}")));
        Some(interfaces.map(|name| Self::read(sysroot, name)).collect())
    }

    /// Whether it has a device and is not down: packets come by it.
    pub(crate) fn is_wired(&self) -> bool {
        self.driver.is_some() && self.operstate.as_deref() != Some("down")
    }

    fn read(sysroot: Sysroot<'_>, name: String) -> Self {
        let folder = format!("sys/class/net/{name}");
        let queues = sysroot.names(&format!("{folder}/queues"));
        let count = |prefix| queues.as_ref().map(|names| names.iter().filter(|name| name.starts_with(prefix)).count());
        Self {
            driver: sysroot.link_name(&format!("{folder}/device/driver")),
            receive_queue_count: count("rx-"),
            transmit_queue_count: count("tx-"),
            mtu_bytes: sysroot.number(&format!("{folder}/mtu")),
            // Unknown speeds read as -1, which is no `u32`, or cannot be read at all.
            speed_mbps: sysroot.number(&format!("{folder}/speed")).filter(|speed| *speed != u32::MAX),
            operstate: sysroot.word(&format!("{folder}/operstate")),
            node_index: sysroot.number(&format!("{folder}/device/numa_node")),
            interrupts: interrupts(sysroot, &folder),
            name,
        }
    }
}

fn interrupts(sysroot: Sysroot<'_>, folder: &str) -> Option<Vec<usize>> {
    let of = |device: &str| sysroot.numbered(&format!("{folder}/{device}/msi_irqs"), "");
    of("device").or_else(|| of("device/.."))
}
