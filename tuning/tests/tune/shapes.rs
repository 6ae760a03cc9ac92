//! Machines, as their kernels show them.

use crate::tree::{CPU, Tree};

/// A name and how it is built.
type Shape = (&'static str, fn() -> Tree);

/// The machines that golden outputs are kept of.
pub(crate) const SHAPES: [Shape; 4] =
    [("desktop", desktop), ("two_sockets", two_sockets), ("cloud", cloud), ("small_guest", small_guest)];

/// Values that most distributions start with.
fn defaults(tree: &Tree, core_count: usize) {
    let all = if core_count == 1 { "0".to_owned() } else { format!("0-{}", core_count - 1) };
    tree.write(&format!("{CPU}/present"), &all).write(&format!("{CPU}/online"), &all);
    tree.write(&format!("{CPU}/isolated"), "").write("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet");
    tree.write("proc/self/status", &format!("CapEff:\t0000000000000000\nCpus_allowed_list:\t{all}"));
    tree.write("proc/self/uid_map", "0 0 4294967295").write("proc/sys/kernel/random/boot_id", "1e4a-boot");
    let limits = "Max open files  1024  524288  files\nMax locked memory  8388608  8388608  bytes";
    tree.write("proc/self/limits", limits);
    tree.writes(
        "proc/sys/net/core",
        &[
            ("rmem_max", "212992"),
            ("wmem_max", "212992"),
            ("netdev_max_backlog", "1000"),
            ("netdev_budget", "300"),
            ("busy_read", "0"),
            ("busy_poll", "0"),
            ("default_qdisc", "fq_codel"),
            ("rps_sock_flow_entries", "0"),
        ],
    );
    tree.writes(
        "proc/sys/kernel",
        &[
            ("osrelease", "6.12.0-example"),
            ("numa_balancing", "0"),
            ("nmi_watchdog", "1"),
            ("watchdog_cpumask", &all),
            ("timer_migration", "1"),
            ("io_uring_disabled", "0"),
            ("io_uring_group", "-1"),
        ],
    );
    tree.writes("proc/sys/vm", &[("zone_reclaim_mode", "0"), ("stat_interval", "1")]);
    tree.write("sys/devices/virtual/workqueue/cpumask", &mask(core_count));
    tree.write("proc/irq/default_smp_affinity", &mask(core_count));
    let pages = "sys/kernel/mm/transparent_hugepage";
    tree.write(&format!("{pages}/enabled"), "always [madvise] never");
    tree.write(&format!("{pages}/defrag"), "always defer defer+madvise [madvise] never");
    clock(tree, "tsc", "tsc hpet acpi_pm");
    tree.writes(
        &format!("{CPU}/vulnerabilities"),
        &[
            ("meltdown", "Not affected"),
            ("spectre_v1", "Mitigation: usercopy/swapgs barriers and __user pointer sanitization"),
        ],
    );
}

/// The lowest cores, as the kernel writes a mask: groups of 32 bits.
fn mask(core_count: usize) -> String {
    let group_count = core_count.div_ceil(32);
    let group = |index: usize| {
        let bits = (core_count - index * 32).min(32);
        format!("{:x}", (1_u64 << bits) - 1)
    };
    (0..group_count).rev().map(group).collect::<Vec<_>>().join(",")
}

fn clock(tree: &Tree, current: &str, available: &str) {
    let folder = "sys/devices/system/clocksource/clocksource0";
    tree.writes(folder, &[("current_clocksource", current), ("available_clocksource", available)]);
}

fn cpuinfo(tree: &Tree, model: &str, flags: &str, memory_kb: usize) {
    tree.write("proc/cpuinfo", &format!("processor\t: 0\nmodel name\t: {model}\nflags\t\t: fpu {flags}"));
    let memory = format!("MemTotal: {memory_kb} kB\nMemAvailable: {} kB\nSwapTotal: 0 kB", memory_kb / 2);
    tree.write("proc/meminfo", &memory);
}

fn core(tree: &Tree, index: usize, package: usize, core_id: usize, threads: &str) {
    let folder = format!("{CPU}/cpu{index}/topology");
    let (package, core_id) = (package.to_string(), core_id.to_string());
    tree.writes(&folder, &[("physical_package_id", &package), ("core_id", &core_id), ("core_cpus_list", threads)]);
}

fn frequency(tree: &Tree, index: usize, governor: &str, offered: &str, preference: Option<&str>) {
    let folder = format!("{CPU}/cpu{index}/cpufreq");
    tree.writes(&folder, &[("scaling_governor", governor), ("scaling_available_governors", offered)]);
    if let Some(preference) = preference {
        tree.write(&format!("{folder}/energy_performance_preference"), preference);
    }
}

/// Idle states by the microseconds of the way out.
fn idle_states(tree: &Tree, index: usize, latencies_us: &[u32]) {
    for (number, latency_us) in latencies_us.iter().enumerate() {
        let folder = format!("{CPU}/cpu{index}/cpuidle/state{number}");
        tree.writes(&folder, &[("latency", &latency_us.to_string()), ("disable", "0")]);
    }
}

fn node(tree: &Tree, index: usize, cores: &str, distance: &str) {
    let folder = format!("sys/devices/system/node/node{index}");
    let memory = format!("Node {index} MemTotal: 65536000 kB\nNode {index} MemFree: 60000000 kB");
    tree.writes(&folder, &[("cpulist", cores), ("distance", distance), ("meminfo", &memory)]);
}

fn disk(tree: &Tree, name: &str, scheduler: &str, cache: &str, rotational: &str) {
    tree.write(&format!("sys/block/{name}/device/model"), "example");
    let queue = format!("sys/block/{name}/queue");
    let files = [("scheduler", scheduler), ("write_cache", cache), ("rotational", rotational), ("rq_affinity", "1")];
    tree.writes(&queue, &files);
}

/// The interrupts of `/proc/interrupts`, each open to all cores.
fn interrupts(tree: &Tree, core_count: usize, lines: &[(usize, &str)]) {
    let line = |(irq, name): &(usize, &str)| format!(" {irq}:  {}  PCI-MSI  {name}\n", "7 ".repeat(core_count));
    let table: String = lines.iter().map(line).collect();
    tree.write("proc/interrupts", &format!("{table}NMI: 0 Non-maskable interrupts"));
    for (irq, _) in lines {
        tree.write(&format!("proc/irq/{irq}/smp_affinity_list"), &format!("0-{}", core_count - 1));
    }
}

struct Nic<'a> {
    name: &'a str,
    driver: &'a str,
    queues: (usize, usize),
    irqs: &'a [usize],
    /// Whether the interrupts are the parent's of a virtio device.
    is_virtio: bool,
    ethtool: &'a [(&'a str, &'a str)],
}

fn nic(tree: &Tree, nic: &Nic<'_>) {
    let Nic { name, driver, queues, irqs, is_virtio, ethtool } = nic;
    let folder = format!("sys/class/net/{name}");
    tree.writes(
        &folder,
        &[
            ("mtu", "1500"),
            ("operstate", "up"),
            ("gro_flush_timeout", "0"),
            ("napi_defer_hard_irqs", "0"),
            ("tx_queue_len", "1000"),
        ],
    );
    for queue in 0..queues.0 {
        tree.writes(&format!("{folder}/queues/rx-{queue}"), &[("rps_cpus", "0"), ("rps_flow_cnt", "0")]);
    }
    for queue in 0..queues.1 {
        tree.write(&format!("{folder}/queues/tx-{queue}/traffic_class"), "0");
        if queues.1 > 1 {
            tree.write(&format!("{folder}/queues/tx-{queue}/xps_cpus"), "0");
        }
    }
    // `device` is a link; a virtio device's parent has the interrupts.
    let device = if *is_virtio { format!("sys/devices/pci/{name}/virtio0") } else { format!("sys/devices/pci/{name}") };
    tree.link(&format!("{device}/driver"), &format!("../../bus/drivers/{driver}"));
    tree.link(&format!("{folder}/device"), tree.root().join(&device).to_str().expect("a plain path"));
    for irq in *irqs {
        tree.write(&format!("sys/devices/pci/{name}/msi_irqs/{irq}"), "msix");
    }
    tree.writes(&format!("ethtool/{name}"), ethtool);
    tree.writes("sys/class/net/lo", &[("mtu", "65536"), ("operstate", "unknown")]);
}

/// A process's name.
fn process(tree: &Tree, number: usize, name: &str) {
    tree.write(&format!("proc/{number}/comm"), name);
}

/// Eight cores of two threads (siblings are N and N + 8), one 2.5-gigabit NIC with four queues, a desktop's daemons.
pub(crate) fn desktop() -> Tree {
    let tree = Tree::empty();
    defaults(&tree, 16);
    cpuinfo(&tree, "Example Desktop 8C16T", "avx2 sha_ni", 32_000_000);
    tree.write(&format!("{CPU}/smt/active"), "1");
    for index in 0..16 {
        let first = index % 8;
        core(&tree, index, 0, first, &format!("{first},{}", first + 8));
        frequency(&tree, index, "powersave", "performance powersave", Some("balance_performance"));
        idle_states(&tree, index, &[0, 2, 10, 170]);
    }
    node(&tree, 0, "0-15", "10");
    let lines = [
        (0, "timer"),
        (1, "i8042"),
        (8, "rtc0"),
        (120, "eth0"),
        (121, "eth0-TxRx-0"),
        (122, "eth0-TxRx-1"),
        (123, "eth0-TxRx-2"),
        (124, "eth0-TxRx-3"),
        (130, "nvme0q0"),
        (131, "nvme0q1"),
    ];
    interrupts(&tree, 16, &lines);
    tree.write("sys/kernel/debug/irq/irqs/131", "dstate: 0x1\n IRQD_AFFINITY_MANAGED");
    let ethtool = [
        ("channels.combined", "4 max 4"),
        ("ring.rx", "256 max 4096"),
        ("ring.tx", "256 max 4096"),
        ("coalesce.rx-usecs", "3"),
        ("coalesce.tx-usecs", "3"),
        ("feature.rx-checksum", "on"),
        ("feature.rx-gro", "on"),
        ("feature.rx-gro-list", "off"),
        ("feature.tx-checksum-ip-generic", "on"),
        ("feature.tx-generic-segmentation", "on"),
        ("feature.tx-udp-segmentation", "on"),
        ("feature.rx-ntuple-filter", "off"),
        ("rss.hash-udp4", "sd"),
        ("rss.table", "equal 4"),
    ];
    let irqs = [120, 121, 122, 123, 124];
    nic(&tree, &Nic { name: "eth0", driver: "igc", queues: (4, 4), irqs: &irqs, is_virtio: false, ethtool: &ethtool });
    disk(&tree, "nvme0n1", "[none] mq-deadline kyber bfq", "write back", "0");
    process(&tree, 712, "power-profiles-");
    process(&tree, 713, "thermald");
    tree
}

/// Two sockets of 32 cores with two threads each (siblings are N and N + 64), a node each, a 100-gigabit NIC with 64
/// queues on the second.
pub(crate) fn two_sockets() -> Tree {
    let tree = Tree::empty();
    defaults(&tree, 128);
    cpuinfo(&tree, "Example Server 32C64T", "avx2 avx512f avx512ifma sha_ni", 528_000_000);
    tree.write(&format!("{CPU}/smt/active"), "1").write("proc/sys/kernel/numa_balancing", "1");
    tree.write("proc/sys/net/core/rmem_max", "16777216");
    for index in 0..128 {
        let first = index % 64;
        core(&tree, index, first / 32, first % 32, &format!("{first},{}", first + 64));
        frequency(&tree, index, "schedutil", "conservative ondemand userspace powersave performance schedutil", None);
        idle_states(&tree, index, &[0, 1, 400]);
    }
    node(&tree, 0, "0-31,64-95", "10 32");
    node(&tree, 1, "32-63,96-127", "32 10");
    let mut lines = vec![(0, "timer".to_owned()), (90, "nvme0q0".to_owned())];
    lines.push((200, "mlx5_async0@pci:0000:c1:00.0".to_owned()));
    lines.extend((0..64).map(|queue| (201 + queue, format!("mlx5_comp{queue}@pci:0000:c1:00.0"))));
    let lines: Vec<(usize, &str)> = lines.iter().map(|(irq, name)| (*irq, name.as_str())).collect();
    interrupts(&tree, 128, &lines);
    let ethtool = [
        ("channels.combined", "64 max 64"),
        ("ring.rx", "1024 max 8192"),
        ("ring.tx", "1024 max 8192"),
        ("coalesce.adaptive-rx", "on"),
        ("coalesce.rx-usecs", "8"),
        ("coalesce.tx-usecs", "8"),
        ("feature.rx-checksum", "on"),
        ("feature.rx-gro", "on"),
        ("feature.rx-gro-list", "off"),
        ("feature.tx-checksum-ip-generic", "on"),
        ("feature.tx-generic-segmentation", "on"),
        ("feature.tx-udp-segmentation", "off"),
        ("feature.rx-ntuple-filter", "off"),
        ("rss.hash-udp4", "sdfn"),
        ("rss.table", "equal 64"),
    ];
    let irqs: Vec<usize> = (200..265).collect();
    let shape =
        Nic { name: "ens1", driver: "mlx5_core", queues: (64, 64), irqs: &irqs, is_virtio: false, ethtool: &ethtool };
    nic(&tree, &shape);
    tree.write("sys/devices/pci/ens1/numa_node", "1");
    disk(&tree, "nvme0n1", "none [mq-deadline] kyber", "write through", "0");
    disk(&tree, "sda", "none [mq-deadline]", "write back", "1");
    tree
}

/// Four virtual cores of two threads (siblings are N and N + 2), an ENA interface, a clock of the hypervisor, irqbalance.
pub(crate) fn cloud() -> Tree {
    let tree = Tree::empty();
    defaults(&tree, 4);
    cpuinfo(&tree, "Example Cloud", "avx2 avx512f avx512ifma sha_ni hypervisor", 16_000_000);
    tree.write(&format!("{CPU}/smt/active"), "1");
    for index in 0..4 {
        let first = index % 2;
        core(&tree, index, 0, first, &format!("{first},{}", first + 2));
        idle_states(&tree, index, &[0, 2, 130]);
    }
    clock(&tree, "hpet", "kvm-clock tsc hpet acpi_pm");
    tree.write("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never");
    tree.write("proc/sys/kernel/io_uring_disabled", "2");
    let lines = [
        (0, "timer"),
        (4, "ttyS0"),
        (24, "nvme0q0"),
        (25, "nvme0q1"),
        (27, "ena-mgmnt@pci:0000:00:05.0"),
        (28, "eth0-Tx-Rx-0"),
        (29, "eth0-Tx-Rx-1"),
        (30, "eth0-Tx-Rx-2"),
        (31, "eth0-Tx-Rx-3"),
    ];
    interrupts(&tree, 4, &lines);
    let ethtool = [
        ("channels.combined", "4 max 4"),
        ("ring.rx", "1024 max 16384"),
        ("ring.tx", "1024 max 1024"),
        ("coalesce.adaptive-rx", "off"),
        ("coalesce.rx-usecs", "20"),
        ("coalesce.tx-usecs", "64"),
        ("feature.rx-checksum", "on fixed"),
        ("feature.rx-gro", "off"),
        ("feature.rx-gro-list", "off"),
        ("feature.tx-checksum-ip-generic", "off fixed"),
        ("feature.tx-generic-segmentation", "on"),
        ("feature.tx-udp-segmentation", "off fixed"),
        ("rss.table", "equal 4"),
    ];
    let irqs = [27, 28, 29, 30, 31];
    nic(&tree, &Nic { name: "eth0", driver: "ena", queues: (4, 4), irqs: &irqs, is_virtio: false, ethtool: &ethtool });
    disk(&tree, "nvme0n1", "none [mq-deadline] kyber", "write back", "0");
    process(&tree, 402, "irqbalance");
    tree
}

/// Two virtual cores of a micro virtual machine: one queue, few files.
pub(crate) fn small_guest() -> Tree {
    let tree = Tree::empty();
    defaults(&tree, 2);
    cpuinfo(&tree, "AMD EPYC", "avx2 avx512f avx512ifma sha_ni hypervisor", 24_000_000);
    tree.write(&format!("{CPU}/smt/active"), "0");
    for index in 0..2 {
        core(&tree, index, 0, index, &index.to_string());
        idle_states(&tree, index, &[0, 1]);
    }
    tree.writes(
        "proc/sys/net/core",
        &[("rmem_max", "4194304"), ("wmem_max", "4194304"), ("default_qdisc", "pfifo_fast")],
    );
    tree.write("proc/sys/kernel/nmi_watchdog", "0").write("proc/sys/kernel/osrelease", "6.18.44-guest");
    clock(&tree, "tsc", "tsc kvm-clock");
    tree.write(&format!("{CPU}/vulnerabilities/spec_store_bypass"), "Vulnerable");
    let lines = [
        (24, "ACPI:Ged"),
        (26, "ttyS0"),
        (36, "virtio1-req.0"),
        (37, "virtio2-config"),
        (38, "virtio2-input.0"),
        (39, "virtio2-output.0"),
    ];
    interrupts(&tree, 2, &lines);
    tree.write("proc/irq/36/smp_affinity_list", "1");
    let ethtool = [
        ("channels.combined", "1 max 1"),
        ("ring.rx", "256 max 256"),
        ("ring.tx", "256 max 256"),
        ("feature.rx-checksum", "on fixed"),
        ("feature.rx-gro", "on"),
        ("feature.tx-generic-segmentation", "on"),
        ("feature.tx-udp-segmentation", "off fixed"),
    ];
    let irqs = [37, 38, 39];
    nic(
        &tree,
        &Nic { name: "eth0", driver: "virtio_net", queues: (1, 1), irqs: &irqs, is_virtio: true, ethtool: &ethtool },
    );
    disk(&tree, "vda", "none [mq-deadline] kyber bfq", "write back", "1");
    tree
}
